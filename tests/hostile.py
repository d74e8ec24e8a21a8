"""Hostile files: every reader gets every file that it may be given, and says in one sentence what is wrong, within limits.

    python -m tests.hostile [FOLDER]

makes some 800 files (bombs, lying headers, broken text, deep and wide nesting, links, wrong formats) and reads them in child
processes. A file fails the corpus where reading it takes over 20 s or 2 GB, or ends in anything but a result
or a ValueError of this project's own with one sentence. ``tests/unit/datasets/test_hostile.py`` reads a part of it.
"""

import gzip
import io
import itertools
import json
import os
import random
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

MAX_S, MAX_BYTES = 20.0, 2 * 2**30
MB = 2**20


@dataclass(frozen=True)
class Case:
    """One hostile file.

    Args:
        name: unique; says what is wrong with it.
        make: writes the file or folder and returns its path.
        reader: a key of ``READERS``.
        heavy: over a second to make or read; only the script reads it.
    """

    name: str
    make: Callable[[Path], Path]
    reader: str
    heavy: bool = False


def read_ids(path: Path) -> None:
    """Semantic IDs."""
    from tiger.semantic_ids import import_ids
    import_ids(path)


def read_items(path: Path) -> None:
    """A table of items."""
    from tiger.datasets.sources.tables import Tables
    Tables(items=str(path)).read()


def read_interactions(path: Path) -> None:
    """A table of interactions."""
    from tiger.datasets.sources.tables import Tables
    Tables(interactions=str(path)).read()


def read_recbole(path: Path) -> None:
    """RecBole's folder or file."""
    from tiger.datasets.sources.recbole import RecBole
    RecBole(str(path)).read()


def read_movielens(path: Path) -> None:
    """GroupLens's archive."""
    from tiger.datasets.sources.movielens import MovieLens
    MovieLens(str(path)).read()


def read_amazon(path: Path) -> None:
    """McAuley's reviews."""
    from tiger.datasets.sources.amazon import Amazon
    Amazon(str(path), core=1).read()


def read_metadata(path: Path) -> None:
    """McAuley's metadata, beside a small file of reviews."""
    from tiger.datasets.sources.amazon import Amazon
    reviews = path.with_name(f"{path.name}.reviews.json")
    reviews.write_text('{"user_id": "u", "asin": "i", "timestamp": 1}\n')
    Amazon(str(reviews), str(path), core=1).read()


def read_vectors(path: Path) -> None:
    """Embeddings alone."""
    from tiger.datasets.vectors import Given
    Given(str(path)).rows()


def read_id_list(path: Path) -> None:
    """The ids of embeddings."""
    from tiger.datasets.vectors import read_ids as read_list
    read_list(str(path))


READERS: dict[str, Callable[[Path], None]] = {
    "ids": read_ids, "items": read_items, "interactions": read_interactions, "recbole": read_recbole,
    "movielens": read_movielens, "amazon": read_amazon, "metadata": read_metadata, "vectors": read_vectors,
    "id_list": read_id_list}


# ---- what is wrong with text of any kind

