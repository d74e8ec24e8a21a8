"""The exact search against the score of every item."""

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.search import exact


@pytest.fixture(scope="module", params=["rq_transformer", "encoder_decoder"])
def model(request):
    torch.set_num_threads(1)
    return models.create(request.param, **tiny.values(request.param)).fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.mark.parametrize("history", [[0], [5, 9, 2], [1, 1, 7, 8, 23, 4]])
@pytest.mark.parametrize("k", [1, 3, 7, tiny.N_ITEMS])
def test_finds_what_scoring_every_item_finds(model, history, k):
    logp_I = model.score_all(history)
    found = model.best_items(history, k)
    np.testing.assert_allclose(found.logp_R, np.sort(logp_I)[::-1][:k], atol=1e-4)
    np.testing.assert_allclose(found.logp_R, logp_I[found.item_R], atol=1e-4)
    assert len(set(found.item_R)) == k
    assert found.n_expanded <= sum(model.trie_.n_nodes(depth) for depth in (1, 2, 3))


def test_some_items_get_the_scores_that_all_items_get(model):
    rows, item_BC = [np.array([3, 4]), np.array([9])], torch.tensor([[5, 5, 0, -1], [23, 2, 7, 11]])
    got = exact.score_items(model.net_, model.trie_, rows, item_BC).numpy()
    all_BI = model.score_batch(rows)
    np.testing.assert_allclose(got[1], all_BI[1, item_BC[1]], atol=1e-4)
    np.testing.assert_allclose(got[0], [*all_BI[0, [5, 5, 0]], -np.inf], atol=1e-4)
    gaps = models.create(model.name, **tiny.values(model.name)).fit(tiny.catalogue(), tiny.semantic_ids_with_gaps())
    got = gaps.item_log_probabilities([np.array([9])], np.array([[2, 8]]))[0]
    assert got[0] == -np.inf and got[1] == pytest.approx(gaps.score_all([9])[8], abs=1e-4)


def test_a_narrow_beam_is_never_better(model):
    for first in range(tiny.N_ITEMS):
        best = model.best_items([first], 2, [0.5, 1.0, 2.0])
        beam = model.beam_search([first], width=2, temperature=[0.5, 1.0, 2.0]).items
        assert (beam["logp"].to_numpy() <= best.logp_R + 1e-4).all()


@pytest.mark.parametrize("k", [1, 3, 7])
def test_a_beam_search_that_was_done_saves_one_and_changes_nothing(model, k, monkeypatch):
    found = model.beam_search([5, 9, 2], width=k)
    want = model.best_items([5, 9, 2], k)
    monkeypatch.setattr(exact.beam, "search", None)  # none is needed
    got = model.best_items([5, 9, 2], k, floor=float(found.items["logp"].iloc[k - 1]))
    assert got.item_R.tolist() == want.item_R.tolist() and got.n_expanded == want.n_expanded
    np.testing.assert_array_equal(got.logp_R, want.logp_R)


@pytest.mark.thorough
def test_a_sharp_model_needs_few_prefixes():
    model = models.create("rq_transformer", **tiny.SMALL | {"n_epochs": 15, "learning_rate": 0.01, "dropout": 0.0})
    model.fit(tiny.catalogue(), tiny.semantic_ids())
    found = model.best_items([3, 4, 5], 1)
    assert found.item_R.tolist() == [int(model.score_all([3, 4, 5]).argmax())]
    assert found.n_expanded < sum(model.trie_.n_nodes(depth) for depth in (1, 2, 3)) / 2


def test_more_than_the_catalogue_is_refused(model):
    with pytest.raises(ValueError, match="has only 24 items"):
        model.best_items([1], 25)
