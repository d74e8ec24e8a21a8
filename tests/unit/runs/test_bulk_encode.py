"""Shards of vectors to shards of IDs: unique over all shards, the same whatever cuts, breaks off or computes them."""

import json
import shutil

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.training import clusters, config, fit_into
from tiger import metrics, runs
from tiger.cli import main as cli
from tiger.core.progress import result_of
from tiger.runs.bulk import encode as bulk
from tiger.runs.bulk import engines, keys, stages
from tiger.runs.bulk.engines import LocalEngine
from tiger.semantic_ids import SemanticIds

WIDTH = 12


@pytest.fixture(scope="module")
def emb_IE():
    """1,100 items, of which 100 come twice and one 60 times, so that IDs are shared within and across shards."""
    emb_IE = clusters(1000, WIDTH)
    many_IE = np.concatenate([emb_IE, emb_IE[:100], np.repeat(emb_IE[7:8], 60, axis=0)])
    return many_IE[np.random.default_rng(0).permutation(len(many_IE))]


@pytest.fixture(scope="module")
def run(tmp_path_factory, emb_IE):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(tmp_path_factory.mktemp("home")))
        ref = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
        yield fit_into(runs.new_run(config(ref, "rkmeans", n_codes=[8, 6, 5], n_levels=3)), emb_IE)


@pytest.fixture
def vectors(tmp_path, emb_IE):
    """The items in three files of unequal length and both kinds; the last two name them."""
    folder = tmp_path / "vectors"
    folder.mkdir()
    for number, rows in enumerate(np.split(np.arange(len(emb_IE)), [333, 340])):
        ids, table = pa.array([f"i{row}" for row in rows]), pa.array(list(emb_IE[rows]), pa.list_(pa.float32()))
        if number == 1:
            table = pa.FixedSizeListArray.from_arrays(pa.array(emb_IE[rows].reshape(-1)), WIDTH)
        pq.write_table(pa.table({"item_id": ids, "embedding": table}), folder / f"{number}.parquet", row_group_size=50)
    return folder


def table_of(output) -> pa.Table:
    return pa.concat_tables([pq.read_table(path) for path in sorted(output.glob("*.parquet"))])


def files_of(output) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in output.iterdir() if path.name != ".lock"}


@pytest.mark.parametrize(("shard_size", "range_size"), [(100, 40), (5000, 5000)])
def test_ids_and_counts_equal_those_of_all_items_at_once(tmp_path, run, vectors, emb_IE, shard_size, range_size):
    made = result_of(bulk.encode(run, vectors, tmp_path / "ids", LocalEngine(1), shard_size=shard_size, range_size=range_size))
    codes_IL = run.quantizer().encode(emb_IE)
    ids = SemanticIds.from_codes(codes_IL, [8, 6, 5], collision_level=True)
    table = table_of(tmp_path / "ids")
    assert table["item"].to_pylist() == list(range(len(emb_IE)))
    assert table["item_id"].to_pylist() == [f"i{row}" for row in range(len(emb_IE))]
    found_IM = np.column_stack([table[name].to_numpy() for name in ("code_1", "code_2", "code_3", "collision")])
    np.testing.assert_array_equal(found_IM, ids.ids_IM)
    assert made.collisions == metrics.collisions(codes_IL) and made.n_codes == ids.n_codes
    assert made.prefixes == [len(np.unique(codes_IL[:, :depth], axis=0)) for depth in (1, 2, 3)]
    assert made.usage == [np.bincount(codes_IL[:, level], minlength=size).tolist() for level, size in enumerate((8, 6, 5))]


def test_a_call_that_was_broken_off_goes_on_after_finished_shards(tmp_path, run, vectors, monkeypatch):
    """Broken off in every stage: what is left over is done, nothing twice, and the files are those of one call."""
    arguments = {"shard_size": 150, "range_size": 100}
    result_of(bulk.encode(run, vectors, tmp_path / "whole", LocalEngine(1), **arguments))
    calls: list[tuple[str, int]] = []

    def once(job, stage, number, real=engines.do):
        calls.append((stage, number))
        if len(calls) in (4, 9, 14, 19):
            raise OSError("the machine is gone")
        return real(job, stage, number)

    monkeypatch.setattr(engines, "do", once)
    for _ in range(4):
        with pytest.raises(OSError, match="gone"):
            result_of(bulk.encode(run, vectors, tmp_path / "torn", LocalEngine(1), **arguments))
    made = result_of(bulk.encode(run, vectors, tmp_path / "torn", LocalEngine(1), **arguments))
    assert len(set(calls)) == len(calls) - 4 and {stage for stage, _ in calls} == set(stages.STAGES)
    assert files_of(tmp_path / "torn") == files_of(tmp_path / "whole")
    n_calls = len(calls)
    assert result_of(bulk.encode(run, vectors, tmp_path / "torn", LocalEngine(1), **arguments)) == made and len(calls) == n_calls


