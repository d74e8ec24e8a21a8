"""The queue and its supervisor: which run starts when, in which process, with how many cores.

The queue is nothing but the folders whose state is "queued", so it outlives the server, and two servers over
one workspace share it.
"""

import contextlib
import logging
import math
import os
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiger.core import access, disk, files, paths
from tiger.runs import executors, index, store, waiting
from tiger.runs.executors import Executor, Job
from tiger.runs.executors.local import LocalExecutor
from tiger.runs.records import RESUMABLE, WAITING, RunConfig, State, Status
from tiger.runs.run import Run

log = logging.getLogger(__name__)
MAX_WAITING = 32
MAX_PER_VISITOR = 2  # of a class, so that thirty can work on two cores
MAX_PAUSED = 8  # a paused worker uses memory but no cores, so it blocks nobody until there are this many
MAX_LOST = 3  # times that a run is started again by itself because the machine of its worker is gone
LOOK_S = 0.3
STARTS_S = 1.0  # how long an answer about the queue holds


def n_workers(executor: Executor | None = None) -> int:
    """Runs that train at the same time: TIGER_WORKERS, else what the executor has room for."""
    given = os.environ.get("TIGER_WORKERS", "")
    return max(1, int(given)) if given.isdigit() else (executor or LocalExecutor()).n_places()


def launch(run: Run, n_at_once: int, executor: Executor | None = None) -> Job:
    """Start the worker of a run, which outlives this process.

    Args:
        n_at_once: runs that may compute at the same time, this one among them.
        executor: where; by default what ``TIGER_EXECUTOR`` says.
    """
    return (executor or executors.create()).submit(run, n_at_once)


