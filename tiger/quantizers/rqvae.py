"""RQ-VAE: an autoencoder whose bottleneck is quantised level by level; the paper's quantizer.

    z = encoder(x),  r_1 = z,  c_l = argmin_k |r_l - e_k|,  r_{l+1} = r_l - sg[e_{c_l}],  q = sum_l e_{c_l}
    loss = |x - decoder(q)|^2 + sum_l |sg[r_l] - e_{c_l}|^2 + beta |r_l - sg[e_{c_l}]|^2,  mean over the batch

sg[.] stops the gradient. The first term reaches the encoder through an estimator (straight-through, rotation),
the second moves the codebooks, the third keeps the encoder near them. ``rqvae_gradient`` derives what that means.

Source: Rajput et al. 2023, "Recommender Systems with Generative Retrieval", arXiv:2305.05065, section 3.1;
Lee et al. 2022, arXiv:2203.01941, section 3.2; Zeghidour et al. 2021 (SoundStream), arXiv:2107.03312.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from tiger.core.learner import TrainingState
from tiger.core.params import param
from tiger.quantizers import former_state, kmeans, koleo, rqvae_gradient
from tiger.quantizers import sinkhorn as sinkhorn_module
from tiger.quantizers.autoencoder import AutoencoderQuantizer
from tiger.quantizers.bottleneck import Bottleneck, Kept, Quantised
from tiger.quantizers.codebook import Codebook, distances, nearest, penalised_codes, residual_codes
from tiger.quantizers.estimators import ESTIMATORS
from tiger.quantizers.trainer import Trainer

KMEANS_ITERATIONS = 10


class ResidualBottleneck(Bottleneck):
    """Codebooks, coarse to fine; each codes what the ones before left over.

    Args:
        q: the quantizer, for its hyper-parameters.
        n_rows: rows of a batch.
    """

    levels: list[Codebook]

    def __init__(self, q: "RQVAE", generator: torch.Generator | None, n_rows: int):
        super().__init__()
        self.q, self.n_rows = q, n_rows
        decay = q.ema_decay if q.ema else None
        levels = [Codebook(size, q.latent_width, decay, q.simvq) for size in q.codes_per_level]
        self.levels = nn.ModuleList(levels)  # type: ignore[assignment]
        self.rows: list[Tensor] = []  # r_1 .. r_L of the last batch
        self.codes: list[Tensor] = []  # c_1 .. c_L
        for level in self.levels if generator is not None else ():
            self._place(level, torch.randn(len(level.book_KZ), q.latent_width, generator=generator))

    def _place(self, level: Codebook, book_KZ: Tensor) -> None:
        level.initialise(book_KZ, self.n_rows / len(book_KZ))

    def initialise(self, z_NZ: Tensor, generator: torch.Generator) -> None:
        """k-means of the latents, then of what each level leaves over."""
        for level in self.levels:
            seed = int(torch.randint(2**31 - 1, (), generator=generator))
            size = len(level.book_KZ)
            self._place(level, torch.from_numpy(kmeans.centres(z_NZ.cpu().numpy(), size, seed, KMEANS_ITERATIONS)))
            z_NZ = z_NZ - level.book_KZ[nearest(z_NZ, level.book_KZ, level.norm_K)]

    def forward(self, z_BZ: Tensor, live: Mapping[str, float], kept: Kept | None = None) -> Quantised:
        self.rows, self.codes = [], []
        left_BZ, commit, codebook = z_BZ, z_BZ.new_zeros(()), z_BZ.new_zeros(())
        for number, level in enumerate(self.levels):
            rows_BZ = left_BZ.detach()
            codes_B = self.assign(rows_BZ, level, None if kept is None else kept.level(number))
            chosen_BZ = level.vectors().index_select(0, codes_B)
            left_BZ = left_BZ - chosen_BZ.detach()
            commit = commit + left_BZ.square().sum()
            if chosen_BZ.requires_grad:
                codebook = codebook + (rows_BZ - chosen_BZ).square().sum()
            self.rows.append(rows_BZ)
            self.codes.append(codes_B)
        n_rows, beta = len(z_BZ), live["beta"]
        loss = (codebook + beta * commit) / n_rows
        if self.q.koleo > 0:
            loss = loss + self.q.koleo * koleo.loss(z_BZ)
        q_BZ = ESTIMATORS[self.q.estimator](z_BZ, z_BZ.detach() - left_BZ.detach())
        commit = commit.detach() / n_rows
        return Quantised(q_BZ, self.codes, loss, (1 + beta) * commit, {"commit_loss": commit})

    @torch.no_grad()
    def assign(self, rows_BZ: Tensor, level: Codebook, kept: tuple[Tensor, float] | None = None) -> Tensor:
        """The codes of one level: the nearest, the balanced assignment's, or those that items should keep."""
        if kept is not None:
            return penalised_codes(rows_BZ, level.book_KZ, kept[0].to(rows_BZ.device), kept[1])
        if not self.q.sinkhorn:
            return nearest(rows_BZ, level.book_KZ, level.norm_K)
        cost_BK = distances(rows_BZ, level.book_KZ, level.norm_K) + rows_BZ.square().sum(1, keepdim=True)
        return sinkhorn_module.assign(cost_BK, self.q.sinkhorn_epsilon, self.q.sinkhorn_iterations)

    def after_step(self) -> None:
        for level, codes_B, rows_BZ in zip(self.levels, self.codes, self.rows, strict=True):
            if level.ema_decay is not None:
                level.update_means(codes_B, rows_BZ)
            level.refresh()

    def refresh(self) -> None:
        for level in self.levels:
            level.refresh()

    def restart(self, level: int, dead_X: Tensor, generator: torch.Generator, optimiser: torch.optim.Optimizer) -> None:
        rows_BZ, book = self.rows[level], self.levels[level]
        pick = torch.randperm(len(rows_BZ), generator=generator)
        pick = pick.repeat(-(-len(dead_X) // len(pick)))[:len(dead_X)]
        dead_X = dead_X.to(rows_BZ.device)
        book.restart(dead_X, rows_BZ[pick.to(rows_BZ.device)])
        if book.frozen_KZ is None and book.learned in optimiser.state:
            for name in ("exp_avg", "exp_avg_sq"):  # what Adam remembers speaks of where the code was
                optimiser.state[book.learned][name][dead_X] = 0

    @torch.no_grad()
    def encode(self, z_NZ: Tensor) -> Tensor:
        return residual_codes(z_NZ, [level.book_KZ for level in self.levels], [level.norm_K for level in self.levels])[0]

    def vectors(self) -> list[Tensor]:
        return [level.book_KZ for level in self.levels]

    def tensors(self) -> dict[str, Tensor]:
        return {f"codebook.{number}": level.book_KZ for number, level in enumerate(self.levels)}

    def load(self, tensors: dict[str, Tensor]) -> None:
        for number, level in enumerate(self.levels):
            self._place(level, tensors[f"codebook.{number}"])


@dataclass
class RQVAE(AutoencoderQuantizer):
    """Residual-quantised autoencoder with every remedy against codebook collapse as a switch."""

    name: ClassVar[str] = "rqvae"
    title: ClassVar[str] = "RQ-VAE"
    summary: ClassVar[str] = "The paper's quantizer: an autoencoder whose latent vectors are quantised level by level."
    gradient_formula: ClassVar[str] = rqvae_gradient.FORMULA
    gradient_function: ClassVar[Callable[..., Any] | None] = staticmethod(rqvae_gradient.gradient)
    former_names: ClassVar[dict[str, str]] = {"spread": "koleo"}  # until November 2026

    beta: float = param(0.25, "Weight of the commitment loss, which keeps latent vectors close to their codes.",
                        low=0.0, high=100.0, live=True)
    restart_threshold: float = param(1.0, "Codes used less often than this per epoch are reset to an item's latent vector; 0: "
                                          "never.",
                                     low=0.0, high=1000.0, live=True, group="remedies")
    kmeans_init: bool = param(True, "Initialise every codebook by k-means on the first latents; off: Gaussian noise.",
                              group="remedies")
    ema: bool = param(False, "Update codebooks by exponential moving averages (EMA) instead of gradients.",
                      group="remedies")
    ema_decay: float = param(0.99, "Decay of the moving average; higher is slower.", low=0.0, high=0.99999, group="remedies")
    estimator: str = param("ste", "Gradient estimator through the codebook: straight-through, rotation trick, or none.",
                           choices=("ste", "rotation", "none"), group="remedies")
    sinkhorn: bool = param(False, "Sinkhorn assignment: spread each training batch evenly over the codes.", group="remedies")
    sinkhorn_epsilon: float = param(0.003, "Entropy regularisation of Sinkhorn; smaller is closer to nearest "
                                           "codes.", low=0.001, high=10.0,
                                    group="remedies", log=True)
    sinkhorn_iterations: int = param(50, "Sinkhorn iterations.", low=1, high=1000, group="remedies")
    simvq: bool = param(False, "SimVQ: learn one linear map per level over frozen codes, so that every code moves.",
                        group="remedies")
    koleo: float = param(0.0, "Weight of the KoLeo regulariser, which pushes nearest latents apart; 0: off.",
                         low=0.0, high=100.0, group="remedies")
    latent_width: int = param(32, "Dimension of the latent vectors.", low=1, high=1024, group="network")

    def check_params(self) -> None:
        super().check_params()
        if self.ema and self.simvq:
            raise ValueError("ema and simvq are both on, but SimVQ learns its codebook by gradient; turn one off.")
        cells = self.batch_size * max(self.codes_per_level)
        if self.sinkhorn and cells > sinkhorn_module.MAX_CELLS:
            raise ValueError(f"sinkhorn would balance {cells:,} cells (batch_size x n_codes), at most "
                             f"{sinkhorn_module.MAX_CELLS:,} are possible; make one of them smaller.")

    @property
    def latent_size(self) -> int:
        return self.latent_width

    @property
    def starts_from_sample(self) -> bool:
        return self.kmeans_init

    def bottleneck(self, generator: torch.Generator | None = None, n_rows: int = 1) -> ResidualBottleneck:
        return ResidualBottleneck(self, generator, n_rows)

    def fine_tuned(self, n_steps: int, rate: float) -> Self:
        made = super().fine_tuned(n_steps, rate)
        made.restart_threshold = 0.0
        return made

    def current_state(self, state: TrainingState, trainer: Trainer) -> TrainingState:
        return former_state.current(state, trainer.model, self.n_levels)
