"""One contract for every source in the registry, on real or small data; and references that load the same."""

import dataclasses
import gzip
import json

import numpy as np
import pandas as pd
import pytest

from tiger import datasets
from tiger.core import params
from tiger.datasets.catalogue import ITEM_COLUMNS, Catalogue


@pytest.fixture
def small(tmp_path):
    """For each source hyper-parameters that load a small catalogue of four items."""
    titles = {"a": "red wool scarf", "b": "warm wool hat", "c": "steel pan", "d": "cold item"}
    rows = [("u1", "a", 1), ("u1", "b", 2), ("u1", "c", 3), ("u2", "c", 1), ("u2", "a", 1)]
    (tmp_path / "x.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n"
                                      + "".join(f"{u}\t{i}\t{t}\n" for u, i, t in rows))
    (tmp_path / "x.item").write_text("item_id:token\ttitle:token_seq\n"
                                     + "".join(f"{i}\t{title}\n" for i, title in titles.items()))
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{i},{t}\n" for i, t in titles.items()))
    (tmp_path / "inter.csv").write_text("user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in rows))
    (tmp_path / "ml").mkdir()
    (tmp_path / "ml" / "ratings.csv").write_text("userId,movieId,rating,timestamp\n"
                                                 + "".join(f"{u},{i},5,{t}\n" for u, i, t in rows))
    (tmp_path / "ml" / "movies.csv").write_text("movieId,title,genres\n"
                                                + "".join(f"{i},{t},War\n" for i, t in titles.items()))
    (tmp_path / "r.json.gz").write_bytes(gzip.compress("".join(
        json.dumps({"user_id": u, "asin": i, "timestamp": t}) + "\n" for u, i, t in rows).encode()))
    (tmp_path / "m.json.gz").write_bytes(gzip.compress("".join(
        json.dumps({"asin": i, "title": t}) + "\n" for i, t in titles.items()).encode()))
    return {"synthetic": {"n_items": 60, "n_users": 20, "seed": 3}, "recbole": {"path": str(tmp_path)},
            "movielens": {"path": str(tmp_path / "ml")},
            "amazon": {"reviews": str(tmp_path / "r.json.gz"), "metadata": str(tmp_path / "m.json.gz"), "core": 1},
            "tables": {"items": str(tmp_path / "items.csv"), "interactions": str(tmp_path / "inter.csv")}}


WITH_HISTORIES = [name for name in datasets.REGISTRY if name not in ("recorded", "shards")]  # vectors alone have none


@pytest.mark.parametrize("name", WITH_HISTORIES)
def test_every_source_gives_a_sound_catalogue(name, small, tiger_home):
    cat = datasets.load(name, {"method": "tfidf", "dim": 3}, **small[name])
    assert isinstance(cat, Catalogue) and cat.name
    assert list(cat.items.columns[:4]) == list(ITEM_COLUMNS) and cat.items["item_id"].is_unique
    for column in ITEM_COLUMNS:
        assert all(isinstance(cell, str) for cell in cat.items[column])
    assert (cat.items["title"] != "").all()
    assert cat.indptr_U1.dtype == cat.history_items.dtype == np.int64
    assert cat.indptr_U1[0] == 0 and cat.indptr_U1[-1] == cat.n_interactions
    assert (np.diff(cat.indptr_U1) > 0).all()
    assert 0 <= cat.history_items.min() <= cat.history_items.max() < cat.n_items
    assert cat.embedding_IE.shape == (cat.n_items, 3) and cat.embedding_IE.dtype == np.float32
    assert (cat.report["n_users"], cat.report["n_items"], cat.report["n_interactions"]) == (
        cat.n_users, cat.n_items, cat.n_interactions)
    if name != "synthetic":
        got = [[cat.items["item_id"][item] for item in cat.history(user)] for user in range(cat.n_users)]
        assert got == [["a", "b", "c"], ["c", "a"]]


@pytest.mark.parametrize("name", WITH_HISTORIES)
def test_a_catalogues_source_loads_it_again(name, small, tiger_home):
    ref = {"name": name, "params": small[name], "embedding": {"method": "tfidf", "dim": 4, "seed": 1}}
    cat = datasets.load_ref(ref)
    assert cat.source == ref
    again = datasets.load_ref(json.loads(json.dumps(cat.source)))
    pd.testing.assert_frame_equal(again.items, cat.items)
    np.testing.assert_array_equal(again.history_items, cat.history_items)
    np.testing.assert_array_equal(again.embedding_IE, cat.embedding_IE)
    cat.save(tiger_home / "kept")
    assert Catalogue.open(tiger_home / "kept").report == cat.report


@pytest.mark.parametrize("name", datasets.REGISTRY)
def test_every_source_describes_itself(name):
    source = datasets.REGISTRY[name]
    assert source.title and source.summary.endswith(".")
    assert {spec.name for spec in params.specs(source)} == {field.name for field in dataclasses.fields(source)}
    for spec in params.specs(source):
        assert spec.help.endswith(".") and params.check(spec, spec.default) == spec.default


def test_picker_lists_the_registry():
    assert [about["name"] for about in datasets.describe_sources()] == list(datasets.REGISTRY)


@pytest.mark.parametrize(("ref", "words"), [
    ({"name": "netflix"}, "no dataset 'netflix'; choose from synthetic, recbole"),
    ({}, "needs a 'name'"), ([], "needs a 'name'"), ({"name": "synthetic", "params": [1]}, "must be tables of names"),
    ({"name": "synthetic", "embedding": {"method": "magic"}}, "embedding method is 'magic', but must be one of"),
    ({"name": "synthetic", "embedding": {"dim": 3}}, "embedding method is None"),
    ({"name": "synthetic", "embedding": {"method": "tfidf", "dim": 0}}, "dim is 0, but must be between"),
    ({"name": "synthetic", "params": {"seed": -1}}, "seed is -1, but must be between 0"),
    ({"name": "synthetic", "params": {"colour": 1}}, "'colour' is not a hyper-parameter of Synthetic"),
])
def test_bad_references_are_refused(ref, words):
    with pytest.raises(ValueError, match=words):
        datasets.load_ref(ref)


def test_an_embedding_may_be_given_by_its_name():
    by_name = datasets.load("synthetic", embedding="tfidf")
    assert by_name.source == {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
    np.testing.assert_array_equal(by_name.embedding_IE, datasets.load("synthetic").embedding_IE)
    with pytest.raises(ValueError, match="embedding method is 'magic', but must be one of tfidf"):
        datasets.load("synthetic", embedding="magic")
    for nonsense in (5, ["tfidf"], 1.5):
        with pytest.raises(ValueError, match="but must be the name of a method, such as 'tfidf', or a table"):
            datasets.load("synthetic", embedding=nonsense)


LONG = "x" * 5000


@pytest.mark.parametrize("path", [LONG, "a\0b", "~nobody-by-this-name/x"], ids=["long", "NUL", "user"])
@pytest.mark.parametrize(("name", "field"), [("recbole", "path"), ("movielens", "path"), ("amazon", "reviews"),
                                             ("tables", "items"), ("tables", "interactions"), ("shards", "path"),
                                             ("given", "path")])
def test_a_path_that_cannot_be_is_one_short_sentence(name, field, path, tmp_path, tiger_home):
    with pytest.raises(ValueError, match=r"is not a file|does not exist") as refused:
        if name == "given":
            datasets.load("synthetic", {"method": "given", "path": path}, n_items=50, n_users=10)
        datasets.load(name, **{field: path})
    assert type(refused.value) is ValueError and len(str(refused.value)) < 400


def test_the_bundle_needs_no_workspace(monkeypatch, tmp_path):
    monkeypatch.setenv("TIGER_HOME", str(tmp_path / "none"))
    assert datasets.load("synthetic", seed=0).source["params"] == {"seed": 0}
    assert not (tmp_path / "none").exists()