def _texts() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    """Name, content and whether it is heavy: what no reader of text may stumble over."""
    yield "empty", lambda: b"", False
    yield "blank", lambda: b" \n\t\r\n \n", False
    yield "one_nul", lambda: b"\0", False
    yield "nul_inside", lambda: b"item_id,code_1,title\n1,2,a\0b\n", False
    yield "all_nul", lambda: bytes(4 * MB), False
    yield "utf16", lambda: "item_id,code_1\n1,2\n".encode("utf-16"), False
    yield "utf16_no_mark", lambda: "item_id,code_1\n1,2\n".encode("utf-16-le"), False
    yield "utf32", lambda: "item_id,code_1\n1,2\n".encode("utf-32"), False
    yield "latin1", lambda: b"item_id,code_1,title\n1,2,caf\xe9\n", False
    yield "bad_utf8_late", lambda: b"item_id,code_1\n" + b"1,2\n" * 50_000 + b"\xff\xfe\xff\n", False
    yield "half_character", lambda: b"item_id,code_1,title\n1,2,\xed\xa0\x80\n", False
    yield "mark_only", lambda: b"\xef\xbb\xbf", False
    yield "random_bytes", lambda: random.Random(1).randbytes(100_000), False
    yield "random_letters", lambda: random.Random(2).randbytes(50_000).hex().encode(), False
    yield "gzip", lambda: gzip.compress(b"item_id,code_1\n1,2\n"), False
    yield "gzip_bomb", lambda: gzip.compress(bytes(400 * MB), 9), True
    yield "gzip_torn", lambda: gzip.compress(b"item_id,code_1\n1,2\n" * 1000)[:-10], False
    yield "zip", lambda: _zip({"a.csv": b"item_id,code_1\n1,2\n"}), False
    yield "zip_bomb", lambda: _zip({"a.csv": bytes(400 * MB)}), True
    yield "zip_in_zip", lambda: _zip({"a.zip": _zip({"b.zip": _zip({"c.csv": b"item_id\n1\n"})})}), False
    yield "xlsx", lambda: _zip({"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>"}), False
    yield "pdf", lambda: b"%PDF-1.7\n%\xe2\xe3\n", False
    yield "sqlite", lambda: b"SQLite format 3\0" + bytes(2000), False
    yield "elf", lambda: b"\x7fELF" + random.Random(3).randbytes(2000), False
    yield "html", lambda: b"<!doctype html><html><body>404 not found</body></html>", False
    yield "parquet_inside", _parquet_bytes, False
    yield "npy_inside", lambda: _npy_bytes(np.ones((3, 2))), False
    yield "pickle", lambda: b"cos\nsystem\n(S'touch /tmp/tiger-hostile-was-run'\ntR.", False
    yield "one_long_line", lambda: b"a" * (20 * MB), False
    yield "line_of_commas", lambda: b"," * (3 * MB), False
    yield "million_columns", lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n1\n", False
    yield "million_tabs", lambda: b"\t".join(b"c%d:float" % n for n in range(1_000_000)) + b"\n1\n", False
    yield "twice_named", lambda: b"item_id,item_id\n1,2\n", False
    yield "many_twice_named", lambda: b",".join([b"x"] * 9000) + b"\n", False
    yield "open_quote", lambda: b'item_id,title\n1,"a\n' + b"2,b\n" * 20_000, False
    yield "quotes", lambda: b'"' * 500_000, False
    yield "escapes", lambda: b"item_id,code_1\n" + b"\\" * 200_000 + b",1\n", False
    yield "only_returns", lambda: b"item_id,code_1\r1,2\r3,4\r", False
    yield "mixed_ends", lambda: b"item_id,code_1\r\n1,2\r3,4\n5,6\n\r", False
    yield "ragged", lambda: b"item_id,code_1\n1,2,3\n4\n", False
    yield "one_column", lambda: b"item_id\n1\n", False
    yield "header_only", lambda: b"item_id,code_1,code_2\n", False
    yield "headerless", lambda: b"196,242,3,881250949\n186,302,3,891717742\n", False
    yield "semicolons", lambda: b"item_id;user_id;code_1\n1;u;2\n", False
    yield "bars", lambda: b"item_id|user_id|code_1\n1|u|2\n", False
    yield "control_names", lambda: b"item_id,code\x07_1,\x1b[31mred\n1,2,3\n", False
    yield "long_names", lambda: b"item_id," + b"n" * 500_000 + b"\n1,2\n", False
    yield "long_cell", lambda: b"item_id,code_1,title\n1,2," + b"x" * (30 * MB) + b"\n", True
    yield "long_ids", lambda: b"item_id,code_1\n" + b"9" * 1_000_000 + b",1\n", False
    yield "huge_numbers", lambda: b"item_id,user_id,code_1,timestamp\n1,u," + b"9" * 5000 + b"," + b"9" * 5000 + b"\n", False
    yield "infinities", lambda: b"item_id,user_id,code_1,timestamp\n1,u,inf,inf\n2,u,nan,-inf\n", False
    yield "exponents", lambda: b"item_id,user_id,code_1,timestamp\n1,u,1e400,1e400\n1e3,u,1e5,1e5\n", False
    yield "negative", lambda: b"item_id,user_id,code_1,timestamp\n-1,u,-7,-1\n", False
    yield "hex_numbers", lambda: b"item_id,user_id,code_1,timestamp\n0x1,u,0x2,0x3\n", False
    yield "arabic_digits", lambda: "item_id,user_id,code_1,timestamp\n١,u,٢,٣\n".encode(), False
    yield "formulas", lambda: b'item_id,user_id,code_1\n=cmd|calc,u,1\n@SUM(A1),v,2\n', False
    yield "no_ids", lambda: b"item_id,user_id,code_1\n,u,1\n,v,2\n", False
    yield "same_ids", lambda: b"item_id,user_id,code_1\n" + b"1,u,1\n" * 50_000, False
    yield "dates", lambda: b"item_id,user_id,timestamp\n1,u,2024-05-01\n2,u,99999-99-99\n", False
    yield "far_dates", lambda: b"item_id,user_id,timestamp\n1,u,0001-01-01\n2,u,9999-12-31\n", False


TEXT_READERS = (("ids", "csv"), ("items", "csv"), ("interactions", "tsv"), ("id_list", "txt"))


# ---- JSON

