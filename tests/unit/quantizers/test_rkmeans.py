"""Residual k-means: mini-batches and a sampled start for many items."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from tests.support.training import clusters
from tiger import quantizers
from tiger.quantizers import kmeans


def test_mini_batches_end_near_what_all_rows_end_at():
    """A fifth more is left at most, on clusters that all of them find; with a batch of all rows there is no difference."""
    emb_IE = clusters(3000, 24)

    def left(**params):
        q = quantizers.create("rkmeans", n_levels=2, n_codes=[40, 16], **params).fit(emb_IE)
        return float(np.square(emb_IE - q.decode(q.encode(emb_IE))).sum(1).mean())

    whole = left()
    assert left(minibatch=3000) == whole != left(minibatch=400) == left(minibatch=400)
    assert whole < left(minibatch=400) < 1.2 * whole


@pytest.mark.parametrize("minibatch", [0, 700])
def test_many_rows_start_from_a_sample_of_them(minibatch, one_thread, monkeypatch):
    """As good as scikit-learn's own start from all rows, within its spread over seeds; and few rows start as there."""
    emb_IE = clusters(4000, 12)

    def left(centre_KZ):
        return float(np.square(emb_IE[:, None] - centre_KZ).sum(2).min(1).mean())

    whole = [KMeans(30, n_init=1, max_iter=15, random_state=seed).fit(emb_IE).cluster_centers_ for seed in range(5)]
    np.testing.assert_allclose(kmeans.centres(emb_IE, 30, 2, 15), whole[2], rtol=1e-5)
    monkeypatch.setattr(kmeans, "START_ROWS", 1000)
    sampled = [kmeans.centres(emb_IE, 30, seed, 15, minibatch) for seed in range(5)]
    assert not np.allclose(sampled[2], whole[2])
    np.testing.assert_array_equal(sampled[2], kmeans.centres(emb_IE, 30, 2, 15, minibatch))
    worst = 1.15 if minibatch else 1.03
    assert np.mean([left(one) for one in sampled]) < worst * np.mean([left(one) for one in whole])
