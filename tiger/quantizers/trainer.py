"""Training a quantised autoencoder step by step: batches, window statistics, restarts, live parameters, its whole state."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from tiger import metrics
from tiger.core import devices, optimisers, precision
from tiger.core.devices import to_cpu
from tiger.core.learner import TrainingState
from tiger.core.params import check, param, specs
from tiger.core.progress import Metrics
from tiger.core.words import counted
from tiger.quantizers.base import Quantizer
from tiger.quantizers.bottleneck import Autoencoder, Kept, Quantised
from tiger.quantizers.networks import parse_widths
from tiger.quantizers.normaliser import KINDS

KMEANS_ROWS_PER_CODE = 64


@dataclass
class SteppedQuantizer(Quantizer):
    """The hyper-parameters of every quantizer that ``Trainer`` trains."""

    steppable: ClassVar[bool] = True

    n_steps: int = param(600, "Number of training steps, one batch each.", low=1, high=1_000_000)
    batch_size: int = param(1024, "Batch size.", low=1, high=65536)
    learning_rate: float = param(1e-3, "Learning rate of the optimiser.", low=1e-6, high=1.0, live=True, log=True)
    normalise: str = param("none", "Preprocessing of embeddings: standardise each column, centre and scale all columns alike, "
                                   "scale rows to unit length (l2), or none.", choices=KINDS, group="remedies")
    hidden: str = param("512-256-128", "Sizes of the encoder's hidden layers; the decoder mirrors them.",
                        group="network")
    optimizer: str = param("adam", "Optimiser.", choices=("adam", "adamw"), group="training")
    weight_decay: float = param(0.01, "Weight decay of AdamW.", low=0.0, high=1.0, group="training")
    precision: str = param("float32", precision.HELP, choices=precision.CHOICES, group="training")
    log_every: int = param(10, "Steps between two logged measurements.", low=1, high=10_000, group="training")
    device: str = param("cpu", devices.HELP, choices=devices.CHOICES, group="advanced")

    def check_params(self) -> None:
        super().check_params()
        parse_widths(self.hidden)
        devices.pick(self.device)


class Trainer:
    """All that exists while a quantised autoencoder trains.

    A *window* is about one epoch: ceil(items / batch_size) steps. Perplexity, dead codes and restarts are
    counted over the last full window (over the steps so far while the first is not full).

    Args:
        q: the quantizer, for its hyper-parameters.
        model: fresh, on the processor.
        x_IE: normalised embeddings.
        generator: where ``model`` drew its start values; batches and restarts draw from it, too.
        kept: the codes that items should keep, (I, L); None: nobody's.
    """

    def __init__(self, q: SteppedQuantizer, model: Autoencoder, x_IE: Tensor, generator: torch.Generator,
                 kept: Kept | None = None):
        self.q, self.generator, self.kept, self.step = q, generator, kept, 0
        self.device = devices.pick(q.device)
        self.bfloat16 = precision.uses_bfloat16(q.precision)
        self.model, self.x_IE = model.to(self.device), x_IE.to(self.device)
        self.model.bottleneck.refresh()
        self.batch_size = min(q.batch_size, len(x_IE))
        self.window = -(-len(x_IE) // self.batch_size)
        self.live = {spec.name: getattr(q, spec.name) for spec in specs(type(q)) if spec.live}
        learned = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.learned: dict[str, torch.nn.Parameter] = learned
        weights = list(learned.values())
        self.optimiser: torch.optim.Optimizer = (
            optimisers.AdamW(weights, weight_decay=q.weight_decay, fused=True) if q.optimizer == "adamw"
            else optimisers.Adam(weights, fused=True))
        self.order_I = torch.randperm(len(x_IE), generator=generator)
        self.position = 0
        self.counts = [torch.zeros(size, dtype=torch.int64) for size in q.codes_per_level]
        self.last_counts = [torch.zeros_like(count_K) for count_K in self.counts]
        self.restarts_L = torch.zeros(q.n_levels, dtype=torch.int64)
        self.batch_rows = self.order_I[:0]

    def initialise(self) -> None:
        """Place the codes by a sample of the untrained encoder's latents."""
        wanted = min(len(self.x_IE), max(8192, KMEANS_ROWS_PER_CODE * max(self.q.codes_per_level)))
        rows = torch.randperm(len(self.x_IE), generator=self.generator)[:wanted]
        with torch.no_grad():
            self.model.bottleneck.initialise(self.model.encoder(self.x_IE[rows.to(self.device)]), self.generator)

    def next_batch(self) -> Tensor:
        """Item numbers of the next batch; every item comes once before any comes again."""
        end = self.position + self.batch_size
        if end <= len(self.order_I):
            rows = self.order_I[self.position:end]
        else:
            rest = self.order_I[self.position:]
            self.order_I = torch.randperm(len(self.order_I), generator=self.generator)
            end -= len(rest) + self.position
            rows = torch.cat([rest, self.order_I[:end]])
        self.position = end
        return rows

    def set_live_params(self, changes: dict[str, float]) -> None:
        """Take new values of live hyper-parameters.

        Raises:
            ValueError: a name that cannot change while it trains (lists those that can), or a bad value.
        """
        known = {spec.name: spec for spec in specs(type(self.q)) if spec.live}
        for name in changes:
            if name not in known:
                raise ValueError(f"'{name}' cannot change while training; these can: {', '.join(known)}.")
        self.live.update({name: check(known[name], value) for name, value in changes.items()})

    def advance(self) -> Metrics:
        """One step; returns its metrics, or {} where none are due.

        Raises:
            ValueError: the loss is not finite any more.
        """
        self.batch_rows = self.next_batch()
        kept = None if self.kept is None else self.kept[self.batch_rows]
        recon, found = self.forward(self.x_IE.index_select(0, self.batch_rows.to(self.device)), kept)
        self.step += 1
        due = self.step == 1 or self.step % self.q.log_every == 0 or self.step == self.q.n_steps
        shown: Metrics = self._losses(recon, found) if due else {}
        self.optimiser.zero_grad()
        (recon + found.loss).backward()
        self.optimiser.param_groups[0]["lr"] = self.live["learning_rate"]
        self.optimiser.step()
        self.model.bottleneck.after_step()
        for count_K, codes_B in zip(self.counts, found.codes, strict=True):
            count_K += torch.bincount(codes_B.cpu(), minlength=len(count_K))
        if self.step % self.window == 0:
            self._end_window()
        if due:
            shown |= {"learning_rate": self.live["learning_rate"], **self.usage(), "restarts": self.restarts_L.tolist()}
            self.restarts_L.zero_()
        return shown

    def forward(self, x_BE: Tensor, kept: Kept | None = None) -> tuple[Tensor, Quantised]:
        """The reconstruction loss |x - decoder(q)|^2, mean over the batch, and what the bottleneck made of it.

        With bfloat16 the networks' products are in it; parameters, codebooks and losses stay float32.
        """
        with precision.bfloat16_products(self.device, self.bfloat16):
            z_BZ = self.model.encoder(x_BE)
        found = self.model.bottleneck(z_BZ.float(), self.live, kept)
        with precision.bfloat16_products(self.device, self.bfloat16):
            out_BE = self.model.decoder(found.q_BZ)
        return F.mse_loss(out_BE.float(), x_BE, reduction="sum") / len(x_BE), found

    def _losses(self, recon: Tensor, found: Quantised) -> dict[str, float]:
        """Once a weight is NaN it stays NaN, so looking when a loss is due is enough; the last step's always is."""
        recon = recon.detach()
        loss = float(recon + found.shown)
        if not math.isfinite(loss):
            remedy = "normalise the embeddings or lower" if self.q.normalise == "none" else "lower"
            raise ValueError(f"The loss is {loss} at step {self.step}, too large for its numbers; {remedy} "
                             f"the learning rate ({self.live['learning_rate']:g} now).")
        return {"loss": loss, "recon_loss": float(recon), **{name: float(part) for name, part in found.parts.items()}}

    def usage(self) -> dict[str, list[float]]:
        """Perplexity and dead codes per level over the last window."""
        counts = self.window_counts()
        return {"perplexity": [float(metrics.perplexity(count_K)) for count_K in counts],
                "dead": [int(metrics.dead_codes(count_K)) for count_K in counts]}

    def window_counts(self) -> list[np.ndarray]:
        """How often each code was chosen in the last full window, or so far while the first is not full: (K,) a level."""
        return [count_K.numpy().copy() for count_K in (self.last_counts if self.step >= self.window else self.counts)]

    def _end_window(self) -> None:
        for count_K, last_K in zip(self.counts, self.last_counts, strict=True):
            last_K.copy_(count_K)
            count_K.zero_()
        threshold = self.live.get("restart_threshold", 0.0)
        if threshold <= 0 or self.step >= self.q.n_steps:
            return
        for level, last_K in enumerate(self.last_counts):
            dead_X = (last_K < threshold).nonzero()[:, 0]
            if len(dead_X):
                self.model.bottleneck.restart(level, dead_X, self.generator, self.optimiser)
                self.restarts_L[level] += len(dead_X)

    def state(self) -> TrainingState:
        """Everything that a continued training needs, copied."""
        held = {"generator": self.generator.get_state(), "order": self.order_I, "restarts": self.restarts_L,
                "batch_rows": self.batch_rows}
        held |= {f"count.{level}": count_K for level, count_K in enumerate(self.counts)}
        held |= {f"last_count.{level}": count_K for level, count_K in enumerate(self.last_counts)}
        held |= {f"model.{name}": value for name, value in self.model.state_dict().items()}
        held |= {f"adam.{slot}.{name}": value for name, weight in self.learned.items()
                 for slot, value in self.optimiser.state[weight].items()}
        return to_cpu(held) | {"step": self.step, "position": self.position, "live": dict(self.live)}

    def restore(self, state: TrainingState) -> None:
        """Take back what ``state`` gave.

        Raises:
            ValueError: the state belongs to other hyper-parameters or other data.
        """
        model = {name[6:]: value for name, value in state.items() if name.startswith("model.")}
        mine = self.model.state_dict()
        if len(state["order"]) != len(self.order_I) or _sizes(model) != _sizes(mine):
            raise ValueError(f"this state was saved for {counted(len(state['order']), 'item')} and "
                             f"{counted(_count(model), 'number')}, but these are {len(self.order_I)} and {_count(mine):,}; use "
                             "the same data and settings.")
        self.model.load_state_dict(model)
        self.model.bottleneck.refresh()
        self.generator.set_state(state["generator"])
        self.order_I, self.batch_rows = state["order"].clone(), state["batch_rows"].clone()
        self.restarts_L.copy_(state["restarts"])
        for level, (count_K, last_K) in enumerate(zip(self.counts, self.last_counts, strict=True)):
            count_K.copy_(state[f"count.{level}"])
            last_K.copy_(state[f"last_count.{level}"])
        for name, value in state.items():
            if name.startswith("adam."):
                _, slot, whose = name.split(".", 2)
                self.optimiser.state[self.learned[whose]][slot] = value.to(self.device, copy=True)
        self.step, self.position, self.live = int(state["step"]), int(state["position"]), dict(state["live"])


def _sizes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tensors.items()}


def _count(tensors: dict[str, Tensor]) -> int:
    return int(np.sum([value.numel() for value in tensors.values()]))
