"""The causal transformer over items that ``rq_transformer``, ``sasrec`` and ``vector_regression`` share."""

import numpy as np
import torch
from torch import nn

from tiger.models.blocks import Block, Dropout, RMSNorm

NORMS = ("pre", "post")


class Backbone(nn.Module):
    """One position an item; every position sees itself and what came before.

    Rows are padded on the right, which a causal transformer never reads.

    Args:
        norm: one of ``NORMS``, for the blocks.
    """

    def __init__(self, width: int, n_layers: int, n_heads: int, dropout: float, length: int, norm: str = "pre"):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(length, width))
        self.norm_in, self.drop = RMSNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, n_heads, width // n_heads, 4 * width, dropout, norm=norm)
                                    for _ in range(n_layers))
        self.norm = RMSNorm(width) if norm == "pre" else nn.Identity()

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        x_BTD = self.drop(self.norm_in(x_BTD + self.place[:x_BTD.shape[1]]))
        for block in self.blocks:
            x_BTD = block(x_BTD, causal=True)
        return self.norm(x_BTD)


LossParts = dict[str, torch.Tensor]
"""What a network's ``loss`` reports beside the loss itself, by name: one number a level, without gradient."""


def last_hidden(x_BTD: torch.Tensor, length_B: torch.Tensor) -> torch.Tensor:
    """The vector at each row's last real position."""
    return x_BTD[torch.arange(len(x_BTD)), length_B - 1]


def padding_mask(length_B: torch.Tensor, n_places: int) -> torch.Tensor:
    """True where a position is not padding (B, T)."""
    return torch.arange(n_places)[None] < length_B[:, None]


def goal_mask(length_B: torch.Tensor, n_places: int, last_only: bool) -> torch.Tensor:
    """True where the item behind a position is to be predicted (B, T): at all that have one, or at the last of them alone.

    Args:
        length_B: how many items each row has, the one behind its last position included.
    """
    if last_only:
        return torch.arange(n_places)[None] == length_B[:, None] - 2
    return padding_mask(length_B - 1, n_places)


def beginnings(row: np.ndarray, longest: int) -> list[np.ndarray]:
    """A history cut behind each of its items from the second on; of each part the last ``longest`` items."""
    return [row[max(0, end - longest):end] for end in range(2, len(row) + 1)]


def small_start(net: nn.Module, std: float = 0.02) -> None:
    """Every matrix normal around 0; norms stay 1 and biases 0."""
    for weight in net.parameters():
        if weight.ndim >= 2:
            nn.init.normal_(weight, std=std)
