"""Own vectors: matched by row or by id, and files that would run code, lie about their size or hold NaN."""

import json
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch

from tiger import datasets
from tiger.datasets.vectors import Given

EMB = np.arange(6, dtype=np.float32).reshape(3, 2)
IDS = ["a", "b", "c"]


def npy(tmp_path, array=EMB):
    np.save(tmp_path / "e.npy", array)
    return str(tmp_path / "e.npy")


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "int16", ">f4"])
def test_npy_of_any_number_is_read_as_float32(tmp_path, dtype):
    got = Given(npy(tmp_path, EMB.astype(dtype))).read(IDS)
    assert got.dtype == np.float32 and got.flags["C_CONTIGUOUS"] and got.flags["WRITEABLE"]
    np.testing.assert_array_equal(got, EMB)


def test_fortran_order(tmp_path):
    np.testing.assert_array_equal(Given(npy(tmp_path, np.asfortranarray(EMB))).read(IDS), EMB)


def test_safetensors_one_or_named(tmp_path):
    one, two = str(tmp_path / "one.safetensors"), str(tmp_path / "two.safetensors")
    save_file({"emb": EMB}, one)
    save_torch({"first": torch.from_numpy(EMB).bfloat16(), "second": torch.zeros(3, 2)}, two)
    np.testing.assert_array_equal(Given(one).read(IDS), EMB)
    np.testing.assert_array_equal(Given(two, tensor="first").read(IDS), EMB)
    with pytest.raises(ValueError, match=r"two.safetensors holds 2 tensors, only first, second; name one of them"):
        Given(two).read(IDS)
    with pytest.raises(ValueError, match="holds no tensor 'third'"):
        Given(two, tensor="third").read(IDS)


@pytest.mark.parametrize(("name", "content"), [
    ("ids.txt", "c\na\nb\n"), ("ids.json", json.dumps(["c", "a", "b"])), ("ids.csv", "item_id,x\nc,1\na,2\nb,3\n")])
def test_ids_put_rows_in_the_items_order(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    np.testing.assert_array_equal(Given(npy(tmp_path), str(tmp_path / name)).read(IDS), EMB[[1, 2, 0]])


def test_more_vectors_than_items_are_fine_with_ids(tmp_path):
    (tmp_path / "ids.txt").write_text("x\nb\na\n")
    np.testing.assert_array_equal(Given(npy(tmp_path), str(tmp_path / "ids.txt")).read(["a", "b"]), EMB[[2, 1]])


@pytest.mark.parametrize(("name", "content"), [
    ("ids.txt", " 3\r\n1 \n2\n\n"), ("ids.json", '[" 3", 1, "2 "]'), ("ids.csv", "item_id\n 3\n1 \n2\n"),
    ("ids.tsv", "x\titem_id\n0\t3\n0\t1\n0\t2\n")])
def test_ids_are_read_as_items_are(tmp_path, name, content):
    (tmp_path / name).write_text(content)
    np.testing.assert_array_equal(Given(npy(tmp_path), str(tmp_path / name)).read(["1", "2", "3"]), EMB[[1, 2, 0]])


@pytest.mark.parametrize("ids", [[3, 1, 2], [3.0, 1.0, 2.0], ["3 ", "1", " 2"]])
def test_ids_in_parquet_are_read_as_items_are(tmp_path, tiger_home, ids):
    pd.DataFrame({"item_id": ids}).to_parquet(tmp_path / "ids.parquet")
    (tmp_path / "items.csv").write_text("item_id,title\n1,x\n2,y\n3,z\n")
    given = {"method": "given", "path": npy(tmp_path), "ids": str(tmp_path / "ids.parquet")}
    np.testing.assert_array_equal(datasets.load("tables", given, items=str(tmp_path / "items.csv")).embedding_IE, EMB[[1, 2, 0]])


@pytest.mark.parametrize(("name", "content", "words"), [
    ("ids.txt", "a\n\nc\n", "ids.txt, line 2, has no id; give the id of every vector"),
    ("ids.json", '["a", "b", " "]', "ids.json, entry 3, has no id"),
    ("ids.json", '["a", true, "c"]', "ids.json should be a JSON list of ids, each a text or a whole number"),
    ("ids.json", '["a", "\\ud800", "c"]', "ids.json, entry 2, holds half a character"),
    ("ids.csv", "item_id,x\na,1\n,2\nc,3\n", "ids.csv, row 3, has no id"),
])
def test_ids_that_are_none_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=words):
        Given(npy(tmp_path), str(tmp_path / name)).read(IDS)


def test_true_and_false_are_no_ids(tmp_path):
    pd.DataFrame({"item_id": [True, False, True]}).to_parquet(tmp_path / "ids.parquet")
    with pytest.raises(ValueError, match=r"ids.parquet: column 'item_id' holds true and false, which are not ids"):
        Given(npy(tmp_path), str(tmp_path / "ids.parquet")).read(IDS)


