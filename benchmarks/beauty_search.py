"""The search for good recommenders on Amazon Beauty: what was tried, one row a call, on the validation item only.

    python benchmarks/beauty_search.py ROW --seed 0 [--threads 1] [--device cuda] [--test]

Every third user's validation item, beam width 20, both rules (items of the history excluded from the lists, or kept in them).
Some rows are hyper-parameters of the lab's models; others are models of this file, tried and not taken into the lab. With
``--test`` the test item of every user is scored, too: for rows that were chosen. Appends one JSON line to
benchmarks/logs/beauty_search.jsonl.
"""

import argparse
import json
import re
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from bare import BEAUTY, machine
from on_device import answering_on
from torch import nn
from torch.nn import functional as F

from tiger import datasets, models, quantizers
from tiger.core.params import param
from tiger.datasets.catalogue import Catalogue
from tiger.models.backbone import Backbone, LossParts, padding_mask, small_start
from tiger.models.blocks import Block, RMSNorm
from tiger.models.rq_transformer import RQNet, RQTransformer
from tiger.models.sasrec import SASRec, SASRecNet
from tiger.models.sasrec_ids import SASRecIds, SharedNet
from tiger.semantic_ids import SemanticIds

LOG = Path(__file__).parent / "logs" / "beauty_search.jsonl"
SETTINGS = {"precision": "auto"}
RQ = SETTINGS | {"n_epochs": 12}
CODES = RQ | {"prefix_vectors": False, "dropout": 0.3, "label_smoothing": 0.0}
SAS = SETTINGS | {"n_epochs": 16, "dropout": 0.5}
LONG = SETTINGS | {"n_epochs": 32, "dropout": 0.6}
SPLIT = SETTINGS | {"norm": "post", "split_histories": True, "batch_size": 256, "learning_rate": 1e-3, "n_epochs": 24}
KOLEO = {"koleo": 1.0, "precision": "auto"}


class ReadItemsNet(RQNet):
    """RQ-Transformer that reads a vector of every item's own beside its codes, but writes codes alone."""

    def __init__(self, *args: Any, **named: Any):
        super().__init__(*args, **named)
        self.item = nn.Embedding(len(self.ids_IM), self.level.shape[1])
        nn.init.normal_(self.item.weight, std=0.02)

    def hidden(self, items_BT: torch.Tensor) -> torch.Tensor:
        return self.backbone(self.vectors(items_BT).sum(-2) + self.item(items_BT))

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        row_N, place_N = padding_mask(length_B - 1, items_BT.shape[1] - 1).nonzero(as_tuple=True)
        goal_N = items_BT[row_N, place_N + 1]
        hidden_ND = self.hidden(items_BT[:, :-1])[row_N, place_N]
        before_NMD = F.pad(self.vectors(goal_N)[:, :-1].cumsum(1), (0, 0, 1, 0))
        x_NMD = hidden_ND[:, None] + self.level + before_NMD
        for block in self.depth:
            x_NMD = block(x_NMD, causal=True)
        loss_L = torch.stack([self._level_loss(x_NMD[:, level], level, goal_N) for level in range(len(self.n_codes))])
        return loss_L.sum(), {"level_loss": loss_L.detach()}


@dataclass
class ReadItems(RQTransformer):
    """See ``ReadItemsNet``."""

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return ReadItemsNet(metadata["ids"], metadata["n_codes"].tolist(), self.width, self.n_heads, self.n_layers,
                            self.n_depth_layers, self.dropout, self.history_length, self.label_smoothing, self.prefix_vectors)


class MixedNet(SASRecNet):
    """SASRec whose item vectors add the item's embedding, projected; and cosines over a temperature instead of inner products."""

    content_IC: torch.Tensor

    def __init__(self, content_IC: torch.Tensor | None, cosine: float, *args: Any):
        super().__init__(*args)
        self.cosine, self.project = cosine, None
        if content_IC is not None:
            n_numbers = content_IC.shape[1]
            self.register_buffer("content_IC", F.normalize(content_IC, dim=1) * n_numbers ** 0.5, persistent=False)
            self.project = nn.Linear(n_numbers, self.item.embedding_dim, bias=False)
            nn.init.normal_(self.project.weight, std=0.02 / n_numbers ** 0.5)

    def table(self) -> torch.Tensor:
        return self.item.weight if self.project is None else self.item.weight + self.project(self.content_IC)

    def loss(self, items_BT: torch.Tensor, length_B: torch.Tensor) -> tuple[torch.Tensor, LossParts]:
        if not self.cosine:
            return super().loss(items_BT, length_B)
        table_ID, real_BT = self.table(), padding_mask(length_B - 1, items_BT.shape[1] - 1)
        hidden_ND = self.backbone(F.embedding(items_BT[:, :-1], table_ID))[real_BT]
        logits_NI = F.normalize(hidden_ND, dim=1) / self.cosine @ F.normalize(table_ID, dim=1).T
        return F.cross_entropy(logits_NI.float(), items_BT[:, 1:][real_BT], label_smoothing=self.label_smoothing), {}


