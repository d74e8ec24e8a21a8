"""The trie against plain Python sets."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tiger.search import trie as tries
from tiger.search.trie import Trie

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 6), st.integers(0, 1)), min_size=1, max_size=40, unique=True)


@pytest.fixture(params=["dense", "sparse"])
def tables(request, monkeypatch):
    """Every depth with its dense table, and none."""
    monkeypatch.setattr(tries, "DENSE_LEVELS", 9 if request.param == "dense" else 0)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, gaps=st.sets(st.integers(0, 50), max_size=5))
def test_all_that_a_trie_says_equals_a_search_through_all_ids(tables, rows, gaps):
    sizes, ids = [5, 7, 2], list(rows)
    for at in sorted(gaps):
        ids.insert(min(at, len(ids)), (-1, -1, -1))
    trie = Trie(np.array(ids, np.int16), sizes)
    for depth in range(4):
        prefixes = sorted({row[:depth] for row in rows})
        assert trie.n_nodes(depth) == len(prefixes)
        node_N = torch.tensor([trie.find(prefix) for prefix in prefixes])
        assert node_N.tolist() == list(range(len(prefixes)))
        below = [sum(row[:depth] == prefix for row in rows) for prefix in prefixes]
        assert trie.n_items_below(depth, torch.cat([node_N, torch.tensor([-1])])).tolist() == [*below, 0]
        if depth:
            assert trie.code(depth - 1, node_N).tolist() == [prefix[-1] for prefix in prefixes]
            above = sorted({row[:depth - 1] for row in rows})
            assert trie.parent(depth - 1, node_N).tolist() == [above.index(prefix[:-1]) for prefix in prefixes]
        leaf_N = torch.arange(len(rows))
        assert trie.node_of_leaf(depth, leaf_N).tolist() == [prefixes.index(row[:depth]) for row in sorted(rows)]
        if depth < 3:
            longer = {row[:depth + 1] for row in rows}
            want = [[(*prefix, code) in longer for code in range(sizes[depth])] for prefix in prefixes]
            assert trie.mask(depth, torch.cat([node_N, torch.tensor([-1])])).tolist() == [*want, [False] * sizes[depth]]
            start_N, count_N = trie.children(depth, node_N)
            assert count_N.tolist() == [sum(row) for row in want] and start_N.tolist() == [0, *count_N.cumsum(0)[:-1].tolist()]
    leaf_I = torch.tensor([trie.find(row) for row in ids if row[0] >= 0])
    assert trie.item(leaf_I).tolist() == [item for item, row in enumerate(ids) if row[0] >= 0]
    codes_NM, has_id_N = trie.ids_of(torch.tensor([*range(len(ids)), -1]))
    assert has_id_N.tolist() == [*(row[0] >= 0 for row in ids), False]
    assert [tuple(row) for row in codes_NM[has_id_N].tolist()] == [row for row in ids if row[0] >= 0]


def test_ids_too_long_for_one_number_are_sorted_alike():
    rng, sizes = np.random.default_rng(0), [2**40, 2**40, 3]
    columns = [rng.integers(0, 3, 60) * 2**38, rng.integers(0, 4, 60) * 2**37, rng.integers(0, 3, 60)]
    ids_IM = np.unique(np.stack(columns, 1), axis=0)
    shuffled_I = rng.permutation(len(ids_IM))
    trie = Trie(ids_IM[shuffled_I], sizes)
    assert (ids_IM[shuffled_I][trie.order_I.numpy()] == ids_IM).all(), "numpy's unique sorts rows"
    assert [trie.find(tuple(row)) for row in ids_IM.tolist()] == list(range(len(ids_IM)))


def test_what_is_outside_the_catalogue_is_minus_one(tables):
    trie = Trie(np.array([[0, 1], [2, 0]]), [3, 2])
    assert trie.find((1,)) == -1 and trie.find((0, 0)) == -1 and trie.find((9,)) == -1
    assert trie.child(1, torch.tensor([-1, 0, 0, 1]), torch.tensor([1, 1, -1, -1])).tolist() == [-1, 0, -1, -1]
    assert trie.n_items_below(1, torch.tensor([-1, 1])).tolist() == [0, 1]
    assert trie.item(torch.tensor([-1, 1])).tolist() == [-1, 1]


def test_items_without_an_id_are_left_out():
    trie = Trie(np.array([[-1, -1], [1, 0], [0, 1]]), [2, 2])
    assert (trie.n_items, trie.n_catalogue) == (2, 3)
    assert trie.item(torch.tensor([0, 1])).tolist() == [2, 1]


@pytest.mark.parametrize(("ids", "text"), [
    ([[0, 1], [0, 1]], "1 item shares an ID"), ([[0, 3]], "level 2 holds codes from 3 to 3"),
    ([[0]], "one column per level"),
    ([[-1, -1]], "no item has an ID"), ([[-1, 0]], "level 1 holds codes from -1")])
def test_bad_ids_are_refused_in_one_sentence(ids, text):
    with pytest.raises(ValueError, match=text):
        Trie(np.array(ids), [2, 2])
