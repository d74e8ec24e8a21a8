"""Record quantizers of ``vector-quantize-pytorch`` by a forward hook: the training loop stays as it is.

    from tiger.recording.vector_quantize import watch_quantizer
    hook = watch_quantizer(model.rvq, "my run", embeddings=emb_IE)
    for rows in batches:
        hook.rows = rows                    # optional: whose codes these are
        ...                                 # the loop as it was
        hook.losses(loss=loss)              # optional: goes with the next record
    hook.close(latents=model.encoder(emb))  # optional latents: codes of all items

Codes, codebooks and the settings that the doctor asks for are read from the module. Knows VectorQuantize, ResidualVQ, SimVQ,
ResidualSimVQ, FSQ, ResidualFSQ, LFQ and ResidualLFQ. Neither that package nor torch is imported here.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any

import numpy as np

from tiger.datasets.reference import Values
from tiger.recording import arrays, recorder
from tiger.recording.recorder import Recorder
from tiger.runs.records import State

FAMILIES = {"VectorQuantize": "", "ResidualVQ": "", "SimVQ": ": SimVQ", "ResidualSimVQ": ": SimVQ", "FSQ": ": FSQ",
            "ResidualFSQ": ": FSQ", "LFQ": ": LFQ", "ResidualLFQ": ": LFQ"}
"""Class to the ending of the library's key, see ``analysis.doctor.libraries``."""
BATCH = 8192


def watch_quantizer(module: Any, title: str = "", *, embeddings: Any, every: int = 10, **how: Any) -> "QuantizerHook":
    """Begin to record a quantizer of vector-quantize-pytorch.

    Args:
        module: the quantizer, before its first training step if its k-means initialisation shall be known.
        embeddings: (I, E) what the model reads, one row an item.
        every: training passes between two records, from 1.
        how: what ``tiger.watch`` takes beside, such as ``item_ids``, ``n_steps``, ``enabled``; ``settings`` are added to those
            that the module tells.

    Raises:
        ValueError: a module that this adapter does not know, or what ``tiger.watch`` refuses.
    """
    family(module)
    settings = read_settings(module) | dict(how.pop("settings", None) or {})
    how.setdefault("n_codes", level_sizes(module))
    how.setdefault("library", "vector-quantize-pytorch" + FAMILIES[family(module)])
    return QuantizerHook(module, recorder.watch(title, embeddings=embeddings, settings=settings, **how), every)


def family(module: Any) -> str:
    """The class of the module that this adapter knows, also where one's own class derives from it.

    Raises:
        ValueError: it knows none.
    """
    found = next((cls.__name__ for cls in type(module).__mro__
                  if cls.__name__ in FAMILIES and cls.__module__.startswith("vector_quantize_pytorch")), None)
    if found is None:
        raise ValueError(f"'{type(module).__name__}' is no quantizer that this adapter knows ({', '.join(FAMILIES)}); use "
                         "tiger.watch and log its codes yourself.")
    return found


def level_sizes(module: Any) -> list[int]:
    """Codes of each level; heads and several codebooks of one module count as levels."""
    layers = getattr(module, "layers", None)
    if layers is not None:
        return [int(layer.codebook_size) for layer in layers]
    return [int(module.codebook_size)] * int(getattr(module, "num_codebooks", 0) or getattr(module, "heads", 1))


def read_settings(module: Any) -> Values:
    """The settings that a diagnosis depends on, by their names in the package; those that cannot be told are left out."""
    layers = getattr(module, "layers", None)
    first = layers[0] if layers is not None else module
    found: Values = {"class": family(module)}
    for name in ("commitment_weight", "commitment_loss_weight", "entropy_loss_weight", "diversity_gamma", "use_cosine_sim"):
        value = getattr(first, name, None)
        if isinstance(value, int | float):
            found[name] = value
    book = getattr(first, "_codebook", None)
    if book is not None:
        found |= {"threshold_ema_dead_code": float(book.threshold_ema_dead_code), "decay": float(book.decay),
                  "ema_update": bool(first.ema_update), "codebook_dim": int(book.embed.shape[-1])}
        if not bool(book.initted):
            found["kmeans_init"] = True
        elif bool((book.cluster_size == 1).all()):  # no training step yet, so nothing initialised it
            found["kmeans_init"] = False
    return found


