"""The trie against plain Python sets."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tiger.search.trie import Trie


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=40, unique=True))
def test_masks_children_and_items_equal_a_search_through_all_ids(ids):
    trie = Trie(np.array(ids), [5, 5, 5])
    for depth in range(3):
        prefixes = sorted({row[:depth] for row in ids})
        assert trie.n_nodes(depth) == len(prefixes)
        node_N = torch.tensor([trie.find(prefix) for prefix in prefixes])
        assert node_N.tolist() == list(range(len(prefixes)))
        mask_NK = trie.mask(depth, torch.cat([node_N, torch.tensor([-1])]))
        longer = {row[:depth + 1] for row in ids}
        want = [[(*prefix, code) in longer for code in range(5)] for prefix in prefixes]
        assert mask_NK.tolist() == [*want, [False] * 5]
        below = [sum(row[:depth] == prefix for row in ids) for prefix in prefixes]
        assert trie.n_items_below(depth, node_N).tolist() == below
    leaf_I = torch.tensor([trie.find(row) for row in ids])
    assert trie.item(leaf_I).tolist() == list(range(len(ids)))


def test_what_is_outside_the_catalogue_is_minus_one():
    trie = Trie(np.array([[0, 1], [2, 0]]), [3, 2])
    assert trie.find((1,)) == -1 and trie.find((0, 0)) == -1 and trie.find((9,)) == -1
    assert trie.child(1, torch.tensor([-1, 0]), torch.tensor([1, 1])).tolist() == [-1, 0]
    assert trie.n_items_below(1, torch.tensor([-1, 1])).tolist() == [0, 1]
    assert trie.item(torch.tensor([-1, 1])).tolist() == [-1, 1]


def test_items_without_an_id_are_left_out():
    trie = Trie(np.array([[-1, -1], [1, 0], [0, 1]]), [2, 2])
    assert (trie.n_items, trie.n_catalogue) == (2, 3)
    assert trie.item(torch.tensor([0, 1])).tolist() == [2, 1]


@pytest.mark.parametrize(("ids", "text"), [
    ([[0, 1], [0, 1]], "1 items share an ID"), ([[0, 3]], "level 2 holds codes from 3 to 3"),
    ([[0]], "one column per level"),
    ([[-1, -1]], "no item has an ID"), ([[-1, 0]], "level 1 holds codes from -1")])
def test_bad_ids_are_refused_in_one_sentence(ids, text):
    with pytest.raises(ValueError, match=text):
        Trie(np.array(ids), [2, 2])
