"""Columns of Parquet files as Arrow arrays: what they take when written out, and lists of texts as one text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text, with its repeated values kept once or not."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_plain(kind: pa.DataType) -> bool:
    """Whether a type is a number, a text, true or false, or a time."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_temporal,
             pa.types.is_null)
    return is_text(kind) or any(test(kind) for test in tests)


def is_list_of_texts(kind: pa.DataType) -> bool:
    """Whether a type is a list of texts, of any kind of list."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and is_text(kind.value_type)


def is_list_of_ids(kind: pa.DataType) -> bool:
    """Whether a type is a list of texts or of whole numbers."""
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return lists and (is_text(kind.value_type) or pa.types.is_integer(kind.value_type))


def plain_bytes(column: pa.Array) -> int:
    """Bytes of a column once every repeated value is written out."""
    if pa.types.is_nested(column.type):
        return plain_bytes(pc.list_flatten(column)) + 8 * len(column)
    if not pa.types.is_dictionary(column.type):
        return column.nbytes
    lengths = pc.binary_length(column.dictionary).to_numpy(zero_copy_only=False)
    used = pc.drop_null(column.indices).to_numpy(zero_copy_only=False)
    return int(np.nan_to_num(lengths)[used].sum()) + 8 * len(column)


def joined(column: pa.Array, mark: str) -> pa.Array:
    """A column of lists of texts as one text a row; what is missing or blank in a list is left out."""
    parts, row_N = pc.list_flatten(column), pc.list_parent_indices(column)
    if pa.types.is_dictionary(parts.type):
        parts = parts.dictionary_decode()
    parts = pc.utf8_trim_whitespace(parts.cast(pa.string()))
    kept = pc.fill_null(pc.greater(pc.utf8_length(parts), 0), False)
    parts, row_N = parts.filter(kept), row_N.filter(kept)
    ends = np.cumsum(np.bincount(row_N.to_numpy(), minlength=len(column)))
    lists = pa.ListArray.from_arrays(pa.array(np.concatenate([[0], ends]).astype(np.int32)), parts)
    return pc.binary_join(lists, mark)
