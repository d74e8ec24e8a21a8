"""Residual k-means: mini-batches for many items."""

import numpy as np

from tests.support.training import clusters
from tiger import quantizers


def test_mini_batches_end_near_what_all_rows_end_at():
    """A fifth more is left at most, on clusters that all of them find; with a batch of all rows there is no difference."""
    emb_IE = clusters(3000, 24)

    def left(**params):
        q = quantizers.create("rkmeans", n_levels=2, n_codes=[40, 16], **params).fit(emb_IE)
        return float(np.square(emb_IE - q.decode(q.encode(emb_IE))).sum(1).mean())

    whole = left()
    assert left(minibatch=3000) == whole != left(minibatch=400) == left(minibatch=400)
    assert whole < left(minibatch=400) < 1.2 * whole