@dataclass
class Mixed(SASRec):
    """See ``MixedNet``."""

    content: bool = param(False, "Add the item's embedding, projected.")
    cosine: float = param(0.0, "Temperature of cosines in the loss; 0: inner products.", low=0.0, high=1.0)

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        return {"content": torch.from_numpy(np.ascontiguousarray(cat.embedding_IE, np.float32))} if self.content else {}

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return MixedNet(metadata.get("content"), self.cosine, int(metadata["n_items"]), self.width, self.n_layers, self.n_heads,
                        self.dropout, self.history_length, self.label_smoothing)

    @torch.inference_mode()
    def item_vectors(self) -> np.ndarray:
        table_ID = self.net_.table()  # type: ignore[operator]
        return (F.normalize(table_ID, dim=1) if self.cosine else table_ID).numpy()


class WordsNet(SharedNet):
    """Item vectors add the mean of a learned vector for every word of the item.

    Args:
        word_N, first_I: the words of all items one behind the other, and where each item's begin.
    """

    word_N: torch.Tensor
    first_I: torch.Tensor

    def __init__(self, word_N: torch.Tensor, first_I: torch.Tensor, *args: Any):
        super().__init__(*args)
        self.register_buffer("word_N", word_N, persistent=False)
        self.register_buffer("first_I", first_I, persistent=False)
        self.word = nn.Embedding(int(word_N.max()) + 1, self.item.embedding_dim)
        nn.init.normal_(self.word.weight, std=0.01)

    def _summed(self) -> torch.Tensor:
        return super()._summed() + F.embedding_bag(self.word_N, self.word.weight, self.first_I, mode="mean")


@dataclass
class SharedWords(SASRecIds):
    """See ``WordsNet``."""

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        word_N, first_I = words_of(cat)
        return super().metadata(cat, ids) | {"words": word_N, "first": first_I}

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        return WordsNet(metadata["words"], metadata["first"], metadata["codes"], None, self.width, self.n_layers, self.n_heads,
                        self.dropout, self.history_length, self.label_smoothing)


def words_of(cat: Catalogue, fewest: int = 5, most: float = 0.3) -> tuple[torch.Tensor, torch.Tensor]:
    """Each item's words of title, text and category that at least ``fewest`` items have, and at most a share of ``most``."""
    texts = zip(cat.items["title"], cat.items["text"], cat.items["category"], strict=True)
    words = [set(re.findall(r"[a-z0-9]+", f"{title} {text}".lower()))
             | {f"cat:{part.strip()}" for part in re.split(r"[>|,;]", category) if part.strip()}
             for title, text, category in texts]
    n_items = Counter(word for own in words for word in own)
    number = {word: at for at, word in enumerate(sorted(
        word for word, n in n_items.items() if fewest <= n <= most * len(words)))}
    rows = [[number[word] for word in sorted(own) if word in number] or [len(number)] for own in words]
    return torch.tensor([word for row in rows for word in row]), torch.tensor(np.cumsum([0, *map(len, rows[:-1])]))


class LocalBackbone(Backbone):
    """Before each block, what the last three items say of each channel: a causal depthwise convolution."""

    KERNEL = 3

    def __init__(self, width: int, *args: Any):
        super().__init__(width, *args)
        self.norms = nn.ModuleList(RMSNorm(width) for _ in self.blocks)
        self.convs = nn.ModuleList(nn.Conv1d(width, width, self.KERNEL, groups=width, bias=False) for _ in self.blocks)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        x_BTD = self.drop(self.norm_in(x_BTD + self.place[:x_BTD.shape[1]]))
        for norm, conv, block in zip(self.norms, self.convs, self.blocks, strict=True):
            before_BDT = F.pad(norm(x_BTD).transpose(1, 2), (self.KERNEL - 1, 0))
            x_BTD = block(x_BTD + block.drop(conv(before_BDT).transpose(1, 2)), causal=True)
        return self.norm(x_BTD)


