"""What a quantizer run came to in a few numbers (``outcome.json``), so that a list of runs need not read their codes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tiger import metrics
from tiger.core import files
from tiger.core.typed import fits

if TYPE_CHECKING:
    from tiger.quantizers import Quantizer

FILE = "outcome.json"
N_DECODED = 2000  # items whose reconstruction is measured


@dataclass(frozen=True)
class Outcome:
    """Numbers of a run's final codes.

    Args:
        n_items: items with an ID.
        distinct: distinct IDs among them, before a collision level makes them unique.
        n_codes: K of each level.
        perplexity: of each level, 1..K.
        explained: share of the embeddings' variance that decoding the codes keeps, at most 1; None where codes decode to
            nothing, or nobody measured it.
    """

    n_items: int
    distinct: int
    n_codes: tuple[int, ...]
    perplexity: tuple[float, ...]
    explained: float | None = None

    @property
    def distinct_share(self) -> float:
        """Distinct IDs per item, 0..1."""
        return self.distinct / self.n_items if self.n_items else 0.0

    @property
    def usage(self) -> float:
        """Mean over the levels of perplexity by codes, 0..1."""
        return float(np.mean([value / size for value, size in zip(self.perplexity, self.n_codes, strict=True)]))


def of_codes(codes_IL: np.ndarray, n_codes: list[int], explained: float | None = None) -> Outcome:
    """The numbers of these codes."""
    counts_LK = metrics.code_counts(codes_IL, n_codes)
    found = metrics.collisions(codes_IL)
    return Outcome(found.n_items, found.unique, tuple(n_codes), tuple(metrics.perplexity(counts_LK).tolist()), explained)


def of_quantizer(quantizer: "Quantizer", codes_IL: np.ndarray, emb_IE: np.ndarray) -> Outcome:
    """The numbers of a fitted quantizer's codes, reconstruction included."""
    items_N = metrics.seeded_sample(np.arange(len(codes_IL)), N_DECODED)
    try:
        explained = metrics.explained_variance(emb_IE, items_N, quantizer.decode(codes_IL[items_N]))
    except NotImplementedError:
        explained = None
    return of_codes(codes_IL, quantizer.codes_per_level, explained)


def from_json(found: Mapping[str, Any] | None) -> Outcome | None:
    """The numbers from an object of a file; None where it is no such object."""
    if not found or not fits(found.get("n_items"), int) or not fits(found.get("distinct"), int):
        return None
    sizes, perplexity, explained = found.get("n_codes"), found.get("perplexity"), found.get("explained")
    if not isinstance(sizes, list) or not isinstance(perplexity, list) or not len(sizes) == len(perplexity) > 0:
        return None
    if not fits(sizes, list[int]) or not fits(perplexity, list[float]) or not fits(explained, float | None) or min(sizes) < 1:
        return None
    return Outcome(found["n_items"], found["distinct"], tuple(sizes), tuple(perplexity), explained)


def read(folder: Path) -> Outcome | None:
    """What stands in a run's folder; None where nothing usable does."""
    return from_json(files.read_json(folder / FILE))


def write(folder: Path, found: Outcome) -> None:
    """Keep the numbers in the run's folder."""
    files.write_json(folder / FILE, asdict(found))
