"""Recall and NDCG of ranked lists, recall of true neighbours by shared prefix, and confidence intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiger.core.words import counted, there
from tiger.metrics.codes import has_id, prefix_numbers

SAFE = (1e-15, 1e18)  # lengths of rows whose squares float32 can hold


def rank_of_target(ranked_UR: np.ndarray, target_U: np.ndarray) -> np.ndarray:
    """Place of the target in each ranked list, from 0; W where it is missing.

    Args:
        ranked_UR: item numbers, best first; pad short lists with -1.
        target_U: the item that came next.

    Raises:
        ValueError: another number of targets than of lists.
    """
    ranked_UR, target_U = np.asarray(ranked_UR), np.asarray(target_U)
    if ranked_UR.ndim != 2 or len(ranked_UR) != len(target_U):
        raise ValueError(f"ranked lists have shape {ranked_UR.shape} and {there(len(target_U), 'target')}; "
                         "give one row of items per target.")
    hit_UW = (ranked_UR == target_U[:, None]) & (target_U >= 0)[:, None]
    if ranked_UR.shape[1] == 0:
        return np.zeros(len(target_U), np.int64)
    return np.where(hit_UW.any(1), hit_UW.argmax(1), ranked_UR.shape[1])


def _check_k(ranked_UR: np.ndarray, k: int) -> None:
    width = np.asarray(ranked_UR).shape[-1]
    if not 1 <= k <= width:
        raise ValueError(f"k is {k}, but the ranked lists hold {counted(width, 'item')}; take k between 1 and {width}.")


def recall_at_k(ranked_UR: np.ndarray, target_U: np.ndarray, k: int) -> np.ndarray:
    """1.0 per user whose target is among the first k, else 0.0; the mean is recall@k (one target a user)."""
    _check_k(ranked_UR, k)
    return (rank_of_target(ranked_UR, target_U) < k).astype(np.float64)


def ndcg_at_k(ranked_UR: np.ndarray, target_U: np.ndarray, k: int) -> np.ndarray:
    """1 / log2(place + 1) per user, place from 1, if the target is among the first k, else 0.

    With one target the ideal gain is 1. Source: Jaervelin and Kekaelaeinen 2002.
    """
    _check_k(ranked_UR, k)
    rank_U = rank_of_target(ranked_UR, target_U)
    return np.where(rank_U < k, 1 / np.log2(rank_U + 2.0), 0.0)


def ranking_scores(ranked_UR: np.ndarray, target_U: np.ndarray,
                   k: Sequence[int] = (5, 10)) -> dict[str, float]:
    """Means over the users: ``{"recall@5": ..., "ndcg@5": ..., ...}``."""
    scores = {}
    for cut in k:
        scores[f"recall@{cut}"] = float(recall_at_k(ranked_UR, target_U, cut).mean())
        scores[f"ndcg@{cut}"] = float(ndcg_at_k(ranked_UR, target_U, cut).mean())
    return scores


def unit_rows(emb_NE: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1 (float32); rows of zeros stay zeros."""
    emb_NE = np.asarray(emb_NE, np.float32)
    with np.errstate(over="ignore"):
        length_N = np.sqrt(np.einsum("ne,ne->n", emb_NE, emb_NE))
    odd_N = ~((length_N > SAFE[0]) & (length_N < SAFE[1]))
    if odd_N.any():  # squares left float32's range, or rows of zeros
        emb_NE = emb_NE.copy()
        largest_N = np.abs(emb_NE[odd_N]).max(1, keepdims=True, initial=0)
        emb_NE[odd_N] /= np.where(largest_N > 0, largest_N, 1)
        length_N[odd_N] = np.sqrt(np.einsum("ne,ne->n", emb_NE[odd_N], emb_NE[odd_N]))
    return emb_NE / np.where(length_N > 0, length_N, 1)[:, None]


def nearest(emb_IE: np.ndarray, query_N: np.ndarray, k: int,
            batch_size: int = 256) -> tuple[np.ndarray, np.ndarray]:
    """The exact k nearest items by cosine, the item itself left out.

    Args:
        emb_IE: embeddings.
        query_N: item numbers.
        k: neighbours per query; fewer when the catalogue is smaller.

    Returns:
        ``item_Nk`` int64, nearest first (ties by item number), and ``cosine_Nk`` float32.
    """
    unit_IE, query_N = unit_rows(emb_IE), np.asarray(query_N, np.int64)
    k = min(k, len(unit_IE) - 1)
    item_Nk = np.zeros((len(query_N), max(k, 0)), np.int64)
    cosine_Nk = np.zeros(item_Nk.shape, np.float32)
    if k < 1:
        return item_Nk, cosine_Nk
    for start in range(0, len(query_N), batch_size):
        rows = slice(start, start + batch_size)
        cosine_BI = unit_IE[query_N[rows]] @ unit_IE.T
        cosine_BI[np.arange(len(cosine_BI)), query_N[rows]] = -np.inf
        top_Bk = np.sort(np.argpartition(cosine_BI, -k, axis=1)[:, -k:], axis=1)
        value_Bk = np.take_along_axis(cosine_BI, top_Bk, 1)
        order_Bk = np.argsort(-value_Bk, axis=1, kind="stable")
        item_Nk[rows] = np.take_along_axis(top_Bk, order_Bk, 1)
        cosine_Nk[rows] = np.take_along_axis(value_Bk, order_Bk, 1)
    return item_Nk, cosine_Nk


