"""Reading in a process of its own: the same result, and one sentence where a limit is broken."""

import json

import numpy as np
import pytest

from tests.support.files import refused
from tiger import datasets
from tiger.core import limited
from tiger.datasets import registry
from tiger.semantic_ids import read_apart

pytestmark = pytest.mark.processes


@pytest.fixture
def items(tmp_path, monkeypatch, tiger_home):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,price\n" + "".join(f"{n},red hat {n % 3},{n / 2}\n" for n in range(40)))
    (tmp_path / "inter.csv").write_text("user_id,item_id\n" + "".join(f"u{n % 6},{n % 11}\n" for n in range(50)))
    np.save(tmp_path / "e.npy", np.random.default_rng(0).normal(size=(40, 7)).astype(np.float32))
    return path


@pytest.mark.parametrize("given", [False, True])
def test_a_catalogue_read_apart_is_the_same(items, given):
    ref = {"name": "tables", "params": {"items": str(items), "interactions": str(items.with_name("inter.csv"))},
           "embedding": {"method": "given", "path": str(items.with_name("e.npy"))} if given else None}
    here, apart = datasets.load_ref(ref), datasets.load_ref(ref, apart=True, confined=True)
    assert here.items.astype(str).equals(apart.items.astype(str)) and here.user_ids == apart.user_ids
    assert (here.history_items == apart.history_items).all() and (here.indptr_U1 == apart.indptr_U1).all()
    assert (here.embedding_IE == apart.embedding_IE).all() and here.report == apart.report and here.source == apart.source


def test_what_a_reader_refuses_comes_back_in_its_words(items):
    items.write_text("item_id,title\n1,a\n1,b\n")
    refused(lambda: datasets.load_ref({"name": "tables", "params": {"items": str(items)}}, apart=True),
            r"items.csv, row 3, repeats the item id '1'; keep one row per item")
    items.with_suffix(".json").write_text('{"0": [1, 2], "7": [1]}')
    refused(lambda: read_apart(items.with_suffix(".json")), r"gives item 7 1 code and the first item 2")


def test_a_file_over_the_limit_on_memory_is_one_sentence(items, monkeypatch):
    monkeypatch.setenv("TIGER_READ_GB", "0.2")
    path = items.with_name("ids.npy")
    np.save(path, np.zeros((5_000_000, 8), np.uint8))  # 320 MB as whole numbers
    refused(lambda: read_apart(path), r"'ids.npy' needed more than the 0.2 GB of memory .* set TIGER_READ_GB higher")


def test_a_file_over_the_limit_on_time_is_one_sentence(items, monkeypatch):
    monkeypatch.setenv("TIGER_READ_SECONDS", "0.05")  # no Python starts in that
    refused(lambda: read_apart(items), r"'items.csv' took over 0.05 s, .* set TIGER_READ_SECONDS higher")
    monkeypatch.setenv("TIGER_READ_SECONDS", "soon")
    refused(lambda: read_apart(items), r"TIGER_READ_SECONDS is 'soon', but must be a number above 0")


def test_nothing_is_left_behind(items, tiger_home):
    np.save(items.with_name("ids.npy"), np.zeros((4, 3), np.int32))
    read_apart(items.with_name("ids.npy"))
    assert not list((tiger_home / "cache").glob("read-*"))


def test_a_visitor_reads_only_where_the_server_may(items, monkeypatch, tmp_path):
    ref = {"name": "tables", "params": {"items": str(items)}}
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path / "elsewhere"))
    refused(lambda: datasets.load_ref(ref, apart=True, confined=True), r"leads outside the folders this server may read")
    assert datasets.load_ref(ref, apart=True).n_items == 40  # what its owner loaded at the command line stays readable


def test_vectors_alone_are_checked_apart(items, tmp_path):
    ref = registry.vectors_alone(str(tmp_path / "e.npy"), apart=True)
    assert datasets.load_ref(ref, apart=True, confined=True).embedding_IE.shape == (40, 7)
    bad = np.ones((9, 4), np.float32)
    bad[5, 2] = np.nan
    np.save(tmp_path / "bad.npy", bad)
    refused(lambda: registry.vectors_alone(str(tmp_path / "bad.npy"), apart=True), r"vector of item '5' \(item 5\) holds NaN")


def test_nothing_is_pickled(items, tmp_path, monkeypatch):
    import pickle
    monkeypatch.setattr(pickle, "dumps", lambda *_: pytest.fail("pickle"))
    monkeypatch.setattr(pickle, "loads", lambda *_: pytest.fail("pickle"))
    path = tmp_path / "ids.json"
    path.write_text(json.dumps({"b": [1, 2], "a": [3, 4], "c": [0, 0]}))
    assert read_apart(path).keys.tolist() == ["b", "a", "c"]
    assert set(limited.TASKS) == {"semantic_ids", "catalogue", "vectors", "codebooks"}
