"""The made shop: the same everywhere, and with the habits that it claims."""

import time
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from tiger import datasets
from tiger.core import paths
from tiger.datasets import embed
from tiger.datasets.sources.shop_words import complements, read_summary
from tiger.datasets.sources.synthetic import Synthetic


@pytest.fixture(scope="module")
def shop():
    return datasets.load("synthetic")


def histories(raw):
    return [raw.history_items[start:end] for start, end in zip(raw.indptr_U1, raw.indptr_U1[1:], strict=False)]


def test_making_it_again_gives_the_bundle(shop):
    start = time.monotonic()
    raw = Synthetic().read()
    assert time.monotonic() - start < 60  # 3 s on two quiet cores
    pd.testing.assert_frame_equal(raw.items, shop.items)
    np.testing.assert_array_equal(raw.indptr_U1, shop.indptr_U1)
    np.testing.assert_array_equal(raw.history_items, shop.history_items)
    assert raw.user_ids == shop.user_ids and raw.report == shop.report


def test_bundle_is_small_and_complete(shop):
    assert sum(file.stat().st_size for file in (paths.BUNDLED / "synthetic").iterdir()) < 6e6
    assert shop.embedding_IE.shape == (2000, 256) and (shop.n_items, shop.n_users) == (2000, 4000)
    np.testing.assert_allclose(np.linalg.norm(shop.embedding_IE, axis=1), 1, atol=1e-4)


def test_bundled_vectors_are_the_default_embedding(shop):
    """Compared by their cosines, since the last digits depend on the machine."""
    emb_IE = embed.embed_texts(shop.items["text"].tolist())
    np.testing.assert_allclose(emb_IE @ emb_IE[:50].T, shop.embedding_IE @ shop.embedding_IE[:50].T, atol=2e-3)


def test_tree_has_four_levels(shop):
    levels = shop.items["category"].str.split(" > ", expand=True)
    assert levels.shape[1] == 4 and not levels.isna().any().any()
    assert [levels.iloc[:, :depth].drop_duplicates().shape[0] for depth in (1, 2, 3)] == [8, 24, 72]
    assert 250 <= shop.items["category"].nunique() <= 300


def test_titles_differ_and_speak_of_their_kind(shop):
    assert shop.items["title"].is_unique and shop.items["item_id"].is_unique
    assert not shop.items["text"].str.contains(r"[{}|]|\+|;|\bNone\b|  ", regex=True).any()
    kind = shop.items["category"].str.split(" > ").str[-1].str.lower().str.slice(0, 3)
    spoken = [word in text for word, text in zip(kind, shop.items["text"].str.lower(), strict=True)]
    assert np.mean(spoken) == 1
    assert shop.items["price"].between(1, 3000).all()


def test_histories_have_a_long_tail_and_no_repeats(shop):
    bought = np.sort(np.bincount(shop.history_items, minlength=shop.n_items))[::-1]
    assert bought[:200].sum() > 0.35 * bought.sum()  # a tenth of the products
    assert (bought <= 5).sum() > 300
    assert all(len(set(history)) == len(history) >= 1 for history in histories(shop))


def test_next_purchase_follows_complements_and_tastes():
    kinds, words = read_summary()
    goes_with = complements(words["complements"], kinds)
    number = {" > ".join(kind.path): leaf for leaf, kind in enumerate(kinds)}

    def shares(noise):
        raw = Synthetic(n_users=600, noise=noise).read()
        leaf = raw.items["category"].map(number).to_numpy()
        pairs = [(leaf[a], leaf[b]) for history in histories(raw) for a, b in pairwise(history)]
        together = np.mean([b in goes_with.get(a, []) for a, b in pairs])
        department = np.mean([kinds[a].path[0] == kinds[b].path[0] for a, b in pairs])
        return together, department

    (together, department), (chance, chance_department) = shares(0.0), shares(1.0)
    assert chance < 0.03 and chance_department < 0.2
    assert together > 0.25 and department > 0.45


def test_seed_tail_and_size_do_what_they_say():
    one, again, other = (Synthetic(n_items=300, n_users=200, seed=seed).read() for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one.items, again.items)
    np.testing.assert_array_equal(one.history_items, again.history_items)
    assert not one.items["title"].equals(other.items["title"])
    assert (len(one.items), len(one.user_ids)) == (300, 200)
    top = [np.sort(np.bincount(Synthetic(n_items=300, n_users=300, tail=tail).read().history_items))[-15:].sum()
           for tail in (0.0, 0.8, 1.5)]
    assert top[0] < top[1] < top[2]


def test_complements_hold_in_both_directions_and_name_known_kinds():
    kinds, words = read_summary()
    goes_with = complements(words["complements"], kinds)
    assert len({kind.name for kind in kinds}) == len(kinds)
    assert len(goes_with) > 150
    for one, others in goes_with.items():
        assert one not in others and all(one in goes_with[other] for other in others)


def test_values_out_of_bounds_are_refused():
    with pytest.raises(ValueError, match="n_items is 10, but must be between 50 and 20000"):
        datasets.load("synthetic", n_items=10)
