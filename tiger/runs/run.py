"""A run is one folder: what was asked, how it goes, and what came out.

    config.json         what was asked: dataset, quantizer, title, parent
    status.json         how it goes; replaced in one move, about five times a second
    control.json        what the page or the command line wants: run, pause, step, stop, new knob values
    events.jsonl        one line a logged step, and one line a knob that was turned
    snapshots/          the codes at about forty steps
    checkpoint/         all that is needed to go on as if nothing had happened
    codes.npy, ids.safetensors, latent.npy, recon_error.npy, quantizer.json, weights.safetensors   the result
    model.json, metrics.json   of a model run: with weights.safetensors the recommender, and its scores
    log.txt             what the worker said on stderr

One worker fills the folder; everybody else only reads it and writes ``control.json``.
"""

import contextlib
import json
import threading
import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tiger.core import files, paths
from tiger.runs import config as run_config

if TYPE_CHECKING:
    from tiger.models import Recommender
    from tiger.quantizers import Quantizer
    from tiger.semantic_ids import SemanticIds

RESULTS = ("codes.npy", "ids.safetensors", "latent.npy", "recon_error.npy", "step_trace.safetensors",
           "step_trace.json", "model.json", "metrics.json")
ACTIONS = ("run", "pause", "stop")
BUSY = ("running", "paused")  # a worker has the folder
WAITING = "waiting for a free worker"  # the stage of a run that was told to go on, or to start, too early
STALE_S = 30.0  # a worker beats every second; one that was silent this long is gone
DEFAULT_STATUS: dict[str, Any] = {"state": "queued", "stage": "", "step": 0, "n_steps": 0, "rate": 0.0,
                                  "left_s": None, "pid": None, "heartbeat_s": 0.0, "message": "",
                                  "attempt": 0}
_control_lock = threading.Lock()


