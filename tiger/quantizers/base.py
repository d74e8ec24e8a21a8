"""The contract that every quantizer keeps. One contract test runs over all of them."""

from abc import abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tiger.core import params
from tiger.core.learner import Learner, LiveParams, TrainingState
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.words import counted

Steps = Generator[Progress, None, "Quantizer"]


@dataclass
class Quantizer(Learner):
    """Turns embeddings into codes and back.

    The constructor stores hyper-parameters only; ``fit`` learns and forgets earlier fits; learned
    attributes end in an underscore. The same seed, machine and thread count give the same codes.
    """

    kind: ClassVar[str] = "quantizer"
    can_fine_tune: ClassVar[bool] = False  # has ``fine_tune_steps``
    residual: ClassVar[bool] = True  # each level codes what the levels before left over, so level 1 is the coarsest
    gradient_formula: ClassVar[str] = ""  # LaTeX, where the derivative of a step was worked out
    gradient_function: ClassVar[Callable[..., Any] | None] = None  # the same as code
    level_summary: ClassVar[str] = "Each level quantises the residual of the previous level."
    level_formula: ClassVar[str] = (r"r_1 = z,\quad c_l = \arg\min_k \lVert r_l - e^{(l)}_k \rVert^2,"
                                    r"\quad r_{l+1} = r_l - e^{(l)}_{c_l}\;")  # the same as LaTeX, shown above an item's walk

    n_levels: int = param(3, "Number of levels: codes per semantic ID, coarse to fine.", low=1, high=8)
    n_codes: int | list[int] = param(256, "Codebook size of each level.", low=2, high=65536)
    seed: int = param(0, "Random seed; the same seed gives the same result.", low=0, high=2**31 - 1)

    def fit(self, emb_IE: np.ndarray) -> "Quantizer":
        """Learn from embeddings (I, E) float32. Returns self."""
        for _ in self.fit_steps(emb_IE):
            pass
        return self

    @property
    def codes_per_level(self) -> list[int]:
        """K of every level, (L,).

        Raises:
            ValueError: ``n_codes`` lists another number of levels than ``n_levels``.
        """
        if isinstance(self.n_codes, int):
            return [self.n_codes] * self.n_levels
        if len(self.n_codes) != self.n_levels:
            raise ValueError(f"n_codes lists {counted(len(self.n_codes), 'level')} ({params.text(self.n_codes)}), but n_levels "
                             f"is {self.n_levels}; make them agree.")
        return list(self.n_codes)

    def check_params(self) -> None:
        super().check_params()
        self.codes_per_level  # noqa: B018  refuses a list of another length

    @abstractmethod
    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """The fit as a generator that yields after every step.

        Args:
            emb_IE: float32 embeddings.
            state: what ``training_state`` returned at some step; the fit goes on from there and ends with
                the bit-identical result of a fit that was never interrupted.
            live_params: asked before each step for live hyper-parameters that changed.

        Between two steps the quantizer can already ``encode`` and ``decode``.
        """

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """Continue the fit on new vectors, from what was learned; a generator that returns the new quantizer.

        A fit starts afresh and numbers its codes by chance; fine-tuning keeps the numbers. This one is not changed.

        Args:
            emb_IE: float32 (I, E), as wide as what it learned from.
            n_steps: gradient steps, where it trains by them.
            rate: their learning rate as a share of the first fit's.
            keep_IL: the codes that items should keep; -1, or None, binds nobody.
            penalty: weight of the squared distance between a new code and the kept one, 0..

        Raises:
            ValueError: this kind of quantizer cannot be fine-tuned (``can_fine_tune``); embeddings of another width
                than learned, or not finite.
        """
        raise ValueError(f"{self.title} cannot be fine-tuned; fit it again.")

    @abstractmethod
    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """Codes (N, L) int64, 0..K-1. Memory is bounded by the batch."""

    @abstractmethod
    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """Embeddings (N, E) float32 that the codes stand for."""

    @abstractmethod
    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """What is quantised (N, Z) float32: the encoder's output, or the embedding itself."""

    @abstractmethod
    def codebooks(self) -> list[np.ndarray] | None:
        """One (K, Z) array per level, or None where codes have no vectors (LSH, random codes)."""

    def prices(self) -> list[np.ndarray] | None:
        """What choosing a code costs beside its squared distance, (K,) float32 per level; None where nothing."""
        return None

    def trace(self, emb_NE: np.ndarray) -> dict[str, np.ndarray]:
        """One item's way through the levels, for every row.

        Returns:
            latent (N, Z); codes (N, L); residual (N, L+1, Z): what enters each level, and what is left at the end;
            chosen (N, L, Z): the codes' vectors; recon (N, E); error (N, L+1): the residuals' squared lengths.

        Raises:
            ValueError: the codes of this quantizer have no vectors.
        """
        books = self.codebooks()
        if books is None:
            raise ValueError(f"{self.name} has no codebooks, so there are no residuals to trace.")
        latent_NZ, codes_NL = self.latent(emb_NE), self.encode(emb_NE)
        chosen_NLZ = np.stack([book[codes_NL[:, level]] for level, book in enumerate(books)], 1)
        residual = [latent_NZ]
        for level in range(self.n_levels):
            residual.append(residual[-1] - chosen_NLZ[:, level])
        residual_NMZ = np.stack(residual, 1)
        return {"latent": latent_NZ, "codes": codes_NL, "residual": residual_NMZ, "chosen": chosen_NLZ,
                "recon": self.decode(codes_NL), "error": np.square(residual_NMZ).sum(2)}


