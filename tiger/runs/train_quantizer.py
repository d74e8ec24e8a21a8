"""Train inside a run's folder: pause, step, stop, change live hyper-parameters, crash, and go on.

What makes a resumed run bit-identical: a checkpoint holds the learner's whole training state and the length
of the log; the log is cut back to it, and live hyper-parameters that changed after it change again at the same steps.
"""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Protocol

import numpy as np
import torch

from tiger.core.events import Event, changed_param
from tiger.core.learner import TrainingState
from tiger.core.progress import Progress
from tiger.datasets.reference import Values
from tiger.quantizers import Quantizer
from tiger.runs import artifacts, checkpoint, movie
from tiger.runs import config as run_config
from tiger.runs.presets import PRESETS, Preset
from tiger.runs.run import Run
from tiger.runs.worker_context import EventLog, WorkerContext

CHECKPOINT_S = float(os.environ.get("TIGER_CHECKPOINT_S") or 5)
CHECKPOINT_SHARE = 0.02  # checkpoints take at most this share of the time, whatever the disk
PAUSE_LIMIT_S = float(os.environ.get("TIGER_PAUSE_LIMIT_S") or 900)


class Learner(Protocol):
    """What quantizers and recommenders have in common."""

    name: ClassVar[str]
    steppable: ClassVar[bool]

    def training_state(self) -> TrainingState:
        """Everything that a later fit needs to go on."""


class Training(ABC):
    """One attempt to execute one run: what is the same whatever learns.

    Args:
        context: the run, opened.
        learner: fresh, with the run's hyper-parameters.
    """

    def __init__(self, context: WorkerContext, learner: Learner):
        self.context, self.run, self.learner = context, context.run, learner
        kept = (checkpoint.read(self.run.path) if learner.steppable else None) or {}
        if learner.steppable and not kept and self.run.has_result():
            raise ValueError(f"The checkpoint of run {self.run.id} is gone, so the run cannot go on; what it has so far is kept. "
                             f"Train it from the start instead with python -m tiger runs resume {self.run.id} --restart.")
        self.state: TrainingState | None = kept.get("state")
        torch.set_num_threads(int(kept.get("n_threads", torch.get_num_threads())))  # sums depend on it
        self.step, self.trained_s = int(kept.get("step", 0)), float(kept.get("t_s", 0.0))
        self.overrides: Values = dict(kept.get("live_params") or kept.get("knobs") or {})
        changed_later = _live_param_events(self.run, int(kept.get("log_bytes", 0)))
        self.replay = [] if self.state is None and not learner.steppable else changed_later
        self.seq = max([int(kept.get("seq", 0)), *(int(event.get("seq", 0)) for event in changed_later)])
        self.restored = bool(self.overrides)
        self.log = EventLog(self.run, int(kept.get("log_bytes", 0)))
        artifacts.clear(self.run, self.step if self.state is not None else -1)
        self.mark_s = self.saved_s = time.monotonic()
        self.save_cost_s = 0.0
        self.begun, self.done = self.state is not None, False

    @abstractmethod
    def fit_steps(self) -> Iterator[Progress]:
        """The learner's fit, from ``self.state`` on, with ``self.live_params`` asked before each step."""

    @abstractmethod
    def on_step(self, progress: Progress) -> Event:
        """Keep what belongs to this step; returns its line for the log, empty where it gets none."""

    @abstractmethod
    def save_partial(self, stepped: bool) -> None:
        """Write what a page shows of a run that pauses; ``stepped``: after a single step."""

    @abstractmethod
    def write_result(self, finished: bool) -> None:
        """Write what came out."""

    def steps(self) -> Iterator[Progress]:
        """Train until the end, or until it is told to stop; the status says which."""
        attempt = self.context.status.attempt + 1
        self.context.update_status(state="running", step=self.step, message="", attempt=attempt,
                                   n_threads=torch.get_num_threads())
        fit = self.fit_steps()
        while self.done or self._wait_while_paused():
            progress = next(fit, None)
            if progress is None:
                self._end("finished", "")
                return
            self._after_step(progress)
            yield progress
        words = self.context.stop_reason or "Stopped; resume it to continue."
        if self.begun and self.learner.steppable:
            self._end("stopped", words)
        else:
            self.context.update_status(state="stopped", message=words)

    def live_params(self) -> Values:
        """Live hyper-parameters that changed, marked in the log; the learner asks before each step."""
        due: Values = {}
        if self.restored:
            due, self.restored = dict(self.overrides), False
        while self.replay and self.replay[0]["step"] <= self.step:
            event = self.replay.pop(0)
            due |= self._set_live_params({str(changed_param(event)): event["value"]}, int(event.get("seq", 0)))
        for change in self.run.config.schedule:
            if change.step == self.step:
                due |= self._set_live_params(change.params, self.seq)
        control = self.context.read_control()
        if control.seq > self.seq and not self.replay:
            self.seq = control.seq
            due |= self._set_live_params(control.live_params, self.seq)
        return due

    def _set_live_params(self, given: Values, seq: int) -> Values:
        try:
            given = run_config.check_live_params(self.learner.name, given)
        except ValueError as error:
            self.context.update_status(message=str(error))
            return {}
        before = {name: getattr(self.learner, name) for name in given} | self.overrides
        changed = {name: value for name, value in given.items() if value != before[name]}
        for name, value in changed.items():
            self.log.add(self.step, self._t_s(), live_param=name, value=value, seq=seq)
        self.overrides |= changed
        return changed

    def _t_s(self) -> float:
        """Seconds trained so far, pauses left out."""
        now = time.monotonic()
        self.trained_s, self.mark_s = self.trained_s + now - self.mark_s, now
        return self.trained_s

    def _after_step(self, progress: Progress) -> None:
        """Everything that follows a step: log, status, what is kept, checkpoint."""
        self.step, self.begun, self.done = progress.step, True, progress.step >= progress.n_steps
        line = self.on_step(progress)
        if line:
            self.log.add(progress.step, self._t_s(), **line)
        self.context.progress(progress)
        pause_s = max(CHECKPOINT_S, self.save_cost_s / CHECKPOINT_SHARE)
        if time.monotonic() - self.saved_s >= pause_s:
            self._save()

    def _save(self) -> None:
        """Write a checkpoint."""
        if not self.learner.steppable or not self.begun:
            return
        start_s = time.monotonic()
        checkpoint.write(self.run.path, {
            "state": self.learner.training_state(), "step": self.step, "t_s": self._t_s(),
            "log_bytes": self.log.sync(), "live_params": self.overrides, "seq": self.seq,
            "n_threads": torch.get_num_threads()})
        self.saved_s = time.monotonic()
        self.save_cost_s = self.saved_s - start_s

    def _wait_while_paused(self) -> bool:
        """Wait while the run is paused, or has no place to compute; False where it must stop."""
        paused_s: float | None = None
        while True:
            control = self.context.read_control()
            if control.action == "stop":
                self.context.stop_acknowledged = True
                return False
            step_to = control.step_to
            if control.action == "run" if step_to is None else self.step < step_to:
                break
            if paused_s is None:
                paused_s = self._pause(stepped=step_to is not None)
            if self.context.waiting:
                paused_s = time.monotonic()
            elif time.monotonic() - paused_s > PAUSE_LIMIT_S:
                self.context.stop_reason = "Paused for a long time, so its worker process ended; resume it to continue."
            time.sleep(0.03)
        if paused_s is not None:
            self.mark_s = time.monotonic()
            self.context.restart_meter()
            self.context.update_status(state="running")
        return True

    def _pause(self, stepped: bool) -> float:
        self._t_s()
        if self.begun:
            self._save()
            self.save_partial(stepped)
        self.context.update_status(state="paused", rate=0.0, left_s=None)
        return time.monotonic()

    def _end(self, state: str, message: str) -> None:
        """Write checkpoint and result, then say so."""
        self.context.stop_acknowledged = True  # from here on it ends by itself
        self.context.update_status(stage="writing the result")
        self._save()
        self.write_result(finished=state == "finished")
        self.log.close()
        self.context.update_status(state=state, stage="", message=message, rate=0.0, left_s=None)


