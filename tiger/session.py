"""A worker's side of a run: says how it goes, keeps the log, and hears what is asked of it.

Any kind of run (quantizer, model, projection) uses the same session, so all of them can be watched, paused,
stepped and stopped alike.
"""

import json
import os
import threading
import time
from typing import Any

from tiger import files
from tiger.progress import Meter, Progress
from tiger.run import DEFAULT_STATUS, Run

STATUS_S = 0.2  # between two writes of status.json
BEAT_S = 1.0  # a silent worker still beats
CONTROL_S = 0.05  # between two looks at control.json


class Session:
    """Opened by the one worker that executes the run.

    Args:
        run: the run's folder.
    """

    def __init__(self, run: Run):
        self.run = run
        self.status: dict[str, Any] = DEFAULT_STATUS | (files.read_json(run.path / "status.json") or {})
        self.stop_heard = False
        self.ending: str | None = None  # why it must stop other than by the page, such as a signal
        self._meter = Meter()
        self._lock = threading.RLock()
        self._written_s = self._looked_s = -1e9
        self._asked: dict[str, Any] = run.read_control()
        self._asked_mark: Any = None

    def say(self, write: bool = True, **changes: Any) -> None:
        """Change the status and, unless it is only a small thing, write it at once."""
        with self._lock:
            self.status |= changes | {"pid": os.getpid()}
            if write or time.monotonic() - self._written_s >= STATUS_S:
                self._write()

    def progress(self, progress: Progress) -> None:
        """Take note of a step; the file follows at most five times a second."""
        self._meter.update(progress.step)
        self.say(write=False, stage=progress.stage, step=progress.step, n_steps=progress.n_steps,
                 rate=self._meter.rate, left_s=self._meter.left_s(progress.n_steps))

    def restart_meter(self) -> None:
        """Forget the rate, so that a pause does not count as slow steps."""
        self._meter = Meter()

    def beat(self) -> None:
        """Say that the worker lives, where nothing else was said for a second."""
        with self._lock:
            if time.monotonic() - self._written_s >= BEAT_S and self.status["state"] in ("running", "paused"):
                self._write()

    def _write(self) -> None:
        self._written_s = time.monotonic()
        files.write_json(self.run.path / "status.json", self.status | {"heartbeat_s": time.time()})

    def asked(self) -> dict[str, Any]:
        """What is asked of the worker: action, step_to, knobs, seq. A look costs a microsecond."""
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
        return self._asked | {"action": "stop"} if self.ending else self._asked


class EventLog:
    """``events.jsonl``: one JSON object a line, appended and handed to the system at once.

    Args:
        run: the run's folder.
        keep_bytes: cut the log back to here first, so that a resumed run writes no step twice.
    """

    def __init__(self, run: Run, keep_bytes: int = 0):
        self.path = run.path / "events.jsonl"
        self.path.touch()
        os.truncate(self.path, min(keep_bytes, self.path.stat().st_size))
        self.file = self.path.open("ab", buffering=0)

    def add(self, step: int, t_s: float, **event: Any) -> None:
        """Append one line."""
        line = json.dumps({"step": step, "t_s": round(t_s, 4)} | event, default=float)
        self.file.write(line.encode() + b"\n")

    def sync(self) -> int:
        """Wait for the disk; returns the log's length in bytes."""
        os.fsync(self.file.fileno())
        return self.file.tell()

    def close(self) -> None:
        self.file.close()
