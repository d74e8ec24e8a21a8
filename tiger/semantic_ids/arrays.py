"""Codes from npy and safetensors files; the header is checked before anything is allocated."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from safetensors import safe_open

from tiger.core import errors
from tiger.core.words import counted
from tiger.semantic_ids import columns
from tiger.semantic_ids.raw import MAX_LEVELS, RawIds, check_shape, declared, whole_numbers

DTYPES = ("I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "F32", "F64")


def read_npy(path: Path) -> RawIds:
    """A table of whole numbers, one row an item."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else \
                np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
        except Exception as error:  # a torn header fails in Python's tokenizer, in many ways
            raise ValueError(f"'{path.name}' is damaged or not an npy file ({errors.first_line(error)}); "
                             "write it with np.save.") from None
        if dtype.hasobject:
            raise ValueError(f"'{path.name}' holds Python objects, which are never loaded; save integers.")
        if dtype.kind not in "iuf":
            raise ValueError(f"'{path.name}' holds {dtype}, but codes must be whole numbers; save them as int32.")
        upright = _upright(shape)
        check_shape(path.name, upright)
        needed, have = int(np.prod(shape)) * dtype.itemsize, path.stat().st_size - file.tell()
        if have < needed:
            raise ValueError(f"'{path.name}' is truncated: {have:,} of {needed:,} bytes are there; copy it again.")
    values = np.load(path, allow_pickle=False)
    return RawIds(whole_numbers(path.name, values if upright == shape else values.T), notes=_notes(shape, upright))


def _upright(shape: Sequence[int]) -> tuple[int, ...]:
    """The shape as (items, levels): with few rows and more columns than there can be levels, the file has them swapped."""
    if len(shape) == 2 and 0 < shape[0] <= MAX_LEVELS < shape[1]:
        return shape[1], shape[0]
    return tuple(shape)


def _notes(shape: Sequence[int], upright: Sequence[int]) -> tuple[str, ...]:
    if tuple(shape) == tuple(upright):
        return ()
    return (f"The file's shape is ({shape[0]:,}, {shape[1]:,}), so it was read as {counted(shape[0], 'level')} of "
            f"{counted(shape[1], 'item')}.",)


def read_safetensors(path: Path) -> RawIds:
    """The tensor called ids, codes or semantic_ids, or the only table there is."""
    with safe_open(path, "numpy") as file:
        about = file.metadata() or {}
        names = list(file.keys())
        tables = [name for name in names if len(file.get_slice(name).get_shape()) == 2]
        chosen = [name for name in ("ids", "codes", "semantic_ids") if name in tables] or tables
        if not chosen or (len(chosen) > 1 and chosen == tables):
            raise ValueError(f"'{path.name}' holds {columns.shown(names) or 'nothing'}; "
                             "name the table of codes 'codes'.")
        shape = tuple(file.get_slice(chosen[0]).get_shape())
        upright = _upright(shape)
        check_shape(path.name, upright)
        dtype = file.get_slice(chosen[0]).get_dtype()
        if dtype not in DTYPES:  # numpy has no bfloat16 and no float8
            raise ValueError(f"'{path.name}' holds {dtype} in '{chosen[0]}', but codes must be whole numbers; "
                             "save them as int32.")
        values = file.get_tensor(chosen[0])
        codes_NL = whole_numbers(path.name, values if upright == shape else values.T)
    if "n_levels" not in about:
        return RawIds(codes_NL, notes=_notes(shape, upright))
    try:
        said = json.loads(about.get("n_codes", "")), json.loads(about["n_levels"])
    except (ValueError, RecursionError):
        said = None, None
    return declared(path.name, codes_NL, *said)