@pytest.mark.processes
def test_the_command_in_two_processes_writes_the_same_bytes(tmp_path, run, vectors, capsys):
    result_of(bulk.encode(run, vectors, tmp_path / "one", LocalEngine(1), shard_size=200))
    words = ["encode", run.id, "--input", str(vectors), "--output", str(tmp_path / "two"), "--shard-size", "200", "--json"]
    assert cli.main([*words, "--workers", "2"]) == 0
    assert json.loads(capsys.readouterr().out)["largest"] >= 61
    assert files_of(tmp_path / "two") == files_of(tmp_path / "one")


def test_vectors_at_an_address_give_the_same_ids(tmp_path, run, vectors, emb_IE, capsys):
    """``memory://`` stands for an object store: files without a path, read in parts. Ids, codes and counts are the same."""
    memory = fsspec.filesystem("memory")
    for path in vectors.iterdir():
        memory.pipe(f"/shards/{path.name}", path.read_bytes())
    made = []
    for place, output in ((str(vectors), tmp_path / "path"), ("memory://shards", tmp_path / "address")):
        assert cli.main(["encode", run.id, "--input", place, "--output", str(output), "--workers", "1", "--json"]) == 0
        made.append(json.loads(capsys.readouterr().out) | {"output": ""})
    assert made[0] == made[1] and table_of(tmp_path / "path") == table_of(tmp_path / "address")


def test_what_cannot_be_encoded_is_said_in_one_sentence(tmp_path, run, vectors, emb_IE, capsys):
    """Also what was begun otherwise; nothing of it is lost."""
    def said(*words: str) -> str:
        assert cli.main(["encode", run.id, *words, "--workers", "1"]) == 2
        return capsys.readouterr().err

    def to(name: str) -> list[str]:
        return ["--output", str(tmp_path / name)]

    assert "say where the IDs go" in said("--input", str(vectors)) and "say where the IDs go" in said(*to("x"), "--out", "a.npy")
    (tmp_path / "empty").mkdir()
    assert "holds no .npy or .parquet file" in said("--input", str(tmp_path / "empty"), *to("x"))
    bad = np.array(emb_IE)
    bad[70, 3] = np.nan
    np.save(tmp_path / "bad.npy", bad)
    assert "bad.npy: embedding row 70 holds NaN" in said("--input", str(tmp_path / "bad.npy"), *to("bad"))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    assert "objects.npy cannot be read" in said("--input", str(tmp_path / "objects.npy"), *to("x"))
    assert "has no column 'vector'" in said("--input", str(vectors), *to("x"), "--column", "vector")
    ragged = pa.table({"embedding": [[1.0] * WIDTH, [1.0]]})
    pq.write_table(ragged, tmp_path / "ragged.parquet")
    assert "Row 1 of ragged.parquet has 1 number" in said("--input", str(tmp_path / "ragged.parquet"), *to("ragged"))
    shutil.copy(tmp_path / "bad.npy", vectors / "wide.npy")
    assert "only one has a column 'item_id'" in said("--input", str(vectors), *to("x"))
    (vectors / "wide.npy").unlink()
    result_of(bulk.encode(run, vectors, tmp_path / "ids", LocalEngine(1)))
    before = files_of(tmp_path / "ids")
    assert "was begun with other shard_size" in said("--input", str(vectors), *to("ids"), "--shard-size", "9")
    assert "is not empty and holds no manifest.json" in said("--input", str(vectors), "--output", str(vectors))
    assert files_of(tmp_path / "ids") == before and not (tmp_path / "x").exists()


@pytest.mark.parametrize("sizes", [(3, 4, 5), (65_536,) * 6], ids=["numbers", "byte strings"])
def test_keys_sort_as_their_codes_and_lead_back_to_them(sizes):
    codes_NL = np.random.default_rng(1).integers(0, sizes, (400, len(sizes)))
    codes_NL[5], codes_NL[6] = 0, np.array(sizes) - 1
    key_N = keys.of_codes(codes_NL, sizes)
    np.testing.assert_array_equal(keys.to_codes(key_N, sizes), codes_NL)
    assert np.sort(key_N).tolist() == keys.of_codes(np.array(sorted(codes_NL.tolist())), sizes).tolist()