class QuantizerTraining(Training):
    """Train a quantizer on a catalogue's embeddings, and keep its codes along the way.

    Args:
        context: the run, opened.
        quantizer: fresh, with the run's hyper-parameters.
        emb_IE: the catalogue's embeddings.
    """

    def __init__(self, context: WorkerContext, quantizer: Quantizer, emb_IE: np.ndarray):
        super().__init__(context, quantizer)
        self.quantizer, self.emb_IE = quantizer, emb_IE
        self.snapshot_at: set[int] | None = None
        self.camera = movie.Camera(self.run, quantizer, emb_IE) if movie.can_film(quantizer) else None

    def fit_steps(self) -> Iterator[Progress]:
        return self.quantizer.fit_steps(self.emb_IE, state=self.state, live_params=self.live_params)

    def on_step(self, progress: Progress) -> Event:
        if self.snapshot_at is None:
            batch = getattr(self.quantizer, "batch_size", None)
            self.snapshot_at = artifacts.snapshot_steps(progress.n_steps, batch, len(self.emb_IE))
        if self.step in self.snapshot_at and self.step < progress.n_steps:
            artifacts.write_snapshot(self.run, self.quantizer, self.emb_IE, self.step)
        if self.camera is not None and self.camera.due(self.step, progress.n_steps):
            self.camera.take(self.step)
        return progress.metrics

    def save_partial(self, stepped: bool) -> None:
        if stepped:
            artifacts.write_step_trace(self.run, self.quantizer, self.emb_IE, self.step)
        artifacts.write_weights(self.run, self.quantizer)
        artifacts.write_snapshot(self.run, self.quantizer, self.emb_IE, self.step)

    def write_result(self, finished: bool) -> None:
        artifacts.write_result(self.run, self.quantizer, self.emb_IE, self.step)


def _live_param_events(run: Run, since_byte: int) -> list[Event]:
    events = run.events(since_byte)[0]
    return [event for event in events if changed_param(event) and isinstance(event.get("step"), int)]


__all__ = ["PRESETS", "Preset", "QuantizerTraining", "Training"]