def _jsons() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    yield "deep_lists", lambda: b"[" * 1_000_000, False
    yield "deep_closed", lambda: b"[" * 100_000 + b"]" * 100_000, False
    yield "deep_objects", lambda: b'{"a":' * 200_000, False
    yield "torn", lambda: b'{"0": ["<a_1>", "<b_', False
    yield "empty_object", lambda: b"{}", False
    yield "empty_list", lambda: b"[]", False
    yield "null", lambda: b"null", False
    yield "number", lambda: b"12", False
    yield "nan", lambda: b'{"0": [NaN, Infinity]}', False
    yield "long_number", lambda: b'{"0": [' + b"9" * 100_000 + b"]}", False
    yield "long_float", lambda: b'{"0": [1e999, 1.5]}', False
    yield "huge_code", lambda: b'{"0": [99999999999999999999]}', False
    yield "huge_token", lambda: b'{"0": ["<a_99999999999999999999999999>"]}', False
    yield "negative_token", lambda: b'{"0": ["<a_-1>"]}', False
    yield "long_token", lambda: b'{"0": ["<' + b"a_" * 200_000 + b'1>"]}', False
    yield "long_text", lambda: b'{"0": "' + b"1-" * 500_000 + b'"}', False
    yield "regex_trap", lambda: b'{"0": "' + b"a_" * 400 + b'!"}', False
    yield "regex_trap_digits", lambda: b'{"0": "' + b"1 " * 450 + b'!"}', False
    yield "regex_trap_spaces", lambda: b'{"0": "1' + b" " * 900 + b'!"}', False
    yield "same_key", lambda: b'{"0": [1], "0": [2]}', False
    yield "no_key", lambda: b'{"": [1]}', False
    yield "half_key", lambda: b'{"\\ud800": [1]}', False
    yield "key_of_megabytes", lambda: b'{"' + b"k" * (5 * MB) + b'": [1]}', False
    yield "unequal", lambda: b'{"0": [1, 2], "1": [1]}', False
    yield "mixed_kinds", lambda: b'{"0": [1, 2], "1": {"a": 1}, "2": "1-2", "3": null}', False
    yield "mixed_levels", lambda: b'{"0": ["<a_1>"], "1": ["<b_1>"]}', False
    yield "objects_in_ids", lambda: b'{"0": [{"a": 1}]}', False
    yield "lists_in_ids", lambda: b'{"0": [[[1]]]}', False
    yield "true_codes", lambda: b'{"0": [true, false]}', False
    yield "many_levels", lambda: json.dumps({"0": list(range(200_000))}).encode(), False
    yield "million_letters", lambda: json.dumps({str(n): [f"<{'x' * (n % 50 + 1)}_1>"] for n in range(5000)}).encode(), False
    yield "far_item", lambda: b'{"0": [1], "999999999999": [2]}', False
    yield "far_item_digits", lambda: b'{"' + b"9" * 5000 + b'": [1]}', False
    yield "six_million_rows", lambda: b"[" + b"[1]," * 6_000_000 + b"[1]]", True
    yield "many_strings", lambda: b"[" + b'"",' * 20_000_000 + b'""]', True
    yield "wide_record", lambda: json.dumps([{f"c{n}": 1 for n in range(50_000)}]).encode(), False
    yield "records_that_differ", lambda: json.dumps([{f"c{n}": 1} for n in range(50_000)]).encode(), False
    yield "record_twice", lambda: b'[{"item_id": "a", "codes": [1], "codes": [2]}]', False
    yield "record_without_codes", lambda: b'[{"item_id": "a", "title": "b"}]', False
    yield "record_of_objects", lambda: b'[{"item_id": {"a": 1}, "codes": {"b": 2}}]', False
    yield "record_of_lists", lambda: b'[{"item_id": ["a"], "codes": [1]}]', False
    yield "columns_unequal", lambda: b'{"codes": [[1], [2]], "item_id": ["a"]}', False
    yield "columns_no_list", lambda: b'{"codes": 5}', False
    yield "ours_lying", lambda: b'{"format": "tiger-semantic-ids", "ids": [[1, 2]], "n_codes": [1, 1], "n_levels": 2}', False
    yield "ours_without_ids", lambda: b'{"format": "tiger-semantic-ids", "n_codes": [4], "n_levels": 1}', False
    yield "ours_huge_sizes", lambda: b'{"format": "x", "ids": [[1]], "n_codes": [' + b"9" * 4000 + b'], "n_levels": 1}', False
    yield "ours_not_unique", lambda: b'{"format": "x", "ids": [[1], [1]], "n_codes": [4], "n_levels": 1}', False
    yield "ours_levels_text", lambda: b'{"format": "x", "ids": [[1]], "n_codes": "abc", "n_levels": {"a": 1}}', False
    yield "ours_ids_object", lambda: b'{"format": "x", "ids": {"0": [1]}, "n_codes": [4], "n_levels": 1}', False
    yield "lines", lambda: b'{"item_id": "a", "codes": [1]}\n{"item_id": "b", "codes": [2]}\n{"item', False
    yield "lines_of_numbers", lambda: b"1\n2\n3\n", False
    yield "not_utf8", lambda: b'{"caf\xe9": [1]}', False
    yield "utf16", lambda: '{"0": [1]}'.encode("utf-16"), False


# ---- arrays

def _npy_bytes(array: np.ndarray, pickled: bool = False) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=pickled)
    return buffer.getvalue()


