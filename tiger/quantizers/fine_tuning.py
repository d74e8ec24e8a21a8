"""Go on learning from what a quantizer already knows: new vectors, the old weights as the start.

A fit starts afresh and names its codes by chance; a warm start keeps the names. With ``keep_IL`` every change of
a code is penalised, so codebooks follow their items instead of items changing their codes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tiger import metrics
from tiger.core import params
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer, check_embeddings
from tiger.quantizers.codebook import Codebook, distances, squared_norms
from tiger.quantizers.rkmeans import ResidualKMeans
from tiger.quantizers.rqvae import RQVAE
from tiger.quantizers.rqvae_step import Step
from tiger.quantizers.trainer import Trainer

LLOYD_ROUNDS = 5
CHUNK = 4096


def sticky_codes(rows_NZ: Tensor, book_KZ: Tensor, keep_N: Tensor, penalty: float) -> Tensor:
    """The code of least error plus penalty: argmin_k |r - e_k|^2 + penalty |e_k - e_old|^2.

    Completing the square, that is the code nearest to (r + penalty e_old) / (1 + penalty). A tie goes to the old
    code; an old code of -1 binds nobody.
    """
    pull_N1 = torch.where(keep_N >= 0, penalty, 0.0)[:, None].to(rows_NZ.dtype)
    pulled_NZ = (rows_NZ + pull_N1 * book_KZ[keep_N.clamp(min=0)]) / (1 + pull_N1)
    cost_NK = distances(pulled_NZ, book_KZ, squared_norms(book_KZ))
    best_N = cost_NK.argmin(1)
    least_N = cost_NK.gather(1, best_N[:, None])[:, 0]
    kept_N = cost_NK.gather(1, keep_N.clamp(min=0)[:, None])[:, 0]
    return torch.where((keep_N >= 0) & (kept_N <= least_N), keep_N, best_N)


def sticky_encode(q: Quantizer, emb_IE: np.ndarray, keep_IL: np.ndarray, penalty: float) -> np.ndarray:
    """Codes (I, L), each change penalised by the distance from the old code; see ``sticky_codes``.

    Level by level where the codes have vectors; otherwise (LSH, random codes) the whole ID at once, judged by
    what it decodes to.
    """
    books = q.codebooks()
    if books is None:
        new_IL = q.encode(emb_IE)
        known_I = metrics.has_id(keep_IL)
        old_IL = np.where(known_I[:, None], keep_IL, new_IL)
        was_IE, is_IE = q.decode(old_IL), q.decode(new_IL)
        cost_I = np.square(emb_IE - is_IE).sum(1) + penalty * np.square(is_IE - was_IE).sum(1)
        stay_I = known_I & (np.square(emb_IE - was_IE).sum(1) <= cost_I)
        return np.where(stay_I[:, None], old_IL, new_IL)
    latent_IZ, codes_IL = q.latent(emb_IE), np.empty(keep_IL.shape, np.int64)
    for start in range(0, len(emb_IE), CHUNK):
        part = slice(start, start + CHUNK)
        rows_NZ, keep_NL = torch.from_numpy(latent_IZ[part]), torch.from_numpy(keep_IL[part])
        for level, book in enumerate(map(torch.from_numpy, books)):
            codes_N = sticky_codes(rows_NZ, book, keep_NL[:, level], penalty)
            codes_IL[part, level] = codes_N.numpy()
            rows_NZ = rows_NZ - book[codes_N]
    return codes_IL


class StickyStep(Step):
    """A training step in which a change of an item's old code is penalised."""

    batch_NL: Tensor | None = None
    penalty = 0.0

    def choose(self, rows_BZ: Tensor, level: Codebook) -> Tensor:
        if self.batch_NL is None:
            return super().choose(rows_BZ, level)
        return sticky_codes(rows_BZ, level.book_KZ, self.batch_NL[:, len(self.codes)], self.penalty)


class WarmTrainer(Trainer):
    """A trainer that starts from a fitted RQ-VAE's weights."""

    step_class = StickyStep
    stepper: StickyStep

    def __init__(self, q: RQVAE, x_IE: Tensor, old: RQVAE, keep_IL: np.ndarray | None, penalty: float):
        super().__init__(q, x_IE)
        known = old.tensors()
        for name, value in self.buffer.value.items():
            if name in known:
                value.copy_(known[name])
        for number, level in enumerate(self.levels):
            level.place(known[f"codebook.{number}"])
            if q.ema:
                level.start_ema(self.batch_size / q.n_codes)
        self.keep = None if keep_IL is None else torch.from_numpy(np.ascontiguousarray(keep_IL, np.int64))
        self.stepper.penalty = penalty

    def next_batch(self) -> Tensor:
        rows = super().next_batch()
        if self.keep is not None:
            self.stepper.batch_NL = self.keep[rows]
        return rows


