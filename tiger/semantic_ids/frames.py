"""Codes from tables: CSV, TSV and Parquet, with a column a level or one column of whole IDs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tiger.semantic_ids import columns, raw
from tiger.semantic_ids.columns import Columns
from tiger.semantic_ids.raw import MAX_ROWS, RawIds, check_shape, whole_numbers
from tiger.semantic_ids.tokens import column, from_lists

MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"]  # in columns of codes


def read_csv(path: Path) -> RawIds:
    """A table as text; a first line of numbers only is no header."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline(10_000)
    separator = max(",;\t", key=first.count) if path.suffix.lower() == ".csv" else "\t"
    headless = _is_headless(path.name, [cell.strip().strip('"') for cell in first.rstrip("\r\n").split(separator)])
    try:
        frame = _parse(path, separator, headless)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"'{path.name}' is ragged or empty ({reason}); "
                         "give every row the same columns.") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what the header does not name for an index
        raise ValueError(f"in '{path.name}' rows have {frame.index.nlevels + frame.shape[1]} fields, the header "
                         f"{frame.shape[1]}; name every column in the first line.")
    frame.columns = [f"level_{name + 1}" if headless else str(name).strip() for name in frame.columns]
    if frame.columns[0] == "Unnamed: 0":
        frame = frame.rename(columns={"Unnamed: 0": columns.INDEX})
    check_shape(path.name, (len(frame), 1))
    kinds = {name: columns.NUMBER if dtype.kind in "iuf" else columns.TEXT for name, dtype in frame.dtypes.items()}
    found = from_frame(path.name, frame, columns.choose(path.name, {str(name): kind for name, kind in kinds.items()}))
    if headless:
        columns.refuse_hidden_key(path.name, found.codes_NL, "no line of names and a first column")
    return found


def _is_headless(name: str, cells: list[str]) -> bool:
    """Whether the first line holds codes; refused where that cannot be told."""
    numbers = [bool(re.fullmatch(r"-?\d+", cell)) for cell in cells]
    remedy = "begin with a line of names, such as item_id, code_1, code_2"
    counts = [cell for cell, is_number in zip(cells, numbers, strict=True) if is_number] == \
        [str(place) for place in range(sum(numbers))]
    if all(numbers) and counts:
        raise ValueError(f"'{name}' begins with the line {', '.join(cells[:8])}, which may be names or codes; {remedy}.")
    if len(cells) > 1 and cells[0] and all(numbers[1:]) and not numbers[0] and not counts \
            and columns.bare(cells[0]) not in columns.KEYS:
        raise ValueError(f"'{name}' begins with the row {', '.join(cells[:8])} and names no columns; {remedy}.")
    return all(numbers)


def _parse(path: Path, separator: str, headless: bool) -> pd.DataFrame:
    """The table; items and whole IDs stay text, as they stand."""
    if headless:
        return pd.read_csv(path, sep=separator, header=None, nrows=MAX_ROWS + 1, encoding="utf-8-sig", compression=None)
    names = pd.read_csv(path, sep=separator, nrows=0, encoding="utf-8-sig", compression=None).columns
    texts = [name for name in names if columns.bare(name) in (*columns.KEYS, *columns.TEXTS) or name == "Unnamed: 0"]
    return pd.read_csv(path, sep=separator, nrows=MAX_ROWS + 1, encoding="utf-8-sig", compression=None,
                       dtype=dict.fromkeys(texts, str), keep_default_na=False,
                       na_values={name: MISSING for name in names if name not in texts})


