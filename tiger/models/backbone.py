"""The causal transformer over items that ``rq_transformer``, ``sasrec`` and ``vector_regression`` share."""

import torch
from torch import nn

from tiger.models.blocks import Block, Dropout, RMSNorm


class Backbone(nn.Module):
    """One position an item; every position sees itself and what came before.

    Rows are padded on the right, which a causal transformer never reads.
    """

    def __init__(self, width: int, n_layers: int, n_heads: int, dropout: float, length: int):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(length, width))
        self.norm_in, self.drop = RMSNorm(width), Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, n_heads, width // n_heads, 4 * width, dropout)
                                    for _ in range(n_layers))
        self.norm = RMSNorm(width)

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


def small_start(net: nn.Module, std: float = 0.02) -> None:
    """Every matrix normal around 0; norms stay 1 and biases 0."""
    for weight in net.parameters():
        if weight.ndim >= 2:
            nn.init.normal_(weight, std=std)
