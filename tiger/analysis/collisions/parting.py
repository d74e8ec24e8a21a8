"""Where colliding items could have parted: level by level, the next-best code of each and what it would have cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

BLOCK_CELLS = 2**22  # distances held at once, float64: 32 MB


@dataclass(frozen=True)
class Geometry:
    """What codes quantise, and with what.

    Args:
        latent_IZ: what was quantised, float32; rows are items.
        codebooks: one (K, Z) a level; the codes' vectors add up to the latent.
        prices: what choosing a code costs beside its squared distance, one (K,) a level; None where nothing.
        distance: by which a code is the nearest; costs are squared distances in any case.

    Raises:
        ValueError: widths differ.
    """

    latent_IZ: np.ndarray
    codebooks: Sequence[np.ndarray]
    prices: Sequence[np.ndarray] | None = None
    distance: Literal["squared", "cosine"] = "squared"

    def __post_init__(self) -> None:
        widths = sorted({book_KZ.shape[1] for book_KZ in self.codebooks})
        if widths != [self.latent_IZ.shape[1]]:
            raise ValueError(f"the codebooks are {', '.join(map(str, widths))} wide and what they quantise is "
                             f"{self.latent_IZ.shape[1]}; give the latents that belong to the codebooks.")

    def squares(self, left_NZ: np.ndarray, level: int) -> np.ndarray:
        """Squared distance of rows to every code of a level, (N, K) float64."""
        book_KZ = self.codebooks[level].astype(np.float64)
        square_NK = np.einsum("nz,nz->n", left_NZ, left_NZ)[:, None] - 2 * left_NZ @ book_KZ.T
        return np.maximum(square_NK + np.einsum("kz,kz->k", book_KZ, book_KZ), 0.0)

    def ranks(self, left_NZ: np.ndarray, square_NK: np.ndarray, level: int) -> np.ndarray:
        """What the chosen code is the least of: (N, K)."""
        if self.distance == "cosine":
            book_KZ = self.codebooks[level].astype(np.float64)
            return -(left_NZ @ book_KZ.T) / np.maximum(np.linalg.norm(book_KZ, axis=1), 1e-30)  # type: ignore[no-any-return]
        return square_NK if self.prices is None else square_NK + self.prices[level]

    def residuals(self, codes_NL: np.ndarray, rows_N: np.ndarray) -> np.ndarray:
        """What each level reads, and what the last one leaves: (N, L+1, Z) float64."""
        left = [self.latent_IZ[rows_N].astype(np.float64)]
        for level, book_KZ in enumerate(self.codebooks):
            left.append(left[-1] - book_KZ[codes_NL[:, level]])
        return np.stack(left, 1)


@dataclass(frozen=True)
class Parting:
    """The next-best code of each item at each level.

    Args:
        item_N: the items.
        residual_NM: squared length of what each level reads, and of what the last one leaves, (N, L+1).
        second_NL: the best code but the item's own; -1 where a level has one code only.
        cost_NL: squared distance to that code less that to the own one; negative where the own one is not the nearest.
        added_NL: what all levels leave more (squared distance) when the item takes that code, and the deeper levels code
            what it leaves.
        free_NL: whether no item has the ID that follows.
    """

    item_N: np.ndarray
    residual_NM: np.ndarray
    second_NL: np.ndarray
    cost_NL: np.ndarray
    added_NL: np.ndarray
    free_NL: np.ndarray

    @cached_property
    def relative_NL(self) -> np.ndarray:
        """The cost as a share of the squared length of what the level reads; infinite where that is 0 and the cost is not."""
        residual_NL = self.residual_NM[:, :-1]
        none_NL = np.where(self.cost_NL > 0, np.inf, 0.0)
        return np.where(residual_NL > 0, self.cost_NL / np.where(residual_NL > 0, residual_NL, 1), none_NL)

    def cheapest(self, rows: slice) -> tuple[int, int]:
        """Row and level of the least relative cost among some rows: of those that lead to a free ID, if any does."""
        relative_NL = np.where(self.second_NL[rows] >= 0, self.relative_NL[rows], np.inf)
        free_NL = np.where(self.free_NL[rows], relative_NL, np.inf)
        best_NL = free_NL if np.isfinite(free_NL).any() else relative_NL
        row, level = np.unravel_index(int(best_NL.argmin()), best_NL.shape)
        return int(row) + rows.start, int(level)


def part(codes_IL: np.ndarray, item_N: np.ndarray, geometry: Geometry) -> Parting:
    """Find the next-best code of items at every level, and what becomes of them with it.

    Args:
        codes_IL: codes of all items; rows of -1 have no ID.
        item_N: items that have one.
    """
    n, n_levels = len(item_N), codes_IL.shape[1]
    residual_NM, second_NL = np.empty((n, n_levels + 1)), np.empty((n, n_levels), np.int64)
    cost_NL, added_NL = np.empty((n, n_levels)), np.empty((n, n_levels))
    made_LNL = np.empty((n_levels, n, n_levels), np.int64)
    step = max(1, BLOCK_CELLS // max(map(len, geometry.codebooks)))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        codes_BL = codes_IL[item_N[rows]]
        left_BMZ = geometry.residuals(codes_BL, item_N[rows])
        residual_NM[rows] = np.square(left_BMZ).sum(2)
        for level in range(n_levels):
            second_B, cost_NL[rows, level] = _second(geometry, left_BMZ[:, level], codes_BL[:, level], level)
            second_NL[rows, level] = second_B
            made_BL, left_B = _coded_anew(geometry, left_BMZ[:, level], codes_BL, second_B, level)
            made_LNL[level, rows], added_NL[rows, level] = made_BL, left_B - residual_NM[rows, -1]
    free_NL = np.stack([~_among(made_NL, codes_IL) for made_NL in made_LNL], 1) if n else np.empty((0, n_levels), bool)
    return Parting(item_N, residual_NM, second_NL, cost_NL, np.where(second_NL >= 0, added_NL, np.nan),
                   free_NL & (second_NL >= 0))


def _second(geometry: Geometry, left_BZ: np.ndarray, code_B: np.ndarray, level: int) -> tuple[np.ndarray, np.ndarray]:
    """The best code of a level but the own one, and what it costs more; -1 and nan where there is none."""
    if len(geometry.codebooks[level]) < 2:
        return np.full(len(code_B), -1), np.full(len(code_B), np.nan)
    square_BK, rows_B = geometry.squares(left_BZ, level), np.arange(len(code_B))
    rank_BK = geometry.ranks(left_BZ, square_BK, level).copy()
    rank_BK[rows_B, code_B] = np.inf
    second_B = rank_BK.argmin(1)
    return second_B, square_BK[rows_B, second_B] - square_BK[rows_B, code_B]


def _coded_anew(geometry: Geometry, left_BZ: np.ndarray, codes_BL: np.ndarray, second_B: np.ndarray,
                level: int) -> tuple[np.ndarray, np.ndarray]:
    """The IDs with another code at one level and the deeper levels coded anew; and the squared length that is left."""
    made_BL = codes_BL.copy()
    made_BL[:, level] = second_B
    left_BZ = left_BZ - geometry.codebooks[level][second_B]
    for deeper in range(level + 1, codes_BL.shape[1]):
        square_BK = geometry.squares(left_BZ, deeper)
        made_BL[:, deeper] = geometry.ranks(left_BZ, square_BK, deeper).argmin(1)
        left_BZ = left_BZ - geometry.codebooks[deeper][made_BL[:, deeper]]
    return made_BL, np.square(left_BZ).sum(1)


def _among(some_NL: np.ndarray, all_IL: np.ndarray) -> np.ndarray:
    """Which rows of the first are rows of the second."""
    both = np.concatenate([some_NL, all_IL])
    number = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    return np.isin(number[:len(some_NL)], number[len(some_NL):])
