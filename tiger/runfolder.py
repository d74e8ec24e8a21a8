"""How a run goes, and how it is steered: the files that change while a worker has its folder.

Everybody reads ``status.json`` and ``events.jsonl``, which the worker writes; it reads ``control.json``, which
everybody else writes. See ``tiger.run`` for the whole folder.
"""

import contextlib
import json
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import Any

from tiger import runconfig
from tiger.core import files, paths

ACTIONS = ("run", "pause", "stop")
BUSY = ("running", "paused")  # a worker has the folder
WAITING = "waiting for a free worker"  # the stage of a run that was told to go on, or to start, too early
STALE_S = 30.0  # a worker beats every second; one that was silent this long is gone
DEFAULT_STATUS: dict[str, Any] = {"state": "queued", "stage": "", "step": 0, "n_steps": 0, "rate": 0.0,
                                  "left_s": None, "pid": None, "heartbeat_s": 0.0, "message": "",
                                  "attempt": 0}
_control_lock = threading.Lock()


class RunFolder:
    """How one run goes and what is asked of it, read afresh on every call; only ``config`` never changes."""

    def __init__(self, path: Path):
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({self.id!r}, {self.state})"

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def config(self) -> dict[str, Any]:
        """What was asked: id, kind, title, dataset, quantizer, created_s, parent, preset."""
        return files.read_json(self.path / "config.json") or {}

    @property
    def title(self) -> str:
        """The run's name for people."""
        return str(self.config.get("title") or self.id)

    @property
    def read_only(self) -> bool:
        """Bundled runs are for looking."""
        return self.path.parent != paths.subfolder("runs")

    @property
    def status(self) -> dict[str, Any]:
        """State, stage, step, n_steps, rate, left_s, pid, heartbeat_s, message, attempt.

        The state is what is true now, not what was written last: a worker that died makes ``interrupted``,
        and a waiting run that was told to stop is ``stopped``. ``attempt`` counts starts; it changes when a
        resume cut the event log back, so readers that keep an offset begin again at 0.
        """
        found = files.read_json(self.path / "status.json")
        if found is None:
            lost = {"state": "interrupted", "message": "status.json cannot be read; resume the run to go on."}
            return DEFAULT_STATUS | lost
        status = DEFAULT_STATUS | found
        if status["state"] in BUSY and not _worker_lives(status):
            words = status["message"] or "The worker ended before the run did; resume it to go on."
            status |= {"state": "interrupted", "rate": 0.0, "left_s": None, "message": words}
        elif status["state"] == "queued" and self.read_control()["action"] == "stop":
            status["state"] = "stopped"
        return status

    @property
    def state(self) -> str:
        """queued, running, paused, stopped, interrupted, finished or failed."""
        return str(self.status["state"])

    @property
    def learner(self) -> dict[str, Any]:
        """Name and hyper-parameters of the quantizer or model that trains; empty for other kinds of run."""
        return self.config.get("model") or self.config.get("quantizer") or {}

    def events(self, since_byte: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole lines of the log from a byte on, and the byte to ask from next time.

        A torn last line waits for its rest; a line that is no JSON object is left out. An offset beyond the
        end of the log reads from the start (a resumed run cuts its log back; see ``status``).
        """
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                size = file.seek(0, 2)
                since_byte = since_byte if 0 <= since_byte <= size else 0
                file.seek(since_byte)
                block = file.read()
        except FileNotFoundError:
            return [], 0
        whole = block[:block.rfind(b"\n") + 1]
        found = []
        for line in whole.splitlines():
            with contextlib.suppress(ValueError, RecursionError):
                event = json.loads(line)
                if isinstance(event, dict):
                    found.append(event)
        return found, since_byte + len(whole)

    def log(self, n_lines: int = 200) -> str:
        """The end of what the worker said on stderr."""
        try:
            text = (self.path / "log.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-n_lines:])

    def knobs(self) -> dict[str, Any]:
        """The live hyper-parameters as they are asked for now: config, then what was turned since."""
        given = self.learner
        specs = runconfig.live_specs(given["name"])
        start = {spec.name: given["params"].get(spec.name, spec.default) for spec in specs}
        return start | self.read_control()["knobs"]

    def read_control(self) -> dict[str, Any]:
        """What the worker is asked to do: action, step_to, knobs, seq."""
        start: dict[str, Any] = {"action": "run", "step_to": None, "knobs": {}, "seq": 0}
        return start | (files.read_json(self.path / "control.json") or {})

    def control(self, action: str | None = None, step_to: int | None = None,
                knobs: dict[str, Any] | None = None) -> None:
        """Ask the worker for something; it answers by its status within a fraction of a second.

        Args:
            action: "run", "pause" or "stop"; None keeps what was asked last.
            step_to: go on until this many steps are done, then pause. An action without it clears it.
            knobs: live hyper-parameters to change from the next step on.

        Raises:
            ValueError: a bundled run, an unknown action, or a knob that cannot be turned that way.
        """
        if self.read_only:
            raise ValueError(f"'{self.title}' is bundled and cannot be changed; start a run of your own.")
        if action is not None and action not in ACTIONS:
            raise ValueError(f"action is {action!r}, but must be one of {', '.join(ACTIONS)}.")
        checked = runconfig.check_knobs(self.learner["name"], knobs) if knobs else {}
        with _control_lock:
            asked = self.read_control()
            if action is not None or step_to is not None:
                asked |= {"action": action or "pause", "step_to": None if step_to is None else int(step_to)}
            asked |= {"knobs": asked["knobs"] | checked, "seq": asked["seq"] + 1}
            files.write_json(self.path / "control.json", asked)

    def step(self, n: int = 1) -> None:
        """Train ``n`` more batches, then pause."""
        self.control("pause", step_to=int(self.status["step"]) + n)


def _worker_lives(status: dict[str, Any]) -> bool:
    try:
        silent_s = time.time() - float(status["heartbeat_s"])
        return silent_s < STALE_S and files.pid_alive(int(status["pid"]))
    except (TypeError, ValueError):
        return False
