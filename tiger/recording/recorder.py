"""``tiger.watch``: record a training that happens in anybody's loop, as a run that the lab shows while it trains.

    rec = tiger.watch("my run", embeddings=emb_IE, item_ids=ids, n_codes=[256] * 3)
    for step, rows in enumerate(batches):
        ...
        if step % 10 == 0:
            rec.log(step, codes=indices, rows=rows, losses={"loss": loss}, codebooks=lambda: model.codebooks)
    rec.close(codes=all_codes)

Needs numpy and safetensors. Tensors of any library that numpy can read, or that have ``detach().cpu()``, are taken as they
are. What is wrong with the arguments is said by ValueError; a disk that fails ends the recording and never the training.
"""

import atexit
import functools
import logging
import math
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, TypeAlias

import numpy as np
from safetensors.numpy import save

from tiger.core import files
from tiger.core.words import counted, there
from tiger.datasets.reference import DatasetRef, Values
from tiger.datasets.sources import recorded
from tiger.recording import arrays
from tiger.recording.events import EventFile
from tiger.recording.window import Window
from tiger.runs import store
from tiger.runs.records import Recording, RunConfig, State, Status
from tiger.runs.run import CODEBOOKS, WINDOW, Run
from tiger.semantic_ids import SemanticIds

log = logging.getLogger(__name__)
STATUS_S, STATUS_SHARE = 0.5, 0.001  # between two writes of the status, and the share of the time that they may take
KEEP_S, KEEP_SHARE = 0.25, 0.002  # the same for the window
N_SNAPSHOTS = 48  # kept steps; beyond, every second one goes, and the next ones lie twice as far apart
DRAWS_PER_CODE = 16  # codes that the window holds for each of a level's codes: perplexity then comes out 3 % too low at most
Array: TypeAlias = Any
"""A numpy array, a tensor, or nested lists of numbers."""
P = ParamSpec("P")


def watch(title: str = "", *, embeddings: Array, n_codes: int | Sequence[int], item_ids: Sequence[Any] | None = None,
          titles: Sequence[str] | None = None, dataset: DatasetRef | None = None, n_steps: int | None = None, library: str = "",
          settings: Values | None = None, window: int | None = None, enabled: bool = True) -> "Recorder":
    """Begin to record a training; the run appears in the lab at once.

    Where several processes train together, record in one of them (``enabled=rank == 0``); each recorder makes a run of its own.

    Args:
        title: of the run, for people.
        embeddings: (I, E) what the quantizer reads, one row an item; kept once for all runs that use the same.
        n_codes: codes of each level, one number a level; a single number: one level.
        item_ids: one id an item, all different; None: their numbers.
        titles: one text an item, for people.
        dataset: what loads the same items in the lab, such as {"name": "recbole", "params": {"path": ...}}, with texts and
            histories; the embeddings, ids and titles are then not kept.
        n_steps: steps that the training will do, for the progress bar.
        library: what trains, such as "vector-quantize-pytorch"; remedies are then said in its words.
        settings: hyper-parameters by the names that they have there.
        window: codes a level over which perplexity is counted; by default 16 for each code, at most one an item.
        enabled: False records nothing, and every method does nothing.

    Raises:
        ValueError: shapes or ids do not fit together, or the disk is full.
    """
    if not enabled:
        return Recorder(None, 0, [1], 1)
    emb_IE = arrays.vectors(embeddings, "embeddings")
    sizes = arrays.sizes(n_codes)
    ids = arrays.ids(item_ids, len(emb_IE))
    if titles is not None and len(titles) != len(emb_IE):
        raise ValueError(f"{there(len(titles), 'title')} for {counted(len(emb_IE), 'embedding')}; give one for each, "
                         "in their order.")
    names = None if titles is None else [str(one) for one in titles]
    ref = dataset or recorded.write(emb_IE, ids, names, f"{title or 'Recorded'} ({counted(len(emb_IE), 'item')})")
    about = Recording(sizes, len(emb_IE), library, arrays.plain(settings or {}))
    status = Status("running", stage="recording", pid=os.getpid(), host=socket.gethostname(), heartbeat_s=time.time(), attempt=1,
                    n_steps=int(n_steps or 0))
    run = store.new_run(RunConfig("external", ref, title, recording=about), status)
    size = window or max(1, min(DRAWS_PER_CODE * max(sizes), len(emb_IE)))
    return Recorder(run, len(emb_IE), sizes, size, status)


