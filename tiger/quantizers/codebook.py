"""One residual level: the codebook, finding the nearest code, and the ways a codebook can learn.

A codebook learns by gradient (of the codebook loss), by exponential moving averages (EMA), or by gradient
through a mixing matrix (SimVQ). Codes that are not used can be restarted at vectors of the present batch.
"""

import torch
from torch import Tensor, nn

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
    codes_NL = torch.empty(len(z_NZ), len(books), dtype=torch.int64, device=z_NZ.device)
    for level, (book_KZ, norm_K) in enumerate(zip(books, norms, strict=True)):
        codes_N = nearest(z_NZ, book_KZ, norm_K)
        codes_NL[:, level] = codes_N
        z_NZ = z_NZ - book_KZ[codes_N]
    return codes_NL, z_NZ


def penalised_codes(rows_NZ: Tensor, book_KZ: Tensor, keep_N: Tensor, penalty: float,
                    price_K: Tensor | None = None) -> Tensor:
    """The code of least error plus penalty: argmin_k |r - e_k|^2 + penalty |e_k - e_old|^2 + price_k.

    Completing the square, that is the code nearest to (r + penalty e_old) / (1 + penalty), prices divided by the same.
    A tie goes to the old code; an old code of -1 binds nobody.
    """
    pull_N1 = torch.where(keep_N >= 0, penalty, 0.0)[:, None].to(rows_NZ.dtype)
    pulled_NZ = (rows_NZ + pull_N1 * book_KZ[keep_N.clamp(min=0)]) / (1 + pull_N1)
    cost_NK = distances(pulled_NZ, book_KZ, squared_norms(book_KZ))
    if price_K is not None:
        cost_NK = cost_NK + price_K / (1 + pull_N1)
    best_N = cost_NK.argmin(1)
    least_N = cost_NK.gather(1, best_N[:, None])[:, 0]
    kept_N = cost_NK.gather(1, keep_N.clamp(min=0)[:, None])[:, 0]
    return torch.where((keep_N >= 0) & (kept_N <= least_N), keep_N, best_N)


class Codebook(nn.Module):
    """One level's K codes of width Z while they train.

    Args:
        ema_decay: how slowly running means forget; None: the codes are parameters that the optimiser moves.
        simvq: the parameters are a mixing matrix W (Z, Z) instead, the codebook is C W with a frozen C.

    Source of SimVQ: Zhu et al. 2024, arXiv:2411.02038: a step of W moves every code, used or not.
    """

    def __init__(self, n_codes: int, width: int, ema_decay: float | None = None, simvq: bool = False):
        super().__init__()
        self.ema_decay, learns = ema_decay, ema_decay is None
        size = (width, width) if simvq else (n_codes, width)
        self.learned = nn.Parameter(torch.zeros(size), requires_grad=learns)
        for name, shape in (("frozen_KZ", (n_codes, width) if simvq else None),
                            ("ema_count_K", None if learns else (n_codes,)),
                            ("ema_sum_KZ", None if learns else (n_codes, width))):
            self.register_buffer(name, None if shape is None else torch.zeros(shape))
        self.frozen_KZ: Tensor | None
        self.ema_count_K: Tensor | None
        self.ema_sum_KZ: Tensor | None
        self.refresh()

    def vectors(self) -> Tensor:
        """The codes (K, Z), with gradients where they learn by them."""
        return self.learned if self.frozen_KZ is None else self.frozen_KZ @ self.learned

    @torch.no_grad()
    def refresh(self) -> None:
        """Take note that the codes changed: their values and squared norms, computed once a step."""
        self.book_KZ = self.vectors().detach()
        self.norm_K = squared_norms(self.book_KZ)

    @torch.no_grad()
    def initialise(self, book_KZ: Tensor, rows_per_code: float) -> None:
        """Start from the given codes; running means begin as if every code had been used so often where it is."""
        book_KZ = book_KZ.to(self.learned.device)
        if self.frozen_KZ is None:
            self.learned.copy_(book_KZ)
        else:
            self.frozen_KZ.copy_(book_KZ)
            self.learned.copy_(torch.eye(book_KZ.shape[1]))
        self.refresh()
        if self.ema_count_K is not None and self.ema_sum_KZ is not None:
            self.ema_count_K.fill_(rows_per_code)
            self.ema_sum_KZ.copy_(self.book_KZ * rows_per_code)

    @torch.no_grad()
    def update_means(self, codes_B: Tensor, rows_BZ: Tensor) -> None:
        """Move each code towards the mean of its rows.

        N_k <- d N_k + (1-d) n_k,  m_k <- d m_k + (1-d) sum of rows,  e_k <- m_k / N_k, with N_k smoothed
        (1e-5 a code) so that a code without rows stays where it is instead of dividing by nothing.

        Source: van den Oord et al. 2017, appendix A.1; smoothing as in Razavi et al. 2019.
        """
        assert self.ema_decay is not None and self.ema_count_K is not None and self.ema_sum_KZ is not None
        decay, n_codes = self.ema_decay, len(self.learned)
        count_K = torch.bincount(codes_B, minlength=n_codes).float()
        sum_KZ = torch.zeros_like(self.ema_sum_KZ).index_add_(0, codes_B, rows_BZ)
        self.ema_count_K.mul_(decay).add_(count_K, alpha=1 - decay)
        self.ema_sum_KZ.mul_(decay).add_(sum_KZ, alpha=1 - decay)
        total = self.ema_count_K.sum()
        smooth_K = (self.ema_count_K + 1e-5) * (total / (total + n_codes * 1e-5))
        self.learned.copy_(self.ema_sum_KZ / smooth_K[:, None])

    @torch.no_grad()
    def restart(self, dead_X: Tensor, rows_XZ: Tensor) -> None:
        """Put the dead codes where the given rows are.

        Source: Dhariwal et al. 2020 (Jukebox, arXiv:2005.00341), section 3: random restarts.
        """
        if self.frozen_KZ is None:
            self.learned[dead_X] = rows_XZ
        else:  # the row of C that W takes to the wanted place
            solved = torch.linalg.lstsq(self.learned.t().cpu(), rows_XZ.t().cpu(), driver="gelsd").solution.t()
            self.frozen_KZ[dead_X] = solved.to(rows_XZ.device)
        if self.ema_count_K is not None and self.ema_sum_KZ is not None:
            mean_count = self.ema_count_K.mean()
            self.ema_count_K[dead_X] = mean_count
            self.ema_sum_KZ[dead_X] = rows_XZ * mean_count
        self.refresh()
