"""A run is one folder: what was asked, how it goes, and what came out.

    config.json         what was asked: dataset, quantizer, title, parent
    data.safetensors    fingerprint of the dataset that it was made from
    status.json         how it goes; replaced in one move, about five times a second
    labels.json         what people write on it: name, note, tags, star
    outcome.json        numbers of a quantizer's final codes
    sample.json         what its dataset is a sample of, where it is one
    counted.json, counted.npy   counts over all items of that, once they were encoded
    control.json        what the page or the command line wants: run, pause, step, stop, new live hyper-parameters
    events.jsonl        one line a logged step, and one line a live hyper-parameter that changed
    snapshots/          the codes at about forty steps
    movie.json, movie.bin   usage of codes, and latents on a plane, at some hundred steps
    checkpoint/         all that is needed to go on as if nothing had happened
    codes.npy, ids.safetensors, latent.npy, recon_error.npy, quantizer.json, weights.safetensors   the result
    model.json, metrics.json   of a model run: with weights.safetensors the recommender, and its scores
    log.txt             what the worker said on stderr
    window.safetensors, codebooks.safetensors   of a run that is recorded elsewhere: its latest codes and codebooks

One worker fills the folder; everybody else only reads it and writes ``control.json``. A run of kind "external" is filled by
the program that trains (``tiger.watch``), which nobody here can tell anything.
"""

import contextlib
import json
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tiger import metrics
from tiger.core import access, disk, events, files, paths
from tiger.core.events import Event
from tiger.core.words import counted
from tiger.datasets.reference import Values
from tiger.runs import config as run_config
from tiger.runs import labels as run_labels
from tiger.runs.labels import Labels
from tiger.runs.records import ACTIONS, Action, Control, LearnerConfig, RunConfig, State, Status, StudyRequest

if TYPE_CHECKING:
    from tiger.models import Recommender
    from tiger.quantizers import Quantizer
    from tiger.semantic_ids import SemanticIds

RESULTS = ("codes.npy", "ids.safetensors", "latent.npy", "recon_error.npy", "step_trace.safetensors",
           "step_trace.json", "model.json", "metrics.json", "outcome.json", "counted.json", "counted.npy")
WINDOW, CODEBOOKS = "window.safetensors", "codebooks.safetensors"
RECORDER_GONE = "The recording program ended without close(); what it recorded is kept."
log = logging.getLogger(__name__)
STALE_S = 30.0  # a worker beats every second; one that was silent this long is gone
SILENT_S = 900.0  # a recording on another machine beats as often as it logs
_control_lock = threading.Lock()


def _parse_status(path: Path) -> Status | None:
    found = files.read_json(path)
    return None if found is None else Status.from_json(found)


_read_status = files.Kept(_parse_status)  # the queue, every page and every live view look at every waiting run's
_read_config = files.Kept(lambda path: RunConfig.from_json(files.read_json(path) or {}))


