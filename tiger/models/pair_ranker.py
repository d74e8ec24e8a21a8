"""Score (user, item) pairs with a transformer: over the whole catalogue, or behind a nearest-neighbour first stage.

The candidate looks at every item of the history, so the score is more than an inner product of two vectors; the price
is a forward pass for each candidate. A cascade pays it only for the items that a first stage proposes.
Source: Covington et al. 2016, "Deep Neural Networks for YouTube Recommendations", for the two stages.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger.core.params import param
from tiger.models.backbone import Backbone, LossParts, last_hidden, padding_mask, small_start
from tiger.models.blocks import Attention, Dropout, RMSNorm, pad
from tiger.models.neural import NeuralRecommender

CHUNK = 2_000_000  # numbers of one batch of pairs: users x items x width


class PairBlock(nn.Module):
    """A candidate looks at the history, then goes through a feed-forward layer; candidates never see each other."""

    def __init__(self, width: int, n_heads: int, dropout: float):
        super().__init__()
        self.norm_look, self.look = RMSNorm(width), Attention(width, n_heads, width // n_heads, dropout)
        self.norm_ff = RMSNorm(width)
        self.up, self.down = nn.Linear(width, 4 * width, bias=False), nn.Linear(4 * width, width, bias=False)
        self.drop = Dropout(dropout)

    def forward(self, x_BQD: torch.Tensor, hidden_BTD: torch.Tensor, padding_bias: torch.Tensor) -> torch.Tensor:
        x_BQD = x_BQD + self.drop(self.look(self.norm_look(x_BQD), self.look.key_value(hidden_BTD), padding_bias))
        return x_BQD + self.drop(self.down(self.drop(F.gelu(self.up(self.norm_ff(x_BQD))))))


class PairNet(nn.Module):
    """Item vectors and backbone as in SASRec; layers in which a candidate looks at the history; one score a pair."""

    def __init__(self, n_items: int, width: int, n_layers: int, n_heads: int, dropout: float, length: int,
                 n_negatives: int):
        super().__init__()
        self.item, self.backbone = nn.Embedding(n_items, width), Backbone(width, n_layers, n_heads, dropout, length)
        self.pair = nn.ModuleList(PairBlock(width, n_heads, dropout) for _ in range(n_layers))
        self.norm, self.out = RMSNorm(width), nn.Linear(width, 1)
        self.n_negatives = n_negatives
        small_start(self)

    def scores(self, hidden_BTD: torch.Tensor, item_BQ: torch.Tensor, padding_bias: torch.Tensor) -> torch.Tensor:
        """One score a pair (B, Q); ``padding_bias`` is -inf where a candidate may not look."""
        x_BQD = self.item(item_BQ)
        for block in self.pair:
            x_BQD = block(x_BQD, hidden_BTD, padding_bias)
        return self.out(self.norm(x_BQD))[..., 0]

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        """Every position: its next item against random items as pairs, and against all items by inner product."""
        hidden_BTD = self.backbone(self.item(items_BT[:, :-1]))
        n_rows, n_places = hidden_BTD.shape[:2]
        real_BT = padding_mask(length_B - 1, n_places)
        goal_N = items_BT[:, 1:][real_BT]
        first = F.cross_entropy(hidden_BTD[real_BT] @ self.item.weight.T, goal_N)
        others_C = torch.randint(0, self.item.num_embeddings, (self.n_negatives,))
        item_BTC = torch.cat([items_BT[:, 1:, None], others_C.expand(n_rows, n_places, -1)], 2)
        later_TT = torch.full((n_places, n_places), -torch.inf).triu(1)
        gap_QT = later_TT.repeat_interleave(item_BTC.shape[2], 0)  # each candidate sees what its place may see
        score_NC = self.scores(hidden_BTD, item_BTC.flatten(1), gap_QT).unflatten(1, item_BTC.shape[1:])[real_BT]
        same_NC = F.pad(others_C[None] == goal_N[:, None], (1, 0))  # a random item may be the right one
        second = F.cross_entropy(score_NC.masked_fill(same_NC, -torch.inf), torch.zeros_like(goal_N))
        return first + second, {"stage_loss": torch.stack([first, second]).detach()}

    def read(self, histories: list[np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The history's vectors, the user's vector, and -inf at padding."""
        items_BT, length_B = pad(histories)
        hidden_BTD = self.backbone(self.item(items_BT))
        real_BT = padding_mask(length_B, items_BT.shape[1])
        padding_bias = torch.zeros(real_BT.shape).masked_fill(~real_BT, -torch.inf)[:, None, None]
        return hidden_BTD, last_hidden(hidden_BTD, length_B), padding_bias


@dataclass
class PairRanker(NeuralRecommender):
    """Every item is scored as a pair: the most that a model can do, and the dearest."""

    name = "pair_ranker"
    title = "Pair ranker"
    summary = "Scores every (user, item) pair with a transformer: one forward pass per item."
    max_eval_users = 300

    n_negatives: int = param(64, "Negative samples per positive item in training.", low=1, high=4096)
    n_candidates: int = param(0, "Candidates from a nearest-neighbour first stage; 0: all items.", low=0,
                              high=100_000)

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return PairNet(int(metadata["n_items"]), self.width, self.n_layers, self.n_heads, self.dropout,
                       self.history_length, self.n_negatives)

    @torch.inference_mode()
    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        """Scores (B, I). Behind a first stage, items that it did not propose stand below, in its own order."""
        net: Any = self.net_
        hidden_BTD, user_BD, padding_bias = net.read([self.shorten(row) for row in histories])
        near_BI = user_BD @ net.item.weight.T
        n = min(self.n_candidates or self.n_items, self.n_items)
        item_BC = near_BI.topk(n, dim=1).indices
        step = max(1, CHUNK // (len(histories) * self.width))
        score_BC = torch.cat([net.scores(hidden_BTD, part_BQ, padding_bias) for part_BQ in item_BC.split(step, 1)], 1)
        below_BI = near_BI - near_BI.amax(1, True) + score_BC.amin(1, True) - 1
        return below_BI.scatter(1, item_BC, score_BC).numpy()


@dataclass
class Cascade(PairRanker):
    """What large shops run: neighbours first, then a dear model for the few that are left."""

    name = "cascade"
    title = "Cascade"
    summary = "Retrieves the nearest items to the user's vector, then re-ranks these few as pairs."
    max_eval_users = 5000

    n_candidates: int = param(100, "Candidates from the nearest-neighbour first stage.", low=1, high=100_000)
