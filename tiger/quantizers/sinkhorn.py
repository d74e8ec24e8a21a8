"""Balanced assignment: spread a batch evenly over the codes while moving it as little as possible."""

import math

import torch
from torch import Tensor

MAX_CELLS = 2**24  # rows x codes of the transport plan, float64, held twice: 256 MB
LARGEST_SCALE = 1e50  # beyond, the scales go into the exponent


def plan(distance_NK: Tensor, epsilon: float, n_iterations: int) -> Tensor:
    """The entropic optimal transport plan between N equal rows and K equal columns.

    A kernel exp(-cost / epsilon) overflows where epsilon is small. So the first round is done on logarithms,
    which leaves numbers of a size that the others can multiply, and scales that grow go back into the exponent.

    Args:
        distance_NK: any costs, float32; they are centred and scaled to -1..1 first, so that ``epsilon`` means
            the same at every stage of training.
        epsilon: blur; smaller follows the distances more closely and needs more iterations.
        n_iterations: times, at least one, that columns, then rows, are scaled to their share.

    Returns:
        float64 (N, K) on the processor or the costs' device, every row sums to 1; every column to about N/K.

    Source: Cuturi 2013, arXiv:1306.0895; the scales in the exponent: Schmitzer 2019, arXiv:1610.06519, section 3.1;
    its use on codes: Zheng et al. 2024 (LC-Rec, arXiv:2311.09049), Wang et al. 2024 (LETTER, arXiv:2405.07314).
    """
    n_rows, n_codes = distance_NK.shape
    device = "cpu" if distance_NK.device.type == "mps" else distance_NK.device  # Metal has no float64
    cost_NK = distance_NK.to(device, torch.float64)
    low, high = cost_NK.min(), cost_NK.max()
    half_range = ((high - low) / 2).clamp_min(1e-12)
    log_NK = cost_NK.sub_((high + low) / 2).div_(-half_range * epsilon)
    log_NK += math.log(n_rows / n_codes) - log_NK.logsumexp(0)
    log_NK -= log_NK.logsumexp(1, keepdim=True)
    kernel_NK = log_NK.exp()
    row_N, column_K = log_NK.new_ones(n_rows), log_NK.new_ones(n_codes)
    for _ in range(n_iterations - 1):
        column_K = (n_rows / n_codes) / torch.mv(kernel_NK.t(), row_N)
        row_N = 1 / torch.mv(kernel_NK, column_K)
        if max(row_N.max(), 1 / row_N.min(), column_K.max(), 1 / column_K.min()) > LARGEST_SCALE:
            log_NK += row_N.log()[:, None] + column_K.log()
            kernel_NK = log_NK.exp()
            row_N, column_K = torch.ones_like(row_N), torch.ones_like(column_K)
    return kernel_NK.mul_(row_N[:, None]).mul_(column_K)


def assign(distance_NK: Tensor, epsilon: float, n_iterations: int) -> Tensor:
    """The code that carries most of each row's share of the balanced plan, int64 (N,)."""
    return plan(distance_NK, epsilon, n_iterations).argmax(1).to(distance_NK.device)