class GatedBlock(nn.Module):
    """A block whose residual parts pass a gate, with SwiGLU. Source: LiGR, Borisyuk et al. 2025 (arXiv:2502.03417)."""

    def __init__(self, block: Block, width: int):
        super().__init__()
        self.block, self.gate_self, self.gate_ff = block, nn.Linear(width, width), nn.Linear(width, width)
        self.side = nn.Linear(width, 4 * width, bias=False)

    def forward(self, x_BTD: torch.Tensor, causal: bool) -> torch.Tensor:
        block, seen_BTD = self.block, self.block.norm_self(x_BTD)
        attended_BTD = block.drop(block.attend(seen_BTD, block.attend.key_value(seen_BTD), None, causal))
        x_BTD = x_BTD + attended_BTD * torch.sigmoid(self.gate_self(x_BTD))
        seen_BTD = block.norm_ff(x_BTD)
        new_BTD = block.down(block.drop(F.silu(block.up(seen_BTD)) * self.side(seen_BTD)))
        return x_BTD + block.drop(new_BTD) * torch.sigmoid(self.gate_ff(x_BTD))


class GatedBackbone(Backbone):
    """See ``GatedBlock``."""

    def __init__(self, width: int, *args: Any):
        super().__init__(width, *args)
        self.blocks = nn.ModuleList(GatedBlock(block, width) for block in self.blocks)  # type: ignore[arg-type]


@dataclass
class OtherBackbone(SASRecIds):
    """``sasrec_ids`` with one of the backbones above."""

    backbone: str = param("local", "Which.", choices=("local", "gated"))

    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        net = SharedNet(metadata["codes"], None, self.width, self.n_layers, self.n_heads, self.dropout, self.history_length,
                        self.label_smoothing)
        make = {"local": LocalBackbone, "gated": GatedBackbone}[self.backbone]
        net.backbone = make(self.width, self.n_layers, self.n_heads, self.dropout, self.history_length)
        small_start(net.backbone)
        for conv in getattr(net.backbone, "convs", ()):
            nn.init.normal_(conv.weight, std=0.2)
        return net


