"""The datasets a workspace knows: ids, equal references, uploads; and what must not get in."""

import itertools
import json

import numpy as np
import pytest

from tiger import datasets
from tiger.core import params
from tiger.datasets import registry
from tiger.datasets.sources import recorded
from tiger.ui.shared import state

REF = {"name": "recbole", "params": {"path": "/data/ml-100k"}, "embedding": {"method": "tfidf"}}


def test_a_workspace_starts_with_the_bundled_shop(tiger_home):
    assert [entry.id for entry in registry.entries()] == ["synthetic"]
    assert registry.find("synthetic").ref["name"] == "synthetic"


def test_adding_twice_gives_one_entry_and_survives_a_restart(tiger_home):
    first = registry.add(REF, "MovieLens 100K!")
    assert first.id.startswith("movielens-100k-")
    assert registry.ID.fullmatch(first.id)
    assert registry.add(json.loads(json.dumps(REF)), "again").id == first.id
    assert [entry.id for entry in registry.entries()] == ["synthetic", first.id]
    assert registry.find(first.id).ref == REF


def test_newest_first_and_foreign_files_are_left_out(tiger_home, monkeypatch):
    clock = itertools.count(100.0, 100.0)
    monkeypatch.setattr(registry.time, "time", lambda: next(clock))
    old = registry.add(REF, "old")
    new = registry.add(REF | {"params": {"path": "/data/other"}}, "new")
    for name, text in (("torn.json", '{"id": "torn"'), ("list.json", "[1]"), ("empty.json", "{}")):
        (tiger_home / "datasets" / name).write_text(text)
    assert [entry.id for entry in registry.entries()] == ["synthetic", new.id, old.id]


def test_a_dataset_is_found_without_reading_the_others(tiger_home, monkeypatch):
    """Whatever the list says is found by its id, and no other file is opened for it."""
    known = [registry.add(REF | {"params": {"path": f"/data/{n}"}}, f"number {n}") for n in range(3)]
    emb_IE, item_ids = np.arange(12, dtype=np.float32).reshape(4, 3), list("abcd")
    recorded.write(emb_IE, item_ids, None, "vectors")
    listed, opened, read = registry.entries(), [], registry.files.read_json
    assert len(listed) == 5 and {entry.id for entry in known} < {entry.id for entry in listed}
    assert [registry.find(entry.id) for entry in listed] == listed
    monkeypatch.setattr(registry.files, "read_json", lambda path: opened.append(path.name) or read(path))
    assert registry.find(known[1].id) == known[1] and registry.find("synthetic").id == "synthetic"
    assert opened == [f"{known[1].id}.json"]


def test_defaults_written_out_or_not_is_the_same_dataset():
    source = registry.datasets.REGISTRY["recbole"]
    whole = {spec.name: spec.default for spec in params.specs(source)} | REF["params"]
    assert registry.key(REF) == registry.key(REF | {"params": whole})
    assert registry.key(REF) == registry.key({"name": "recbole", "params": REF["params"]})
    assert registry.key(REF) != registry.key(REF | {"params": {"path": "/data/other"}})


@pytest.mark.parametrize("bad", ["", "../../etc", "nobody", "a" * 500, "Synthetic", "sp ace", "a\nb"])
def test_an_unknown_id_says_where_to_load(tiger_home, bad):
    with pytest.raises(ValueError, match="load it on the Catalogue page first"):
        registry.find(bad)


def test_uploads_go_to_a_fresh_folder_under_safe_names(tiger_home):
    one = registry.keep_upload({"../../evil name.csv": b"1", "C:\\x\\items.csv": b"22"})
    two = registry.keep_upload({"items.csv": b"3"})
    assert one.parent == two.parent == tiger_home / "uploads"
    assert one != two
    assert sorted(path.name for path in one.iterdir()) == ["evil_name.csv", "items.csv"]
    assert (one / "items.csv").read_bytes() == b"22"
    assert registry.safe_name("...") == "file"
    assert registry.safe_name(".bashrc") == "bashrc"


def test_bad_uploads_leave_nothing_behind(tiger_home, monkeypatch):
    monkeypatch.setattr(registry, "MAX_UPLOAD_BYTES", 2**20)
    with pytest.raises(ValueError, match="No file was chosen"):
        registry.keep_upload({})
    with pytest.raises(ValueError, match=r"'b.csv' is empty"):
        registry.keep_upload({"a.csv": b"1", "b.csv": b""})
    with pytest.raises(ValueError, match="hold 2 MB, but an upload may hold at most 1 MB"):
        registry.keep_upload({"a.csv": b"1" * 2**21})
    assert not (tiger_home / "uploads").exists() or not any((tiger_home / "uploads").iterdir())


