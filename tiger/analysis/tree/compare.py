"""Two or more ID sets side by side: how full the buckets are, whether they mean anything, what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from tiger import metrics

MEASURES = {  # name: (title, unit, better: +1 higher, -1 lower, 0 neither)
    "buckets": ("Branches", "", 0),
    "largest": ("Items in the largest branch", "items", -1),
    "entropy": ("Entropy of the branch sizes", "bits", 1),
    "evenness": ("Perplexity / branches", "", 1),
    "collided": ("Items with the same ID", "items", -1),
    "recall": ("True neighbours on the same branch", "", 1),
    "recall_chance": ("… by chance, with branches of these sizes", "", 0),
    "purity": ("Category purity", "", 1),
    "purity_null": ("… with shuffled categories", "", 0),
    "nmi": ("Mutual information with the category", "", 1),
    "nmi_null": ("… with shuffled categories", "", 0),
    "error": ("Lost variance of the embeddings", "", -1),
    "build_s": ("Time to build", "s", -1),
}
SHARES = ("evenness", "recall", "recall_chance", "purity", "purity_null", "nmi", "nmi_null")


@dataclass(frozen=True)
class IdSet:
    """One way to give the items IDs, with one or more seeds.

    Args:
        name: for people; different for every set in a comparison.
        codes: one (I, L) array a seed.
        error: relative reconstruction error a seed, nan where codes cannot be decoded.
        build_s: seconds it took to make the IDs, a seed; nan where unknown.
    """

    name: str
    codes: list[np.ndarray]
    error: list[float] = field(default_factory=list)
    build_s: list[float] = field(default_factory=list)


def measure(codes_IL: np.ndarray, labels: Sequence[str] | np.ndarray | None = None,
            neighbours: tuple[np.ndarray, np.ndarray] | None = None, n_shuffles: int = 5,
            seed: int = 0) -> pd.DataFrame:
    """Every number about one set of codes.

    Args:
        codes_IL: codes; rows of -1 are left out.
        labels: a category per item; empty ones are left out. None or all empty: no purity, no NMI.
        neighbours: query items and their true neighbours, from ``metrics.nearest``.

    Returns:
        measure (key of ``MEASURES``), level (from 1; collisions: the last), value, low, high: the interval
        over queries for ``recall`` and over shuffles (2 sd) for the nulls, else nan.
    """
    rows: list[tuple[str, int, float, float, float]] = []
    nan = float("nan")
    sizes = metrics.bucket_sizes(codes_IL)
    for level, size_P in enumerate(sizes, 1):
        nats = float(metrics.entropy(size_P))
        rows += [("buckets", level, len(size_P), nan, nan),
                 ("largest", level, int(size_P.max(initial=0)), nan, nan),
                 ("entropy", level, nats / np.log(2), nan, nan),
                 ("evenness", level, float(np.exp(nats)) / max(len(size_P), 1), nan, nan)]
    rows.append(("collided", len(sizes), metrics.collisions_of(sizes[-1]).collided_items, nan, nan))
    if neighbours is not None:
        for found in metrics.neighbour_recall(codes_IL, *neighbours):
            rows += [("recall", found.depth, found.recall.mean, found.recall.low, found.recall.high),
                     ("recall_chance", found.depth, found.by_chance, nan, nan)]
    if labels is not None and _any_label(labels, codes_IL):
        for score in metrics.label_scores(codes_IL, np.asarray(labels), n_shuffles, seed):
            rows += _label_rows(score)
    return pd.DataFrame(rows, columns=["measure", "level", "value", "low", "high"])


def _label_rows(score: metrics.LabelScore) -> list[tuple[str, int, float, float, float]]:
    nan, found = float("nan"), []
    for name in ("purity", "nmi"):
        null, sd = getattr(score, f"{name}_null"), getattr(score, f"{name}_null_sd")
        found += [(name, score.depth, getattr(score, name), nan, nan),
                  (f"{name}_null", score.depth, null, null - 2 * sd, null + 2 * sd)]
    return found


def _any_label(labels: Sequence[str] | np.ndarray, codes_IL: np.ndarray) -> bool:
    return bool(((metrics.label_numbers(np.asarray(labels)) >= 0) & metrics.has_id(codes_IL)).any())


def measures_of(ids: IdSet, labels: Sequence[str] | np.ndarray | None = None,
                neighbours: tuple[np.ndarray, np.ndarray] | None = None, n_shuffles: int = 5) -> pd.DataFrame:
    """One set's numbers, over its seeds.

    Returns:
        set, measure, level, mean, low, high (95 %), seeds, over: what the interval is about: "seeds"
        (Student's t), "items" (one seed, over the queries), "shuffles", or "" for a bare number. Intervals
        are cut at 0, and at 1 for shares.
    """
    parts = [measure(codes_IL, labels, neighbours, n_shuffles).assign(seed=seed)
             for seed, codes_IL in enumerate(ids.codes)]
    level = ids.codes[0].shape[1]
    for name, values in (("error", ids.error), ("build_s", ids.build_s)):
        parts += [pd.DataFrame([{"measure": name, "level": level, "value": value, "seed": seed}])
                  for seed, value in enumerate(values) if np.isfinite(value)]
    long = pd.concat(parts, ignore_index=True)
    rows = []
    for (name, at), group in long.groupby(["measure", "level"], sort=False):
        found = metrics.mean_interval(group["value"].to_numpy(np.float64))
        low, high, over = found.low, found.high, "seeds"
        if len(group) == 1:
            low, high = group["low"].iloc[0], group["high"].iloc[0]
            over = "" if not np.isfinite(low) else "items" if name == "recall" else "shuffles"
        low, high = np.maximum(low, 0.0), np.minimum(high, 1.0 if name in SHARES else np.inf)
        rows.append((ids.name, name, int(at), found.mean, low, high, len(group), over))
    return pd.DataFrame(rows, columns=["set", "measure", "level", "mean", "low", "high", "seeds", "over"])


def compare(sets: Sequence[IdSet], labels: Sequence[str] | np.ndarray | None = None,
            neighbours: tuple[np.ndarray, np.ndarray] | None = None, n_shuffles: int = 5) -> pd.DataFrame:
    """Every number of every set, one under the other; see ``measures_of``.

    Raises:
        ValueError: two sets of one name, a set without codes, or sets about different numbers of items.
    """
    names = [ids.name for ids in sets]
    if len(set(names)) != len(names):
        raise ValueError(f"two sets are called {max(names, key=names.count)!r}; give each its own name.")
    for ids in sets:
        if not ids.codes:
            raise ValueError(f"'{ids.name}' has no codes; give at least one array.")
    lengths = {len(codes_IL) for ids in sets for codes_IL in ids.codes}
    if len(lengths) > 1:
        raise ValueError(f"the sets have {' and '.join(map(str, sorted(lengths)))} items; "
                         "compare IDs of the same catalogue.")
    return pd.concat([measures_of(ids, labels, neighbours, n_shuffles) for ids in sets], ignore_index=True)


def sizes_frame(sets: Sequence[IdSet]) -> pd.DataFrame:
    """How full the branches are: for each set (its first seed) and level, branch sizes from the fullest down.

    Returns:
        set, level, rank (from 1, thinned to about 200 ranks a curve), size.
    """
    parts = []
    for ids in sets:
        for level, size_P in enumerate(metrics.bucket_sizes(ids.codes[0]), 1):
            size_P = np.sort(size_P)[::-1]
            rank = np.unique(np.geomspace(1, max(len(size_P), 1), 200).astype(int))[:len(size_P)]
            curve = {"set": ids.name, "level": level, "rank": rank, "size": size_P[rank - 1]}
            parts.append(pd.DataFrame(curve))
    return pd.concat(parts, ignore_index=True)
