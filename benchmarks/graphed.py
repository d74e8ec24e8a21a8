"""The encoder-decoder's training step as CUDA graphs, for benchmarks that train it for hundreds of thousands of steps.

A step of ``EncoderDecoder`` starts some thousand small kernels, which takes longer than they compute, and torch's Adafactor
waits for two norms of every weight. Here forward pass, gradients and update of one shape of batch are recorded once, at the
second batch of that shape, and started as one from then on. Dropout and norm are torch's own kernels, one instead of five. The
update computes what ``torch.optim.Adafactor`` does, for all weights of a shape at once and without reading a number back, and
the loss is read every ``READ`` steps. Sums are taken in another order and dropout has other draws, so that weights differ from
the lab's.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
import torch
from torch.nn import functional as F

from tiger.core import precision
from tiger.models.blocks import Dropout, RMSNorm, pad
from tiger.models.encoder_decoder import EncoderDecoder

DECAY = -0.8  # of the second moments, as in torch
READ = 25


@contextlib.contextmanager
def fused() -> Iterator[None]:
    """Inside, the lab's dropout and norm compute as one kernel each."""
    with (mock.patch.object(Dropout, "forward", lambda self, x: F.dropout(x, self.n_dropped / 256, self.training)),
          mock.patch.object(RMSNorm, "forward", lambda self, x: F.rms_norm(x, self.weight.shape, self.weight, self.eps))):
        yield


@dataclass
class Alike:
    """All weights of one shape as one tensor, of which each is a part from now on, and so are its moments.

    Args:
        weight_G: their values (G, ...); moments: Adafactor's, by name.
    """

    weights: list[torch.nn.Parameter]
    weight_G: torch.Tensor
    moments: dict[str, torch.Tensor]
    group: dict[str, Any]


def alike(optimiser: torch.optim.Optimizer) -> list[Alike]:
    """The optimiser's weights by shape; those that never had a gradient have no moments and are left out."""
    found = []
    for group in optimiser.param_groups:
        by_shape: dict[torch.Size, list[torch.nn.Parameter]] = {}
        for weight in group["params"]:
            if optimiser.state.get(weight):
                by_shape.setdefault(weight.shape, []).append(weight)
        for weights in by_shape.values():
            names = [name for name in optimiser.state[weights[0]] if name != "step"]
            moments = {name: torch.stack([optimiser.state[weight][name] for weight in weights]) for name in names}
            made = Alike(weights, torch.stack([weight.data for weight in weights]), moments, group)
            for at, weight in enumerate(weights):
                weight.data = made.weight_G[at]
                optimiser.state[weight] |= {name: moments[name][at] for name in names}
            found.append(made)
    return found


@torch.no_grad()
def adafactor(groups: list[Alike], rate: torch.Tensor, step: torch.Tensor) -> None:
    """One update as ``torch.optim.Adafactor`` makes it, from gradients and moments in place.

    Args:
        groups: ``alike`` of torch's optimiser, after its first step, so that its moments exist.
        rate: learning rate, a number on the device of the weights.
        step: number of this step from 1, likewise.
    """
    fresh, most = step ** DECAY, torch.minimum(rate, step ** -0.5)
    for one in groups:
        (eps1, eps2), limit = one.group["eps"], one.group["d"]
        grad_G = torch.stack([weight.grad for weight in one.weights])  # type: ignore[misc]
        size_G = _root_mean_square(one.weight_G).clamp_min(eps2) * most
        if one.group["weight_decay"]:
            one.weight_G.mul_(1 - rate * one.group["weight_decay"])
        update_G = grad_G * _variance(one.moments, grad_G, fresh, eps1).clamp_min(eps1 * eps1).rsqrt()
        one.weight_G.sub_(update_G * (size_G / (_root_mean_square(update_G) / limit).clamp_min(1.0)))


