"""Which items moved between two trees, once codes are matched up to renaming.

Two seeds of one method name their codes differently, and codes below different parents have nothing to do
with each other. So the trees are walked down together: at the root the codes of level 1 are paired by the
assignment that keeps most items together, then inside each pair the codes of level 2,
and so on. An item stays as long as its two prefixes are paired; where they are not, it moved at that level.

Source: Kuhn 1955, "The Hungarian method for the assignment problem"; for sparse tables Jonker and Volgenant 1987, as
SciPy has it.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import linear_sum_assignment
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from tiger import metrics
from tiger.core.words import counted
from tiger.metrics.codes import dense

TABLE_LIMIT = 1 << 18  # cells of a table that is filled in: faster where the groups are many and small


@dataclass(frozen=True)
class Matching:
    """Two trees laid over each other.

    Args:
        moved_at_I: level (from 1) at which the item left its paired branch; 0: it never did; -1: it has no
            ID in one of the sets.
        renamed_IL: the second set's codes in the first set's names, as far down as the item stayed; -1 below.
        pairs: level, prefix_a, prefix_b (numbers among the prefixes of that level), items: paired branches.
    """

    moved_at_I: np.ndarray
    renamed_IL: np.ndarray
    pairs: pd.DataFrame

    @property
    def n_levels(self) -> int:
        return self.renamed_IL.shape[1]


def match(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray) -> Matching:
    """Pair the codes of two ID sets of the same items and find what moved.

    Args:
        codes_a_IL: codes; rows of -1 have no ID.
        codes_b_IL: codes of the same items; only the levels that both have are compared.

    Raises:
        ValueError: the sets are about different numbers of items.
    """
    codes_a_IL, codes_b_IL = np.asarray(codes_a_IL), np.asarray(codes_b_IL)
    if len(codes_a_IL) != len(codes_b_IL):
        raise ValueError(f"one set has {counted(len(codes_a_IL), 'item')} and the other {len(codes_b_IL)}; "
                         "compare IDs of the same catalogue.")
    n_levels = min(codes_a_IL.shape[1], codes_b_IL.shape[1])
    prefix_a_IL, _ = metrics.prefix_numbers(codes_a_IL)
    prefix_b_IL, _ = metrics.prefix_numbers(codes_b_IL)
    stay_N = np.flatnonzero((prefix_a_IL[:, -1] >= 0) & (prefix_b_IL[:, -1] >= 0))
    moved_at_I = np.full(len(codes_a_IL), -1, np.int64)
    moved_at_I[stay_N] = 0
    renamed_IL = np.full((len(codes_a_IL), n_levels), -1, np.int64)
    tables, group_N = [], np.zeros(len(stay_N), np.int64)
    for level in range(n_levels):
        a_N, b_N = prefix_a_IL[stay_N, level], prefix_b_IL[stay_N, level]
        pair_a, pair_b, items = _pair(group_N, a_N, b_N)
        table = {"level": level + 1, "prefix_a": pair_a, "prefix_b": pair_b, "items": items}
        tables.append(pd.DataFrame(table))
        partner = np.full(int(a_N.max(initial=-1)) + 1, -1)
        partner[pair_a] = pair_b
        kept_N = partner[a_N] == b_N
        moved_at_I[stay_N[~kept_N]] = level + 1
        stay_N = stay_N[kept_N]
        renamed_IL[stay_N, level] = codes_a_IL[stay_N, level]
        group_N = a_N[kept_N]
    return Matching(moved_at_I, renamed_IL, pd.concat(tables, ignore_index=True))


def _pair(group_N: np.ndarray, a_N: np.ndarray, b_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pair the branches a with the branches b inside every group so that most items stay together."""
    if len(a_N) == 0:
        return (np.empty(0, np.int64),) * 3
    width = int(b_N.max()) + 1
    key, first_N, count = np.unique(a_N * width + b_N, return_index=True, return_counts=True)
    a_C, b_C, group_C = key // width, key % width, group_N[first_N]
    # Where every a meets one b only, and the other way round, there is nothing to decide.
    clear_C = (np.bincount(a_C)[a_C] == 1) & (np.bincount(b_C)[b_C] == 1)
    chosen = [np.flatnonzero(clear_C)]
    open_C = np.flatnonzero(~clear_C)
    open_C = open_C[np.argsort(group_C[open_C], kind="stable")]
    cuts = np.flatnonzero(np.diff(group_C[open_C])) + 1
    for cells in np.split(open_C, cuts):
        if len(cells):
            chosen.append(cells[_assign(a_C[cells], b_C[cells], count[cells])])
    rows = np.sort(np.concatenate(chosen))
    return a_C[rows], b_C[rows], count[rows]


