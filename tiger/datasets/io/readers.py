"""Tables from strangers: text and Parquet, read with limits and with errors that name the row."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tiger.datasets.io import arrow

MAX_TEXT_BYTES = 4 * 2**30  # a table of text that is read at once
MAX_PARQUET_BYTES = 2**30  # with every repeated text written out; Python's own texts take several times that
MAX_ROWS = 50_000_000


def find_file(path: str, what: str) -> Path:
    """The path as a file that exists.

    Raises:
        ValueError: nothing was given, or there is no such file.
    """
    if not path:
        raise ValueError(f"No path to the {what} was given; name the file.")
    found = find_place(path)
    if found is None or not found.is_file():
        raise ValueError(f"'{path[:200]}' is not a file; check the path to the {what}.")
    return found


def find_place(path: str) -> Path | None:
    """The path where there is something; None also for a name that no file system can hold."""
    try:
        found = Path(path).expanduser()
        return found if found.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, an unknown ~user, a NUL
        return None


def read_text(source: bytes | Path, name: str, encoding: str = "utf-8") -> bytes:
    """A text file's bytes as UTF-8.

    Raises:
        ValueError: empty, too large, or in another encoding; names the line.
    """
    if isinstance(source, Path):
        size = source.stat().st_size
        if size > MAX_TEXT_BYTES:
            raise ValueError(f"{name} holds {size / 2**30:.1f} GB, but a text table may hold at most "
                             f"{MAX_TEXT_BYTES / 2**30:.0f} GB; convert it to Parquet or keep the newest "
                             "rows.")
        source = source.read_bytes()
    if not source.strip():
        raise ValueError(f"{name} is empty; it should start with a line of column names.")
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError(f"{name} is encoded in UTF-16; save it as UTF-8.")
    if source[:4] in (b"PAR1", b"PK\x03\x04") or source[:2] == b"\x1f\x8b":
        raise ValueError(f"{name} is compressed, not plain text; unpack it, or give it its proper ending.")
    try:
        text = source.decode(encoding)
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}, line {line}, is not {encoding.upper()}; save the file as UTF-8"
                         + (" or load it with encoding='latin-1'." if encoding == "utf-8" else ".")) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{name}, line {line}, holds a NUL byte; the file is damaged or not text, copy it "
                         "again.")
    return source.removeprefix(b"\xef\xbb\xbf") if encoding == "utf-8" else text.encode()


def read_delimited(source: bytes | Path, name: str, delimiter: str, quoted: bool = False,
                   columns: list[str] | None = None, encoding: str = "utf-8", max_rows: int = MAX_ROWS) -> pd.DataFrame:
    """A text table with every cell as text.

    Args:
        quoted: cells may be in double quotes and hold line breaks, as in CSV.
        columns: names for a file that has none in its first line.
        max_rows: refused above, before every cell becomes a text of its own.

    Raises:
        ValueError: see ``read_text``; a row with too few or too many cells, or a column name given twice.
    """
    data = read_text(source, name, encoding)
    if columns is None:
        head = data.split(b"\n", 1)[0].decode().rstrip("\r").split(delimiter)
        names = [column.strip('"') for column in head]
        check_names(names, name)
    else:
        names = columns
    parse = pa.csv.ParseOptions(delimiter=delimiter, quote_char='"' if quoted else False,
                                newlines_in_values=quoted)
    read = pa.csv.ReadOptions(use_threads=False, block_size=64 * 2**20, column_names=columns)
    convert = pa.csv.ConvertOptions(column_types={column: pa.string() for column in names},
                                    strings_can_be_null=False)
    try:
        table = pa.csv.read_csv(pa.BufferReader(data), read, parse, convert)
    except pa.ArrowInvalid as error:
        raise ValueError(f"{name}: {_row_summary(str(error))}; the file may be damaged, check that row.") from None
    _check_rows(table.num_rows, name, max_rows)
    frame = table.to_pandas()
    if quoted and len(frame) and _open_quote(str(frame.iloc[-1, -1]), data):
        raise ValueError(f"{name} ends inside a quoted cell; the file is damaged, copy it again.")
    return frame


def _check_rows(n_rows: int, name: str, max_rows: int) -> None:
    if n_rows > max_rows:
        raise ValueError(f"{name} holds {n_rows:,} rows, but at most {max_rows:,} are read; keep the newest.")


def _open_quote(last_cell: str, data: bytes) -> bool:
    """Whether the last cell began with a quote that nothing closed."""
    return bool(last_cell.strip()) and data.rstrip().endswith(f'"{last_cell.rstrip()}'.encode())


def check_names(names: list[str], file: str) -> None:
    """Raise ValueError unless every column has a name and no name comes twice."""
    for name in names:
        if not name.strip():
            raise ValueError(f"{file} has a column without a name in its first line; name every column.")
        if names.count(name) > 1:
            raise ValueError(f"{file} has two columns named '{name}'; rename one.")


def _row_summary(message: str) -> str:
    """Arrow's message as one short clause: 'row 3: expected 2 columns, got 1'."""
    message = message.removeprefix("CSV parse error: ").split("\n")[0]
    head, _, rest = message.partition(": ")
    if head.startswith("Row #"):
        counts = rest.split(": ")[0]
        return f"row {head[5:]} is not like the first: {counts[:1].lower()}{counts[1:]}"
    return message[:200]


