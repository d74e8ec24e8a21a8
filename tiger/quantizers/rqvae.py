"""RQ-VAE: an autoencoder whose bottleneck is quantised level by level; the paper's quantizer.

Source: Rajput et al. 2023, "Recommender Systems with Generative Retrieval", arXiv:2305.05065, section 3.1;
Zeghidour et al. 2021 (SoundStream), arXiv:2107.03312.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from tiger.core import precision
from tiger.core.learner import LiveParams
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.quantizers import sinkhorn as sinkhorn_module
from tiger.quantizers.base import Quantizer, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.codebook import residual_codes, squared_norms
from tiger.quantizers.networks import Network, layers_of, parse_widths
from tiger.quantizers.normaliser import Normaliser
from tiger.quantizers.trainer import Trainer

BLOCK = 1024  # rows encoded at once, the last ones padded: one shape, so a row's codes never depend on the batch


@dataclass
class RQVAE(Quantizer):
    """Residual-quantised autoencoder with every remedy against codebook collapse as a switch."""

    name: ClassVar[str] = "rqvae"
    title: ClassVar[str] = "RQ-VAE"
    summary: ClassVar[str] = "An autoencoder learns the vectors that are quantised, level by level; the paper's."
    steppable: ClassVar[bool] = True
    former_names: ClassVar[dict[str, str]] = {"spread": "koleo"}  # until November 2026

    n_steps: int = param(600, "Training steps, one batch each.", low=1, high=1_000_000)
    batch_size: int = param(1024, "Items in a batch.", low=1, high=65536)
    learning_rate: float = param(1e-3, "How far one step moves.", low=1e-6, high=1.0, live=True, log=True)
    beta: float = param(0.25, "Weight of the commitment loss, which keeps the encoder near its codes.",
                        low=0.0, high=100.0, live=True)
    restart_threshold: float = param(1.0, "Codes used less often than this in an epoch restart at an item; 0 never.",
                                     low=0.0, high=1000.0, live=True, group="remedies")
    kmeans_init: bool = param(True, "Start every codebook from k-means over the first latents; off: normal noise.",
                              group="remedies")
    normalise: str = param("none", "What happens to embeddings first: standardise columns, l2 rows, or nothing.",
                           choices=("none", "standardise", "l2"), group="remedies")
    ema: bool = param(False, "Codebooks follow the running mean of their items instead of a gradient.",
                      group="remedies")
    ema_decay: float = param(0.99, "How slowly the running mean forgets.", low=0.0, high=0.99999, group="remedies")
    estimator: str = param("ste", "How the gradient passes the codebook: straight-through, rotation trick, or not.",
                           choices=("ste", "rotation", "none"), group="remedies")
    sinkhorn: bool = param(False, "Assign each batch evenly over the codes while training.", group="remedies")
    sinkhorn_epsilon: float = param(0.003, "Blur of the even assignment; smaller is sharper.", low=0.001, high=10.0,
                                    group="remedies", log=True)
    sinkhorn_iterations: int = param(50, "Rounds of balancing.", low=1, high=1000, group="remedies")
    simvq: bool = param(False, "Learn one mixing matrix per level over frozen codes, so that every code moves.",
                        group="remedies")
    koleo: float = param(0.0, "Weight of KoLeo, which pushes every latent off its nearest neighbour; 0 is off.",
                          low=0.0, high=100.0, group="remedies")
    hidden: str = param("512-256-128", "Widths of the encoder's hidden layers; the decoder mirrors them.",
                        group="network")
    latent_width: int = param(32, "Width of the vectors that are quantised.", low=1, high=1024, group="network")
    optimizer: str = param("adam", "What turns gradients into steps.", choices=("adam", "adamw"), group="training")
    weight_decay: float = param(0.01, "AdamW's pull towards zero.", low=0.0, high=1.0, group="training")
    precision: str = param("float32", precision.HELP, choices=precision.CHOICES, group="training")
    log_every: int = param(10, "Steps between two measurements.", low=1, high=10_000, group="training")

    def check_params(self) -> None:
        """Refuse hyper-parameters that contradict each other.

        Raises:
            ValueError: names both and the way out.
        """
        parse_widths(self.hidden)
        if self.ema and self.simvq:
            raise ValueError("ema and simvq are both on, but SimVQ learns its codebook by gradient; turn one off.")
        cells = self.batch_size * self.n_codes
        if self.sinkhorn and cells > sinkhorn_module.MAX_CELLS:
            raise ValueError(f"sinkhorn would balance {cells:,} cells (batch_size x n_codes), at most "
                             f"{sinkhorn_module.MAX_CELLS:,} are possible; make one of them smaller.")

    def uses_bfloat16(self) -> bool:
        """Whether the networks multiply in bfloat16 on this machine."""
        return precision.uses_bfloat16(self.precision)

    def fit_steps(self, emb_IE: np.ndarray, *, state: dict[str, Any] | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """Train; see ``Quantizer.fit_steps``. The first Progress, step 0, is the start of the codebooks."""
        self.check_params()
        emb = torch.from_numpy(check_embeddings(emb_IE))
        self.normaliser_ = Normaliser.learn(emb, self.normalise)
        trainer = Trainer(self, self.normaliser_.apply(emb))
        self.trainer_: Trainer | None = trainer
        self.values_ = trainer.buffer.value
        self.books_: list[Tensor] | None = None
        if state is not None:
            trainer.restore(state)
        elif self.kmeans_init:
            trainer.place_codebooks()
            yield Progress("k-means start", 0, self.n_steps)
        while trainer.step < self.n_steps:
            if live_params is not None:
                trainer.turn(live_params())
            metrics = trainer.advance()
            yield Progress("training", trainer.step, self.n_steps, metrics)

    def training_state(self) -> dict[str, Any]:
        """See ``Quantizer.training_state``."""
        return self._training().state()

    def _training(self) -> Trainer:
        trainer = getattr(self, "trainer_", None)
        if trainer is None:
            raise ValueError("nothing is being trained; call fit_steps first.")
        return trainer

    @property
    def batch_rows(self) -> np.ndarray:
        """Item numbers of the batch that the last step trained on."""
        return self._training().batch_rows.numpy()

    def _books(self) -> list[Tensor]:
        check_fitted(self, "values_")
        if self.books_ is None:
            return [level.book_KZ for level in self._training().levels]
        return self.books_

    def _encoded(self, emb_NE: np.ndarray, batch_size: int = 8192) -> Iterator[tuple[slice, Tensor]]:
        """Latents block by block: where the rows stand, and a buffer (BLOCK, Z) whose last rows may be padding."""
        self._books()
        layers = layers_of("encoder", self.values_)
        network = Network(layers, BLOCK)
        pad_BE = torch.zeros(BLOCK, layers[0].weight_OI.shape[1])
        for rows, block in row_blocks(emb_NE, pad_BE.shape[1], batch_size, BLOCK):
            x_BE = torch.from_numpy(block)
            if len(x_BE) < BLOCK:
                pad_BE[:len(x_BE)] = x_BE
                x_BE = pad_BE
            yield rows, network.forward(x_BE if self.normalise == "none" else self.normaliser_.apply(x_BE))

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``; float32 always, whatever precision it trained with."""
        books = self._books()
        norms = [squared_norms(book) for book in books]
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        for rows, z_BZ in self._encoded(emb_NE, batch_size):
            codes_NL[rows] = residual_codes(z_BZ, books, norms)[0][:rows.stop - rows.start].numpy()
        return codes_NL

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The encoder's output (N, Z)."""
        z_NZ = np.empty((len(emb_NE), self.latent_width), np.float32)
        for rows, z_BZ in self._encoded(emb_NE):
            z_NZ[rows] = z_BZ[:rows.stop - rows.start].numpy()
        return z_NZ

    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """See ``Quantizer.decode``: the decoder reads the sum of the codes' vectors."""
        books = self._books()
        codes = torch.from_numpy(check_codes(codes_NL, self.n_levels, self.n_codes))
        layers = layers_of("decoder", self.values_)
        out_NE = np.empty((len(codes), len(layers[-1].bias_O)), np.float32)
        for start in range(0, len(codes), BLOCK):
            part = codes[start:start + BLOCK]
            q_BZ = torch.stack([book[part[:, level]] for level, book in enumerate(books)]).sum(0)
            out_BE = Network(layers, len(part)).forward(q_BZ)
            out_NE[start:start + BLOCK] = self.normaliser_.back(out_BE).numpy()
        return out_NE

    def codebooks(self) -> list[np.ndarray]:
        """One (K, Z) array per level."""
        return [book.numpy().copy() for book in self._books()]

    def tensors(self) -> dict[str, Tensor]:
        """See ``Quantizer.tensors``."""
        books = {f"codebook.{level}": book.clone() for level, book in enumerate(self._books())}
        networks = {name: value.clone() for name, value in self.values_.items() if not name.startswith("level.")}
        return {**networks, **books, "normaliser.shift": self.normaliser_.shift_E,
                "normaliser.scale": self.normaliser_.scale_E}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Quantizer.load_tensors``."""
        self.trainer_ = None
        self.values_ = {name: value for name, value in tensors.items() if name.startswith(("encoder.", "decoder."))}
        self.books_ = [tensors[f"codebook.{level}"] for level in range(self.n_levels)]
        self.normaliser_ = Normaliser(tensors["normaliser.shift"], tensors["normaliser.scale"],
                                      self.normalise == "l2")
