"""One residual level: the codebook, finding the nearest code, and the ways a codebook can learn.

A codebook learns by gradient (of the codebook loss), by exponential moving averages (EMA), or by gradient
through a mixing matrix (SimVQ). Codes that nobody uses can be restarted at vectors of the present batch.
"""

import torch
from torch import Tensor

CHUNK_CELLS = 2**22  # distances held at once: 16 MB, so that 65,536 codes need no more memory than 256 do


def distances(rows_NZ: Tensor, book_KZ: Tensor, norm_K: Tensor) -> Tensor:
    """|r - e|^2 - |r|^2 for every row r and code e: what is left out is the same for all codes of a row."""
    return torch.addmm(norm_K, rows_NZ, book_KZ.t(), alpha=-2)


def squared_norms(book_KZ: Tensor) -> Tensor:
    """|e|^2 of every code."""
    return book_KZ.square().sum(1)


def nearest(rows_NZ: Tensor, book_KZ: Tensor, norm_K: Tensor) -> Tensor:
    """The code with the least Euclidean distance, int64 (N,); the lowest number on a tie."""
    step = max(1, CHUNK_CELLS // len(book_KZ))
    if len(rows_NZ) <= step:
        return distances(rows_NZ, book_KZ, norm_K).argmin(1)
    return torch.cat([distances(part, book_KZ, norm_K).argmin(1) for part in rows_NZ.split(step)])


def residual_codes(z_NZ: Tensor, books: list[Tensor], norms: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Quantise level by level what the levels before left over.

    r_1 = z, c_l = argmin_k |r_l - e_k|, r_{l+1} = r_l - e_{c_l}

    Returns:
        codes (N, L) int64 and what is left after the last level (N, Z).

    Source: Lee et al. 2022, "Autoregressive Image Generation using Residual Quantization", section 3.1.
    """
    codes_NL = torch.empty(len(z_NZ), len(books), dtype=torch.int64)
    for level, (book_KZ, norm_K) in enumerate(zip(books, norms, strict=True)):
        codes_N = nearest(z_NZ, book_KZ, norm_K)
        codes_NL[:, level] = codes_N
        z_NZ = z_NZ - book_KZ[codes_N]
    return codes_NL, z_NZ


class Codebook:
    """One level's codebook while it trains.

    Args:
        learned: what the optimiser moves: the codebook (K, Z) itself; or, with ``frozen_KZ``, the mixing
            matrix W (Z, Z) of SimVQ, whose codebook is C W.
        grad: where the gradient of ``learned`` goes; None where EMA moves the codebook instead.
        frozen_KZ: SimVQ's frozen C.

    Source of SimVQ: Zhu et al. 2024, arXiv:2411.02038: a step of W moves every code, used or not.
    """

    def __init__(self, learned: Tensor, grad: Tensor | None, frozen_KZ: Tensor | None = None):
        self.learned, self.grad, self.frozen_KZ = learned, grad, frozen_KZ
        self.ema_count_K: Tensor | None = None
        self.ema_sum_KZ: Tensor | None = None
        self.refresh()

    def refresh(self) -> None:
        """Take note that ``learned`` changed: the codebook as it stands now, and its squared norms."""
        self.book_KZ = self.learned if self.frozen_KZ is None else self.frozen_KZ @ self.learned
        self.norm_K = squared_norms(self.book_KZ)

    def place(self, book_KZ: Tensor) -> None:
        """Start from the given codes."""
        if self.frozen_KZ is None:
            self.learned.copy_(book_KZ)
        else:
            self.frozen_KZ.copy_(book_KZ)
            self.learned.copy_(torch.eye(book_KZ.shape[1]))
        self.refresh()

    def start_ema(self, rows_per_code: float) -> None:
        """Begin the averages as if every code had been used evenly at its present place."""
        self.ema_count_K = torch.full((len(self.book_KZ),), rows_per_code)
        self.ema_sum_KZ = self.book_KZ * rows_per_code

    def gather_grad(self, codes_B: Tensor, left_BZ: Tensor) -> None:
        """The gradient of mean_b |sg[r] - e|^2: each code gets -2/B times what its rows left over."""
        assert self.grad is not None
        target = self.grad if self.frozen_KZ is None else torch.empty_like(self.frozen_KZ)
        target.zero_().scatter_add_(0, codes_B[:, None].expand_as(left_BZ), left_BZ)
        target.mul_(-2 / len(left_BZ))
        if self.frozen_KZ is not None:
            torch.mm(self.frozen_KZ.t(), target, out=self.grad)

    def update_ema(self, codes_B: Tensor, rows_BZ: Tensor, decay: float) -> None:
        """Move each code towards the mean of its rows.

        N_k <- d N_k + (1-d) n_k,  m_k <- d m_k + (1-d) sum of rows,  e_k <- m_k / N_k, with N_k smoothed
        (1e-5 a code) so that a code without rows stays where it is instead of dividing by nothing.

        Source: van den Oord et al. 2017, appendix A.1; smoothing as in Razavi et al. 2019.
        """
        assert self.ema_count_K is not None and self.ema_sum_KZ is not None
        n_codes = len(self.learned)
        count_K = torch.bincount(codes_B, minlength=n_codes).float()
        sum_KZ = torch.zeros_like(self.learned).scatter_add_(0, codes_B[:, None].expand_as(rows_BZ), rows_BZ)
        self.ema_count_K.mul_(decay).add_(count_K, alpha=1 - decay)
        self.ema_sum_KZ.mul_(decay).add_(sum_KZ, alpha=1 - decay)
        total = self.ema_count_K.sum()
        smooth_K = (self.ema_count_K + 1e-5) * (total / (total + n_codes * 1e-5))
        torch.div(self.ema_sum_KZ, smooth_K[:, None], out=self.learned)

    def restart(self, dead_D: Tensor, rows_DZ: Tensor) -> None:
        """Put the dead codes where the given rows are.

        Source: Dhariwal et al. 2020 (Jukebox, arXiv:2005.00341), section 3: random restarts.
        """
        if self.frozen_KZ is None:
            self.learned[dead_D] = rows_DZ
        else:  # the row of C that W takes to the wanted place
            self.frozen_KZ[dead_D] = torch.linalg.lstsq(self.learned.t(), rows_DZ.t(), driver="gelsd").solution.t()
        if self.ema_count_K is not None and self.ema_sum_KZ is not None:
            mean_count = self.ema_count_K.mean()
            self.ema_count_K[dead_D] = mean_count
            self.ema_sum_KZ[dead_D] = rows_DZ * mean_count
        self.refresh()
