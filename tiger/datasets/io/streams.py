"""Packed files from strangers: gzip line by line and single zip entries, with limits on what they unpack to."""

import contextlib
import gzip
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from tiger.core.words import counted

MAX_LINE_BYTES = 16 * 2**20
MAX_ENTRY_BYTES = 2**30
MAX_ENTRIES = 10_000
MAX_RATIO = 200  # honest text shrinks by less than this; a bomb shrinks a thousandfold
RATIO_FREE_BYTES = 64 * 2**20  # small files may shrink as they like


def read_lines(path: Path) -> Iterator[bytes]:
    """The lines of a text file, gzipped or not, one after another in little memory.

    Raises:
        ValueError: torn, a line over ``MAX_LINE_BYTES``, or a gzip bomb.
    """
    size = path.stat().st_size
    allowed, total = RATIO_FREE_BYTES + MAX_RATIO * size, 0
    with path.open("rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream: io.BufferedIOBase = gzip.GzipFile(fileobj=raw) if packed else raw
        number = 0
        try:
            while line := stream.readline(MAX_LINE_BYTES + 1):
                number, total = number + 1, total + len(line)
                if len(line) > MAX_LINE_BYTES:
                    raise ValueError(f"{path.name}, line {number}, is longer than {MAX_LINE_BYTES // 2**20} "
                                     "MB; the file should hold one record a line.")
                if total > allowed:
                    raise ValueError(f"{path.name} unpacks to over {MAX_RATIO} times its size by line "
                                     f"{number}; it looks like a decompression bomb, download it again.")
                yield line
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise ValueError(f"{path.name} breaks off after line {number}; the file is damaged, "
                             "download it again.") from None


def zip_names(archive: Path) -> list[str]:
    """Names of the files in a zip archive.

    Raises:
        ValueError: torn, too many entries, or a name that leaves the archive's folder.
    """
    with _opened(archive) as packed:
        return [entry.filename for entry in packed.infolist() if not entry.is_dir()]


def read_zip_entry(archive: Path, name: str) -> bytes:
    """One file out of a zip archive, by the last part of its name; nothing is unpacked to disk.

    Raises:
        ValueError: torn, encrypted, a name that leaves the archive's folder, a bomb, or no such entry.
    """
    with _opened(archive) as packed:
        found = [entry for entry in packed.infolist() if entry.filename.split("/")[-1] == name]
        if len(found) != 1:
            raise ValueError(f"{archive.name} holds {counted(len(found), 'file')} named '{name}', but should hold one; "
                             "download it again.")
        limit = min(RATIO_FREE_BYTES + MAX_RATIO * found[0].compress_size, MAX_ENTRY_BYTES)
        with packed.open(found[0]) as stream:
            data = stream.read(limit + 1)
        if len(data) > limit:
            raise ValueError(f"{archive.name}: '{name}' unpacks to over {limit / 2**20:.0f} MB; "
                             "it looks like a decompression bomb, download it again.")
        return data


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[zipfile.ZipFile]:
    """A zip archive whose entry names were checked; what goes wrong with it is said in one sentence."""
    try:
        with zipfile.ZipFile(archive) as packed:
            if len(packed.infolist()) > MAX_ENTRIES:
                raise ValueError(f"{archive.name} holds more than {MAX_ENTRIES:,} entries; "
                                 "download it again from its publisher.")
            for entry in packed.infolist():
                parts = entry.filename.replace("\\", "/").split("/")
                if parts[0] == "" or ".." in parts or ":" in parts[0]:
                    raise ValueError(f"{archive.name} has an entry '{entry.filename}' that points outside "
                                     "the archive; download it again from its publisher.")
            yield packed
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, OSError) as error:
        raise ValueError(f"{archive.name} is not a readable zip archive ({error}); download it again.") from None
