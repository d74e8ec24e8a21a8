"""Residual k-means: cluster the embeddings, then cluster what each level left over.

Source: Chen et al. 2010, "Approximate Nearest Neighbor Search by Residual Vector Quantization", Sensors 10(12).
"""

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
from tiger.quantizers import kmeans
from tiger.quantizers.base import Quantizer, Steps, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.codebook import penalised_codes, residual_codes, squared_norms

BLOCK = 1024
CHUNK = 4096
LLOYD_ROUNDS = 5


@dataclass
class ResidualKMeans(Quantizer):
    """k-means on residuals, directly on the embeddings; no network."""

    name: ClassVar[str] = "rkmeans"
    title: ClassVar[str] = "Residual k-means"
    summary: ClassVar[str] = "k-means on the residuals of the previous levels; no network, robust."
    can_fine_tune: ClassVar[bool] = True

    n_iterations: int = param(25, "Maximum k-means iterations per level.", low=1, high=1000)
    minibatch: int = param(0, "Rows of a k-means mini-batch, for many items; 0: all rows in every iteration.", low=0,
                           high=1_000_000, group="training")

    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """One step a level; see ``Quantizer.fit_steps``. Its metrics: mean squared length left, perplexity, dead."""
        self.refuse_state(state)
        self.check_params()
        emb_IE = check_embeddings(emb_IE)
        rows_IE = emb_IE.copy()
        self.books_ = [torch.zeros(size, emb_IE.shape[1]) for size in self.codes_per_level]
        self.prices_ = [torch.zeros(size) for size in self.codes_per_level]
        for level in range(self.n_levels):
            self.cluster(rows_IE, level)
            codes_IL = self.encode(emb_IE)
            rows_IE -= self.books_[level].numpy()[codes_IL[:, level]]
            loss = float(np.square(rows_IE).sum(1).mean())
            counts = [np.bincount(codes_I, minlength=size)  # levels to come use one code only
                      for codes_I, size in zip(codes_IL.T, self.codes_per_level, strict=True)]
            yield Progress("k-means", level + 1, self.n_levels, {
                "loss": loss, "recon_loss": loss, "perplexity": [float(metrics.perplexity(count_K)) for count_K in counts],
                "dead": [int(metrics.dead_codes(count_K)) for count_K in counts]})

    def cluster(self, rows_IE: np.ndarray, level: int) -> None:
        """Learn one level's codebook, and what each of its codes costs beside the distance, from what reaches it."""
        seed = (self.seed + level) % 2**31
        centres_KE = kmeans.centres(rows_IE, self.codes_per_level[level], seed, self.n_iterations, self.minibatch)
        self.books_[level] = torch.from_numpy(centres_KE)

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """A few rounds of Lloyd's algorithm a level; a code without items stays where it is."""
        rows_IE = torch.from_numpy(check_embeddings(emb_IE, self._fitted()[0].shape[1]))
        made = type(self)(**params.values(self))
        made.load_tensors({name: value.clone() for name, value in self.tensors().items()})
        for level in range(self.n_levels):
            keep_I = torch.full((len(rows_IE),), -1) if keep_IL is None else torch.from_numpy(
                np.ascontiguousarray(keep_IL[:, level], np.int64))
            made.refine(rows_IE, level, keep_I, penalty)
            rows_IE = rows_IE - made.books_[level][made.penalised(rows_IE, level, keep_I, penalty)]
            yield Progress("fine-tuning", level + 1, self.n_levels)
        return made

    def refine(self, rows_IE: Tensor, level: int, keep_I: Tensor, penalty: float) -> None:
        """Move one level's codes, from where they are, to what reaches it now.

        Args:
            keep_I: the codes that items should keep, -1 binds nobody.
        """
        for _ in range(LLOYD_ROUNDS):
            move_to_means(self.books_[level], rows_IE, self.penalised(rows_IE, level, keep_I, penalty))

    def penalised(self, rows_IE: Tensor, level: int, keep_I: Tensor, penalty: float) -> Tensor:
        """One level's codes (I,) of what reaches it, changes penalised; see ``penalised_codes``."""
        book_KE, price_K = self.books_[level], self.prices_[level]
        parts = zip(rows_IE.split(CHUNK), keep_I.split(CHUNK), strict=True)
        return torch.cat([penalised_codes(part, book_KE, keep_N, penalty, price_K) for part, keep_N in parts])

    def _fitted(self) -> list[Tensor]:
        check_fitted(self, "books_")
        return self.books_

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``."""
        books = self._fitted()
        norms = [squared_norms(book_KE) + price_K for book_KE, price_K in zip(books, self.prices_, strict=True)]
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        pad_BE = torch.zeros(BLOCK, books[0].shape[1])
        for rows, block in row_blocks(emb_NE, pad_BE.shape[1], batch_size, BLOCK):
            pad_BE[:len(block)] = torch.from_numpy(block)
            codes_NL[rows] = residual_codes(pad_BE, books, norms)[0][:len(block)].numpy()
        return codes_NL

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """The sum of the codes' vectors."""
        books = self._fitted()
        codes = torch.from_numpy(check_codes(codes_NL, self.codes_per_level))
        return torch.stack([book_KE[codes[:, level]] for level, book_KE in enumerate(books)]).sum(0).numpy()

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The embedding itself."""
        return check_embeddings(emb_NE, self._fitted()[0].shape[1])

    def codebooks(self) -> list[np.ndarray]:
        """One (K, E) array per level."""
        return [book_KE.numpy().copy() for book_KE in self._fitted()]

    def tensors(self) -> dict[str, Tensor]:
        """See ``Learner.tensors``."""
        return {f"codebook.{level}": book_KE for level, book_KE in enumerate(self._fitted())}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Learner.load_tensors``."""
        self.books_ = [tensors[f"codebook.{level}"] for level in range(self.n_levels)]
        self.prices_ = [torch.zeros(size) for size in self.codes_per_level]


def move_to_means(book_KE: Tensor, rows_IE: Tensor, codes_I: Tensor) -> None:
    """Move every code that has rows to their mean."""
    count_K = torch.bincount(codes_I, minlength=len(book_KE))
    sum_KE = torch.zeros_like(book_KE).index_add_(0, codes_I, rows_IE)
    used_K = count_K > 0
    book_KE[used_K] = sum_KE[used_K] / count_K[used_K, None]
