"""Match the codes of a retrained quantizer to the old ones, so that as many items as possible keep their ID.

The numbers of codes are arbitrary. At level 1 the new codes are paired with the old ones by the assignment that keeps most
items (Hungarian method); then, inside each pair, the codes of level 2, and so on down the tree. Every branch
gets a one-to-one renaming of its codes, so no information is lost and two items never come to share an ID.

Source: Kuhn 1955, "The Hungarian method for the assignment problem".
"""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from tiger import metrics


def match_codes(new_IL: np.ndarray, old_IL: np.ndarray, n_codes: int | Sequence[int],
           common_I: np.ndarray | None = None) -> np.ndarray:
    """The new codes, renumbered to agree with as many old ones as possible, (I, L).

    Args:
        new_IL: codes of a retrained quantizer.
        old_IL: the codes that items had; only those of common items count.
        n_codes: K, numbers to choose from at each level, or one K per level.
        common_I: True for the items that both versions have; all by default.

    Raises:
        ValueError: the two have different shapes.
    """
    new_IL, old_IL = np.asarray(new_IL, np.int64), np.asarray(old_IL, np.int64)
    if new_IL.shape != old_IL.shape:
        raise ValueError(f"the new codes have shape {new_IL.shape} and the old ones {old_IL.shape}; matching needs the "
                         "same items and levels.")
    common_I = np.ones(len(new_IL), bool) if common_I is None else common_I
    made_IL, sizes = np.empty_like(new_IL), metrics.level_sizes(n_codes, new_IL.shape[1])
    stays_I = common_I & metrics.has_id(old_IL)
    group_I = np.zeros(len(new_IL), np.int64)  # the new prefix so far
    for level in range(new_IL.shape[1]):
        for rows in _groups(group_I):
            made_IL[rows, level] = _renumbered(new_IL[rows, level], old_IL[rows, level], stays_I[rows], sizes[level])
        stays_I = stays_I & (made_IL[:, level] == old_IL[:, level])
        group_I = metrics.prefix_numbers(new_IL[:, :level + 1])[0][:, -1]
    return made_IL


def _groups(group_I: np.ndarray) -> list[np.ndarray]:
    order_I = np.argsort(group_I, kind="stable")
    return np.split(order_I, np.flatnonzero(np.diff(group_I[order_I])) + 1)


def _renumbered(new_N: np.ndarray, old_N: np.ndarray, stays_N: np.ndarray, n_codes: int) -> np.ndarray:
    """One branch: another number for every new code that occurs in it, one-to-one."""
    codes, place_N = np.unique(new_N, return_inverse=True)
    olds, old_place_N = np.unique(old_N[stays_N], return_inverse=True)
    number_C = np.full(len(codes), -1)
    if len(olds):
        table = np.zeros((len(codes), len(olds)), np.int64)
        np.add.at(table, (place_N[stays_N], old_place_N), 1)
        rows, columns = linear_sum_assignment(table, maximize=True)
        hit = table[rows, columns] > 0
        number_C[rows[hit]] = olds[columns[hit]]
    taken = np.zeros(n_codes, bool)
    taken[number_C[number_C >= 0]] = True
    for place in np.flatnonzero(number_C < 0):  # no item to match by: its own number where that is free
        number = int(codes[place]) if not taken[codes[place]] else int(taken.argmin())
        number_C[place], taken[number] = number, True
    return number_C[place_N]
