"""Read a stranger's file in a process of its own, with bounded memory and time.

A server calls ``call``; the child runs one of ``TASKS``, which leaves npy, safetensors, Parquet and JSON files in a folder.
Nothing is pickled. A file that takes more than the limits ends the child, never the server, and is one sentence.

    python -m tiger.core.limited FOLDER      (what the server runs)
"""

import contextlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tiger.core import errors, paths

TASKS = {"semantic_ids": "tiger.semantic_ids.readers", "catalogue": "tiger.datasets.apart", "vectors": "tiger.datasets.apart",
         "codebooks": "tiger.recording.checkpoint"}
"""What may be asked for, and the module whose function ``store`` (or ``store_`` and the task's name) does it."""

MEMORY = "TIGER_READ_GB"
TIME = "TIGER_READ_SECONDS"
MEMORY_SHARE, LEAST_GB, TIME_S = 0.25, 4.0, 300.0  # of the machine's memory, but no less than 4 GB; and five minutes
QUIET = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "ARROW_DEFAULT_MEMORY_POOL": "system",
         "MALLOC_ARENA_MAX": "2", "PYTHONWARNINGS": "ignore"}


def limit(name: str) -> float:
    """The limit that the environment sets, or its default."""
    try:
        found = float(os.environ.get(name) or _default(name))
    except ValueError:
        found = 0.0
    if not 0 < found < 1e6:
        raise ValueError(f"{name} is '{os.environ.get(name)}', but must be a number above 0.")
    return found


def _default(name: str) -> float:
    if name == TIME:
        return TIME_S
    try:
        here_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    except (AttributeError, ValueError, OSError):  # Windows
        return LEAST_GB
    return max(LEAST_GB, round(MEMORY_SHARE * here_gb, 1))


@contextmanager
def call(task: str, what: str, confined: bool = True, **arguments: Any) -> Iterator[Path]:
    """Run a task in a child process; inside the block its folder holds the result.

    Args:
        task: a key of ``TASKS``.
        what: the file's name, for messages.
        confined: read only where the server may read; not for what its owner loaded at the command line.
        arguments: as JSON has them.

    Raises:
        ValueError: what the task refuses, or one sentence on the limit that it broke.
    """
    memory_gb, time_s = limit(MEMORY), limit(TIME)
    folder = Path(tempfile.mkdtemp(prefix="read-", dir=paths.subfolder("cache")))
    try:
        write_json(folder / "task.json", {"task": task, "arguments": arguments, "confined": confined,
                                          "memory_gb": memory_gb, "time_s": time_s})
        try:
            code = in_child(folder, time_s)
        except subprocess.TimeoutExpired:
            raise ValueError(f"Reading '{what[:80]}' took over {time_s:g} s, the most this server gives a file; load a smaller "
                             f"file, or set {TIME} higher.") from None
        outcome = read_json(folder / "outcome.json") if (folder / "outcome.json").exists() else {}
        if outcome.get("error"):
            raise ValueError(outcome["error"])
        if outcome.get("memory") or (code and not outcome):
            or_else = "" if outcome.get("memory") else ", or broke the program that reads it"
            raise ValueError(f"Reading '{what[:80]}' needed more than the {memory_gb:g} GB of memory that this server gives a "
                             f"file{or_else}; load a smaller file, or set {MEMORY} higher.")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def in_child(folder: Path, time_s: float) -> int:
    """Do the task of a folder in a new process; its exit status.

    Raises:
        subprocess.TimeoutExpired: it took longer than ``time_s``.
    """
    env = os.environ | QUIET | {"PYTHONPATH": os.pathsep.join(
        filter(None, [str(paths.PACKAGE.parent), os.environ.get("PYTHONPATH")]))}
    return subprocess.run([sys.executable, "-m", "tiger.core.limited", str(folder)], env=env, timeout=time_s, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE).returncode


def write_json(path: Path, value: Any) -> None:
    """Write a value as JSON; lone halves of characters survive."""
    path.write_text(json.dumps(value), encoding="utf-8")


def read_json(path: Path) -> Any:
    """What ``write_json`` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def _restrict(memory_gb: float, time_s: float) -> None:
    """Bound what this process may take from now on, where the system can."""
    try:
        import resource
    except ImportError:  # Windows: the parent's clock is the only limit
        return
    status = Path("/proc/self/statm")
    have = int(status.read_text().split()[0]) * resource.getpagesize() if status.exists() else 2 * 2**30
    for kind, most in ((resource.RLIMIT_AS, have + int(memory_gb * 2**30)), (resource.RLIMIT_CPU, int(time_s) + 5)):
        _, hard = resource.getrlimit(kind)
        if hard == resource.RLIM_INFINITY or hard > most:
            try:
                resource.setrlimit(kind, (most, hard))
            except (ValueError, OSError):  # macOS knows RLIMIT_AS and does not take it
                continue


def main(folder: Path, restrict: Callable[[float, float], None] = _restrict) -> int:
    """Do the task of a folder and say there how it ended."""
    task = read_json(folder / "task.json")
    module = importlib.import_module(TASKS[task["task"]])
    work = getattr(module, f"store_{task['task']}", None) or module.store
    restrict(task["memory_gb"], task["time_s"])
    outcome: dict[str, Any] = {"done": True}
    try:
        with paths.confined() if task["confined"] else contextlib.nullcontext():
            work(folder, **task["arguments"])
    except MemoryError:
        outcome = {"memory": True}
    except Exception as error:  # whatever a library raises, the server hears one sentence
        if "ArrowMemoryError" in type(error).__name__ or "realloc" in str(error) or "malloc" in str(error):
            outcome = {"memory": True}
        elif type(error) in (ValueError, IndexError) and errors.ours(error):
            outcome = {"error": str(error)}
        else:
            outcome = {"error": f"The file cannot be read ({errors.first_line(error)}, {type(error).__name__}); check that it is "
                                "whole and of the kind that its name says."}
    write_json(folder / "outcome.json", outcome)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1])))
