"""Codes from tables: CSV, TSV and Parquet, with a column a level or one column of whole IDs."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from tiger.semantic_ids import raw
from tiger.semantic_ids.raw import MAX_LEVELS, MAX_ROWS, RawIds, check_shape, whole_numbers
from tiger.semantic_ids.tokens import column, from_lists

KEY_COLUMNS = {"item_id": "item_id", "asin": "item_id", "item": "number", "item_number": "number"}
TEXT_COLUMNS = ("semantic_id", "codes", "ids", "tokens", "sid")
CODE_COLUMN = re.compile(r"^(?:codes?|level|sid|token|c|l)[_ ]?(\d+)$", re.IGNORECASE)


def read_csv(path: Path) -> RawIds:
    """A table as text; a first line of numbers only is no header."""
    with path.open(encoding="utf-8-sig") as file:
        first = file.readline(10_000)
    separator = max(",;\t", key=first.count) if path.suffix == ".csv" else "\t"
    headless = all(re.fullmatch(r"\s*-?\d+\s*", cell) for cell in first.split(separator))
    try:
        frame = pd.read_csv(path, sep=separator, header=None if headless else 0, nrows=MAX_ROWS + 1,
                            dtype=dict.fromkeys([*KEY_COLUMNS, *TEXT_COLUMNS], str), encoding="utf-8-sig",
                            compression=None, index_col=False, on_bad_lines="error")
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(f"'{path.name}' is ragged or empty ({reason}); "
                         "give every row the same columns.") from None
    frame.columns = [f"level_{name + 1}" if headless else str(name).strip() for name in frame.columns]
    check_shape(path.name, (len(frame), 1))
    return from_frame(path.name, frame)


def read_parquet(path: Path) -> RawIds:
    """The columns that are about items and codes; what they unpack to is bounded."""
    schema = pq.read_schema(path)
    named = [name for name in schema.names
             if name in KEY_COLUMNS or name in TEXT_COLUMNS or CODE_COLUMN.match(name)]
    wanted = named or schema.names[:MAX_LEVELS + 1]
    # Strings that repeat stay in dictionaries, so that what is allocated is what the file says it holds.
    texts = [name for name in wanted if pa.types.is_string(schema.field(name).type)]
    with pq.ParquetFile(path, read_dictionary=texts) as file:
        about = file.metadata
        check_shape(path.name, (about.num_rows, 1))
        unpacked = sum(about.row_group(group).column(column).total_uncompressed_size
                       for group in range(about.num_row_groups) for column in range(about.num_columns)
                       if about.row_group(group).column(column).path_in_schema.split(".")[0] in wanted)
        if unpacked > 2 * raw.MAX_BYTES:
            raise ValueError(f"'{path.name}' unpacks to {unpacked / 2**20:,.0f} MB, but at most "
                             f"{2 * raw.MAX_BYTES // 2**20} MB are read; keep only the columns of codes.")
        frame = file.read(columns=wanted).to_pandas()
    return from_frame(path.name, frame)


def from_frame(name: str, frame: pd.DataFrame) -> RawIds:
    """Codes from a table: ``code_1..`` (or every other column of numbers), or one column of whole IDs."""
    key = next((column for column in KEY_COLUMNS if column in frame), None)
    keys = None if key is None else frame[key].astype(str).to_numpy(object)
    levels = sorted((column for column in frame if CODE_COLUMN.match(column)),
                    key=lambda column: int(CODE_COLUMN.match(column)[1]))  # type: ignore[index]
    text = next((column for column in TEXT_COLUMNS if column in frame), None)
    if not levels and text is not None:
        codes_NL = from_lists(name, frame[text].tolist(), keys)
    else:
        levels = levels or [column for column in frame if column != key and frame[column].dtype.kind in "iuf"]
        if not levels:
            raise ValueError(f"'{name}' has the columns {', '.join(map(str, frame.columns))}; name the codes "
                             "code_1, code_2 .. and the item item_id (or item for its number).")
        check_shape(name, (len(frame), len(levels)))
        missing_N = frame[levels].isna().any(axis=1).to_numpy()
        if missing_N.any():
            row = int(missing_N.argmax())
            raise ValueError(f"'{name}' row {row} lacks a code; all IDs need {len(levels)} levels.")
        codes_NL = np.column_stack([_column_of(name, frame[column], at) for at, column in enumerate(levels)])
    return RawIds(whole_numbers(name, codes_NL), keys, KEY_COLUMNS.get(key or "", "number"))


def _column_of(name: str, series: pd.Series, level: int) -> np.ndarray:
    if series.dtype.kind in "iuf":
        return series.to_numpy()
    return column(name, series.astype(str).tolist(), level)
