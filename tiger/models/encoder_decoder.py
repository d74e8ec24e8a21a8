"""The paper's model: a T5-style encoder reads the history's codes, a decoder writes the next item's.

Source: Rajput et al. 2023, section 3.2 and 4.1; Raffel et al. 2020 for the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tiger.core.params import param
from tiger.datasets.catalogue import Catalogue
from tiger.models.backbone import LossParts, beginnings, padding_mask
from tiger.models.blocks import Attention, Block, Dropout, KeyValue, RelativeBias, RMSNorm, pad, reorder
from tiger.models.generative import GenerativeRecommender

START = 0  # the decoder's first token

Memory = tuple[list[KeyValue], torch.Tensor]  # keys and values of each decoder layer; bias over padding


class Stack(nn.Module):
    """Blocks that share one relative position bias, as in T5."""

    def __init__(self, n_layers: int, width: int, n_heads: int, head: int, ff: int, dropout: float,
                 cross: bool):
        super().__init__()
        self.blocks = nn.ModuleList(Block(width, n_heads, head, ff, dropout, cross, scale=1.0, gelu=False)
                                    for _ in range(n_layers))
        self.bias, self.norm = RelativeBias(n_heads, two_sided=not cross), RMSNorm(width)


class T5Net(nn.Module):
    """Encoder and decoder over one vocabulary: 0 starts, then come the codes of each level, then users.

    Where the network has user tokens, a row of items begins with a negative number: ``-1 - u`` stands for user token u,
    the last of which, ``n_users``, is that of unknown users.
    """

    tokens_IM: torch.Tensor

    def __init__(self, ids_IM: torch.Tensor, n_codes: list[int], width: int, n_layers: int, n_heads: int,
                 head: int, ff: int, dropout: float, label_smoothing: float, n_users: int = 0):
        super().__init__()
        self.n_codes, self.label_smoothing, self.n_users = n_codes, label_smoothing, n_users
        self.first = [1 + sum(n_codes[:level]) for level in range(len(n_codes))]  # tokens of code 0
        self.register_buffer("tokens_IM", ids_IM.clamp(min=0) + torch.tensor(self.first), persistent=False)
        self.token = nn.Embedding(1 + sum(n_codes) + (n_users + 1 if n_users else 0), width)
        self.encoder = Stack(n_layers, width, n_heads, head, ff, dropout, cross=False)
        self.decoder = Stack(n_layers, width, n_heads, head, ff, dropout, cross=True)
        self.drop = Dropout(dropout)
        self._start(width, n_heads * head)

    def _start(self, width: int, inner: int) -> None:
        """T5's starting weights."""
        nn.init.normal_(self.token.weight, std=1.0)
        for name, weight in self.named_parameters():
            kind = name.split(".")[-2]
            if kind in ("q", "k", "v", "o", "up", "down"):
                fan = inner if kind == "o" else weight.shape[1]
                scale = self.decoder.blocks[0].attend.head ** -0.5 if kind == "q" else 1.0  # type: ignore
                nn.init.normal_(weight, std=fan ** -0.5 * scale)

    def logits(self, x_ND: torch.Tensor, level: int) -> torch.Tensor:
        """Scores of one level's codes; the vocabulary's other tokens cannot come here."""
        rows = self.token.weight[self.first[level]:self.first[level] + self.n_codes[level]]
        return (self.decoder.norm(x_ND) * x_ND.shape[-1] ** -0.5) @ rows.T

    def tokens(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Padded rows of items, each behind its user where there are user tokens, as tokens, and how many of them are real."""
        n_before = int(self.n_users > 0)
        token_BT = self.tokens_IM[items_BT[:, n_before:]].flatten(1)
        if n_before:
            token_BT = torch.cat([sum(self.n_codes) - items_BT[:, :1], token_BT], 1)
        return token_BT, n_before + (length_B - n_before) * len(self.n_codes)

    def read(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> Memory:
        """Encode item sequences; keys and values for every decoder layer."""
        token_BT, length_B = self.tokens(items_BT, length_B)
        real_BT = padding_mask(length_B, token_BT.shape[1])
        padding_bias = torch.zeros(real_BT.shape).masked_fill(~real_BT, -torch.inf)[:, None, None]
        place_T = torch.arange(token_BT.shape[1])
        bias = self.encoder.bias(place_T, place_T) + padding_bias
        x_BTD = self.drop(self.token(token_BT))
        for block in self.encoder.blocks:
            x_BTD = block(x_BTD, bias)
        x_BTD = self.drop(self.encoder.norm(x_BTD))
        return [block.cross.key_value(x_BTD) for block in self.decoder.blocks], padding_bias  # type: ignore

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        """The last item of each row is what the others shall predict."""
        memory, padding_bias = self.read(items_BT[:, :-1], length_B - 1)
        goal_BM = self.tokens_IM[items_BT.gather(1, length_B[:, None] - 1)[:, 0]]
        n_levels = goal_BM.shape[1]
        place_M = torch.arange(n_levels)
        later = torch.full((n_levels, n_levels), -torch.inf).triu(1)
        bias = self.decoder.bias(place_M, place_M) + later
        x_BMD = self.drop(self.token(F.pad(goal_BM[:, :-1], (1, 0), value=START)))
        for block, shared in zip(self.decoder.blocks, memory, strict=True):
            x_BMD = block(x_BMD, bias, memory=shared, memory_bias=padding_bias)
        parts = [F.cross_entropy(self.logits(x_BMD[:, level], level).float(), goal_BM[:, level] - self.first[level],
                                 label_smoothing=self.label_smoothing) for level in range(n_levels)]
        loss_L = torch.stack(parts)
        return loss_L.sum(), {"level_loss": loss_L.detach()}

    def encode(self, histories: list[np.ndarray]) -> Memory:
        unknown = np.array([-1 - self.n_users])
        rows = [row if row[0] < 0 else np.concatenate([unknown, row]) for row in histories] if self.n_users else histories
        return self.read(*pad(rows))

    def step(self, memory: Memory, cache: list[KeyValue] | None, level: int,
             codes_BW: torch.Tensor | None) -> tuple[torch.Tensor, list[KeyValue]]:
        """See ``beam.Decoder``."""
        n_users = len(memory[1])
        start = torch.full((n_users, 1), START)
        token_BW = start if codes_BW is None else codes_BW + self.first[level - 1]
        bias = self.decoder.bias(torch.tensor([level]), torch.arange(level + 1))
        x_BWD, new_cache = self.token(token_BW), []
        for at, block in enumerate(self.decoder.blocks):
            past = None if cache is None else cache[at]
            x_BWD, kept = block.decode_step(x_BWD, past, bias, memory[0][at], memory[1])  # type: ignore[operator]
            new_cache.append(kept)
        return self.logits(x_BWD, level), new_cache

    def attentions(self) -> tuple[list[Attention], list[Attention]]:
        """The encoder's layers that read the history, and the decoder's that look at it for each code."""
        return ([block.attend for block in self.encoder.blocks],  # type: ignore[misc]
                [block.cross for block in self.decoder.blocks])  # type: ignore[misc]

    def reorder(self, cache: list[KeyValue], parent_BW: torch.Tensor) -> list[KeyValue]:
        return reorder(cache, parent_BW)

    def copy_t5(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Take the weights of a Hugging Face T5 (ReLU, tied embeddings) of the same sizes."""
        mine = {"token.weight": weights["shared.weight"]}
        for part, stack in (("encoder", self.encoder), ("decoder", self.decoder)):
            mine[f"{part}.norm.weight"] = weights[f"{part}.final_layer_norm.weight"]
            bias = f"{part}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
            mine[f"{part}.bias.weight"] = weights[bias]
            kinds = [("SelfAttention", "attend", "norm_self"), ("EncDecAttention", "cross", "norm_cross")]
            for at in range(len(stack.blocks)):
                theirs, ours = f"{part}.block.{at}.layer", f"{part}.blocks.{at}"
                used = kinds if part == "decoder" else kinds[:1]
                for layer, (kind, name, norm) in enumerate(used):
                    mine[f"{ours}.{norm}.weight"] = weights[f"{theirs}.{layer}.layer_norm.weight"]
                    for matrix in "qkvo":
                        source = f"{theirs}.{layer}.{kind}.{matrix}.weight"
                        mine[f"{ours}.{name}.{matrix}.weight"] = weights[source]
                ff = f"{theirs}.{len(used)}"
                mine[f"{ours}.norm_ff.weight"] = weights[f"{ff}.layer_norm.weight"]
                mine[f"{ours}.up.weight"] = weights[f"{ff}.DenseReluDense.wi.weight"]
                mine[f"{ours}.down.weight"] = weights[f"{ff}.DenseReluDense.wo.weight"]
        self.load_state_dict(mine)


@dataclass
class EncoderDecoder(GenerativeRecommender):
    """The paper's sizes by default; ``tiger.runs.presets`` has some that train in a class."""

    name = "encoder_decoder"
    title = "Encoder-decoder (the paper)"
    summary = "Reads the history code by code and generates the next item's ID code by code."

    n_layers: int = param(4, "Layers of the encoder, and of the decoder.", low=1, high=24)
    n_heads: int = param(6, "Attention heads.", low=1, high=32)
    head: int = param(64, "Width of one attention head.", low=1, high=256)
    ff: int = param(1024, "Width of the feed-forward layers.", low=4, high=8192)
    dropout: float = param(0.1, "Dropout rate.", low=0.0, high=0.9)
    batch_size: int = param(256, "Batch size: histories per step.", low=1, high=8192)
    n_user_tokens: int = param(0, "User tokens, shared by hashing, that precede the history (2000 in the paper; 0: none). One "
                                  "more token is for unknown users, such as a history entered by hand.",
                               low=0, high=1_000_000)
    user_dropout: float = param(0.1, "Share of training examples whose user is unknown to the model, so that it can read a "
                                     "history alone, too.", low=0.0, high=0.9, group="regularisation")

    def _check_sizes(self) -> None:
        """Heads have a width of their own here; every combination fits."""

    def examples(self, cat: Catalogue) -> list[np.ndarray]:
        """Every item after its own history: the encoder sees both ways, so each target is an example."""
        return [self.with_user(part, user) for user, row in self.readable_rows(cat)
                for part in beginnings(row, self.history_length + 1)]

    def with_user(self, row: np.ndarray, user: int | None) -> np.ndarray:
        """The row behind its user's token, where there are such tokens and the user is known."""
        if not self.n_user_tokens or user is None:
            return row
        spread = (user * 2_654_435_761) % 2**32  # Knuth's multiplicative hash: neighbours share no token
        return np.concatenate([[-1 - spread % self.n_user_tokens], row]).astype(np.int64)

    def readable_history(self, history: np.ndarray) -> np.ndarray:
        user, items = (history[:1], history[1:]) if len(history) and history[0] < 0 else (history[:0], history)
        return np.concatenate([user, super().readable_history(items)])

    def _cut(self, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        if not self.n_user_tokens:
            return super()._cut(row, rng)
        items_T = super()._cut(row[1:], rng)
        known = rng.random() >= self.user_dropout
        return np.concatenate([row[:1] if known else [-1 - self.n_user_tokens], items_T])

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return T5Net(metadata["ids"], metadata["n_codes"].tolist(), self.width, self.n_layers, self.n_heads,
                     self.head, self.ff, self.dropout, self.label_smoothing, self.n_user_tokens)
