"""Searches that leave out what a user already has, against searches that do not."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import tiny_models as tiny
from tiger import models
from tiger.search import beam
from tiger.search.seen import Seen
from tiger.search.trie import Trie

HISTORY = [5, 9, 1, 9]


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return models.create("rq_transformer", **tiny.values("rq_transformer")).fit(tiny.catalogue(), tiny.semantic_ids())


def test_a_full_beam_finds_every_item_but_the_seen_ones_with_its_exact_score(model):
    items, exact_I = model.beam_search(HISTORY, width=tiny.N_ITEMS, exclude_seen=True).items, model.score_all(HISTORY)
    assert sorted(items["item"]) == sorted(set(range(tiny.N_ITEMS)) - set(HISTORY))
    np.testing.assert_allclose(items["logp"], exact_I[items["item"]], atol=1e-4)
    assert items["rank"].tolist() == list(range(1, len(items) + 1))


@pytest.mark.parametrize("width", [1, 3, 7])
def test_the_list_is_as_long_as_the_beam_is_wide(model, width):
    """Also where the model's own favourites are all seen."""
    favourites = np.argsort(-model.score_all(HISTORY))[:8].tolist()
    found = model.search([np.array(favourites)], width, seen=[np.array(favourites)])
    assert (found.item_BW[0] >= 0).all() and not set(found.item_BW[0].tolist()) & set(favourites)


def test_a_seen_id_is_pruned_with_its_own_reason_and_nothing_else_is(model):
    trace = model.beam_search(HISTORY, width=4, exclude_seen=True)
    owned = {tuple(row) for row in tiny.semantic_ids().ids_IM[HISTORY].tolist()}
    last = trace.steps[-1]
    marked = set(last.loc[last["reason"] == beam.OWNED, "prefix"])
    assert marked == owned & set(last["prefix"]) and marked
    assert not last.loc[last["reason"] == beam.OWNED, "kept"].any()
    for step in trace.steps[:-1]:  # no prefix of these IDs leads to seen items alone
        assert not (step["reason"] == beam.OWNED).any()


def test_a_prefix_goes_where_everything_below_it_is_seen(model):
    ids_IM = tiny.semantic_ids().ids_IM
    below = np.flatnonzero(ids_IM[:, 0] == 2).tolist()
    trace = model.beam_search(below, width=5, exclude_seen=True)
    first = trace.steps[0]
    assert first.loc[first["reason"] == beam.OWNED, "prefix"].tolist() == [(2,)]


def test_above_the_last_level_the_beam_has_room_for_the_seen_items(model):
    plain, wider = model.beam_search([0, 1, 2], width=2), model.beam_search([0, 1, 2], width=2, exclude_seen=True)
    assert [int(step["kept"].sum()) for step in plain.steps] == [2, 2, 2]
    assert [int(step["kept"].sum()) for step in wider.steps] == [4, 5, 2]  # four codes at level 1; two and three seen items


def test_a_users_list_does_not_depend_on_the_others_in_the_batch(model):
    rows = [np.array([1, 2, 3]), np.array([20]), np.array([9, 10, 11, 12, 13])]
    together = model.search(rows, 3, seen=rows)
    for user, row in enumerate(rows):
        alone = model.search([row], 3, seen=[row])
        assert together.item_BW[user].tolist() == alone.item_BW[0].tolist()


def test_a_free_search_never_writes_a_seen_items_id(model):
    trace = model.beam_search(HISTORY, width=4 * 3 * 4, constrained=False, exclude_seen=True)
    assert sorted(trace.items["item"]) == sorted(set(range(tiny.N_ITEMS)) - set(HISTORY))
    assert len(trace.invalid) == 4 * 3 * 4 - tiny.N_ITEMS


def test_the_exact_search_leaves_the_same_items_out(model):
    best = model.best_items(HISTORY, 6, exclude_seen=True)
    left_I = model.score_all(HISTORY)
    left_I[HISTORY] = -np.inf
    assert best.item_R.tolist() == np.argsort(-left_I)[:6].tolist()


def test_somebody_who_has_everything_gets_nothing(model):
    everything = np.arange(tiny.N_ITEMS)
    assert (model.search([everything], 3, seen=[everything]).item_BW == -1).all()


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(2, 40), st.integers(1, 4), st.integers(1, 3))
def test_used_up_prefixes_are_those_whose_items_are_all_seen(seed, n_items, n_levels, n_users):
    """Against sets in plain Python, on IDs of levels of different sizes."""
    rng = np.random.default_rng(seed)
    sizes = [int(size) for size in rng.integers(2, 6, n_levels)] + [n_items]
    ids_IM = np.column_stack([*(rng.integers(0, size, n_items) for size in sizes[:-1]), np.arange(n_items)])
    trie = Trie(ids_IM, sizes)
    seen = [rng.choice(n_items, rng.integers(0, n_items + 1), replace=False) for _ in range(n_users)]
    found = Seen(trie, seen)
    for user, items in enumerate(seen):
        for level in range(len(sizes)):
            prefixes = {tuple(row) for row in ids_IM[:, :level + 1].tolist()}
            open_ = {tuple(row[:level + 1]) for item, row in enumerate(ids_IM.tolist()) if item not in set(items.tolist())}
            users, parents, codes = (part.tolist() for part in found.used_up[level])
            marked = {(parent, code) for who, parent, code in zip(users, parents, codes, strict=True) if who == user}
            assert marked == {(trie.find(prefix[:-1]), prefix[-1]) for prefix in prefixes - open_}
