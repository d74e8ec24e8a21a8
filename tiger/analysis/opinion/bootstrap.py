"""Paired bootstrap intervals over items: one drawing of the items for every number of both sets."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiger.analysis.opinion.influence import Score
from tiger.metrics import Interval

BLOCK_CELLS = 2**23  # counts of some rounds held at once, float64: 64 MB


@dataclass(frozen=True)
class Drawn:
    """How far each number moved in every round, (rounds, numbers)."""

    scores: tuple[Score, ...]
    moved_RM: np.ndarray

    def interval(self, number: int, low: float = -np.inf, high: float = np.inf) -> Interval:
        """Value and 95 % percentile interval of one number, cut to what is possible; nan where it is not known."""
        score = self.scores[number]
        ends = np.quantile(self.moved_RM[:, number], (0.025, 0.975)) + score.value
        return Interval(score.value, float(max(ends[0], low)), float(min(ends[1], high)), len(score.influence_I))


def draw(scores: Sequence[Score], rounds: int, seed: int = 0) -> Drawn:
    """Draw the items with replacement ``rounds`` times.

    Args:
        scores: of the same items.

    Raises:
        ValueError: fewer than 100 rounds, whose 2.5 % nobody can tell.
    """
    if rounds < 100:
        raise ValueError(f"rounds is {rounds}, but must be at least 100.")
    influence_IM = np.stack([score.influence_I for score in scores], 1)
    n, rng = len(influence_IM), np.random.default_rng(seed)
    moved_RM = np.empty((rounds, len(scores)))
    step = max(1, BLOCK_CELLS // n)
    for start in range(0, rounds, step):
        count_RI = np.stack([np.bincount(rng.integers(0, n, n), minlength=n) for _ in range(min(step, rounds - start))])
        moved_RM[start:start + step] = count_RI.astype(np.float64) @ influence_IM / n
    return Drawn(tuple(scores), moved_RM)
