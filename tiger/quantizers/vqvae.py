"""VQ-VAE: the RQ-VAE with a single level, so that one code has to say everything.

Source: van den Oord et al. 2017, "Neural Discrete Representation Learning", arXiv:1711.00937.
"""

from dataclasses import dataclass
from typing import ClassVar

from tiger.core.params import param
from tiger.quantizers.rqvae import RQVAE


@dataclass
class VQVAE(RQVAE):
    """One codebook; to tell as many items apart as three levels of 256 it would need 16.7 million codes."""

    name: ClassVar[str] = "vqvae"
    title: ClassVar[str] = "VQ-VAE"
    summary: ClassVar[str] = "One codebook instead of several levels: simple, but with few distinct codes."

    n_levels: int = param(1, "A VQ-VAE has one level.", low=1, high=1)
    n_codes: int | list[int] = param(1024, "Codebook size.", low=2, high=65536)
