"""The encoder and the decoder: affine layers with ReLU between them."""

import itertools
import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Affine(nn.Linear):
    """``nn.Linear`` that draws no start values of its own."""

    def reset_parameters(self) -> None:
        pass


class MLP(nn.ModuleList):
    """Affine layers that lead through ``widths``, with ReLU between them.

    Args:
        widths: width of the input, of every hidden layer and of the output.
        generator: start values are drawn from it as ``nn.Linear`` draws them; None: they stay as they come.
    """

    def __init__(self, widths: list[int], generator: torch.Generator | None = None):
        layers = [Affine(*pair) for pair in itertools.pairwise(widths)]
        super().__init__(layers)
        self.n_in, self.n_out = widths[0], widths[-1]
        if generator is not None:
            for layer in layers:
                bound = 1 / math.sqrt(layer.in_features)
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(self, x_BE: Tensor) -> Tensor:
        for number, layer in enumerate(self):
            x_BE = layer(x_BE if number == 0 else F.relu(x_BE, inplace=True))
        return x_BE


def widths_of(part: str, tensors: dict[str, Tensor]) -> list[int]:
    """The widths of a saved network, from its weights ``{part}.0.weight``, ``{part}.1.weight`` and so on."""
    weights: list[Tensor] = []
    while (name := f"{part}.{len(weights)}.weight") in tensors:
        weights.append(tensors[name])
    return [weights[0].shape[1], *(weight.shape[0] for weight in weights)]


def parse_widths(text: str) -> list[int]:
    """Read hidden widths such as "512-256-128"; an empty text means no hidden layer.

    Raises:
        ValueError: not whole numbers from 1 to 4096 joined by "-", or more than 6 of them.
    """
    parts = [part.strip() for part in text.split("-")] if text.strip() else []
    if len(parts) > 6 or not all(p.isascii() and p.isdigit() and 1 <= int(p) <= 4096 for p in parts):
        raise ValueError(f"hidden is {text!r}, but must be at most 6 whole numbers from 1 to 4096 joined by '-', "
                         "such as 512-256-128.")
    return [int(part) for part in parts]
