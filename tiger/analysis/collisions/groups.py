"""The items of every shared ID: whether their vectors or texts are equal, and how alike their vectors are."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from tiger import metrics
from tiger.analysis.doctor import vectors
from tiger.core.sampling import even_sample
from tiger.core.words import counted

Cause = Literal["identical vectors", "identical text", "too few codes", "copies and too few codes"]
CAUSES: tuple[Cause, ...] = ("too few codes", "copies and too few codes", "identical vectors", "identical text")
MAX_PAIRED = 512  # items of one group whose pairs are all looked at; beyond, an even sample for the extremes
BLOCK_CELLS = 2**22  # numbers of a batch of groups held at once


@dataclass(frozen=True)
class Groups:
    """Every ID that several items share, the fullest first.

    Args:
        n_items: items that have an ID.
        n_ids: distinct IDs.
        order_N: the items of all groups, one group after another, ascending inside each.
        start_G: where each group begins in ``order_N``.
        size_G: items of each group.
        n_vectors_G: different vectors among them.
        n_apart_G: items left when those with one vector or one text count once.
        cosine_mean_G, cosine_min_G, cosine_max_G: over the pairs of a group; the extremes of an even sample of its items
            where it has more than ``MAX_PAIRED``. A zero vector has cosine 0.
    """

    n_items: int
    n_ids: int
    order_N: np.ndarray
    start_G: np.ndarray
    size_G: np.ndarray
    n_vectors_G: np.ndarray
    n_apart_G: np.ndarray
    cosine_mean_G: np.ndarray
    cosine_min_G: np.ndarray
    cosine_max_G: np.ndarray

    def __len__(self) -> int:
        return len(self.size_G)

    def items(self, number: int) -> np.ndarray:
        """The items of one group."""
        return self.order_N[self.start_G[number]:self.start_G[number] + self.size_G[number]]

    @cached_property
    def group_N(self) -> np.ndarray:
        """The group of each entry of ``order_N``."""
        return np.repeat(np.arange(len(self)), self.size_G)

    def group_of(self, item: int) -> int | None:
        """The group that an item is in; None where its ID is its own, or it has none."""
        place = np.flatnonzero(self.order_N == item)
        return int(self.group_N[place[0]]) if len(place) else None

    @cached_property
    def causes(self) -> list[Cause]:
        """Why each group shares its ID."""
        def cause(size: int, n_vectors: int, n_apart: int) -> Cause:
            if n_apart > 1:
                return "too few codes" if n_apart == size else "copies and too few codes"
            return "identical vectors" if n_vectors == 1 else "identical text"

        return [cause(*row) for row in zip(self.size_G.tolist(), self.n_vectors_G.tolist(), self.n_apart_G.tolist(), strict=True)]

    @property
    def surplus(self) -> int:
        """Items that would need another ID: items less distinct IDs."""
        return self.n_items - self.n_ids

    @property
    def surplus_by_cause(self) -> dict[Cause, int]:
        """The surplus items: copies of another's vector, other vectors of another's text, and all others.

        The three add up to ``surplus``: a group of n items with v vectors that come to c counts n - v, v - c and c - 1.
        """
        return {"identical vectors": int((self.size_G - self.n_vectors_G).sum()),
                "identical text": int((self.n_vectors_G - self.n_apart_G).sum()),
                "too few codes": int((self.n_apart_G - 1).sum())}


def group(codes_IL: np.ndarray, emb_IE: np.ndarray, texts: Sequence[str]) -> Groups:
    """Find the items that share all their codes, and compare their vectors and texts.

    Args:
        codes_IL: integers from 0; rows of -1 have no ID.
        emb_IE: embeddings of the same items.
        texts: of the same items; spaces and capitals do not count, and an empty text equals no other.

    Raises:
        ValueError: codes, embeddings and texts of different numbers of items.
    """
    if not len(codes_IL) == len(emb_IE) == len(texts):
        raise ValueError(f"there are codes of {counted(len(codes_IL), 'item')}, embeddings of {len(emb_IE)} and texts of "
                         f"{len(texts)}; give all three for the same items.")
    order_N, start_U, count_U = by_id(codes_IL)
    n_items = len(order_N)
    shared_G = np.flatnonzero(count_U > 1)
    shared_G = shared_G[np.argsort(-count_U[shared_G], kind="stable")]
    size_G = count_U[shared_G].astype(np.int64)
    parts = [order_N[start:start + size] for start, size in zip(start_U[shared_G], size_G, strict=True)]
    order_N = np.concatenate([np.empty(0, np.int64), *parts])
    start_G = np.cumsum(size_G) - size_G
    n_vectors_G, n_apart_G = _apart(np.repeat(np.arange(len(size_G)), size_G), emb_IE[order_N],
                                    [texts[item] for item in order_N])
    return Groups(n_items, len(count_U), order_N, start_G, size_G, n_vectors_G, n_apart_G,
                  *_cosines(metrics.unit_rows(emb_IE[order_N]), start_G, size_G))


def by_id(codes_IL: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The items that have an ID, sorted by it, ascending inside each; where each ID begins there, and how many items it has."""
    prefix_I = metrics.prefix_numbers(codes_IL)[0][:, -1]
    known_N = np.flatnonzero(prefix_I >= 0)
    order_N = known_N[np.argsort(prefix_I[known_N], kind="stable")]
    return order_N, *np.unique(prefix_I[order_N], return_index=True, return_counts=True)[1:]


