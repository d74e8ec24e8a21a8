"""How codes are used: per level, per code, over a run's kept steps, and which items collide."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.datasets.catalogue import Catalogue

Snapshots = Sequence[tuple[int, np.ndarray]]
"""Kept steps, ascending: (step, codes of the kept items (N, L))."""


def sizes(codes_IL: np.ndarray, n_codes: int | Sequence[int]) -> list[int]:
    """K of each level, however it was given."""
    if isinstance(n_codes, (int, np.integer)):
        return [int(n_codes)] * codes_IL.shape[1]
    return [int(size) for size in n_codes]


def usage_frame(codes_IL: np.ndarray, n_codes: int | Sequence[int], level: int | None = None) -> pd.DataFrame:
    """One row per code: how many items carry it.

    Args:
        level: only this level, from 0; None takes all.

    Returns:
        level (from 1), code, items, share (of the items, 0..1), even_share (1/K), rank (1 = most used), dead.

    Raises:
        ValueError: no such level.
    """
    counts_LK = metrics.code_counts(codes_IL, n_codes)
    n_levels = len(counts_LK)
    if level is not None and not 0 <= level < n_levels:
        raise ValueError(f"level {level + 1} does not exist; these IDs have levels 1 to {n_levels}.")
    parts = []
    for at, size in enumerate(sizes(codes_IL, n_codes)):
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
        said.append(f"level {level} uses {int((~part['dead']).sum())} of {len(part)} codes, "
                    f"the most used one for {top['share']:.0%} of the items")
    return "Code usage: " + "; ".join(said) + "."


def levels_frame(codes_IL: np.ndarray, n_codes: int | Sequence[int]) -> pd.DataFrame:
    """One row per level.

    Returns:
        level (from 1), n_codes, perplexity, used, dead, largest_share (items of the most used code, 0..1),
        prefixes (different prefixes down to here), alone (share of the items with a prefix of their own).
    """
    counts_LK, all_sizes = metrics.code_counts(codes_IL, n_codes), sizes(codes_IL, n_codes)
    buckets = metrics.bucket_sizes(codes_IL)
    n_items = max(int(counts_LK[0].sum()), 1)
    used_L = (counts_LK > 0).sum(1)
    return pd.DataFrame({
        "level": np.arange(1, len(counts_LK) + 1), "n_codes": all_sizes,
        "perplexity": metrics.perplexity(counts_LK), "used": used_L, "dead": np.array(all_sizes) - used_L,
        "largest_share": counts_LK.max(1) / n_items, "prefixes": [len(size_P) for size_P in buckets],
        "alone": [int((size_P == 1).sum()) / n_items for size_P in buckets]})


def usage_over_time(snapshots: Snapshots, n_codes: int, level: int) -> pd.DataFrame:
    """Share of the items per code at every kept step: one row a step (index), one column a code."""
    rows = [metrics.code_counts(codes_NL[:, [level]], n_codes)[0] for _, codes_NL in snapshots]
    counts_SK = np.array(rows, np.float64).reshape(len(rows), n_codes)
    share_SK = counts_SK / np.maximum(counts_SK.sum(1, keepdims=True), 1)
    return pd.DataFrame(share_SK, index=pd.Index([step for step, _ in snapshots], name="step"))


def usage_over_time_summary(frame: pd.DataFrame, level: int) -> str:
    """The takeaway of ``usage_over_time`` in one sentence."""
    if frame.empty:
        return f"No steps were kept, so the use of level {level + 1} over time is unknown."
    first, last = (int((frame.iloc[at] > 0).sum()) for at in (0, -1))
    return (f"At level {level + 1}, {first} of {frame.shape[1]} codes are in use at step {frame.index[0]:,} "
            f"and {last} at step {frame.index[-1]:,}.")


def perplexity_over_time(snapshots: Snapshots, n_codes: int) -> pd.DataFrame:
    """Perplexity and dead codes of each level at every kept step: step, level (from 1), perplexity, dead."""
    parts = []
    for step, codes_NL in snapshots:
        counts_LK = metrics.code_counts(codes_NL, n_codes)
        parts.append(pd.DataFrame({"step": step, "level": np.arange(1, len(counts_LK) + 1),
                                   "perplexity": metrics.perplexity(counts_LK),
                                   "dead": metrics.dead_codes(counts_LK)}))
    columns = ["step", "level", "perplexity", "dead"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def code_history(snapshots: Snapshots, n_codes: int, level: int, code: int) -> pd.DataFrame:
    """How many items carried one code at every kept step: step, items, share."""
    found = usage_over_time(snapshots, n_codes, level)[code]
    n_items = np.array([int(metrics.has_id(codes_NL).sum()) for _, codes_NL in snapshots])
    return pd.DataFrame({"step": found.index, "items": (found.to_numpy() * n_items).round().astype(np.int64),
                         "share": found.to_numpy()})


def collisions_frame(codes_IL: np.ndarray, cat: Catalogue | None = None, at_most: int = 200,
                     titles: int = 3) -> pd.DataFrame:
    """The IDs that belong to more than one item, fullest first.

    Args:
        at_most: rows.
        titles: titles to show per ID.

    Returns:
        semantic_id, items (how many), codes (tuple), first_item, titles (where a catalogue is given).
    """
    last_I = metrics.prefix_numbers(codes_IL)[0][:, -1]
    known = np.flatnonzero(last_I >= 0)
    order = known[np.argsort(last_I[known], kind="stable")]
    _, start, count = np.unique(last_I[order], return_index=True, return_counts=True)
    shared = np.flatnonzero(count > 1)
    fullest = shared[np.argsort(-count[shared], kind="stable")][:at_most]
    rows = []
    for at in fullest:
        members = order[start[at]:start[at] + count[at]]
        codes = tuple(codes_IL[members[0]].tolist())
        row = {"semantic_id": "-".join(map(str, codes)), "items": int(count[at]), "codes": codes,
               "first_item": int(members[0])}
        if cat is not None:
            shown = cat.items["title"].to_numpy()[members[:titles]].tolist()
            row["titles"] = " | ".join(map(str, shown)) + (" | .." if count[at] > titles else "")
        rows.append(row)
    columns = ["semantic_id", "items", "codes", "first_item"] + (["titles"] if cat is not None else [])
    return pd.DataFrame(rows, columns=columns)


def collisions_summary(codes_IL: np.ndarray) -> str:
    """Collisions in one sentence."""
    found = metrics.collisions(codes_IL)
    if not found.collided_items:
        return f"All {found.n_items:,} items have an ID of their own."
    return (f"{found.unique:,} different IDs for {found.n_items:,} items: {found.collided_items:,} items "
            f"share theirs, the fullest ID holds {found.largest:,}.")
