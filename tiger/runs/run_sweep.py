"""What the worker does with a sweep: train its members one after another, in as many processes as it has cores.

Every process takes the next point from the sweep's folder and trains it as an ordinary run, so that each can be watched,
stopped and resumed by itself; dataset and libraries are loaded once a process. The process of the sweep itself trains, too.
A sweep that is stopped stops its members behind a checkpoint, and goes on with them when it is resumed.

    python -m tiger.runs.run_sweep FOLDER ATTEMPT PID     what the others are started with
"""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from tiger.core import files, logs, paths
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.runs import sweep
from tiger.runs.records import Status
from tiger.runs.run import Run
from tiger.runs.worker_context import EventLog, WorkerContext

log = logging.getLogger("tiger.runs.run_sweep")
STOPPED = "The sweep was stopped; resume it, or this run alone, to continue."
MAX_PROCESSES = 8
LOOK_S = 0.2


def execute(context: WorkerContext) -> Iterator[Progress]:
    """Train the members; the status says how it ended."""
    run, attempt = context.run, context.status.attempt + 1
    asked = run.config.sweep
    assert asked is not None  # a run of this kind always has one
    n_runs = sweep.n_runs(asked)
    context.update_status(stage="starting", attempt=attempt, n_steps=n_runs, message="")
    before_s = float(next((event["t_s"] for event in reversed(run.events()[0])), 0.0))
    sweep.begin(run, attempt, before_s)
    events = EventLog(run, keep_bytes=None)
    others = _start_others(run, attempt, n_runs)
    said = -1
    try:
        for _ in train(run, attempt, lambda: _stop_asked(context)):
            n_done = sum(1 for _ in _ended(run))
            if n_done != said:
                said = n_done
                events.add(n_done, sweep.used_s(run))
            progress = Progress(f"{n_done} of {n_runs} runs", n_done, n_runs)
            context.progress(progress)
            yield progress
        while any(other.poll() is None for other in others):
            _stop_asked(context)
            n_done = sum(1 for _ in _ended(run))
            context.progress(Progress(f"{n_done} of {n_runs} runs", n_done, n_runs))
            time.sleep(LOOK_S)
    finally:
        for other in others:
            if other.poll() is None:
                other.terminate()
    _end(context, events, n_runs)


def _end(context: WorkerContext, events: EventLog, n_runs: int) -> None:
    """Say how it ended: stopped, or finished with what failed and what the budget left out."""
    run = context.run
    context.stop_acknowledged = True
    ended = list(_ended(run))
    n_failed = sum(status.state == "failed" for status in ended)
    events.add(len(ended), sweep.used_s(run))
    events.close()
    context.update_status(step=len(ended), rate=0.0, left_s=None)
    if context.read_control().action == "stop" or context.stop_reason:
        words = context.stop_reason or f"Stopped after {len(ended)} of {n_runs} runs; resume it to continue."
        context.update_status(state="stopped", stage="", message=words)
        return
    failed = f"{n_failed} of {len(ended)} runs failed." if n_failed else ""
    left = f"The budget of time ended it after {len(ended)} of {n_runs} runs." if len(ended) < n_runs else ""
    context.update_status(state="finished", stage="", message=f"{failed} {left}".strip())


def _ended(run: Run) -> Iterator[Status]:
    """How those members stand that are over; one that was deleted is over, too."""
    for member in sweep.members(run):
        found = sweep.run_of(member)
        status = found.status if found is not None else Status("finished")
        if status.state in ("finished", "failed"):
            yield status


def _stop_asked(context: WorkerContext) -> bool:
    """Whether the sweep was told to stop; from then on it ends by itself."""
    stop = context.read_control().action == "stop"
    context.stop_acknowledged = context.stop_acknowledged or stop
    return stop


def _start_others(run: Run, attempt: int, n_runs: int) -> list[subprocess.Popen[bytes]]:
    """One more process for each further core; every process trains with one thread."""
    given = os.environ.get("TIGER_THREADS", "")
    n = min(int(given) if given.isdigit() else 1, MAX_PROCESSES, n_runs)
    environment = os.environ | {"TIGER_THREADS": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tiger.runs.run_sweep", str(run.path), str(attempt), str(os.getpid())]
    with (run.path / "log.txt").open("ab") as said:
        return [subprocess.Popen(words, cwd=paths.PROJECT, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
                for _ in range(max(0, n - 1))]


def train(run: Run, attempt: int, stop: Callable[[], bool]) -> Iterator[None]:
    """Take and train one member after another until nothing is left, or it is told to stop. Yields after every step."""
    import torch
    torch.set_num_threads(1)
    while not stop():
        member = sweep.take(run, attempt)
        if member is None:
            return
        yield from _train_one(member, stop)
        yield


def _train_one(run: Run, stop: Callable[[], bool]) -> Iterator[None]:
    """Train a member to its end; what makes it fail stands in its own status, and the sweep goes on."""
    from tiger.runs import worker
    lock = files.Lock(run.path / ".lock")
    if not lock.acquire():
        log.error("another worker has run %s", run.id)
        return
    control = run.read_control()
    if control.action != "run":
        files.write_json(run.path / "control.json", replace(control, action="run", step_to=None, seq=control.seq + 1).to_json())
    context = WorkerContext(run, n_slots=0)
    context.update_status(state="running", stage="starting", message="", rate=0.0, left_s=None)
    beats = _Beats(context)
    beats.start()
    try:
        steps = worker.train_model if run.config.kind == "model" else worker.train_quantizer
        for _ in steps(context, _catalogue):
            if stop():
                context.stop_reason = STOPPED
            yield
    except Exception as error:  # whatever a setting does to a training, the other settings are trained
        log.exception("run %s failed", run.id)
        context.update_status(state="failed", message=worker.sentence(error, run), rate=0.0, left_s=None)
    finally:
        beats.ended.set()
        lock.release()


@lru_cache(maxsize=1)
def _loaded(key: str, run: Run) -> Catalogue:
    from tiger import datasets
    return datasets.load_ref(run.config.dataset)


def _catalogue(run: Run) -> Catalogue:
    """A member's catalogue, loaded once for all of them."""
    return _loaded(str(run.config.more.get("sweep_id")), run)


class _Beats(threading.Thread):
    """Says every second that a member's worker lives."""

    def __init__(self, context: WorkerContext):
        super().__init__(daemon=True)
        self.context, self.ended = context, threading.Event()

    def run(self) -> None:
        while not self.ended.wait(LOOK_S):
            try:
                self.context.beat()
            except OSError as error:
                log.warning("no sign of life could be written: %s", error)


def main() -> int:
    """One of the other processes: trains until nothing is left, the sweep stops, or its own process is gone."""
    run, attempt, parent = Run(Path(sys.argv[1]).resolve()), int(sys.argv[2]), int(sys.argv[3])
    logs.to_stderr()
    asked: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(True))
    signal.signal(signal.SIGINT, lambda *_: asked.append(True))
    looked_s = [0.0]

    def stop() -> bool:
        now = time.monotonic()
        if now - looked_s[0] >= LOOK_S and not asked:
            looked_s[0] = now
            if run.read_control().action == "stop" or not files.pid_alive(parent):
                asked.append(True)
        return bool(asked)

    for _ in train(run, attempt, stop):
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
