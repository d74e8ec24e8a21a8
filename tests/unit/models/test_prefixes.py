"""Prefix vectors: what they add, by hand, and that the search and the exact scores agree with plain codes too."""

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
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


@pytest.mark.parametrize("bfloat16", [False, True])
def test_scores_and_gradients_equal_one_product_a_pair(bfloat16):
    """Against a loop over positions and children, on an uneven tree: parents with 1 to 40 children, some asked often."""
    rng = np.random.default_rng(0)
    codes = [[parent, child, 0] for parent in range(9) for child in rng.permutation(40)[:1 + 5 * parent]]
    prefixes = PrefixVectors(torch.tensor(codes), [9, 40, 1], width=8)
    table, trie = prefixes.tables[0].weight, prefixes.trie
    node_N = torch.from_numpy(rng.choice(9, 200, p=np.arange(1, 10) / 45)).where(torch.arange(200) != 7, -1)
    query_ND, logits_NK = torch.randn(200, 8, requires_grad=True), torch.randn(200, 40, requires_grad=True)
    weight_NK = torch.randn(200, 40)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        got_NK = prefixes.add_scores(logits_NK * 1, query_ND, 1, node_N)
    (got_NK * weight_NK).sum().backward()
    wanted_NK, extra_ND, extra_CD = logits_NK.detach().clone(), torch.zeros(200, 8), torch.zeros_like(table)
    for n, parent in enumerate(node_N.tolist()):
        first, end = (trie.child_ptr[1][parent + step] for step in (0, 1)) if parent >= 0 else (0, 0)
        for child in range(first, end):
            code = int(trie.code(1, torch.tensor(child)))
            wanted_NK[n, code] += query_ND[n].detach() @ table[child].detach()
            extra_ND[n] += weight_NK[n, code] * table[child].detach()
            extra_CD[child] += weight_NK[n, code] * query_ND[n].detach()
    for got, wanted in ((got_NK.detach(), wanted_NK), (query_ND.grad, extra_ND), (table.grad, extra_CD),
                        (logits_NK.grad, weight_NK)):
        np.testing.assert_allclose(got, wanted, atol=1e-4)


def test_reading_gives_each_prefix_its_own_vector():
    prefixes = PrefixVectors(IDS, [2, 2, 2], width=2)
    assert prefixes.path_IM.tolist() == [[0, 1, 1], [0, 1, 2], [1, 2, 3], [0, 0, 0], [-1, -1, -1]]
    vectors = prefixes.read(1, torch.tensor([1, -1]))
    assert torch.equal(vectors[0], prefixes.tables[0].weight[1]) and vectors[1].tolist() == [0, 0]
    assert prefixes.read(0, torch.tensor([0, 1])).tolist() == [[0, 0], [0, 0]]


def test_plain_codes_search_and_score_alike_too():
    model = models.create("rq_transformer", **tiny.SMALL, prefix_vectors=False).fit(tiny.catalogue(), tiny.semantic_ids())
    scores_I = model.score_all([3, 4, 5])
    table = model.recommend([3, 4, 5], k=tiny.N_ITEMS, width=tiny.N_ITEMS, exclude_seen=False)
    np.testing.assert_allclose(table["score"], scores_I[table["item"]], atol=1e-5)
    assert table["item"].nunique() == tiny.N_ITEMS
    assert not [key for key in model.tensors() if "prefixes" in key]
