"""What is in use before the vectors change, and the number of threads that it was computed with."""

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tiger import quantizers
from tiger.core import params
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.quantizers.base import Quantizer
from tiger.studies.base import under
from tiger.studies.drift.versions import refit

BACKDATED = ("The old vectors were computed from the first {share:.0%} of each user's training interactions, and the quantizer "
             "was trained on them with the run's hyper-parameters; the new vectors use all training interactions. Recall is "
             "that of a small recommender trained on these IDs, since no other has learned them.")


@dataclass(frozen=True)
class Baseline:
    """What is in use before the vectors change.

    Args:
        quantizer: fitted.
        codes_IL: every item's codes.
        emb_IE: the vectors that the quantizer encodes; new ones are aligned to these.
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

    The order in which numbers are summed depends on the threads, and training amplifies the last digit: the same
    seed gives the same codes only with as many threads as the first time.
    """
    before = torch.get_num_threads()
    if n is not None:
        torch.set_num_threads(max(1, n))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def backdated_baseline(baseline: Baseline, cat: Catalogue, share: float) -> Generator[Progress, None, Baseline]:
    """Vectors computed from the first interactions, and a quantizer with the same hyper-parameters trained on them.

    Args:
        share: of each user's training interactions, the first ones.
    """
    emb_IE = refit(cat, "history", share=share).emb_IE
    made = quantizers.create(baseline.quantizer.name, **params.values(baseline.quantizer))
    with threads(baseline.n_threads):
        yield from under("training on the first interactions", made.fit_steps(emb_IE))
        codes_IL = made.encode(emb_IE)
    return Baseline(made, codes_IL, emb_IE, baseline.n_threads)