def _guarded(method: Callable[Concatenate["Recorder", P], None]) -> Callable[Concatenate["Recorder", P], None]:
    """Around what a training calls: nothing where the recording is over, and a failing disk ends it, with one warning."""
    @functools.wraps(method)
    def call(self: "Recorder", *args: P.args, **how: P.kwargs) -> None:
        with self.lock:
            if self.over or os.getpid() != self.status.pid:  # also a child that was forked with the recorder in it
                return
            try:
                method(self, *args, **how)
            except OSError as error:
                self.over = True
                log.warning("Recording of run %s ended, training goes on: %s", self.run.id if self.run else "", error)
    return call


class Recorder:
    """Fills the folder of one run; made by ``watch``.

    Args:
        run: where it is kept; None: nowhere, nothing is recorded.
        n_items: items that rows may name.
        n_codes: K of each level.
        window: codes over which perplexity is counted, see ``Window``.
    """

    def __init__(self, run: Run | None, n_items: int, n_codes: Sequence[int], window: int, status: Status | None = None):
        self.run, self.n_items, self.n_codes = run, n_items, list(n_codes)
        self.status = status or Status(pid=os.getpid())
        self.window = Window(self.n_codes, window)
        self.lock, self.over = threading.RLock(), run is None
        self.seen_IL: np.ndarray | None = None  # the latest codes of every item, once rows were given
        self.begin_s = self.status_s = self.kept_s = time.monotonic()
        self.step, self.status_cost_s = 0, 0.0
        self.keep_cost_s, self.snapshot_gap, self.kept_steps = 0.0, 1, list[int]()
        self.n_logged = 0
        self.bad_losses = set[str]()
        if run is not None:
            self.events = EventFile(run.path / "events.jsonl")
            (run.path / "snapshots").mkdir(exist_ok=True)
            atexit.register(self._at_exit)

    @_guarded
    def log(self, step: int, codes: Array | Sequence[Array] | None = None, losses: Mapping[str, Any] | None = None,
            codebooks: Array | Callable[[], Array] | None = None, rows: Array | None = None,
            learning_rate: float | None = None, inputs: Array | None = None, outputs: Array | None = None) -> None:
        """Record a step.

        Args:
            step: from 0, or 1; the training's own count.
            codes: (B, L) codes of a batch, 0..K-1, or one (B,) a level; negative: none. Codes of all items in order need no rows.
            losses: numbers by name, such as {"loss": ..., "recon_loss": ...}.
            codebooks: one (K, Z) a level, or a function that returns them, called only when they are written.
            rows: (B,) the items' numbers, the place of each in ``embeddings``.
            learning_rate: of this step.
            inputs, outputs: (B, E) what was encoded, and what decoding its codes gave; the explained variance is taken from both.

        Raises:
            ValueError: a code, row or shape that does not fit to what ``watch`` was told.
        """
        event = self._losses(int(step), losses or {})
        if learning_rate is not None:
            event["learning_rate"] = arrays.number(learning_rate)
        if inputs is not None and outputs is not None:
            event["explained"] = arrays.explained(inputs, outputs)
        if codes is not None:
            event |= self._codes(codes, rows)
        now_s = time.monotonic()
        if event:
            self.events.add({"step": int(step), "t_s": round(now_s - self.begin_s, 3), **event})
        self.n_logged += 1
        self._say(int(step), now_s)
        if self.window.n and (now_s - self.kept_s >= max(KEEP_S, self.keep_cost_s / KEEP_SHARE) or not self.kept_steps):
            self._keep(int(step), codebooks)

    def _losses(self, step: int, losses: Mapping[str, Any]) -> Values:
        """The losses as numbers; one that is not finite is left out, and said once."""
        found = {arrays.name(name): arrays.number(value) for name, value in losses.items()}
        for name in [name for name, value in found.items() if not math.isfinite(value)]:
            if name not in self.bad_losses:
                self.bad_losses.add(name)
                self.events.add({"step": step, "note": f"{name} is {found[name]}"})
            del found[name]
        return found

    def _codes(self, codes: Any, rows: Any) -> Values:
        """Take a batch into the window; returns how the window's codes are used."""
        codes_BL = arrays.codes(codes, self.n_codes)
        if rows is None and len(codes_BL) == self.n_items:
            rows = np.arange(self.n_items)
        rows_B = None if rows is None else arrays.rows(rows, len(codes_BL), self.n_items)
        self.window.add(codes_BL, rows_B)
        if rows_B is not None:
            if self.seen_IL is None:
                self.seen_IL = np.full((self.n_items, len(self.n_codes)), -1, np.int32)
            self.seen_IL[rows_B] = codes_BL
        return {"perplexity": self.window.perplexity(), "dead": self.window.dead(), "window": self.window.n}

    def _say(self, step: int, now_s: float) -> None:
        """Write the status, as often as pages look at it."""
        self.step = step
        if now_s - self.status_s < max(STATUS_S, self.status_cost_s / STATUS_SHARE) and self.n_logged > 1:
            return
        passed_s = now_s - self.begin_s
        rate = step / passed_s if passed_s > 0 else 0.0
        n_steps = self.status.n_steps
        left_s = (n_steps - step) / rate if rate > 0 and n_steps > step else None
        self._write_status(rate=rate, left_s=left_s)
        self.status_s = time.monotonic()
        self.status_cost_s = self.status_s - now_s

    def _write_status(self, **changes: Any) -> None:
        assert self.run is not None
        self.status = self.status.but(step=self.step, heartbeat_s=time.time(), **changes)
        files.rewrite_json(self.run.path / "status.json", self.status.to_json())

    def _keep(self, step: int, codebooks: Any) -> None:
        """Write the window, the codebooks, and now and then a step to come back to."""
        assert self.run is not None
        start_s = time.monotonic()
        codes_NL, rows_N = self.window.codes()
        kept = {"codes": codes_NL.astype(np.int16 if max(self.n_codes) <= 2**15 else np.int32), "step": np.array(step)}
        kept |= {"unmatched": np.ones(1, np.uint8)} if rows_N is None else {"rows": rows_N.astype(np.int64)}
        block = save({name: np.ascontiguousarray(value) for name, value in kept.items()})
        files.write(self.run.path / WINDOW, block)
        if not self.kept_steps or step - self.kept_steps[-1] >= self.snapshot_gap:
            files.write(self._snapshot(step), block)
            self.kept_steps.append(step)
            if len(self.kept_steps) > N_SNAPSHOTS:
                self._thin()
            if codebooks is not None:
                self._write_codebooks(codebooks)
        self.kept_s = time.monotonic()
        self.keep_cost_s = self.kept_s - start_s

    def _snapshot(self, step: int) -> Path:
        assert self.run is not None
        return self.run.path / "snapshots" / f"{step:07d}.safetensors"

    def _thin(self) -> None:
        """Let every second kept step go, so that the first and newest stay."""
        gone = self.kept_steps[-2::-2]
        gone = [step for step in gone if step != self.kept_steps[0]]
        for step in gone:
            self._snapshot(step).unlink(missing_ok=True)
        self.kept_steps = [step for step in self.kept_steps if step not in gone]
        self.snapshot_gap = max(self.snapshot_gap, (self.kept_steps[-1] - self.kept_steps[0]) // max(1, len(self.kept_steps) - 1))

    def _write_codebooks(self, codebooks: Any) -> None:
        assert self.run is not None
        books = arrays.codebooks(codebooks() if callable(codebooks) else codebooks, self.n_codes)
        files.write(self.run.path / CODEBOOKS, save({f"codebook.{level}": book for level, book in enumerate(books)}))

    @_guarded
    def close(self, codes: Array | Sequence[Array] | None = None, latents: Array | None = None,
              codebooks: Array | Callable[[], Array] | None = None, state: State = "finished", message: str = "") -> None:
        """End the recording. A second call does nothing.

        Args:
            codes: (I, L) the final codes of all items, in the order of ``embeddings``. Without them, the last codes that were
                logged for each item are taken, if every item has some.
            latents: (I, Z) what was quantised.
            codebooks: as for ``log``.
            state: how the training ended: finished, stopped or failed.
            message: one sentence on it.

        Raises:
            ValueError: codes or latents of another number of items, or codes out of range.
        """
        assert self.run is not None
        if latents is not None:
            latent_IZ = arrays.vectors(latents, "latents")
            if len(latent_IZ) != self.n_items:
                raise ValueError(f"{there(len(latent_IZ), 'latent')} for {counted(self.n_items, 'item')}; give one "
                                 "row for each.")
            self._write_array("latent.npy", latent_IZ)
        if codebooks is not None:
            self._write_codebooks(codebooks)
        note = self._result(codes)
        if self.window.n:
            self.kept_steps = [step for step in self.kept_steps if step != self.step]
            self.snapshot_gap = 0
            self._keep(self.step, None)
        self.events.close()
        self._write_status(state=state, stage="", rate=0.0, left_s=None, message=" ".join(filter(None, (message, note))))
        self.over = True
        atexit.unregister(self._at_exit)

    def _result(self, codes: Any) -> str:
        """Write the final codes, if they are known; returns what has to be said about them."""
        assert self.run is not None
        if codes is not None:
            codes_IL, note = arrays.codes(codes, self.n_codes), ""
            if len(codes_IL) != self.n_items:
                raise ValueError(f"there are codes of {counted(len(codes_IL), 'item')}, but embeddings of {self.n_items:,}; give "
                                 "the codes of all items, in the order of the embeddings.")
        elif self.seen_IL is not None and (self.seen_IL >= 0).all():
            codes_IL, note = self.seen_IL, "The codes are those that each item had when it was last logged."
        else:
            return "The codes of all items were not recorded; hand them to close(codes=...) to see them on Map and Tree."
        codes_IL = np.where((codes_IL < 0).any(axis=1, keepdims=True), -1, codes_IL).astype(np.int32)
        ids = self.run.path / ".ids.part.safetensors"
        SemanticIds.from_codes(codes_IL, self.n_codes).save(ids)
        files.replace(ids, self.run.path / "ids.safetensors")
        self._write_array("codes.npy", codes_IL)
        return note

    def _write_array(self, name: str, array: np.ndarray) -> None:
        assert self.run is not None
        part = self.run.path / f".{name}.part.npy"
        np.save(part, array, allow_pickle=False)
        files.replace(part, self.run.path / name)

    def _at_exit(self) -> None:
        """The program ends without ``close``."""
        error = getattr(sys, "last_value", None)
        self.close(state="failed" if error is not None else "stopped",
                   message=_sentence(error) if error is not None else "The program ended without close().")

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is None:
            self.close()
        elif isinstance(error, Exception):
            self.close(state="failed", message=_sentence(error))
        else:
            self.close(state="stopped", message=_sentence(error))


def _sentence(error: BaseException) -> str:
    words = " ".join(str(error).split())[:300]
    return f"The training ended with {type(error).__name__}{f': {words}' if words else ''}."
