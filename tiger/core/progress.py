"""What every long computation yields, and the meter that turns it into rate and time left."""

import time
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

P = TypeVar("P")
T = TypeVar("T")
Metrics = dict[str, Any]
"""A step's measurements by name: a number, or a list with one number per level."""


@dataclass(frozen=True)
class Progress:
    """One step of a long computation.

    Args:
        stage: what is going on, in plain words ("k-means start", "training").
        step: steps done so far, 0..n_steps.
        n_steps: steps in all, known from the start.
        metrics: this step's numbers; a list holds one number per level. Empty when nothing was measured.
    """

    stage: str
    step: int
    n_steps: int
    metrics: Metrics = field(default_factory=dict)


def result_of(steps: Generator[P, Any, T], on_step: Callable[[P], object] | None = None) -> T:
    """Run a generator to its end; what it returns.

    Args:
        on_step: is given what the generator yields.
    """
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if on_step is not None:
            on_step(step)


class Meter:
    """Steps per second over the last few seconds, and seconds left.

    Args:
        window_s: how far back the rate looks.
        clock: seconds, monotonic; a parameter so that tests can turn it.
    """

    def __init__(self, window_s: float = 5.0, clock: Callable[[], float] = time.monotonic):
        self.window_s, self.clock = window_s, clock
        self.marks: deque[tuple[float, int]] = deque()

    def update(self, step: int) -> None:
        """Note that ``step`` steps are done now."""
        now = self.clock()
        self.marks.append((now, step))
        while len(self.marks) > 2 and now - self.marks[0][0] > self.window_s:
            self.marks.popleft()

    @property
    def rate(self) -> float:
        """Steps per second; 0 while unknown."""
        if len(self.marks) < 2:
            return 0.0
        (t0, s0), (t1, s1) = self.marks[0], self.marks[-1]
        return (s1 - s0) / (t1 - t0) if t1 > t0 else 0.0

    def left_s(self, n_steps: int) -> float | None:
        """Seconds left at the present rate; None while unknown."""
        return (n_steps - self.marks[-1][1]) / self.rate if self.rate else None
