"""What happens to embeddings before the encoder, and back after the decoder."""

from dataclasses import dataclass

import torch
from torch import Tensor


def lengths(x_NE: Tensor) -> Tensor:
    """|x| of every row; in double precision where a row is so long that its square overflows."""
    length_N = x_NE.norm(dim=1)
    return length_N if length_N.isfinite().all() else x_NE.double().norm(dim=1)


@dataclass
class Normaliser:
    """x -> (x - shift) / scale; or x -> x / |x| where ``unit`` is set, and ``scale`` is then the mean length."""

    shift_E: Tensor
    scale_E: Tensor
    unit: bool

    @classmethod
    def learn(cls, x_NE: Tensor, kind: str) -> "Normaliser":
        """kind: "none", "standardise" (every column to mean 0 and deviation 1) or "l2" (every row to length 1)."""
        width = x_NE.shape[1]
        if kind == "standardise":
            deviation_E = x_NE.std(0, unbiased=False)
            return cls(x_NE.mean(0), torch.where(deviation_E > 1e-8, deviation_E, 1.0), False)
        if kind == "l2":
            mean_length = lengths(x_NE).mean().clamp_min(1e-8).float()
            return cls(torch.zeros(width), mean_length.expand(width).clone(), True)
        return cls(torch.zeros(width), torch.ones(width), False)

    def apply(self, x_NE: Tensor) -> Tensor:
        """The rows as the encoder reads them."""
        if self.unit:
            return (x_NE / lengths(x_NE)[:, None].clamp_min(1e-8)).float()
        return (x_NE - self.shift_E) / self.scale_E

    def back(self, y_NE: Tensor) -> Tensor:
        """Rows of the decoder in the embeddings' own units."""
        return y_NE * self.scale_E + self.shift_E
