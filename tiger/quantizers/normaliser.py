"""What happens to embeddings before the encoder, and back after the decoder."""

from dataclasses import dataclass

import torch
from torch import Tensor

KINDS = ("none", "standardise", "centre", "l2")
ROUNDING = 1e-6  # a column whose deviation is below this share of its mean holds float32's rounding and nothing else
TINY = 1e-30  # the length that a row of zeros is divided by
SAFE = (1e-15, 1e15)  # numbers whose squares float32 can hold


def lengths(x_NE: Tensor) -> Tensor:
    """|x| of every row; in double precision where a row is so long that its square overflows."""
    length_N = x_NE.norm(dim=1)
    return length_N if length_N.isfinite().all() else x_NE.double().norm(dim=1)


def deviations(x_NE: Tensor) -> Tensor:
    """Standard deviation of every column (E,), also where the squares of the numbers leave float32's range."""
    largest = float(x_NE.abs().max())
    if largest == 0 or SAFE[0] < largest < SAFE[1]:
        return x_NE.std(0, unbiased=False)
    return (x_NE / largest).std(0, unbiased=False) * largest


@dataclass
class Normaliser:
    """x -> (x - shift) / scale; or x -> x / |x| where ``unit`` is set, and ``scale`` is then the mean length."""

    shift_E: Tensor
    scale_E: Tensor
    unit: bool

    @classmethod
    def learn(cls, x_NE: Tensor, kind: str) -> "Normaliser":
        """Measure what the rows need.

        Args:
            kind: "none"; "standardise": every column to mean 0 and deviation 1; "centre": the mean to 0 and the root mean
                square distance from it to 1, so that all distances keep their ratios; "l2": every row to length 1.
        """
        width = x_NE.shape[1]
        if kind in ("standardise", "centre"):
            mean_E, deviation_E = x_NE.mean(0), deviations(x_NE)
            varies_E = deviation_E > ROUNDING * mean_E.abs()
            if kind == "standardise":
                return cls(mean_E, torch.where(varies_E, deviation_E, 1.0), False)
            spread = torch.where(varies_E, deviation_E, 0.0).double().square().sum().sqrt().float()
            return cls(mean_E, (spread if spread > 0 else torch.ones(())).expand(width).clone(), False)
        if kind == "l2":
            mean_length = lengths(x_NE).mean().clamp_min(TINY).float()
            return cls(torch.zeros(width), mean_length.expand(width).clone(), True)
        return cls(torch.zeros(width), torch.ones(width), False)

    def apply(self, x_NE: Tensor) -> Tensor:
        """The rows as the encoder reads them."""
        if self.unit:
            return (x_NE / lengths(x_NE)[:, None].clamp_min(TINY)).float()
        return (x_NE - self.shift_E) / self.scale_E

    def back(self, y_NE: Tensor) -> Tensor:
        """Rows of the decoder in the embeddings' own units."""
        return y_NE * self.scale_E + self.shift_E
