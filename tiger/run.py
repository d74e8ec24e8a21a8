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
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from tiger.core import files
from tiger.runfolder import BUSY, DEFAULT_STATUS, WAITING, RunFolder

if TYPE_CHECKING:
    from tiger.models import Recommender
    from tiger.quantizers import Quantizer
    from tiger.semantic_ids import SemanticIds

RESULTS = ("codes.npy", "ids.safetensors", "latent.npy", "recon_error.npy", "step_trace.safetensors",
           "step_trace.json", "model.json", "metrics.json")


class Run(RunFolder):
    """One run: how it goes, and the codes, vectors and weights it has kept so far."""

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


__all__ = ["BUSY", "DEFAULT_STATUS", "RESULTS", "WAITING", "Run"]
