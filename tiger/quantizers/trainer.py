"""Training an RQ-VAE step by step: batches, window statistics, restarts, live live_params, and its whole state."""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tiger.core.params import check, specs
from tiger.quantizers import kmeans
from tiger.quantizers.codebook import Codebook, nearest
from tiger.quantizers.networks import Network, ParameterBuffer, init_layers, layer_shapes, layers_of, parse_widths
from tiger.quantizers.rqvae_step import Step, StepOptions, make_optimiser, moments

if TYPE_CHECKING:
    from tiger.quantizers.rqvae import RQVAE

KMEANS_ROWS_PER_CODE = 64
KMEANS_ITERATIONS = 10
EMA_STATE = ("ema_count_K", "ema_sum_KZ")


class Trainer:
    """All that exists while an RQ-VAE trains.

    A *window* is about one epoch: ceil(items / batch_size) steps. Perplexity, dead codes and restarts are
    counted over the last full window (over the steps so far while the first is not full).

    Args:
        q: the quantizer, for its hyper-parameters.
        x_IE: normalised embeddings.
    """

    step_class: type[Step] = Step

    def __init__(self, q: "RQVAE", x_IE: Tensor):
        self.q, self.x_IE, self.step = q, x_IE, 0
        self.generator = torch.Generator().manual_seed(q.seed)
        self.batch_size = min(q.batch_size, len(x_IE))
        self.window = -(-len(x_IE) // self.batch_size)
        self.live = {spec.name: getattr(q, spec.name) for spec in specs(type(q)) if spec.live}
        self._build()
        self.optimiser = make_optimiser(q.optimizer, self.buffer, q.weight_decay)
        self.order_I = torch.randperm(len(x_IE), generator=self.generator)
        self.position = 0
        self.count_LK = torch.zeros(q.n_levels, q.n_codes, dtype=torch.int64)
        self.last_count_LK = torch.zeros_like(self.count_LK)
        self.restarts_L = torch.zeros(q.n_levels, dtype=torch.int64)
        self.batch_rows = self.order_I[:0]

    def _build(self) -> None:
        q, width = self.q, self.x_IE.shape[1]
        widths = [width, *parse_widths(q.hidden), q.latent_width]
        shapes = {**layer_shapes("encoder", widths), **layer_shapes("decoder", widths[::-1])}
        book = (q.latent_width, q.latent_width) if q.simvq else (q.n_codes, q.latent_width)
        learned = {} if q.ema else {f"level.{level}": book for level in range(q.n_levels)}
        self.buffer = ParameterBuffer({**shapes, **learned})
        init_layers(layers_of("encoder", self.buffer.value), self.generator)
        init_layers(layers_of("decoder", self.buffer.value), self.generator)
        self.levels = []
        for level in range(q.n_levels):
            start_KZ = torch.randn(q.n_codes, q.latent_width, generator=self.generator)
            values = self.buffer.value.get(f"level.{level}", torch.empty(book))
            codebook = Codebook(values, self.buffer.grad.get(f"level.{level}"), start_KZ if q.simvq else None)
            codebook.place(start_KZ)
            if q.ema:
                codebook.start_ema(self.batch_size / q.n_codes)
            self.levels.append(codebook)
        options = StepOptions(q.estimator, q.ema_decay if q.ema else None,
                              q.sinkhorn_epsilon if q.sinkhorn else None, q.sinkhorn_iterations, q.koleo)
        self.stepper = self.step_class(self.buffer, shapes, self.levels, self.batch_size, options, q.uses_bfloat16())

    def place_codebooks(self) -> None:
        """k-means over the untrained encoder's output, level by level."""
        wanted = min(len(self.x_IE), max(8192, KMEANS_ROWS_PER_CODE * self.q.n_codes))
        rows = torch.randperm(len(self.x_IE), generator=self.generator)[:wanted]
        rows_NZ = Network(self.stepper.encoder.layers if not self.stepper.fast
                          else layers_of("encoder", self.buffer.value), wanted).forward(self.x_IE[rows])
        for level in self.levels:
            seed = int(torch.randint(2**31 - 1, (), generator=self.generator))
            level.place(torch.from_numpy(kmeans.centres(rows_NZ.numpy(), self.q.n_codes, seed, KMEANS_ITERATIONS)))
            if self.q.ema:
                level.start_ema(self.batch_size / self.q.n_codes)
            rows_NZ = rows_NZ - level.book_KZ[nearest(rows_NZ, level.book_KZ, level.norm_K)]

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

    def turn(self, changes: dict[str, float]) -> None:
        """Take new values of live hyper-parameters.

        Raises:
            ValueError: a name that cannot change while it trains (lists those that can), or a bad value.
        """
        known = {spec.name: spec for spec in specs(type(self.q)) if spec.live}
        for name in changes:
            if name not in known:
                raise ValueError(f"'{name}' cannot change while training; these can: {', '.join(known)}.")
        self.live.update({name: check(known[name], value) for name, value in changes.items()})

    def advance(self) -> dict[str, Any]:
        """One step; returns its metrics, or {} where none are due.

        Raises:
            ValueError: the loss is not finite any more.
        """
        q, beta = self.q, self.live["beta"]
        self.batch_rows = self.next_batch()
        self.stepper.forward(self.x_IE.index_select(0, self.batch_rows))
        self.step += 1
        due = self.step == 1 or self.step % q.log_every == 0 or self.step == q.n_steps
        metrics: dict[str, Any] = self.stepper.losses(beta) if due else {}
        self._check_finite(metrics)
        self.stepper.backward(beta)
        self.optimiser.param_groups[0]["lr"] = self.live["learning_rate"]
        self.stepper.update(self.optimiser)
        for level, codes_B in enumerate(self.stepper.codes):
            self.count_LK[level] += torch.bincount(codes_B, minlength=q.n_codes)
        if self.step % self.window == 0:
            self._end_window()
        if due:
            metrics |= {"learning_rate": self.live["learning_rate"], **self.usage(),
                        "restarts": self.restarts_L.tolist()}
            self.restarts_L.zero_()
        return metrics

    def _check_finite(self, losses: dict[str, Any]) -> None:
        """Once a weight is NaN it stays NaN, so looking when a loss is due is enough; the last step's always is."""
        if not math.isfinite(losses.get("loss", 0.0)):
            remedy = "normalise the embeddings or lower" if self.q.normalise == "none" else "lower"
            raise ValueError(f"The loss is {losses['loss']} at step {self.step}, too large for its numbers; {remedy} "
                             f"the learning rate ({self.live['learning_rate']:g} now).")

    def usage(self) -> dict[str, list[float]]:
        """Perplexity and dead codes per level over the last window."""
        count_LK = self.last_count_LK if self.step >= self.window else self.count_LK
        share_LK = count_LK / count_LK.sum(1, keepdim=True).clamp_min(1)
        return {"perplexity": torch.special.entr(share_LK).sum(1).exp().tolist(),
                "dead": (count_LK == 0).sum(1).tolist()}

    def _end_window(self) -> None:
        self.last_count_LK.copy_(self.count_LK)
        self.count_LK.zero_()
        threshold = self.live["restart_threshold"]
        if threshold <= 0 or self.step >= self.q.n_steps:
            return
        for level, rows_BZ in enumerate(self.stepper.rows[:-1]):
            dead_D = (self.last_count_LK[level] < threshold).nonzero()[:, 0]
            if len(dead_D) == 0:
                continue
            pick = torch.randperm(len(rows_BZ), generator=self.generator)
            pick = pick.repeat(-(-len(dead_D) // len(pick)))[:len(dead_D)]
            self.levels[level].restart(dead_D, rows_BZ[pick])
            self._forget_moments(level, dead_D)
            self.restarts_L[level] += len(dead_D)

    def _forget_moments(self, level: int, dead_D: Tensor) -> None:
        part = self.buffer.slices.get(f"level.{level}")
        if part is None or self.q.simvq:
            return
        for name in ("exp_avg", "exp_avg_sq"):
            moments(self.optimiser, self.buffer)[name][part].view(self.q.n_codes, -1)[dead_D] = 0

    def state(self) -> dict[str, Any]:
        """Everything that a continued training needs, copied."""
        held = {"values": self.buffer.values, "generator": self.generator.get_state(), "order": self.order_I,
                "count": self.count_LK, "last_count": self.last_count_LK, "restarts": self.restarts_L,
                "batch_rows": self.batch_rows, **dict(self._level_tensors())}
        state: dict[str, Any] = {name: value.clone() for name, value in held.items()}
        state |= {f"adam.{name}": value.clone() for name, value in moments(self.optimiser, self.buffer).items()}
        return state | {"step": self.step, "position": self.position, "live": dict(self.live)}

    def _level_tensors(self) -> Iterator[tuple[str, Tensor]]:
        for number, level in enumerate(self.levels):
            for name in ("learned", "frozen_KZ", *EMA_STATE):
                if getattr(level, name) is not None:
                    yield f"level.{number}.{name}", getattr(level, name)

    def restore(self, state: dict[str, Any]) -> None:
        """Take back what ``state`` gave.

        Raises:
            ValueError: the state belongs to other hyper-parameters or other data.
        """
        order, values = state["order"], state["values"]
        if len(order) != len(self.order_I) or len(values) != len(self.buffer.values):
            raise ValueError(f"this state was saved for {len(order)} items and {len(values)} parameters, but here are "
                             f"{len(self.order_I)} and {len(self.buffer.values)}; use the same data and settings.")
        self.buffer.values.copy_(values)
        self.generator.set_state(state["generator"])
        self.order_I, self.batch_rows = order.clone(), state["batch_rows"].clone()
        for name, target in (("count", self.count_LK), ("last_count", self.last_count_LK),
                             ("restarts", self.restarts_L), *self._level_tensors()):
            target.copy_(state[name])
        for level in self.levels:
            level.refresh()
        adam = {name[5:]: value.clone() for name, value in state.items() if name.startswith("adam.")}
        moments(self.optimiser, self.buffer).update(adam)
        self.step, self.position, self.live = int(state["step"]), int(state["position"]), dict(state["live"])