class Supervisor:
    """Starts waiting runs and collects ended workers. One per process; see ``supervisor``."""

    def __init__(self, max_waiting: int = MAX_WAITING, executor: Executor | None = None):
        self.max_waiting = max_waiting
        self.executor = executor or executors.create()
        self.children: dict[str, Job] = {}
        self.n_lost: Counter[str] = Counter()
        self.over: dict[str, int] = {}  # runs that are over, and when their status was written last
        self._starts: tuple[float, dict[str, float | None]] = (-math.inf, {})
        self.wake, self.closed = threading.Event(), False
        self.mutex = threading.RLock()
        self.looking = threading.Lock()
        self.folder = paths.subfolder("runs")  # this workspace's for good, wherever TIGER_HOME may point later
        self.lock_path = self.folder / ".supervisor.lock"
        self.thread = threading.Thread(target=self._work, name="tiger-supervisor", daemon=True)
        self.thread.start()

    def submit(self, config: RunConfig | Mapping[str, Any]) -> Run:
        """Make a run and put it into the queue.

        Raises:
            ValueError: the queue or the disk is full, or ``config`` asks for something impossible.
        """
        with self._alone():
            self._check_room()
            run = store.new_run(config)
        self._starts = (-math.inf, {})
        self.wake.set()
        return run

    def resume(self, run_id: str) -> Run:
        """Put a run that ended early back into the queue; it goes on from its last checkpoint.

        Raises:
            ValueError: unknown run, one that is not over or that is finished, or the queue or the disk is full.
        """
        run = store.find(run_id)
        with self._alone():
            status = run.status
            run.refuse_change("resumed")
            if status.state not in RESUMABLE:
                raise ValueError(f"'{run.title}' is {status.state}; only a run that was stopped, "
                                 "interrupted or failed can be resumed.")
            self._check_room()
            disk.check_space(self.folder)
            requeue(run, status, "queued")
        self._starts = (-math.inf, {})
        self.wake.set()
        return run

    def queue(self) -> list[Run]:
        """Waiting runs, the next one first."""
        return waiting.fair_order(self._active())

    def starts(self) -> dict[str, float | None]:
        """Waiting runs by id, the next one first, and in how many seconds each starts; see ``waiting.starts``.

        The answer is up to a second old: thirty people may look at their place in the queue at once.
        """
        with self.looking:  # not the queue's lock, which is held while a worker starts
            kept = self._starts
            if time.monotonic() - kept[0] <= STARTS_S:
                return kept[1]
            found = waiting.starts(self._active(), n_workers(self.executor))
            if self._starts is kept:  # else the queue changed meanwhile, and the next look is new
                self._starts = time.monotonic(), found
            return found

    def close(self) -> None:
        """End the supervisor's thread; workers go on."""
        self.closed = True
        self.wake.set()
        self.thread.join(timeout=5)

    def shut_down(self, patience_s: float = 10.0) -> None:
        """End the supervisor and its workers: each saves a checkpoint first, so that its run can be resumed.

        Args:
            patience_s: how long all of them together may take; whoever is still there then is killed, as its last
                checkpoint is whole.
        """
        self.close()
        for child in self.children.values():
            child.terminate()
        end = time.monotonic() + patience_s
        for run_id, child in self.children.items():
            try:
                code = child.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                code = child.wait()
            record_exit(Run(self.folder / run_id), child, code)
        self.children.clear()
        self.executor.close()

    def _check_room(self) -> None:
        active = self._active()
        if sum(status.state == "queued" for _, status in active) >= self.max_waiting:
            raise ValueError(f"{self.max_waiting} runs are waiting already; stop one of them or try again "
                             "when one has finished.")
        visitor = access.current()
        own = 0 if visitor is None or visitor.teacher else sum(
            run.config.owner == visitor.id and not run.config.sweep_id for run, _ in active)
        if own >= MAX_PER_VISITOR:
            raise ValueError(f"You have {own} runs that wait, train or are paused, and {MAX_PER_VISITOR} is the limit in a "
                             "class; stop one of them or try again when one has finished.")

    @contextlib.contextmanager
    def _alone(self) -> Any:
        """One thread of one server at a time."""
        with self.mutex, files.Lock(self.lock_path):
            yield

    def _work(self) -> None:
        said = ""
        while not self.closed:
            try:
                self._collect()
                self._start_waiting()
                said = ""
            except (OSError, ValueError) as error:  # the next look tries again; what lasts is said once
                if str(error) != said:
                    said = str(error)
                    log.exception("the queue cannot go on for now")
            self.wake.wait(LOOK_S)
            self.wake.clear()

    def _collect(self) -> None:
        """Take note of workers that ended, and say so where they could not say it themselves."""
        for run_id, child in list(self.children.items()):
            code = child.poll()
            if code is None:
                continue
            del self.children[run_id]
            run = Run(self.folder / run_id)
            if child.lost and self.n_lost[run_id] < MAX_LOST:
                self.n_lost[run_id] += 1
                put_back(run, child)
            else:
                record_exit(run, child, code)

    def _start_waiting(self) -> None:
        if not self.queue():
            return
        with self._alone():
            active = self._active()
            states = [status.state for _, status in _own_place(active)]
            running, paused = states.count("running"), states.count("paused")
            held_back = sum(status.stage == WAITING for _, status in active if status.state == "paused")
            room = n_workers(self.executor) - running - held_back - max(0, paused - MAX_PAUSED)
            for run in waiting.fair_order(active)[:max(0, room)]:
                self._start(run)

    def _start(self, run: Run) -> None:
        started = taken(run.status)
        files.write_json(run.path / "status.json", started.to_json())  # until the worker writes its own
        self.children[run.id] = launch(run, n_workers(self.executor), self.executor)

    def _active(self) -> list[tuple[Run, Status]]:
        """Runs that wait or have a worker, in the order in which they were queued. Those that are over are read once."""
        found = []
        for name in os.listdir(self.folder):
            changed_ns = files.changed_ns(f"{self.folder}/{name}/status.json")
            if not changed_ns:  # no run, or one that is being deleted
                continue
            if self.over.get(name) == changed_ns or not store.RUN_ID.fullmatch(name):
                continue
            run = Run(self.folder / name)
            status = run.status
            if status.active and not store.is_whole(run):  # nobody knows what it asks for
                self.over[name] = changed_ns
            elif status.active:
                found.append((run, status))
            elif status.pid is not None or status.state == "finished":  # one stopped while it waited may be told to run
                self.over[name] = changed_ns
        return sorted(found, key=lambda pair: pair[1].queued_s or pair[0].config.created_s)


