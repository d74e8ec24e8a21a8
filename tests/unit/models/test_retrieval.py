"""Nearest neighbours through faiss equal the exact ones; a cascade equals the pair ranker where it may see all."""

import sys

import numpy as np
import pytest

from tests.support import tiny_models as tiny
from tiger import models

ROWS = [np.array([3, 4, 5]), np.array([9]), np.arange(8)]


@pytest.mark.parametrize("name", ["sasrec", "sasrec_ids", "vector_regression"])
def test_faiss_finds_the_exact_neighbours(name, monkeypatch):
    model = models.create(name, **tiny.values(name)).fit(tiny.catalogue(), tiny.semantic_ids())
    items, scores = model.rank_batch(ROWS, 5)
    model.index = "faiss"
    found, values = model.rank_batch(ROWS, 5)
    np.testing.assert_array_equal(found, items)
    np.testing.assert_allclose(values, scores, atol=1e-4)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(ValueError, match="faiss-cpu is not installed; run pip install faiss-cpu"):
        model.rank_batch(ROWS, 5)


def test_a_cascade_scores_its_candidates_as_the_pair_ranker_does():
    pairs = models.create("pair_ranker", **tiny.values("pair_ranker")).fit(tiny.catalogue())
    scores_BI = pairs.score_batch(ROWS)
    pairs.n_candidates = 6
    behind_BI = pairs.score_batch(ROWS)
    _, user_BD, _ = pairs.net_.read([pairs.shorten(row) for row in ROWS])
    near_BI = (user_BD @ pairs.net_.item.weight.T).detach().numpy()
    for score_I, behind_I, near_I in zip(scores_BI, behind_BI, near_BI, strict=True):
        first = np.argsort(-near_I)[:6]
        np.testing.assert_allclose(behind_I[first], score_I[first], atol=1e-5)
        others = np.setdiff1d(np.arange(tiny.N_ITEMS), first)
        assert behind_I[others].max() < behind_I[first].min()
        assert (np.argsort(behind_I[others]) == np.argsort(near_I[others])).all()


def test_a_candidate_never_sees_another_one():
    pairs = models.create("pair_ranker", **tiny.values("pair_ranker")).fit(tiny.catalogue())
    import torch
    hidden, _, padding_bias = pairs.net_.read(ROWS[:1])
    with torch.inference_mode():
        alone = pairs.net_.scores(hidden, torch.tensor([[7]]), padding_bias)
        among = pairs.net_.scores(hidden, torch.tensor([[1, 7, 2]]), padding_bias)
    assert float(alone[0, 0]) == pytest.approx(float(among[0, 1]), abs=1e-5)
