"""How codes are used: per level, per code, over a run's kept steps, and which items collide."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core.words import counted


def sizes_summary(sizes: Sequence[int]) -> str:
    """K of every level for people: "256", or "2,048 · 1,024 · 512" where levels differ."""
    return " · ".join(f"{size:,}" for size in (sizes if len(set(sizes)) > 1 else sizes[:1]))


def usage_frame(codes_IL: np.ndarray, n_codes: int | Sequence[int], level: int | None = None) -> pd.DataFrame:
    """One row per code: how many items carry it.

    Args:
        level: only this level, from 0; None takes all.

    Returns:
        level (from 1), code, items, share (of the items, 0..1), even_share (1/K), rank (1 = most used), dead.

    Raises:
        ValueError: no such level.
    """
    return counts_frame(metrics.code_counts(codes_IL, n_codes), n_codes, level)


def counts_frame(counts_LK: np.ndarray, n_codes: int | Sequence[int], level: int | None = None) -> pd.DataFrame:
    """``usage_frame`` of items that were counted already, (L, K)."""
    n_levels = len(counts_LK)
    if level is not None and not 0 <= level < n_levels:
        raise ValueError(f"level {level + 1} does not exist; these IDs have levels 1 to {n_levels}.")
    parts = []
    for at, size in enumerate(metrics.level_sizes(n_codes, n_levels)):
        if level is not None and at != level:
            continue
        items_K = counts_LK[at, :size]
        rank_K = np.empty(size, np.int64)
        rank_K[np.argsort(-items_K, kind="stable")] = np.arange(1, size + 1)
        parts.append(pd.DataFrame({"level": at + 1, "code": np.arange(size), "items": items_K,
                                   "share": items_K / max(int(items_K.sum()), 1), "even_share": 1 / size,
                                   "rank": rank_K, "dead": items_K == 0}))
    return pd.concat(parts, ignore_index=True)


def usage_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``usage_frame`` in one sentence, for alt text."""
    said = []
    for level, part in frame.groupby("level"):
        top = part.loc[part["items"].idxmax()]
        said.append(f"level {level} uses {int((~part['dead']).sum())} of {counted(len(part), 'code')}, "
                    f"the most used one for {top['share']:.0%} of the items")
    return "Code usage: " + "; ".join(said) + "."


def levels_frame(codes_IL: np.ndarray, n_codes: int | Sequence[int]) -> pd.DataFrame:
    """One row per level.

    Returns:
        level (from 1), n_codes, perplexity, used, dead, largest_share (items of the most used code, 0..1),
        prefixes (distinct prefixes down to here), alone (share of the items with a prefix of their own).
    """
    counts_LK, sizes = metrics.code_counts(codes_IL, n_codes), metrics.level_sizes(n_codes, codes_IL.shape[1])
    buckets = metrics.bucket_sizes(codes_IL)
    n_items = max(int(counts_LK[0].sum()), 1)
    used_L = (counts_LK > 0).sum(1)
    return pd.DataFrame({
        "level": np.arange(1, len(counts_LK) + 1), "n_codes": sizes,
        "perplexity": metrics.perplexity(counts_LK), "used": used_L, "dead": metrics.dead_codes(counts_LK, sizes),
        "largest_share": counts_LK.max(1) / n_items, "prefixes": [len(size_P) for size_P in buckets],
        "alone": [int((size_P == 1).sum()) / n_items for size_P in buckets]})


@dataclass(frozen=True)
class UsageHistory:
    """How many items carried each code at every kept step.

    Args:
        steps: ascending.
        n_codes: K of each level.
        count_SLK: items, (steps, levels, the largest K); 0 beyond a level's own K.
    """

    steps: tuple[int, ...]
    n_codes: tuple[int, ...]
    count_SLK: np.ndarray

    @classmethod
    def of(cls, snapshots: Sequence[tuple[int, np.ndarray]], n_codes: int | Sequence[int]) -> "UsageHistory":
        """From kept steps: (step, codes of the kept items (N, L)), ascending."""
        counts = [metrics.code_counts(codes_NL, n_codes) for _, codes_NL in snapshots]
        all_sizes = metrics.level_sizes(n_codes, snapshots[0][1].shape[1]) if snapshots else []
        return cls(tuple(step for step, _ in snapshots), tuple(all_sizes), np.array(counts, np.int64))

    def perplexity(self) -> pd.DataFrame:
        """One row a step and level: step, level (from 1), perplexity, dead."""
        size_L = np.array(self.n_codes)
        parts = [pd.DataFrame({"step": step, "level": np.arange(1, len(size_L) + 1), "perplexity": metrics.perplexity(count_LK),
                               "dead": size_L - (count_LK > 0).sum(1)})
                 for step, count_LK in zip(self.steps, self.count_SLK, strict=True)]
        columns = ["step", "level", "perplexity", "dead"]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)

    def code(self, level: int, code: int) -> pd.DataFrame:
        """How many items carried one code of a level (from 0): step, items, share."""
        items_S = self.count_SLK[:, level, code]
        return pd.DataFrame({"step": self.steps, "items": items_S,
                             "share": items_S / np.maximum(self.count_SLK[:, level].sum(1), 1)})


def collisions_summary(codes_IL: np.ndarray) -> str:
    """Collisions in one sentence."""
    found = metrics.collisions(codes_IL)
    if not found.collided_items:
        return f"All {found.n_items:,} items have a unique ID." if found.n_items != 1 else "The one item has a unique ID."
    return (f"{counted(found.unique, 'distinct ID')} for {counted(found.n_items, 'item')}: "
            f"{counted(found.collided_items, 'item')} share theirs, the most frequent ID belongs to {found.largest:,}.")
