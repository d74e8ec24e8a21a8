"""Co-occurrence vectors: the counts by hand, and held-out items that nothing may depend on."""

import json
import math

import numpy as np
import pytest

from tiger import datasets
from tiger.datasets.cooccurrence import TextAndCooccurrence, ppmi_matrix


def test_ppmi_of_a_history_worked_by_hand():
    """Training part 0 1 2 (3 and 4 are held out): n_01 = n_12 = 1, n_02 = 1/2; n_0 = n_2 = 1.5, n_1 = 2, n = 5."""
    found = ppmi_matrix(np.array([0, 5]), np.array([0, 1, 2, 3, 4]), 5, window=2).toarray()
    wanted = np.zeros((5, 5))
    wanted[0, 1] = wanted[1, 0] = wanted[1, 2] = wanted[2, 1] = math.log(1 * 5 / (1.5 * 2))
    wanted[0, 2] = wanted[2, 0] = math.log(0.5 * 5 / (1.5 * 1.5))
    np.testing.assert_allclose(found, wanted, atol=1e-12)


def test_held_out_items_change_nothing():
    rng = np.random.default_rng(0)
    indptr, items = np.array([0, 6, 8, 13]), rng.integers(0, 7, 13)
    other = items.copy()
    other[[4, 5, 6, 7, 11, 12]] = rng.integers(0, 7, 6)  # the last two of every history
    first, second = (ppmi_matrix(indptr, given, 7, 3).toarray() for given in (items, other))
    np.testing.assert_array_equal(first, second)


@pytest.mark.thorough
def test_the_bundled_shop_gets_both_halves():
    cat = datasets.load("synthetic", embedding={"method": "cooccurrence", "dim": 64, "item_dim": 32, "text_weight": 0.5})
    assert cat.embedding_IE.shape == (cat.n_items, 96) and cat.embedding_IE.dtype == np.float32
    length = np.linalg.norm(cat.embedding_IE, axis=1)
    np.testing.assert_allclose(length[length > 0.6], math.sqrt(0.25 + 1), atol=1e-4)
    assert datasets.load_ref(cat.source).embedding_IE.tobytes() == cat.embedding_IE.tobytes()


def test_histories_too_short_to_hold_pairs_are_said():
    raw = datasets.REGISTRY["synthetic"](n_items=50, n_users=20).read()
    raw.indptr_U1 = np.arange(0, len(raw.history_items) + 1, 2)
    raw.history_items = raw.history_items[:raw.indptr_U1[-1]]
    with pytest.raises(ValueError, match="No two items occur together"):
        TextAndCooccurrence().cooccurrence(raw)


ROWS = [(f"u{user}", f"{'xyz'[user % 3]}{item}", item) for user in range(9) for item in range(6)]
"""Nine users, three groups of six items that only ever meet each other."""


def without_texts(folder, kind: str) -> tuple[str, dict]:
    """A source and its values, for the same interactions and no text at all."""
    if kind == "recbole":
        (folder / "x.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n"
                                        + "".join(f"{u}\t{i}\t{t}\n" for u, i, t in ROWS))
        return "recbole", {"path": str(folder)}
    if kind == "amazon":
        (folder / "r.json").write_text("".join(json.dumps({"user_id": u, "asin": i, "timestamp": t}) + "\n" for u, i, t in ROWS))
        return "amazon", {"reviews": str(folder / "r.json"), "core": 1}
    (folder / "u.csv").write_text("user_id,item_id,timestamp\n" + "".join(f"{u},{i},{t}\n" for u, i, t in ROWS))
    return "tables", {"interactions": str(folder / "u.csv")}


@pytest.mark.parametrize("kind", ["recbole", "amazon", "tables"])
@pytest.mark.parametrize("embedding", [None, {"method": "tfidf"}, {"method": "cooccurrence"}, "cooccurrence"])
def test_catalogues_without_any_text_load_by_what_is_picked_together(tmp_path, tiger_home, kind, embedding):
    name, values = without_texts(tmp_path, kind)
    cat = datasets.load(name, embedding, **values)
    assert cat.report["items_without_text"] == cat.n_items == 18 and cat.embedding_IE.dtype == np.float32
    assert cat.source["embedding"] == {"method": "cooccurrence"}
    assert datasets.load_ref(cat.source).embedding_IE.tobytes() == cat.embedding_IE.tobytes()
    group = cat.items["item_id"].str[0].to_numpy()
    met = np.linalg.norm(cat.embedding_IE, axis=1) > 0.5  # the last two of every history are held out: they met nobody
    assert met.sum() == 12 and np.isfinite(cat.embedding_IE).all()
    near = cat.embedding_IE[met] @ cat.embedding_IE[met].T
    same = group[met][:, None] == group[met]
    assert near[same].mean() > 0.3 and np.abs(near[~same]).max() < 1e-3


@pytest.mark.parametrize(("embedding", "content", "words"), [
    ({"method": "tfidf", "dim": 8}, "u,1\n" * 5, r"Not even the only item has a word in its text; choose the cooccurrence emb"),
    ("sentence", "u,1\n" * 5, r"Not even the only item has a word in its text; choose the cooccurrence embedding"),
    (None, "u,1\nu,2\n", r"None of the 2 items has a word in its text, and no two items occur together .* bring your own"),
])
def test_without_text_the_remedy_is_said(tmp_path, tiger_home, embedding, content, words):
    (tmp_path / "u.csv").write_text("user_id,item_id\n" + content)
    with pytest.raises(ValueError, match=words):
        datasets.load("tables", embedding, interactions=str(tmp_path / "u.csv"))


def test_without_text_and_without_histories_the_remedy_is_a_text_column(tmp_path, tiger_home):
    (tmp_path / "i.csv").write_text("item_id,price\n1,2\n2,3\n")
    for embedding in (None, "sentence"):
        with pytest.raises(ValueError, match="and there are no histories to learn from; name a text column or bring"):
            datasets.load("tables", embedding, items=str(tmp_path / "i.csv"))


def test_own_vectors_need_no_text(tmp_path, tiger_home):
    np.save(tmp_path / "e.npy", np.eye(18, dtype=np.float32))
    name, values = without_texts(tmp_path, "tables")
    cat = datasets.load(name, {"method": "given", "path": str(tmp_path / "e.npy")}, **values)
    np.testing.assert_array_equal(cat.embedding_IE, np.eye(18))