def _npy_header(header: str, body: bytes = b"", version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    text = header.encode("latin-1") + b"\n"
    size = len(text) if length is None else length
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", size) + text + body


def _shape(shape: str, descr: str = "'<i4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def _npys() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    yield "empty", lambda: b"", False
    yield "magic_only", lambda: b"\x93NUMPY", False
    yield "no_magic", lambda: b"nonsense" * 10, False
    yield "version_9", lambda: _npy_header(_shape("(2, 3)"), bytes(24), (9, 0)), False
    yield "version_3", lambda: _npy_header(_shape("(2, 3)"), bytes(24), (3, 0)), False
    yield "header_of_4_gb", lambda: _npy_header(_shape("(2, 3)"), bytes(24), (2, 0), 2**32 - 1), False
    yield "header_torn", lambda: _npy_header("{'descr': '<i4', 'fortran"), False
    yield "header_code", lambda: _npy_header("__import__('os').system('touch /tmp/tiger-hostile-was-run')"), False
    yield "header_deep", lambda: _npy_header("(" * 5000 + ")" * 5000), False
    yield "header_nul", lambda: _npy_header("{'descr': '<i4',\0 'fortran_order': False, 'shape': (2, 3)}"), False
    yield "header_list", lambda: _npy_header("[1, 2, 3]"), False
    yield "header_number", lambda: _npy_header("5"), False
    yield "header_missing", lambda: _npy_header("{'descr': '<i4'}"), False
    yield "shape_text", lambda: _npy_header(_shape("'ab'")), False
    yield "shape_floats", lambda: _npy_header(_shape("(2.0, 3.0)")), False
    yield "shape_negative", lambda: _npy_header(_shape("(-1, 3)"), bytes(24)), False
    yield "shape_both_negative", lambda: _npy_header(_shape("(-4, -3)"), bytes(48)), False
    yield "shape_huge", lambda: _npy_header(_shape("(60000000000, 3)"), bytes(24)), False
    yield "shape_overflow", lambda: _npy_header(_shape(f"({2**62}, {2**62})"), bytes(24)), False
    yield "shape_wide", lambda: _npy_header(_shape("(3, 100000000)"), bytes(24)), False
    yield "shape_zero", lambda: _npy_bytes(np.zeros((0, 3), np.int32)), False
    yield "shape_no_width", lambda: _npy_bytes(np.zeros((3, 0), np.int32)), False
    yield "shape_scalar", lambda: _npy_bytes(np.array(5)), False
    yield "shape_1d", lambda: _npy_bytes(np.arange(10)), False
    yield "shape_3d", lambda: _npy_bytes(np.zeros((2, 3, 4), np.int32)), False
    yield "shape_32d", lambda: _npy_bytes(np.zeros((1,) * 32, np.int32)), False
    yield "torn", lambda: _npy_bytes(np.arange(30).reshape(10, 3))[:-7], False
    yield "objects", lambda: _npy_bytes(np.array([[{"a": 1}]], dtype=object), True), False
    yield "objects_lying", lambda: _npy_header(_shape("(2, 3)", "'|O'"), bytes(48)), False
    yield "text", lambda: _npy_bytes(np.array([["a", "b"]])), False
    yield "long_text", lambda: _npy_header(_shape("(1, 2)", "'<U500000000'"), bytes(24)), False
    yield "records", lambda: _npy_bytes(np.zeros((2, 3), [("a", "i4"), ("b", "f8")])), False
    yield "void", lambda: _npy_header(_shape("(2, 3)", "'|V8'"), bytes(48)), False
    yield "complex", lambda: _npy_bytes(np.ones((2, 3), complex)), False
    yield "dates", lambda: _npy_bytes(np.zeros((2, 3), "M8[s]")), False
    yield "true_false", lambda: _npy_bytes(np.ones((4, 3), bool)), False
    yield "nan", lambda: _npy_bytes(np.array([[1.0, np.nan, 2.0], [1, 2, 3]])), False
    yield "infinite", lambda: _npy_bytes(np.array([[1.0, np.inf, 2.0], [1, 2, 3]])), False
    yield "halves", lambda: _npy_bytes(np.array([[0.5, 1.5, 2.0], [1, 2, 3]])), False
    yield "too_large", lambda: _npy_bytes(np.full((4, 3), 2**40)), False
    yield "unsigned_too_large", lambda: _npy_bytes(np.full((4, 3), 2**64 - 1, np.uint64)), False
    yield "negative", lambda: _npy_bytes(np.full((4, 3), -5)), False
    yield "unknown_type", lambda: _npy_header(_shape("(2, 3)", "'q9'"), bytes(24)), False
    yield "type_list", lambda: _npy_header(_shape("(2, 3)", "[1, 2]"), bytes(24)), False
    yield "big_endian", lambda: _npy_bytes(np.arange(6, dtype=">i8").reshape(2, 3)), False
    yield "column_of_100_million", lambda: _npy_bytes(np.zeros((100_000_000, 1), np.uint8)), True
    yield "six_million_rows", lambda: _npy_bytes(np.zeros((6_000_000, 2), np.uint8)), False
    yield "row_of_100_million", lambda: _npy_bytes(np.zeros((1, 50_000_000), np.uint8)), True


def _safetensors_file(head: object, body: bytes = b"", length: int | None = None) -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def _entry(dtype: str = "I32", shape: object = (2, 3), offsets: object = (0, 24)) -> dict[str, object]:
    return {"codes": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def _safetensors() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    yield "empty", lambda: b"", False
    yield "length_only", lambda: struct.pack("<Q", 10), False
    yield "length_huge", lambda: _safetensors_file(_entry(), bytes(24), 2**63), False
    yield "length_over_file", lambda: _safetensors_file(_entry(), bytes(24), 10**6), False
    yield "no_json", lambda: _safetensors_file(b"\xff" * 100), False
    yield "deep_json", lambda: _safetensors_file(b'{"a":' * 100_000), False
    yield "list", lambda: _safetensors_file([1, 2]), False
    yield "nothing", lambda: _safetensors_file({}), False
    yield "shape_huge", lambda: _safetensors_file(_entry(shape=(2**40, 2**40)), bytes(24)), False
    yield "shape_negative", lambda: _safetensors_file(_entry(shape=(-2, 3)), bytes(24)), False
    yield "shape_lying", lambda: _safetensors_file(_entry(shape=(2_000_000, 3)), bytes(24)), False
    yield "shape_text", lambda: _safetensors_file(_entry(shape="abc"), bytes(24)), False
    yield "offsets_beyond", lambda: _safetensors_file(_entry(offsets=(0, 10**9)), bytes(24)), False
    yield "offsets_backwards", lambda: _safetensors_file(_entry(offsets=(24, 0)), bytes(24)), False
    yield "offsets_inside", lambda: _safetensors_file(_entry(offsets=(4, 28)), bytes(28)), False
    yield "type_unknown", lambda: _safetensors_file(_entry("Q99"), bytes(24)), False
    yield "type_f8", lambda: _safetensors_file(_entry("F8_E4M3", offsets=(0, 6)), bytes(6)), False
    yield "type_bf16", lambda: _safetensors_file(_entry("BF16", offsets=(0, 12)), bytes(12)), False
    yield "type_bool", lambda: _safetensors_file(_entry("BOOL", offsets=(0, 6)), bytes(6)), False
    yield "nan", lambda: _safetensors_file(_entry("F32"), np.full(6, np.nan, np.float32).tobytes()), False
    yield "trailing", lambda: _safetensors_file(_entry(), bytes(10_000)), False
    yield "torn", lambda: _safetensors_file(_entry(), bytes(10)), False
    yield "one_dimension", lambda: _safetensors_file(_entry(shape=(6,)), bytes(24)), False
    yield "no_dimension", lambda: _safetensors_file(_entry(shape=(), offsets=(0, 4)), bytes(4)), False
    yield "many", lambda: _safetensors_file({f"t{n}": {"dtype": "I32", "shape": [1, 1], "data_offsets": [4 * n, 4 * n + 4]}
                                             for n in range(3000)}, bytes(12_000)), False
    yield "ours_lying", lambda: _safetensors_file({"__metadata__": {"n_codes": "[1]", "n_levels": "7"}} | _entry(),
                                                  bytes(24)), False
    yield "ours_deep", lambda: _safetensors_file({"__metadata__": {"n_codes": "[" * 50_000, "n_levels": "2"}} | _entry(),
                                                 bytes(24)), False
    yield "column_of_100_million", lambda: _safetensors_file(_entry("U8", (100_000_000, 1), (0, 100_000_000)),
                                                             bytes(100_000_000)), True


# ---- Parquet

def _parquet_bytes(table: pa.Table | None = None, **how: object) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"item_id": ["a", "b", "c"], "code_1": [1, 2, 3]}) if table is None else table, buffer, **how)
    return buffer.getvalue()


