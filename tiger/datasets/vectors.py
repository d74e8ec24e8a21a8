"""Embeddings that somebody brings: npy or safetensors, matched to the items by row or by a list of ids."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tiger.core import errors
from tiger.core.params import param
from tiger.core.words import counted, there
from tiger.datasets.base import MAX_ITEMS
from tiger.datasets.io import readers
from tiger.datasets.io.ids import plain, to_ids

MAX_WIDTH = 16_384
BLOCK = 65_536  # rows that are checked at once
HALF = re.compile("[\\ud800-\\udfff]")  # half of a surrogate pair: JSON can spell it, no file can hold it


@dataclass
class Given:
    """Vectors as they are, not scaled; one row per item."""

    title: ClassVar[str] = "Own vectors"
    summary: ClassVar[str] = "Your own embeddings, one row per item, from an .npy or .safetensors file."

    path: str = param("", "An .npy or .safetensors file with one row per item.")
    ids: str = param("", "File with the item id of each row (.txt one per line, .json list, or .csv with "
                         "item_id); empty where the rows follow the items' order.")
    tensor: str = param("", "Name of the tensor, if a .safetensors file has several.", group="advanced")

    def read(self, item_ids: list[str]) -> np.ndarray:
        """Float32 (I, E), one row per item of ``item_ids``.

        Raises:
            ValueError: names the file, the row or id, and the remedy.
        """
        emb_NE, name = self.array(), Path(self.path).name
        if self.ids:
            emb_NE = emb_NE[_rows(self.ids, item_ids, len(emb_NE), name)]
        elif len(emb_NE) != len(item_ids):
            raise ValueError(f"{name} has {counted(len(emb_NE), 'row')}, but {there(len(item_ids), 'item')}; "
                             "give one row per item in the items' order, or a file with the id of each row.")
        return _finite(emb_NE, name, item_ids)

    def array(self) -> np.ndarray:
        """The file's rows as they are, (N, E), not yet matched to items.

        Raises:
            ValueError: names the file and the remedy.
        """
        file = readers.find_file(self.path, "embedding")
        readers.refuse_code(file, "embedding")
        if file.suffix.lower() == ".npy":
            return _read_npy(file)
        if file.suffix.lower() == ".safetensors":
            return _read_safetensors(file, self.tensor)
        raise ValueError(f"'{file.name}' ends in '{file.suffix[:20]}', but an embedding must be .npy or "
                         ".safetensors; convert it.")


    def rows(self) -> tuple[list[str], int]:
        """The id of each row, none where there is no file of ids, and the number of rows; every number was looked at.

        Raises:
            ValueError: names the file and the remedy.
        """
        emb_NE = self.array()
        ids = read_ids(self.ids) if self.ids else []
        names = ids or _RowNumbers(len(emb_NE))
        if ids:
            _rows(self.ids, ids, len(emb_NE), Path(self.path).name)
        for first in range(0, len(emb_NE), BLOCK):
            _check_finite(emb_NE[first:first + BLOCK], Path(self.path).name, names, first)
        return ids, len(emb_NE)


class _RowNumbers(Sequence):
    """Row numbers as ids, made when one is asked for."""

    def __init__(self, n_rows: int):
        self.n_rows = n_rows

    def __len__(self) -> int:
        return self.n_rows

    def __getitem__(self, row: Any) -> str:
        return str(row)


def _finite(emb_IE: np.ndarray, file: str, item_ids: list[str]) -> np.ndarray:
    """Float32, with the first row that holds NaN or infinity named."""
    with np.errstate(over="ignore"):
        emb_IE = np.array(emb_IE, dtype=np.float32, order="C")  # a copy: the file may change later
    _check_finite(emb_IE, file, item_ids)
    return emb_IE


def _check_finite(emb_NE: np.ndarray, file: str, ids: Sequence[str], first: int = 0) -> None:
    with np.errstate(over="ignore"):
        bad = np.flatnonzero(~np.isfinite(emb_NE.astype(np.float32, copy=False)).all(axis=1))
    if len(bad):
        raise ValueError(f"{file}: the vector of item '{ids[first + int(bad[0])]}' (item {first + bad[0]}) holds NaN or "
                         f"infinity ({counted(len(bad), 'such row')}); drop or repair them.")


def _check_shape(shape: tuple[int, ...], kind: str, numeric: bool, file: str) -> None:
    """Refuse what is no table of numbers, before anything is read."""
    if not numeric:
        raise ValueError(f"{file} holds values of type {kind}, but an embedding holds floats; save it as "
                         "float32.")
    if len(shape) != 2 or min(shape) < 1:
        raise ValueError(f"{file} has shape {str(shape)[:60]}, but an embedding has (items, width); reshape it.")
    if shape[0] > MAX_ITEMS:
        raise ValueError(f"{file} has {shape[0]:,} rows, but at most {MAX_ITEMS:,} items are read; keep fewer"
                         + (", or transpose it, if its rows are the dimensions." if shape[1] > shape[0] else "."))
    if shape[1] > MAX_WIDTH:
        raise ValueError(f"{file} is {shape[1]:,} wide, but at most {MAX_WIDTH:,} is read; "
                         + ("transpose it to one row an item." if shape[0] <= MAX_WIDTH < shape[1] and shape[0] >= 8 else
                            "reduce it first."))


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0][:120]


def _read_npy(file: Path) -> np.ndarray:
    """A two-dimensional npy; its header is checked against the file's size before anything is allocated."""
    try:
        with file.open("rb") as stream:
            version = np.lib.format.read_magic(stream)
            header = {(1, 0): np.lib.format.read_array_header_1_0,
                      (2, 0): np.lib.format.read_array_header_2_0}
            if version not in header:
                raise ValueError(f"version {version}")
            shape, _, dtype = header[version](stream)
            start = stream.tell()
    except Exception as error:  # a torn header fails in Python's tokenizer, in many ways
        raise ValueError(f"{file.name} is not a readable npy file ({_first_line(error)}); "
                         "save it with numpy.save.") from None
    if dtype.hasobject:
        raise ValueError(f"{file.name} holds Python objects, which can run code when read; save it as "
                         "float32.")
    _check_shape(shape, str(dtype), dtype.kind in "fiu", file.name)
    needed, there = shape[0] * shape[1] * dtype.itemsize, file.stat().st_size - start
    if needed > there:
        raise ValueError(f"{file.name} should hold {needed:,} bytes of numbers, but holds {there:,}; "
                         "the file is damaged, copy it again.")
    return np.load(file, mmap_mode="r", allow_pickle=False)


