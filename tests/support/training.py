"""A small shop on disk and small runs, for the tests of runs, training, worker and jobs."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiger import runs
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


def until(run: Run, *states: str, timeout_s: float = 120.0) -> Status:
    """Wait until the run is in one of these states; returns its status."""
    return wait_for(lambda: (status := run.status).state in states and status, f"{run.id} {states}", timeout_s)


def wait_for(found: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
    """Wait until ``found`` answers with something true, and return that."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        answer = found()
        if answer:
            return answer
        time.sleep(0.02)
    known = [(run.id, run.status, run.log(20)) for run in runs.list_runs()]
    raise AssertionError(f"waited {timeout_s} s for {what}; runs: {known}")
