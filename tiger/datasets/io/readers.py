"""Tables from strangers: text and Parquet, read with limits and with errors that name the row."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from tiger.core import errors, paths
from tiger.core.words import counted
from tiger.datasets.io import arrow

MAX_TEXT_BYTES = 4 * 2**30  # a table of text that is read at once
MAX_PARQUET_BYTES = 2**30  # with every repeated text written out; Python's own texts take several times that
MAX_ROWS = 50_000_000
MAX_COLUMNS = 20_000
MAX_CELLS = 1_000_000_000
MAX_LINE_BYTES = 4 * 2**20  # of the first line
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d{1,3})?")
DATE = re.compile(r"\s*\d{4}-\d{2}-\d{2}")


def find_file(path: str, what: str) -> Path:
    """The path as a file that exists and may be read.

    Raises:
        ValueError: nothing was given, there is no such file, or it lies outside what a server may read.
    """
    if not path:
        raise ValueError(f"No path to the {what} was given; name the file.")
    found = find_place(path)
    if found is None or not found.is_file():
        raise ValueError(f"'{path[:200]}' is not a file; check the path to the {what}.")
    return paths.check_inside(found)


def find_place(path: str) -> Path | None:
    """The path where there is something; None also for a name that no file system can hold."""
    try:
        found = Path(path).expanduser()
        return found if found.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, an unknown ~user, a NUL
        return None


def refuse_code(file: Path, what: str) -> None:
    """Refuse files that run code when they are opened, and say how to convert them.

    Raises:
        ValueError: the ending is one of ``torch.save``, pickle or npz.
    """
    out = f"{file.stem}.npy"
    how = {".pt": f"numpy.save('{out}', torch.load('{file.name}', map_location='cpu', weights_only=True).numpy())",
           ".npz": f"numpy.save('{out}', next(iter(numpy.load('{file.name}').values())))"}
    how |= dict.fromkeys((".pth", ".bin", ".ckpt"), how[".pt"])
    how |= dict.fromkeys((".pkl", ".pickle", ".joblib"), f"numpy.save('{out}', numpy.asarray(THE_ARRAY))")
    ending = file.suffix.lower()
    if ending in how:
        kind = "a numpy archive" if ending == ".npz" else "a file that can run code when it is read"
        raise ValueError(f"'{file.name}' is {kind}, and is never opened; convert the {what} where the file was made, with "
                         f"{how[ending]}, and load '{out}'.")


def packed_as(head: bytes) -> str:
    """What a file is that should be text, by its first bytes; empty where nothing speaks against text."""
    if head[:4] == b"PK\x03\x04":
        excel = b"xl/" in head[:4096] or b"[Content_Types].xml" in head[:4096]
        return "an Excel workbook; save the sheet as CSV" if excel else "a zip archive; unpack it and give the file inside"
    kinds = {b"PAR1": "a Parquet file; let its name end in .parquet", b"\x1f\x8b": "a gzip file; unpack it",
             b"\x93NUMPY": "a numpy array; let its name end in .npy", b"BZh": "a bzip2 file; unpack it",
             b"\xfd7zXZ": "an xz file; unpack it", b"\x28\xb5\x2f\xfd": "a zstd file; unpack it", b"%PDF": "a PDF",
             b"7z\xbc\xaf": "a 7z archive; unpack it", b"SQLite format 3": "an SQLite database; export the table as CSV"}
    return next((words for start, words in kinds.items() if head.startswith(start)), "")


def read_text(source: bytes | Path, name: str, encoding: str = "utf-8", remedy: bool = False) -> bytes:
    """A text file's bytes as UTF-8. Where Latin-1 is asked for, UTF-8 is tried first: hardly any Latin-1 text is valid UTF-8.

    Args:
        remedy: whether the source has an ``encoding`` that can be chosen.

    Raises:
        ValueError: empty, too large, packed, or in another encoding; names the line.
    """
    if isinstance(source, Path):
        size = source.stat().st_size
        if size > MAX_TEXT_BYTES:
            raise ValueError(f"{name} holds {size / 2**30:.1f} GB, but a text table may hold at most "
                             f"{MAX_TEXT_BYTES / 2**30:.0f} GB; convert it to Parquet or keep the newest "
                             "rows.")
        source = source.read_bytes()
    if not source[:4096].strip() and not source.strip():
        raise ValueError(f"{name} is empty; it should start with a line of column names.")
    if source[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError(f"{name} is encoded in UTF-16; save it as UTF-8.")
    if kind := packed_as(source[:4096]):
        raise ValueError(f"{name} is compressed, not plain text: it is {kind}.")
    at = source.find(b"\0")
    if at >= 0:
        line = source.count(b"\n", 0, at) + 1
        raise ValueError(f"{name}, line {line}, holds a NUL byte; the file is damaged or not text, copy it again.")
    try:
        source.decode("utf-8")
        return source.removeprefix(b"\xef\xbb\xbf")
    except UnicodeDecodeError as error:
        if encoding == "latin-1":
            return source.decode("latin-1").encode()
        line = source.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{name}, line {line}, is not UTF-8; save the file as UTF-8"
                         + (" or load it with encoding='latin-1'." if remedy else ".")) from None


def separator_of(first_line: str, expected: str) -> str:
    """What separates the cells of the first line: the expected sign, else the commonest of the usual ones."""
    if expected in first_line:
        return expected
    found = max(SEPARATORS, key=first_line.count)
    return found if found in first_line else expected


def read_delimited(source: bytes | Path, name: str, delimiter: str, quoted: bool = False,
                   columns: list[str] | None = None, encoding: str = "utf-8", max_rows: int = MAX_ROWS,
                   remedy: bool = False) -> pd.DataFrame:
    """A text table with every cell as text.

    Args:
        quoted: cells may be in double quotes and hold line breaks, as in CSV.
        columns: names for a file that has none in its first line.
        max_rows: refused above, before every cell becomes a text of its own.
        remedy: see ``read_text``.

    Raises:
        ValueError: see ``read_text``; a row with too few or too many cells, or a column name given twice.
    """
    data = read_text(source, name, encoding, remedy)
    if columns is None:
        end = data.find(b"\n")
        if (len(data) if end < 0 else end) > MAX_LINE_BYTES:
            raise ValueError(f"{name} has a first line of over {MAX_LINE_BYTES // 2**20} MB; it should hold the column names.")
        first = data[:end if end >= 0 else None].decode().rstrip("\r")
        names = [column.strip('"') for column in first.split(delimiter)]
        check_names(names, name)
    else:
        names = columns
    lines = data.count(b"\n")
    if lines > max_rows + 1 and not quoted:
        _check_rows(lines, name, max_rows)
    if lines * len(names) > MAX_CELLS:
        raise ValueError(f"{name} holds {lines:,} lines of {len(names):,} cells, but at most {MAX_CELLS:,} cells are read from "
                         "text; keep fewer columns, or convert it to Parquet.")
    parse = pa.csv.ParseOptions(delimiter=delimiter, quote_char='"' if quoted else False,
                                newlines_in_values=quoted)
    read = pa.csv.ReadOptions(use_threads=False, block_size=64 * 2**20, column_names=columns)
    convert = pa.csv.ConvertOptions(column_types={column: pa.string() for column in names},
                                    strings_can_be_null=False)
    try:
        table = pa.csv.read_csv(pa.BufferReader(data), read, parse, convert)
    except (pa.ArrowException, OverflowError) as error:
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
    """Raise ValueError unless every column has a name, no name comes twice, and there are not too many."""
    if len(names) > MAX_COLUMNS:
        raise ValueError(f"{file} has {len(names):,} columns, but at most {MAX_COLUMNS:,} are read; keep those that count.")
    seen: set[str] = set()
    for name in names:
        if not name.strip():
            raise ValueError(f"{file} has a column without a name in its first line; name every column.")
        if name in seen:
            raise ValueError(f"{file} has two columns named '{shown([name])}'; rename one.")
        seen.add(name)


def shown(names: Iterable[object], limit: int = 20) -> str:
    """Column names for a message: the first few, each cut to 40 letters, on one line."""
    given = [str(name) for name in names]
    words = [" ".join("".join(letter if letter.isprintable() else " " for letter in name[:40]).split()) for name in given]
    return ", ".join(words[:limit]) + (f" .. ({len(given):,} in all)" if len(given) > limit else "")


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


def need_columns(frame: pd.DataFrame, wanted: list[str], file: str, settings: Mapping[str, str] | None = None) -> None:
    """Raise ValueError with the likely cause where a wanted column is missing.

    Args:
        settings: wanted column to the hyper-parameter that names it, where another name can be given.
    """
    for column in wanted:
        if column not in frame:
            names = list(map(str, frame))
            if _looks_like_data(names):
                n = sum(map(_is_number, names))
                raise ValueError(f"{file} has no column '{column}': it seems to begin with data and not with a line of column "
                                 f"names, since {n} of its {counted(len(names), 'cell')} "
                                 f"{'is a number' if n == 1 else 'are numbers'}; put a line of names such as {', '.join(wanted)} "
                                 "on top.")
            other = next((mark for mark in SEPARATORS if len(names) == 1 and mark in names[0]), None)
            if other is not None:
                raise ValueError(f"{file} has no column '{column}': its cells seem to be separated by "
                                 f"{SEPARATORS[other]}; save it with commas as .csv or with tabs as .tsv.")
            setting = (settings or {}).get(column)
            near = next((name for name in names if _bare(name) == _bare(column)), names[0])
            raise ValueError(f"{file} has no column '{column}', only {shown(names)}; rename one or say which it is"
                             + (f", as in {setting}='{shown([near])}'." if setting else "."))


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _is_number(cell: str) -> bool:
    return bool(NUMBER.fullmatch(cell.strip()))


def _looks_like_data(names: list[str]) -> bool:
    """Whether a first line of names holds numbers or a date, as rows of data do and names do not."""
    return sum(map(_is_number, names)) * 2 >= len(names) or any(DATE.match(name) for name in names)


def read_parquet(path: Path, name: str, max_rows: int = MAX_ROWS, paths: str = "",
                 wanted: Sequence[str] = (), only_wanted: bool = False) -> pd.DataFrame:
    """A Parquet file's columns, refused before anything large is allocated.

    Rows are decoded in batches with their dictionaries kept, so that a small file cannot unfold unnoticed. A list of
    texts becomes one text, with spaces between, or with " > " in the column ``paths``. What is neither number, text, time
    nor list of texts is left out (``frame.attrs["left_out"]`` names it), unless it is wanted.

    Args:
        wanted: columns that the caller reads; one of another kind is refused.
        only_wanted: leave everything else out.

    Raises:
        ValueError: torn, too many rows, a wanted column of another kind, or more bytes than ``MAX_PARQUET_BYTES`` when
            unpacked.
    """
    try:
        file = pa.parquet.ParquetFile(path)
        about, schema, max_rows = file.metadata, file.schema_arrow, min(max_rows, MAX_ROWS)
        check_names(schema.names, name)
        kept = _readable(schema, name, wanted)
        known = set(kept)
        left_out = [column for column in schema.names if column not in known]
        if only_wanted:
            kept = [column for column in kept if column in wanted]
        bytes_ = _declared_bytes(about, set(kept))
        if about.num_rows > max_rows or bytes_ > MAX_PARQUET_BYTES:
            raise ValueError(f"{name} unpacks to {counted(about.num_rows, 'row')} and {bytes_ / 2**30:.1f} GB, but "
                             f"at most {max_rows:,} rows and {MAX_PARQUET_BYTES / 2**30:.0f} GB are read; "
                             "keep fewer columns or rows.")
        frame = _joined(decode(path, name, kept), paths)
        frame.attrs["left_out"] = left_out
        return frame
    except MemoryError:
        raise
    except Exception as error:  # a torn file raises a dozen kinds, many of them in C++'s words
        if type(error) is ValueError and errors.ours(error):  # the sentences above and below
            raise
        raise ValueError(f"{name} is not a readable Parquet file ({errors.first_line(error)}); it may be damaged, write it "
                         "again.") from None


def _readable(schema: pa.Schema, name: str, wanted: Sequence[str]) -> list[str]:
    """Columns of numbers, texts, times and lists of texts; among the wanted ones also lists of whole numbers."""
    kept = []
    for field in schema:
        lists = arrow.is_list_of_ids(field.type) if field.name in wanted else arrow.is_list_of_texts(field.type)
        if arrow.is_plain(field.type) or lists:
            kept.append(field.name)
        elif field.name in wanted:
            raise ValueError(f"{name}: column '{shown([field.name])}' holds {str(field.type)[:60]}, but only numbers, texts "
                             "and lists of texts are read; leave it out of the file.")
    return kept


def _declared_bytes(about: pa.parquet.FileMetaData, kept: set[str]) -> int:
    """What the kept columns unpack to, as the file says."""
    return sum(part.total_uncompressed_size for group in range(about.num_row_groups) for at in range(about.num_columns)
               if (part := about.row_group(group).column(at)).path_in_schema.split(".")[0] in kept or part.path_in_schema in kept)


def decode(path: Path, name: str, kept: list[str]) -> pa.Table:
    """Some columns of a Parquet file, batch by batch, counting the bytes that plain columns would take.

    Raises:
        ValueError: they take more than ``MAX_PARQUET_BYTES``.
    """
    about = pa.parquet.ParquetFile(path)
    schema = about.schema_arrow
    leaves = [about.schema.column(at).path for at in range(len(about.schema))]
    lists = tuple(f"{field.name}." for field in schema if pa.types.is_nested(field.type) and not pa.types.is_struct(field.type))
    plain = {field.name for field in schema if arrow.is_text(field.type)}
    texts = [leaf for leaf in leaves if leaf in plain or (lists and leaf.startswith(lists))]
    file = pa.parquet.ParquetFile(path, read_dictionary=texts)
    total = 0
    batches: list[pa.RecordBatch] = []
    for batch in file.iter_batches(batch_size=65_536, columns=kept, use_threads=False):
        total += sum(arrow.plain_bytes(column) for column in batch.columns)
        if total > MAX_PARQUET_BYTES:
            done = sum(len(batch) for batch in batches)
            raise ValueError(f"{name} unpacks to more than {MAX_PARQUET_BYTES / 2**30:.0f} GB by row "
                             f"{done:,}; it is a decompression bomb or needs fewer "
                             "columns.")
        batches.append(batch)
    if not batches:
        return file.read(columns=kept)
    return pa.Table.from_batches(batches).unify_dictionaries()


def _joined(table: pa.Table, paths: str) -> pd.DataFrame:
    """The table as a frame, lists of texts as one text a row."""
    for at, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            mark = " > " if field.name == paths else " "
            chunks = [arrow.joined(chunk, mark) for chunk in table.column(at).chunks]
            table = table.set_column(at, field.name, pa.chunked_array(chunks, pa.string()))
    return table.to_pandas(ignore_metadata=True)


def column_names(path: str, what: str) -> list[str]:
    """The names in the first line of a text table, or in a Parquet file's schema; none where they cannot be read."""
    file = find_file(path, what)
    if file.suffix.lower() == ".parquet":
        try:
            return list(pa.parquet.read_schema(file).names)
        except (pa.ArrowException, OSError):  # said when its columns are read
            return []
    with file.open("rb") as opened:
        first = opened.readline(MAX_LINE_BYTES).removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").rstrip("\r\n")
    mark = separator_of(first, "\t" if file.suffix.lower() in (".tsv", ".txt") else ",")
    return [name.strip('"') for name in first.split(mark)][:MAX_COLUMNS]


