"""Vectors in many files: which rows belong to which shard, and reading them a batch at a time.

A folder's ``.npy`` and ``.parquet`` files, sorted by name, are one long table whose rows are numbered from 0. It is cut into
shards of a fixed number of rows, none of which spans two files.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tiger.datasets.vectors import MAX_WIDTH

COLUMN, ID_COLUMN = "embedding", "item_id"
BATCH = 16_384  # rows that are in memory at once
KINDS = (".npy", ".parquet")


@dataclass(frozen=True)
class Source:
    """One file of vectors.

    Args:
        path: the file.
        n_rows, width: shape of its table.
        size, changed_ns: bytes, and when it was changed last, in nanoseconds since 1970.
        has_ids: whether it names its items (a Parquet column ``item_id``).
    """

    path: str
    n_rows: int
    width: int
    size: int
    changed_ns: int
    has_ids: bool


@dataclass(frozen=True)
class Shard:
    """Rows that are encoded together.

    Args:
        number: place among all shards.
        source: file that they stand in.
        first: their first row in that file.
        n_rows: how many they are.
        item: number of the first row over all files.
    """

    number: int
    source: Source
    first: int
    n_rows: int
    item: int


def sources(path: Path, column: str = COLUMN) -> list[Source]:
    """The files of vectors at a path, a file or a folder, in the order of their names.

    Raises:
        ValueError: there are none, one cannot be read, or they have different widths; names the file and the remedy.
    """
    names = sorted(path.iterdir()) if path.is_dir() else [path]
    names = [name for name in names if name.suffix in KINDS and not name.name.startswith(".")]
    if not names or not path.exists():
        raise ValueError(f"'{path}' holds no {' or '.join(KINDS)} file; write the vectors there, one row an item.")
    found = [_source(name, column) for name in names]
    for one in found:
        if one.width != found[0].width:
            raise ValueError(f"{Path(one.path).name} is {one.width} wide, but {Path(found[0].path).name} is {found[0].width}; "
                             "all files of a folder must have vectors of one width.")
        if one.has_ids != found[0].has_ids:
            raise ValueError(f"Of {Path(one.path).name} and {Path(found[0].path).name} only one has a column '{ID_COLUMN}'; "
                             "give the ids of all items or of none.")
    return found


def cut(found: list[Source], shard_size: int) -> list[Shard]:
    """The shards of the files, at most ``shard_size`` rows each."""
    made: list[Shard] = []
    item = 0
    for source in found:
        for first in range(0, source.n_rows, shard_size):
            n_rows = min(shard_size, source.n_rows - first)
            made.append(Shard(len(made), source, first, n_rows, item))
            item += n_rows
    return made


def batches(shard: Shard, column: str = COLUMN) -> Iterator[tuple[int, np.ndarray]]:
    """A shard's vectors, (N, E) float32, with the row of the file at which each batch begins.

    Raises:
        ValueError: rows of another width, or that are no vectors; names the file and the row.
    """
    source = shard.source
    if source.path.endswith(".npy"):
        table_NE = np.load(source.path, mmap_mode="r", allow_pickle=False)
        for first in range(shard.first, shard.first + shard.n_rows, BATCH):
            last = min(first + BATCH, shard.first + shard.n_rows)
            yield first, np.array(table_NE[first:last], np.float32)
        return
    first = shard.first
    for part in _columns(shard, column):
        yield first, _vectors(part, source, first)
        first += len(part)


def item_ids(shard: Shard) -> pa.Array:
    """The ids of a shard's items, as text."""
    return pa.concat_arrays([pc.cast(part, pa.string()) for part in _columns(shard, ID_COLUMN)])


def _source(path: Path, column: str) -> Source:
    about = path.stat()
    try:
        if path.suffix == ".npy":
            table = np.load(path, mmap_mode="r", allow_pickle=False)
            shape, kind, has_ids = table.shape, str(table.dtype), False
            numeric = table.dtype.kind == "f"
        else:
            shape, kind, numeric, has_ids = _parquet_shape(path, column)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{path.name} cannot be read ({str(error).splitlines()[0][:120]}); write it again.") from None
    if not numeric:
        raise ValueError(f"{path.name} holds {kind}, but vectors are tables of floats; save them as float32.")
    if len(shape) != 2 or min(shape) < 1 or shape[1] > MAX_WIDTH:
        raise ValueError(f"{path.name} has shape {str(shape)[:60]}, but vectors have (items, width), 1 to {MAX_WIDTH:,} wide.")
    return Source(str(path.resolve()), shape[0], shape[1], about.st_size, about.st_mtime_ns, has_ids)


def _parquet_shape(path: Path, column: str) -> tuple[tuple[int, int], str, bool, bool]:
    """Rows and width, the column's type, whether that is a list of floats, and whether there are ids."""
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        if column not in schema.names:
            raise ValueError(f"it has no column '{column}', only {', '.join(schema.names)[:80]}")
        kind = schema.field(column).type
        lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
        if not lists or not pa.types.is_floating(kind.value_type):
            return (0, 0), str(kind), False, False
        n_rows = file.metadata.num_rows
        if pa.types.is_fixed_size_list(kind):
            width = kind.list_size
        else:
            first = next(file.iter_batches(batch_size=1, columns=[column]), None)
            width = 0 if first is None or first.column(0)[0].as_py() is None else len(first.column(0)[0])
        return (n_rows, width), str(kind), True, ID_COLUMN in schema.names


def _columns(shard: Shard, column: str) -> Iterator[pa.Array]:
    """A column of a shard's rows in a Parquet file; only row groups that hold some of them are read."""
    with pq.ParquetFile(shard.source.path) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
        ends = np.cumsum(sizes)
        last = shard.first + shard.n_rows
        groups = [number for number, end in enumerate(ends) if end > shard.first and end - sizes[number] < last]
        row = int(ends[groups[0]] - sizes[groups[0]])
        for batch in file.iter_batches(batch_size=BATCH, row_groups=groups, columns=[column]):
            low, high = max(0, shard.first - row), min(len(batch), last - row)
            if low < high:
                yield batch.column(0).slice(low, high - low)
            row += len(batch)


def _vectors(part: pa.Array, source: Source, first: int) -> np.ndarray:
    lengths = pc.fill_null(pc.list_value_length(part), 0).to_numpy(zero_copy_only=False)
    bad = np.flatnonzero(lengths != source.width)
    if len(bad):
        raise ValueError(f"Row {first + bad[0]} of {Path(source.path).name} has {lengths[bad[0]]} numbers, but the first has "
                         f"{source.width}; give every item a whole vector.")
    flat = pc.list_flatten(part)
    return flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, source.width)
