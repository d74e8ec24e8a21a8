"""Every network's loss can be computed on a device other than the processor, with the processor's result."""

import copy

import numpy as np
import pytest
import torch

from tests.support.elsewhere import DEVICE, Elsewhere, SecondDevice
from tests.support.tiny_models import catalogue, semantic_ids, values
from tiger import models
from tiger.models.blocks import pad
from tiger.models.neural import NeuralRecommender

NEURAL = [name for name, cls in models.REGISTRY.items() if issubclass(cls, NeuralRecommender)]
CASES = [*((name, {}) for name in NEURAL), ("rq_transformer", {"prefix_vectors": False}),
         ("encoder_decoder", {"n_user_tokens": 4})]


@pytest.mark.parametrize(("name", "more"), CASES)
def test_a_loss_leaves_no_tensor_behind_on_the_processor(name, more):
    cat = catalogue()
    model = models.create(name, **values(name) | more | {"dropout": 0.25, "n_epochs": 1})
    next(model.fit_steps(cat, semantic_ids()))
    rows = [model._cut(row, np.random.default_rng(0)) for row in model.examples(cat)[:9]]
    here = model.training_net_.train()
    here.zero_grad()
    there = copy.deepcopy(here)
    torch.manual_seed(7)
    loss, _ = here.loss(*pad(rows))
    loss.backward()
    torch.manual_seed(7)
    with SecondDevice():
        there.to(DEVICE).train()
        with DEVICE:
            loss_there, parts = there.loss(*pad(rows, DEVICE))
        loss_there.backward()
    assert isinstance(loss_there, Elsewhere) and all(isinstance(part, Elsewhere) for part in parts.values())
    assert loss_there.held.item() == pytest.approx(loss.item(), rel=1e-5)
    grads = dict(there.named_parameters())
    for key, weight in here.named_parameters():
        if weight.grad is not None:
            np.testing.assert_allclose(grads[key].grad.held.numpy(), weight.grad.numpy(), rtol=1e-3, atol=1e-5, err_msg=key)


def test_a_device_that_is_missing_is_refused_before_anything_starts(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    model = models.create("sasrec", device="cuda")
    with pytest.raises(ValueError, match="device is 'cuda', but torch finds only cpu"):
        model.check_params()
    with pytest.raises(ValueError, match="device is 'cuda'"):
        model.fit(catalogue())
