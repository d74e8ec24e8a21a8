"""Keeping codes while vectors move: assignment with a penalty on changed codes, and refits that change nothing else."""

import numpy as np
import torch

from tiger import metrics
from tiger.core import params
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer, Steps
from tiger.quantizers.codebook import penalised_codes

CHUNK = 4096


def penalised_encode(q: Quantizer, emb_IE: np.ndarray, keep_IL: np.ndarray, penalty: float) -> np.ndarray:
    """Codes (I, L), each change penalised by the distance from the old code; see ``penalised_codes``.

    Level by level where the codes have vectors; otherwise (LSH, random codes) the whole ID at once, judged by
    what it decodes to.

    Args:
        keep_IL: old codes; rows of -1 bind nobody.
        penalty: weight of the squared distance between a new code and the old one, 0..
    """
    books = q.codebooks()
    if books is None:
        return _penalised_ids(q, emb_IE, keep_IL, penalty)
    latent_IZ, codes_IL = q.latent(emb_IE), np.empty(keep_IL.shape, np.int64)
    prices = [None] * len(books) if (given := q.prices()) is None else [torch.from_numpy(price_K) for price_K in given]
    for start in range(0, len(emb_IE), CHUNK):
        part = slice(start, start + CHUNK)
        rows_NZ, keep_NL = torch.from_numpy(latent_IZ[part]), torch.from_numpy(keep_IL[part])
        for level, book_KZ in enumerate(map(torch.from_numpy, books)):
            codes_N = penalised_codes(rows_NZ, book_KZ, keep_NL[:, level], penalty, prices[level])
            codes_IL[part, level] = codes_N.numpy()
            rows_NZ = rows_NZ - book_KZ[codes_N]
    return codes_IL


def _penalised_ids(q: Quantizer, emb_IE: np.ndarray, keep_IL: np.ndarray, penalty: float) -> np.ndarray:
    new_IL = q.encode(emb_IE)
    known_I = metrics.has_id(keep_IL)
    old_IL = np.where(known_I[:, None], keep_IL, new_IL)
    was_IE, is_IE = q.decode(old_IL), q.decode(new_IL)
    cost_I = np.square(emb_IE - is_IE).sum(1) + penalty * np.square(is_IE - was_IE).sum(1)
    stay_I = known_I & (np.square(emb_IE - was_IE).sum(1) <= cost_I)
    return np.where(stay_I[:, None], old_IL, new_IL)


def refit_steps(q: Quantizer, emb_IE: np.ndarray) -> Steps:
    """A fit anew, for quantizers whose codes do not depend on the data but for a centre or a decoder."""
    q.latent(emb_IE[:1])  # refuses another width than learned
    made = type(q)(**params.values(q)).fit(emb_IE)
    yield Progress("fine-tuning", 1, 1)
    return made
