"""Transformer blocks that all models share: pre-norm or post-norm, no biases, optional cross-attention.

With ``scale=1`` and a relative position bias they compute what T5 computes, so its weights copy over.
Source: Vaswani et al. 2017; Raffel et al. 2020; Zhang and Sennrich 2019.
"""

import math
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

KeyValue = tuple[torch.Tensor, torch.Tensor]  # two tensors (N, H, T, D/H)


class _Normalise(torch.autograd.Function):
    """``x / sqrt(mean(x^2) + eps) * weight`` with its gradient by hand: half the passes over memory of torch's own."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
        size = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = size.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        unit = x * scale
        ctx.save_for_backward(unit, scale, weight)
        return unit * weight

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, None]:
        unit, scale, weight = ctx.saved_tensors
        along = (grad * unit).flatten(0, -2)
        radial = (along @ weight).div_(len(weight)).view(scale.shape)  # what would only make the vector longer falls away
        return (grad * weight).addcmul_(unit, radial, value=-1).mul_(scale), along.sum(0), None


class RMSNorm(nn.Module):
    """Divide by the root mean square; no mean is taken away."""

    def __init__(self, width: int, eps: float = 1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x_NTD: torch.Tensor) -> torch.Tensor:
        return _Normalise.apply(x_NTD, self.weight, self.eps)


class Dropout(nn.Module):
    """Zero a share of the activations while training, from one random byte each.

    The random numbers of ``nn.Dropout`` cost as much as the matrix products of a narrow transformer; eight masks out
    of one 64-bit draw cost an eighth. The share is rounded to a multiple of 1/256 and the rest scaled to match.
    """

    def __init__(self, share: float):
        super().__init__()
        self.n_dropped = round(share * 256)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or self.n_dropped == 0:
            return x
        draws = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-2**63, None)
        keep = torch.empty(x.shape, dtype=x.dtype)  # a comparison that writes numbers costs a sixth of one that writes bools
        torch.ge(draws.view(torch.uint8)[:x.numel()].view(x.shape), self.n_dropped, out=keep)
        return x * keep.mul_(256 / (256 - self.n_dropped))


class Attention(nn.Module):
    """Multi-head attention whose keys and values can be made once and used often."""

    def __init__(self, width: int, n_heads: int, head: int, dropout: float, scale: float | None = None):
        super().__init__()
        self.n_heads, self.head, self.drop = n_heads, head, Dropout(dropout)
        self.scale = head ** -0.5 if scale is None else scale
        self.q = nn.Linear(width, n_heads * head, bias=False)
        self.k = nn.Linear(width, n_heads * head, bias=False)
        self.v = nn.Linear(width, n_heads * head, bias=False)
        self.o = nn.Linear(n_heads * head, width, bias=False)

    def _split(self, x_NTD: torch.Tensor) -> torch.Tensor:
        return x_NTD.unflatten(-1, (self.n_heads, self.head)).transpose(1, 2)

    def key_value(self, x_NTD: torch.Tensor) -> KeyValue:
        return self._split(self.k(x_NTD)), self._split(self.v(x_NTD))

    def forward(self, x_NTD: torch.Tensor, kv: KeyValue, bias: torch.Tensor | None = None,
                causal: bool = False) -> torch.Tensor:
        if self.training and self.drop.n_dropped:
            out_NHTd = self.drop(self.weights(x_NTD, kv, bias, causal)) @ kv[1]  # a dropout that is cheap
        else:
            out_NHTd = F.scaled_dot_product_attention(self._split(self.q(x_NTD)), kv[0], kv[1], attn_mask=bias,
                                                      is_causal=causal, scale=self.scale)
        return self.o(out_NHTd.transpose(1, 2).flatten(2))

    def weights(self, x_NTD: torch.Tensor, kv: KeyValue, bias: torch.Tensor | None = None,
                causal: bool = False) -> torch.Tensor:
        """How much each position takes from each other one (N, H, T, S); rows sum to 1."""
        score_NGTS = self._split(self.q(x_NTD)) @ kv[0].transpose(-1, -2) * self.scale
        if bias is not None:
            score_NGTS = score_NGTS + bias
        if causal:
            later_TS = torch.ones(score_NGTS.shape[-2:], dtype=torch.bool).triu(1)
            score_NGTS = score_NGTS.masked_fill(later_TS, -torch.inf)
        return score_NGTS.softmax(-1)


class Block(nn.Module):
    """Self-attention, cross-attention where asked for, feed-forward; each with a residual path.

    Args:
        norm: "pre": what goes into a part is normalised; "post": the sum with what comes out of it (Vaswani et al. 2017).
    """

    def __init__(self, width: int, n_heads: int, head: int, ff: int, dropout: float, cross: bool = False,
                 scale: float | None = None, gelu: bool = True, norm: str = "pre"):
        super().__init__()
        self.post = {"pre": False, "post": True}[norm]
        self.norm_self, self.attend = RMSNorm(width), Attention(width, n_heads, head, dropout, scale)
        self.norm_cross = RMSNorm(width) if cross else None
        self.cross = Attention(width, n_heads, head, dropout, scale) if cross else None
        self.norm_ff = RMSNorm(width)
        self.up, self.down = nn.Linear(width, ff, bias=False), nn.Linear(ff, width, bias=False)
        self.drop, self.gelu = Dropout(dropout), gelu

    def forward(self, x_NTD: torch.Tensor, bias: torch.Tensor | None = None, causal: bool = False,
                memory: KeyValue | None = None, memory_bias: torch.Tensor | None = None) -> torch.Tensor:
        """All positions at once (training and encoding)."""
        seen = self._into(self.norm_self, x_NTD)
        x_NTD = self._add(self.norm_self, x_NTD, self.attend(seen, self.attend.key_value(seen), bias, causal))
        return self._rest(x_NTD, memory, memory_bias)

    def decode_step(self, x_BWD: torch.Tensor, past: KeyValue | None, bias: torch.Tensor | None = None,
             memory: KeyValue | None = None, memory_bias: torch.Tensor | None = None,
             ) -> tuple[torch.Tensor, KeyValue]:
        """One more position of W beams of B users.

        Args:
            past: keys and values (B, W, H, l, d) of each beam's earlier positions.
            memory: keys and values (B, H, T, d) that all beams of a user share.
        """
        n_users, width = x_BWD.shape[:2]
        seen = self._into(self.norm_self, x_BWD).flatten(0, 1)[:, None]
        new = self.attend.key_value(seen)
        old = None if past is None else (past[0].flatten(0, 1), past[1].flatten(0, 1))
        k, v = new if old is None else (torch.cat([old[0], new[0]], 2), torch.cat([old[1], new[1]], 2))
        out = self.attend(seen, (k, v), bias)[:, 0].unflatten(0, (n_users, width))
        kept = (k.unflatten(0, (n_users, width)), v.unflatten(0, (n_users, width)))
        return self._rest(self._add(self.norm_self, x_BWD, out), memory, memory_bias), kept

    def _into(self, norm: nn.Module, x_NTD: torch.Tensor) -> torch.Tensor:
        return x_NTD if self.post else norm(x_NTD)

    def _add(self, norm: nn.Module, x_NTD: torch.Tensor, part_NTD: torch.Tensor) -> torch.Tensor:
        sum_NTD = x_NTD + self.drop(part_NTD)
        return norm(sum_NTD) if self.post else sum_NTD

    def _rest(self, x_NTD: torch.Tensor, memory: KeyValue | None,
              memory_bias: torch.Tensor | None) -> torch.Tensor:
        if self.cross is not None and self.norm_cross is not None and memory is not None:
            seen = self._into(self.norm_cross, x_NTD)
            x_NTD = self._add(self.norm_cross, x_NTD, self.cross(seen, memory, memory_bias))
        up = self.up(self._into(self.norm_ff, x_NTD))
        up = self.drop(F.gelu(up) if self.gelu else F.relu(up))
        return self._add(self.norm_ff, x_NTD, self.down(up))


def reorder(cache: list[KeyValue], parent_BW: torch.Tensor) -> list[KeyValue]:
    """Each new beam's keys and values, taken from the beam it grew from."""
    user_B1 = torch.arange(len(parent_BW))[:, None]
    return [(k[user_B1, parent_BW], v[user_B1, parent_BW]) for k, v in cache]