class QuantizerHook:
    """Records a module's codes at every n-th training pass; made by ``watch_quantizer``.

    Args:
        module: the quantizer.
        recording: where to.
        every: training passes between two records.

    Attributes:
        rows: the items' numbers of the next batch; None where they are not known.
        step: training passes so far; set it where the training counts otherwise.
    """

    def __init__(self, module: Any, recording: Recorder, every: int = 10):
        if every < 1:
            raise ValueError(f"every is {every}, but must be at least 1: record each training pass, or every n-th.")
        self.module, self.recorder, self.every = module, recording, every
        self.step, self.rows = 0, None
        self.numbers: dict[str, Any] = {}
        self.handle = module.register_forward_hook(self._seen)

    @property
    def due(self) -> bool:
        """Whether the next training pass is recorded."""
        return self.step % self.every == 0 and not self.recorder.over

    def losses(self, **numbers: Any) -> None:
        """Numbers that go with the next record, such as ``loss=loss``; tensors are read then, and not before."""
        self.numbers |= {name: value.detach() if hasattr(value, "detach") else value for name, value in numbers.items()}

    def _seen(self, module: Any, inputs: Any, output: Any) -> None:
        """What torch calls after every forward pass."""
        if not module.training or not isinstance(output, tuple) or len(output) < 2:
            return
        step, self.step = self.step, self.step + 1
        rows, self.rows = self.rows, None
        if step % self.every or self.recorder.over:
            return
        codes = arrays.array(output[1])
        if codes.dtype.kind not in "iu":  # a pass that only scores given codes returns a loss there
            return
        n_levels = len(self.recorder.n_codes)
        codes_BL = codes.reshape(-1, n_levels)
        if rows is not None and len(arrays.array(rows).reshape(-1)) != len(codes_BL):
            rows = None  # several vectors an item: which code is whose is not known
        numbers = {name: float(value) for name, value in self.numbers.items()}
        rate = numbers.pop("learning_rate", None)
        if len(output) > 2 and getattr(output[2], "ndim", None) is not None and output[2].numel() <= n_levels:
            numbers.setdefault("quantizer_loss", float(output[2].detach().sum()))
        self.recorder.log(step, codes=codes_BL, rows=rows, losses=numbers, learning_rate=rate, codebooks=self.codebooks)
        self.numbers = {}

    def codebooks(self) -> Sequence[np.ndarray]:
        """One (K, Z) a level, as the module has them now."""
        module, n_levels = self.module, len(self.recorder.n_codes)
        found = getattr(module, "codebooks", None)
        if found is None:
            found = next((book for name in ("codebook", "implicit_codebook")
                          if (book := getattr(module, name, None)) is not None), None)
        if found is None:  # ResidualLFQ names none; its layers do
            found = [layer.codebook for layer in module.layers]
        books = [arrays.array(book) for book in found] if isinstance(found, list | tuple) else arrays.array(found)
        if isinstance(books, np.ndarray) and books.ndim == 2:  # shared by heads
            books = np.broadcast_to(books, (n_levels, *books.shape))
        scales = getattr(module, "scales", None)
        if scales is not None:  # each level of ResidualFSQ quantises on a finer grid
            return [book * scale for book, scale in zip(books, arrays.array(scales), strict=True)]
        return list(books)

    def encode(self, latents: Any) -> np.ndarray:
        """Codes (I, L) of vectors as the module reads them (I, Z), without training on them."""
        found, was_training = [], self.module.training
        self.module.eval()
        try:
            with _no_grad(latents):
                for start in range(0, len(latents), BATCH):
                    codes = self.module(latents[start:start + BATCH][None])[1]
                    found.append(arrays.array(codes).reshape(-1, len(self.recorder.n_codes)))
        finally:
            self.module.train(was_training)
        return np.concatenate(found)

    def close(self, latents: Any = None, codes: Any = None, state: State = "finished", message: str = "") -> None:
        """End the recording and take the hook off.

        Args:
            latents: (I, Z) what the module reads for each item, as a tensor; their codes are computed.
            codes: (I, L) codes of all items, where they are known.
            state, message: as for ``Recorder.close``.
        """
        self.handle.remove()
        if latents is not None and codes is None and not self.recorder.over:
            codes = self.encode(latents)
        self.recorder.close(codes=codes, latents=latents, codebooks=self.codebooks, state=state, message=message)

    def __enter__(self) -> "QuantizerHook":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.handle.remove()
        self.recorder.__exit__(kind, error, trace)


@contextlib.contextmanager
def _no_grad(tensor: Any) -> Iterator[None]:
    """torch's ``no_grad``, from the torch that made the tensor."""
    import sys
    torch: Any = sys.modules.get("torch")
    guard: Callable[[], Any] = torch.no_grad if torch is not None else contextlib.nullcontext
    with guard():
        yield
