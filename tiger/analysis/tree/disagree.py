"""Pairs of items that one ID set keeps together and another parts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.metrics.ranking import unit_rows


@dataclass(frozen=True)
class Disagreement:
    """Pairs together in one set and apart in the other.

    Args:
        n_pairs: how many there are, exactly.
        n_together: pairs that the first set keeps together.
        n_seen: pairs that were looked at for the list; all of them unless buckets are very full.
        pairs: item_a, item_b, cosine; the closest (or farthest) pairs.
    """

    n_pairs: int
    n_together: int
    n_seen: int
    pairs: pd.DataFrame


def disagreement(together_I: np.ndarray, apart_I: np.ndarray, emb_IE: np.ndarray, k: int = 50,
                 closest: bool = True, reach: int = 48, seed: int = 0) -> Disagreement:
    """Items in one bucket of the first set that lie in different buckets of the second.

    Args:
        together_I: bucket number of each item in the first set, -1 without one (a column of
            ``metrics.prefix_numbers``).
        apart_I: the same in the second set.
        emb_IE: embeddings, for the cosine that ranks the list.
        k: pairs to list.
        closest: list the most alike pairs (the second set erred), else the least alike (the first one did).
        reach: each item is paired with at most this many others of its bucket, drawn at random.
        seed: of that draw.
    """
    known_N = np.flatnonzero((together_I >= 0) & (apart_I >= 0))
    n_together = _n_pairs(together_I[known_N])
    both_N = together_I[known_N].astype(np.int64) * (int(apart_I.max(initial=0)) + 1) + apart_I[known_N]
    n_pairs = n_together - _n_pairs(both_N)
    left, right = _candidates(known_N, together_I, apart_I, reach, seed)
    cosine_N = _cosine(unit_rows(emb_IE), left, right)
    order = np.argsort(-cosine_N if closest else cosine_N, kind="stable")[:k]
    swap = left[order] > right[order]
    pairs = pd.DataFrame({"item_a": np.where(swap, right[order], left[order]),
                          "item_b": np.where(swap, left[order], right[order]), "cosine": cosine_N[order]})
    return Disagreement(n_pairs, n_together, len(left), pairs)


def _n_pairs(group_N: np.ndarray) -> int:
    """Pairs of items in the same group: sum of n (n - 1) / 2."""
    if len(group_N) == 0:
        return 0
    count = np.unique(group_N, return_counts=True)[1].astype(np.int64)
    return int((count * (count - 1) // 2).sum())


def _candidates(known_N: np.ndarray, together_I: np.ndarray, apart_I: np.ndarray, reach: int,
                seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of the same first bucket and different second ones; each item looks ``reach`` places ahead."""
    mixed_N = np.random.default_rng(seed).permutation(known_N)
    order_N = mixed_N[np.argsort(together_I[mixed_N], kind="stable")]
    lefts, rights = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for ahead in range(1, min(reach, len(order_N) - 1) + 1):
        left, right = order_N[:-ahead], order_N[ahead:]
        same = together_I[left] == together_I[right]
        if not same.any():
            break
        wanted = same & (apart_I[left] != apart_I[right])
        lefts.append(left[wanted])
        rights.append(right[wanted])
    return np.concatenate(lefts), np.concatenate(rights)


def _cosine(unit_IE: np.ndarray, left: np.ndarray, right: np.ndarray, batch_size: int = 65_536) -> np.ndarray:
    found = np.empty(len(left), np.float32)
    for start in range(0, len(left), batch_size):
        rows = slice(start, start + batch_size)
        found[rows] = np.einsum("ne,ne->n", unit_IE[left[rows]], unit_IE[right[rows]])
    return found


def bucket_numbers(codes_IL: np.ndarray, depth: int) -> np.ndarray:
    """Bucket of each item when only the first ``depth`` codes count; -1 without an ID."""
    return metrics.prefix_numbers(codes_IL[:, :depth])[0][:, -1]