def read_parquet(path: Path) -> RawIds:
    """The columns that are about items and codes; what they unpack to is bounded."""
    schema = pq.read_schema(path)
    if len(set(schema.names)) < len(schema.names):
        raise ValueError(f"'{path.name}' has two columns of one name; give each its own.")
    chosen = columns.choose(path.name, {field.name: _kind(field.type) for field in schema})
    # Strings that repeat stay in dictionaries, so that what is allocated is what the file says it holds.
    texts = [name for name in chosen.wanted if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        about = file.metadata
        check_shape(path.name, (about.num_rows, 1))
        unpacked = sum(about.row_group(group).column(column).total_uncompressed_size
                       for group in range(about.num_row_groups) for column in range(about.num_columns)
                       if f"{about.row_group(group).column(column).path_in_schema}.".startswith(
                           tuple(f"{name}." for name in chosen.wanted)))
        if unpacked > 2 * raw.MAX_BYTES:
            raise ValueError(f"'{path.name}' unpacks to {unpacked / 2**20:,.0f} MB, but at most "
                             f"{2 * raw.MAX_BYTES // 2**20} MB are read; keep only the columns of codes.")
        # an index of pandas stays a column, and whole numbers with gaps stay whole
        frame = file.read(columns=chosen.wanted).to_pandas(ignore_metadata=True, integer_object_nulls=True)
    return from_frame(path.name, frame, chosen)


def _kind(of: pa.DataType) -> str:
    if pa.types.is_integer(of) or pa.types.is_floating(of):
        return columns.NUMBER
    if pa.types.is_dictionary(of):
        return _kind(of.value_type)
    return columns.TEXT if pa.types.is_string(of) or pa.types.is_large_string(of) else columns.OTHER


def from_frame(name: str, frame: pd.DataFrame, chosen: Columns) -> RawIds:
    """Codes from a table: a column a level, or one column of whole IDs. A row without any code has no ID."""
    keys = None if chosen.key is None else _keys(name, frame[chosen.key])
    levels = [chosen.text] if chosen.text is not None else chosen.levels
    missing_NL = np.column_stack([_missing(frame[level]) for level in levels])
    gap_N = missing_NL.all(axis=1)
    torn_N = missing_NL.any(axis=1) & ~gap_N
    if torn_N.any():
        raise ValueError(f"'{name}' row {int(torn_N.argmax())} lacks a code; all IDs need {len(levels)} levels, and an item "
                         "without an ID none.")
    if gap_N.all():
        raise ValueError(f"'{name}' has no code in any row; fill the column{'s' if len(levels) > 1 else ''} "
                         f"{', '.join(levels)}.")
    some = int((~gap_N).argmax())  # stands in for gaps until they are known to be codes
    if chosen.text is not None:
        whole = frame[chosen.text].where(~gap_N, frame[chosen.text].iat[some])
        codes_NL = from_lists(name, whole.tolist(), keys)
    else:
        codes_NL = whole_numbers(name, np.column_stack(
            [_column_of(name, frame[level].where(~gap_N, frame[level].iat[some]), at) for at, level in enumerate(levels)]))
    codes_NL[gap_N] = -1
    if not chosen.named and keys is None:
        columns.refuse_hidden_key(name, codes_NL, f"a first column '{levels[0]}'")
    return _without_nameless(name, RawIds(codes_NL, keys, chosen.key_kind))


def _missing(series: pd.Series) -> np.ndarray:
    gone_N = series.isna().to_numpy(bool)
    if series.dtype.kind in "iuf":
        return gone_N
    return gone_N | np.array([isinstance(value, str) and not value.strip() for value in series], bool)


def _keys(name: str, series: pd.Series) -> np.ndarray:
    """Items as text; empty where there is none. Whole numbers that were stored as 12.0 are 12."""
    gone_N = _missing(series)
    known = series[~gone_N]
    if known.dtype.kind == "f":
        broken = known[~np.isfinite(known) | (known != np.floor(known))]
        if len(broken):
            raise ValueError(f"'{name}' row {broken.index[0]} has the item {broken.iat[0]} in column '{series.name}'; store "
                             "items as text or as whole numbers.")
        known = known.astype(np.int64)
    texts = pd.Series([value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in known])
    if len(texts) and texts.str.fullmatch(r"\d+\.0").all():
        texts = texts.str.removesuffix(".0")
    keys = np.full(len(series), "", dtype=object)
    keys[~gone_N] = texts.to_numpy(object)
    return keys


def _without_nameless(name: str, found: RawIds) -> RawIds:
    """Leave out rows that hold nothing; refuse an ID whose item is not named."""
    if found.keys is None:
        return found
    nameless_N = found.keys == ""
    lost_N = nameless_N & (found.codes_NL >= 0).all(axis=1)
    if lost_N.any():
        raise ValueError(f"'{name}' row {int(lost_N.argmax())} has an ID, but no item; name the item or leave the row out.")
    return RawIds(found.codes_NL[~nameless_N], found.keys[~nameless_N], found.key_kind)


def _column_of(name: str, series: pd.Series, level: int) -> np.ndarray:
    return series.to_numpy() if series.dtype.kind in "iuf" else column(name, series.tolist(), level)