def _own_place(active: Sequence[tuple[Run, Status]]) -> list[tuple[Run, Status]]:
    """Those that need a place to compute: the runs that a sweep trains share the sweep's."""
    sweeps = {run.id for run, status in active if status.state == "running" and run.config.kind == "sweep"}
    return [(run, status) for run, status in active if not sweeps or run.config.sweep_id not in sweeps]


def n_at_once() -> int:
    """Runs that train at the same time once a run that starts at the command line, and is "running", has begun.

    It does not wait for others, so where all are busy there is one more.
    """
    busy = [(entry.run, entry.status) for entry in index.entries() if entry.status.state == "running" and not entry.run.read_only]
    return max(1, len(_own_place(busy)))


def taken(status: Status | None = None) -> Status:
    """The status of a run whose worker is about to start, so that no queue takes it.

    Args:
        status: what is known of it; by default nothing.
    """
    return (status or Status()).but(state="running", stage="starting", pid=os.getpid(), host=socket.gethostname(), job="",
                                    heartbeat_s=time.time())


def requeue(run: Run, status: Status, state: State, **more: Any) -> None:
    """Make a run that ended early ready to go on: no stop in its control, a fresh state.

    Args:
        more: belongs to the state, such as ``pid`` and ``heartbeat_s`` of a run that is "running" at once.
    """
    if run.external:
        raise ValueError(f"'{run.title}' is trained by another program; go on with the training there, recorded as a new run.")
    control = run.read_control()
    control = replace(control, action="run", step_to=None, seq=control.seq + 1)
    files.write_json(run.path / "control.json", control.to_json())
    changes = {"state": state, "stage": "", "message": "", "queued_s": time.time(), "pid": None} | more
    files.write_json(run.path / "status.json", status.but(**changes).to_json())


def put_back(run: Run, job: Job) -> None:
    """Put a run whose machine is gone back into the queue; it goes on from its last checkpoint, asked for what it was asked."""
    last = Status.from_json(files.read_json(run.path / "status.json") or {})
    if last.busy and job.owns(last):
        log.warning("run %s goes on elsewhere: %s", run.id, job.reason)
        waits = last.but(state="queued", stage="", message="", queued_s=time.time(), pid=None, host="", job="")
        files.write_json(run.path / "status.json", waits.to_json())


def record_exit(run: Run, job: Job, code: int) -> None:
    """Write what is known where a worker ended without saying how."""
    last = Status.from_json(files.read_json(run.path / "status.json") or {})
    if not last.busy or not job.owns(last):
        return
    if code > 0 and disk.nearly_full(run.path):
        ended = last.but(state="failed", message=disk.full_sentence(run.path), rate=0.0, left_s=None)
    elif code > 0 and os.name == "posix":
        line = (job.logs(1) or "nothing").strip()
        ended = last.but(state="failed", message=f"The worker ended with code {code}; the log's last line: {line[:300]}")
    else:
        word = job.reason or ("memory may have run out" if code == -9 else f"signal {-code}" if code < 0 else f"code {code}")
        ended = last.but(state="interrupted", message=f"The worker process ended ({word}); resume the run to continue.",
                         rate=0.0, left_s=None)
    try:
        files.rewrite_json(run.path / "status.json", ended.to_json())
    except OSError as error:  # its silence shows as interrupted; a full disk is said on the page then
        log.error("how run %s ended could not be written: %s", run.id, error)


SUPERVISORS: dict[Path, Supervisor] = {}
"""This process's supervisor of each workspace."""
_first = threading.Lock()


def current() -> Supervisor:
    """The supervisor of this process and workspace."""
    with _first:
        home = paths.home()
        if home not in SUPERVISORS:
            SUPERVISORS[home] = Supervisor()
        return SUPERVISORS[home]
