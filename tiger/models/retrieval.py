"""The items whose vectors fit a user's best: exactly, or through a flat faiss index, which finds the same faster."""

from collections.abc import Sequence
from typing import Any

import numpy as np

CHOICES = ("exact", "faiss")
HELP = "Compare the user's vector with every item's directly, or through a flat faiss index (needs faiss-cpu)."


def faiss() -> Any:
    """The faiss package.

    Raises:
        ValueError: it is not installed; says how to get it.
    """
    try:
        import faiss as found
    except ImportError:
        raise ValueError("index is 'faiss', but the package faiss-cpu is not installed; "
                         "run pip install faiss-cpu, or choose index 'exact'.") from None
    return found


def search(query_BD: np.ndarray, item_ID: np.ndarray, k: int, squared: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The k best items by faiss: largest inner product, or smallest squared distance (then scored negative).

    Raises:
        ValueError: faiss is not installed.
    """
    library = faiss()
    index = (library.IndexFlatL2 if squared else library.IndexFlatIP)(item_ID.shape[1])
    index.add(np.ascontiguousarray(item_ID, np.float32))
    value_BR, item_BR = index.search(np.ascontiguousarray(query_BD, np.float32), min(k, len(item_ID)))
    return item_BR, -value_BR if squared else value_BR


def unseen(item_BR: np.ndarray, score_BR: np.ndarray, k: int, seen: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The first k items of every row that its user has not seen; -1 and -inf where there are fewer."""
    kept_BR, kept_score_BR = np.full((len(item_BR), k), -1, np.int64), np.full((len(item_BR), k), -np.inf, np.float32)
    for row, items in enumerate(seen):
        at = np.flatnonzero(~np.isin(item_BR[row], items) & (item_BR[row] >= 0))[:k]
        kept_BR[row, :len(at)], kept_score_BR[row, :len(at)] = item_BR[row, at], score_BR[row, at]
    return kept_BR, kept_score_BR