def check_fitted(q: Quantizer, learned: str) -> None:
    """Refuse to work before the first fit.

    Args:
        learned: an attribute that only a fit, or loaded weights, give.

    Raises:
        ValueError: it is not there.
    """
    if not hasattr(q, learned):
        raise ValueError("this quantizer is not fitted; call fit first.")


def check_embeddings(emb_NE: np.ndarray, width: int | None = None) -> np.ndarray:
    """Return float32 rows, or raise one clear sentence.

    Raises:
        ValueError: not two-dimensional, empty, another width than learned, or not finite (names the first bad row).
    """
    emb_NE = np.asarray(emb_NE)
    check_shape(emb_NE, width)
    emb_NE = np.ascontiguousarray(emb_NE, dtype=np.float32)
    check_finite(emb_NE)
    return emb_NE


def check_shape(emb_NE: np.ndarray, width: int | None) -> None:
    """The part of ``check_embeddings`` that looks at shape and kind only."""
    if emb_NE.ndim != 2 or 0 in emb_NE.shape:
        raise ValueError(f"embeddings have shape {emb_NE.shape}, but must be (items, width), both at least 1.")
    if emb_NE.dtype.kind not in "fiu":
        raise ValueError(f"embeddings have dtype {emb_NE.dtype}, but must be numbers; float32 is best.")
    if width is not None and emb_NE.shape[1] != width:
        raise ValueError(f"embeddings are {emb_NE.shape[1]} wide, but this quantizer was fitted on width {width}; "
                         "fit again or give vectors of that width.")


def check_finite(emb_NE: np.ndarray, first_row: int = 0) -> None:
    """The part of ``check_embeddings`` that looks at the numbers; rows are counted from ``first_row``."""
    flat = emb_NE.reshape(-1)
    if np.isfinite(np.dot(flat, flat)):  # a sum of squares hides no NaN and no infinity, and costs little
        return
    bad_N = ~np.isfinite(emb_NE).all(1)
    if bad_N.any():
        raise ValueError(f"embedding row {first_row + int(bad_N.argmax())} holds NaN or infinity "
                         f"({counted(int(bad_N.sum()), 'such row')}); drop or fill them first.")


def row_blocks(emb_NE: np.ndarray, width: int, batch_size: int, block: int) -> Iterator[tuple[slice, np.ndarray]]:
    """Checked float32 rows, at most ``block`` at a time; reads and converts at most about ``batch_size`` at once.

    Raises:
        ValueError: as ``check_embeddings``.
    """
    emb_NE = np.asarray(emb_NE)
    check_shape(emb_NE, width)
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but must be at least 1.")
    batch_size = max(block, batch_size // block * block)
    for start in range(0, len(emb_NE), batch_size):
        batch = np.ascontiguousarray(emb_NE[start:start + batch_size], dtype=np.float32)
        check_finite(batch, start)
        for first in range(0, len(batch), block):
            part = batch[first:first + block]
            yield slice(start + first, start + first + len(part)), part


def check_codes(codes_NL: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Return int64 codes, or raise one clear sentence.

    Args:
        sizes: codes to choose from at every level.

    Raises:
        ValueError: not (N, L), not whole numbers, or a code out of range (names the first such row).
    """
    codes_NL, n_levels = np.asarray(codes_NL), len(sizes)
    if codes_NL.ndim != 2 or codes_NL.shape[1] != n_levels:
        raise ValueError(f"codes have shape {codes_NL.shape}, but must be (items, {n_levels}): one code per level.")
    if codes_NL.dtype.kind not in "iu":
        raise ValueError(f"codes have dtype {codes_NL.dtype}, but must be whole numbers.")
    bad_N = ((codes_NL < 0) | (codes_NL >= np.asarray(sizes))).any(1)
    if bad_N.any():
        most = sizes[0] - 1 if len(set(sizes)) == 1 else [size - 1 for size in sizes]
        raise ValueError(f"codes of row {int(bad_N.argmax())} are {codes_NL[bad_N.argmax()].tolist()}, "
                         f"but must lie between 0 and {most}.")
    return codes_NL.astype(np.int64)
