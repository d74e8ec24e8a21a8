"""Optimised product quantisation: rotate the embeddings, cut them into parts, cluster each part by itself.

    y = R^T (x - mean),  c_l = argmin_k |y^(l) - e_k|^2 for part l,  x' = R [e_{c_1}; ...; e_{c_L}] + mean

Codes are unordered: code l speaks of part l alone, so a shared first code means likeness in one part, not a coarse
likeness in all. R starts from the parametric solution (principal axes, dealt out so that every part holds an equal
product of variances) and is then improved together with the codebooks.

Source: Ge et al. 2013, "Optimized Product Quantization", CVPR and TPAMI 36(4), sections 3.1 and 3.2.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger import metrics
from tiger.core import params
from tiger.core.learner import LiveParams, TrainingState
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.words import counted
from tiger.quantizers import kmeans
from tiger.quantizers.base import Quantizer, Steps, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.codebook import nearest, penalised_codes, squared_norms
from tiger.quantizers.rkmeans import move_to_means

BLOCK = 1024
START_ITERATIONS = 10  # of k-means in every part; the rounds that also turn the rotation go on from there
FINE_ROUNDS = 5
SMALLEST = 1e-12  # variances below count as this, so that their logarithms are finite


@dataclass
class OPQ(Quantizer):
    """A rotation and one codebook for every part of the rotated vector."""

    name: ClassVar[str] = "opq"
    title: ClassVar[str] = "OPQ"
    summary: ClassVar[str] = ("Optimised product quantisation: rotates the embedding, splits it into parts and clusters each "
                              "part; levels are independent.")
    can_fine_tune: ClassVar[bool] = True
    residual: ClassVar[bool] = False
    level_summary: ClassVar[str] = "Each level quantises its own part of the rotated embedding."
    level_formula: ClassVar[str] = (r"z = R^\top (x - \bar x) = [z^{(1)}; \dots; z^{(L)}],\quad "
                                    r"c_l = \arg\min_k \lVert z^{(l)} - e^{(l)}_k \rVert^2\;")

    n_levels: int = param(8, "Parts of the embedding: codes per semantic ID, without order.", low=1, high=8)
    n_iterations: int = param(20, "Alternating updates of codebooks and rotation.", low=0, high=1000)

    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """One step a round; see ``Quantizer.fit_steps``. Its metrics: mean squared error, perplexity, dead codes.

        Raises:
            ValueError: more levels than numbers in an embedding.
        """
        self.refuse_state(state)
        self.check_params()
        emb_IE = check_embeddings(emb_IE)
        self._check_width(emb_IE.shape[1])
        self.mean_E = torch.from_numpy(emb_IE.mean(0, dtype=np.float64).astype(np.float32))
        x_IE = torch.from_numpy(emb_IE) - self.mean_E
        self.rotation_EE = self._principal_rotation(x_IE)
        y_IE = x_IE @ self.rotation_EE
        self.books_ = [torch.from_numpy(kmeans.centres(y_IE[:, part].numpy(), size, (self.seed + level) % 2**31,
                                                       START_ITERATIONS))
                       for level, (part, size) in enumerate(zip(self.parts, self.codes_per_level, strict=True))]
        yield self._progress("k-means of each part", 0, y_IE)
        for number in range(1, self.n_iterations + 1):
            codes_IL = self._codes(y_IE)
            for level, part in enumerate(self.parts):
                move_to_means(self.books_[level], y_IE[:, part], codes_IL[:, level])
            # the rotation that brings the embeddings nearest to what their codes stand for (orthogonal Procrustes)
            left, _, right = torch.linalg.svd(x_IE.t() @ self._vectors(self._codes(y_IE)))
            self.rotation_EE = left @ right
            y_IE = x_IE @ self.rotation_EE
            yield self._progress("rotation and codebooks", number, y_IE)

    @property
    def width(self) -> int:
        """E: numbers in an embedding."""
        check_fitted(self, "rotation_EE")
        return len(self.rotation_EE)

    @property
    def parts(self) -> list[slice]:
        """Where each level's part of a rotated vector stands; widths differ by one at most."""
        cuts = np.linspace(0, self.width, self.n_levels + 1).round().astype(int).tolist()
        return [slice(start, stop) for start, stop in itertools.pairwise(cuts)]

    def _check_width(self, width: int) -> None:
        if width < self.n_levels:
            raise ValueError(f"n_levels is {self.n_levels}, but the embeddings have {counted(width, 'dimension')}, and every "
                             "level needs at least one; use fewer levels.")

    def _principal_rotation(self, x_IE: Tensor) -> Tensor:
        """Principal axes, the largest variance first, each given to the part with the least product of variances so far."""
        variance_E, axis_EE = torch.linalg.eigh(x_IE.t().double() @ x_IE.double() / len(x_IE))
        self.rotation_EE = axis_EE.float()  # its width is all that ``parts`` asks for
        room = [part.stop - part.start for part in self.parts]
        dealt: list[list[int]] = [[] for _ in room]
        product = [0.0] * len(room)
        for axis in reversed(range(len(variance_E))):
            level = min((level for level in range(len(room)) if len(dealt[level]) < room[level]), key=product.__getitem__)
            dealt[level].append(axis)
            product[level] += float(variance_E[axis].clamp_min(SMALLEST).log() - np.log(SMALLEST))
        return axis_EE[:, [axis for axes in dealt for axis in axes]].float().contiguous()

    def _progress(self, stage: str, number: int, y_IE: Tensor) -> Progress:
        codes_IL = self._codes(y_IE)
        loss = float((y_IE - self._vectors(codes_IL)).square().sum(1).mean())
        counts_LK = metrics.code_counts(codes_IL.numpy(), self.codes_per_level)
        return Progress(stage, number, self.n_iterations, {
            "loss": loss, "recon_loss": loss, "perplexity": metrics.perplexity(counts_LK).tolist(),
            "dead": metrics.dead_codes(counts_LK, self.codes_per_level).tolist()})

    def _codes(self, y_NE: Tensor) -> Tensor:
        books = zip(self.parts, self.books_, strict=True)
        return torch.stack([nearest(y_NE[:, part], book_KS, squared_norms(book_KS)) for part, book_KS in books], 1)

    def _vectors(self, codes_NL: Tensor) -> Tensor:
        return torch.cat([book_KS[codes_NL[:, level]] for level, book_KS in enumerate(self.books_)], 1)

    def _rotated(self, emb_NE: np.ndarray, batch_size: int = 8192) -> Iterator[tuple[slice, Tensor]]:
        """Rotated rows block by block, padded to ``BLOCK`` so that a row's numbers never depend on the batch."""
        pad_BE = torch.zeros(BLOCK, self.width)
        for rows, block in row_blocks(emb_NE, self.width, batch_size, BLOCK):
            pad_BE[:len(block)] = torch.from_numpy(block) - self.mean_E
            yield rows, pad_BE @ self.rotation_EE

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``."""
        check_fitted(self, "books_")
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        for rows, y_BE in self._rotated(emb_NE, batch_size):
            codes_NL[rows] = self._codes(y_BE)[:rows.stop - rows.start].numpy()
        return codes_NL

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """The parts' codes side by side, turned back."""
        check_fitted(self, "books_")
        codes = torch.from_numpy(check_codes(codes_NL, self.codes_per_level))
        return (self._vectors(codes) @ self.rotation_EE.t() + self.mean_E).numpy()

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The rotated embedding (N, E), mean 0."""
        y_NE = np.empty((len(emb_NE), self.width), np.float32)
        for rows, y_BE in self._rotated(emb_NE):
            y_NE[rows] = y_BE[:rows.stop - rows.start].numpy()
        return y_NE

    def codebooks(self) -> list[np.ndarray]:
        """One (K, E) array per level: the codes of its part, and 0 in all other parts."""
        check_fitted(self, "books_")
        found = []
        for part, book_KS in zip(self.parts, self.books_, strict=True):
            book_KE = np.zeros((len(book_KS), self.width), np.float32)
            book_KE[:, part] = book_KS.numpy()
            found.append(book_KE)
        return found

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """A few rounds of Lloyd's algorithm in every part; the rotation stays, and so does a code without items."""
        x_IE = torch.from_numpy(check_embeddings(emb_IE, self.width)) - self.mean_E
        y_IE, books = x_IE @ self.rotation_EE, [book_KS.clone() for book_KS in self.books_]
        for number in range(FINE_ROUNDS):
            for level, (part, book_KS) in enumerate(zip(self.parts, books, strict=True)):
                keep_I = torch.full((len(y_IE),), -1) if keep_IL is None else torch.from_numpy(
                    np.ascontiguousarray(keep_IL[:, level], np.int64))
                move_to_means(book_KS, y_IE[:, part], penalised_codes(y_IE[:, part], book_KS, keep_I, penalty))
            yield Progress("fine-tuning", number + 1, FINE_ROUNDS)
        made = type(self)(**params.values(self))
        made.load_tensors(self.tensors() | {f"codebook.{level}": book_KS for level, book_KS in enumerate(books)})
        return made

    def tensors(self) -> dict[str, Tensor]:
        """See ``Learner.tensors``."""
        check_fitted(self, "books_")
        books = {f"codebook.{level}": book_KS for level, book_KS in enumerate(self.books_)}
        return books | {"mean": self.mean_E, "rotation": self.rotation_EE}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Learner.load_tensors``."""
        self.mean_E, self.rotation_EE = tensors["mean"], tensors["rotation"]
        self.books_ = [tensors[f"codebook.{level}"] for level in range(self.n_levels)]
