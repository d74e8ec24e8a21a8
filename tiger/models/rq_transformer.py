"""A causal transformer over items whose small depth transformer writes the next item's codes.

One position an item, whatever the length of its ID, and every position of every history trains in one pass.
Source: Lee et al. 2022, "Autoregressive Image Generation using Residual Quantization", section 3.2.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger.core.params import param
from tiger.models.backbone import Backbone, LossParts, goal_mask, last_hidden, small_start
from tiger.models.blocks import Attention, Block, KeyValue, RMSNorm, pad, reorder
from tiger.models.generative import GenerativeRecommender
from tiger.models.neural import BackboneRecommender
from tiger.models.prefixes import PrefixVectors

Cache = tuple[list[KeyValue], torch.Tensor, torch.Tensor]  # depth layers' keys and values; codes' sum; trie node


class RQNet(nn.Module):
    """Code vectors (input and output alike), backbone over items, depth transformer over levels."""

    ids_IM: torch.Tensor

    def __init__(self, ids_IM: torch.Tensor, n_codes: list[int], width: int, n_heads: int, n_layers: int,
                 n_depth_layers: int, dropout: float, length: int, label_smoothing: float, prefix_vectors: bool,
                 norm: str = "pre", last_only: bool = False):
        super().__init__()
        self.register_buffer("ids_IM", ids_IM.clamp(min=0), persistent=False)  # padding may point at an item without ID
        self.n_codes, self.label_smoothing, self.last_only = n_codes, label_smoothing, last_only
        self.code = nn.ModuleList(nn.Embedding(n, width) for n in n_codes)
        self.prefixes = PrefixVectors(ids_IM, n_codes, width) if prefix_vectors and len(n_codes) > 1 else None
        self.backbone = Backbone(width, n_layers, n_heads, dropout, length, norm)
        self.level = nn.Parameter(torch.zeros(len(n_codes), width))
        self.depth = nn.ModuleList(Block(width, n_heads, width // n_heads, 4 * width, dropout)
                                   for _ in range(n_depth_layers))
        self.norm = RMSNorm(width)
        self.bias = nn.ParameterList(nn.Parameter(torch.zeros(n)) for n in n_codes)
        small_start(self)

    def vectors(self, item_N: torch.Tensor) -> torch.Tensor:
        """The vectors (N, M, D) of the items' codes, each in the light of the codes before it."""
        parts = [table(self.ids_IM[item_N, level]) for level, table in enumerate(self.code)]
        if self.prefixes is not None:
            path_NM = self.prefixes.path_IM[item_N]
            parts = [part + self.prefixes.read(level, path_NM[..., level]) for level, part in enumerate(parts)]
        return torch.stack(parts, -2)

    def hidden(self, items_BT: torch.Tensor) -> torch.Tensor:
        return self.backbone(self.vectors(items_BT).sum(-2))

    def logits(self, x_ND: torch.Tensor, level: int, node_N: torch.Tensor | None) -> torch.Tensor:
        """Scores (N, K) of this level's codes; ``node_N`` are the prefixes that the codes follow."""
        query_ND = self.norm(x_ND)
        logits_NK = F.linear(query_ND, self.code[level].weight, self.bias[level])  # type: ignore[arg-type]
        if self.prefixes is None or node_N is None:
            return logits_NK.float()
        return self.prefixes.add_scores(logits_NK.float(), query_ND, level, node_N)

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        n_items = items_BT.shape[1]
        row_N, place_N = goal_mask(length_B, n_items - 1, self.last_only).nonzero(as_tuple=True)
        goal_N = items_BT[row_N, place_N + 1]
        vectors_BTMD = self.vectors(items_BT)  # once for both ends: each look into a table costs a gradient of its size
        hidden_BTD = self.backbone(vectors_BTMD[:, :-1].sum(-2))
        hidden_ND = hidden_BTD.flatten(0, 1).index_select(0, row_N * (n_items - 1) + place_N)  # padding ends here
        goal_NMD = vectors_BTMD.flatten(0, 1).index_select(0, row_N * n_items + place_N + 1)
        before_NMD = F.pad(goal_NMD[:, :-1].cumsum(1), (0, 0, 1, 0))
        x_NMD = hidden_ND[:, None] + self.level + before_NMD
        for block in self.depth:
            x_NMD = block(x_NMD, causal=True)
        parts = [self._level_loss(x_NMD[:, level], level, goal_N) for level in range(len(self.n_codes))]
        loss_L = torch.stack(parts)
        return loss_L.sum(), {"level_loss": loss_L.detach()}

    def _level_loss(self, x_ND: torch.Tensor, level: int, goal_N: torch.Tensor) -> torch.Tensor:
        parent_N = self.prefixes.path_IM[goal_N, level - 1] if self.prefixes is not None and level else None
        return F.cross_entropy(self.logits(x_ND, level, parent_N), self.ids_IM[goal_N, level],
                               label_smoothing=self.label_smoothing)

    def encode(self, histories: list[np.ndarray]) -> torch.Tensor:
        items_BT, length_B = pad(histories)
        return last_hidden(self.hidden(items_BT), length_B)

    def step(self, memory: torch.Tensor, cache: Cache | None, level: int,
             codes_BW: torch.Tensor | None) -> tuple[torch.Tensor, Cache]:
        """See ``beam.Decoder``."""
        if cache is None or codes_BW is None:
            past, sum_BWD = None, torch.zeros_like(memory)[:, None]
            node_BW = torch.zeros(len(memory), 1, dtype=torch.int64)
        else:
            past, node_BW = cache[0], cache[2]
            new_BWD = self.code[level - 1](codes_BW)
            if self.prefixes is not None:
                node_BW = self.prefixes.trie.child(level - 1, node_BW, codes_BW)
                new_BWD = new_BWD + self.prefixes.read(level - 1, node_BW)
            sum_BWD = cache[1] + new_BWD
        x_BWD, new_cache = memory[:, None] + self.level[level] + sum_BWD, []
        for at, block in enumerate(self.depth):
            x_BWD, kept = block.decode_step(x_BWD, None if past is None else past[at])  # type: ignore[operator]
            new_cache.append(kept)
        logits_NK = self.logits(x_BWD.flatten(0, 1), level, node_BW.expand(x_BWD.shape[:2]).flatten())
        return logits_NK.unflatten(0, x_BWD.shape[:2]), (new_cache, sum_BWD, node_BW)

    def attentions(self) -> tuple[list[Attention], list[Attention]]:
        """The layers that read the history; none reads it again while codes are written."""
        return [block.attend for block in self.backbone.blocks], []  # type: ignore[misc]

    def reorder(self, cache: Cache, parent_BW: torch.Tensor) -> Cache:
        user_B1 = torch.arange(len(parent_BW))[:, None]
        return reorder(cache[0], parent_BW), cache[1][user_B1, parent_BW], cache[2][user_B1, parent_BW]


@dataclass
class RQTransformer(BackboneRecommender, GenerativeRecommender):
    """Fast to train: an ID of four codes costs one position, not four."""

    name = "rq_transformer"
    title = "RQ-Transformer"
    summary = "Reads one position per item; a small second transformer generates the next item's codes."

    # the values that did best on Amazon Beauty's validation items (docs/EXPERIMENTS.md)
    dropout: float = param(0.5, "Dropout rate.", low=0.0, high=0.9)
    n_epochs: int = param(12, "Training epochs.", low=1, high=10000)
    label_smoothing: float = param(0.1, "Label smoothing: probability spread evenly over all "
                                        "codes.", low=0.0, high=0.9, group="regularisation")
    n_depth_layers: int = param(1, "Layers of the depth transformer.", low=1, high=8)
    prefix_vectors: bool = param(True, "A vector for every prefix of the catalogue in addition to one for every code: much "
                                       "better on sparse data, but the tables grow with the catalogue.")

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return RQNet(metadata["ids"], metadata["n_codes"].tolist(), self.width, self.n_heads, self.n_layers,
                     self.n_depth_layers, self.dropout, self.history_length, self.label_smoothing,
                     self.prefix_vectors, self.norm, self.split_histories)
