"""SASRec: a user vector from a causal transformer, and the items nearest to it.

Source: Kang and McAuley 2018; full softmax cross-entropy after Klenitskiy and Vasilev 2023.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger.core.params import param
from tiger.models import retrieval
from tiger.models.backbone import Backbone, LossParts, goal_mask, last_hidden, small_start
from tiger.models.blocks import pad
from tiger.models.neural import BackboneRecommender


class SASRecNet(nn.Module):
    """Item vectors, backbone, and the same item vectors again as output."""

    def __init__(self, n_items: int, width: int, n_layers: int, n_heads: int, dropout: float, length: int,
                 label_smoothing: float, norm: str = "pre", last_only: bool = False):
        super().__init__()
        self.item = nn.Embedding(n_items, width)
        self.backbone = Backbone(width, n_layers, n_heads, dropout, length, norm)
        self.label_smoothing, self.last_only = label_smoothing, last_only
        small_start(self)

    def table(self) -> torch.Tensor:
        """The vectors of all items (I, D)."""
        return self.item.weight

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        table_ID = self.table()
        hidden_BTD = self.backbone(F.embedding(items_BT[:, :-1], table_ID))
        goal_BT = goal_mask(length_B, items_BT.shape[1] - 1, self.last_only)
        logits_NI = hidden_BTD[goal_BT] @ table_ID.T
        return F.cross_entropy(logits_NI.float(), items_BT[:, 1:][goal_BT], label_smoothing=self.label_smoothing), {}

    def user(self, histories: list[np.ndarray]) -> torch.Tensor:
        """One vector a user (B, D)."""
        items_BT, length_B = pad(histories)
        return last_hidden(self.backbone(F.embedding(items_BT, self.table())), length_B)


@dataclass
class SASRec(BackboneRecommender):
    """User vector + nearest neighbours: what generative retrieval replaces."""

    name = "sasrec"
    title = "SASRec"
    summary = "Encodes a history as one vector and ranks items by inner product."

    # the values that did best on Amazon Beauty's validation items (docs/EXPERIMENTS.md)
    dropout: float = param(0.5, "Dropout rate.", low=0.0, high=0.9)
    n_epochs: int = param(16, "Training epochs.", low=1, high=10000)

    index: str = param("exact", retrieval.HELP, choices=retrieval.CHOICES, group="search")

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return SASRecNet(int(metadata["n_items"]), self.width, self.n_layers, self.n_heads, self.dropout,
                         self.history_length, self.label_smoothing, self.norm, self.split_histories)

    @torch.inference_mode()
    def user_vectors(self, histories: list[np.ndarray]) -> np.ndarray:
        """One vector a user (B, D) float32: the query of a nearest-neighbour index."""
        return self.net_.user([self.shorten(row) for row in histories]).numpy()  # type: ignore[operator]

    def item_vectors(self) -> np.ndarray:
        """One vector an item (I, D) float32: the contents of that index, by inner product."""
        return self.net_.table().detach().numpy()  # type: ignore[operator]

    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        return self.user_vectors(histories) @ self.item_vectors().T

    def rank_batch(self, histories: list[np.ndarray], k: int, width: int = 20,
                   seen: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        if self.index == "exact":
            return super().rank_batch(histories, k, width, seen)
        more = max(map(len, seen), default=0) if seen else 0
        found = retrieval.search(self.user_vectors(histories), self.item_vectors(), k + more)
        return retrieval.unseen(*found, k, seen) if seen else found
