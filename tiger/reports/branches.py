"""Names of the branches of an ID tree, the same on every page that draws them."""

import numpy as np
from scipy import sparse

from tiger.analysis import tree
from tiger.analysis.tree import Branches
from tiger.datasets.catalogue import Catalogue

Words = tuple[sparse.csr_matrix, np.ndarray]


def title_words(cat: Catalogue) -> Words:
    """Which word occurs in which item's title, ``tree.word_counts``."""
    return tree.word_counts(cat.items["title"].astype(str).to_numpy(object))


def named(cat: Catalogue, branches: Branches, rows: np.ndarray, words: Words) -> tuple[list[str], list[str]]:
    """A name and the typical words of some rows of a tree; the "…" of ``Branches.drawn`` (negative rows) have none.

    Args:
        words: ``title_words``.
    """
    member_PI = branches.membership(rows)
    typical = tree.typical_words(member_PI, words)
    at = {row: place for place, row in enumerate(rows.tolist())}
    above = np.where(rows >= 0, branches.parent_P[np.maximum(rows, 0)], -1 - rows)
    parent_P = np.array([at.get(row, -1) for row in above.tolist()], np.int64)
    return tree.branch_names(member_PI, parent_P, typical, cat.items["category"].to_numpy(object)), typical
