"""One rule for the ids of items and users, whichever reader they come through: ``12.0`` is ``12``, spaces around go."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

WHOLE = re.compile(r"-?\d+(?:\.0+)?")


def to_ids(column: pd.Series) -> list[str]:
    """A column as text; whole numbers stay whole however they were stored, what is missing becomes empty.

    Text such as 12.0 is the number 12 only where every cell of the column is a whole number, so that versions such as
    1.0 and 1.1 stay apart.
    """
    if pd.api.types.is_float_dtype(column):
        whole = column.dropna()
        if (whole == whole.round()).all() and whole.abs().max() < 2**53:
            column = column.astype("Int64")
    elif column.dtype == object and len(column) and any(isinstance(value, float | bytes) for value in column):
        column = pd.Series([_one(value) for value in column], index=column.index, dtype=object)
    texts = column.astype("str").where(column.notna(), "").str.strip().tolist()
    return texts if pd.api.types.is_integer_dtype(column) else plain(texts)


def plain(ids: Sequence[str]) -> list[str]:
    """Texts without the ``.0`` of whole numbers, where all of them are whole numbers."""
    ids = list(ids)
    if any(one.endswith("0") and "." in one for one in ids) and all(not one or WHOLE.fullmatch(one) for one in ids):
        return [one.split(".")[0] for one in ids]
    return ids


def _one(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and np.isfinite(value) and value == int(value) and abs(value) < 2**53:
        return int(value)
    return value