@dataclass(frozen=True)
class Interval:
    """A mean and its confidence interval; low and high are nan with fewer than two values."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not np.isfinite(self.low):
            return f"{self.mean:.3g}"
        return f"{self.mean:.3g} [{self.low:.3g}, {self.high:.3g}]"


def mean_interval(values_N: Sequence[float] | np.ndarray, confidence: float = 0.95, method: str = "t",
                  n_resamples: int = 1000, seed: int = 0) -> Interval:
    """Confidence interval of a mean.

    Args:
        values_N: numbers; nan are left out.
        method: ``"t"`` (Student; for a few seeds) or ``"bootstrap"`` (percentile; for many users).

    Raises:
        ValueError: unknown method, or confidence not between 0 and 1.
    """
    if method not in ("t", "bootstrap"):
        raise ValueError(f"method is {method!r}, but must be 't' or 'bootstrap'.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}, but must be above 0 and below 1.")
    value_N = np.asarray(values_N, np.float64)
    value_N = value_N[~np.isnan(value_N)]
    n = len(value_N)
    if n == 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(value_N.mean())
    if n == 1:
        return Interval(mean, float("nan"), float("nan"), 1)
    if method == "t":
        from scipy.special import stdtrit

        half = float(stdtrit(n - 1, (1 + confidence) / 2) * value_N.std(ddof=1) / np.sqrt(n))
        return Interval(mean, mean - half, mean + half, n)
    rng = np.random.default_rng(seed)
    means = [float(value_N[rng.integers(0, n, n)].mean()) for _ in range(n_resamples)]
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(mean, float(low), float(high), n)


@dataclass(frozen=True)
class NeighbourRecall:
    """Which share of the true nearest neighbours shares the first ``depth`` codes with an item.

    ``by_chance`` is what a random bucket of the same size would hold.
    """

    depth: int
    recall: Interval
    by_chance: float


def neighbour_shares(codes_IL: np.ndarray, query_N: np.ndarray, neighbour_Nk: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every query and depth, which share of its true neighbours shares the prefix, and what chance gives.

    Args:
        codes_IL: codes; every query has an ID, and neighbours without one do not count.
        query_N: item numbers.
        neighbour_Nk: their true neighbours, for example from ``nearest``.

    Returns:
        share and chance, (N, L) float64; the share is nan where no neighbour has an ID, and chance is what a random bucket of
        the same size would hold.
    """
    prefix_IL, n_prefixes_L = prefix_numbers(codes_IL)
    known_I = prefix_IL[:, -1] >= 0
    known_Nk = known_I[neighbour_Nk]
    n_known_N = known_Nk.sum(1)
    n_items = int(known_I.sum())
    recall_NL, chance_NL = np.empty((2, len(query_N), codes_IL.shape[1]))
    for depth in range(codes_IL.shape[1]):
        prefix_I = prefix_IL[:, depth]
        same_Nk = (prefix_I[neighbour_Nk] == prefix_I[query_N][:, None]) & known_Nk
        recall_NL[:, depth] = same_Nk.sum(1) / np.where(n_known_N > 0, n_known_N, np.nan)
        size_P = np.bincount(prefix_I[known_I], minlength=int(n_prefixes_L[depth]))
        chance_NL[:, depth] = (size_P[prefix_I[query_N]] - 1) / max(n_items - 1, 1)
    return recall_NL, chance_NL


def neighbour_recall(codes_IL: np.ndarray, query_N: np.ndarray,
                     neighbour_Nk: np.ndarray) -> list[NeighbourRecall]:
    """Recall of the true neighbours by depth of the shared prefix.

    Args:
        codes_IL: codes; queries and neighbours that have no ID are left out.
        query_N: item numbers.
        neighbour_Nk: their true neighbours, for example from ``nearest``.
    """
    keep_N = has_id(codes_IL[query_N])
    recall_NL, chance_NL = neighbour_shares(codes_IL, np.asarray(query_N)[keep_N], np.asarray(neighbour_Nk)[keep_N])
    return [NeighbourRecall(depth + 1, mean_interval(recall_N), float(chance_N.mean()) if len(chance_N) else float("nan"))
            for depth, (recall_N, chance_N) in enumerate(zip(recall_NL.T, chance_NL.T, strict=True))]