def fine_tune(old: Quantizer, emb_IE: np.ndarray, n_steps: int, rate: float = 0.2, keep_IL: np.ndarray | None = None,
              penalty: float = 0.0) -> Iterator[Progress]:
    """Continue a fit on new vectors; the last Progress carries the new quantizer as ``metrics["quantizer"]``.

    Args:
        old: fitted; it is not changed.
        emb_IE: float32 (I, E), as wide as what ``old`` learned from.
        n_steps: gradient steps of an RQ-VAE; residual k-means takes a few rounds, LSH and random codes refit
            what depends on the data and keep planes and hash.
        rate: the learning rate as a share of the first fit's.
        keep_IL: the codes that items should keep; None binds nobody.
        penalty: weight of the squared distance between a new code and the kept one, 0..

    Raises:
        ValueError: embeddings of another width than learned, or not finite.
    """
    emb_IE = check_embeddings(emb_IE)
    values = params.values(old)
    if isinstance(old, RQVAE):
        yield from _fine_tune_rqvae(old, emb_IE, max(1, n_steps), rate, keep_IL, penalty)
        return
    if isinstance(old, ResidualKMeans):
        made: Quantizer = _fine_tune_rkmeans(old, emb_IE, keep_IL, penalty)
    else:
        made = type(old)(**values).fit(emb_IE)
    yield Progress("fine-tuning", 1, 1, {"quantizer": made})


def _fine_tune_rqvae(old: RQVAE, emb_IE: np.ndarray, n_steps: int, rate: float, keep_IL: np.ndarray | None,
                     penalty: float) -> Iterator[Progress]:
    changes: dict[str, Any] = {"n_steps": n_steps, "learning_rate": max(1e-6, old.learning_rate * rate),
                               "kmeans_init": False, "restart_threshold": 0.0}
    x_IE = old.normaliser_.apply(torch.from_numpy(emb_IE))
    q = type(old)(**(params.values(old) | changes))
    trainer = WarmTrainer(q, x_IE, old, keep_IL, penalty)
    while trainer.step < n_steps:
        trainer.advance()
        if trainer.step < n_steps:
            yield Progress("fine-tuning", trainer.step, n_steps)
    books = {f"codebook.{number}": level.book_KZ.clone() for number, level in enumerate(trainer.levels)}
    networks = {name: value.clone() for name, value in trainer.buffer.value.items() if not name.startswith("level.")}
    made = type(old)(**params.values(old))
    made.load_tensors({**networks, **books, "normaliser.shift": old.normaliser_.shift_E,
                       "normaliser.scale": old.normaliser_.scale_E})
    yield Progress("fine-tuning", n_steps, n_steps, {"quantizer": made})


def _fine_tune_rkmeans(old: ResidualKMeans, emb_IE: np.ndarray, keep_IL: np.ndarray | None,
                       penalty: float) -> ResidualKMeans:
    """A few rounds of Lloyd's algorithm a level; a code without items stays where it is."""
    books = [book.clone() for book in old.tensors().values()]
    rows_IE = torch.from_numpy(emb_IE)
    nobody = torch.full((len(emb_IE),), -1)
    for level, book in enumerate(books):
        keep_I = nobody if keep_IL is None else torch.from_numpy(np.ascontiguousarray(keep_IL[:, level], np.int64))
        for _ in range(LLOYD_ROUNDS):
            codes_I = _in_parts(rows_IE, book, keep_I, penalty)
            count_K = torch.bincount(codes_I, minlength=len(book))
            sum_KE = torch.zeros_like(book).index_add_(0, codes_I, rows_IE)
            used_K = count_K > 0
            book[used_K] = sum_KE[used_K] / count_K[used_K, None]
        rows_IE = rows_IE - book[_in_parts(rows_IE, book, keep_I, penalty)]
    made = ResidualKMeans(**params.values(old))
    made.load_tensors({f"codebook.{level}": book for level, book in enumerate(books)})
    return made


def _in_parts(rows_IE: Tensor, book_KE: Tensor, keep_I: Tensor, penalty: float) -> Tensor:
    return torch.cat([sticky_codes(rows_IE[start:start + CHUNK], book_KE, keep_I[start:start + CHUNK], penalty)
                      for start in range(0, len(rows_IE), CHUNK)])
