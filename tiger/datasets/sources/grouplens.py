"""Downloads MovieLens from GroupLens, when somebody asks for it and has seen the licence."""

import hashlib
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tiger.core import files, paths

LICENCE = """MovieLens data is the University of Minnesota's (GroupLens Research). It may be used for research under
these conditions: do not state or imply an endorsement by the university or GroupLens; acknowledge the data in
publications (Harper and Konstan 2015, The MovieLens Datasets: History and Context, ACM TiiS 5, 4); {sharing};
no commercial or revenue-bearing use without permission from GroupLens. The data comes without any warranty.
The full text is in the README of the archive and at {readme}."""
NOT_SHARED = "do not redistribute it without separate permission"
SHARED_ALIKE = "redistribute it, also transformed, only under these same conditions"


@dataclass(frozen=True)
class Archive:
    """One archive on GroupLens's server.

    Args:
        n_bytes: size of the zip file.
        sha256: its checksum; a file that differs is not kept.
    """

    name: str
    url: str
    n_bytes: int
    sha256: str
    licence: str


def _archive(name: str, n_bytes: int, sha256: str, sharing: str, readme: str) -> Archive:
    base = "https://files.grouplens.org/datasets/movielens/"
    return Archive(name, f"{base}{name}.zip", n_bytes, sha256, LICENCE.format(sharing=sharing,
                                                                              readme=base + readme))


ARCHIVES = {archive.name: archive for archive in (
    _archive("ml-100k", 4_924_029, "50d2a982c66986937beb9ffb3aa76efe955bf3d5c6b761f4e3a7cd717c6a3229",
             NOT_SHARED, "ml-100k-README.txt"),
    _archive("ml-1m", 5_917_549, "a6898adb50b9ca05aa231689da44c217cb524e7ebd39d264c56e2832f2c54e20",
             NOT_SHARED, "ml-1m-README.txt"),
    _archive("ml-latest-small", 978_202, "696d65a3dfceac7c45750ad32df2c259311949efec81f0f144fdfb91ebc9e436",
             SHARED_ALIKE, "ml-latest-small-README.html"))}


def downloaded(name: str) -> Path | None:
    """Where the archive lies in the workspace, or None."""
    path = paths.subfolder("downloads") / f"{name}.zip"
    return path if path.is_file() else None


def download(name: str, on_progress: Callable[[int, int], None] | None = None,
             timeout_s: float = 30.0) -> Path:
    """Fetch an archive into the workspace, check it, and return its path; continues where it broke off.

    Nothing calls this by itself: only a person's command or button does.

    Args:
        name: a key of ``ARCHIVES``, where licence and size stand.
        on_progress: called with (bytes so far, bytes in all) after every block.

    Raises:
        ValueError: an unknown name, no connection, or a file that does not have the published checksum.
    """
    if name not in ARCHIVES:
        raise ValueError(f"There is no archive '{name}'; choose from {', '.join(ARCHIVES)}.")
    archive, folder = ARCHIVES[name], paths.subfolder("downloads")
    path, part = folder / f"{name}.zip", folder / f"{name}.zip.part"
    lock = files.Lock(folder / f"{name}.lock")
    if not lock.acquire():
        raise ValueError(f"'{name}' is being downloaded already; wait for it.")
    try:
        if path.is_file() and _sha256(path) == archive.sha256:
            return path
        try:
            _fetch(archive, part, on_progress, timeout_s)
        except (urllib.error.URLError, OSError) as error:
            raise ValueError(f"{archive.url} cannot be fetched ({error}); check the connection and try "
                             "again, or download it in a browser and give its path.") from None
        if _sha256(part) != archive.sha256:
            part.unlink()
            raise ValueError(f"{archive.url} does not have the published checksum and was deleted; try "
                             "again later.")
        files.replace(part, path)
        return path
    finally:
        lock.release()


def _fetch(archive: Archive, part: Path, on_progress: Callable[[int, int], None] | None,
           timeout_s: float) -> None:
    """Append what is missing to the part file, or start afresh where the server does not continue."""
    have = part.stat().st_size if part.exists() else 0
    if have >= archive.n_bytes:
        part.unlink()
        have = 0
    headers = {"User-Agent": "tiger-lab"} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(archive.url, headers=headers)
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:
        continued = answer.status == 206
        have = have if continued else 0
        with part.open("ab" if continued else "wb") as file:
            while block := answer.read(64 * 1024):
                have += len(block)
                if have > archive.n_bytes:
                    raise OSError(f"more than the {archive.n_bytes:,} bytes that are published")
                file.write(block)
                if on_progress:
                    on_progress(have, archive.n_bytes)
    if have < archive.n_bytes:
        raise OSError(f"it broke off after {have:,} of {archive.n_bytes:,} bytes")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
