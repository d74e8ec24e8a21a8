"""What all trained models share: batches almost without padding, optimiser and schedule, averaged weights, exact resume.

Everything random in a step is drawn from (seed, epoch) or (seed, step), so a fit that goes on from a
checkpoint draws what the uninterrupted fit would have drawn.
"""

import contextlib
import copy
import math
from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from tiger.core import devices, optimisers, precision
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.schedules import SCHEDULES
from tiger.datasets.catalogue import Catalogue
from tiger.models.backbone import NORMS, beginnings
from tiger.models.base import LiveParams, Recommender, TrainingState
from tiger.models.blocks import pad
from tiger.semantic_ids import SemanticIds


@dataclass
class NeuralRecommender(Recommender):
    """A recommender that is trained by gradient steps on the training part of every history."""

    width: int = param(128, "Width of the transformer.", low=4, high=2048)
    n_layers: int = param(2, "Transformer layers.", low=1, high=24)
    n_heads: int = param(4, "Attention heads; the width must be a multiple of it.", low=1, high=32)
    dropout: float = param(0.3, "Dropout rate.", low=0.0, high=0.9)
    history_length: int = param(20, "Maximum history length; the model reads the last items.", low=1, high=500)
    n_epochs: int = param(20, "Training epochs.", low=1, high=10000)
    max_steps: int = param(0, "Most training steps, even within an epoch; 0: as many as the epochs have.", low=0,
                           high=100_000_000, group="training")
    batch_size: int = param(128, "Batch size: histories per step.", low=1, high=8192)
    learning_rate: float = param(2e-3, "Peak learning rate.", low=1e-6, high=1.0, log=True, live=True)
    optimizer: str = param("adamw", "Optimiser. Adafactor's learning rate is relative to the size of each weight matrix, and at "
                                    "most 1 / sqrt(step).", choices=("adamw", "adafactor"), group="training")
    lr_schedule: str = param("cosine", "Learning rate over the steps: cosine rises while warming up and falls on a cosine; "
                                    "inverse_sqrt stays at the peak while warming up and falls with the square root of the step.",
                          choices=tuple(SCHEDULES), group="training")
    weight_decay: float = param(0.05, "Weight decay.", low=0.0, high=1.0, group="training")
    warmup: float = param(0.05, "Share of all steps used for learning-rate warm-up.", low=0.0, high=0.9,
                          group="training")
    label_smoothing: float = param(0.0, "Label smoothing: probability spread evenly over all codes.", low=0.0, high=0.9,
                                   group="regularisation")
    average: float = param(0.0, "Decay of the exponential moving average of the weights (0: off).", low=0.0,
                           high=0.99999, group="regularisation")
    random_windows: bool = param(True, "Long histories: train on a random window in every epoch, else on the last items.",
                                 group="regularisation")
    drop_items: float = param(0.0, "Item dropout: share of history items left out in training.", low=0.0, high=0.9,
                              group="regularisation")

    precision: str = param("float32", precision.HELP, choices=precision.CHOICES, group="training")
    device: str = param("cpu", devices.HELP, choices=devices.CHOICES, group="advanced")

    steppable = True

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        """What the network is built from besides hyper-parameters and the number of items; stored with the weights."""
        return {}

    @abstractmethod
    def build(self, metadata: dict[str, torch.Tensor]) -> nn.Module:
        """A fresh network; its ``loss(items_BT, length_B)`` takes padded item sequences and returns the loss and its parts."""

    def readable_rows(self, cat: Catalogue) -> list[tuple[int, np.ndarray]]:
        """User number and training part of every history, at least two items each."""
        split = cat.split()
        return [(user, row) for user in range(cat.n_users) if len(row := split.train_history(user)) >= 2]

    def examples(self, cat: Catalogue) -> list[np.ndarray]:
        """Item sequences to learn from, at least two items each."""
        return [row for _, row in self.readable_rows(cat)]

    @property
    def max_items(self) -> int | None:
        return self.history_length

    @property
    def n_items(self) -> int:
        return int(self.metadata_["n_items"])

    @property
    def learned_catalogue(self) -> int | None:
        return int(self.metadata_["catalogue"]) if "catalogue" in self.metadata_ else None

    @property
    def learned_repeats(self) -> bool | None:
        return bool(self.metadata_["repeats"]) if "repeats" in self.metadata_ else None

    def _check_sizes(self) -> None:
        if self.width % self.n_heads:
            raise ValueError(f"width is {self.width}, but must be a multiple of n_heads, {self.n_heads}.")

    def _start(self, metadata: dict[str, torch.Tensor]) -> None:
        self._check_sizes()
        self.metadata_ = metadata
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            self.training_net_ = self.build(metadata).eval()
        self.mean_net_ = self.training_net_ if self.average == 0 else copy.deepcopy(self.training_net_)
        self._on_cpu: nn.Module | None = self.mean_net_  # None: made anew when it is asked for

    @property
    def net_(self) -> nn.Module:
        """The network that answers; on the processor, wherever training computes."""
        if self._on_cpu is None:
            self._on_cpu = copy.deepcopy(self.mean_net_).to("cpu")
        return self._on_cpu

    def check_params(self) -> None:
        super().check_params()
        self._check_sizes()
        devices.pick(self.device)

    def fit_steps(self, cat: Catalogue, ids: SemanticIds | None = None, *,
                  state: TrainingState | None = None, live_params: LiveParams | None = None) -> Iterator[Progress]:
        known = {"n_items": torch.tensor(cat.n_items), "catalogue": torch.tensor(cat.fingerprint()),
                 "repeats": torch.tensor(cat.has_repeats)}
        device = devices.pick(self.device)
        self._start(known | self.metadata(cat, ids))
        self.training_net_.to(device), self.mean_net_.to(device)
        rows = self.examples(cat)
        if not rows:
            raise ValueError("no history has two training items; predicting the next item needs some.")
        per_epoch = math.ceil(len(rows) / self.batch_size)
        n_steps = self.n_epochs * per_epoch
        n_steps = min(n_steps, self.max_steps or n_steps)
        self.optimiser_ = self._optimiser(device)
        self.step_, self.peak_ = 0, self.learning_rate
        if state is not None:
            self._resume(state)
        batches: list[np.ndarray] = []
        for step in range(self.step_, n_steps):
            if not batches or step % per_epoch == 0:
                batches = self._batches(rows, step // per_epoch)
            self.peak_ = (live_params() if live_params else {}).get("learning_rate", self.peak_)
            rate = self.peak_ * SCHEDULES[self.lr_schedule](step, n_steps, self.warmup)
            metrics = self._train_step([rows[at] for at in batches[step % per_epoch]], step, rate)
            self.step_ = step + 1
            if device.type != "cpu":
                self._on_cpu = None
            yield Progress("training", self.step_, n_steps, metrics | {"epoch": self.step_ / per_epoch})

    def _optimiser(self, device: torch.device) -> torch.optim.Optimizer:
        """A fresh optimiser; every step sets its learning rate."""
        groups = _groups(self.training_net_, self.weight_decay)
        if self.optimizer == "adafactor":  # T5's 1e-30 is added to squares; torch's 1e-15 is squared
            return optimisers.Adafactor(groups, lr=1.0, eps=(1e-15, 1e-3), foreach=device.type != "cpu")
        return optimisers.AdamW(groups, lr=1.0, betas=(0.9, 0.98), fused=True)

    def _batches(self, rows: list[np.ndarray], epoch: int) -> list[np.ndarray]:
        """Histories of equal length together, so that padding costs next to nothing; in random order."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(rows))
        length = np.minimum([len(rows[at]) for at in order], self.history_length + 1)
        order = order[np.argsort(length, kind="stable")]
        batches = [order[at:at + self.batch_size] for at in range(0, len(order), self.batch_size)]
        return [batches[at] for at in rng.permutation(len(batches))]

    def _cut(self, row: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """One example as this step sees it: a window of it, some items dropped, never the last."""
        longest = self.history_length + 1
        if len(row) > longest:
            start = rng.integers(0, len(row) - longest + 1) if self.random_windows else len(row) - longest
            row = row[start:start + longest]
        if self.drop_items:
            keep = rng.random(len(row)) >= self.drop_items
            keep[-1] = True
            row = row[keep] if keep.sum() >= 2 else row[-2:]
        return row

    def _train_step(self, rows: list[np.ndarray], step: int, rate: float) -> dict[str, float | list[float]]:
        rng, device = np.random.default_rng([self.seed, 1, step]), next(self.training_net_.parameters()).device
        items_BT, length_B = pad([self._cut(row, rng) for row in rows], device)
        for group in self.optimiser_.param_groups:
            group["lr"] = rate
        self.training_net_.train()
        with torch.random.fork_rng(devices=[]):
            seed, elsewhere = (self.seed * 1_000_003 + step) % 2**62, device.type != "cpu"
            (torch.manual_seed if elsewhere else torch.default_generator.manual_seed)(seed)  # all of them would be slow
            with (precision.bfloat16_products(device, precision.uses_bfloat16(self.precision)),
                  device if elsewhere else contextlib.nullcontext()):  # what the loss makes stands where the weights are
                loss, parts = self.training_net_.loss(items_BT, length_B)  # type: ignore[operator]
        self.optimiser_.zero_grad()
        loss.backward()
        if self.optimizer == "adamw":  # Adafactor limits its own updates
            nn.utils.clip_grad_norm_(self.training_net_.parameters(), 1.0)
        self.optimiser_.step()
        self.training_net_.eval()
        if self.average:
            keep = min(self.average, (1 + step) / (10 + step))
            with torch.no_grad():
                pairs = zip(self.mean_net_.parameters(), self.training_net_.parameters(), strict=True)
                for mean, new in pairs:
                    mean.lerp_(new, 1 - keep)
            self.mean_net_.eval()
        return {"loss": float(loss.detach()), "learning_rate": rate, **{name: part.tolist() for name, part in parts.items()}}

    def training_state(self) -> TrainingState:
        moments = devices.to_cpu({f"{at}.{key}": value for at, slots in self.optimiser_.state_dict()["state"].items()
                                  for key, value in slots.items()})
        weights, mean = (devices.to_cpu(net.state_dict()) for net in (self.training_net_, self.mean_net_))
        return {"step": self.step_, "peak": self.peak_, "net": weights, "average": mean, "optimiser": moments}

    def _resume(self, state: TrainingState) -> None:
        self.step_, self.peak_ = int(state["step"]), float(state["peak"])
        self.training_net_.load_state_dict(state["net"])
        self.mean_net_.load_state_dict(state["average"])
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in state["optimiser"].items():
            at, slot = key.split(".", 1)
            slots.setdefault(int(at), {})[slot] = value.clone()
        about = self.optimiser_.state_dict()
        self.optimiser_.load_state_dict({"state": slots, "param_groups": about["param_groups"]})

    def tensors(self) -> dict[str, torch.Tensor]:
        weights = {f"net.{key}": value for key, value in devices.to_cpu(self.net_.state_dict()).items()}
        return weights | {f"fact.{key}": value for key, value in self.metadata_.items()}

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        self._start({key[5:]: value for key, value in tensors.items() if key.startswith("fact.")})
        weights = {key[4:].replace("trunk.", "backbone.", 1) if key.startswith("net.trunk.") else key[4:]: value
                   for key, value in tensors.items() if key.startswith("net.")}  # "trunk" until November 2026
        self.net_.load_state_dict(weights)
        self.net_.eval()


@dataclass
class BackboneRecommender(NeuralRecommender):
    """A neural recommender over ``backbone.Backbone``, whose every position can predict the item behind it."""

    norm: str = param("pre", "Normalisation of a transformer layer: what goes into its parts (pre), or the sums with what comes "
                             "out of them (post).", choices=NORMS)
    split_histories: bool = param(False, "Train on every beginning of a history as an example of its own that predicts its last "
                                         "item alone, instead of on all positions of a history at once: the same items to "
                                         "predict, each under a dropout of its own. Better lists, longer training.",
                                  group="training")

    def examples(self, cat: Catalogue) -> list[np.ndarray]:
        rows = super().examples(cat)
        return [part for row in rows for part in beginnings(row, self.history_length + 1)] if self.split_histories else rows


def _groups(net: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Matrices decay; norms and biases do not."""
    matrices = [weight for weight in net.parameters() if weight.ndim >= 2]
    others = [weight for weight in net.parameters() if weight.ndim < 2]
    return [{"params": matrices, "weight_decay": weight_decay}, {"params": others, "weight_decay": 0.0}]
