"""Vectors in many files: an even sample of them is a catalogue, read in bounded memory from a path or an address."""

import fsspec
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.training import clusters
from tiger import datasets
from tiger.datasets.io import shards

N_ITEMS, WIDTH = 700, 12
CUTS = [333, 340]


@pytest.fixture(scope="module")
def emb_IE():
    return clusters(N_ITEMS, WIDTH)


@pytest.fixture
def folder(tmp_path, emb_IE):
    """The vectors in three files of unequal length; one is written column by column, one holds float64."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    first, second, third = np.split(emb_IE, CUTS)
    np.save(folder / "0.npy", np.asfortranarray(first))
    np.save(folder / "1.npy", second.astype(np.float64))
    np.save(folder / "2.npy", third)
    return folder


def test_a_sample_has_one_row_of_every_stretch_and_all_rows_where_it_holds_them():
    row_N = shards.sample_rows(1003, 100, seed=4)
    edge = [part * 1003 // 100 for part in range(101)]
    assert all(low <= row < high for row, low, high in zip(row_N, edge, edge[1:], strict=False)) and len(row_N) == 100
    assert row_N.tolist() == shards.sample_rows(1003, 100, seed=4).tolist() != shards.sample_rows(1003, 100, seed=5).tolist()
    assert shards.sample_rows(7, 7, 0).tolist() == shards.sample_rows(7, 50, 0).tolist() == list(range(7))
    assert shards.sample_rows(3 * 10**15, 2, 0).max() >= 15 * 10**14


@pytest.mark.parametrize("apart", [False, True], ids=["here", "in a process of its own"])
def test_a_catalogue_is_the_sampled_rows_of_all_files(folder, emb_IE, tiger_home, apart):
    cat = datasets.load_ref({"name": "shards", "params": {"path": str(folder), "n_sample": 90, "seed": 2}}, apart=apart)
    row_N = shards.sample_rows(N_ITEMS, 90, 2)
    assert cat.items["item_id"].tolist() == [str(row) for row in row_N]
    np.testing.assert_array_equal(cat.embedding_IE, emb_IE[row_N])
    assert cat.sampled is not None
    assert cat.sampled.summary(cat.n_items) == "a sample of 90 of 700 items, drawn evenly over 3 files (seed 2)"
    whole = datasets.load("shards", path=str(folder))
    assert whole.sampled is None
    np.testing.assert_array_equal(whole.embedding_IE, emb_IE)


def test_items_of_parquet_files_keep_their_ids(tmp_path, emb_IE, tiger_home):
    ids = [f"i{row}" for row in range(N_ITEMS)]
    for number, rows in enumerate(np.split(np.arange(N_ITEMS), CUTS)):
        table = pa.table({"item_id": [ids[row] for row in rows], "vector": list(emb_IE[rows])})
        pq.write_table(table, tmp_path / f"{number}.parquet", row_group_size=50)
    cat = datasets.load("shards", path=str(tmp_path), column="vector", n_sample=80)
    row_N = shards.sample_rows(N_ITEMS, 80, 0)
    assert cat.items["item_id"].tolist() == [ids[row] for row in row_N]
    np.testing.assert_array_equal(cat.embedding_IE, emb_IE[row_N])


def test_an_address_reads_as_a_path_does(folder, emb_IE, tiger_home):
    """``memory://`` as an object store has it, and ``file://``; columns one after another cannot be read in parts there."""
    cat = datasets.load("shards", path=str(folder), n_sample=90)
    np.save(folder / "0.npy", np.ascontiguousarray(emb_IE[:333]))
    memory = fsspec.filesystem("memory")
    for path in folder.iterdir():
        memory.pipe(f"/vectors/{path.name}", path.read_bytes())
    for address in ("memory://vectors", f"file://{folder}"):
        found = datasets.load("shards", path=address, n_sample=90)
        np.testing.assert_array_equal(found.embedding_IE, cat.embedding_IE)
        assert found.sampled == cat.sampled
    with memory.open("/columns.npy", "wb") as file:
        np.save(file, np.asfortranarray(emb_IE))
    with pytest.raises(ValueError, match=r"columns.npy holds its columns one after another; save it again"):
        datasets.load("shards", path="memory://columns.npy")


def test_what_cannot_be_read_is_refused_before_memory_is_taken(tmp_path, folder, emb_IE, tiger_home, monkeypatch):
    def said(path, **values) -> str:
        with pytest.raises(ValueError) as refused:
            datasets.load("shards", path=str(path), **values)
        return str(refused.value)

    torn = tmp_path / "torn.npy"
    np.save(torn, emb_IE)
    torn.write_bytes(torn.read_bytes()[:-100])
    assert "torn.npy cannot be read (it should hold 33,600 bytes of numbers, but holds 33,500)" in said(torn)
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    assert "objects.npy cannot be read (it holds Python objects" in said(tmp_path / "objects.npy")
    bad = emb_IE.copy()
    bad[7, 3] = np.inf
    np.save(tmp_path / "bad.npy", bad)
    assert "bad.npy: embedding row 7 holds NaN or infinity" in said(tmp_path / "bad.npy")
    assert "holds no .npy or .parquet file" in said("memory://nothing-there")
    assert "cannot be read (Protocol not known" in said("gibberish://vectors")
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Free", (), {"available": 2000})())
    monkeypatch.setattr(shards, "_picked", None)
    assert "700 vectors of width 12 take 0.0 GB" in (words := said(folder)) and "sample at most 20 rows." in words
