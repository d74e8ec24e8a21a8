"""Co-occurrence vectors: the counts by hand, and held-out items that nothing may depend on."""

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
    with pytest.raises(ValueError, match="No two items meet"):
        TextAndCooccurrence().cooccurrence(raw)
