"""One training step of the RQ-VAE, written out: forward, loss, backward, update.

    z = encoder(x),  r_1 = z,  c_l = argmin_k |r_l - e_k|,  r_{l+1} = r_l - sg[e_{c_l}],  q = sum_l e_{c_l}
    loss = |x - decoder(q)|^2 + sum_l |sg[r_l] - e_{c_l}|^2 + beta |r_l - sg[e_{c_l}]|^2,  mean over the batch

sg[.] stops the gradient. The first term reaches the encoder through an estimator (straight-through, rotation),
the second moves the codebooks, the third keeps the encoder near them.

Source: Rajput et al. 2023 (TIGER), section 3.1; Lee et al. 2022, section 3.2.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tiger.quantizers import koleo, sinkhorn
from tiger.quantizers.codebook import Codebook, distances, nearest
from tiger.quantizers.estimators import ESTIMATORS
from tiger.quantizers.networks import Network, ParameterBuffer, layers_of


@dataclass(frozen=True)
class StepOptions:
    """What a step needs to know beyond beta, which may change while it trains."""

    estimator: str = "ste"
    ema_decay: float | None = None
    sinkhorn_epsilon: float | None = None
    sinkhorn_iterations: int = 50
    koleo: float = 0.0


class Step:
    """Forward and backward of one batch, with every large buffer made once.

    Args:
        buffer: parameters and gradients of encoder, decoder and codebooks.
        n_network: how many values at the buffer's start belong to the two networks.
        levels: the codebooks, coarse to fine.
        n_rows: rows of every batch.
        fast: bfloat16 for the networks' multiplications; parameters, codebooks and sums stay float32.
    """

    def __init__(self, buffer: ParameterBuffer, shapes: dict[str, tuple[int, ...]], levels: list[Codebook],
                 n_rows: int, options: StepOptions, fast: bool):
        self.buffer, self.levels, self.options, self.fast = buffer, levels, options, fast
        self.work = ParameterBuffer(shapes, torch.bfloat16) if fast else buffer
        self.n_network = len(self.work.values) if fast else 0
        self.encoder = Network(layers_of("encoder", self.work.value, self.work.grad), n_rows)
        self.decoder = Network(layers_of("decoder", self.work.value, self.work.grad), n_rows, need_input_grad=True)
        self.rows: list[Tensor] = []  # r_1 .. r_{L+1} of the last batch
        self.codes: list[Tensor] = []  # c_1 .. c_L of the last batch
        self.diff_BE = torch.empty(0)

    def forward(self, x_BE: Tensor) -> None:
        """Encode, quantise and decode a batch; leaves rows, codes and the difference to the input behind."""
        if self.fast:
            self.work.values.copy_(self.buffer.values[:self.n_network])
            self.z_BZ = self.encoder.forward(x_BE.bfloat16()).float()
        else:
            self.z_BZ = self.encoder.forward(x_BE)
        self.rows, self.codes = [self.z_BZ], []
        for level in self.levels:
            codes_B = self.choose(self.rows[-1], level)
            self.codes.append(codes_B)
            self.rows.append(self.rows[-1] - level.book_KZ.index_select(0, codes_B))
        self.q_BZ = self.z_BZ - self.rows[-1]
        out_BE = self.decoder.forward(self.q_BZ.bfloat16() if self.fast else self.q_BZ)
        self.diff_BE = torch.sub(out_BE, x_BE, out=None if self.diff_BE.numel() == 0 else self.diff_BE)

    def choose(self, rows_BZ: Tensor, level: Codebook) -> Tensor:
        """The codes of one level: the nearest, or the balanced assignment's."""
        epsilon = self.options.sinkhorn_epsilon
        if epsilon is None:
            return nearest(rows_BZ, level.book_KZ, level.norm_K)
        cost_BK = distances(rows_BZ, level.book_KZ, level.norm_K) + rows_BZ.square().sum(1, keepdim=True)
        return sinkhorn.assign(cost_BK, epsilon, self.options.sinkhorn_iterations)

    def losses(self, beta: float) -> dict[str, float]:
        """The last batch's loss and its parts, as means over the batch of squared lengths."""
        n_rows = len(self.diff_BE)
        recon = self.diff_BE.square().sum().item() / n_rows
        commit = sum(left.square().sum().item() for left in self.rows[1:]) / n_rows
        return {"loss": recon + (1 + beta) * commit, "recon_loss": recon, "commit_loss": commit}

    def backward(self, beta: float) -> None:
        """Fill the buffer's gradients for the last batch."""
        scale = 2 / len(self.diff_BE)
        grad_BE = self.diff_BE.mul_(scale)
        grad_q_BZ = self.decoder.backward(grad_BE.bfloat16() if self.fast else grad_BE)
        assert grad_q_BZ is not None
        grad_z_BZ = ESTIMATORS[self.options.estimator](grad_q_BZ.float(), self.z_BZ, self.q_BZ)
        for left_BZ in self.rows[1:]:
            grad_z_BZ = torch.add(grad_z_BZ, left_BZ, alpha=beta * scale)
        if self.options.koleo > 0:
            grad_z_BZ = grad_z_BZ + koleo.gradient(self.z_BZ, self.options.koleo)
        self.encoder.backward(grad_z_BZ.bfloat16() if self.fast else grad_z_BZ)
        if self.fast:
            self.buffer.grads[:self.n_network].copy_(self.work.grads)
        if self.options.ema_decay is None:
            for level, codes_B, left_BZ in zip(self.levels, self.codes, self.rows[1:], strict=True):
                level.gather_grad(codes_B, left_BZ)

    def update(self, optimiser: torch.optim.Optimizer) -> None:
        """Apply the gradients; then bring the codebooks up to date."""
        optimiser.step()
        decay = self.options.ema_decay
        for level, codes_B, rows_BZ in zip(self.levels, self.codes, self.rows[:-1], strict=True):
            if decay is not None:
                level.update_ema(codes_B, rows_BZ, decay)
            level.refresh()


def make_optimiser(kind: str, buffer: ParameterBuffer, weight_decay: float) -> torch.optim.Optimizer:
    """Adam or AdamW over the whole buffer at once."""
    buffer.values.grad = buffer.grads
    if kind == "adamw":
        return torch.optim.AdamW([buffer.values], weight_decay=weight_decay, fused=True)
    return torch.optim.Adam([buffer.values], fused=True)


def moments(optimiser: torch.optim.Optimizer, buffer: ParameterBuffer) -> dict[str, Any]:
    """Adam's running means, step count and all, by name; empty before the first step."""
    return optimiser.state[buffer.values]
