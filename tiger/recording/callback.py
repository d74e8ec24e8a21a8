"""A callback that any training loop can call at every step; what it records is only computed at the steps that are recorded."""

from collections.abc import Callable
from typing import Any

from tiger.recording.recorder import Recorder


class StepCallback:
    """Calls ``Recorder.log`` at every n-th step.

        on_step = StepCallback(tiger.watch(...), every=10)
        for step, batch in enumerate(batches):
            ...
            on_step(step, codes=lambda: model.codes(batch), rows=batch.rows, losses=lambda: {"loss": loss.item()})

    Args:
        recorder: from ``tiger.watch``.
        every: steps between two records, from 1.

    Raises:
        ValueError: ``every`` is below 1.
    """

    def __init__(self, recorder: Recorder, every: int = 10):
        if every < 1:
            raise ValueError(f"every is {every}, but must be at least 1: record each step, or every n-th.")
        self.recorder, self.every = recorder, every

    def due(self, step: int) -> bool:
        """Whether this step is recorded."""
        return step % self.every == 0 and not self.recorder.over

    def __call__(self, step: int, **what: Any) -> None:
        """Record the step if it is due.

        Args:
            what: as ``Recorder.log`` takes it, each value itself or a function that returns it.
        """
        if self.due(step):
            self.recorder.log(step, **{name: value if name == "codebooks" else _value(value) for name, value in what.items()})


def _value(given: Any) -> Any:
    is_function = isinstance(given, Callable) and not hasattr(given, "shape")  # type: ignore[arg-type]
    return given() if is_function else given
