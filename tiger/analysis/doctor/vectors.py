"""What the embeddings themselves tell, before any quantizer: place, scale, rank, constant columns, zero rows, copies.

One pass looks for copies and numbers that are not finite; everything else is measured on an even sample where the
catalogue is large, and ``VectorSigns`` says how many rows that were.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tiger.core.sampling import even_sample

MAX_HASHED = 2_000_000  # rows that are compared for copies
MAX_ROWS = 100_000  # rows that means and deviations are taken over
RANK_ROWS = 1024  # rows that the spectrum is taken over
POOL_ROWS, QUERY_ROWS = 10_000, 256  # among so many rows the nearest one is looked up for so many
NEAR = 0.01  # two vectors closer than this share of the spread are near copies
BLOCK = 8192


@dataclass(frozen=True)
class Geometry:
    """Where vectors lie, and how far they reach.

    Args:
        mean_share: the mean's share of the mean squared length, |mean|^2 / mean |x|^2, 0..1.
        spread: root mean square distance from the mean.
        widest: share of the variance in the column that has the most of it, 0..1.
    """

    mean_share: float
    spread: float
    widest: float


@dataclass(frozen=True)
class VectorSigns:
    """What was measured on a catalogue's embeddings.

    Args:
        n_items: rows.
        width: columns.
        n_sampled: rows that geometry, constant columns and zero rows were measured on: all, or an even sample.
        n_bad: rows with NaN or infinity, among all; they are left out of everything else.
        n_zero: rows of zeros among the sampled.
        n_constant: columns with the same number in every sampled row.
        largest: the largest absolute number.
        raw: geometry of the vectors as they are.
        unit: geometry of the same rows at length 1.
        effective_rank: exp of the entropy of the normalised singular values of the centred rows: the number of
            dimensions that the vectors fill. Source: Roy and Vetterli 2007, "The effective rank".
        near_share: share of the looked-up items whose nearest different vector is closer than ``NEAR`` of the spread.
        copy_of_I: for every item the number of the first item with exactly the same vector; None where there are
            more rows than ``MAX_HASHED``.
    """

    n_items: int
    width: int
    n_sampled: int
    n_bad: int
    n_zero: int
    n_constant: int
    largest: float
    raw: Geometry
    unit: Geometry
    effective_rank: float
    near_share: float
    copy_of_I: np.ndarray | None = field(repr=False, compare=False)

    @cached_property
    def n_distinct(self) -> int:
        """Different vectors; the number of items where that was not counted."""
        return self.n_items if self.copy_of_I is None else len(np.unique(self.copy_of_I))

    def as_read(self, normalise: str) -> Geometry:
        """The geometry after a quantizer's ``normalise``."""
        if normalise == "standardise":
            n_varying = max(self.width - self.n_constant, 1)
            return Geometry(0.0, float(np.sqrt(n_varying)), 1 / n_varying)
        if normalise == "centre":
            return Geometry(0.0, 1.0, self.raw.widest)
        return self.unit if normalise == "l2" else self.raw


def measure(emb_IE: np.ndarray) -> VectorSigns:
    """Measure embeddings (I, E); a million rows of width 256 take some seconds, some thousands a fraction of one.

    Raises:
        ValueError: no rows or no columns.
    """
    emb_IE = np.asarray(emb_IE)
    if emb_IE.ndim != 2 or 0 in emb_IE.shape:
        raise ValueError(f"embeddings have shape {emb_IE.shape}, but must be (items, width), both at least 1.")
    good_I = finite_rows(emb_IE)
    rows = np.flatnonzero(good_I)
    rows = rows[even_sample(len(rows), MAX_ROWS)]
    x_NE = np.asarray(emb_IE if len(rows) == len(emb_IE) else emb_IE[rows], np.float32)
    length_N, largest = _lengths(x_NE)
    raw, n_constant = geometry(x_NE)
    unit, _ = geometry(x_NE, length_N)
    return VectorSigns(
        n_items=len(emb_IE), width=emb_IE.shape[1], n_sampled=len(rows), n_bad=int((~good_I).sum()),
        n_zero=int((length_N == 0).sum()), n_constant=n_constant, largest=largest, raw=raw, unit=unit,
        effective_rank=effective_rank(x_NE), near_share=near_copies(x_NE, raw.spread),
        copy_of_I=copies(emb_IE) if len(emb_IE) <= MAX_HASHED else None)