def _assign(a_C: np.ndarray, b_C: np.ndarray, count_C: np.ndarray) -> np.ndarray:
    """Cells of one group's table that the best assignment uses (places in the given arrays)."""
    a_C, n_a = dense(a_C - a_C.min(), int(a_C.max() - a_C.min()) + 1)
    b_C, n_b = dense(b_C - b_C.min(), int(b_C.max() - b_C.min()) + 1)
    if n_a * n_b > TABLE_LIMIT:
        return _assign_sparse(a_C, b_C, count_C, n_a, n_b)
    table = np.zeros((n_a, n_b), np.int64)
    cell = np.full((n_a, n_b), -1, np.int64)
    table[a_C, b_C] = count_C
    cell[a_C, b_C] = np.arange(len(a_C))
    used = cell[linear_sum_assignment(table, maximize=True)]
    return used[used >= 0]


def _assign_sparse(a_C: np.ndarray, b_C: np.ndarray, count_C: np.ndarray, n_a: int, n_b: int) -> np.ndarray:
    """The same without filling the table in: that of two sets of 100,000 codes would need 80 GB.

    Every a has a stand-in of its own beside the b's, worth 0 items, so that a full matching exists however few cells
    there are.
    """
    most = int(count_C.max()) + 1  # costs must not be 0, which a sparse matrix takes for "no edge"
    stand_in_A = np.arange(n_a)
    cost_N = np.concatenate([most - count_C, np.full(n_a, most)])
    edges = np.concatenate([a_C, stand_in_A]), np.concatenate([b_C, n_b + stand_in_A])
    row_A, column_A = min_weight_full_bipartite_matching(sparse.csr_matrix((cost_N, edges), (n_a, n_b + n_a)))
    partner_A = np.empty(n_a, np.int64)
    partner_A[row_A] = column_A
    return np.flatnonzero(partner_A[a_C] == b_C)


def match_summary(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, found: Matching | None = None,
                  seed: int = 0) -> pd.DataFrame:
    """How far down items stay together, beside what chance gives (the second set's IDs dealt out at random).

    Returns:
        One row a level: level, stayed (items whose prefixes are paired down to here), moved (that left at
        this level), stayed_share (of all items with both IDs), chance_share, pairs (paired branches).
    """
    found = found or match(codes_a_IL, codes_b_IL)
    codes_b_IL = np.asarray(codes_b_IL)
    null = match(codes_a_IL, codes_b_IL[np.random.default_rng(seed).permutation(len(codes_b_IL))])
    rows = []
    for level in range(1, found.n_levels + 1):
        stayed = _stayed(found, level)
        rows.append({"level": level, "stayed": stayed, "moved": int((found.moved_at_I == level).sum()),
                     "stayed_share": stayed / max(int((found.moved_at_I >= 0).sum()), 1),
                     "chance_share": _stayed(null, level) / max(int((null.moved_at_I >= 0).sum()), 1),
                     "pairs": int((found.pairs["level"] == level).sum())})
    return pd.DataFrame(rows)


def _stayed(found: Matching, level: int) -> int:
    return int(((found.moved_at_I == 0) | (found.moved_at_I > level)).sum())
