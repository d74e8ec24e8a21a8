"""Where things live on disk: the bundled data, the workspace, and what a page may read.

Everything the lab writes goes below one folder, the *workspace* (``TIGER_HOME``, by default ``workspace/``
in the project), so that deleting it forgets everything and nothing else.
"""

import os
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
BUNDLED = PROJECT / "data"


def home() -> Path:
    """The workspace folder, made if it is missing."""
    path = Path(os.environ.get("TIGER_HOME") or PROJECT / "workspace").expanduser().resolve()
    path.mkdir(parents=True, exist_ok=True)
    return path


def subfolder(name: str) -> Path:
    """A folder of the workspace (``runs``, ``cache``, ``uploads``), made if it is missing."""
    path = home() / name
    path.mkdir(parents=True, exist_ok=True)
    return path


def readable_roots() -> list[Path]:
    """Folders that a path typed into a page may lie in: ``TIGER_DATA_ROOTS``, or home and the project's parent."""
    given = os.environ.get("TIGER_DATA_ROOTS")
    roots = given.split(os.pathsep) if given else [str(Path.home()), str(PROJECT.parent)]
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
    if not any(path.is_relative_to(root) for root in roots):
        allowed = ", ".join(str(root) for root in roots)
        raise ValueError(f"'{text}' lies outside the folders this server may read ({allowed}); "
                         "move the data there or set TIGER_DATA_ROOTS.")
    if not exists:
        raise ValueError(f"'{text}' does not exist on this server; check the spelling.")
    return path
