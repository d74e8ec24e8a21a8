"""Balanced residual k-means: every level spreads the items evenly over its codes.

Plain k-means on residuals leaves most items near 0 in few clusters. Here every code k of a level has a price p_k, and an
item takes the code with the least |r - e_k|^2 + p_k. Crowded codes become expensive until all are taken about equally
often; then the codes move to the means of their items, and so on. With the prices kept, an item that was never seen is
encoded by the same rule. Equal items always get equal codes, so copies set a limit to the balance.

Source: Deng et al. 2025 (OneRec), arXiv:2502.18965, algorithm 1, for balanced clusters as semantic IDs. There each cluster
in turn takes its nearest items; here the prices are those of the entropic transport plan between items and codes (Cuturi
2013, arXiv:1306.0895), which exist for every balanced clustering (Aurenhammer et al. 1998, "Minkowski-Type Theorems and
Least-Squares Clustering", Algorithmica 20).
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger.core.params import param
from tiger.core.sampling import even_sample
from tiger.quantizers import kmeans
from tiger.quantizers.codebook import distances, squared_norms
from tiger.quantizers.rkmeans import ResidualKMeans, move_to_means

MAX_CELLS = 2**24  # items x codes of the plan, float32: 64 MB; beyond, an even sample of the items sets the prices
START_ITERATIONS = 10  # of plain k-means
SCALINGS = 20  # of rows and columns in a round; prices go on from the round before
FINE_ROUNDS = 2  # of balancing and moving while it is fine-tuned
FIRST_BLUR, LAST_BLUR, COOLING = 0.1, 0.02, 0.7  # of the plan, as a share of the mean squared residual; each round's less
LEAST, MOST = 1e-30, 1e30  # a column's scale in float32


@dataclass
class BalancedKMeans(ResidualKMeans):
    """Residual k-means whose clusters are about equally large."""

    name: ClassVar[str] = "balanced_rkmeans"
    title: ClassVar[str] = "Balanced residual k-means"
    summary: ClassVar[str] = "Residual k-means with a penalty on large clusters, so that codes are used about equally often."
    level_summary: ClassVar[str] = "Each level quantises the residual of the previous level and spreads items evenly over codes."
    level_formula: ClassVar[str] = (r"r_1 = z,\quad c_l = \arg\min_k \lVert r_l - e^{(l)}_k \rVert^2 + p^{(l)}_k,"
                                    r"\quad r_{l+1} = r_l - e^{(l)}_{c_l}\;")

    n_iterations: int = param(15, "Balancing iterations per level.", low=1, high=1000)

    def cluster(self, rows_IE: np.ndarray, level: int) -> None:
        """Codes and prices of one level."""
        size = self.codes_per_level[level]
        centres_KE = kmeans.centres(rows_IE, size, (self.seed + level) % 2**31, START_ITERATIONS, self.minibatch)
        book_KE, price_K = torch.from_numpy(centres_KE), torch.zeros(size)
        rows_NE = torch.from_numpy(rows_IE[even_sample(len(rows_IE), max(size, MAX_CELLS // size))])
        for number in range(self.n_iterations):
            cost_NK = costs(rows_NE, book_KE)
            blur = max(FIRST_BLUR * COOLING**number, LAST_BLUR) * float(cost_NK.amin(1).mean())
            price_K = balance(cost_NK, price_K, blur)
            if number < self.n_iterations - 1:
                move_to_means(book_KE, rows_NE, (cost_NK + price_K).argmin(1))
        self.books_[level], self.prices_[level] = book_KE, price_K

    def refine(self, rows_IE: Tensor, level: int, keep_I: Tensor, penalty: float) -> None:
        """Prices first: they are what the moved vectors put out of balance."""
        size = self.codes_per_level[level]
        some = even_sample(len(rows_IE), max(size, MAX_CELLS // size))
        rows_NE, keep_N = rows_IE[some], keep_I[some]
        for number in range(FINE_ROUNDS):
            if number:
                move_to_means(self.books_[level], rows_IE, self.penalised(rows_IE, level, keep_I, penalty))
            book_KE = self.books_[level]
            cost_NK = costs(rows_NE, book_KE)
            blur = LAST_BLUR * float(cost_NK.amin(1).mean())
            bound_N = keep_N >= 0
            cost_NK[bound_N] += penalty * costs(book_KE[keep_N[bound_N]], book_KE)
            self.prices_[level] = balance(cost_NK, self.prices_[level], blur)

    def prices(self) -> list[np.ndarray]:
        """What choosing a code costs beside its squared distance, (K,) float32 per level."""
        self._fitted()
        return [price_K.numpy().copy() for price_K in self.prices_]

    def tensors(self) -> dict[str, Tensor]:
        """See ``Learner.tensors``."""
        return super().tensors() | {f"price.{level}": price_K for level, price_K in enumerate(self.prices_)}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Learner.load_tensors``."""
        super().load_tensors(tensors)
        self.prices_ = [tensors[f"price.{level}"] for level in range(self.n_levels)]


def costs(rows_NE: Tensor, book_KE: Tensor) -> Tensor:
    """|r - e|^2 of every row and code, (N, K)."""
    return distances(rows_NE, book_KE, squared_norms(book_KE)) + rows_NE.square().sum(1, keepdim=True)


def balance(cost_NK: Tensor, price_K: Tensor, blur: float) -> Tensor:
    """Prices (K,), mean 0, at which all codes are about equally wanted.

    Args:
        cost_NK: squared distances.
        price_K: prices to go on from.
        blur: smaller follows the distances more closely; items between two codes count for both within about this much.
    """
    if blur <= 0:  # all rows lie on codes
        return price_K
    n_rows, n_codes = cost_NK.shape
    wanted_NK = cost_NK + price_K
    kernel_NK = ((wanted_NK.amin(1, keepdim=True) - wanted_NK) / blur).exp_()
    scale_K = torch.ones(n_codes)
    for _ in range(SCALINGS):
        scale_N = 1 / torch.mv(kernel_NK, scale_K).clamp_min(LEAST)
        scale_K = ((n_rows / n_codes) / torch.mv(kernel_NK.t(), scale_N).clamp_min(LEAST)).clamp(LEAST, MOST)
    price_K = price_K - blur * scale_K.log()
    return price_K - price_K.mean()
