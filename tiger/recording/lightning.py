"""A callback for Lightning (``lightning`` or ``pytorch_lightning``), which is imported only when one is made.

    from tiger.recording.lightning import lightning_callback
    trainer = Trainer(callbacks=[lightning_callback("my run", embeddings=emb_IE, n_codes=[256] * 3,
                                                    codes=lambda module, batch, outputs: outputs["codes"])])

Where the module holds a quantizer of vector-quantize-pytorch, name that instead of its codes:
``quantizer=lambda module: module.rvq``. Only the first process of several records.
"""

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from tiger.recording import recorder
from tiger.recording.callback import StepCallback
from tiger.recording.recorder import Recorder
from tiger.recording.vector_quantize import QuantizerHook, watch_quantizer

PACKAGES = ("lightning.pytorch", "pytorch_lightning")


def lightning_callback(title: str = "", *, embeddings: Any, codes: Callable[[Any, Any, Any], Any] | None = None,
                       quantizer: Callable[[Any], Any] | None = None, rows: Callable[[Any], Any] | None = None,
                       codebooks: Callable[[Any], Any] | None = None, all_codes: Callable[[Any], Any] | None = None,
                       every: int = 10, **how: Any) -> Any:
    """A callback that records a training of Lightning.

    Args:
        title, embeddings: as ``tiger.watch`` takes them.
        codes: takes the module, a batch and what ``training_step`` returned; gives the batch's codes (B, L).
        quantizer: takes the module and gives its quantizer of vector-quantize-pytorch, in place of ``codes``.
        rows: takes a batch and gives the items' numbers.
        codebooks: takes the module and gives one (K, Z) a level.
        all_codes: takes the module at the end and gives the codes of all items.
        every: steps between two records.
        how: what ``tiger.watch`` takes beside; ``n_codes`` is needed with ``codes``.

    Raises:
        ValueError: neither or both of ``codes`` and ``quantizer``.
        ImportError: Lightning is not installed.
    """
    if (codes is None) == (quantizer is None):
        raise ValueError("Name either codes=... (module, batch, outputs -> codes) or quantizer=... (module -> its quantizer).")
    base = _base()

    def begin(trainer: Any, module: Any) -> Recorder:
        about = {"n_steps": trainer.max_steps if trainer.max_steps > 0 else int(trainer.estimated_stepping_batches), **how}
        about["enabled"] = bool(trainer.is_global_zero) and about.get("enabled", True)
        if quantizer is not None:
            hook = watch_quantizer(quantizer(module), title, embeddings=embeddings, every=every, **about)
            made.hook = hook
            return hook.recorder
        return recorder.watch(title, embeddings=embeddings, **about)

    class Recording(base):  # type: ignore[misc, valid-type]
        """Records codes, losses and learning rate of a fit."""

        recorder: Recorder | None = None
        hook: QuantizerHook | None = None

        def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
            self.recorder = begin(trainer, pl_module)
            self.on_step = StepCallback(self.recorder, every)

        def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
            if self.hook is not None and rows is not None:
                self.hook.rows = rows(batch)

        def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
            step = trainer.global_step - 1
            if self.hook is not None:
                if self.hook.due:
                    self.hook.losses(**_losses(trainer, outputs), **_rate(trainer))
            elif step >= 0 and codes is not None:
                self.on_step(step, codes=lambda: codes(pl_module, batch, outputs), rows=None if rows is None else rows(batch),
                             losses=lambda: _losses(trainer, outputs),
                             codebooks=None if codebooks is None else partial(codebooks, pl_module),
                             learning_rate=lambda: _rate(trainer).get("learning_rate"))

        def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
            self._close(codes=all_codes(pl_module) if all_codes is not None else None)

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            stopped = isinstance(exception, KeyboardInterrupt)
            self._close(state="stopped" if stopped else "failed",
                        message=f"The training ended with {type(exception).__name__}: {' '.join(str(exception).split())[:300]}")

        def _close(self, **end: Any) -> None:
            if self.hook is not None:
                self.hook.close(**end)
            elif self.recorder is not None:
                self.recorder.close(**end)

    made = Recording()
    return made


def _base() -> type:
    """Lightning's class of callbacks; the package that is in use already comes first."""
    import sys
    for package in sorted(PACKAGES, key=lambda name: name not in sys.modules):
        try:
            found: type = importlib.import_module(package).Callback
            return found
        except ImportError:  # the other name may be installed
            continue
    raise ImportError("Lightning is not installed here; pip install lightning, or use tiger.watch in your own loop.")


def _losses(trainer: Any, outputs: Any) -> dict[str, float]:
    """What ``training_step`` returned as the loss, and the numbers it logged under names of losses."""
    found = {}
    loss: Any = outputs.get("loss") if isinstance(outputs, dict) else outputs
    if hasattr(loss, "detach"):
        found["loss"] = float(loss.detach())
    logged = {str(name): value for name, value in trainer.callback_metrics.items() if "loss" in str(name)}
    return found | {name: float(value) for name, value in logged.items()}


def _rate(trainer: Any) -> dict[str, float]:
    """The first optimiser's learning rate."""
    groups = trainer.optimizers[0].param_groups if trainer.optimizers else []
    return {"learning_rate": float(groups[0]["lr"])} if groups else {}
