"""Optimisers against torch's own, and training where torch's compiler cannot be imported."""

import sys

import numpy as np
import pytest
import torch

from tests.support import tiny_models as shop
from tiger import models, quantizers
from tiger.core import optimisers


@pytest.mark.parametrize(("name", "how"), [("Adam", {"fused": True}), ("AdamW", {"fused": True}), ("Adafactor", {})])
def test_every_step_equals_torchs_bit_for_bit(name, how):
    def trained(cls, n_before: int):
        """Five steps, with the optimiser's state carried to another optimiser after ``n_before``."""
        generator = torch.Generator().manual_seed(0)
        weight = torch.nn.Parameter(torch.randn(7, 5, generator=generator))
        optimiser = cls([{"params": [weight], "weight_decay": 0.1}], lr=0.01, **how)
        for step in range(5):
            if step == n_before:
                state, optimiser = optimiser.state_dict(), cls([{"params": [weight], "weight_decay": 0.1}], lr=0.01, **how)
                optimiser.load_state_dict(state)
            optimiser.zero_grad()
            (weight ** 2).sum().backward()
            optimiser.step()
        return weight.detach()

    theirs = trained(getattr(torch.optim, name), 9)
    assert torch.equal(trained(getattr(optimisers, name), 9), theirs)
    assert torch.equal(trained(getattr(optimisers, name), 3), theirs)


def test_training_does_not_load_torchs_compiler(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch._dynamo", None)
    with pytest.raises(ImportError), torch.no_grad():
        torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).step()
    emb_IE = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)
    for name in ("rqvae", "vqvae"):
        quantizers.create(name, n_steps=2, n_codes=4, hidden="8", latent_width=4).fit(emb_IE)
    models.create("sasrec", **shop.SMALL).fit(shop.catalogue(), None)
