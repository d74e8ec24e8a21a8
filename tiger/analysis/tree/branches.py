"""The prefix tree of any codes as flat arrays: one row a branch, in tree order, coarse levels first."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import sparse

from tiger import metrics

REST = "…"


@dataclass(frozen=True)
class Branches:
    """The tree that codes span. Row 0 is the root; then level 1, level 2 .., each in lexicographic order.

    Args:
        level_P: 0 for the root, d for a prefix of d codes.
        parent_P: row of the branch above; -1 for the root.
        code_P: last code of the prefix; -1 for the root.
        size_P: items below.
        first_P: row of the level's first branch, one a level (L+1), so that prefix numbers become rows.
        prefix_IL: each item's prefix number per level, -1 without an ID.
    """

    level_P: np.ndarray
    parent_P: np.ndarray
    code_P: np.ndarray
    size_P: np.ndarray
    first_P: np.ndarray
    prefix_IL: np.ndarray

    @classmethod
    def from_codes(cls, codes_IL: np.ndarray, max_level: int | None = None) -> "Branches":
        """Build the tree.

        Args:
            codes_IL: integers from 0; rows of -1 are items without an ID.
            max_level: stop after this many codes; all by default.

        Raises:
            ValueError: codes of another shape than (items, levels).
        """
        codes_IL = np.asarray(codes_IL)
        if codes_IL.ndim != 2 or codes_IL.shape[1] == 0:
            raise ValueError(f"codes have shape {codes_IL.shape}, but must be (items, levels).")
        codes_IL = codes_IL[:, :max_level]
        prefix_IL, n_prefixes_L = metrics.prefix_numbers(codes_IL)
        known_I = prefix_IL[:, -1] >= 0
        rows, prefix_NL = (codes_IL, prefix_IL) if known_I.all() else (codes_IL[known_I], prefix_IL[known_I])
        first_P = np.concatenate([[0, 1], 1 + np.cumsum(n_prefixes_L)[:-1]]).astype(np.int64)
        level, parent, code, size = ([np.array([value])] for value in (0, -1, -1, len(rows)))
        for depth, n in enumerate(n_prefixes_L):
            number_N = prefix_NL[:, depth]
            some_N = np.zeros(n, np.int64)
            some_N[number_N] = np.arange(len(rows))  # any item of the branch tells its code and its parent
            level.append(np.full(n, depth + 1))
            parent.append(first_P[depth] + (prefix_NL[some_N, depth - 1] if depth else np.zeros(n, np.int64)))
            code.append(rows[some_N, depth])
            size.append(np.bincount(number_N, minlength=n))
        level_P, parent_P, code_P, size_P = (np.concatenate(part).astype(np.int64)
                                             for part in (level, parent, code, size))
        return cls(level_P, parent_P, code_P, size_P, first_P, prefix_IL)

    @classmethod
    def counted(cls, tree_PC: np.ndarray, codes_IL: np.ndarray) -> "Branches":
        """The tree of more items than are at hand: sizes are counted, and what lies below a branch are the items at hand.

        Args:
            tree_PC: (P, D + 2) int64: a prefix of D codes, its items, its distinct IDs.
            codes_IL: of the items at hand; rows of -1 have no ID.
        """
        both = cls.from_codes(np.concatenate([tree_PC[:, :-2], codes_IL[:, :tree_PC.shape[1] - 2]]))
        prefix_PL, prefix_IL = np.split(both.prefix_IL, [len(tree_PC)])
        n_P, n_at_level = tree_PC[:, -2], np.diff([*both.first_P[1:], len(both)])
        sizes = [np.bincount(prefix_PL[:, level], n_P, n) for level, n in enumerate(n_at_level)]
        return replace(both, size_P=np.concatenate([[n_P.sum()], *sizes]).astype(np.int64), prefix_IL=prefix_IL)

    def __len__(self) -> int:
        return len(self.level_P)

    @property
    def n_levels(self) -> int:
        return self.prefix_IL.shape[1]

    @cached_property
    def n_children_P(self) -> np.ndarray:
        """Branches directly below each branch."""
        return np.bincount(self.parent_P[1:], minlength=len(self))

    def row_of(self, prefix: Sequence[int]) -> int | None:
        """Row of a prefix; None where no item carries it. The empty prefix is the root."""
        row = 0
        for code in prefix:
            low = np.searchsorted(self.parent_P[1:], row, "left") + 1
            high = np.searchsorted(self.parent_P[1:], row, "right") + 1
            place = low + int(np.searchsorted(self.code_P[low:high], code))
            if place >= high or self.code_P[place] != code:
                return None
            row = int(place)
        return row

    def prefix(self, row: int) -> tuple[int, ...]:
        """The codes from the root to a branch."""
        codes: list[int] = []
        while row > 0:
            codes.append(int(self.code_P[row]))
            row = int(self.parent_P[row])
        return tuple(reversed(codes))

    def items(self, row: int) -> np.ndarray:
        """Item numbers below a branch, ascending."""
        level = int(self.level_P[row])
        if level == 0:
            return np.flatnonzero(self.prefix_IL[:, -1] >= 0)
        return np.flatnonzero(self.prefix_IL[:, level - 1] == row - self.first_P[level])

    def frame(self, rows: np.ndarray | None = None) -> pd.DataFrame:
        """Branches as a table: row, level, prefix ("12-7"), parent, code, size, share (of all), children."""
        rows = np.arange(len(self)) if rows is None else np.asarray(rows)
        n = max(int(self.size_P[0]), 1)
        return pd.DataFrame({
            "row": rows, "level": self.level_P[rows], "prefix": self._prefix_texts(rows),
            "parent": self.parent_P[rows], "code": self.code_P[rows], "size": self.size_P[rows],
            "share": self.size_P[rows] / n, "children": self.n_children_P[rows]})

    def _prefix_texts(self, rows: np.ndarray) -> np.ndarray:
        texts = np.full(len(rows), "", object)
        above = rows.copy()
        while (above > 0).any():
            here = above > 0
            codes = self.code_P[above[here]].astype(str).astype(object)
            texts[here] = np.where(texts[here] == "", codes, codes + "-" + texts[here])
            above[here] = self.parent_P[above[here]]
        return texts

    def drawn(self, max_level: int, at_most: int = 1200, root: int = 0) -> pd.DataFrame:
        """The branches worth drawing below ``root``: the fullest, and one "…" a parent for all the others.

        Args:
            max_level: deepest level to draw.
            at_most: branches to keep (the "…" come on top).
            root: row to start from.

        Returns:
            As ``frame``, plus ``rest``: how many branches a "…" stands for (0 for a real branch; its row is
            -1 - parent). Sizes below a parent add up to the parent's size.
        """
        inside_P = self._below(root) & (self.level_P <= max_level)
        rows = np.flatnonzero(inside_P)
        if len(rows) > at_most:
            order = np.lexsort((rows, -self.size_P[rows]))  # parents first: never smaller, lower row
            rows = np.sort(rows[order[:at_most]])
        frame = self.frame(rows).assign(rest=0)
        shown = np.zeros(len(self), np.int64)
        np.add.at(shown, self.parent_P[rows[rows != root]], self.size_P[rows[rows != root]])
        kept_children = np.bincount(self.parent_P[rows[rows != root]], minlength=len(self))
        inner = (self.level_P[rows] < max_level) & (self.n_children_P[rows] > 0)
        torn = rows[inner & (shown[rows] < self.size_P[rows])]
        left_over = self.size_P[torn] - shown[torn]
        rest = pd.DataFrame({
            "row": -1 - torn, "level": self.level_P[torn] + 1, "prefix": self._prefix_texts(torn),
            "parent": torn, "code": -1, "size": left_over, "share": left_over / max(int(self.size_P[0]), 1),
            "children": 0, "rest": self.n_children_P[torn] - kept_children[torn]})
        rest["prefix"] = [f"{text}-{REST}" if text else REST for text in rest["prefix"]]
        return pd.concat([frame, rest], ignore_index=True) if len(rest) else frame

    def _below(self, root: int) -> np.ndarray:
        """True for ``root`` and every branch under it."""
        inside_P = np.zeros(len(self), bool)
        inside_P[root] = True
        for level in range(int(self.level_P[root]) + 1, self.n_levels + 1):
            start = self.first_P[level]
            stop = self.first_P[level + 1] if level < self.n_levels else len(self)
            inside_P[start:stop] = inside_P[self.parent_P[start:stop]]
        return inside_P

    def membership(self, rows: np.ndarray) -> sparse.csr_matrix:
        """(rows, items) sparse 0/1: which item lies below which branch; a "…" row (negative) is empty."""
        item_parts, row_parts = [], []
        place_P = np.full(len(self), -1)
        real = rows >= 0
        place_P[rows[real]] = np.flatnonzero(real)
        known_I = np.flatnonzero(self.prefix_IL[:, -1] >= 0)
        for level in range(self.n_levels + 1):
            row_N = np.zeros(len(known_I), np.int64)
            if level:
                row_N = self.first_P[level] + self.prefix_IL[known_I, level - 1]
            hit_N = place_P[row_N] >= 0
            item_parts.append(known_I[hit_N])
            row_parts.append(place_P[row_N[hit_N]])
        items, places = np.concatenate(item_parts), np.concatenate(row_parts)
        ones = np.ones(len(items), np.float32)
        return sparse.csr_matrix((ones, (places, items)), (len(rows), len(self.prefix_IL)))
