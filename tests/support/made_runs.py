"""Run folders as workers leave them, without any training: for all that lists, labels and compares runs."""

import json
import time
from typing import Any

import numpy as np

from tiger import runs
from tiger.core import files
from tiger.datasets import registry
from tiger.runs import outcome
from tiger.runs.records import Status


def finished(title: str, *, codes_IL: np.ndarray | None = None, losses: tuple[float, ...] = (4.0, 2.0, 1.0),
             **params: Any) -> runs.Run:
    """A finished RQ-VAE run of the bundled shop, with a log of ``losses`` at steps 10, 20, ... and, where given, codes."""
    given = {"n_codes": 16, "n_levels": 3, "n_steps": 30, **params}
    run = runs.new_run({"dataset": registry.bundled().ref, "title": title, "quantizer": {"name": "rqvae", "params": given}},
                       Status("finished", step=30, n_steps=30, attempt=1))
    lines = [json.dumps({"step": 10 * (at + 1), "t_s": 0.5 * (at + 1), "loss": loss, "perplexity": [loss, 2 * loss, 3.0]})
             for at, loss in enumerate(losses)]
    (run.path / "events.jsonl").write_text("\n".join(lines) + "\n")
    if codes_IL is not None:
        np.save(run.path / "codes.npy", codes_IL.astype(np.int32))
        outcome.write(run.path, outcome.of_codes(codes_IL, run.codes_per_level(), explained=0.5))
    return run


def settle() -> None:
    """Let the index keep what it reads: files that changed within the last moment are read again every time."""
    time.sleep(files.SETTLED_NS / 1e9 + 0.01)


def write_status(run: runs.Run, **changes: Any) -> None:
    """Replace a run's status, as its worker does."""
    files.write_json(run.path / "status.json", run.status.but(**changes).to_json())
