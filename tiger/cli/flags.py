"""Flags that are derived from hyper-parameters, and references to datasets and runs."""

import argparse
import json
from typing import Any, NoReturn

from tiger.core import params, remedies
from tiger.datasets.reference import DatasetRef
from tiger.runs.config import flag

Output = dict[str, Any]
"""What a command found, one JSON object: ``--json`` prints it."""
OWN_FLAGS = ("align", "collision_token", "n_codes")


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaint is one sentence."""

    def __init__(self, prog: str = "", description: str = "", **more: Any):
        super().__init__(prog=prog, description=description, allow_abbrev=False, **more)

    def error(self, message: str) -> NoReturn:
        words = f"{self.prog.removeprefix('python -m ')}: {message}"
        self.exit(2, f"{words.rstrip('.')}. Try {self.prog} --help.\n")


def add_specs(parser: argparse.ArgumentParser, cls: type, title: str, prefix: str = "") -> None:
    """One flag per hyper-parameter of a dataclass, with its help, bounds and default."""
    group = parser.add_argument_group(title)
    for spec in params.specs(cls):
        words = f"{spec.help} {_limits(spec)}".replace("%", "%%")
        former = [old for old, new in getattr(cls, "former_names", {}).items() if new == spec.name]
        for name, said in ((spec.name, words), *((name, argparse.SUPPRESS) for name in former)):
            how: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if spec.kind is bool else {
                "type": reader(spec), "metavar": spec.kind.__name__.upper() + "[,...]" * spec.listed}
            group.add_argument(flag(name, prefix), dest=f"{prefix}{spec.name}", default=argparse.SUPPRESS, help=said, **how)


def given_specs(args: argparse.Namespace, cls: type, prefix: str = "") -> dict[str, Any]:
    """The hyper-parameters that were given on the command line."""
    found = vars(args)
    return {spec.name: found[prefix + spec.name] for spec in params.specs(cls) if prefix + spec.name in found}


def reader(spec: params.Spec) -> Any:
    """What reads one hyper-parameter from the command line."""
    def read(text: str) -> Any:
        try:
            return params.check(spec, None if text == "none" and spec.optional else text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    return read


def whole(name: str, low: int) -> Any:
    """What reads a whole number of at least ``low``."""
    return reader(params.Spec(name, int, None, "", low=low))


def _limits(spec: params.Spec) -> str:
    if spec.choices is not None:
        limits = "|".join(map(str, spec.choices))
    elif spec.low is not None and spec.high is not None:
        limits = f"{spec.low:g} to {spec.high:g}"
    else:
        limits = ""
    default = f"default {params.text(spec.default)}" if spec.default != "" else ""
    words = "; ".join(filter(None, [limits, default]))
    return f"({words})" if words else ""


def peek(rest: list[str], name: str, fallback: str) -> str:
    """The value of a flag before the parser is built, because other flags depend on it."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument(name, dest="found", default=fallback)
    try:
        return str(early.parse_known_args(rest)[0].found)
    except (argparse.ArgumentError, SystemExit):
        return fallback


def peek_word(rest: list[str], known: dict[str, bool]) -> str:
    """The first word that is neither a flag nor a flag's value; empty where there is none.

    Args:
        known: the flags by name, and whether it is a switch; every other flag takes one value.
    """
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    early.add_argument("found", nargs="?", default="")
    for name, switch in known.items():
        early.add_argument(name, action=argparse.BooleanOptionalAction if switch else "store")
    try:
        return str(early.parse_known_args(rest)[0].found)
    except (argparse.ArgumentError, SystemExit):
        return ""


def add_dataset(parser: argparse.ArgumentParser, rest: list[str], flag_name: str = "--dataset",
                default: str | None = "synthetic") -> None:
    """``--dataset NAME`` and the chosen source's own flags (``--data-...``), ``--embedding`` and its flags."""
    from tiger import datasets
    parser.add_argument(flag_name, dest="dataset", default=default, choices=list(datasets.REGISTRY), metavar="NAME",
                        help=f"{' | '.join(datasets.REGISTRY)} (default {default})")
    name = peek(rest, flag_name, default or "")
    if name in datasets.REGISTRY:
        add_specs(parser, datasets.REGISTRY[name], f"dataset {name}", "data_")
    add_embedding(parser, rest)


def add_embedding(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """``--embedding METHOD`` and the method's own flags (``--embedding-...``)."""
    from tiger import datasets
    methods = list(datasets.EMBEDDINGS)
    parser.add_argument("--embedding", default="tfidf", choices=methods, metavar="METHOD",
                        help=f"{' | '.join(methods)} (default tfidf)")
    method = peek(rest, "--embedding", "tfidf")
    if method in methods:
        add_specs(parser, datasets.EMBEDDINGS[method], f"embedding {method}", "embedding_")


def dataset_ref(args: argparse.Namespace) -> DatasetRef:
    """The dataset reference that the flags describe."""
    from tiger import datasets
    embedding = {"method": args.embedding,
                 **given_specs(args, datasets.EMBEDDINGS[args.embedding], "embedding_")}
    return {"name": args.dataset, "params": given_specs(args, datasets.REGISTRY[args.dataset], "data_"),
            "embedding": embedding}


def say(args: argparse.Namespace, *words: Any) -> None:
    """Print for people; nothing where ``--json`` was asked for."""
    if not args.json:
        print(*words)


def records(frame: Any) -> list[Output]:
    """A data frame's rows, as ``table`` prints and ``--json`` writes them."""
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def table(args: argparse.Namespace, rows: list[Output]) -> None:
    """Print rows with aligned columns."""
    if args.json or not rows:
        return
    cells = [list(rows[0]), *[[_cell(value) for value in row.values()] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:z.4g}" if value == value else ""
    return value if isinstance(value, str) else json.dumps(value, default=str)


def worded(text: str) -> str:
    """A message whose remedies are named as flags."""
    return remedies.worded(text, _flag_of) if remedies.SETTING.search(text) else text


def _flag_of(name: str, value: str) -> str | None:
    from tiger import datasets
    if name in OWN_FLAGS:
        return f"{flag(name)} {value}"
    for prefix, classes in (("data_", datasets.REGISTRY), ("embedding_", datasets.EMBEDDINGS)):
        if any(spec.name == name for cls in classes.values() for spec in params.specs(cls)):
            return f"{flag(name, prefix.replace('_', '-'))} {value}"
    return None


def add_exclude_seen(parser: argparse.ArgumentParser) -> None:
    """Whether items that a user already has may be recommended."""
    parser.add_argument("--exclude-seen", action=argparse.BooleanOptionalAction, default=None,
                        help="leave out items of the user's history (default: yes where no user has an item twice)")
