"""Vectors in many files: which rows belong to which shard, reading them a batch at a time, and a sample of all.

A folder's ``.npy`` and ``.parquet`` files, sorted by name, are one long table whose rows are numbered from 0. It is cut into
shards of a fixed number of rows, none of which spans two files. The folder is a path, or any address that fsspec opens
(``s3://bucket/vectors``, ``memory://vectors``), with its package installed.
"""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tiger.core import errors, paths
from tiger.core.words import counted
from tiger.datasets.vectors import MAX_WIDTH

COLUMN, ID_COLUMN = "embedding", "item_id"
BATCH = 16_384  # rows that are in memory at once
WINDOW = 262_144  # rows of a file that are mapped at once, while single ones are picked
KINDS = (".npy", ".parquet")
MEMORY_SHARE = 0.5  # of the free memory, for a sample


@dataclass(frozen=True)
class Source:
    """One file of vectors.

    Args:
        path: the file, or its address.
        n_rows, width: shape of its table.
        size, changed_ns: bytes, and when it was changed last, in nanoseconds since 1970; at an address a number that changes
            with the file.
        has_ids: whether it names its items (a Parquet column ``item_id``).
    """

    path: str
    n_rows: int
    width: int
    size: int
    changed_ns: int
    has_ids: bool

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1] if is_address(self.path) else Path(self.path).name


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


def is_address(place: Path | str) -> bool:
    """Whether this is an address for fsspec and no path."""
    return "://" in str(place)


def sources(place: Path | str, column: str = COLUMN) -> list[Source]:
    """The files of vectors at a place, a file or a folder, in the order of their names.

    Raises:
        ValueError: there are none, one cannot be read, or they have different widths; names the file and the remedy.
    """
    found = [_source(name, column) for name in _names(place)]
    if not found:
        raise ValueError(f"'{str(place)[:200]}' holds no {' or '.join(KINDS)} file; write the vectors there, one row an item.")
    for one in found:
        if one.width != found[0].width:
            raise ValueError(f"{one.name} is {one.width} wide, but {found[0].name} is {found[0].width}; all files of a folder "
                             "must have vectors of one width.")
        if one.has_ids != found[0].has_ids:
            raise ValueError(f"Of {one.name} and {found[0].name} only one has a column '{ID_COLUMN}'; give the ids of all items "
                             "or of none.")
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
        with _npy(source) as rows:
            for first in range(shard.first, shard.first + shard.n_rows, BATCH):
                last = min(first + BATCH, shard.first + shard.n_rows)
                yield first, np.array(rows(first, last), np.float32)
        return
    first = shard.first
    for part in _columns(shard, column):
        yield first, _vectors(part, source, first)
        first += len(part)


def item_ids(shard: Shard) -> pa.Array:
    """The ids of a shard's items, as text."""
    return pa.concat_arrays([pc.cast(part, pa.string()) for part in _columns(shard, ID_COLUMN)])


