"""A batch of histories is one tensor, and training on it is training on its rows."""

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.models.backbone import beginnings
from tiger.models.blocks import pad
from tiger.models.encoder_decoder import T5Net


def test_rows_of_unequal_length_are_padded_on_the_right():
    items_BT, length_B = pad([np.array([5]), np.array([7, 0, 9, 1]), np.array([2, 4])])
    assert items_BT.tolist() == [[5, 0, 0, 0], [7, 0, 9, 1], [2, 4, 0, 0]]
    assert length_B.tolist() == [1, 4, 2] and items_BT.dtype == length_B.dtype == torch.int64


@pytest.mark.parametrize(("n_users", "rows", "want"), [
    (0, [[3], [10, 23]], [[1, 5, 11], [2, 6, 10, 4, 7, 11]]),
    (7, [[-3, 3], [-8, 10, 23]], [[14, 1, 5, 11], [19, 2, 6, 10, 4, 7, 11]]),  # user token 2; an unknown user, token 7
])
def test_a_batch_becomes_tokens_as_worked_out_by_hand(n_users, rows, want):
    """Levels of 4, 3 and 4 codes begin at tokens 1, 5 and 8, users at 12; items 3, 10 and 23 are 0-0-3, 1-1-2 and 3-2-3."""
    net = T5Net(torch.from_numpy(tiny.semantic_ids().ids_IM), [4, 3, 4], 8, 1, 1, 8, 8, 0.0, 0.0, n_users)
    token_BT, length_B = net.tokens(*pad([np.array(row) for row in rows]))
    assert [row[:n].tolist() for row, n in zip(token_BT, length_B, strict=True)] == want


SPLIT = {"split_histories": True, "norm": "post"}


@pytest.mark.parametrize(("name", "more"), [("rq_transformer", {}), ("sasrec", {}), ("vector_regression", {}),
                                            ("rq_transformer", SPLIT), ("sasrec_ids", SPLIT),
                                            ("encoder_decoder", {}), ("encoder_decoder", {"n_user_tokens": 5})])
def test_a_batchs_loss_is_the_mean_of_its_rows_losses(name, more):
    """Over what is predicted: every item but the first of each row, or the last one alone."""
    cat = tiny.catalogue(9)
    model = models.create(name, **tiny.values(name) | more | {"dropout": 0.0})
    next(model.fit_steps(cat, tiny.semantic_ids()))
    rows = [model._cut(row, np.random.default_rng(0)) for row in model.examples(cat)[:7]]
    assert len({len(row) for row in rows}) > 1
    with torch.no_grad():
        whole, alone = model.training_net_.loss(*pad(rows))[0], [model.training_net_.loss(*pad([row]))[0] for row in rows]
    n_goals = [1 if name == "encoder_decoder" or more else len(row) - 1 for row in rows]
    assert float(whole) == pytest.approx(np.average(alone, weights=n_goals), rel=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("name", ["rq_transformer", "sasrec", "sasrec_ids"])
def test_a_histories_beginnings_teach_what_its_positions_teach(name, norm):
    """Without dropout: no position sees what comes behind it, so the loss of a history is the mean over its beginnings."""
    cat, values = tiny.catalogue(9), tiny.values(name) | {"dropout": 0.0, "history_length": 12, "norm": norm}
    whole, split = (models.create(name, **values, split_histories=splits) for splits in (False, True))
    for model in (whole, split):
        next(model.fit_steps(cat, tiny.semantic_ids()))
    split.training_net_.load_state_dict(whole.training_net_.state_dict())
    rows = whole.examples(cat)
    assert len(split.examples(cat)) == sum(len(row) - 1 for row in rows) > len(rows)
    with torch.no_grad():
        got, want = split.training_net_.loss(*pad(split.examples(cat)))[0], whole.training_net_.loss(*pad(rows))[0]
    assert float(got) == pytest.approx(float(want), rel=1e-5)


def test_beginnings_by_hand():
    found = beginnings(np.array([5, 7, 7, 2]), 3)
    assert [part.tolist() for part in found] == [[5, 7], [5, 7, 7], [7, 7, 2]]
    assert beginnings(np.array([5]), 3) == []
