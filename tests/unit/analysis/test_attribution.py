"""What an ID owes to each item, against exact scores and worked by hand."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.analysis import attribution

HISTORY, ITEM = [3, 4, 5, 6], 7


@pytest.fixture(scope="module", params=["rq_transformer", "encoder_decoder"])
def model(request):
    torch.set_num_threads(1)
    values = tiny.values(request.param) | {"n_epochs": 1, "n_layers": 2, "width": 32}
    return models.create(request.param, **values).fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.mark.thorough
def test_the_codes_add_up_to_the_exact_score_with_and_without_each_item(model):
    found = attribution.influence(model, HISTORY, tiny.semantic_ids().ids_IM[ITEM])
    whole = model.score_all(HISTORY)[ITEM]
    assert found.logp_M.sum() == pytest.approx(whole, abs=1e-4)
    assert found.change_MT.shape == (3, 4) and found.item_T.tolist() == HISTORY
    for at in range(4):
        without = model.score_all(np.delete(HISTORY, at))[ITEM]
        assert found.change_MT[:, at].sum() == pytest.approx(whole - without, abs=1e-4)


def test_attention_is_a_distribution_over_the_items(model):
    found = attribution.influence(model, HISTORY, (0, 0, 0))
    assert found.attention_MT.shape == (3, 4) and (found.attention_MT >= 0).all()
    np.testing.assert_allclose(found.attention_MT.sum(1), 1, atol=1e-5)
    once = bool(np.allclose(found.attention_MT, found.attention_MT[0]))
    assert once == (model.name == "rq_transformer"), "one reads the history once for all codes"
    assert not [layer for layer in model.net_.modules() if layer._forward_pre_hooks]


def test_one_item_alone_gets_all_the_attention_and_cannot_be_left_out(model):
    found = attribution.influence(model, [5], (0, 0, 0))
    np.testing.assert_allclose(found.attention_MT, 1, atol=1e-6)
    assert np.isnan(found.change_MT).all()


def test_long_histories_and_temperatures(model):
    found = attribution.influence(model, list(range(15)), (0, 1, 2), temperature=[1.0, 2.0, 0.5])
    assert found.item_T.tolist() == list(range(9, 15))
    plain = attribution.influence(model, list(range(15)), (0, 1, 2))
    assert found.logp_M[0] == plain.logp_M[0] and found.logp_M[1] != plain.logp_M[1]


def test_one_layer_worked_by_hand():
    """Half of what the last position sees comes from itself, half as its attention says."""
    model = models.create("rq_transformer", **tiny.values("rq_transformer"))
    model.fit(tiny.catalogue(), tiny.semantic_ids())
    net, rows = model.net_, torch.tensor([HISTORY])
    x_1TD = net.backbone.norm_in(net.vectors(rows).sum(-2) + net.backbone.place[:4])
    layer = net.backbone.blocks[0].attend
    seen = net.backbone.blocks[0].norm_self(x_1TD)
    q, k = (part(seen)[0].unflatten(-1, (2, 8)) for part in (layer.q, layer.k))
    by_head = [torch.softmax(k[:, head] @ q[3, head] / 8**0.5, 0) for head in range(2)]
    want = 0.5 * (by_head[0] + by_head[1]) / 2 + torch.tensor([0, 0, 0, 0.5])
    got = attribution.attention(model, np.array(HISTORY), np.array([0, 0, 0]))
    np.testing.assert_allclose(got[0], want.detach().numpy(), atol=1e-5)


def test_two_explanations_and_a_search_at_once_do_not_mix(model, monkeypatch):
    """Each of two threads begins to record, waits for the other, and reads its own history; a third only searches."""
    histories, codes_M = ([3, 4, 5, 6], [8, 2]), np.array([0, 1, 2])
    alone = [attribution.attention(model, np.array(history), codes_M) for history in histories]
    both_record, real = threading.Barrier(2), attribution.id_logp

    def id_logp(*args):
        both_record.wait(60)
        model.score_all([1, 2, 3])  # by the shared network, while both record
        return real(*args)

    monkeypatch.setattr(attribution, "id_logp", id_logp)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda history: attribution.attention(model, np.array(history), codes_M), histories))
    for got, want in zip(found, alone, strict=True):
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize(("codes", "text"), [((0, 0), "the ID has 2 codes, but this model generates 3"),
                                             ((0, 3, 0), "code 3 of level 2 does not exist; this model has codes 0 to 2")])
def test_impossible_ids_are_refused_in_one_sentence(model, codes, text):
    with pytest.raises(ValueError, match=text):
        attribution.influence(model, HISTORY, codes)
