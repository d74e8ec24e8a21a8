"""SASRec whose items share vectors through their semantic IDs, so that rare items learn from their neighbours.

An item's vector is the sum of a vector of its own, one for every code, one for every prefix of codes and, if wanted, its
embedding, projected. What is learned of one item moves all that share a prefix with it; retrieval is SASRec's: one inner
product an item.

Source: Singh et al. 2023, "Better Generalization with Semantic IDs" (arXiv:2306.08121), for prefixes as shared vectors; Yang et
al. 2024, "Unifying Generative and Dense Retrieval" (LIGER, arXiv:2411.18814), for IDs and text in one dense retriever.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger import metrics
from tiger.core.params import param
from tiger.datasets.catalogue import Catalogue
from tiger.models.generative import checked_ids
from tiger.models.sasrec import SASRec, SASRecNet
from tiger.semantic_ids import SemanticIds


class SharedNet(SASRecNet):
    """See above.

    Args:
        codes_IL: int64; -1 in the rows of items without an ID, which share nothing.
        content_IE: the items' embeddings; None: not read.
    """

    path_IS: torch.Tensor
    content_IE: torch.Tensor | None

    def __init__(self, codes_IL: torch.Tensor, content_IE: torch.Tensor | None, width: int, n_layers: int,
                 n_heads: int, dropout: float, length: int, label_smoothing: float, norm: str = "pre", last_only: bool = False):
        super().__init__(len(codes_IL), width, n_layers, n_heads, dropout, length, label_smoothing, norm, last_only)
        path_IS = shared_rows(codes_IL.numpy())
        self.register_buffer("path_IS", torch.from_numpy(path_IS), persistent=False)
        self.shared = nn.ModuleList(nn.Embedding(int(n) + 1, width, padding_idx=0) for n in path_IS.max(0))
        for table in self.shared:
            nn.init.normal_(table.weight[1:], std=0.01)  # type: ignore[index]
        self.project = None
        if content_IE is not None:
            n_numbers = content_IE.shape[1]
            content_IE = F.normalize(content_IE, dim=1) * n_numbers ** 0.5
            self.project = nn.Linear(n_numbers, width, bias=False)
            nn.init.normal_(self.project.weight, std=0.02 / n_numbers ** 0.5)
        self.register_buffer("content_IE", content_IE, persistent=False)
        self._kept: tuple[int, torch.Tensor] | None = None

    def table(self) -> torch.Tensor:
        if torch.is_grad_enabled():
            return self._summed()
        version = sum(weight._version for weight in self.parameters())
        if self._kept is None or self._kept[0] != version:  # a sum over the whole catalogue is not made for every request
            self._kept = version, self._summed()
        return self._kept[1]

    def _summed(self) -> torch.Tensor:
        table_ID = self.item.weight
        for at, shared in enumerate(self.shared):
            table_ID = table_ID + shared(self.path_IS[:, at])
        if self.project is not None:
            table_ID = table_ID + self.project(self.content_IE)
        return table_ID


def shared_rows(codes_IL: np.ndarray) -> np.ndarray:
    """Which row of which table each item reads (I, 2 L - 1), from 1; 0 for items without an ID.

    One table for the codes of every level, and one for the prefixes that end at each level from the second on.
    """
    return np.concatenate([codes_IL, metrics.prefix_numbers(codes_IL)[0][:, 1:]], 1) + 1  # -1 where there is no ID


@dataclass
class SASRecIds(SASRec):
    """Dense retrieval with what the IDs know."""

    name = "sasrec_ids"
    title = "SASRec with semantic IDs"
    summary = "SASRec whose item vectors add up what all items of a code and of an ID prefix share."
    ids_verb = "reads"

    # the values that did best on Amazon Beauty's validation items (docs/EXPERIMENTS.md)
    dropout: float = param(0.6, "Dropout rate.", low=0.0, high=0.9)
    n_epochs: int = param(32, "Training epochs.", low=1, high=10000)

    content: bool = param(False, "Add the item's embedding, projected, to its vector.")

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        found = {"codes": torch.from_numpy(checked_ids(ids, cat, f"{self.name} {self.ids_verb}").codes_IL.astype(np.int64))}
        return found | ({"content": torch.from_numpy(np.asarray(cat.embedding_IE, np.float32))} if self.content else {})

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return SharedNet(metadata["codes"], metadata.get("content"), self.width, self.n_layers, self.n_heads, self.dropout,
                         self.history_length, self.label_smoothing, self.norm, self.split_histories)