def _repeated(n_rows: int, text: str, name: str) -> pa.Table:
    column = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n_rows, np.int32)), pa.array([text]))
    return pa.table({name: column, "item_id": column, "code_1": pa.array(np.zeros(n_rows, np.int32))})


def _repeated_lists(n_rows: int, text: str, name: str) -> pa.Table:
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(5 * n_rows, np.int32)), pa.array([text]))
    return pa.table({name: pa.ListArray.from_arrays(pa.array(np.arange(0, 5 * n_rows + 1, 5, dtype=np.int32)), texts),
                     "item_id": [str(n) for n in range(n_rows)]})


def _parquets() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    whole = _parquet_bytes
    odd = {"struct": pa.array([{"a": 1}] * 3), "nested": pa.array([[["a"]]] * 3), "binary": pa.array([b"\xff"] * 3),
           "map": pa.array([[("a", 1)]] * 3, pa.map_(pa.string(), pa.int64())), "null": pa.nulls(3),
           "decimal": pa.array([1, 2, 3], pa.decimal128(38)), "float_list": pa.array([[0.5]] * 3),
           "time": pa.array([1, 2, 3], pa.time64("us")), "half": pa.array(np.ones(3, np.float16)),
           "duration": pa.array([1, 2, 3], pa.duration("s")), "bool": pa.array([True, False, None])}
    yield "empty", lambda: b"", False
    yield "magic_only", lambda: b"PAR1PAR1", False
    yield "zeros", lambda: b"PAR1" + bytes(1000) + b"PAR1", False
    yield "torn_end", lambda: whole()[:-20], False
    yield "torn_half", lambda: whole()[: len(whole()) // 2], False
    yield "footer_length_huge", lambda: whole()[:-8] + struct.pack("<I", 2**31 - 1) + b"PAR1", False
    yield "footer_noise", lambda: whole()[:-60] + random.Random(4).randbytes(52) + whole()[-8:], False
    yield "body_noise", lambda: whole()[:4] + random.Random(5).randbytes(60) + whole()[64:], False
    yield "no_rows", lambda: whole(pa.table({"item_id": pa.array([], pa.string()), "code_1": pa.array([], pa.int32())})), False
    yield "no_columns", lambda: whole(pa.table({})), False
    yield "twice_named", lambda: whole(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["item_id", "item_id"])), False
    yield "20000_columns", lambda: whole(pa.table({f"c{n}": [1] for n in range(20_000)})), True
    for kind, values in odd.items():
        yield f"extra_{kind}", lambda values=values: whole(pa.table({"item_id": ["a", "b", "c"], "code_1": [1, 2, 3],
                                                                      "odd": values})), False
        yield f"id_{kind}", lambda values=values: whole(pa.table({"item_id": values, "code_1": [1, 2, 3]})), False
        yield f"code_{kind}", lambda values=values: whole(pa.table({"item_id": ["a", "b", "c"], "codes": values})), False
    yield "lists_unequal", lambda: whole(pa.table({"item_id": ["a", "b"], "codes": [[1, 2], [1]]})), False
    yield "lists_missing", lambda: whole(pa.table({"item_id": ["a", "b"], "codes": [[1, None], None]})), False
    yield "lists_long", lambda: whole(pa.table({"item_id": ["a", "b"], "codes": [list(range(300_000))] * 2})), False
    yield "texts_bomb", lambda: whole(_repeated(200_000, "x" * 20_000, "title"), compression="zstd"), False
    yield "lists_bomb", lambda: whole(_repeated_lists(60_000, "x" * 20_000, "codes"), compression="zstd"), False
    yield "rows_bomb", lambda: whole(_repeated(6_000_000, "x", "title"), compression="zstd"), True
    yield "numbers_bomb", lambda: whole(pa.table({"item_id": np.zeros(4_000_000, np.int64)} | {
        f"code_{n}": np.zeros(4_000_000, np.int64) for n in range(1, 17)}), compression="zstd"), True
    yield "huge_text", lambda: whole(pa.table({"item_id": ["x" * (100 * MB)], "code_1": [1]})), True