class Run:
    """One run: how it goes, what is asked of it, and the codes, vectors and weights it has kept so far.

    Everything is read afresh where its file changed; only ``config`` never changes.
    """

    def __init__(self, path: Path):
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Run({self.id!r}, {self.state})"

    @property
    def id(self) -> str:
        return self.path.name

    @cached_property
    def config(self) -> RunConfig:
        """What was asked. Raises ValueError where ``config.json`` cannot be read."""
        try:
            return _read_config(self.path / "config.json")
        except ValueError as error:
            raise ValueError(f"Run {self.id} cannot be opened: {error}") from None

    @property
    def title(self) -> str:
        """The run's name for people."""
        return self.labels.name or self.config.title or self.id

    @property
    def labels(self) -> Labels:
        """What people wrote on it: name, note, tags, star."""
        return run_labels.read(self.path)

    @property
    def bundled(self) -> bool:
        """Whether it came with the lab."""
        return self.path.parent != paths.subfolder("runs")

    @property
    def read_only(self) -> bool:
        """Bundled runs, and in a class those of others, are for looking."""
        visitor = access.current()  # where nobody is told apart, nothing is read
        return self.bundled or (visitor is not None and not access.may_change(visitor, self.owner))

    @property
    def owner(self) -> str:
        """Id of the visitor of a class whose run it is; "" for whoever runs the server."""
        try:
            return self.config.owner
        except ValueError:  # nobody knows any more; then only they may touch it
            return ""

    @property
    def visible(self) -> bool:
        """Whether whoever acts may look at it: in a class, bundled runs, one's own, and those that were shared."""
        return self.bundled or not self.read_only or self.labels.shared

    def refuse_change(self, what: str = "changed") -> None:
        """Raise ValueError where whoever acts may only look at the run."""
        if self.bundled:
            raise ValueError(f"'{self.title}' is bundled and cannot be {what}; start a run of your own.")
        if self.read_only:
            raise ValueError(f"'{self.title}' is {self.config.owner_name or 'somebody else'}'s and cannot be {what} by you; "
                             "start a run of your own.")

    @property
    def status(self) -> Status:
        """How it goes, as is true now, not as was written last.

        A worker that died makes ``interrupted``, and a waiting run that was told to stop is ``stopped``.
        """
        status = _read_status(self.path / "status.json")
        if status is None:
            return Status("interrupted", message="status.json cannot be read; resume the run to go on.")
        if status.busy and self.external:
            return status if _recorder_lives(status) else status.but(
                state="interrupted", rate=0.0, left_s=None, message=status.message or RECORDER_GONE)
        if status.busy and not _worker_lives(status):
            full = disk.nearly_full(self.path) and disk.full_sentence(self.path)
            message = full or status.message or "The worker ended before the run did; resume it to go on."
            return status.but(state="interrupted", rate=0.0, left_s=None, message=message)
        if status.state == "queued" and self.read_control().action == "stop":
            return status.but(state="stopped")
        return status

    @property
    def external(self) -> bool:
        """Whether another program trains and records it, so that nothing here can pause, stop or resume it."""
        try:
            return self.config.kind == "external"
        except ValueError:
            return False

    @property
    def state(self) -> State:
        """queued, running, paused, stopped, interrupted, finished or failed."""
        return self.status.state

    @property
    def learner(self) -> LearnerConfig:
        """Name and hyper-parameters of the quantizer or model that trains.

        Raises:
            ValueError: nothing trains in this kind of run.
        """
        if self.config.learner is None:
            raise ValueError(f"'{self.title}' is a run of kind {self.config.kind}, in which nothing trains.")
        return self.config.learner

    @property
    def study(self) -> StudyRequest:
        """What a study is asked. Raises ValueError for other kinds of run."""
        if self.config.study is None:
            raise ValueError(f"'{self.title}' is a run of kind {self.config.kind}, not a study.")
        return self.config.study

    def events(self, since_byte: int = 0) -> tuple[list[Event], int]:
        """Whole lines of the log from a byte on, and the byte to ask from next time.

        A torn last line waits for its rest; a line that is no event is left out. An offset beyond the
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
        except OSError as error:
            log.warning("the log of run %s cannot be read: %s", self.id, error)
            return [], 0
        whole = block[:block.rfind(b"\n") + 1]
        found = []
        for line in whole.splitlines():
            try:
                event = events.checked(json.loads(line))
            except (ValueError, RecursionError):
                continue  # a line that a crash tore or somebody spoilt; the others still say what they say
            if event is not None:
                found.append(event)
        return found, since_byte + len(whole)

    def log(self, n_lines: int = 200) -> str:
        """The end of what the worker said on stderr."""
        try:
            text = (self.path / "log.txt").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-n_lines:])

    def live_params(self) -> Values:
        """The live hyper-parameters as they are asked for now: the configuration's, then what its schedule changed so far,
        then what was asked since."""
        given = self.learner
        start = {spec.name: given.params.get(spec.name, spec.default) for spec in run_config.live_specs(given.name)}
        changed = self.read_control().live_params
        if self.config.schedule:
            n_done = self.status.step
            for change in self.config.schedule:
                start |= change.params if change.step < n_done else {}
        try:
            return start | run_config.check_live_params(given.name, changed)
        except ValueError as error:
            log.warning("control.json of run %s is left out: %s", self.id, error)
            return start

    def read_control(self) -> Control:
        """What the worker is asked to do."""
        return Control.from_json(files.read_json(self.path / "control.json") or {})

    def control(self, action: Action | None = None, step_to: int | None = None,
                live_params: Values | None = None) -> None:
        """Ask the worker for something; it answers by its status within a fraction of a second.

        Args:
            action: "run", "pause" or "stop"; None keeps what was asked last.
            step_to: go on until this many steps are done, then pause. An action without it clears it.
            live_params: live hyper-parameters to change from the next step on.

        Raises:
            ValueError: a bundled run, an unknown action, or a live hyper-parameter that cannot change that way.
        """
        self.refuse_change()
        if self.external:
            raise ValueError(f"'{self.title}' is trained by another program and only recorded here; stop it there.")
        if action is not None and action not in ACTIONS:
            raise ValueError(f"action is {action!r}, but must be one of {', '.join(ACTIONS)}.")
        checked = run_config.check_live_params(self.learner.name, live_params) if live_params else {}
        with _control_lock:
            control = self.read_control()
            if action is not None or step_to is not None:
                control = replace(control, action=action or "pause", step_to=None if step_to is None else int(step_to))
            control = replace(control, live_params=control.live_params | checked, seq=control.seq + 1)
            files.write_json(self.path / "control.json", control.to_json())

    def step(self, n: int = 1) -> None:
        """Train ``n`` more batches, then pause."""
        self.control("pause", step_to=self.status.step + n)

    def snapshots(self) -> list[int]:
        """The steps whose codes were kept, ascending."""
        names = (path.stem for path in (self.path / "snapshots").glob("*.safetensors"))
        return sorted(int(name) for name in names if name.isdigit())

    def snapshot(self, step: int) -> dict[str, np.ndarray]:
        """The codes at one kept step: ``codes`` (N, L), ``error`` (L+1), ``rows`` (N) item numbers, ``step``.

        N is all items up to 20,000, an even sample beyond. Error is the mean squared norm of the residual
        before each level and after the last. A recording keeps its latest codes; where it was not told whose they are, the
        entry ``unmatched`` is there and ``rows`` only count.

        Raises:
            ValueError: nothing was kept at this step, or what was cannot be read.
        """
        path = self.path / "snapshots" / f"{int(step):07d}.safetensors"
        if not path.exists():
            raise ValueError(f"Run {self.id} kept no codes at step {step}; it has {self.snapshots()}.")
        with self._reading(f"snapshots/{path.name}"):
            return self._kept_codes(path)

    def window(self) -> dict[str, np.ndarray] | None:
        """The latest codes that a recording keeps, as ``snapshot`` gives them; None for other runs, and before the first."""
        path = self.path / WINDOW
        if not path.exists():
            return None
        with self._reading(WINDOW):
            return self._kept_codes(path)

    def recorded_codebooks(self) -> list[np.ndarray] | None:
        """The latest codebooks that a recording keeps, one (K, Z) float32 a level; None where there are none."""
        path = self.path / CODEBOOKS
        if not path.exists():
            return None
        with self._reading(CODEBOOKS):
            found, sizes = load_file(path), self.codes_per_level()
            books = [found[f"codebook.{level}"] for level in range(len(sizes))]
            if any(book.ndim != 2 or book.dtype != np.float32 or len(book) != size
                   for book, size in zip(books, sizes, strict=True)):
                raise ValueError("its codebooks do not have the sizes that config.json names")
        return books

    def _kept_codes(self, path: Path) -> dict[str, np.ndarray]:
        """A file of kept codes, checked."""
        found = load_file(path)
        found["codes"] = self._checked_codes(found["codes"])
        rows_N = found.setdefault("rows", np.arange(len(found["codes"])))
        if rows_N.dtype.kind not in "iu" or rows_N.shape != found["codes"].shape[:1] or rows_N.min(initial=0) < 0:
            raise ValueError(f"its rows are {rows_N.dtype} {rows_N.shape}")
        error = found.get("error")
        if error is not None and (error.dtype.kind != "f" or error.shape != (found["codes"].shape[1] + 1,)):
            raise ValueError(f"its errors are {error.dtype} {error.shape}")
        return found

    def has_result(self) -> bool:
        """Whether the final codes, or a model's weights, are there (finished, or stopped after a step)."""
        return (self.path / ("model.json" if self.config.kind == "model" else "codes.npy")).exists()

    def knows_all_items(self) -> bool:
        """Whether there are codes of all items: final ones, or newest; a recording has those of its latest batches only."""
        return self.has_result() or (not self.external and bool(self.snapshots()))

    def has_latent(self) -> bool:
        """Whether what was quantised is kept."""
        return (self.path / "latent.npy").exists()

    def codes(self) -> np.ndarray:
        """Every item's codes (I, L) int64: the final ones, or while training the newest kept ones.

        Raises:
            ValueError: there are none yet, or they cannot be read.
        """
        if (self.path / "codes.npy").exists():
            with self._reading("codes.npy"):
                return self._checked_codes(_array(self.path / "codes.npy"))
        recording = self.config.recording
        for step in reversed(self.snapshots()):
            found = self.snapshot(step)
            of_all = recording is None or ("unmatched" not in found and len(found["rows"]) == recording.n_items)
            if of_all and (found["rows"] == np.arange(len(found["rows"]))).all():
                return found["codes"]
        if self.external:
            raise ValueError(f"Run {self.id} has no codes of all items{' yet' if self.status.busy else ''}; log codes with "
                             "rows=..., or hand the final codes to close(codes=...).")
        if self.config.quantizer is None and self.config.kind != "import":
            raise ValueError(f"'{self.title}' is a run of kind {self.config.kind}, which has no codes of its own; choose a "
                             "quantizer's run.")
        raise ValueError(f"Run {self.id} has no codes yet; it is {self.state}.")

    def latent(self) -> np.ndarray:
        """What was quantised, (I, Z) float32. Raises ValueError before the run ended."""
        return self._table("latent.npy")

    def recon_error(self) -> np.ndarray:
        """Squared norm of each item's residual before each level and after the last, (I, L+1) float32."""
        return self._table("recon_error.npy")

    def step_trace(self) -> dict[str, np.ndarray] | None:
        """The last stepped batch: what ``Quantizer.trace`` gives, and ``rows``, ``step``; else None."""
        try:
            return load_file(self.path / "step_trace.safetensors")
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError) as error:
            log.warning("the stepped batch of run %s cannot be read: %s", self.id, error)
            return None

    def check_quantizer(self) -> None:
        """Raises ValueError where no quantizer was trained here."""
        if self.config.quantizer is None:
            came = "recorded elsewhere" if self.external else "imported" if self.config.kind == "import" else \
                f"a run of kind {self.config.kind}"
            raise ValueError(f"'{self.title}' is {came}, so there is no quantizer that could encode new vectors; choose a "
                             "run that was trained here, or train one on the same dataset.")

    def quantizer(self) -> "Quantizer":
        """The fitted quantizer. Raises ValueError where the run never gets one, saved none yet, or it cannot be read."""
        from tiger import quantizers  # here, so that listing runs does not load torch
        self.check_quantizer()
        with self._reading("quantizer.json or weights.safetensors", "fitted quantizer"):
            found = quantizers.load(self.path)
            try:  # weights whose shapes do not fit together are found out here, not in whoever uses them
                found.encode(found.decode(np.zeros((1, found.n_levels), np.int64)))
            except NotImplementedError:
                log.debug("%s decodes nothing, so its weights are not tried", found.name)
            return found

    def recommender(self) -> "Recommender":
        """The fitted recommender of a model run. Raises ValueError where there is none yet, or it cannot be read."""
        from tiger import models
        with self._reading("model.json or weights.safetensors", "fitted recommender"):
            return models.load(self.path)

    def metrics(self) -> Values:
        """What was measured when a model run finished, ``valid`` and ``test``; empty before, and where it cannot be read."""
        found = files.read_json(self.path / "metrics.json")
        good = (found is not None and all(_are_scores(found[split]) for split in ("valid", "test") if split in found)
                and ("search" not in found or _are_searches(found["search"])))
        if not good and (self.path / "metrics.json").exists():
            log.warning("metrics.json of run %s cannot be read; python -m tiger evaluate %s measures it again", self.id, self.id)
        return found if found is not None and good else {}

    def codes_per_level(self) -> list[int]:
        """K of each level: what the quantizer was asked for, or what imported IDs say."""
        given = self.config.quantizer.params if self.config.quantizer else {}
        if "n_codes" in given:
            with self._reading("config.json"):
                return metrics.level_sizes(given["n_codes"], given["n_levels"])
        if self.config.imported is not None and self.config.imported.n_codes:
            return list(self.config.imported.n_codes)
        if self.config.recording is not None:
            return list(self.config.recording.n_codes)
        ids = self._saved_ids()
        return ids.n_codes[:ids.n_levels]

    def semantic_ids(self) -> "SemanticIds":
        """The semantic IDs of the final codes, or while training of the newest kept ones."""
        from tiger.semantic_ids import SemanticIds
        if (self.path / "ids.safetensors").exists():
            return self._saved_ids()
        return SemanticIds.from_codes(self.codes(), self.codes_per_level())

    def _saved_ids(self) -> "SemanticIds":
        from tiger.semantic_ids import SemanticIds
        with self._reading("ids.safetensors"):
            return SemanticIds.load(self.path / "ids.safetensors")

    def _table(self, name: str) -> np.ndarray:
        with self._reading(name):
            found = _array(self.path / name)
            if found.ndim != 2 or found.dtype.kind != "f":
                raise ValueError(f"it holds {found.dtype} of shape {found.shape}, not a table of float32")
            return found

    def _checked_codes(self, codes_IL: np.ndarray) -> np.ndarray:
        """Codes as int64; ValueError where they are no codes of this run."""
        if codes_IL.ndim != 2 or 0 in codes_IL.shape or codes_IL.dtype.kind not in "iu":
            raise ValueError(f"it holds {codes_IL.dtype} of shape {codes_IL.shape}, not whole numbers, (items, levels)")
        sizes = self.codes_per_level()
        if codes_IL.shape[1] != len(sizes) or codes_IL.min() < -1 or (codes_IL.max(axis=0) >= sizes).any():
            raise ValueError(f"its codes are not those of {counted(len(sizes), 'level')} of {', '.join(map(str, sizes))} codes")
        return codes_IL.astype(np.int64)

    @contextlib.contextmanager
    def _reading(self, name: str, what: str = "") -> Iterator[None]:
        """Around whatever reads a file of the run: one sentence where it is not there yet, or is damaged."""
        try:
            yield
        except FileNotFoundError:
            yet = "" if self.state == "finished" else " yet"
            raise ValueError(f"Run {self.id} has no {what or name}{yet}; it is {self.state}.") from None
        except READING_FAILS as error:
            reason = " ".join(str(error).split())[:160] or type(error).__name__
            raise ValueError(f"{name} of run {self.id} cannot be read ({reason}); bring the file back from a copy, or train the "
                             "run again.") from None


