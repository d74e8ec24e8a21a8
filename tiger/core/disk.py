"""A disk that is full: noticed before a start, and said in one sentence with what is free and what is needed."""

import errno
import os
import shutil
from pathlib import Path

FULL = (errno.ENOSPC, errno.EDQUOT)
MIN_FREE_MB = 50  # weights, checkpoint, kept codes and log of a run on a catalogue of 12,000 items


def needed_bytes() -> int:
    """Free space without which nothing is started: TIGER_MIN_FREE_MB, else 50 MB."""
    given = os.environ.get("TIGER_MIN_FREE_MB", "")
    return int(given if given.isdigit() else MIN_FREE_MB) * 2**20


def free_bytes(folder: Path) -> int | None:
    """What may still be written into a folder, or the nearest one above it that exists; None where nobody knows."""
    for place in (folder, *folder.parents):
        try:
            return shutil.disk_usage(place).free
        except FileNotFoundError:  # not made yet
            continue
        except OSError:  # a file system that does not say; then nothing is refused
            return None
    return None


def full_sentence(folder: Path) -> str:
    """What is free and needed, and the way out."""
    free = free_bytes(folder)
    left = "an unknown amount is" if free is None else f"{free / 2**20:,.1f} MB are"
    return (f"The disk is full: {left} free in {folder}, and about {needed_bytes() / 2**20:,.0f} MB are needed; delete runs "
            "(python -m tiger runs delete RUN) or other files, then go on.")


def check_space(folder: Path) -> None:
    """Refuse to start what would end on a full disk.

    Raises:
        ValueError: less is free than ``needed_bytes``.
    """
    free = free_bytes(folder)
    if free is not None and free < needed_bytes():
        raise ValueError(full_sentence(folder))


def nearly_full(folder: Path) -> bool:
    """Whether not even a status fits, so that a worker may have ended without a word."""
    free = free_bytes(folder)
    return free is not None and free < 2**20


def is_full(error: BaseException) -> bool:
    """Whether an error, or one that led to it, says that a disk is full."""
    seen: BaseException | None = error
    while seen is not None:
        # safetensors and pyarrow report it in words alone
        if (isinstance(seen, OSError) and seen.errno in FULL) or "No space left on device" in str(seen):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
