"""What prefixes of semantic IDs stand for, in words: the names of branches, as on Tree and Map, or the title of an only item."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from tiger.datasets.catalogue import Catalogue
from tiger.reports.beam import Prefix
from tiger.reports.branches import Texts
from tiger.semantic_ids import SemanticIds

About = Callable[[Sequence[Prefix]], pd.DataFrame]
"""What prefixes stand for: words (a branch's name, or the title of its only item), mix (of categories)."""


def about(ids: SemanticIds, cat: Catalogue, texts: Texts, prefixes: Sequence[Prefix]) -> pd.DataFrame:
    """See ``About``. A prefix whose parent is among them, or a sibling with the same category, says what tells it apart."""
    below = [ids.prefix_items(prefix) for prefix in prefixes]
    member_PI = _member(below, cat.n_items)
    titles = iter(cat.items["title"].iloc[[only[0] for only in below if len(only) == 1]].tolist())
    names = _names(member_PI, texts, prefixes)
    said = [str(next(titles)) if len(only) == 1 else word for only, word in zip(below, names, strict=True)]
    mix = [text if len(some) else "" for text, some in zip(texts.mixes(member_PI), below, strict=True)]
    return pd.DataFrame({"words": said, "mix": mix})


def group_names(ids: SemanticIds, cat: Catalogue, texts: Texts, prefixes: Sequence[Prefix]) -> list[str]:
    """What prefixes stand for, as groups: of a single item its group too, not its title; see ``about``."""
    return _names(_member([ids.prefix_items(prefix) for prefix in prefixes], cat.n_items), texts, prefixes)


def _member(below: Sequence[np.ndarray], n_items: int) -> sparse.csr_matrix:
    """Which item lies below which prefix (P, I)."""
    starts = np.cumsum([0, *map(len, below)])
    items = np.concatenate([*below, np.empty(0, np.int64)]).astype(np.int64)
    return sparse.csr_matrix((np.ones(len(items), np.float32), items, starts), (len(below), n_items))


def _names(member_PI: sparse.csr_matrix, texts: Texts, prefixes: Sequence[Prefix]) -> list[str]:
    at = {tuple(prefix): row for row, prefix in enumerate(prefixes)}
    return texts.names(member_PI, np.array([at.get(tuple(prefix[:-1]), -1) for prefix in prefixes], np.int64))[0]
