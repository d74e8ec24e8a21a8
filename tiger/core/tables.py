"""Tables as CSV for spreadsheets: whatever a cell holds comes back as it was, and runs nothing."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_bytes(frame: "pd.DataFrame", disarm: bool = True) -> bytes:
    """The frame as UTF-8 CSV (RFC 4180, lines end in a carriage return and a line feed, so that either in a cell is quoted).

    Args:
        disarm: put an apostrophe in front of cells and column names that a spreadsheet would run as a formula.
    """
    import pandas as pd  # here, so that this module loads without it

    safe = frame.copy()
    if not disarm:
        return _written(safe)
    for at, kind in enumerate(safe.dtypes):
        if not pd.api.types.is_numeric_dtype(kind):
            text = safe.iloc[:, at].astype("string")
            safe.isetitem(at, text.mask(text.str.match(r"[=+\-@\t\r]", na=False), "'" + text))
    safe.columns = pd.Index([f"'{name}" if str(name).startswith(FORMULA) else name for name in safe.columns])
    return _written(safe)


def ends_of(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Its first and its last row, for a sentence; one row where there is one, so that it is not said twice."""
    return frame.iloc[[0, -1]] if len(frame) > 1 else frame


def _written(frame: "pd.DataFrame") -> bytes:
    return frame.to_csv(index=False, lineterminator="\r\n").encode("utf-8", "replace")
