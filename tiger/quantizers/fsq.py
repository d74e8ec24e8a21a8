"""Finite scalar quantization: every number of the latent is rounded to one of a few values; there is no codebook.

    z = encoder(x),  y_l = bound(z_l),  c_l = round(y_l),  q_l = c_l / (K_l // 2),  loss = |x - decoder(q)|^2

Level l is one number of the latent with K_l possible values, such as 8-5-5-5. All values are fixed, so none can die;
the gradient passes the rounding straight through. Codes are unordered: each level describes something of its own.
Embeddings are centred and scaled first, since latents that differ little would all be rounded to the same value.

Source: Mentzer et al. 2023, "Finite Scalar Quantization: VQ-VAE Made Simple", arXiv:2309.15505.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tiger.core.params import param
from tiger.quantizers.autoencoder import AutoencoderQuantizer
from tiger.quantizers.bottleneck import Bottleneck, Kept, Quantised
from tiger.quantizers.estimators import straight_through
from tiger.quantizers.normaliser import KINDS

EDGE = 1e-3  # how far beyond the outermost value the bound reaches, so that it can be rounded to


class ScalarBottleneck(Bottleneck):
    """Bounds and rounds.

    Args:
        sizes: K of each level; at least 3.
    """

    half_L: Tensor
    offset_L: Tensor
    middle_L: Tensor
    last_L: Tensor

    def __init__(self, sizes: list[int]):
        super().__init__()
        size_L = torch.tensor(sizes, dtype=torch.float32)
        self.register_buffer("half_L", (size_L - 1) * (1 + EDGE) / 2, persistent=False)
        self.register_buffer("offset_L", torch.where(size_L % 2 == 0, 0.5, 0.0), persistent=False)
        self.register_buffer("middle_L", size_L // 2, persistent=False)  # the code whose value is 0
        self.register_buffer("last_L", size_L - 1, persistent=False)
        self.sizes = sizes

    def bound(self, z_NL: Tensor) -> Tensor:
        """tanh, scaled so that rounding gives K values; an even K has one more below 0 than above, so 0 is shifted.

        Source: Mentzer et al. 2023, section 3.1 and appendix A.1.
        """
        shift_L = torch.atanh(self.offset_L / self.half_L)
        return torch.tanh(z_NL + shift_L) * self.half_L - self.offset_L

    def forward(self, z_BZ: Tensor, live: Mapping[str, float], kept: Kept | None = None) -> Quantised:
        y_BL = self.bound(z_BZ)
        codes_BL = self._codes(y_BL.detach(), kept)
        q_BL = self._values(codes_BL)
        return Quantised(straight_through(y_BL, q_BL) / self.middle_L, list(codes_BL.unbind(1)))

    def _codes(self, y_NL: Tensor, kept: Kept | None = None) -> Tensor:
        """0..K-1; with a penalty the value is pulled towards the old code's first, as in ``penalised_codes``."""
        if kept is not None:
            old_NL = kept.codes_NL.to(y_NL.device)
            pulled_NL = (y_NL + kept.penalty * self._values(old_NL)) / (1 + kept.penalty)
            y_NL = torch.where(old_NL >= 0, pulled_NL, y_NL)
        return (y_NL.round() + self.middle_L).clamp_min(0).minimum(self.last_L).long()  # above 1,000 values EDGE is one or more

    def _values(self, codes_NL: Tensor) -> Tensor:
        return codes_NL - self.middle_L

    @torch.no_grad()
    def encode(self, z_NZ: Tensor) -> Tensor:
        return self._codes(self.bound(z_NZ))

    @torch.no_grad()
    def latent(self, z_NZ: Tensor) -> Tensor:
        """The bounded numbers before they are rounded, in the units that the decoder reads."""
        return self.bound(z_NZ) / self.middle_L

    def vectors(self) -> list[Tensor]:
        """Every code's value in its own place of the latent, and 0 elsewhere."""
        books = []
        for level, size in enumerate(self.sizes):
            book_KL = self.half_L.new_zeros(size, len(self.sizes))
            book_KL[:, level] = torch.arange(size, device=book_KL.device) / self.middle_L[level] - 1
            books.append(book_KL)
        return books

    def tensors(self) -> dict[str, Tensor]:
        return {}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Nothing is learned here."""


@dataclass
class FSQ(AutoencoderQuantizer):
    """An autoencoder whose latent numbers are rounded; nothing can collapse, and nothing is left over."""

    name: ClassVar[str] = "fsq"
    title: ClassVar[str] = "FSQ"
    summary: ClassVar[str] = ("An autoencoder whose latent dimensions are each rounded to a few values; without a codebook, no "
                              "code can die.")
    residual: ClassVar[bool] = False
    level_summary: ClassVar[str] = "Each level is one latent dimension, rounded to a few values."
    level_formula: ClassVar[str] = (r"y_l = \tfrac{K_l - 1}{2} \tanh(\mathrm{encoder}(x)_l),\quad c_l = \mathrm{round}(y_l) + "
                                    r"\lfloor K_l/2 \rfloor,\quad z_l = y_l / \lfloor K_l/2 \rfloor\;")

    n_levels: int = param(6, "Latent dimensions: codes per semantic ID.", low=1, high=8)
    n_codes: int | list[int] = param(16, "Values per latent dimension; the paper uses sizes such as 8,5,5,5.",
                                     low=3, high=65536)
    normalise: str = param("centre", "Preprocessing of embeddings; with none, small embeddings may all be rounded to one "
                                     "value.", choices=KINDS, group="remedies")

    @property
    def latent_size(self) -> int:
        return self.n_levels

    def bottleneck(self, generator: torch.Generator | None = None, n_rows: int = 1) -> ScalarBottleneck:
        return ScalarBottleneck(self.codes_per_level)
