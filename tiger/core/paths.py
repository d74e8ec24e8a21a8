"""Where things live on disk: the app and its bundled data, the workspace, and what a page may read.

Everything the lab writes goes below one folder, the *workspace*, so that deleting it forgets everything and nothing
else: ``TIGER_HOME``, else ``workspace/`` in a checkout, else the user's own data folder.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
CHECKOUT = PACKAGE.parent if (PACKAGE.parent / "app.py").is_file() and (PACKAGE.parent / "pages").is_dir() else None
PROJECT = CHECKOUT or PACKAGE / "_app"  # app.py, pages/, data/ and the requirements; an installed package carries them inside
BUNDLED = PROJECT / "data"
_confined: ContextVar[bool] = ContextVar("confined", default=False)


def user_data() -> Path:
    """This user's own folder for an installed lab: where the system keeps programs' data."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return base / "tiger-lab"


def home() -> Path:
    """The workspace folder, made if it is missing."""
    default = CHECKOUT / "workspace" if CHECKOUT else user_data()
    path = Path(os.environ.get("TIGER_HOME") or default).expanduser()
    return _made(_resolved(path if path.is_absolute() else Path.cwd() / path))


@lru_cache
def _resolved(path: Path) -> Path:
    """Looked up once: a page asks for the workspace dozens of times, and each part of the path is a question to the system."""
    return path.resolve()


def _made(path: Path) -> Path:
    if not os.path.isdir(path):
        path.mkdir(parents=True, exist_ok=True)
    return path


def subfolder(name: str) -> Path:
    """A folder of the workspace (``runs``, ``cache``, ``uploads``), made if it is missing."""
    return _made(home() / name)


def safe_name(name: str) -> str:
    """The last part of a stranger's path, with letters, digits, dot, dash and underscore only; may be empty."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", re.split(r"[\\/]", name)[-1]).lstrip(".")[-80:]


def shared() -> bool:
    """Whether this server is open to other machines (``tiger app --share``)."""
    return os.environ.get("TIGER_SHARED") == "1"


def readable_roots() -> list[Path]:
    """Folders that a path typed into a page may lie in: ``TIGER_DATA_ROOTS``.

    Without it, on a server for this machine alone, the user's home and what lies beside the checkout; none on a shared one.
    """
    given = os.environ.get("TIGER_DATA_ROOTS")
    if given:
        roots = given.split(os.pathsep)
    else:
        roots = [] if shared() else [str(Path.home()), *([str(CHECKOUT.parent)] if CHECKOUT else [])]
    return [Path(root).expanduser().resolve() for root in roots if root]


def check_readable(text: str) -> Path:
    """Resolve a path that came from a page and make sure that it may be read.

    Raises:
        ValueError: it can be no path, lies outside every readable root, or does not exist.
    """
    try:
        path = Path(text).expanduser().resolve()
        exists = path.exists()
    except (OSError, RuntimeError, ValueError):  # longer than names can be, a NUL byte, an unknown ~user
        raise ValueError(f"'{text[:200]}' cannot be a path on this server; check the spelling.") from None
    roots = readable_roots()
    if not roots:
        raise ValueError("This server is shared, so it reads no typed paths; upload the files, or start it with TIGER_DATA_ROOTS "
                         "set to the folder that all users may read.")
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(str(root) for root in roots)
        raise ValueError(f"'{text}' lies outside the folders this server may read ({allowed}); "
                         "move the data there or set TIGER_DATA_ROOTS.")
    if not exists:
        raise ValueError(f"'{text}' does not exist on this server; check the spelling.")
    return path


@contextmanager
def confined() -> Iterator[None]:
    """Around what a server reads for a visitor: every file that is opened must lie where the server may read."""
    token = _confined.set(True)
    try:
        yield
    finally:
        _confined.reset(token)


def check_inside(path: Path) -> Path:
    """The path itself; where reading is confined, refused if what it leads to lies elsewhere, as a link can.

    Raises:
        ValueError: confined, and the resolved path is in neither the workspace, nor the bundled data, nor a readable root.
    """
    if _confined.get():
        real = path.resolve()
        if not any(real.is_relative_to(root) for root in (*readable_roots(), home(), BUNDLED)):
            raise ValueError(f"'{path.name[:80]}' leads outside the folders this server may read; copy the file itself there.")
    return path
