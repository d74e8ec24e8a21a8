"""A small shop on disk and small runs, for the tests of runs, training, worker and jobs."""

import contextlib
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tiger import runs
from tiger.analysis import evaluation
from tiger.core import files
from tiger.runs import fork_server, supervisor, worker
from tiger.runs.executors.local import LocalExecutor, LocalJob
from tiger.runs.fork_server import ForkServer
from tiger.runs.records import Status
from tiger.runs.run import Run

SMALL = {"n_codes": 16, "n_steps": 60, "batch_size": 64, "hidden": "32", "latent_width": 8, "log_every": 5}


def write_shop(folder: Path, n_items: int = 300) -> dict[str, Any]:
    """Write a RecBole folder with made-up titles; returns the dataset reference that loads it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(0)
    words = [f"word{number}" for number in range(80)]
    items = [f"i{item}\t{' '.join(rng.choices(words, k=6))}\n" for item in range(n_items)]
    clicks = [f"u{user}\ti{rng.randrange(n_items)}\t{when}\n" for user in range(60) for when in range(6)]
    (folder / "shop.item").write_text("item_id:token\ttitle:token_seq\n" + "".join(items))
    (folder / "shop.inter").write_text("user_id:token\titem_id:token\ttimestamp:float\n" + "".join(clicks))
    return {"name": "recbole", "params": {"path": str(folder)}, "embedding": {"method": "tfidf"}}


def config(dataset: dict[str, Any], name: str = "rqvae", **params: Any) -> dict[str, Any]:
    """What a small run asks for."""
    return {"dataset": dataset, "quantizer": {"name": name, "params": (SMALL if name == "rqvae" else {}) | params}}


def clusters(n_items: int = 1500, width: int = 48) -> np.ndarray:
    """Vectors in 60 groups of unequal size, on the unit sphere, as text embeddings are."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(60, width))
    emb_IE = centres[rng.integers(0, 60, n_items)] + 0.5 * rng.normal(size=(n_items, width))
    return (emb_IE / np.linalg.norm(emb_IE, axis=1, keepdims=True)).astype(np.float32)


def fit_into(run: Run, emb_IE: np.ndarray) -> Run:
    """Fit a run's quantizer in this process and leave in its folder what a worker would."""
    from tiger import quantizers
    from tiger.runs import artifacts
    assert run.learner is not None
    q = quantizers.create(run.learner.name, **run.learner.params)
    steps = [step for step in q.fit_steps(emb_IE) if step.metrics]
    lines = [json.dumps({"step": step.step, "t_s": 0.0, **step.metrics}) for step in steps]
    (run.path / "events.jsonl").write_text("\n".join(lines) + "\n")
    artifacts.write_result(run, q, emb_IE, steps[-1].step)
    files.write_json(run.path / "status.json", run.status.but(state="finished", step=steps[-1].step,
                                                              n_steps=steps[-1].n_steps).to_json())
    return run


@dataclass
class Ended:
    """What ``Popen`` would be for a worker that has ended."""

    returncode: int
    pid: int = os.getpid()

    def poll(self) -> int:
        return self.returncode


_fork_servers: list[ForkServer] = []


def warm() -> LocalExecutor:
    """An executor with the fork server of this process of tests, ready where workers can be forked."""
    if fork_server.is_available() and not _fork_servers:
        _fork_servers.append(ForkServer())
    for server in _fork_servers:
        wait_for(server.is_ready, "the fork server")
    return LocalExecutor(_fork_servers[0] if _fork_servers else None)


def keep_process(patch: pytest.MonkeyPatch) -> None:
    """A worker that is executed inside this process leaves it its signals and its priority."""
    patch.setattr(worker.signal, "signal", lambda *_: None)
    patch.setattr(worker, "_use_little", lambda: None)
    patch.setattr(evaluation, "GAP_USERS", 8)  # an exact search for each takes longer than a small training


@contextlib.contextmanager
def workers_here() -> Iterator[None]:
    """Runs are executed inside this process, which keeps its signals, its priority and its threads.

    For all that does not need a process of its own; that workers are processes, the tests in ``lifecycle`` see to.
    """
    with pytest.MonkeyPatch.context() as patch:
        keep_process(patch)
        patch.setattr(supervisor, "launch", lambda run, *_: LocalJob(run, Ended(_logged(run))))
        yield


def _logged(run: Run) -> int:
    """What a worker prints goes to the run's log."""
    with (run.path / "log.txt").open("a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        return worker.execute(run)


def execute(run: Run) -> None:
    """Train a run to its end, as the queue would."""
    with workers_here():
        assert worker.execute(run) == 0, run.status.message
    assert run.state == "finished", run.status.message


def until(run: Run, *states: str, timeout_s: float = 120.0) -> Status:
    """Wait until the run is in one of these states; returns its status."""
    return wait_for(lambda: (status := run.status).state in states and status, f"{run.id} {states}", timeout_s)


def wait_for(found: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
    """Wait until ``found`` answers with something true, and return that."""
    end, pause_s = time.monotonic() + timeout_s, 0.02
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(pause_s)
        pause_s = min(0.2, 1.2 * pause_s)  # what is waited for needs the core, too
    known = [(run.id, run.status, run.log(20)) for run in runs.list_runs()]
    raise AssertionError(f"waited {timeout_s} s for {what}; runs: {known}")
