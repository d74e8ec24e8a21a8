"""An even sample: the same few of many, without chance."""

import numpy as np


def even_sample(n_items: int, n: int) -> np.ndarray:
    """At most ``n`` of the numbers 0..n_items-1, evenly spaced, the first and the last among them, ascending."""
    n = min(n, n_items)
    if n < 2:
        return np.zeros(n, np.int64)
    return np.arange(n, dtype=np.int64) * (n_items - 1) // (n - 1)
