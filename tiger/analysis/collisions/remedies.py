"""What a remedy leaves of the collisions, measured from codes and codebooks; nothing is trained."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp

from tiger import metrics
from tiger.analysis.collisions.groups import by_id
from tiger.analysis.collisions.parting import Geometry
from tiger.core import words
from tiger.core.sampling import even_sample
from tiger.quantizers import kmeans
from tiger.quantizers.sinkhorn import MAX_CELLS

EPSILON, ITERATIONS, ROUNDS = 0.003, 50, 20  # LC-Rec's
IDLE_ROUNDS = 3  # rounds in a row that gain no distinct ID, after which there are no others
SMALLEST_SUM = 1e-120
TIED = 1e-6  # shares, as logarithms, that count as equal
FITTED_ROWS, KMEANS_ITERATIONS = 20_000, 25
BLOCK_CELLS = 2**22


@dataclass(frozen=True)
class Left:
    """Collisions that are left, and what was paid.

    Args:
        collisions: counted over the whole catalogue.
        n_changed: items whose codes changed at the levels that there were; a level more does not count.
        error: mean squared length of what the codes leave, as a share of that of what they quantise; nan where unknown.
        note: what else there is to say; "" for nothing.
    """

    collisions: metrics.Collisions
    n_changed: int
    error: float
    note: str = ""


def left_of(codes_IL: np.ndarray, geometry: Geometry | None = None) -> Left:
    """What there is now."""
    known_N = np.flatnonzero(metrics.has_id(codes_IL))
    return Left(metrics.collisions(codes_IL), 0, _error(geometry, codes_IL, known_N))


def counted(codes_IL: np.ndarray, geometry: Geometry | None = None) -> Left:
    """A last level that counts the items of an ID.

    Source: Rajput et al. 2023, section 3.1 "Handling Collisions".
    """
    now = left_of(codes_IL, geometry)
    n = now.collisions
    unique = metrics.Collisions(n.n_items, n.n_items, 0, 0, min(1, n.n_items))
    return Left(unique, 0, now.error, f"needs {words.counted(n.largest, 'code, which says', 'codes, which say')} nothing about "
                                      "the items")


def extra_level(codes_IL: np.ndarray, geometry: Geometry, seed: int = 0) -> Left:
    """One level more: a k-means codebook, as large as the last level's, of what the last level leaves.

    Fitted on an even sample of at most ``FITTED_ROWS`` items; everything else stays as it is.
    """
    known_N = np.flatnonzero(metrics.has_id(codes_IL))
    left_NZ = _left(geometry, codes_IL, known_N).astype(np.float32)
    n_codes = len(geometry.codebooks[-1])
    book_KZ = kmeans.centres(left_NZ[even_sample(len(left_NZ), FITTED_ROWS)], n_codes, seed, KMEANS_ITERATIONS)
    code_N, error_N = np.empty(len(known_N), np.int64), np.empty(len(known_N))
    for rows in _blocks(len(known_N), n_codes):
        part_BZ = left_NZ[rows].astype(np.float64)
        square_BK = Geometry(part_BZ, [book_KZ]).squares(part_BZ, 0)
        code_N[rows] = square_BK.argmin(1)
        error_N[rows] = square_BK.min(1)
    found = metrics.collisions(np.column_stack([codes_IL[known_N], code_N]))
    whole = _whole(geometry, known_N)
    return Left(found, 0, float(error_N.mean()) / whole if whole > 0 else 0.0, f"{words.counted(n_codes, 'code')} more, fitted "
                                                                               "by k-means")


def sinkhorn_last(codes_IL: np.ndarray, geometry: Geometry) -> Left:
    """Give the items of each shared ID codes of the last level by a balanced assignment among themselves, round by round.

    A round takes every group of items with one ID and spreads it over the codes of the last level (``balanced_codes``); codes
    that other items have already may collide again, so there are up to ``ROUNDS`` rounds, and fewer where ``IDLE_ROUNDS`` of
    them gain nothing.

    Raises:
        ValueError: a group so large that its plan does not fit into memory.

    Source: Zheng et al. 2024 (LC-Rec, arXiv:2311.09049), section 3.1, and its published code: epsilon 0.003, 50 iterations,
    20 rounds.
    """
    made_IL, last = codes_IL.copy(), codes_IL.shape[1] - 1
    known_N = np.flatnonzero(metrics.has_id(codes_IL))
    now = metrics.collisions(codes_IL)
    n_codes = len(geometry.codebooks[last])
    if now.largest * n_codes > MAX_CELLS:
        raise ValueError(f"one ID has {now.largest:,} items; spreading them over {n_codes:,} codes takes "
                         f"{now.largest * n_codes:,} cells, at most {MAX_CELLS:,} are possible. Treat the collapse first.")
    best, idle = now.unique, 0
    for _ in range(ROUNDS):
        before_IL = made_IL.copy()
        for items_GN in _shared(before_IL, n_codes):
            left_NZ = geometry.residuals(before_IL[items_GN.ravel()], items_GN.ravel())[:, last]
            square_GNK = geometry.squares(left_NZ, last).reshape(*items_GN.shape, n_codes)
            made_IL[items_GN, last] = balanced_codes(square_GNK, _taken(before_IL, items_GN[:, 0], n_codes))
        unique = metrics.collisions(made_IL).unique
        best, idle = max(best, unique), 0 if unique > best else idle + 1
        if idle == IDLE_ROUNDS or (made_IL == before_IL).all():
            break
    n_changed = int((made_IL != codes_IL).any(1).sum())
    return Left(metrics.collisions(made_IL), n_changed, _error(geometry, made_IL, known_N))


def balanced_codes(square_GNK: np.ndarray, taken_GK: np.ndarray) -> np.ndarray:
    """The code with the largest share of each row's part of the plan that spreads N rows evenly over K codes, (G, N) int64.

    As LC-Rec's code has it: costs centred and scaled to -1..1, then rows, then columns are scaled to their share. With fewer
    rows than codes, several codes are a row's alone and have equal shares. LC-Rec leaves the choice among those to rounding;
    here it is the nearest that nobody else has, so that neither the machine nor the order of the codes decides.

    Args:
        square_GNK: squared distances, one plan for each of G groups.
        taken_GK: codes that other items with the same prefix have.
    """
    low_G11, high_G11 = square_GNK.min((1, 2), keepdims=True), square_GNK.max((1, 2), keepdims=True)
    log_GNK = (square_GNK - (low_G11 + high_G11) / 2) / -(((high_G11 - low_G11) / 2 + 1e-5) * EPSILON)
    log_GNK = _scaled(log_GNK)
    tied_GNK = log_GNK >= log_GNK.max(2, keepdims=True) - TIED
    free_GNK = tied_GNK & ~taken_GK[:, None]
    return np.where(np.where(free_GNK.any(2, keepdims=True), free_GNK, tied_GNK), square_GNK, np.inf).argmin(2)


def _scaled(log_GNK: np.ndarray) -> np.ndarray:
    """The logarithm of each plan after ``ITERATIONS`` times scaling rows, then columns, to the sum 1; constants do not matter.

    Done as products with row and column scales; where those leave the range of numbers, and at first, on logarithms.
    """
    kernel_GNK, row_GN, column_GK = log_GNK, np.empty(0), np.empty(0)
    for number in range(ITERATIONS):
        if number:
            sum_GN = (kernel_GNK @ column_GK[..., None])[..., 0]
            if _sound(sum_GN):
                sum_GK = ((1 / sum_GN)[:, None] @ kernel_GNK)[:, 0]
                if _sound(sum_GK):
                    row_GN, column_GK = 1 / sum_GN, 1 / sum_GK
                    continue
            log_GNK += np.log(row_GN)[..., None] + np.log(column_GK)[:, None]
        log_GNK = log_GNK - logsumexp(log_GNK, axis=2, keepdims=True)
        log_GNK -= logsumexp(log_GNK, axis=1, keepdims=True)
        kernel_GNK = np.exp(log_GNK)
        row_GN, column_GK = np.ones(kernel_GNK.shape[:2]), np.ones(kernel_GNK.shape[::2])
    return log_GNK + np.log(row_GN)[..., None] + np.log(column_GK)[:, None]


def _sound(sums: np.ndarray) -> bool:
    """Whether dividing by these, and multiplying what comes of it, stays in the range of numbers."""
    return bool(np.isfinite(sums).all() and sums.min() > SMALLEST_SUM and sums.max() < 1 / SMALLEST_SUM)


def _taken(codes_IL: np.ndarray, item_G: np.ndarray, n_codes: int) -> np.ndarray:
    """Last codes of the items that share all codes but the last with an item and have another one there, (G, K)."""
    prefix_I = metrics.prefix_numbers(codes_IL[:, :-1])[0][:, -1] if codes_IL.shape[1] > 1 else np.zeros(len(codes_IL), np.int64)
    prefix_I = np.where(metrics.has_id(codes_IL), prefix_I, -1)
    order_I = np.argsort(prefix_I, kind="stable")
    grouped_I = prefix_I[order_I]
    taken_GK = np.zeros((len(item_G), n_codes), bool)
    for row, item in enumerate(item_G):
        start, stop = np.searchsorted(grouped_I, prefix_I[item]), np.searchsorted(grouped_I, prefix_I[item], "right")
        taken_GK[row, codes_IL[order_I[start:stop], -1]] = True
        taken_GK[row, codes_IL[item, -1]] = False
    return taken_GK


def _shared(codes_IL: np.ndarray, n_codes: int) -> Iterator[np.ndarray]:
    """The items of each ID that several share; groups of one size together, (G, N), as many as fit into memory."""
    order_N, start_U, size_U = by_id(codes_IL)
    for size in np.unique(size_U[size_U > 1]).tolist():
        items_GN = order_N[start_U[size_U == size][:, None] + np.arange(size)]
        step = max(1, BLOCK_CELLS // (size * n_codes))
        yield from (items_GN[first:first + step] for first in range(0, len(items_GN), step))


def _left(geometry: Geometry, codes_IL: np.ndarray, rows_N: np.ndarray) -> np.ndarray:
    """What all levels leave of some items, (N, Z) float64."""
    left_NZ = geometry.latent_IZ[rows_N].astype(np.float64)
    for level, book_KZ in enumerate(geometry.codebooks):
        left_NZ -= book_KZ[codes_IL[rows_N, level]]
    return left_NZ


def _error(geometry: Geometry | None, codes_IL: np.ndarray, rows_N: np.ndarray) -> float:
    if geometry is None or not len(rows_N):
        return float("nan")
    whole = _whole(geometry, rows_N)
    return float(np.square(_left(geometry, codes_IL, rows_N)).sum(1).mean()) / whole if whole > 0 else 0.0


def _whole(geometry: Geometry, rows_N: np.ndarray) -> float:
    return float(np.square(geometry.latent_IZ[rows_N], dtype=np.float64).sum(1).mean())


def _blocks(n_rows: int, n_codes: int) -> Iterator[slice]:
    step = max(1, BLOCK_CELLS // n_codes)
    return (slice(start, start + step) for start in range(0, n_rows, step))