@pytest.mark.parametrize(("ids", "words"), [
    ("a\nb\n", "ids.txt lists 2 ids, but e.npy has 3 rows"),
    ("a\nb\nb\n", "ids.txt lists the id 'b' more than once"),
    ("a\nb\nx\n", r"e.npy has no vector for item 'c' \(1 is missing\); add them to ids.txt"),
])
def test_bad_ids(tmp_path, ids, words):
    (tmp_path / "ids.txt").write_text(ids)
    with pytest.raises(ValueError, match=words):
        Given(npy(tmp_path), str(tmp_path / "ids.txt")).read(IDS)


@pytest.mark.parametrize("content", ["{", '{"a": 1}', "[[1]]", "[" * 100_000])
def test_bad_json_ids(tmp_path, content):
    (tmp_path / "ids.json").write_text(content)
    with pytest.raises(ValueError, match=r"ids.json .*list of ids"):
        Given(npy(tmp_path), str(tmp_path / "ids.json")).read(IDS)


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/tiger-was-run", "w"))


def with_nan():
    array = EMB.copy()
    array[1, 0] = np.nan
    return array


@pytest.mark.parametrize(("array", "words"), [
    (EMB[:2], "e.npy has 2 rows, but there are 3 items; give one row per item"),
    (EMB.reshape(-1), r"e.npy has shape \(6,\), but an embedding has \(items, width\)"),
    (EMB[:, :0], r"e.npy has shape \(3, 0\)"),
    (with_nan(), r"e.npy: the vector of item 'b' \(item 1\) holds NaN or infinity \(1 such row\)"),
    (EMB.astype(np.float64) * 1e300, "holds NaN or infinity"),
    (np.array([["a"], ["b"], ["c"]]), "e.npy holds values of type <U1, but an embedding holds floats"),
    (EMB.astype(np.complex64), "holds values of type complex64"),
    (np.zeros((3, 20_000), np.int8), "e.npy is 20,000 wide, but at most 16,384"),
])
def test_arrays_that_are_no_embedding(tmp_path, array, words):
    with pytest.raises(ValueError, match=words):
        Given(npy(tmp_path, array)).read(IDS)


def test_object_arrays_never_run(tmp_path):
    from pathlib import Path

    np.save(tmp_path / "e.npy", np.array([[Evil()]], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"e.npy holds Python objects, which can run code when read"):
        Given(str(tmp_path / "e.npy")).read(["a"])
    (tmp_path / "e.npy").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ValueError, match=r"e.npy is not a readable npy file"):
        Given(str(tmp_path / "e.npy")).read(["a"])
    assert not Path("/tmp/tiger-was-run").exists()


def test_header_that_promises_more_than_the_file_holds(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4000000000), }"
    header = header.ljust(117) + b"\n"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little")
    (tmp_path / "e.npy").write_bytes(start + header + bytes(24))
    with pytest.raises(ValueError, match="wide, but at most 16,384"):
        Given(str(tmp_path / "e.npy")).read(IDS)
    path = npy(tmp_path)
    (tmp_path / "e.npy").write_bytes((tmp_path / "e.npy").read_bytes()[:-4])
    with pytest.raises(ValueError, match=r"e.npy should hold 24 bytes of numbers, but holds 20; the file is damaged"):
        Given(path).read(IDS)


def test_broken_safetensors_and_other_endings(tmp_path):
    path = tmp_path / "e.safetensors"
    save_file({"emb": EMB}, path)
    whole = path.read_bytes()
    for damage in (whole[:-4], whole[:20], b"", (2**60).to_bytes(8, "little") + b"{}"):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match=r"e.safetensors is not a readable safetensors file .*save it again"):
            Given(str(path)).read(IDS)
    save_file({"emb": EMB.astype(np.int32)}, path)
    with pytest.raises(ValueError, match=r"e.safetensors holds values of type I32"):
        Given(str(path)).read(IDS)
    (tmp_path / "e.h5").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"'e.h5' ends in '.h5', but an embedding must be .npy or .safetensors"):
        Given(str(tmp_path / "e.h5")).read(IDS)


def test_given_vectors_through_load(tmp_path, tiger_home):
    (tmp_path / "items.csv").write_text("item_id,title\na,x\nb,y\nc,z\n")
    given = {"method": "given", "path": npy(tmp_path)}
    cat = datasets.load("tables", given, items=str(tmp_path / "items.csv"))
    np.testing.assert_array_equal(cat.embedding_IE, EMB)
    assert cat.source == {"name": "tables", "params": {"items": str(tmp_path / "items.csv")}, "embedding": given}
