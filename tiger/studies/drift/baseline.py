"""What is in use before the vectors change, and the number of threads that it was computed with."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tiger.quantizers.base import Quantizer


@dataclass(frozen=True)
class Known:
    """What is in use before the vectors change.

    Args:
        quantizer: fitted.
        codes_IL: every item's codes.
        emb_IE: the vectors that the quantizer speaks of; new ones are aligned to these.
        n_threads: torch's threads when the quantizer was fitted; None: unknown, today's are used.
        error_I: squared error of each item when it got its codes; None: it follows from ``emb_IE``.
    """

    quantizer: Quantizer
    codes_IL: np.ndarray
    emb_IE: np.ndarray
    n_threads: int | None = None
    error_I: np.ndarray | None = None


@contextlib.contextmanager
def threads(n: int | None) -> Iterator[None]:
    """Compute with this many of torch's threads, then with as many as before.

    The order in which numbers are summed depends on the threads, and a training enlarges the last digit: the same
    seed gives the same codes only with as many threads as the first time.
    """
    before = torch.get_num_threads()
    if n is not None:
        torch.set_num_threads(max(1, n))
    try:
        yield
    finally:
        torch.set_num_threads(before)
