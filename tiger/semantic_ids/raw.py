"""Codes as a file has them: the limits that every reader keeps, and the checks that they share.

Sizes are looked at before anything is allocated; a file that breaks a limit is refused in one sentence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiger.core.words import counted

MAX_BYTES = 512 * 2**20
MAX_TEXT_BYTES = 160 * 2**20  # text grows about tenfold while it is parsed
MAX_ROWS = 5_000_000
MAX_LEVELS = 16
MAX_CODE = 2**20 - 1


@dataclass(frozen=True)
class RawIds:
    """Codes as a file has them, not yet aligned to a catalogue.

    Args:
        codes_NL: int64; a row of -1 has no ID.
        keys: N item numbers or item ids as strings; None where the row number is the item number.
        key_kind: ``"number"`` or ``"item_id"``, as far as the file tells.
        n_codes, n_levels: what the file says of them, if it does.
        notes: sentences on how the file was read, where that was no matter of course.
    """

    codes_NL: np.ndarray
    keys: np.ndarray | None = None
    key_kind: str = "number"
    n_codes: list[int] | None = None
    n_levels: int | None = None
    notes: tuple[str, ...] = ()


def check_shape(name: str, shape: Sequence[int]) -> None:
    """Refuse what is no table of codes, before it is loaded."""
    if len(shape) != 2 or 0 in shape:
        raise ValueError(f"'{name}' has shape {str(tuple(shape))[:60]}, but codes must be (items, levels), "
                         "both at least 1.")
    if shape[0] > MAX_ROWS:
        raise ValueError(f"'{name}' has {shape[0]:,} rows, but at most {MAX_ROWS:,} are read; split it.")
    if shape[1] > MAX_LEVELS:
        raise ValueError(f"'{name}' has {shape[1]} columns of codes, but at most {MAX_LEVELS} levels are "
                         "read; import embeddings as a catalogue's own vectors instead.")


def whole_numbers(name: str, values_NL: np.ndarray) -> np.ndarray:
    """Codes as int64, or one sentence that names the first bad row."""
    values_NL = np.asarray(values_NL)
    if values_NL.dtype.kind not in "iuf":
        raise ValueError(f"'{name}' holds {values_NL.dtype}, but codes must be whole numbers; save them as int32.")
    bad_NL = (values_NL < -1) | (values_NL > MAX_CODE)
    if values_NL.dtype.kind == "f":
        bad_NL |= ~np.isfinite(values_NL) | (values_NL != np.floor(values_NL))
    if bad_NL.any():
        row, level = np.argwhere(bad_NL)[0]
        raise ValueError(f"'{name}' row {row} has code {values_NL[row, level]} at level {level + 1}, but "
                         f"codes are whole numbers from 0 to {MAX_CODE:,} (-1 for an item without an ID).")
    return values_NL.astype(np.int64, copy=not values_NL.flags.owndata)  # what belongs to a file is copied


def declared(name: str, codes_NL: np.ndarray, n_codes: Any, n_levels: Any) -> RawIds:
    """IDs of this lab's own files, which say how many codes each level has."""
    width = codes_NL.shape[1]
    good = isinstance(n_codes, list) and len(n_codes) == width and all(type(size) is int for size in n_codes)
    if not good or type(n_levels) is not int or n_levels not in (width, width - 1):
        raise ValueError(f"'{name}' has {counted(width, 'level')} but says n_codes {str(n_codes)[:60]} and n_levels "
                         f"{str(n_levels)[:20]}; "
                         "save it again.")
    return RawIds(codes_NL, n_codes=n_codes, n_levels=n_levels)