def finite_rows(emb_IE: np.ndarray) -> np.ndarray:
    """True (I,) for rows without NaN and infinity."""
    return np.concatenate([np.isfinite(emb_IE[start:start + BLOCK]).all(1) for start in range(0, len(emb_IE), BLOCK)])


def _lengths(x_NE: np.ndarray) -> tuple[np.ndarray, float]:
    """|x| of every row in double precision, and the largest absolute number."""
    length_N, largest = np.zeros(len(x_NE)), 0.0
    for start in range(0, len(x_NE), BLOCK):
        block = x_NE[start:start + BLOCK].astype(np.float64)
        length_N[start:start + BLOCK] = np.sqrt(np.einsum("ne,ne->n", block, block))
        largest = max(largest, float(np.abs(block).max(initial=0.0)))
    return length_N, largest


def geometry(x_NE: np.ndarray, length_N: np.ndarray | None = None) -> tuple[Geometry, int]:
    """Geometry of the rows, divided by ``length_N`` where it is given; and the number of constant columns."""
    if not len(x_NE):
        return Geometry(0.0, 0.0, 0.0), 0

    def blocks():
        for start in range(0, len(x_NE), BLOCK):
            block = x_NE[start:start + BLOCK].astype(np.float64)
            if length_N is not None:
                part_N = length_N[start:start + BLOCK, None]
                block = np.divide(block, part_N, out=np.zeros_like(block), where=part_N > 0)
            yield block

    mean_E = sum(block.sum(0) for block in blocks()) / len(x_NE)
    var_E = sum(np.square(block - mean_E).sum(0) for block in blocks()) / len(x_NE)
    constant_E = x_NE.min(0) == x_NE.max(0)
    var_E[constant_E if length_N is None else np.zeros_like(constant_E)] = 0.0
    variance, size = float(var_E.sum()), float(mean_E @ mean_E)
    whole = variance + size
    shape = Geometry(size / whole if whole > 0 else 0.0, float(np.sqrt(variance)),
                     float(var_E.max()) / variance if variance > 0 else 0.0)
    return shape, int(constant_E.sum())


def effective_rank(x_NE: np.ndarray) -> float:
    """The number of dimensions that the rows fill around their mean; 0 where all are equal."""
    x_NE = x_NE[even_sample(len(x_NE), RANK_ROWS)].astype(np.float64)
    if not len(x_NE):
        return 0.0
    x_NE -= x_NE.mean(0)
    size = float(np.abs(x_NE).max())
    if size == 0:
        return 0.0
    x_NE /= size
    gram = x_NE.T @ x_NE if x_NE.shape[1] <= len(x_NE) else x_NE @ x_NE.T
    singular = np.sqrt(np.linalg.eigvalsh(gram).clip(0))
    share = singular / singular.sum()
    share = share[share > 0]
    return float(np.exp(-(share * np.log(share)).sum()))


def near_copies(x_NE: np.ndarray, spread: float) -> float:
    """Share of an even sample of rows whose nearest different row is closer than ``NEAR`` of the spread."""
    if len(x_NE) < 2 or spread == 0:
        return 0.0
    pool_PE = x_NE[even_sample(len(x_NE), POOL_ROWS)]
    pool_PE = ((pool_PE - pool_PE.mean(0, dtype=np.float64)) / spread).astype(np.float32)  # squares near 1 now
    size_P = np.einsum("pe,pe->p", pool_PE, pool_PE)
    queries = even_sample(len(pool_PE), QUERY_ROWS)
    found = 0
    for start in range(0, len(queries), 64):
        part = queries[start:start + 64]
        square_QP = size_P[part][:, None] + size_P - 2 * pool_PE[part] @ pool_PE.T
        for item, square_P in zip(part, square_QP, strict=True):
            close = np.flatnonzero(square_P < NEAR**2)
            found += bool((pool_PE[close] != pool_PE[item]).any())
    return found / len(queries)


def copies(emb_IE: np.ndarray) -> np.ndarray:
    """For every row the number of the first row with exactly the same numbers (I,) int64; -0 equals 0."""
    digest_I = np.empty(len(emb_IE), "V16")
    for start in range(0, len(emb_IE), BLOCK):
        block = np.ascontiguousarray(emb_IE[start:start + BLOCK], np.float32) + np.float32(0)
        digest_I[start:start + BLOCK] = [np.void(hashlib.blake2b(row.tobytes(), digest_size=16).digest()) for row in block]
    _, first, number_I = np.unique(digest_I, return_index=True, return_inverse=True)
    return first[number_I].astype(np.int64)
