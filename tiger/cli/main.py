"""``python -m tiger COMMAND``: one file a command, one for all kinds of study. A new command is one file and one line here.

Every command module has ``add(parser)``, which declares its flags, and ``run(args)``, which returns what
``--json`` prints; for people it prints as it goes along.
"""

import importlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tiger import studies
from tiger.cli import flags
from tiger.cli.flags import Parser
from tiger.core import disk, errors, paths

COMMANDS = {
    "datasets": ("tiger.cli.datasets", "list, describe and download datasets"),
    "train": ("tiger.cli.train", "train a quantizer or a recommender and keep it as a run"),
    "sweep": ("tiger.cli.sweep", "train many settings and seeds, and say which hyper-parameter mattered"),
    "evaluate": ("tiger.cli.evaluate", "measure how often a trained recommender finds the held-out item"),
    "recommend": ("tiger.cli.recommend", "recommend items to a user or for a history"),
    "compare": ("tiger.cli.compare", "compare two ID sets of one catalogue, or all measured recommenders of a dataset"),
    "encode": ("tiger.cli.encode", "turn items into semantic IDs with a trained run"),
    "doctor": ("tiger.cli.doctor", "say what ails a run or a file of semantic IDs"),
    "collisions": ("tiger.cli.collisions", "explain why items share an ID, and measure what each remedy leaves"),
    "ids": ("tiger.cli.ids", "bring in anyone's semantic IDs, take a run's IDs elsewhere"),
    "external": ("tiger.cli.external", "look into what was trained elsewhere: codebooks, logs of losses"),
    "runs": ("tiger.cli.runs", "list, compare, label, resume, stop and delete runs"),
}


def commands() -> dict[str, tuple[str, str]]:
    """Every command, kinds of study included: its module and what it does."""
    return COMMANDS | {kind: ("tiger.cli.study", words) for kind, (_, words) in studies.REGISTRY.items()}


def main(arguments: list[str]) -> int:
    """Run one command; bad input ends with one sentence on stderr and code 2."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print("\n".join(f"  {name:<12}{words}" for name, (_, words) in commands().items()))
        print("\nEach command explains itself: python -m tiger train --help")
        return 0
    name, rest = arguments[0], arguments[1:]
    if name not in commands():
        print(f"tiger: there is no command '{name}'; known are app, test, setup, {', '.join(commands())}.",
              file=sys.stderr)
        return 2
    try:
        return _run(name, rest)
    except (ValueError, OSError) as error:
        if isinstance(error, BrokenPipeError):  # somebody closed the pipe, as `| head` does
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        said = disk.full_sentence(_place(error)) if disk.is_full(error) else flags.worded(_sentence(error))
        print(f"tiger {name}: {said}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if not disk.is_full(error):
            raise
        print(f"tiger {name}: {disk.full_sentence(paths.home())}", file=sys.stderr)
        return 2


def _place(error: BaseException) -> Path:
    """Where the disk is full: the folder of the file that could not be written, or the workspace."""
    name = getattr(error, "filename", None)
    return Path(name).absolute().parent if isinstance(name, str) else paths.home()


def _sentence(error: Exception) -> str:
    """An error on one line; a library's own words with what they are put in front."""
    text = " ".join(str(error).split())
    if not isinstance(error, ValueError) or errors.ours(error):
        return text
    return f"the data cannot be used ({text[:200]}, {type(error).__name__}); check that its files are whole."


def _run(name: str, rest: list[str]) -> int:
    module, words = commands()[name]
    command: Any = importlib.import_module(module)
    if name in studies.REGISTRY:
        command = command.Command(name)
    parser = Parser(f"python -m tiger {name}", f"{words[0].upper()}{words[1:]}.")
    parser.add_argument("--json", action="store_true", help="print the result as JSON, and nothing else, on stdout")
    command.add(parser, rest)
    args = parser.parse_args(rest)
    result = command.run(args)
    if args.json:
        print(json.dumps(plain(result), default=str, allow_nan=False))
    sys.stdout.flush()
    return 0


def plain(value: Any) -> Any:
    """The same for JSON: numpy's numbers as Python's, and null for NaN and infinity, which JSON has no word for."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value
