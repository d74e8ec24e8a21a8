"""Uploaded pictures of items: image files, or zip archives of them.

Archives come from strangers: nothing in one decides where it is written, and sizes are checked before anything is unpacked.
"""

import io
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from tiger.core.paths import safe_name

MAX_BYTES = 4 * 2**20  # of one picture
MAX_PICTURES, MAX_TOTAL = 20_000, 200 * 2**20
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".gif")
BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF", b"GIF8")


def unpacked(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The pictures among uploaded files and in uploaded zip archives, by the name under which they are kept.

    Other files in an archive are left out, as what systems add to them.

    Raises:
        ValueError: a file is neither a picture nor an archive, an archive is broken or encrypted, two pictures have one name, or
            there are too many or too large ones.
    """
    found: dict[str, bytes] = {}
    total = 0
    for name, content in _each(files):
        kept = safe_name(name)
        if kept in found:
            raise ValueError(f"Two pictures are called '{kept}'; give each a name of its own, in the column image too.")
        total += len(content)
        if len(found) >= MAX_PICTURES or total > MAX_TOTAL:
            raise ValueError(f"The pictures are more than {MAX_PICTURES:,} or larger than {MAX_TOTAL // 2**20} MB together; copy "
                             "them to the server and give their folder's path.")
        if not content.startswith(BEGINNINGS):
            raise ValueError(f"'{name}' is no PNG, JPEG, WebP or GIF; convert it, or leave it out.")
        found[kept] = content
    if not found:
        raise ValueError(f"The upload has no picture; upload files that end in {', '.join(ENDINGS)}, or a zip archive of them.")
    return found


def _each(files: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    for name, content in files.items():
        if name.lower().endswith(".zip"):
            yield from _archived(name, content)
        elif not name.lower().endswith(ENDINGS):
            raise ValueError(f"'{name}' is no picture; upload files that end in {', '.join(ENDINGS)}, or a zip archive of them.")
        elif len(content) > MAX_BYTES:
            raise ValueError(_too_large(name, len(content)))
        else:
            yield name, content


def _archived(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """The pictures of an archive; each is unpacked up to the limit, whatever size the archive says it has."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if len(archive.infolist()) > 2 * MAX_PICTURES:
                raise ValueError(f"'{name}' has {len(archive.infolist()):,} entries, but an archive may have at most "
                                 f"{2 * MAX_PICTURES:,}; split it.")
            for entry in archive.infolist():
                parts = PurePosixPath(entry.filename.replace("\\", "/")).parts
                if entry.is_dir() or not parts or parts[0] == "__MACOSX" or parts[-1].startswith(".") \
                        or not parts[-1].lower().endswith(ENDINGS):
                    continue
                if entry.file_size > MAX_BYTES:
                    raise ValueError(_too_large(f"{name}/{entry.filename}", entry.file_size))
                with archive.open(entry) as file:
                    data = file.read(MAX_BYTES + 1)
                if len(data) > MAX_BYTES:
                    raise ValueError(_too_large(f"{name}/{entry.filename}", len(data)))
                yield entry.filename, data
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:  # RuntimeError: it is encrypted
        raise ValueError(f"'{name}' is no zip archive that can be read ({error}); zip the pictures anew, without a password.") \
            from None


def _too_large(name: str, n_bytes: int) -> str:
    return f"'{name}' has {n_bytes / 2**20:.1f} MB, but a picture may have at most {MAX_BYTES // 2**20} MB; make it smaller."