def sample_rows(n_rows: int, n: int, seed: int) -> np.ndarray:
    """``n`` row numbers, ascending: one at random from each of ``n`` equal stretches of the table; all rows where it has no more.

    Every file is in the sample in proportion to its rows, and memory does not grow with ``n_rows``.
    """
    if n >= n_rows:
        return np.arange(n_rows)
    edge = np.array([part * n_rows // n for part in range(n + 1)])
    return edge[:-1] + np.random.default_rng(seed).integers(0, np.diff(edge))


def take(found: list[Source], row_N: np.ndarray, column: str = COLUMN) -> tuple[np.ndarray, list[str] | None]:
    """Some rows of the long table: (N, E) float32, and their ids where the files have ids.

    Args:
        row_N: ascending.

    Raises:
        ValueError: they do not fit into half of the free memory (said before any is read), or a row holds NaN or infinity.
    """
    width, free = found[0].width, psutil.virtual_memory().available * MEMORY_SHARE
    if len(row_N) * width * 4 > free:
        raise ValueError(f"{len(row_N):,} vectors of width {width:,} take {len(row_N) * width * 4 / 2**30:.1f} GB, but only "
                         f"{free / 2**30:.1f} GB of memory may be used here; sample at most "
                         f"{counted(int(free) // (width * 4), 'row')}.")
    emb_NE, ids, item, at = np.empty((len(row_N), width), np.float32), list[str](), 0, 0
    for source in found:
        mine_N = row_N[at:np.searchsorted(row_N, item + source.n_rows)] - item
        for picked_N, emb_BE in _picked(source, mine_N, column):
            bad = np.flatnonzero(~np.isfinite(emb_BE).all(1))
            if len(bad):
                raise ValueError(f"{source.name}: embedding row {picked_N[bad[0]]} holds NaN or infinity; drop or repair it.")
            emb_NE[at:at + len(emb_BE)] = emb_BE
            at += len(emb_BE)
        if source.has_ids:
            ids += _picked_ids(source, mine_N)
        item += source.n_rows
    return emb_NE, ids if found[0].has_ids else None


def _names(place: Path | str) -> list[str]:
    """Every file of vectors there, sorted by name."""
    if is_address(place):
        paths.check_inside(Path(str(place)))  # a visitor of a server gives no addresses
        fs, root = _file_system(str(place))
        with _said(str(place)):
            names = fs.ls(root, detail=False) if fs.isdir(root) else [root] * fs.exists(root)
        return sorted(fs.unstrip_protocol(name) for name in names if _is_vectors(name))
    folder = Path(place)
    files = sorted(folder.iterdir()) if folder.is_dir() else [folder] * folder.exists()
    return [str(paths.check_inside(file).absolute()) for file in files if _is_vectors(file.name)]


def _is_vectors(name: str) -> bool:
    last = name.rsplit("/", 1)[-1]
    return last.endswith(KINDS) and not last.startswith(".")


@contextlib.contextmanager
def _said(place: str) -> Iterator[None]:
    """Whatever a file system raises, as one sentence."""
    try:
        yield
    except Exception as error:  # every file system of fsspec has errors of its own
        if type(error) is ValueError and errors.ours(error):
            raise
        raise ValueError(f"{place} cannot be read ({errors.first_line(error)[:120]}); check the address, and that whoever runs "
                         "this may read it.") from None


def _file_system(address: str) -> tuple[Any, str]:
    """The file system of an address, and the path within it."""
    from fsspec.core import url_to_fs
    with _said(address):
        fs, path = url_to_fs(address)
    return fs, path


@contextlib.contextmanager
def _opened(path: str) -> Iterator[IO[bytes]]:
    if is_address(path):
        fs, name = _file_system(path)
        with fs.open(name, "rb") as file:
            yield file
    else:
        with Path(path).open("rb") as file:
            yield file


def _source(path: str, column: str) -> Source:
    name = path.rsplit("/", 1)[-1]
    try:
        if is_address(path):
            fs, inside = _file_system(path)
            size, changed_ns = int(fs.size(inside)), int(fs.ukey(inside)[:15], 16)
        else:
            about = Path(path).stat()
            size, changed_ns = about.st_size, about.st_mtime_ns
        if path.endswith(".npy"):
            with _opened(path) as file:
                shape, _, dtype, start = _header(file)
            kind, numeric, has_ids = str(dtype), dtype.kind == "f", False
            if numeric and math.prod(shape) * dtype.itemsize > size - start:
                raise ValueError(f"it should hold {math.prod(shape) * dtype.itemsize:,} bytes of numbers, but holds "
                                 f"{max(0, size - start):,}")
        else:
            shape, kind, numeric, has_ids = _parquet_shape(path, column)
    except Exception as error:  # a torn header fails in Python's tokenizer, and a file system in its own ways
        raise ValueError(f"{name} cannot be read ({(str(error).splitlines() or [''])[0][:120]}); write it again.") from None
    if not numeric:
        raise ValueError(f"{name} holds {kind}, but vectors are tables of floats; save them as float32.")
    if len(shape) != 2 or min(shape) < 1 or shape[1] > MAX_WIDTH:
        raise ValueError(f"{name} has shape {str(shape)[:60]}, but vectors have (items, width), 1 to {MAX_WIDTH:,} wide.")
    return Source(path, shape[0], shape[1], size, changed_ns, has_ids)


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Shape, whether columns come first, dtype, and where the numbers begin."""
    version = np.lib.format.read_magic(file)
    read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}.get(version)
    if read is None:
        raise ValueError(f"its npy version is {version}")
    shape, columns_first, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which can run code when read")
    return shape, columns_first, dtype, file.tell()


@contextlib.contextmanager
def _npy(source: Source) -> Iterator[Any]:
    """A function that gives the rows ``first`` to ``last`` of an npy file. A local file is mapped a window at a time, so that a
    process whose address space is bounded can read any file."""
    with _opened(source.path) as file:
        shape, columns_first, dtype, start = _header(file)
        if shape != (source.n_rows, source.width):
            raise ValueError(f"{source.name} has changed while it was read; begin again.")
        if columns_first and is_address(source.path):
            raise ValueError(f"{source.name} holds its columns one after another; save it again with numpy.ascontiguousarray.")
        table = np.load(source.path, mmap_mode="r", allow_pickle=False) if columns_first else None
        row_bytes = dtype.itemsize * source.width

        def rows(first: int, last: int) -> np.ndarray:
            if table is not None:
                return table[first:last]
            offset, shape = start + first * row_bytes, (last - first, source.width)
            if not is_address(source.path):
                return np.memmap(source.path, dtype, "r", offset, shape)
            file.seek(offset)
            content = file.read(shape[0] * row_bytes)
            if len(content) < shape[0] * row_bytes:
                raise ValueError(f"{source.name} ends before row {last}; write it again.")
            return np.frombuffer(content, dtype).reshape(shape)

        yield rows


def _picked(source: Source, row_N: np.ndarray, column: str) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some rows of one file, ascending: their numbers and vectors, a part at a time."""
    if not len(row_N):
        return
    if source.path.endswith(".npy") and not is_address(source.path):
        with _npy(source) as rows:
            for first in range(0, source.n_rows, WINDOW):
                mine_N = row_N[slice(*np.searchsorted(row_N, [first, first + WINDOW]))]
                if len(mine_N):
                    window = rows(first, min(first + WINDOW, source.n_rows))
                    yield mine_N, np.asarray(window[mine_N - first], np.float32)
        return
    for first, emb_BE in batches(Shard(0, source, 0, source.n_rows, 0), column):
        mine_N = row_N[slice(*np.searchsorted(row_N, [first, first + len(emb_BE)]))]
        if len(mine_N):
            yield mine_N, emb_BE[mine_N - first]


def _picked_ids(source: Source, row_N: np.ndarray) -> list[str]:
    """The ids of some rows of one file, ascending."""
    found, first = list[str](), 0
    for part in _columns(Shard(0, source, 0, source.n_rows, 0), ID_COLUMN):
        mine_N = row_N[slice(*np.searchsorted(row_N, [first, first + len(part)]))] - first
        found += [str(one) for one in part.take(pa.array(mine_N)).to_pylist()]
        first += len(part)
    return found


@contextlib.contextmanager
def _parquet(path: str) -> Iterator[pq.ParquetFile]:
    with contextlib.ExitStack() as opened:
        yield opened.enter_context(pq.ParquetFile(opened.enter_context(_opened(path)) if is_address(path) else path))


def _parquet_shape(path: str, column: str) -> tuple[tuple[int, int], str, bool, bool]:
    """Rows and width, the column's type, whether that is a list of floats, and whether there are ids."""
    with _parquet(path) as file:
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
    with _parquet(shard.source.path) as file:
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
        raise ValueError(f"Row {first + bad[0]} of {source.name} has {counted(lengths[bad[0]], 'number')}, but the first has "
                         f"{source.width}; give every item a whole vector.")
    flat = pc.list_flatten(part)
    return flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, source.width)
