"""What the doctor measures before naming anything: plain numbers from codes, training events and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiger import metrics
from tiger.core.events import changed_param


@dataclass(frozen=True)
class Signs:
    """The numbers that a diagnosis rests on; None where nothing tells.

    Args:
        n_items: items that have an ID.
        n_codes: K of each level.
        perplexity: effective number of codes in use, per level.
        dead: codes that no item carries, per level.
        reach: the most codes a level could use with this many items: min(K, items).
        capacity: different IDs that the levels can spell.
        prefixes: different prefixes down to each level.
        collisions: how many items share an ID.
        explained: share of the embeddings' variance that decoding the codes gives back, 1 at best.
        neighbours: recall of true neighbours by shared-prefix depth, beside chance.
        n_steps: training steps done.
        budget: the sum of the learning rates of all steps; with Adam no weight can have moved further.
        beta: weight of the commitment loss, as it was last set.
    """

    n_items: int
    n_codes: list[int]
    perplexity: list[float]
    dead: list[int]
    reach: list[int]
    capacity: float
    prefixes: list[int]
    collisions: metrics.Collisions
    explained: float | None = None
    neighbours: list[metrics.NeighbourRecall] | None = None
    n_steps: int | None = None
    budget: float | None = None
    beta: float | None = None

    @property
    def use(self) -> list[float]:
        """Perplexity as a share of the codes within reach, per level."""
        return [value / reach for value, reach in zip(self.perplexity, self.reach, strict=True)]

    @property
    def unique(self) -> float:
        """Different IDs as a share of the items."""
        return self.collisions.unique / max(self.n_items, 1)


def take(codes_IL: np.ndarray, n_codes: int | Sequence[int], events: list[dict[str, Any]] | None = None,
         params: dict[str, Any] | None = None, explained: float | None = None,
         neighbours: list[metrics.NeighbourRecall] | None = None) -> Signs:
    """Measure everything that the given facts allow.

    Raises:
        ValueError: no item has an ID, or a code is out of range.
    """
    codes_IL = np.asarray(codes_IL)
    known_I = metrics.has_id(codes_IL)
    if not known_I.any():
        raise ValueError(f"none of the {len(codes_IL)} items has an ID; import or train codes first.")
    counts_LK = metrics.code_counts(codes_IL, n_codes)
    sizes = metrics.level_sizes(n_codes, len(counts_LK))
    n_items = int(known_I.sum())
    buckets = metrics.bucket_sizes(codes_IL)
    return Signs(
        n_items=n_items, n_codes=sizes, perplexity=metrics.perplexity(counts_LK).tolist(),
        dead=metrics.dead_codes(counts_LK, sizes).tolist(), reach=[min(size, n_items) for size in sizes],
        capacity=float(np.prod(np.array(sizes, np.float64))), prefixes=[len(size_P) for size_P in buckets],
        collisions=metrics.collisions_of(buckets[-1]), explained=explained, neighbours=neighbours,
        **_from_training(events or [], params or {}))


def _from_training(events: list[dict[str, Any]], params: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"beta": params.get("beta")}
    for event in events:
        if changed_param(event) == "beta":
            found["beta"] = event["value"]
    steps = [event["step"] for event in events if isinstance(event.get("step"), int)]
    if steps and (not params or "learning_rate" in params):  # k-means and LSH are done in a step a level
        found["n_steps"] = max(steps)
        logged = [event for event in events if "recon_loss" in event]
        found["budget"] = _budget(logged, found["n_steps"], params.get("learning_rate"))
    return found


def _budget(logged: list[dict[str, Any]], n_steps: int, learning_rate: float | None) -> float | None:
    """Sum of the learning rates over all steps, each logged rate standing for the steps since the one before."""
    if not logged:
        return None
    rates = [event.get("learning_rate", learning_rate) for event in logged]
    if any(rate is None for rate in rates):
        return None
    steps = np.array([0, *(event["step"] for event in logged)], float)
    steps[-1] = max(steps[-1], n_steps)
    return float((np.diff(steps) * np.array(rates, float)).sum())