def _apart(group_N: np.ndarray, emb_NE: np.ndarray, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Per group: different vectors, and parts that neither an equal vector nor an equal text joins."""
    n, n_groups = len(group_N), int(group_N.max(initial=-1)) + 1
    vector_N = _numbered(group_N, vectors.copies(emb_NE) if n else np.empty(0, np.int64))
    plain = [" ".join(text.split()).casefold() for text in texts]
    number = {text: at for at, text in enumerate(dict.fromkeys(plain))}
    text_N = np.array([number[text] if text else len(number) + at for at, text in enumerate(plain)], np.int64)
    text_N = _numbered(group_N, text_N)
    n_vectors_G = np.bincount(group_N[np.unique(vector_N, return_index=True)[1]], minlength=n_groups)
    ends = np.concatenate([n + vector_N, n + int(vector_N.max(initial=-1)) + 1 + text_N])
    size = int(ends.max(initial=-1)) + 1
    edges = sparse.coo_matrix((np.ones(2 * n, np.int8), (np.tile(np.arange(n), 2), ends)), (size, size))
    part_N = connected_components(edges, directed=False)[1][:n] if n else np.empty(0, np.int64)
    return n_vectors_G, np.bincount(group_N[np.unique(part_N, return_index=True)[1]], minlength=n_groups)


def _numbered(group_N: np.ndarray, key_N: np.ndarray) -> np.ndarray:
    """A number for each pair of group and key."""
    return np.unique(group_N * (int(key_N.max(initial=0)) + 1) + key_N, return_inverse=True)[1].astype(np.int64)


def _cosines(unit_NE: np.ndarray, start_G: np.ndarray, size_G: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, least and largest cosine over the pairs of each group; ``unit_NE`` holds one group after another."""
    mean_G, low_G, high_G = np.empty((3, len(size_G)))
    for size in np.unique(size_G).tolist():
        few = even_sample(size, MAX_PAIRED)
        at = np.flatnonzero(size_G == size)
        step = max(1, BLOCK_CELLS // (size * max(unit_NE.shape[1], len(few))))
        for first in range(0, len(at), step):
            part = at[first:first + step]
            unit_GNE = unit_NE[start_G[part][:, None] + np.arange(size)].astype(np.float64)
            own_G = np.einsum("gne,gne->g", unit_GNE, unit_GNE)
            mean_G[part] = (np.square(unit_GNE.sum(1)).sum(1) - own_G) / (size * (size - 1))
            some_GME = unit_GNE[:, few]
            pair_GP = (some_GME @ some_GME.transpose(0, 2, 1))[:, *np.triu_indices(len(few), 1)]
            low_G[part], high_G[part] = pair_GP.min(1), pair_GP.max(1)
    return tuple(np.clip(found, -1.0, 1.0) for found in (mean_G, low_G, high_G))  # type: ignore[return-value]
