"""Residual k-means: cluster the embeddings, then cluster what each level left over.

Source: Chen et al. 2010, "Approximate Nearest Neighbor Search by Residual Vector Quantization", Sensors 10(12).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger.core.learner import LiveParams
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.quantizers import kmeans
from tiger.quantizers.base import Quantizer, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.codebook import residual_codes, squared_norms

BLOCK = 1024


@dataclass
class ResidualKMeans(Quantizer):
    """k-means on residuals, directly on the embeddings; no network."""

    name: ClassVar[str] = "rkmeans"
    title: ClassVar[str] = "Residual k-means"
    summary: ClassVar[str] = "k-means on what the levels before left over; no network, hard to break."

    n_iterations: int = param(25, "Rounds of k-means at each level, at most.", low=1, high=1000)

    def fit_steps(self, emb_IE: np.ndarray, *, state: dict[str, Any] | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """One step a level; see ``Quantizer.fit_steps``. Its metrics: mean squared length left, perplexity, dead."""
        self.refuse_state(state)
        emb_IE = check_embeddings(emb_IE)
        rows_IE = emb_IE.copy()
        self.books_ = [torch.zeros(self.n_codes, emb_IE.shape[1]) for _ in range(self.n_levels)]
        for level in range(self.n_levels):
            centres = kmeans.centres(rows_IE, self.n_codes, (self.seed + level) % 2**31, self.n_iterations)
            self.books_[level] = torch.from_numpy(centres)
            codes_IL = self.encode(emb_IE)
            rows_IE -= centres[codes_IL[:, level]]
            loss = float(np.square(rows_IE).sum(1).mean())
            yield Progress("k-means", level + 1, self.n_levels,
                           {"loss": loss, "recon_loss": loss, **self._usage(codes_IL)})

    def _usage(self, codes_IL: np.ndarray) -> dict[str, list[float]]:
        """Perplexity and unused codes of every level over all items; levels to come use one code only."""
        share_LK = np.stack([np.bincount(codes_I, minlength=self.n_codes) for codes_I in codes_IL.T]) / len(codes_IL)
        logs_LK = np.log(share_LK, where=share_LK > 0, out=np.zeros_like(share_LK))
        return {"perplexity": np.exp(-(share_LK * logs_LK).sum(1)).tolist(),
                "dead": (share_LK == 0).sum(1).tolist()}

    def _fitted(self) -> list[Tensor]:
        check_fitted(self, "books_")
        return self.books_

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``."""
        books = self._fitted()
        norms = [squared_norms(book) for book in books]
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        pad_BE = torch.zeros(BLOCK, books[0].shape[1])
        for rows, block in row_blocks(emb_NE, pad_BE.shape[1], batch_size, BLOCK):
            pad_BE[:len(block)] = torch.from_numpy(block)
            codes_NL[rows] = residual_codes(pad_BE, books, norms)[0][:len(block)].numpy()
        return codes_NL

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """The sum of the codes' vectors."""
        books = self._fitted()
        codes = torch.from_numpy(check_codes(codes_NL, self.n_levels, self.n_codes))
        return torch.stack([book[codes[:, level]] for level, book in enumerate(books)]).sum(0).numpy()

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The embedding itself."""
        return check_embeddings(emb_NE, self._fitted()[0].shape[1])

    def codebooks(self) -> list[np.ndarray]:
        """One (K, E) array per level."""
        return [book.numpy().copy() for book in self._fitted()]

    def tensors(self) -> dict[str, Tensor]:
        """See ``Quantizer.tensors``."""
        return {f"codebook.{level}": book for level, book in enumerate(self._fitted())}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Quantizer.load_tensors``."""
        self.books_ = [tensors[f"codebook.{level}"] for level in range(self.n_levels)]
