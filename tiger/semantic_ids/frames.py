"""Codes from tables: CSV, TSV and Parquet, with a column a level or one column of whole IDs."""

import io
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tiger.core.words import counted
from tiger.datasets.io import arrow, readers
from tiger.datasets.io.ids import to_ids
from tiger.semantic_ids import columns, raw
from tiger.semantic_ids.columns import Columns
from tiger.semantic_ids.raw import MAX_ROWS, RawIds, check_shape, whole_numbers
from tiger.semantic_ids.tokens import column, from_lists

MAX_LINE = 2**20  # of the first line, in bytes
MISSING = ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>"]  # in columns of codes


def read_csv(path: Path) -> RawIds:
    """A table as text; a first line of numbers only is no header."""
    data = readers.read_text(path, f"'{path.name}'")  # says so where it is packed, not UTF-8 or holds NUL bytes
    first = data[:MAX_LINE].split(b"\n", 1)[0].decode(errors="replace").rstrip("\r")
    separator = readers.separator_of(first, "," if path.suffix.lower() == ".csv" else "\t")
    if (len(data) >= MAX_LINE and b"\n" not in data[:MAX_LINE]) or first.count(separator) >= columns.MAX_COLUMNS:
        raise ValueError(f"'{path.name}' has a first line of over {columns.MAX_COLUMNS:,} cells or {MAX_LINE // 2**20} MB; "
                         "keep item_id and the codes.")
    names = [name for name in first.split(separator) if name and not re.fullmatch(r'"?-?\d*"?', name)]
    if len(set(names)) < len(names):  # pandas would number them, one by one
        twice = columns.shown([Counter(names).most_common(1)[0][0]])
        raise ValueError(f"'{path.name}' has two columns named '{twice}'; rename one.")
    headless = _is_headless(path.name, [cell.strip().strip('"') for cell in first.split(separator)])
    try:
        frame = _parse(data, separator, headless)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, OverflowError, ValueError) as error:
        reason = columns.shown([(str(error).strip().splitlines() or [type(error).__name__])[-1]])
        raise ValueError(f"'{path.name}' is ragged or empty ({reason}); "
                         "give every row the same columns.") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what the header does not name for an index
        raise ValueError(f"in '{path.name}' rows have {counted(frame.index.nlevels + frame.shape[1], 'field')}, the header "
                         f"{frame.shape[1]}; name every column in the first line.")
    frame.columns = [f"level_{name + 1}" if headless else str(name).strip() for name in frame.columns]
    if not frame.columns.is_unique:
        twice = columns.shown([str(frame.columns[frame.columns.duplicated()][0])])
        raise ValueError(f"'{path.name}' has two columns named '{twice}'; rename one.")
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
        raise ValueError(f"'{name}' begins with the line {columns.shown(cells, 8)}, which may be names or codes; {remedy}.")
    if len(cells) > 1 and cells[0] and all(numbers[1:]) and not numbers[0] and not counts \
            and columns.bare(cells[0]) not in columns.KEYS:
        raise ValueError(f"'{name}' begins with the row {columns.shown(cells, 8)} and names no columns; {remedy}.")
    return all(numbers)


def _parse(data: bytes, separator: str, headless: bool) -> pd.DataFrame:
    """The table; items and whole IDs stay text, as they stand."""
    def read(**how: Any) -> pd.DataFrame:
        return pd.read_csv(io.BytesIO(data), sep=separator, encoding="utf-8-sig", low_memory=False, **how)

    if headless:
        return read(header=None, nrows=MAX_ROWS + 1)
    names = read(nrows=0).columns
    texts = [name for name in names if columns.bare(name) in (*columns.KEYS, *columns.TEXTS) or name == "Unnamed: 0"]
    return read(nrows=MAX_ROWS + 1, dtype=dict.fromkeys(texts, str), keep_default_na=False,
                na_values={name: MISSING for name in names if name not in texts})


def read_parquet(path: Path) -> RawIds:
    """The columns that are about items and codes; what they unpack to is bounded."""
    schema = pq.read_schema(path)
    if len(schema.names) > columns.MAX_COLUMNS:
        raise ValueError(f"'{path.name}' has {len(schema.names):,} columns, but at most {columns.MAX_COLUMNS:,} are read; "
                         "keep item_id and the codes.")
    if len(set(schema.names)) < len(schema.names):
        raise ValueError(f"'{path.name}' has two columns of one name; give each its own.")
    chosen = columns.choose(path.name, {field.name: _kind(field.type) for field in schema})
    about = pq.read_metadata(path)
    check_shape(path.name, (about.num_rows, 1))
    unpacked = sum(part.total_uncompressed_size for group in range(about.num_row_groups) for at in range(about.num_columns)
                   if f"{(part := about.row_group(group).column(at)).path_in_schema}.".startswith(
                       tuple(f"{name}." for name in chosen.wanted)))
    if unpacked > 2 * raw.MAX_BYTES:
        raise ValueError(f"'{path.name}' unpacks to {unpacked / 2**20:,.0f} MB, but at most "
                         f"{2 * raw.MAX_BYTES // 2**20} MB are read; keep only the columns of codes.")
    # an index of pandas stays a column, and whole numbers with gaps stay whole
    table = readers.decode(path, f"'{path.name}'", chosen.wanted)
    frame = table.to_pandas(ignore_metadata=True, integer_object_nulls=True, split_blocks=True, self_destruct=True)
    del table  # each of its columns went as soon as the frame had it
    return from_frame(path.name, frame, chosen)


