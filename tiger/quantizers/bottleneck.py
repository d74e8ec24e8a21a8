"""What every quantised autoencoder has in the middle, and the autoencoder around it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from tiger.quantizers.networks import MLP


@dataclass
class Quantised:
    """A batch behind the bottleneck.

    Args:
        q_BZ: what the decoder reads; its gradient reaches the encoder through an estimator.
        codes: one int64 (B,) a level.
        loss: the bottleneck's own loss, a mean over the batch, or 0; training follows its gradient.
        shown: what the loss curve adds to the reconstruction loss.
        parts: the numbers that are shown beside the loss, by name.
    """

    q_BZ: Tensor
    codes: list[Tensor]
    loss: Tensor | float = 0.0
    shown: Tensor | float = 0.0
    parts: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class Kept:
    """The codes that items should keep while a quantizer is fine-tuned.

    Args:
        codes_NL: old codes; -1 binds nobody.
        penalty: weight of the squared distance between a new code and the old one.
    """

    codes_NL: Tensor
    penalty: float

    def __getitem__(self, rows: Tensor) -> "Kept":
        return Kept(self.codes_NL[rows], self.penalty)

    def level(self, number: int) -> tuple[Tensor, float]:
        """One level's old codes, and the penalty."""
        return self.codes_NL[:, number], self.penalty


class Bottleneck(nn.Module, ABC):
    """Turns latents into codes and back, with a loss of its own."""

    @abstractmethod
    def forward(self, z_BZ: Tensor, live: Mapping[str, float], kept: Kept | None = None) -> Quantised:
        """Quantise a training batch.

        Args:
            live: the live hyper-parameters' present values.
            kept: the codes that these rows should keep.
        """

    @abstractmethod
    def encode(self, z_NZ: Tensor) -> Tensor:
        """Codes (N, L) int64."""

    def latent(self, z_NZ: Tensor) -> Tensor:
        """What is quantised: the encoder's output, or what the bottleneck makes of it first."""
        return z_NZ

    @abstractmethod
    def vectors(self) -> list[Tensor]:
        """One (K, Z) a level: what the codes add up to is what the decoder reads."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What belongs into the weights' file."""

    @abstractmethod
    def load(self, tensors: dict[str, Tensor]) -> None:
        """Take back what ``tensors`` gave."""

    def refresh(self) -> None:
        """Compute anew what follows from a state that was just loaded."""

    def initialise(self, z_NZ: Tensor, generator: torch.Generator) -> None:
        """Start from a sample of the untrained encoder's latents."""

    def after_step(self) -> None:
        """Whatever follows the optimiser's step."""

    def restart(self, level: int, dead_X: Tensor, generator: torch.Generator,
                optimiser: torch.optim.Optimizer) -> None:
        """Put codes that are not used any more where rows of the last batch are."""


class Autoencoder(nn.Module):
    """Encoder, bottleneck and decoder.

    Args:
        encoder: from embeddings to latents.
        decoder: from the sum of the codes' vectors back.
        bottleneck: in the middle.
    """

    def __init__(self, encoder: MLP, decoder: MLP, bottleneck: Bottleneck):
        super().__init__()
        self.encoder, self.decoder, self.bottleneck = encoder, decoder, bottleneck