class Run:
    """One run: how it goes, what is asked of it, and the codes, vectors and weights it has kept so far.

    Everything is read afresh on every call; only ``config`` never changes.
    """

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
        specs = run_config.live_specs(given["name"])
        start = {spec.name: given["params"].get(spec.name, spec.default) for spec in specs}
        return start | self.read_control()["knobs"]

    def read_control(self) -> dict[str, Any]:
        """What the worker is asked to do: action, step_to, knobs, seq."""
        start: dict[str, Any] = {"action": "run", "step_to": None, "knobs": {}, "seq": 0}
        return start | (files.read_json(self.path / "control.json") or {})

    def control(self, action: str | None = None, step_to: int | None = None,
                live_params: dict[str, Any] | None = None) -> None:
        """Ask the worker for something; it answers by its status within a fraction of a second.

        Args:
            action: "run", "pause" or "stop"; None keeps what was asked last.
            step_to: go on until this many steps are done, then pause. An action without it clears it.
            live_params: live hyper-parameters to change from the next step on.

        Raises:
            ValueError: a bundled run, an unknown action, or a knob that cannot be turned that way.
        """
        if self.read_only:
            raise ValueError(f"'{self.title}' is bundled and cannot be changed; start a run of your own.")
        if action is not None and action not in ACTIONS:
            raise ValueError(f"action is {action!r}, but must be one of {', '.join(ACTIONS)}.")
        checked = run_config.check_knobs(self.learner["name"], live_params) if live_params else {}
        with _control_lock:
            asked = self.read_control()
            if action is not None or step_to is not None:
                asked |= {"action": action or "pause", "step_to": None if step_to is None else int(step_to)}
            asked |= {"knobs": asked["knobs"] | checked, "seq": asked["seq"] + 1}
            files.write_json(self.path / "control.json", asked)

    def step(self, n: int = 1) -> None:
        """Train ``n`` more batches, then pause."""
        self.control("pause", step_to=int(self.status["step"]) + n)

    def snapshots(self) -> list[int]:
        """The steps whose codes were kept, ascending."""
        names = (path.stem for path in (self.path / "snapshots").glob("*.safetensors"))
        return sorted(int(name) for name in names if name.isdigit())

    def snapshot(self, step: int) -> dict[str, np.ndarray]:
        """The codes at one kept step: ``codes`` (N, L), ``error`` (L+1), ``rows`` (N) item numbers, ``step``.

        N is all items up to 20,000, an even sample beyond. Error is the mean squared norm of the residual
        before each level and after the last.

        Raises:
            ValueError: nothing was kept at this step.
        """
        try:
            found = load_file(self.path / "snapshots" / f"{int(step):07d}.safetensors")
        except (OSError, SafetensorError):
            kept = self.snapshots()
            raise ValueError(f"Run {self.id} kept no codes at step {step}; it has {kept}.") from None
        found["codes"] = found["codes"].astype(np.int64)
        found.setdefault("rows", np.arange(len(found["codes"])))
        return found

    def has_result(self) -> bool:
        """Whether the final codes, or a model's weights, are there (finished, or stopped after a step)."""
        return (self.path / ("model.json" if self.config.get("kind") == "model" else "codes.npy")).exists()

    def codes(self) -> np.ndarray:
        """Every item's codes (I, L) int64: the final ones, or while training the newest kept ones.

        Raises:
            ValueError: there are none yet.
        """
        with contextlib.suppress(ValueError):
            return self._array("codes.npy").astype(np.int64)
        for step in reversed(self.snapshots()):
            found = self.snapshot(step)
            if (found["rows"] == np.arange(len(found["rows"]))).all():
                return found["codes"]
        raise ValueError(f"Run {self.id} has no codes yet; it is {self.state}.")

    def latent(self) -> np.ndarray:
        """What was quantised, (I, Z) float32. Raises ValueError before the run ended."""
        return self._array("latent.npy")

    def recon_error(self) -> np.ndarray:
        """Squared norm of each item's residual before each level and after the last, (I, L+1) float32."""
        return self._array("recon_error.npy")

    def step_trace(self) -> dict[str, np.ndarray] | None:
        """The last stepped batch: what ``Quantizer.trace`` gives, and ``rows``, ``step``; else None."""
        try:
            return load_file(self.path / "step_trace.safetensors")
        except (OSError, SafetensorError):
            return None

    def quantizer(self) -> "Quantizer":
        """The fitted quantizer. Raises ValueError where the run saved none yet."""
        from tiger import quantizers  # here, so that listing runs does not load torch
        try:
            return quantizers.load(self.path)
        except OSError:
            raise ValueError(f"Run {self.id} has no fitted quantizer yet; it is {self.state}.") from None

    def recommender(self) -> "Recommender":
        """The fitted recommender of a model run. Raises ValueError where there is none yet."""
        from tiger import models
        try:
            return models.load(self.path)
        except OSError:
            raise ValueError(f"Run {self.id} has no fitted recommender yet; it is {self.state}.") from None

    def metrics(self) -> dict[str, Any]:
        """What was measured when a model run finished, ``valid`` and ``test``; empty before."""
        return files.read_json(self.path / "metrics.json") or {}

    def semantic_ids(self) -> "SemanticIds":
        """The semantic IDs of the final codes, or while training of the newest kept ones."""
        from tiger.semantic_ids import SemanticIds
        path = self.path / "ids.safetensors"
        if path.exists():
            return SemanticIds.load(path)
        return SemanticIds.from_codes(self.codes(), self.config["quantizer"]["params"]["n_codes"])

    def _array(self, name: str) -> np.ndarray:
        try:
            return np.load(self.path / name, allow_pickle=False)
        except (OSError, ValueError):
            raise ValueError(f"Run {self.id} has no {name} yet; it is {self.state}.") from None


def _worker_lives(status: dict[str, Any]) -> bool:
    try:
        silent_s = time.time() - float(status["heartbeat_s"])
        return silent_s < STALE_S and files.pid_alive(int(status["pid"]))
    except (TypeError, ValueError):
        return False
