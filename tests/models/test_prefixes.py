"""Prefix vectors: what they add, by hand, and that the search and the exact scores agree with plain codes too."""

import numpy as np
import torch

from tests.models import tiny
from tiger import models
from tiger.models.prefixes import PrefixVectors

IDS = torch.tensor([[0, 1, 0], [0, 1, 1], [1, 0, 0], [0, 0, 0], [-1, -1, -1]])


def test_scores_of_child_prefixes_by_hand():
    prefixes = PrefixVectors(IDS, [2, 2, 2], width=2)
    with torch.no_grad():  # level 2's prefixes in order: (0,0), (0,1), (1,0)
        prefixes.tables[0].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 2.0], [5.0, 5.0]]))
    query_ND, parent_N = torch.tensor([[3.0, 4.0], [1.0, 1.0], [9.0, 9.0]]), torch.tensor([0, 1, -1])
    got = prefixes.add_scores(torch.ones(3, 2), query_ND, 1, parent_N)
    wanted = [[1 + 3.0, 1 + 8.0], [1 + 10.0, 1.0], [1.0, 1.0]]  # outside the catalogue nothing is added
    assert got.tolist() == wanted
    assert prefixes.add_scores(torch.ones(3, 2), query_ND, 0, parent_N).tolist() == [[1, 1]] * 3


def test_reading_gives_each_prefix_its_own_vector():
    prefixes = PrefixVectors(IDS, [2, 2, 2], width=2)
    assert prefixes.path_IM.tolist() == [[0, 1, 1], [0, 1, 2], [1, 2, 3], [0, 0, 0], [-1, -1, -1]]
    vectors = prefixes.read(1, torch.tensor([1, -1]))
    assert torch.equal(vectors[0], prefixes.tables[0].weight[1]) and vectors[1].tolist() == [0, 0]
    assert prefixes.read(0, torch.tensor([0, 1])).tolist() == [[0, 0], [0, 0]]


def test_plain_codes_search_and_score_alike_too():
    model = models.create("rq_transformer", **tiny.SMALL, prefix_vectors=False).fit(tiny.catalogue(), tiny.semantic_ids())
    scores_I = model.score_all([3, 4, 5])
    table = model.recommend([3, 4, 5], k=tiny.N_ITEMS, width=tiny.N_ITEMS)
    np.testing.assert_allclose(table["score"], scores_I[table["item"]], atol=1e-5)
    assert table["item"].nunique() == tiny.N_ITEMS
    assert not [key for key in model.tensors() if "prefixes" in key]
