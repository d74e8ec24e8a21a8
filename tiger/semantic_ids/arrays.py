"""Codes from npy and safetensors files; the header is checked before anything is allocated."""

import json
from pathlib import Path

import numpy as np
from safetensors import safe_open

from tiger.semantic_ids.raw import RawIds, check_shape, declared, whole_numbers

DTYPES = ("I8", "I16", "I32", "I64", "U8", "U16", "U32", "U64", "F16", "F32", "F64")


def read_npy(path: Path) -> RawIds:
    """A table of whole numbers, one row an item."""
    with path.open("rb") as file:
        try:
            version = np.lib.format.read_magic(file)
            header = np.lib.format.read_array_header_1_0 if version == (1, 0) else \
                np.lib.format.read_array_header_2_0
            shape, _, dtype = header(file)
        except ValueError as error:
            raise ValueError(f"'{path.name}' is damaged or not an npy file ({error}); "
                             "write it with np.save.") from None
        if dtype.hasobject:
            raise ValueError(f"'{path.name}' holds Python objects, which are never loaded; save integers.")
        check_shape(path.name, shape)
        needed, have = int(np.prod(shape)) * dtype.itemsize, path.stat().st_size - file.tell()
        if have < needed:
            raise ValueError(f"'{path.name}' is truncated: {have:,} of {needed:,} bytes are there; copy it again.")
    return RawIds(whole_numbers(path.name, np.load(path, allow_pickle=False)))


def read_safetensors(path: Path) -> RawIds:
    """The tensor called ids, codes or semantic_ids, or the only table there is."""
    with safe_open(path, "numpy") as file:
        about = file.metadata() or {}
        names = list(file.keys())
        tables = [name for name in names if len(file.get_slice(name).get_shape()) == 2]
        chosen = [name for name in ("ids", "codes", "semantic_ids") if name in tables] or tables
        if not chosen or (len(chosen) > 1 and chosen == tables):
            raise ValueError(f"'{path.name}' holds {', '.join(names) or 'nothing'}; "
                             "name the table of codes 'codes'.")
        check_shape(path.name, file.get_slice(chosen[0]).get_shape())
        dtype = file.get_slice(chosen[0]).get_dtype()
        if dtype not in DTYPES:  # numpy has no bfloat16 and no float8
            raise ValueError(f"'{path.name}' holds {dtype} in '{chosen[0]}', but codes must be whole numbers; "
                             "save them as int32.")
        codes_NL = whole_numbers(path.name, file.get_tensor(chosen[0]))
    if "n_levels" not in about:
        return RawIds(codes_NL)
    try:
        said = json.loads(about.get("n_codes", "")), json.loads(about["n_levels"])
    except json.JSONDecodeError:
        said = None, None
    return declared(path.name, codes_NL, *said)