def _read_safetensors(file: Path, tensor: str) -> np.ndarray:
    """One tensor of a safetensors file; bfloat16 is widened."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="pt") as opened:
            names = list(opened.keys())
            name = tensor or (names[0] if len(names) == 1 else "")
            if name not in names:
                wanted = f"no tensor '{tensor[:40]}'" if tensor else counted(len(names), "tensor")
                raise ValueError(f"{file.name} holds {wanted}, only {readers.shown(names, 10) or 'none'}; name "
                                 "one of them" + (f" with tensor='{readers.shown(names[:1])}'." if names else "."))
            part: Any = opened.get_slice(name)
            kind = part.get_dtype()
            _check_shape(tuple(part.get_shape()), kind, kind in ("F64", "F32", "F16", "BF16"), file.name)
            return opened.get_tensor(name).float().numpy()
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{file.name} is not a readable safetensors file ({_first_line(error)}); "
                         "it may be damaged, save it again.") from None


def read_ids(path: str) -> list[str]:
    """Item ids from a .txt (one a line), a .json list, or the item_id column of a table."""
    file = readers.find_file(path, "list of ids")
    if file.suffix.lower() == ".json":
        try:
            ids = json.loads(readers.read_text(file, file.name))
        except (ValueError, RecursionError) as error:
            if type(error) is ValueError and errors.ours(error):
                raise
            raise ValueError(f"{file.name} is not readable JSON; it should be a list of ids.") from None
        if not isinstance(ids, list) or not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in ids):
            raise ValueError(f"{file.name} should be a JSON list of ids, each a text or a whole number.")
        return plain(_whole([str(one).strip() for one in ids], file.name, "entry"))
    if file.suffix.lower() == ".txt":
        lines = readers.read_text(file, file.name).decode().rstrip().split("\n")
        return plain(_whole([line.strip() for line in lines], file.name, "line"))
    frame, name = readers.read_table(path, "list of ids")
    readers.need_columns(frame, ["item_id"], name)
    if pd.api.types.is_bool_dtype(frame["item_id"]):
        raise ValueError(f"{name}: column 'item_id' holds true and false, which are not ids; name the right column so.")
    return _whole(to_ids(frame["item_id"]), name, "row", 2)


def _whole(ids: list[str], file: str, what: str, first: int = 1) -> list[str]:
    """The ids, where each is there and can be written down.

    Raises:
        ValueError: names the first row without an id, or with half a character in it.
    """
    for number, one in enumerate(ids, first):
        if not one or HALF.search(one):
            raise ValueError(f"{file}, {what} {number}, {'holds half a character' if one else 'has no id'}; "
                             "give the id of every vector.")
    return ids


def _rows(path: str, item_ids: list[str], n_rows: int, file: str) -> np.ndarray:
    """For each item the row of its vector."""
    ids, name = read_ids(path), Path(path).name
    if len(ids) != n_rows:
        raise ValueError(f"{name} lists {counted(len(ids), 'id')}, but {file} has {counted(n_rows, 'row')}; they must be as "
                         "many.")
    row = {one: number for number, one in enumerate(ids)}
    if len(row) != len(ids):
        again = next(one for number, one in enumerate(ids) if row[one] != number)
        raise ValueError(f"{name} lists the id '{again[:40]}' more than once; keep one row per item.")
    missing = [one for one in item_ids if one not in row]
    if missing:
        raise ValueError(f"{file} has no vector for item '{missing[0]}' ({counted(len(missing), 'is', 'are')} missing); "
                         f"add them to {name} and to {file}.")
    return np.array([row[one] for one in item_ids], np.int64)
