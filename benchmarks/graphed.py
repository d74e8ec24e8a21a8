"""The encoder-decoder's training step as CUDA graphs, for benchmarks that train it for hundreds of thousands of steps.

A step of ``EncoderDecoder`` starts some thousand small kernels, which takes longer than they compute, and torch's Adafactor waits
for two norms of every weight. Here forward pass, gradients and update of one shape of batch are recorded once, at the
second batch of that shape, and started as one from then on; the update computes what ``torch.optim.Adafactor`` does without
reading a number back. Sums are taken in another order, so that weights differ from the lab's in the last digits.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tiger.core import precision
from tiger.models.blocks import pad
from tiger.models.encoder_decoder import EncoderDecoder

DECAY = -0.8  # of the second moments, as in torch


@torch.no_grad()
def adafactor(optimiser: torch.optim.Optimizer, rate: torch.Tensor, step: torch.Tensor) -> None:
    """One update as ``torch.optim.Adafactor`` makes it, from gradients and moments in place.

    Args:
        optimiser: torch's, after its first step, so that its moments exist; weights without gradient are left out.
        rate: learning rate, a number on the device of the weights.
        step: number of this step from 1, likewise.
    """
    fresh, most = step ** DECAY, torch.minimum(rate, step ** -0.5)
    for group in optimiser.param_groups:
        (eps1, eps2), limit = group["eps"], group["d"]
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if not weights:
            continue
        size = _root_mean_squares(weights).clamp_min(eps2) * most
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - rate * group["weight_decay"])
        updates = [_direction(weight, optimiser.state[weight], fresh, eps1) for weight in weights]
        size = size / (_root_mean_squares(updates) / limit).clamp_min(1.0)
        torch._foreach_mul_(updates, list(size.unbind()))
        torch._foreach_sub_(weights, updates)


def _root_mean_squares(tensors: list[torch.Tensor]) -> torch.Tensor:
    """One number a tensor; the sizes are handed to the kernels, since a recording may not copy to the device."""
    return torch.stack(torch._foreach_div(torch._foreach_norm(tensors), [tensor.numel() ** 0.5 for tensor in tensors]))


def _direction(weight: torch.Tensor, moments: dict[str, Any], fresh: torch.Tensor, eps: float) -> torch.Tensor:
    """The gradient over the root of its second moment, which a matrix keeps as one vector a side."""
    grad = weight.grad
    assert grad is not None
    if weight.ndim < 2:
        moments["variance"].lerp_(grad * grad, fresh)
        estimate = moments["variance"].clone()
    else:
        square = grad * grad
        moments["row_var"].lerp_(square.mean(-1, keepdim=True), fresh)
        moments["col_var"].lerp_(square.mean(-2, keepdim=True), fresh)
        estimate = moments["row_var"] @ moments["col_var"]
        estimate = estimate / moments["row_var"].mean(-2, keepdim=True).clamp_min(eps)
    return estimate.clamp_min(eps * eps).rsqrt() * grad


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
        loss, *levels = self.out_.tolist()
        return {"loss": loss, "learning_rate": rate, "level_loss": levels}

    def _record(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> Recorded:
        device = items_BT.device
        if self.pool is None:
            self.pool = torch.cuda.graph_pool_handle()
            self.rate_, self.nth_ = (torch.zeros((), device=device) for _ in range(2))
            self.out_ = torch.zeros(1 + len(self.training_net_.n_codes), device=device)  # type: ignore[arg-type]
        made = Recorded(torch.cuda.CUDAGraph(), items_BT.clone(), length_B.clone())
        self.training_net_.train()
        self.optimiser_.zero_grad(set_to_none=True)
        torch.cuda.synchronize()
        with torch.cuda.graph(made.graph, pool=self.pool):
            with precision.bfloat16_products(device, precision.uses_bfloat16(self.precision)), device:
                loss, parts = self.training_net_.loss(made.items_BT, made.length_B)  # type: ignore[operator]
            loss.backward()
            adafactor(self.optimiser_, self.rate_, self.nth_)
            self.out_.copy_(torch.cat([loss.detach()[None], parts["level_loss"]]))
        self.optimiser_.zero_grad(set_to_none=True)
        self.training_net_.eval()
        return made