def read_table(path: str, what: str, encoding: str = "utf-8", max_rows: int = MAX_ROWS, paths: str = "",
               wanted: Sequence[str] = (), only_wanted: bool = False, remedy: bool = False) -> tuple[pd.DataFrame, str]:
    """A CSV, TSV or Parquet file and its name, chosen by the ending.

    Text may be separated otherwise than its ending says (by semicolons, say): the first line tells.

    Args:
        max_rows: refused above, before anything is decoded where the file says how many it has.
        paths: the column of a Parquet file whose lists are paths: A > B.
        wanted, only_wanted: see ``read_parquet``.
        remedy: see ``read_text``.

    Raises:
        ValueError: another ending, or what the readers refuse.
    """
    file = find_file(path, what)
    ending = file.suffix.lower()
    if ending == ".parquet":
        return read_parquet(file, file.name, max_rows, paths, wanted, only_wanted), file.name
    if ending in (".csv", ".tsv", ".txt"):
        with file.open("rb") as opened:
            first = opened.readline(MAX_LINE_BYTES).decode("utf-8", "replace")
        mark = separator_of(first, "," if ending == ".csv" else "\t")
        return read_delimited(file, file.name, mark, True, encoding=encoding, max_rows=max_rows, remedy=remedy), file.name
    refuse_code(file, what)
    with file.open("rb") as opened:
        kind = packed_as(opened.read(4096))
    raise ValueError(f"'{file.name}' ends in '{file.suffix[:20].lower()}', but the {what} must be .csv, .tsv or .parquet; "
                     + (f"it is {kind}." if kind else "convert it."))
