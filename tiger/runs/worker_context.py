"""A worker's side of a run: says how it goes, keeps the log, and hears what is asked of it.

Any kind of run (quantizer, model, projection) uses the same context, so all of them can be watched, paused,
stepped and stopped alike.
"""

import json
import os
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiger.core import files
from tiger.core.progress import Meter, Progress
from tiger.runs.records import WAITING, Control, Status
from tiger.runs.run import Run

STATUS_S = 0.2  # between two writes of status.json
BEAT_S = 1.0  # a silent worker still beats
CONTROL_S = 0.05  # between two looks at control.json


class WorkerSlot:
    """One of the workspace's few places to compute. A worker holds one unless it is paused.

    Args:
        folder: the runs of the workspace; a place is a locked file there, so a place whose owner died is free.
        n_places: how many there are; 0: nobody counts, and everybody has one.
    """

    def __init__(self, folder: Path, n_places: int):
        self.locks = [files.Lock(folder / f".place-{number}.lock") for number in range(n_places)]
        self.held: files.Lock | None = None

    def take(self) -> bool:
        """Whether this worker has a place now; takes a free one where it has none."""
        if self.held is None:
            self.held = next((lock for lock in self.locks if lock.acquire()), None)
        return self.held is not None or not self.locks

    def free(self) -> None:
        """Give the place back; harmless where there is none."""
        if self.held is not None:
            self.held.release()
            self.held = None


class WorkerContext:
    """Opened by the one worker that executes the run.

    Args:
        run: the run's folder.
        n_slots: places to compute that the workspace has, 0 for a run that computes in another's place; by default what
            ``TIGER_WORKERS`` says.
    """

    def __init__(self, run: Run, n_slots: int | None = None):
        self.run = run
        self.status = Status.from_json(files.read_json(run.path / "status.json") or {})
        self.stop_acknowledged = False
        self.stop_reason: str | None = None  # why it must stop other than by the page, such as a signal
        places = os.environ.get("TIGER_WORKERS", "")
        n_slots = (int(places) if places.isdigit() else 0) if n_slots is None else n_slots
        self.slot = WorkerSlot(run.path.parent, n_slots)
        job = os.environ.get("TIGER_JOB", "")
        self._place = {"pid": os.getpid(), "job": job, "host": socket.gethostname() if job else ""}
        self._stage: str | None = None  # what is said again when it no longer waits for a place
        self._meter = Meter()
        self._lock = threading.RLock()
        self._written_s = self._looked_s = -1e9
        self._asked = run.read_control()
        self._asked_mark: tuple[int, int, int] | None = None

    def update_status(self, write: bool = True, **changes: Any) -> None:
        """Change the status and, unless it is only a small thing, write it at once."""
        with self._lock:
            self.status = self.status.but(**changes, **self._place)
            if self.status.state == "paused":
                self.slot.free()
            if write or time.monotonic() - self._written_s >= STATUS_S:
                self._write()

    def progress(self, progress: Progress) -> None:
        """Take note of a step; the file follows at once for a run's first step, then at most five times a second."""
        self._meter.update(progress.step)
        self.update_status(write=self.status.step == 0 < progress.step, stage=progress.stage, step=progress.step,
                           n_steps=progress.n_steps, rate=self._meter.rate, left_s=self._meter.left_s(progress.n_steps))

    def restart_meter(self) -> None:
        """Forget the rate, so that a pause does not count as slow steps."""
        self._meter = Meter()

    def beat(self) -> None:
        """Say that the worker lives, where nothing else was said for a second."""
        with self._lock:
            if time.monotonic() - self._written_s >= BEAT_S and self.status.busy:
                self._write()

    def _write(self) -> None:
        self._written_s = time.monotonic()
        files.rewrite_json(self.run.path / "status.json", self.status.but(heartbeat_s=time.time()).to_json())

    def read_control(self) -> Control:
        """What is asked of the worker. A look costs a microsecond.

        A paused worker is told to go on only once it has a place to compute. Single steps need none.
        """
        now = time.monotonic()
        if now - self._looked_s >= CONTROL_S:
            self._looked_s = now
            try:
                found = os.stat(self.run.path / "control.json")
                mark = (found.st_mtime_ns, found.st_ino, found.st_size)
            except OSError:
                mark = None
            if mark != self._asked_mark:
                self._asked_mark, self._asked = mark, self.run.read_control()
        if self.stop_reason:
            return replace(self._asked, action="stop")
        if self.status.state == "paused" and self._held_back():
            return replace(self._asked, action="pause")
        return self._asked

    @property
    def waiting(self) -> bool:
        """Whether it would compute if there were a place."""
        return self._stage is not None

    def wait_for_slot(self) -> None:
        """Take a place before anything is computed; a stop meanwhile is ``worker.Heartbeat``'s."""
        while self._lacks_slot():
            time.sleep(0.1)

    def _held_back(self) -> bool:
        if self._asked.action == "run" and self._asked.step_to is None:
            return self._lacks_slot()
        self._said_to_wait(False)  # asked to pause again, or for single steps
        return False

    def _lacks_slot(self) -> bool:
        lacks = not self.slot.take()
        self._said_to_wait(lacks)
        return lacks

    def _said_to_wait(self, waits: bool) -> None:
        """Say so where the worker begins to wait, and what it said before where it ends."""
        if waits and self._stage is None:
            self._stage = self.status.stage
            self.update_status(stage=WAITING)
        elif not waits and self._stage is not None:
            stage, self._stage = self._stage, None
            self.update_status(stage=stage)


class EventLog:
    """``events.jsonl``: one JSON object a line, appended and handed to the system at once.

    Args:
        run: the run's folder.
        keep_bytes: cut the log back to here first, so that a resumed run writes no step twice; None: keep all whole lines.
    """

    def __init__(self, run: Run, keep_bytes: int | None = 0):
        self.path = run.path / "events.jsonl"
        files.cut_to_whole_lines(self.path, keep_bytes)
        self.file = self.path.open("ab", buffering=0)

    def add(self, step: int, t_s: float, **event: Any) -> None:
        """Append one line."""
        line = json.dumps({"step": step, "t_s": round(t_s, 4)} | event, default=float)
        files.append(self.file, line.encode() + b"\n")

    def sync(self) -> int:
        """Wait for the disk; returns the log's length in bytes."""
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