# ---- archives and Amazon

def _zip(entries: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(name, content)
    return buffer.getvalue()


def _zips() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    ratings, movies = b"userId,movieId,rating,timestamp\n1,1,5,1\n", b"movieId,title,genres\n1,A,War\n"
    good = {"ml/ratings.csv": ratings, "ml/movies.csv": movies}
    yield "empty", lambda: b"", False
    yield "no_zip", lambda: b"PK\x03\x04" + bytes(200), False
    yield "no_entries", lambda: _zip({}), False
    yield "torn", lambda: _zip(good)[:-30], False
    yield "noise_inside", lambda: _zip(good)[:60] + b"x" * 20 + _zip(good)[80:], False
    yield "bomb", lambda: _zip({**good, "ml/ratings.csv": ratings + b"0" * (400 * MB)}), True
    yield "quoted_bomb", lambda: _zip({**good, "ml/movies.csv": movies + b'2,"' + b"a" * (100 * MB)}), True
    yield "outside", lambda: _zip({**good, "../../evil.csv": b"x"}), False
    yield "absolute", lambda: _zip({**good, "/etc/evil": b"x"}), False
    yield "drive", lambda: _zip({**good, "C:\\evil": b"x"}), False
    yield "twice", lambda: _zip({**good, "b/ratings.csv": ratings}), False
    yield "20000_entries", lambda: _zip({**good, **{f"f{n}": b"" for n in range(20_000)}}), True
    yield "nested", lambda: _zip({"a.zip": _zip(good)}), False
    yield "ratings_missing", lambda: _zip({"ml/movies.csv": movies}), False
    yield "nul_name", lambda: _zip({"ml/rat\0ings.csv": ratings, "ml/movies.csv": movies}), False
    yield "long_name", lambda: _zip({**good, "n" * 60_000: b"x"}), False
    yield "encrypted_flag", lambda: bytes(_flagged(_zip(good))), False
    central = b"PK\x01\x02\x14\x03\x14\x00\x00\x00"
    yield "method_99", lambda: _zip(good).replace(central + b"\x08\x00", central + b"\x63\x00"), False
    yield "nan_ratings", lambda: _zip({**good, "ml/ratings.csv": b"userId,movieId,rating,timestamp\n1,1,nan,nan\n"}), False
    yield "latin1", lambda: _zip({**good, "ml/movies.csv": b"movieId,title,genres\n1,Caf\xe9,War\n"}), False


def _flagged(data: bytes) -> bytearray:
    found = bytearray(data)
    at = found.find(b"PK\x01\x02")
    while at >= 0:
        found[at + 8] |= 1
        at = found.find(b"PK\x01\x02", at + 1)
    found[6] |= 1
    return found


def _reviews() -> Iterator[tuple[str, Callable[[], bytes], bool]]:
    line = b'{"user_id": "u", "asin": "i", "timestamp": 1}\n'
    yield "empty", lambda: b"", False
    yield "no_json", lambda: b"hello\n", False
    yield "deep", lambda: b"[" * 500_000 + b"\n", False
    yield "deep_python", lambda: b"{'a': " + b"(" * 5000 + b"\n", False
    yield "python_code", lambda: b"{'reviewerID': __import__('os').system('touch /tmp/tiger-hostile-was-run')}\n", False
    yield "gzip_bomb", lambda: gzip.compress(line + b" " * (400 * MB), 9), True
    yield "gzip_torn", lambda: gzip.compress(line * 1000)[:-20], False
    yield "line_of_20_mb", lambda: b'{"user_id": "' + b"u" * (20 * MB) + b'"}\n', False
    yield "long_number", lambda: b'{"user_id": ' + b"9" * 10_000 + b', "asin": "i", "timestamp": 1}\n', False
    yield "time_infinite", lambda: b'{"user_id": "u", "asin": "i", "timestamp": 1e999}\n', False
    yield "time_text", lambda: b'{"user_id": "u", "asin": "i", "timestamp": "soon"}\n', False
    yield "id_list", lambda: b'{"user_id": ["u"], "asin": {"i": 1}, "timestamp": 1}\n', False
    yield "half_character", lambda: b'{"user_id": "\\ud800", "asin": "i", "timestamp": 1}\n', False
    yield "not_utf8", lambda: b'{"user_id": "\xff", "asin": "i", "timestamp": 1}\n', False
    yield "blank_lines", lambda: b"\n" * 2_000_000, False
    yield "tags", lambda: b'{"user_id": "u", "asin": "i", "timestamp": 1, "title": "' + b"<" * 1_000_000 + b'"}\n', False
    yield "wide", lambda: json.dumps({"user_id": "u", "asin": "i", "timestamp": 1} |
                                     {f"k{n}": n for n in range(200_000)}).encode(), False


# ---- RecBole

INTER = "user_id:token\titem_id:token\ttimestamp:float\nu\ti\t1\nu\tj\t2\n"


def _folders() -> Iterator[tuple[str, Callable[[Path], Path]]]:
    def folder(name: str, **files: bytes | str) -> Callable[[Path], Path]:
        def make(root: Path) -> Path:
            place = root / name
            place.mkdir()
            for ending, content in files.items():
                (place / f"x.{ending.replace('_', '.')}").write_bytes(content.encode() if isinstance(content, str) else content)
            return place
        return make

    def linked(name: str, target: str, ending: str = "inter") -> Callable[[Path], Path]:
        def make(root: Path) -> Path:
            place = folder(name, **({} if ending == "inter" else {"inter": INTER}))(root)
            (place / f"x.{ending}").symlink_to(target)
            return place
        return make

    def single(name: str, content: str) -> Callable[[Path], Path]:
        def make(root: Path) -> Path:
            (root / name).write_text(content)
            return root / name
        return make

    yield "nothing", folder("nothing")
    yield "no_types", folder("no_types", inter="user_id\titem_id\nu\ti\n")
    yield "commas", folder("commas", inter=INTER.replace("\t", ","))
    yield "unknown_type", folder("unknown_type", inter=INTER.replace("float", "int"))
    yield "twice_named", folder("twice_named", inter=INTER.replace("timestamp", "item_id"))
    yield "headerless", folder("headerless", inter="196\t242\t881250949\n")
    yield "dates", folder("dates", inter=INTER.replace("\t1\n", "\t2024-05-01\n"))
    yield "nan_time", folder("nan_time", inter=INTER.replace("\t1\n", "\tnan\n"))
    yield "no_item", folder("no_item", inter=INTER.replace("\ti\t", "\t\t"))
    yield "unknown_item", folder("unknown_item", inter=INTER, item="item_id:token\nz\n")
    yield "empty_price", folder("empty_price", inter=INTER, item="item_id:token\tprice:float\ni\t\nj\tcheap\n")
    yield "items_twice", folder("items_twice", inter=INTER, item="item_id:token\ni\ni\nj\n")
    yield "users_twice", folder("users_twice", inter=INTER, user="user_id:token\nu\nu\n")
    yield "not_utf8", folder("not_utf8", inter=INTER.encode() + b"caf\xe9\ti\t3\n")
    yield "nul", folder("nul", inter=INTER.encode() + b"u\0\ti\t3\n")
    yield "packed", folder("packed", inter=gzip.compress(INTER.encode()))
    yield "ragged", folder("ragged", inter=INTER + "u\ti\n")
    yield "million_columns", folder("million_columns", inter="\t".join(f"c{n}:float" for n in range(1_000_000)) + "\n")
    yield "lists_that_jump", folder("lists_that_jump", inter="user_id:token\titem_id_list:token_seq\titem_id:token\n"
                                                             "u\ta b\tc\nu\tx y\tz\n")
    yield "lists_of_megabytes", folder("lists_of_megabytes", inter="user_id:token\titem_id_list:token_seq\titem_id:token\n"
                                                                   "u\t" + "a " * 2_000_000 + "\tc\n")
    yield "lists_that_overlap", folder("lists_that_overlap", inter="user_id:token\titem_id_list:token_seq\titem_id:token\n"
                                       + "".join(f"u\t{'a ' * 2000}\ta\n" for _ in range(40)))
    yield "splits", folder("splits", train_inter=INTER, test_inter=INTER)
    yield "two_sets", folder("two_sets", inter=INTER, other_inter=INTER)
    yield "link_to_passwd", linked("link_to_passwd", "/etc/passwd")
    yield "link_to_nothing", linked("link_to_nothing", "/no/such/place.inter")
    yield "link_to_itself", linked("link_to_itself", "x.inter")
    yield "link_to_device", linked("link_to_device", "/dev/zero")
    yield "item_link_to_passwd", linked("item_link_to_passwd", "/etc/passwd", "item")
    yield "item_link_to_device", linked("item_link_to_device", "/dev/zero", "item")
    yield "any_file", single("passwords", "root:x:0:0:secret\n")
    yield "any_text", single("secrets.txt", "token=secret\n")
    yield "named_inter", single("secrets.inter", "token=secret\n")


def cases() -> list[Case]:
    """The whole corpus."""
    found: list[Case] = []

    def add(kind: str, ending: str, reader: str, contents: Iterator[tuple[str, Callable[[], bytes], bool]]) -> None:
        for name, content, heavy in contents:
            def make(root: Path, name: str = name, content: Callable[[], bytes] = content) -> Path:
                path = root / f"{kind}-{reader}-{name}.{ending}"
                path.write_bytes(content())
                return path
            found.append(Case(f"{kind}-{reader}-{name}", make, reader, heavy))

    for reader, ending in TEXT_READERS:
        add("text", ending, reader, _texts())
    add("json", "json", "ids", _jsons())
    add("jsonl", "jsonl", "ids", (one for one in _jsons() if not one[2]))
    add("json", "json", "id_list", (one for one in _jsons() if not one[2]))
    for reader in ("ids", "vectors"):
        add("npy", "npy", reader, _npys())
        add("safetensors", "safetensors", reader, _safetensors())
    for reader in ("ids", "items", "interactions"):
        add("parquet", "parquet", reader, _parquets())
    add("zip", "zip", "movielens", _zips())
    add("reviews", "json", "amazon", _reviews())
    add("metadata", "json", "metadata", _reviews())
    for ending in ("pt", "pth", "pkl", "npz", "xlsx", "zip", "gz", "h5", "exe"):
        for reader in ("ids", "vectors", "items"):
            add(f"ending_{ending}", ending, reader, iter([("bytes", lambda: b"\x80\x04N.", False)]))
    found += [Case(f"recbole-{name}", lambda root, make=make: make(root), "recbole") for name, make in _folders()]
    return found


def problem(case: Case, path: Path) -> str:
    """Read a file here and now; what is wrong with how that ended, or nothing."""
    from tiger.core import errors, paths
    try:
        with paths.confined():
            READERS[case.reader](path)
    except ValueError as error:
        text = str(error)
        if type(error) is not ValueError or not errors.ours(error):
            return f"{type(error).__name__} of a library: {text[:200]}"
        if "\n" in text or not text.strip() or len(text) > 900 or "Traceback" in text:
            return f"not one sentence: {text[:200]!r}"
        if "secret" in text.replace("secrets.", ""):
            return f"quotes an unknown file: {text[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:200]}"
    return ""


def peak_bytes() -> int:
    """The most memory that this program took; ``ru_maxrss`` also counts the parent's, which made the file."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def here(case: Case) -> tuple[float, int, str]:
    """Make and read one file in this process: seconds of reading, peak bytes so far, problem."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["TIGER_DATA_ROOTS"], os.environ["TIGER_HOME"] = folder, f"{folder}/home"
        path = case.make(Path(folder))
        start = time.monotonic()
        found = problem(case, path)
        return time.monotonic() - start, peak_bytes(), found


def child(names: list[str]) -> int:
    """Read some files of the corpus one after another and print a line each."""
    known = {case.name: case for case in cases()}
    for name in names:
        print(f"{name}\t", end="", flush=True)
        print(json.dumps(here(known[name])), flush=True)
    return 0


def read_one(reader: str, path: Path) -> int:
    """Read one file that was made before, so that making it is not counted."""
    start = time.monotonic()
    found = problem(Case(path.name, lambda root: root, reader), path)
    print(json.dumps([time.monotonic() - start, peak_bytes(), found]))
    return 0


def alone(case: Case, root: Path) -> tuple[float, int, str]:
    """Make a file, read it in a process of its own, and delete it."""
    folder = Path(tempfile.mkdtemp(dir=root))
    env = os.environ | {"TIGER_DATA_ROOTS": str(folder), "TIGER_HOME": str(folder / "home"), "OMP_NUM_THREADS": "1"}
    try:
        path = case.make(folder)
        ended = subprocess.run([sys.executable, "-m", "tests.hostile", "--read", case.reader, str(path)], env=env,
                               timeout=120, capture_output=True, text=True, check=False)
        if ended.returncode or not ended.stdout.strip():
            return 0.0, 0, f"the reader died with code {ended.returncode}: {ended.stderr.strip()[-200:]}"
        took, peak, found = json.loads(ended.stdout.strip().splitlines()[-1])
        return took, peak, found
    except subprocess.TimeoutExpired:
        return 120.0, 0, "over 120 s"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def together(corpus: list[Case]) -> Iterator[tuple[Case, tuple[float, int, str]]]:
    """Read light files in one process; where one ends it, a new process goes on behind it."""
    left = list(corpus)
    while left:
        ended = subprocess.run([sys.executable, "-m", "tests.hostile", "--child", *(case.name for case in left)],
                               env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=3600,
                               check=False)
        lines = [line.split("\t", 1) for line in ended.stdout.splitlines() if "\t" in line]
        for case, (name, answer) in zip(left, lines, strict=False):
            assert case.name == name
            yield case, json.loads(answer) if answer else (0.0, 0, f"the reader died with code {ended.returncode}")
        if not lines:
            raise SystemExit(ended.stderr)
        left = left[len(lines):]


def main(arguments: list[str]) -> int:
    """Run the corpus and print what broke a limit; 1 where anything did."""
    if arguments[:1] == ["--read"]:
        return read_one(arguments[1], Path(arguments[2]))
    if arguments[:1] == ["--child"]:
        return child(arguments[1:])
    corpus, failed, slowest, largest = cases(), 0, 0.0, 0
    with tempfile.TemporaryDirectory(dir=arguments[0] if arguments else None) as root:
        heavy = ((case, alone(case, Path(root))) for case in corpus if case.heavy)
        for case, (took, peak, found) in itertools.chain(together([case for case in corpus if not case.heavy]), heavy):
            slowest, largest = max(slowest, took), max(largest, peak)
            found = found or (f"took {took:.0f} s" if took > MAX_S else f"took {peak / 2**30:.1f} GB" if peak > MAX_BYTES else "")
            failed += bool(found)
            if found:
                print(f"{case.name}: {found}", flush=True)
    print(f"{len(corpus)} files, {failed} failed; slowest {slowest:.1f} s, largest {largest / 2**30:.2f} GB")
    return int(failed > 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
