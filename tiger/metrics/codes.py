"""How a codebook is used: counts, entropy, perplexity, dead codes, prefixes and collisions.

A row of -1 in ``codes_IL`` says "this item has no ID" (imported IDs may have gaps); such rows are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiger.core.words import counted

KEYS_PER_ROW = 32  # with at most this many possible keys a row, a lookup table is faster than sorting


def has_id(codes_IL: np.ndarray) -> np.ndarray:
    """True (I,) for the items that have an ID, that is, no negative code."""
    return np.all(codes_IL >= 0, axis=1)


def level_sizes(n_codes: int | Sequence[int], n_levels: int) -> list[int]:
    """Codes to choose from at every level.

    Args:
        n_codes: one number for all levels, or one for each.

    Raises:
        ValueError: another number of sizes than levels.
    """
    sizes = [int(n_codes)] * n_levels if isinstance(n_codes, (int, np.integer)) else [int(size) for size in n_codes]
    if len(sizes) != n_levels:
        raise ValueError(f"n_codes lists {counted(len(sizes), 'level')}, but the codes have {n_levels}.")
    return sizes


def code_counts(codes_IL: np.ndarray, n_codes: int | Sequence[int]) -> np.ndarray:
    """How many items carry each code, per level.

    Args:
        codes_IL: integers 0..K-1; rows of -1 are left out.
        n_codes: K, or one K per level; a level with fewer codes than the widest ends in zeros.

    Returns:
        (L, K) int64.

    Raises:
        ValueError: a code that is not below its K; names level, code and limit.
    """
    codes_IL = np.asarray(codes_IL)
    n_levels = codes_IL.shape[1]
    sizes = level_sizes(n_codes, n_levels)
    counts_LK = np.zeros((n_levels, max(sizes, default=0)), np.int64)
    for level, size in enumerate(sizes):
        code_N = codes_IL[:, level]
        if len(code_N) and code_N.min() < 0:
            code_N = code_N[code_N >= 0]
        counts = np.bincount(code_N, minlength=size)
        if len(counts) > size:
            raise ValueError(f"level {level + 1} holds code {len(counts) - 1}, but n_codes is {size}; "
                             "codes run from 0 to n_codes - 1.")
        counts_LK[level, :size] = counts
    return counts_LK


def entropy(counts_NK: np.ndarray) -> np.ndarray:
    """Shannon entropy in nats along the last axis; 0 where nothing was counted. H = -sum p ln p."""
    counts_NK = np.asarray(counts_NK, np.float64)
    total_N = counts_NK.sum(-1, keepdims=True)
    p_NK = counts_NK / np.where(total_N > 0, total_N, 1)
    return -(p_NK * np.log(np.where(p_NK > 0, p_NK, 1))).sum(-1)


def perplexity(counts_NK: np.ndarray) -> np.ndarray:
    """exp(entropy): evenly used codes with the same entropy; K at best, 1 when one takes all."""
    return np.exp(entropy(counts_NK))


def dead_codes(counts_LK: np.ndarray, n_codes: int | Sequence[int] | None = None) -> np.ndarray:
    """Number of codes that no item carries, along the last axis.

    Args:
        n_codes: K, or one K per level, where the counts of narrower levels end in zeros; by default their length.
    """
    counts_LK = np.asarray(counts_LK)
    sizes = counts_LK.shape[-1] if n_codes is None else np.array(level_sizes(n_codes, len(counts_LK)))
    return sizes - (counts_LK > 0).sum(-1)


def dense(key_N: np.ndarray, n_keys: int) -> tuple[np.ndarray, int]:
    """Renumber keys 0..n_keys-1 to 0..n-1 without gaps, in order. Returns the new numbers and n."""
    if n_keys <= KEYS_PER_ROW * len(key_N) + 4096:
        present = np.zeros(n_keys, bool)
        present[key_N] = True
        number = np.cumsum(present, dtype=np.int32)
        return number[key_N].astype(np.int64) - 1, int(number[-1]) if n_keys else 0
    values, number_N = np.unique(key_N, return_inverse=True)
    return number_N.astype(np.int64), len(values)


def prefix_numbers(codes_IL: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the prefixes of every depth in tree order.

    Args:
        codes_IL: integers from 0; rows of -1 stay -1.

    Returns:
        ``prefix_IL`` int64: column d numbers the prefix of the first d+1 codes, 0.. in lexicographic order;
        ``n_prefixes_L``: how many there are at each depth.
    """
    codes_IL = np.asarray(codes_IL)
    known_I = has_id(codes_IL)
    rows = codes_IL if known_I.all() else codes_IL[known_I]
    prefix_NL = np.zeros(rows.shape, np.int64)
    n_prefixes, above_N, n_above = [], np.zeros(len(rows), np.int64), 1
    for level in range(rows.shape[1]):
        width = int(rows[:, level].max(initial=0)) + 1
        above_N, n_above = dense(above_N * width + rows[:, level], n_above * width)
        prefix_NL[:, level] = above_N
        n_prefixes.append(n_above if len(rows) else 0)
    if rows is codes_IL:
        return prefix_NL, np.array(n_prefixes, np.int64)
    prefix_IL = np.full(codes_IL.shape, -1, np.int64)
    prefix_IL[known_I] = prefix_NL
    return prefix_IL, np.array(n_prefixes, np.int64)


def bucket_sizes(codes_IL: np.ndarray) -> list[np.ndarray]:
    """Items below each prefix, per depth: a list of L arrays, in tree order."""
    prefix_IL, n_prefixes_L = prefix_numbers(codes_IL)
    known_I = prefix_IL[:, -1] >= 0
    return [np.bincount(prefix_IL[known_I, d], minlength=n) for d, n in enumerate(n_prefixes_L)]


@dataclass(frozen=True)
class Collisions:
    """How many items share all their codes with another item.

    Args:
        n_items: items that have an ID.
        unique: different IDs.
        collided_items: items whose ID belongs to more than one item.
        groups: IDs that belong to more than one item.
        largest: items of the fullest ID.
    """

    n_items: int
    unique: int
    collided_items: int
    groups: int
    largest: int

    @property
    def rate(self) -> float:
        """Share of the items that would need another ID: 1 - unique / items, as LC-Rec reports it."""
        return 1 - self.unique / self.n_items if self.n_items else 0.0

    def __getitem__(self, name: str) -> float:
        return getattr(self, name)


def collisions(codes_IL: np.ndarray) -> Collisions:
    """Count the items that share all their codes."""
    return collisions_of(bucket_sizes(codes_IL)[-1])


def collisions_of(size_P: np.ndarray) -> Collisions:
    """The same from the number of items per whole ID."""
    shared = size_P[size_P > 1]
    return Collisions(n_items=int(size_P.sum()), unique=len(size_P), collided_items=int(shared.sum()),
                      groups=len(shared), largest=int(size_P.max(initial=0)))