def to_numbers(column: pd.Series, name: str, file: str, first_row: int = 2) -> np.ndarray:
    """A column as finite float64.

    Raises:
        ValueError: names the file, the row, the column and the cell.
    """
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        cell = str(column.iloc[bad[0]])[:40]
        raise ValueError(f"{file}, row {bad[0] + first_row}, column '{name}', holds '{cell}', which is not a "
                         "finite number; correct or delete the row.")
    return numbers


def to_ids(column: pd.Series) -> list[str]:
    """A column as text; whole numbers stay whole, what is missing becomes empty."""
    if pd.api.types.is_float_dtype(column):
        whole = column.dropna()
        if (whole == whole.round()).all() and whole.abs().max() < 2**53:
            column = column.astype("Int64")
    return column.astype("str").where(column.notna(), "").str.strip().tolist()


def need_columns(frame: pd.DataFrame, wanted: list[str], file: str) -> None:
    """Raise ValueError with the columns there are where a wanted one is missing."""
    for column in wanted:
        if column not in frame:
            there = ", ".join(map(str, list(frame)[:20]))
            raise ValueError(f"{file} has no column '{column}', only {there}; rename one or say which it is.")


def read_parquet(path: Path, name: str, max_rows: int = MAX_ROWS, paths: str = "") -> pd.DataFrame:
    """A Parquet file's columns, refused before anything large is allocated.

    Rows are decoded in batches with their dictionaries kept, so that a small file cannot unfold unnoticed. A list of
    texts becomes one text, with spaces between, or with " > " in the column ``paths``.

    Raises:
        ValueError: torn, too many rows, a column of structures or of lists of anything else, or more bytes than
            ``MAX_PARQUET_BYTES`` when unpacked.
    """
    try:
        file = pa.parquet.ParquetFile(path)
        about, schema, max_rows = file.metadata, file.schema_arrow, min(max_rows, MAX_ROWS)
        check_names(schema.names, name)
        for field in schema:
            if pa.types.is_nested(field.type) and not arrow.is_list_of_texts(field.type):
                raise ValueError(f"{name}: column '{field.name}' holds {str(field.type)[:60]}, but only numbers, texts and "
                                 "lists of texts are read; leave it out of the file.")
        bytes_ = sum(about.row_group(group).total_byte_size for group in range(about.num_row_groups))
        if about.num_rows > max_rows or bytes_ > MAX_PARQUET_BYTES:
            raise ValueError(f"{name} unpacks to {about.num_rows:,} rows and {bytes_ / 2**30:.1f} GB, but "
                             f"at most {max_rows:,} rows and {MAX_PARQUET_BYTES / 2**30:.0f} GB are read; "
                             "keep fewer columns or rows.")
        return _decode(path, name, file, paths)
    except Exception as error:  # a torn file raises a dozen kinds, many of them in C++'s words
        if type(error) is ValueError:  # the sentences above and below, not ArrowInvalid, which is one too
            raise
        first = str(error).split("\n")[0][:160]
        raise ValueError(f"{name} is not a readable Parquet file ({first}); it may be damaged, write it "
                         "again.") from None


def _decode(path: Path, name: str, about: pa.parquet.ParquetFile, paths: str) -> pd.DataFrame:
    """All rows, batch by batch, counting the bytes that the plain columns would take."""
    schema = about.schema_arrow
    lists = {field.name for field in schema if pa.types.is_nested(field.type)}
    leaves = [about.schema.column(at).path for at in range(len(about.schema))]
    texts = [leaf for leaf in leaves if (leaf in schema.names and arrow.is_text(schema.field(leaf).type))
             or any(leaf.startswith(f"{column}.") for column in lists)]
    file = pa.parquet.ParquetFile(path, read_dictionary=texts)
    total = 0
    batches: list[pa.RecordBatch] = []
    for batch in file.iter_batches(batch_size=65_536):
        total += sum(arrow.plain_bytes(column) for column in batch.columns)
        if total > MAX_PARQUET_BYTES:
            done = sum(len(batch) for batch in batches)
            raise ValueError(f"{name} unpacks to more than {MAX_PARQUET_BYTES / 2**30:.0f} GB by row "
                             f"{done:,}; it is a decompression bomb or needs fewer "
                             "columns.")
        for column in lists:
            text = arrow.joined(batch.column(column), " > " if column == paths else " ")
            batch = batch.set_column(batch.schema.get_field_index(column), column, text)
        batches.append(batch)
    if not batches:
        return pd.DataFrame({column: [] for column in schema.names})
    return pa.Table.from_batches(batches).unify_dictionaries().to_pandas(ignore_metadata=True)


def read_table(path: str, what: str, encoding: str = "utf-8", max_rows: int = MAX_ROWS,
               paths: str = "") -> tuple[pd.DataFrame, str]:
    """A CSV, TSV or Parquet file and its name, chosen by the ending.

    Args:
        max_rows: refused above, before anything is decoded where the file says how many it has.
        paths: the column of a Parquet file whose lists are paths: A > B.

    Raises:
        ValueError: another ending, or what the readers refuse.
    """
    file = find_file(path, what)
    ending = file.suffix.lower()
    if ending == ".parquet":
        return read_parquet(file, file.name, max_rows, paths), file.name
    if ending in (".csv", ".tsv", ".txt"):
        mark = "," if ending == ".csv" else "\t"
        return read_delimited(file, file.name, mark, True, encoding=encoding, max_rows=max_rows), file.name
    raise ValueError(f"'{file.name}' ends in '{ending}', but the {what} must be .csv, .tsv or .parquet; "
                     "convert it.")