READING_FAILS = (OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RuntimeError, SafetensorError)
"""What a spoilt file may raise in json, numpy, safetensors and torch."""


def _array(path: Path) -> np.ndarray:
    """An npy file; its header is held against its size before anything is allocated."""
    found = np.load(path, mmap_mode="r", allow_pickle=False)
    if not isinstance(found, np.ndarray):
        raise ValueError("it is no npy file")
    return np.array(found)


def _are_scores(found: Any) -> bool:
    """Whether one split's entry of ``metrics.json`` has what every page and command reads."""
    names = [f"{name}@{k}" for k in (5, 10) for name in ("recall", "ndcg")]
    if not isinstance(found, dict) or not isinstance(found.get("interval"), dict) or "width" not in found:
        return False
    ends = [found["interval"].get(name) for name in names]
    whole = all(isinstance(pair, list) and len(pair) == 2 and all(isinstance(end, int | float) for end in pair) for pair in ends)
    return whole and all(isinstance(found.get(name), int | float) for name in (*names, "n_users", "n_users_all", "ms_per_user"))


def _are_searches(found: Any) -> bool:
    """Whether ``metrics.json`` has the beam beside an exact search, width by width."""
    parts = [found.get(name) for name in ("invalid", "gap")] if isinstance(found, dict) else [None]
    return all(isinstance(part, list) and part and all(isinstance(row, dict) and isinstance(row.get("width"), int)
                                                       for row in part) for part in parts)


def _recorder_lives(status: Status) -> bool:
    """Whether the program that records still runs: by its process on this machine, by its last sign of life on others."""
    if status.host == socket.gethostname() and status.pid is not None:
        return files.pid_alive(status.pid, status.heartbeat_s)
    return time.time() - status.heartbeat_s < SILENT_S


def _worker_lives(status: Status) -> bool:
    """Whether the worker still runs: by its last sign of life and, on this machine, also by its process."""
    if status.pid is None or time.time() - status.heartbeat_s >= STALE_S:
        return False
    return status.host not in ("", socket.gethostname()) or files.pid_alive(status.pid)
