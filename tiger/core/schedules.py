"""How a learning rate goes over a training: a share of its peak at every step."""

import math
from collections.abc import Callable


def cosine(step: int, n_steps: int, warmup: float) -> float:
    """Rise in a line, fall on a cosine to 1 % of the peak.

    Args:
        step: from 0.
        n_steps: of the whole training.
        warmup: share of them that the rise takes.

    Returns:
        The share of the peak, above 0 and at most 1.
    """
    rise = max(1, int(n_steps * warmup))
    if step < rise:
        return (step + 1) / rise
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, n_steps - rise)))


def inverse_sqrt(step: int, n_steps: int, warmup: float) -> float:
    """Stay at the peak, then fall as one over the square root of the step. Arguments as in ``cosine``.

    T5 is trained so: 0.01 for 10,000 steps is 1 / sqrt(max(step, 10,000)).
    Source: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 3.1.2.
    """
    return min(1.0, math.sqrt(max(1, int(n_steps * warmup)) / (step + 1)))


Schedule = Callable[[int, int, float], float]
SCHEDULES: dict[str, Schedule] = {"cosine": cosine, "inverse_sqrt": inverse_sqrt}
