"""A small training elsewhere: vectors in groups, and a recorder of it."""

from typing import Any

import numpy as np

import tiger
from tests.support.training import clusters
from tiger.recording.recorder import Recorder

N_CODES = [8, 4, 6]


def vectors(n_items: int = 90, width: int = 12) -> np.ndarray:
    """Vectors in groups, float32."""
    return clusters(n_items, width)


def recorder(**more: Any) -> Recorder:
    """A recording of three levels of different sizes over 90 items."""
    about: dict[str, Any] = {"embeddings": vectors(), "item_ids": [f"item {number}" for number in range(90)], "n_codes": N_CODES}
    return tiger.watch("elsewhere", **(about | more))


def batch(seed: int, n: int = 40, used: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Codes (n, 3) of items that are drawn with replacement, and the items; ``used``: share of each codebook that occurs."""
    rng = np.random.default_rng(seed)
    codes_BL = np.stack([rng.integers(0, max(1, int(size * used)), n) for size in N_CODES], 1)
    return codes_BL, rng.integers(0, 90, n)
