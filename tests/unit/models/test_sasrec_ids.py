"""SASRec with semantic IDs: which vectors items share, and that what is learned of one moves those that share with it."""

import numpy as np
import pytest
import torch

from tiger import models
from tiger.models.sasrec_ids import SharedNet, shared_rows
from tiger.semantic_ids import SemanticIds

CODES_IL = np.array([[0, 1, 2], [0, 1, 0], [0, 0, 2], [3, 1, 2], [-1, -1, -1]])


def test_rows_worked_by_hand():
    """Codes of three levels, then prefixes of two and of three codes in tree order, all counted from 1."""
    assert shared_rows(CODES_IL).tolist() == [[1, 2, 3, 2, 3], [1, 2, 1, 2, 2], [1, 1, 3, 1, 1], [4, 2, 3, 3, 4], [0] * 5]


def network(content=False):
    torch.manual_seed(0)
    vectors = torch.from_numpy(np.random.default_rng(1).normal(size=(5, 7)).astype(np.float32)) if content else None
    return SharedNet(torch.from_numpy(CODES_IL), vectors, 8, 1, 2, 0.0, 20, 0.0)


def test_an_items_vector_is_the_sum_of_what_it_shares():
    net = network(content=True)
    with torch.no_grad():
        parts = [net.item.weight[1], net.shared[0].weight[1], net.shared[1].weight[2], net.shared[2].weight[1],
                 net.shared[3].weight[2], net.shared[4].weight[2], net.project.weight @ net.content_IE[1]]
        np.testing.assert_allclose(net.table()[1], sum(parts), atol=1e-6)
        assert np.allclose(net.content_IE.square().mean(1), 1)
        np.testing.assert_allclose(network().table()[4], network().item.weight[4].detach())  # no ID: its own vector alone


def test_an_item_moves_those_that_share_a_prefix_with_it_and_no_others():
    """The shared tables alone draw item 0's vector to 1: item 1 follows furthest, and what has nothing in common stays."""
    net = network()
    with torch.no_grad():
        before_ID = net.table().clone()
    optimiser = torch.optim.SGD([table.weight for table in net.shared], lr=0.1)
    (net.table()[0] - 1).square().sum().backward()
    optimiser.step()
    with torch.no_grad():  # the table that was kept for answers is made anew after a step
        moved_I = (net.table() - before_ID).norm(dim=1)
    share = moved_I / moved_I[0]
    np.testing.assert_allclose(share, [1, 3 / 5, 2 / 5, 2 / 5, 0], atol=1e-5)


def test_a_trained_one_ranks_by_the_vectors_it_gives_out(tiny):
    codes_IL = np.array([[0, 0], [0, 1], [0, 0], [1, 0], [1, 1], [1, 2]])
    ids = SemanticIds.from_codes(codes_IL, [2, 3])
    model = models.create("sasrec_ids", width=8, n_heads=2, n_epochs=3, batch_size=2).fit(tiny, ids)
    histories = [np.array([0, 1]), np.array([3, 4, 3])]
    score_BI = model.score_batch(histories)
    np.testing.assert_allclose(score_BI, model.user_vectors(histories) @ model.item_vectors().T, atol=1e-6)
    assert model.rank_batch(histories, 6)[0].tolist() == np.argsort(-score_BI, 1, kind="stable").tolist()
    other = models.create("sasrec_ids", width=8, n_heads=2, n_epochs=3, batch_size=2, content=True).fit(tiny, ids)
    assert not np.allclose(other.score_batch(histories), score_BI)


def test_without_ids_it_says_which_it_needs(tiny):
    with pytest.raises(ValueError, match="sasrec_ids reads semantic IDs; pass some"):
        models.create("sasrec_ids").fit(tiny)
    with pytest.raises(ValueError, match="there are 2 IDs, but the catalogue has 6 items"):
        models.create("sasrec_ids").fit(tiny, SemanticIds.from_codes(np.array([[0], [1]]), 2))
