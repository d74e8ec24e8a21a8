"""k-means for starting codebooks and for residual k-means: scikit-learn's, with a fixed seed."""

import warnings
from functools import cache

import numpy as np
import torch
from threadpoolctl import ThreadpoolController

from tiger.core.sampling import even_sample

PLUS_PLUS_LIMIT = 1024  # k-means++ costs rows x codes x codes; beyond this many codes start from random rows
START_ROWS = 65_536  # k-means++ draws from so many rows at most, as far as they are 64 for every code or more: see ``_start``
LARGEST_SQUARE = float(np.finfo(np.float32).max) / 8  # a squared distance is up to four squared lengths


def centres(x_NZ: np.ndarray, n_codes: int, seed: int, n_iterations: int, minibatch: int = 0) -> np.ndarray:
    """K cluster centres (K, Z) float32 of the rows.

    Args:
        minibatch: rows of a mini-batch, where the rows are more; ``n_iterations`` are then passes over them. 0: all rows.

    With fewer rows than codes, rows are repeated; the later copies stay unused, since a tie goes to the first.
    It keeps to torch's number of threads, so that workers do not fight for cores.

    Raises:
        ValueError: numbers whose squares overflow.
    """
    largest = float(np.abs(x_NZ).max())
    if not largest**2 * x_NZ.shape[1] < LARGEST_SQUARE:
        raise ValueError(f"k-means squares distances, but the vectors hold numbers up to {largest:.3g}, whose squares "
                         "are too large; normalise the embeddings or scale them down.")
    if len(x_NZ) <= n_codes:
        return np.resize(x_NZ, (n_codes, x_NZ.shape[1])).astype(np.float32)
    # here, because to load it takes longer than most commands, and half of the quantizers do without
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning
    with warnings.catch_warnings(), _thread_pools().limit(limits=torch.get_num_threads()):
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than codes
        how = {"init": _start(x_NZ, n_codes, seed), "n_init": 1, "max_iter": n_iterations, "random_state": seed}
        model: KMeans | MiniBatchKMeans = KMeans(n_codes, **how)
        if 0 < minibatch < len(x_NZ):
            model = MiniBatchKMeans(n_codes, batch_size=minibatch, max_no_improvement=None, **how)
        return model.fit(x_NZ).cluster_centers_.astype(np.float32)


def _start(x_NZ: np.ndarray, n_codes: int, seed: int) -> str | np.ndarray:
    """Where the centres start: scikit-learn's word for it, or of very many rows, k-means++ of a sample.

    k-means++ passes over its rows once a code, which of a million rows takes five times as long as the iterations that follow,
    and the error after these is within a third of a percent (docs/SCALING.md).
    """
    if n_codes > PLUS_PLUS_LIMIT:
        return "random"
    n_rows = max(START_ROWS, 64 * n_codes)
    if len(x_NZ) <= n_rows:
        return "k-means++"
    from sklearn.cluster import kmeans_plusplus
    return kmeans_plusplus(x_NZ[even_sample(len(x_NZ), n_rows)], n_codes, random_state=seed)[0]


@cache
def _thread_pools() -> ThreadpoolController:
    """The thread pools of BLAS and OpenMP; to look for them takes 10 ms, and an RQ-VAE starts with one k-means a level."""
    return ThreadpoolController()