class RelativeBias(nn.Module):
    """T5's relative position bias: one learned number a head and bucket of distance.

    Source: Raffel et al. 2020, section 2.1.
    """

    def __init__(self, n_heads: int, two_sided: bool, n_buckets: int = 32, far: int = 128):
        super().__init__()
        self.two_sided, self.n_buckets, self.far = two_sided, n_buckets, far
        self.weight = nn.Parameter(torch.randn(n_buckets, n_heads) * 0.05)

    def bucket(self, distance: torch.Tensor) -> torch.Tensor:
        """Bucket of key position minus query position: exact near by, logarithmic further away."""
        n_buckets, start = self.n_buckets, torch.zeros_like(distance)
        if self.two_sided:
            n_buckets //= 2
            start = (distance > 0) * n_buckets
            back = distance.abs()
        else:
            back = (-distance).clamp(min=0)
        exact = n_buckets // 2
        logs = torch.log(back.clamp(min=1).float() / exact) / math.log(self.far / exact) * (n_buckets - exact)
        return start + torch.where(back < exact, back, (exact + logs.long()).clamp(max=n_buckets - 1))

    def forward(self, query_T: torch.Tensor, key_T: torch.Tensor) -> torch.Tensor:
        """Bias (1, H, Tq, Tk)."""
        return self.weight[self.bucket(key_T[None, :] - query_T[:, None])].permute(2, 0, 1)[None]


def pad(rows: list[np.ndarray], device: torch.device | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of unequal length as one tensor, padded on the right with 0, and their lengths.

    Both are parts of one array, so that a batch goes to a graphics processor in one transfer.

    Args:
        rows: N rows of integers.
        device: where to; None: where torch puts NumPy's arrays.

    Returns:
        int64 (N, T), T the longest row, and int64 (N,).
    """
    length_N = np.fromiter(map(len, rows), np.int64, len(rows))
    table = np.zeros((len(rows), 1 + length_N.max()), np.int64)
    table[:, 0] = length_N
    table[:, 1:][np.arange(table.shape[1] - 1) < length_N[:, None]] = np.concatenate(rows)
    made = torch.from_numpy(table)
    made = made if device is None else made.to(device)
    return made[:, 1:], made[:, 0]
