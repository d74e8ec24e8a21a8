"""Generate the next item's embedding and look up its neighbours: the obvious idea, known to work badly.

The mean of several plausible next items lies between them, where no item is; a distribution over codes has no
such trouble. Source: Rajput et al. 2023, section 1, for the contrast.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger.core.params import param
from tiger.datasets.catalogue import Catalogue
from tiger.models import retrieval
from tiger.models.backbone import Backbone, LossParts, last_hidden, padding_mask, small_start
from tiger.models.blocks import pad
from tiger.models.neural import NeuralRecommender
from tiger.semantic_ids import SemanticIds


class RegressionNet(nn.Module):
    """Backbone between two linear maps, from the item embedding and back to it."""

    emb_IE: torch.Tensor

    def __init__(self, emb_IE: torch.Tensor, width: int, n_layers: int, n_heads: int, dropout: float,
                 length: int):
        super().__init__()
        self.register_buffer("emb_IE", emb_IE, persistent=False)
        self.into = nn.Linear(emb_IE.shape[1], width, bias=False)
        self.backbone = Backbone(width, n_layers, n_heads, dropout, length)
        self.out = nn.Linear(width, emb_IE.shape[1])
        small_start(self)

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        hidden_BTD = self.backbone(self.into(self.emb_IE[items_BT[:, :-1]]))
        real_BT = padding_mask(length_B - 1, items_BT.shape[1] - 1)
        guess_NE, goal_NE = self.out(hidden_BTD[real_BT]), self.emb_IE[items_BT[:, 1:][real_BT]]
        return F.mse_loss(guess_NE, goal_NE, reduction="none").sum(-1).mean(), {}

    def guess(self, histories: list[np.ndarray]) -> torch.Tensor:
        """The embedding expected next (B, E)."""
        items_BT, length_B = pad(histories)
        return self.out(last_hidden(self.backbone(self.into(self.emb_IE[items_BT])), length_B))


@dataclass
class VectorRegression(NeuralRecommender):
    """Mean squared error on the next item's embedding; scores are minus the squared distance."""

    name = "vector_regression"
    title = "Vector regression"
    summary = "Predicts the next item's embedding and returns its nearest neighbours."

    index: str = param("exact", retrieval.HELP, choices=retrieval.CHOICES, group="search")

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        emb_IE = F.normalize(torch.from_numpy(cat.embedding_IE), dim=1)
        return {"embedding": emb_IE}

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return RegressionNet(metadata["embedding"], self.width, self.n_layers, self.n_heads, self.dropout,
                             self.history_length)

    @torch.inference_mode()
    def guesses(self, histories: list[np.ndarray]) -> torch.Tensor:
        """The embedding expected next (B, E)."""
        return self.net_.guess([self.shorten(row) for row in histories])  # type: ignore[operator]

    @torch.inference_mode()
    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        return -torch.cdist(self.guesses(histories), self.metadata_["embedding"]).square().numpy()

    def rank_batch(self, histories: list[np.ndarray], k: int, width: int = 20,
                   seen: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        if self.index == "exact":
            return super().rank_batch(histories, k, width, seen)
        more = max(map(len, seen), default=0) if seen else 0
        found = retrieval.search(self.guesses(histories).numpy(), self.metadata_["embedding"].numpy(), k + more, squared=True)
        return retrieval.unseen(*found, k, seen) if seen else found
