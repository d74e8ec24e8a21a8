"""Locality-sensitive hashing: which side of random hyperplanes a vector lies on, bit by bit.

Nothing is learned but the centre (and, for decoding, a linear guess of the vector from its bits). With three
levels of 256 codes an ID has 3 x 8 = 24 bits, as many as an RQ-VAE's.

Source: Charikar 2002, "Similarity Estimation Techniques from Rounding Algorithms"; as baseline in Rajput et al.
2023, section 4.3.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger.core.learner import LiveParams, TrainingState
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer, Steps, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.fine_tuning import refit_steps

BLOCK = 1024
RIDGE = 1e-3  # rows: keeps the decoder defined when there are fewer items than bits


@dataclass
class LSH(Quantizer):
    """Random hyperplanes, their bits grouped into levels."""

    name: ClassVar[str] = "lsh"
    title: ClassVar[str] = "LSH"
    summary: ClassVar[str] = "Locality-sensitive hashing: on which side of random hyperplanes an item lies. No training."
    can_fine_tune: ClassVar[bool] = True
    residual: ClassVar[bool] = False
    level_summary: ClassVar[str] = "Each level hashes with its own hyperplanes."

    centre: str = param("mean", "Hyperplanes go through the items' mean, or through the origin.",
                        choices=("mean", "origin"))

    @property
    def bits_per_level(self) -> list[int]:
        """log2 of the codes of every level."""
        return [size.bit_length() - 1 for size in self.codes_per_level]

    def check_params(self) -> None:
        super().check_params()
        for size, bits in zip(self.codes_per_level, self.bits_per_level, strict=True):
            if size != 1 << bits:
                raise ValueError(f"n_codes is {size}, but LSH codes are whole bits, so it must be a power of two, "
                                 f"such as {1 << bits} or {2 << bits}.")

    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """Draw the planes; see ``Quantizer.fit_steps``."""
        self.refuse_state(state)
        self.check_params()
        n_bits = sum(self.bits_per_level)
        emb_IE = check_embeddings(emb_IE)
        generator = torch.Generator().manual_seed(self.seed)
        width = emb_IE.shape[1]
        self.planes_HE = torch.randn(n_bits, width, generator=generator)
        mean_E = torch.from_numpy(emb_IE.mean(0, dtype=np.float64).astype(np.float32))
        self.centre_E = mean_E if self.centre == "mean" else torch.zeros(width)
        self.guess_HE = self._fit_guess(emb_IE)
        yield Progress("hyperplanes", 1, 1)

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """Centre and decoder anew; the planes depend on the seed alone."""
        return refit_steps(self, emb_IE)

    def _fit_guess(self, emb_IE: np.ndarray) -> Tensor:
        """Least squares from signs (-1, +1) to centred vectors, from sums so that memory stays small."""
        n_bits, width = self.planes_HE.shape
        gram_HH, cross_HE = RIDGE * torch.eye(n_bits).double(), torch.zeros(n_bits, width, dtype=torch.float64)
        for rows, block in row_blocks(emb_IE, width, BLOCK, BLOCK):
            sign_BH = torch.from_numpy(self.bits(emb_IE[rows])).double() * 2 - 1
            gram_HH += sign_BH.t() @ sign_BH
            cross_HE += sign_BH.t() @ (torch.from_numpy(block) - self.centre_E).double()
        return torch.linalg.solve(gram_HH, cross_HE).float()

    def bits(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """Every bit (N, H) as bool, level after level: True on the plane's positive side and on the plane itself."""
        check_fitted(self, "planes_HE")
        n_bits, width = self.planes_HE.shape
        bits_NH = np.empty((len(emb_NE), n_bits), bool)
        pad_BE = torch.zeros(BLOCK, width)
        for rows, block in row_blocks(emb_NE, width, batch_size, BLOCK):
            pad_BE[:len(block)] = torch.from_numpy(block) - self.centre_E
            bits_NH[rows] = (pad_BE @ self.planes_HE.t() >= 0)[:len(block)].numpy()
        return bits_NH

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``; a level's first plane is its code's lowest bit."""
        bits_NH = self.bits(emb_NE, batch_size)
        parts = np.split(bits_NH, np.cumsum(self.bits_per_level)[:-1], axis=1)
        return np.stack([part_NH @ (1 << np.arange(part_NH.shape[1], dtype=np.int64)) for part_NH in parts], 1)

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """The least-squares guess of the vector from its bits' signs."""
        check_fitted(self, "planes_HE")
        codes_NL = check_codes(codes_NL, self.codes_per_level)
        bits_NH = np.hstack([codes_NL[:, [level]] >> np.arange(bits) & 1 for level, bits in enumerate(self.bits_per_level)])
        sign_NH = torch.from_numpy(bits_NH.astype(np.float32)) * 2 - 1
        return (sign_NH @ self.guess_HE + self.centre_E).numpy()

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The embedding itself."""
        check_fitted(self, "planes_HE")
        return check_embeddings(emb_NE, self.planes_HE.shape[1])

    def codebooks(self) -> None:
        """Bits have no vectors."""
        return None

    def tensors(self) -> dict[str, Tensor]:
        """See ``Quantizer.tensors``."""
        check_fitted(self, "planes_HE")
        return {"planes": self.planes_HE, "centre": self.centre_E, "guess": self.guess_HE}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Quantizer.load_tensors``."""
        self.planes_HE, self.centre_E, self.guess_HE = tensors["planes"], tensors["centre"], tensors["guess"]