def test_embeddings_alone_are_a_dataset(tiger_home, tmp_path):
    emb_IE = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    np.save(tmp_path / "vectors.npy", emb_IE)
    cat = datasets.load_ref(registry.vectors_alone(str(tmp_path / "vectors.npy")))
    assert (cat.n_items, cat.n_users, cat.n_interactions) == (7, 0, 0)
    assert cat.items["title"].tolist()[2] == "Item 2" and (cat.embedding_IE == emb_IE).all()
    names = ["a", 'b"c,d', "e", "f", "g", "x,y", "z"]
    (tmp_path / "ids.txt").write_text("\n".join(names))
    cat = datasets.load_ref(registry.vectors_alone(str(tmp_path / "vectors.npy"), str(tmp_path / "ids.txt")))
    assert cat.items["item_id"].tolist() == names
    assert registry.add(cat.source, "Vectors").ref["embedding"]["method"] == "given"


def test_broken_embeddings_alone_leave_nothing(tiger_home, tmp_path):
    path = tmp_path / "vectors.npy"
    np.save(path, np.full((3, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match=r"the vector of item '0' \(item 0\) holds NaN"):
        registry.vectors_alone(str(path))
    np.save(path, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match=r"shape \(3,\), but an embedding has \(items, width\)"):
        registry.vectors_alone(str(path))
    assert not (tiger_home / "uploads").exists()


@pytest.mark.parametrize(("named", "files"), [
    ("items.csv", ["items.csv"]), ("shop", ["shop/s.inter", "shop/s.item", "shop/ml-1m/movies.dat"]),
    ("shop/s.inter", ["shop/s.inter", "shop/s.item"])])
def test_stamps_tell_every_changed_file(tiger_home, tmp_path, named, files):
    (tmp_path / "shop" / "ml-1m").mkdir(parents=True)
    for name in ("items.csv", "shop/s.inter", "shop/s.item", "shop/ml-1m/movies.dat", "other.csv"):
        (tmp_path / name).write_text("1")
    ref = {"name": "any", "params": {"path": str(tmp_path / named), "core": 5, "title_column": "title"},
           "embedding": {"method": "tfidf"}}
    before, key = registry.stamps(ref), state.data_key(ref)
    assert sorted(path for path, _, _ in before) == sorted(str(tmp_path / name) for name in files)
    (tmp_path / "other.csv").write_text("22")
    assert registry.stamps(ref) == before and state.data_key(ref) == key
    for name in files:
        (tmp_path / name).write_text("22")
        assert registry.stamps(ref) != before and state.data_key(ref) != key
        before, key = registry.stamps(ref), state.data_key(ref)
    as_embedding = {"name": "any", "embedding": {"method": "given", "path": str(tmp_path / named)}}
    assert registry.stamps(as_embedding) == before


@pytest.mark.parametrize("ref", [[], {}, {"params": [1]}, {"params": {"path": "x" * 5000}}, {"params": {"path": "a\0b"}},
                                 {"params": {"path": "~nobody-by-this-name/x"}}, {"params": {"path": ""}}])
def test_stamps_of_nonsense_are_none(ref):
    assert registry.stamps(ref) == []


def uploaded(content: bytes) -> dict:
    return {"name": "tables", "params": {"items": str(registry.keep_upload({"items.csv": content}) / "items.csv")}}


def test_uploads_of_a_failed_load_go_and_no_others(tiger_home, tmp_path):
    kept, of_a_run, failed, table = (uploaded(b"item_id,title\n1,hat\n") for _ in range(4))
    registry.add(kept, "Kept")
    (tiger_home / "runs" / "some-run").mkdir(parents=True)
    (tiger_home / "runs" / "some-run" / "config.json").write_text(json.dumps({"dataset": of_a_run}))
    (tmp_path / "own.csv").write_text("item_id\n1\n")
    mixed = failed | {"embedding": {"method": "given", "path": table["params"]["items"], "ids": str(tmp_path / "own.csv")}}
    for ref in (kept, of_a_run, mixed, {"name": "tables", "params": {"items": str(tiger_home / "uploads")}}):
        registry.drop_uploads(ref)
    left = {str(path) for path in (tiger_home / "uploads").glob("*/*")}
    assert left == {kept["params"]["items"], of_a_run["params"]["items"]}
    assert (tmp_path / "own.csv").exists()
