"""What the worker does with a sweep: train its members one after another, in as many processes as it has cores.

Every process takes the next point from the sweep's folder and trains it as an ordinary run, so that each can be watched,
stopped and resumed by itself; dataset and libraries are loaded once a process. The process of the sweep itself trains, too.
A sweep that is stopped stops its members behind a checkpoint, and goes on with them when it is resumed.

    python -m tiger.runs.run_sweep FOLDER ATTEMPT PID     what the helpers are started with
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from tiger.core import files, logs, paths
from tiger.core.progress import Progress
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.runs import sweep, sweep_plan, worker
from tiger.runs.run import Run
from tiger.runs.sweep import Counts
from tiger.runs.worker_context import EventLog, WorkerContext

log = logging.getLogger("tiger.runs.run_sweep")
STOPPED = "The sweep was stopped; resume it, or this run alone, to continue."
MAX_PROCESSES = 8
LOOK_S = 0.2  # between two looks at the members, and at what is asked
PATIENCE_S = 20.0  # until a helper that was told to end is killed; its member's last checkpoint is whole


def execute(context: WorkerContext) -> Iterator[Progress]:
    """Train the members; the status says how it ended."""
    run, attempt = context.run, context.status.attempt + 1
    n_runs = sweep_plan.n_runs(sweep.request_of(run))
    context.update_status(stage="starting", attempt=attempt, n_steps=n_runs)
    sweep.begin(run, attempt, float(next((event["t_s"] for event in reversed(run.events()[0])), 0.0)))
    board = Board(context, n_runs)
    helpers = _start_helpers(run, attempt, n_runs)
    try:
        for _ in train(run, attempt, board.stop_asked):
            yield board.look()
        while any(helper.poll() is None for helper in helpers) and not board.stop_asked():
            yield board.look()
            time.sleep(LOOK_S)
    finally:
        context.stop_acknowledged = True  # from here on it ends by itself
        _end_helpers(helpers)
    board.end()


class Board:
    """How far the sweep is, looked up a few times a second and written to its status and log.

    Args:
        context: the sweep, opened.
        n_runs: runs in all.
    """

    def __init__(self, context: WorkerContext, n_runs: int):
        self.context, self.run, self.n_runs = context, context.run, n_runs
        self.log = EventLog(self.run, keep_bytes=None)
        self.begun_s, self.looked_s, self.logged = time.monotonic(), -1e9, -1
        self.counts = self._counts()
        self.done_before = self.counts.done

    def _counts(self) -> Counts:
        return sweep.counts(map(sweep.entry_of, sweep.members(self.run)))

    def stop_asked(self) -> bool:
        """Whether the sweep must end; from then on its worker waits for the members."""
        stop = self.context.read_control().action == "stop"
        self.context.stop_acknowledged = self.context.stop_acknowledged or stop
        return stop

    def look(self) -> Progress:
        """Count what is done; the rate is of this attempt, in runs a second, trained parts of runs included."""
        now = time.monotonic()
        if now - self.looked_s >= LOOK_S:
            self.looked_s, self.counts = now, self._counts()
            rate = (self.counts.done - self.done_before) / max(now - self.begun_s, 1e-3)
            left_s = (self.n_runs - self.counts.done) / rate if rate > 0 else None
            self.context.update_status(write=False, stage="training", step=self.counts.over, rate=rate, left_s=left_s)
            self._log()
        return Progress("training", self.counts.over, self.n_runs)

    def _log(self) -> None:
        if self.counts.over != self.logged:
            self.logged = self.counts.over
            self.log.add(self.counts.over, sweep.used_s(self.run))

    def end(self) -> None:
        """Say how the sweep ended: stopped, finished or failed; with what failed and what the budget left out."""
        self.counts = self._counts()
        self.log.add(self.counts.over, sweep.used_s(self.run))
        self.log.close()
        over = self.counts.over
        if self.context.read_control().action == "stop":
            words = self.context.stop_reason or f"Stopped after {over} of {counted(self.n_runs, 'run')}; resume it to continue."
            state = "stopped"
        elif self.counts.ended:
            state, words = "stopped", f"{_runs(self.counts.ended)} ended early; resume the sweep to train the rest."
        else:
            state = "failed" if over and over == self.counts.failed else "finished"
            words = " ".join(filter(None, [self._failures(), self._left_out()]))
        self.context.update_status(state=state, stage="", message=words, step=over, rate=0.0, left_s=None)

    def _failures(self) -> str:
        if not self.counts.failed:
            return ""
        entries = map(sweep.entry_of, sweep.members(self.run))
        first = next(entry for entry in entries if entry is not None and entry.status.state == "failed")
        return f"{_runs(self.counts.failed)} failed, such as '{first.title}': {first.status.message}"

    def _left_out(self) -> str:
        minutes = sweep.request_of(self.run).max_minutes
        return f"The budget of {minutes:g} minutes ended it after {self.counts.over} of {counted(self.n_runs, 'run')}." \
            if minutes is not None and self.counts.over < self.n_runs else ""


def _runs(n: int) -> str:
    return f"{n} run{'s' * (n > 1)}"


def _start_helpers(run: Run, attempt: int, n_runs: int) -> list[subprocess.Popen[bytes]]:
    """One more process for each further core; every process trains with one thread."""
    given = os.environ.get("TIGER_THREADS", "")
    n = min(int(given) if given.isdigit() else 1, MAX_PROCESSES, n_runs)
    environment = os.environ | {"TIGER_THREADS": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tiger.runs.run_sweep", str(run.path), str(attempt), str(os.getpid())]
    with (run.path / "log.txt").open("ab") as said:
        return [subprocess.Popen(words, cwd=paths.PROJECT, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=environment)
                for _ in range(max(0, n - 1))]


def _end_helpers(helpers: list[subprocess.Popen[bytes]]) -> None:
    """Wait until every helper has written its member's checkpoint and is gone."""
    for helper in helpers:
        if helper.poll() is None:
            helper.terminate()
    end_s = time.monotonic() + PATIENCE_S
    for helper in helpers:
        try:
            helper.wait(max(0.1, end_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            helper.kill()
            helper.wait()


def train(run: Run, attempt: int, stop: Callable[[], bool]) -> Iterator[None]:
    """Take and train one member after another until nothing is left, or it is told to stop. Yields after every step."""
    import torch  # here, so that a sweep's first sign of life does not wait for it
    n_threads = torch.get_num_threads()
    loaded: list[Catalogue] = []

    def load(member: Run) -> Catalogue:
        """The catalogue of all members, loaded once."""
        loaded.extend([] if loaded else [worker.load_data(member)])
        return loaded[0]

    torch.set_num_threads(1)  # whatever the number of processes, a member's sums, and so its codes, are the same
    try:
        while not stop():
            member = sweep.take(run, attempt)
            if member is None:
                return
            yield from _train_member(member, stop, load)
            yield
    finally:
        torch.set_num_threads(n_threads)


def _train_member(run: Run, stop: Callable[[], bool], load: Callable[[Run], Catalogue]) -> Iterator[None]:
    """Train a member to its end; what makes it fail stands in its own status, and the sweep goes on."""
    lock = files.Lock(run.path / ".lock")
    if not lock.acquire():
        log.error("another worker has run %s", run.id)
        return
    control = run.read_control()
    if control.action != "run":
        files.write_json(run.path / "control.json", replace(control, action="run", step_to=None, seq=control.seq + 1).to_json())
    context = WorkerContext(run, n_slots=0)
    context.update_status(state="running", stage="starting", message="", rate=0.0, left_s=None)
    heartbeat = worker.Heartbeat(context, ends_process=False)
    heartbeat.start()
    try:
        steps = worker.train_model if run.config.kind == "model" else worker.train_quantizer
        for _ in steps(context, load):
            if stop():
                context.stop_reason = STOPPED
            yield
    except Exception as error:  # whatever a setting does to a training, the other settings are trained
        log.exception("run %s failed", run.id)
        context.update_status(state="failed", message=worker.sentence(error, run), rate=0.0, left_s=None)
    finally:
        heartbeat.ended.set()
        lock.release()


def main() -> int:
    """A helper: trains until nothing is left, the sweep stops, or the sweep's own process is gone."""
    run, attempt, parent = Run(Path(sys.argv[1]).resolve()), int(sys.argv[2]), int(sys.argv[3])
    logs.to_stderr()
    worker.act_for_owner(run)
    told: list[int] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda signum, _: told.append(signum))
    looked_s = -1e9

    def stop() -> bool:
        nonlocal looked_s
        now = time.monotonic()
        if now - looked_s >= LOOK_S and not told:
            looked_s = now
            if run.read_control().action == "stop" or not files.pid_alive(parent):
                told.append(0)
        return bool(told)

    for _ in train(run, attempt, stop):
        pass
    return 0


if __name__ == "__main__":
    worker.leave(main())
