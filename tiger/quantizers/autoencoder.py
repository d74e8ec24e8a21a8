"""What the quantizers that train an autoencoder share: fit, resume, fine-tune, encode, decode, weights.

A subclass says what its bottleneck is; see ``rqvae`` and ``fsq``.
"""

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from tiger.core import params
from tiger.core.devices import to_cpu
from tiger.core.learner import LiveParams, TrainingState
from tiger.core.progress import Progress
from tiger.quantizers.base import Steps, check_codes, check_embeddings, check_fitted, row_blocks
from tiger.quantizers.bottleneck import Autoencoder, Bottleneck, Kept
from tiger.quantizers.networks import MLP, parse_widths, widths_of
from tiger.quantizers.normaliser import Normaliser
from tiger.quantizers.trainer import SteppedQuantizer, Trainer

BLOCK = 1024  # rows encoded at once, the last ones padded: one shape, so a row's codes never depend on the batch


@dataclass
class AutoencoderQuantizer(SteppedQuantizer):
    """An encoder, a bottleneck that makes codes, and a decoder, trained together."""

    can_fine_tune: ClassVar[bool] = True

    @abstractmethod
    def bottleneck(self, generator: torch.Generator | None = None, n_rows: int = 1) -> Bottleneck:
        """A fresh bottleneck.

        Args:
            generator: start values are drawn from it; None: weights follow.
            n_rows: rows of a batch.
        """

    @property
    @abstractmethod
    def latent_size(self) -> int:
        """Z: how wide the encoder's output is."""

    @property
    def starts_from_sample(self) -> bool:
        """Whether the bottleneck is initialised from the first latents."""
        return False

    def fine_tuned(self, n_steps: int, rate: float) -> Self:
        """The same hyper-parameters, as a short training from fitted weights takes them."""
        changes = {"n_steps": n_steps, "learning_rate": max(1e-6, self.learning_rate * rate)}
        return type(self)(**(params.values(self) | changes))

    def fit_steps(self, emb_IE: np.ndarray, *, state: TrainingState | None = None,
                  live_params: LiveParams | None = None) -> Iterator[Progress]:
        """Train; see ``Quantizer.fit_steps``. A Progress of step 0 tells that the codes were placed."""
        self.check_params()
        emb = torch.from_numpy(check_embeddings(emb_IE))
        self.normaliser_ = Normaliser.learn(emb, self.normalise)
        trainer = self._start(self.normaliser_.apply(emb))
        if state is not None:
            trainer.restore(self.current_state(state, trainer))
        elif self.starts_from_sample:
            trainer.initialise()
            yield Progress("k-means initialisation", 0, self.n_steps)
        while trainer.step < self.n_steps:
            if live_params is not None:
                trainer.set_live_params(live_params())
            metrics = trainer.advance()
            yield Progress("training", trainer.step, self.n_steps, metrics)

    def _start(self, x_IE: Tensor, kept: Kept | None = None) -> Trainer:
        generator = torch.Generator().manual_seed(self.seed)
        widths = [x_IE.shape[1], *parse_widths(self.hidden), self.latent_size]
        n_rows = min(self.batch_size, len(x_IE))
        model = Autoencoder(MLP(widths, generator), MLP(widths[::-1], generator), self.bottleneck(generator, n_rows))
        self.trainer_: Trainer | None = Trainer(self, model, x_IE, generator, kept)
        self.model_ = model
        return self.trainer_

    def current_state(self, state: TrainingState, trainer: Trainer) -> TrainingState:
        """The state in today's form; a quantizer that wrote another one earlier converts it."""
        return state

    def fine_tune_steps(self, emb_IE: np.ndarray, n_steps: int = 150, *, rate: float = 0.2,
                        keep_IL: np.ndarray | None = None, penalty: float = 0.0) -> Steps:
        """Gradient steps from the fitted weights; see ``Quantizer.fine_tune_steps``."""
        emb_IE = check_embeddings(emb_IE, self._model().encoder.n_in)
        short = self.fine_tuned(max(1, n_steps), rate)
        kept = None if keep_IL is None else Kept(torch.from_numpy(np.ascontiguousarray(keep_IL, np.int64)), penalty)
        trainer = short._start(self.normaliser_.apply(torch.from_numpy(emb_IE)), kept)
        short.normaliser_ = self.normaliser_
        short.take_weights(self.tensors())
        while trainer.step < short.n_steps:
            trainer.advance()
            yield Progress("fine-tuning", trainer.step, short.n_steps)
        made = type(self)(**params.values(self))
        made.load_tensors(short.tensors())
        return made

    def training_state(self) -> TrainingState:
        """See ``Learner.training_state``."""
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

    def window_counts(self) -> list[np.ndarray]:
        """How often training chose each code of late, (K,) int64 a level; see ``Trainer.window_counts``."""
        return self._training().window_counts()

    def _model(self) -> Autoencoder:
        check_fitted(self, "model_")
        return self.model_

    def _encoded(self, emb_NE: np.ndarray, batch_size: int = 8192) -> Iterator[tuple[slice, Tensor]]:
        """Latents block by block: where the rows stand, and a tensor (BLOCK, Z) whose last rows may be padding."""
        encoder = self._model().encoder
        device = next(encoder.parameters()).device
        pad_BE = torch.zeros(BLOCK, encoder.n_in)
        for rows, block in row_blocks(emb_NE, encoder.n_in, batch_size, BLOCK):
            x_BE = torch.from_numpy(block)
            if len(x_BE) < BLOCK:
                pad_BE[:len(x_BE)] = x_BE
                x_BE = pad_BE
            with torch.no_grad():
                x_BE = x_BE if self.normalise == "none" else self.normaliser_.apply(x_BE)
                z_BZ = encoder(x_BE.to(device))
            yield rows, z_BZ

    def encode(self, emb_NE: np.ndarray, batch_size: int = 8192) -> np.ndarray:
        """See ``Quantizer.encode``; float32 always, whatever precision it trained with."""
        codes_NL = np.empty((len(emb_NE), self.n_levels), np.int64)
        for rows, z_BZ in self._encoded(emb_NE, batch_size):
            codes_NL[rows] = self.model_.bottleneck.encode(z_BZ)[:rows.stop - rows.start].cpu().numpy()
        return codes_NL

    def latent(self, emb_NE: np.ndarray) -> np.ndarray:
        """The encoder's output (N, Z)."""
        z_NZ = np.empty((len(emb_NE), self.latent_size), np.float32)
        for rows, z_BZ in self._encoded(emb_NE):
            z_NZ[rows] = self.model_.bottleneck.latent(z_BZ)[:rows.stop - rows.start].cpu().numpy()
        return z_NZ

    @torch.no_grad()
    def decode(self, codes_NL: np.ndarray) -> np.ndarray:
        """See ``Quantizer.decode``: the decoder reads the sum of the codes' vectors."""
        model = self._model()
        books = model.bottleneck.vectors()
        codes = torch.from_numpy(check_codes(codes_NL, self.codes_per_level))
        out_NE = np.empty((len(codes), model.decoder.n_out), np.float32)
        for start in range(0, len(codes), BLOCK):
            part = codes[start:start + BLOCK].to(books[0].device)
            q_BZ = torch.stack([book_KZ[part[:, level]] for level, book_KZ in enumerate(books)]).sum(0)
            out_NE[start:start + BLOCK] = self.normaliser_.back(model.decoder(q_BZ).cpu()).numpy()
        return out_NE

    def codebooks(self) -> list[np.ndarray]:
        """One (K, Z) array per level."""
        return [book_KZ.detach().cpu().numpy().copy() for book_KZ in self._model().bottleneck.vectors()]

    def tensors(self) -> dict[str, Tensor]:
        """See ``Learner.tensors``."""
        model = self._model()
        networks = {f"{part}.{name}": value for part in ("encoder", "decoder")
                    for name, value in getattr(model, part).state_dict().items()}
        held = to_cpu(networks | model.bottleneck.tensors())
        return held | {"normaliser.shift": self.normaliser_.shift_E, "normaliser.scale": self.normaliser_.scale_E}

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """See ``Learner.load_tensors``."""
        self.trainer_ = None
        widths = widths_of("encoder", tensors)
        self.model_ = Autoencoder(MLP(widths), MLP(widths[::-1]), self.bottleneck())
        self.take_weights(tensors)
        self.normaliser_ = Normaliser(tensors["normaliser.shift"], tensors["normaliser.scale"],
                                      self.normalise == "l2")

    def take_weights(self, tensors: dict[str, Tensor]) -> None:
        """Start from saved networks and codes."""
        model = self._model()
        for part in ("encoder", "decoder"):
            own = {name.removeprefix(f"{part}."): value for name, value in tensors.items() if name.startswith(part)}
            getattr(model, part).load_state_dict(own)
        model.bottleneck.load(tensors)