def _root_mean_square(x_G: torch.Tensor) -> torch.Tensor:
    """Of each of the stacked tensors; as many axes as they have."""
    return x_G.square().mean(tuple(range(1, x_G.ndim)), keepdim=True).sqrt()


def _variance(moments: dict[str, torch.Tensor], grad_G: torch.Tensor, fresh: torch.Tensor, eps: float) -> torch.Tensor:
    """The second moment, of which a matrix keeps one vector a side."""
    square_G = grad_G.square()
    if "variance" in moments:
        return moments["variance"].lerp_(square_G, fresh)
    row_G = moments["row_var"].lerp_(square_G.mean(-1, keepdim=True), fresh)
    column_G = moments["col_var"].lerp_(square_G.mean(-2, keepdim=True), fresh)
    return row_G * column_G / row_G.mean(-2, keepdim=True).clamp_min(eps)


@dataclass
class Recorded:
    """The step of one shape of batch."""

    graph: torch.cuda.CUDAGraph
    items_BT: torch.Tensor
    length_B: torch.Tensor


@dataclass
class GraphedEncoderDecoder(EncoderDecoder):
    """``EncoderDecoder`` with Adafactor on a CUDA device; the first two batches of a shape run as in the lab."""

    def __post_init__(self) -> None:
        self.met: set[tuple[int, ...]] = set()
        self.recorded: dict[tuple[int, ...], Recorded] = {}
        self.pool: Any = None

    def _train_step(self, rows: list[np.ndarray], step: int, rate: float) -> dict[str, float | list[float]]:
        rng, device = np.random.default_rng([self.seed, 1, step]), next(self.training_net_.parameters()).device
        items_BT, length_B = pad([self._cut(row, rng) for row in rows], device)
        shape = tuple(items_BT.shape)
        if shape not in self.met or len(self.optimiser_.state) == 0:
            self.met.add(shape)
            return super()._train_step(rows, step, rate)
        if shape not in self.recorded:
            self.recorded[shape] = self._record(items_BT, length_B)
        one = self.recorded[shape]
        one.items_BT.copy_(items_BT), one.length_B.copy_(length_B)
        self.rate_.fill_(rate), self.nth_.fill_(step + 1)
        torch.cuda.manual_seed((self.seed * 1_000_003 + step) % 2**62)
        one.graph.replay()
        torch._foreach_add_([slots["step"] for slots in self.optimiser_.state.values()], 1.0)
        self.n_unread_ += 1
        if self.n_unread_ == READ:
            self.mean_, self.n_unread_ = (self.sum_ / READ).tolist(), 0
            self.sum_.zero_()
        return {"loss": self.mean_[0], "learning_rate": rate, "level_loss": self.mean_[1:]}

    def _record(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> Recorded:
        device = items_BT.device
        if self.pool is None:
            self.pool, self.alike_ = torch.cuda.graph_pool_handle(), alike(self.optimiser_)
            self.rate_, self.nth_ = (torch.zeros((), device=device) for _ in range(2))
            n_numbers = 1 + len(self.training_net_.n_codes)  # type: ignore[arg-type]
            self.sum_, self.mean_, self.n_unread_ = torch.zeros(n_numbers, device=device), [float("nan")] * n_numbers, 0
        made = Recorded(torch.cuda.CUDAGraph(), items_BT.clone(), length_B.clone())
        self.training_net_.train()
        self.optimiser_.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        with torch.cuda.graph(made.graph, pool=self.pool), fused():
            with precision.bfloat16_products(device, precision.uses_bfloat16(self.precision)), device:
                loss, parts = self.training_net_.loss(made.items_BT, made.length_B)  # type: ignore[operator]
            loss.backward()
            adafactor(self.alike_, self.rate_, self.nth_)
            self.sum_.add_(torch.cat([loss.detach()[None], parts["level_loss"]]))
        self.optimiser_.zero_grad(set_to_none=True)
        self.training_net_.eval()
        return made