# name: model, its values, quantizer, its values, vectors
ROWS: dict[str, tuple[Any, dict[str, Any], str | None, dict[str, Any], str]] = {
    "1": ("rq_transformer", CODES, "rkmeans", {}, "tfidf"),
    "2": ("rq_transformer", CODES, "rkmeans", {}, "cooccurrence"),
    "3": (ReadItems, CODES, "rkmeans", {}, "cooccurrence"),
    "4": ("rq_transformer", RQ | {"dropout": 0.4, "label_smoothing": 0.0}, "rkmeans", {}, "cooccurrence"),
    "5": ("rq_transformer", RQ | {"dropout": 0.5, "label_smoothing": 0.0}, "rqvae", KOLEO, "cooccurrence"),
    "6": ("rq_transformer", RQ | {"dropout": 0.5, "label_smoothing": 0.1}, "rkmeans", {}, "cooccurrence"),
    "sasrec": ("sasrec", SAS, None, {}, "cooccurrence"),
    "sasrec-smoothing": ("sasrec", SAS | {"label_smoothing": 0.1}, None, {}, "cooccurrence"),
    "sasrec-average": ("sasrec", SAS | {"average": 0.999}, None, {}, "cooccurrence"),
    "sasrec-drop-items": ("sasrec", SAS | {"drop_items": 0.2}, None, {}, "cooccurrence"),
    "sasrec-wide": ("sasrec", SAS | {"width": 256, "dropout": 0.6}, None, {}, "cooccurrence"),
    "sasrec-long": ("sasrec", LONG, None, {}, "cooccurrence"),
    "sasrec-cosine": (Mixed, SAS | {"cosine": 0.08}, None, {}, "cooccurrence"),
    "sasrec-content": (Mixed, SAS | {"content": True}, None, {}, "cooccurrence"),
    "sasrec-ids": ("sasrec_ids", SAS, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-content-ids": ("sasrec_ids", SAS | {"content": True}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-long": ("sasrec_ids", LONG, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-content-ids-long": ("sasrec_ids", LONG | {"content": True}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-words": (SharedWords, LONG, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-local": (OtherBackbone, LONG | {"backbone": "local"}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-gated": (OtherBackbone, LONG | {"backbone": "gated"}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-split": ("sasrec", SPLIT | {"dropout": 0.5}, None, {}, "cooccurrence"),
    "sasrec-ids-post": ("sasrec_ids", LONG | {"norm": "post"}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-pre-split": ("sasrec_ids", SPLIT | {"norm": "pre", "dropout": 0.6}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-split": ("sasrec_ids", SPLIT | {"dropout": 0.6}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-ids-split-50": ("sasrec_ids", SPLIT | {"dropout": 0.6, "history_length": 50}, "rqvae", KOLEO, "cooccurrence"),
    "sasrec-content-smooth": (Mixed, SAS | {"content": True, "label_smoothing": 0.1, "average": 0.999}, None, {}, "cooccurrence"),
    "sasrec-content-wide": (Mixed, SAS | {"content": True, "width": 256, "dropout": 0.6}, None, {}, "cooccurrence"),
    "sasrec-content-cosine": (Mixed, SAS | {"content": True, "cosine": 0.08}, None, {}, "cooccurrence"),
    "rq-average": ("rq_transformer", RQ | {"average": 0.999}, "rqvae", KOLEO, "cooccurrence"),
    "rq-drop-items": ("rq_transformer", RQ | {"drop_items": 0.2}, "rqvae", KOLEO, "cooccurrence"),
    "rq": ("rq_transformer", RQ | {"dropout": 0.5, "label_smoothing": 0.1}, "rqvae", KOLEO, "cooccurrence"),
    "rq-post": ("rq_transformer", RQ | {"dropout": 0.5, "label_smoothing": 0.1, "norm": "post"}, "rqvae", KOLEO, "cooccurrence"),
    "rq-split": ("rq_transformer", SPLIT | {"dropout": 0.5, "label_smoothing": 0.1, "n_epochs": 12}, "rqvae", KOLEO,
                 "cooccurrence"),
    "rq-wide": ("rq_transformer", RQ | {"width": 256, "dropout": 0.6}, "rqvae", KOLEO, "cooccurrence"),
}


def run(row: str, seed: int, data: Path, device: str, test: bool) -> dict[str, object]:
    """Train one row and score it."""
    make, values, kind, quantizer_values, embedding = ROWS[row]
    start_s, on_device = time.perf_counter(), {} if device == "cpu" else {"device": device}
    cat = datasets.load("recbole", path=str(data), embedding={"method": embedding, "seed": seed})
    ids, unique = None, None
    if kind is not None:
        quantizer = quantizers.create(kind, seed=seed, **quantizer_values, **(on_device if kind == "rqvae" else {}))
        codes_IL = quantizer.fit(cat.embedding_IE).encode(cat.embedding_IE)
        ids, unique = SemanticIds.from_codes(codes_IL, n_codes=256), len(np.unique(codes_IL, axis=0))
    model = (models.create(make, seed=seed, **values, **on_device) if isinstance(make, str)
             else make(seed=seed, **values, **on_device)).fit(cat, ids)
    fit_s, scores = time.perf_counter() - start_s, {}
    with answering_on(device, model):
        for split, users, width in (("valid", cat.split().user_U[::3], 20), ("test", None, 50))[:1 + test]:
            for excludes, ending in ((True, ""), (False, "_kept")):
                found = model.evaluate(cat, split, k=(5, 10), width=width, users=users, exclude_seen=excludes)
                scores[split + ending] = {key: round(value, 5) for key, value in found.items()}
    return {"row": row, "seed": seed, "data": data.name, "embedding": embedding, "model": values, "quantizer": quantizer_values,
            "unique_ids": unique, "fit_s": round(fit_s, 1), **scores,
            "device": torch.cuda.get_device_name() if device == "cuda" else device, "machine": machine()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("row", choices=list(ROWS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data", type=Path, default=BEAUTY)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--test", action="store_true", help="score the test item as well")
    parser.add_argument("--epochs", type=int, help="train for so many instead, to see whether all runs")
    parser.add_argument("--log", type=Path, default=LOG)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.epochs:
        ROWS[given.row][1]["n_epochs"] = given.epochs
    row = run(given.row, given.seed, given.data, given.device, given.test)
    given.log.parent.mkdir(parents=True, exist_ok=True)
    with given.log.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
