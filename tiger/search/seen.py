"""Leaving out what a user already has: which prefixes of the trie lead to nothing else."""

from collections.abc import Sequence

import numpy as np
import torch

from tiger.search.trie import Trie


class Seen:
    """Items that a search must not return, for a batch of users.

    A prefix is *used up* where every item below it is seen; no beam need go there. All other prefixes stay open, so that
    a beam always ends at an item that is new to the user, as long as there is one.

    Args:
        trie: of the catalogue.
        items: per user the item numbers that they already have; items without an ID do not matter.
    """

    def __init__(self, trie: Trie, items: Sequence[np.ndarray]):
        leaf_I = trie.leaf_of_item.numpy()
        leaves = [np.unique(leaf_I[np.asarray(row, np.int64)]) for row in items]
        leaves = [leaf[leaf >= 0] for leaf in leaves]
        self.n_B = torch.tensor([len(leaf) for leaf in leaves], dtype=torch.int64)
        user_X = np.repeat(np.arange(len(leaves)), self.n_B.numpy())
        leaf_X = np.concatenate([*leaves, np.empty(0, np.int64)]).astype(np.int64)
        self.used_up = [self._used_up(trie, level, user_X, leaf_X) for level in range(trie.n_levels)]

    @staticmethod
    def _used_up(trie: Trie, level: int, user_X: np.ndarray, leaf_X: np.ndarray) -> tuple[torch.Tensor, ...]:
        """User, parent node and code of every prefix of ``level + 1`` codes below which everything is seen."""
        node_X = trie.node_of_leaf(level + 1, torch.from_numpy(leaf_X))
        pairs_N2, count_N = torch.unique(torch.stack([torch.from_numpy(user_X), node_X], 1), dim=0, return_counts=True)
        user_N, node_N = pairs_N2.unbind(1)
        full_N = count_N == trie.n_items_below(level + 1, node_N)
        user_N, node_N = user_N[full_N], node_N[full_N]
        return user_N, trie.parent(level, node_N), trie.code(level, node_N)

    def mask(self, level: int, node_BW: torch.Tensor, n_codes: int) -> torch.Tensor:
        """Which candidates (B, W, K) of this level are used up."""
        user_N, parent_N, code_N = self.used_up[level]
        found_BWK = torch.zeros(*node_BW.shape, n_codes, dtype=torch.bool)
        at_X, beam_X = (node_BW[user_N] == parent_N[:, None]).nonzero(as_tuple=True)
        found_BWK[user_N[at_X], beam_X, code_N[at_X]] = True
        return found_BWK
