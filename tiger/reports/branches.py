"""Names of the branches of an ID tree, the same on every page that draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from tiger.analysis import tree
from tiger.analysis.tree import Branches, Groups, WordCounts
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels


@dataclass(frozen=True)
class Texts:
    """What the branches of a catalogue are named and described by, counted once a catalogue.

    Args:
        words: of the titles.
        categories: ``tree.category_groups``.
        labels: a category or another label an item, ``category_labels``; None without any.
    """

    words: WordCounts
    categories: Sequence[Groups]
    labels: Groups | None

    @classmethod
    def of(cls, cat: Catalogue) -> "Texts":
        """Read titles and categories."""
        label_I = category_labels(cat)[0]
        return cls(tree.word_counts(cat.items["title"].astype(str).to_numpy(object)),
                   tree.category_groups(cat.items["category"].to_numpy(object)),
                   None if label_I is None else tree.label_groups(label_I))

    def names(self, member_PI: sparse.csr_matrix, parent_P: np.ndarray) -> tuple[list[str], list[str]]:
        """A name and the typical words of each branch.

        Args:
            member_PI: which item lies below which branch.
            parent_P: row of the branch above; -1 for none.
        """
        typical = tree.typical_words(member_PI, self.words)
        return tree.branch_names(member_PI, parent_P, typical, self.categories), typical

    def mixes(self, member_PI: sparse.csr_matrix) -> list[str]:
        """The commonest labels of each branch; "" where the catalogue has none."""
        return [""] * member_PI.shape[0] if self.labels is None else tree.category_mix(member_PI, self.labels)


def named(branches: Branches, rows: np.ndarray, texts: Texts) -> tuple[list[str], list[str]]:
    """A name and the typical words of some rows of a tree; the "…" of ``Branches.drawn`` (negative rows) have none."""
    at = {row: place for place, row in enumerate(rows.tolist())}
    above = np.where(rows >= 0, branches.parent_P[np.maximum(rows, 0)], -1 - rows)
    parent_P = np.array([at.get(row, -1) for row in above.tolist()], np.int64)
    return texts.names(branches.membership(rows), parent_P)
