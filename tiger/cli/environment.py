"""The packages that a command needs: what this Python lacks, and a ``.venv`` that has all of it.

Imports the standard library only. Packages that are already there in the right version are used as they are,
so a container or a conda environment needs no second copy.
"""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from tiger.core import paths
from tiger.core.words import counted

RUNTIME, DEV = "requirements.txt", "requirements-dev.txt"
FIRST_START = """
import importlib
from tiger.runs import fork_server
from tiger.ui.shared import serve
for name in (*serve.LATER, *fork_server.PRELOADED):
    importlib.import_module(name)
"""  # what the server and its workers import
NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?\s*(?:==\s*([^\s;#]+))?")


class SetupError(Exception):
    """Set-up cannot go on; the text is one sentence for people."""


def call(words: list[str], folder: Path | None = None, **variables: str) -> int:
    """Run a program in the project (or in ``folder``) until it ends; Ctrl-C reaches it, and it decides."""
    child = subprocess.Popen(words, cwd=folder or paths.PROJECT, env=os.environ | variables)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the program has heard it, too
            continue


def where() -> Path:
    """Where the packages go: ``.venv`` in the project, or ``TIGER_VENV``."""
    return Path(os.environ.get("TIGER_VENV") or paths.PROJECT / ".venv").absolute()


def python_of(folder: Path) -> Path:
    """The Python inside a virtual environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def requirements(wanted: str) -> dict[str, str | None]:
    """Package -> pinned version (None where any will do), from a requirements file and those it includes."""
    found: dict[str, str | None] = {}
    for line in (paths.PROJECT / wanted).read_text(encoding="utf-8").splitlines():
        line = line.split("#")[0].strip()
        if line.startswith("-r"):
            found |= requirements(line[2:].strip())
        elif match := NAME.match(line):
            found[match[1]] = match[2]
    return found


def missing(wanted: str) -> list[str]:
    """Packages that this Python lacks or has in another version; a local suffix such as "+cpu" does not matter."""
    lacking = []
    for name, version in requirements(wanted).items():
        try:
            present = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            present = None
        other = version is not None and present is not None and present.split("+")[0] != version.split("+")[0]
        if present is None or (other and paths.CHECKOUT is not None):  # an installed lab takes the versions that it finds
            lacking.append(name)
    return lacking


def stamp(wanted: str) -> str:
    """Changes when the requirements or the Python do."""
    text = json.dumps([sorted(requirements(wanted).items()), sys.version_info[:2]], default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def stamp_path(wanted: str) -> Path:
    return where() / f"{wanted}.installed"


def is_ready(wanted: str) -> bool:
    """Whether ``.venv`` was set up to the end for these requirements."""
    try:
        return stamp_path(wanted).read_text() == stamp(wanted) and python_of(where()).exists()
    except OSError:
        return False


def prepare(wanted: str) -> Path:
    """Make ``.venv`` and install into it, one set-up at a time.

    Raises:
        SetupError: what failed, and what to do.
    """
    folder = where()
    beside = next(parent for parent in folder.parents if parent.exists())
    if not beside.is_dir() or not os.access(beside, os.W_OK):
        raise SetupError(f"{folder.parent} cannot be written; copy the project to a folder of your own, or set TIGER_VENV "
                         "to one.")
    with alone(folder):
        if not is_ready(wanted):
            make_environment(folder)
            install(folder, wanted)
            for done in {wanted, RUNTIME}:  # what the tests need includes what the app needs
                stamp_path(done).write_text(stamp(done))
    return folder


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One set-up of a folder at a time; the system lets go of the lock when its process ends, however it ends."""
    name = hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    with (Path(tempfile.gettempdir()) / f"tiger-setup-{name}.lock").open("a+b") as file:
        if not try_lock(file):
            print("Another set-up is running; waiting for it …", flush=True)
            while not try_lock(file):
                time.sleep(0.2)
        yield


def try_lock(file: IO[bytes]) -> bool:
    """Take the system's lock on an open file; False where another process has it."""
    try:
        if os.name == "nt":
            import msvcrt
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        else:
            import fcntl
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def make_environment(folder: Path) -> None:
    """A virtual environment with pip, unless a working one is there.

    Raises:
        SetupError: this Python cannot make one.
    """
    if python_of(folder).exists() and quiet([str(python_of(folder)), "-m", "pip", "--version"]):
        return
    print(f"Making {folder} …", flush=True)
    try:
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=os.name != "nt").create(folder)
    except (OSError, subprocess.CalledProcessError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise SetupError(f"{folder} cannot be made ({error.strerror or error}).") from None
        raise SetupError("This Python cannot make virtual environments; on Debian or Ubuntu run "
                         f"`sudo apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv` first.") from None


def install(folder: Path, wanted: str) -> None:
    """Let pip install a requirements file, from wherever pip is set up to look.

    Pip would compile all modules of all packages, twenty thousand; what the first start needs, a fifth of them, is compiled
    by importing it, and what else is ever imported then.

    Raises:
        SetupError: pip failed.
    """
    print(f"Installing {counted(len(requirements(wanted)), 'package')} and their dependencies (a few minutes, once) "
          "…", flush=True)
    python = str(python_of(folder))
    if call([python, "-m", "pip", "--disable-pip-version-check", "install", "--no-compile", "-r", wanted]) != 0:
        raise SetupError(f"Installing {wanted} failed; pip says why above. If it cannot reach its package index, connect to "
                         "the internet or set pip's index or proxy; then run the same command again.")
    quiet([python, "-c", FIRST_START], 600, cwd=paths.PROJECT, env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""})


def install_here(lacking: list[str]) -> None:
    """Let pip install packages into this Python, in the versions that the lab was tested with.

    Raises:
        SetupError: pip failed.
    """
    pinned = requirements(RUNTIME)
    print(f"Installing {counted(len(lacking), 'package')} and their dependencies into {sys.prefix} …", flush=True)
    words = [f"{name}=={pinned[name]}" if pinned.get(name) else name for name in lacking]
    if call([sys.executable, "-m", "pip", "--disable-pip-version-check", "install", *words], Path.cwd()) != 0:
        raise SetupError("Installing failed; pip says why above.")


def quiet(words: list[str], seconds: float = 60, **around: Any) -> bool:
    """Whether a program ends well within some seconds; ``around`` as ``subprocess.run`` takes it."""
    try:
        return subprocess.run(words, capture_output=True, timeout=seconds, **around).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
