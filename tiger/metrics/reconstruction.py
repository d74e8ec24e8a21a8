"""What decoding the codes keeps of the embeddings."""

import numpy as np


def seeded_sample(items_N: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """At most n of the items, always the same ones, ascending."""
    if len(items_N) <= n:
        return items_N
    return np.sort(np.random.default_rng(seed).choice(items_N, n, replace=False))


def explained_variance(emb_IE: np.ndarray, items_N: np.ndarray, recon_NE: np.ndarray) -> float | None:
    """1 - sum |x - x'|^2 / sum |x - mean|^2 over the given items; 0 is what the mean alone would reach.

    None where all rows are equal: there is no variance to explain.
    """
    emb_NE = np.asarray(emb_IE[items_N], np.float64)
    spread = float(((emb_NE - emb_NE.mean(0)) ** 2).sum())
    rounding = 1e-14 * float((emb_NE**2).sum())
    return 1 - float(((emb_NE - recon_NE) ** 2).sum()) / spread if spread > rounding else None