def _kind(of: pa.DataType) -> str:
    if pa.types.is_integer(of) or pa.types.is_floating(of):
        return columns.NUMBER
    if pa.types.is_dictionary(of):
        return _kind(of.value_type)
    if arrow.is_text(of):
        return columns.TEXT
    lists = pa.types.is_list(of) or pa.types.is_large_list(of) or pa.types.is_fixed_size_list(of)
    return columns.TEXT if lists and _kind(of.value_type) != columns.OTHER else columns.OTHER


def kind_of(series: pd.Series) -> str:
    """What a column of a frame holds: ``NUMBER``, ``TEXT`` (also lists) or ``OTHER``."""
    if series.dtype.kind in "iuf":
        return columns.NUMBER
    known = series[~_missing(series)]
    if len(known) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in known):
        return columns.NUMBER
    return columns.TEXT if all(isinstance(value, str | list | int | float) for value in known) else columns.OTHER


def from_frame(name: str, frame: pd.DataFrame, chosen: Columns) -> RawIds:
    """Codes from a table: a column a level, or one column of whole IDs. A row without any code has no ID."""
    keys = None if chosen.key is None else _keys(name, frame[chosen.key])
    levels = [chosen.text] if chosen.text is not None else chosen.levels
    missing_NL = np.column_stack([_missing(frame[level]) for level in levels])
    gap_N = np.asarray(missing_NL.all(axis=1))
    torn_N = missing_NL.any(axis=1) & ~gap_N
    if torn_N.any():
        raise ValueError(f"'{name}' row {int(torn_N.argmax())} lacks a code; all IDs need {counted(len(levels), 'level')}, and "
                         "an item without an ID none.")
    if gap_N.all():
        raise ValueError(f"'{name}' has no code in any row; fill the column{'s' if len(levels) > 1 else ''} "
                         f"{columns.shown(levels)}.")
    some = int((~gap_N).argmax())  # stands in for gaps until they are known to be codes
    if chosen.text is not None:
        values = frame[chosen.text].tolist()
        codes_NL = from_lists(name, [values[some] if gap else value for value, gap in zip(values, gap_N, strict=True)], keys)
    else:
        codes_NL = whole_numbers(name, np.column_stack(
            [_column_of(name, frame[level], at, gap_N, some) for at, level in enumerate(levels)]))
    codes_NL[gap_N] = -1
    if not chosen.named and keys is None:
        columns.refuse_hidden_key(name, codes_NL, f"a first column '{levels[0]}'")
    return _without_nameless(name, RawIds(codes_NL, keys, chosen.key_kind))


def _missing(series: pd.Series) -> np.ndarray:
    """Rows without a value; an empty list and a blank text are none."""
    gone_N = series.isna().to_numpy(bool)
    if series.dtype.kind in "iuf":
        return gone_N
    return gone_N | np.array([isinstance(value, str | list | np.ndarray) and
                              (not value.strip() if isinstance(value, str) else len(value) == 0) for value in series], bool)


def _keys(name: str, series: pd.Series) -> np.ndarray:
    """Items as text; empty where there is none. Whole numbers that were stored as 12.0 are 12."""
    gone_N = _missing(series)
    known = series[~gone_N]
    if known.dtype.kind == "f":
        broken = known[~np.isfinite(known) | (known != np.floor(known))]
        if len(broken):
            raise ValueError(f"'{name}' row {broken.index[0]} has the item {broken.iat[0]} in column "
                             f"'{columns.shown([str(series.name)])}'; store items as text or as whole numbers.")
        known = known.astype(np.int64)
    if known.dtype.kind not in "iub" and any(isinstance(value, list | dict | np.ndarray) for value in known):
        raise ValueError(f"'{name}' holds lists in the item's column '{columns.shown([str(series.name)])}'; "
                         "store one item a row.")
    keys = np.full(len(series), "", dtype=object)
    keys[~gone_N] = np.array(to_ids(known), dtype=object)
    return keys


def _without_nameless(name: str, found: RawIds) -> RawIds:
    """Leave out rows that hold nothing; refuse an ID whose item is not named."""
    if found.keys is None:
        return found
    nameless_N = found.keys == ""
    lost_N = nameless_N & (found.codes_NL >= 0).all(axis=1)
    if lost_N.any():
        raise ValueError(f"'{name}' row {int(lost_N.argmax())} has an ID, but no item; name the item or leave the row out.")
    if not nameless_N.any():
        return found
    return RawIds(found.codes_NL[~nameless_N], found.keys[~nameless_N], found.key_kind)


def _column_of(name: str, series: pd.Series, level: int, gap_N: np.ndarray, some: int) -> np.ndarray:
    """One level's codes; gaps hold those of a row that has some."""
    if series.dtype.kind in "iuf":
        return series.where(~gap_N, series.iat[some]).to_numpy()
    values = series.tolist()
    return column(name, [values[some] if gap else value for value, gap in zip(values, gap_N, strict=True)], level)
