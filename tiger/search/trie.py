"""The catalogue's valid prefixes as flat tensors, so that a whole batch of beams is masked at once.

The prefixes of one length are the *nodes* of that depth, numbered in the order of their codes; depth 0 is the
root. Per depth the children stand as compressed sparse rows, and because nodes are sorted, so does the key
``parent * n_codes + code``, which a binary search finds. No Python runs per beam.
"""

import numpy as np
import torch


class Trie:
    """All prefixes of a catalogue's unique semantic IDs.

    Args:
        ids_IM: int, one unique semantic ID an item; a row of -1 has none and is left out.
        n_codes: codes to choose from, one number a level.

    Raises:
        ValueError: shapes or codes do not fit, or two items share an ID.
    """

    def __init__(self, ids_IM: np.ndarray, n_codes: list[int]):
        ids_IM = np.asarray(ids_IM, dtype=np.int64)
        if ids_IM.ndim != 2 or 0 in ids_IM.shape or ids_IM.shape[1] != len(n_codes):
            raise ValueError(f"IDs have shape {ids_IM.shape}, but must be (items, {len(n_codes)}), "
                             "one column per level.")
        self.n_catalogue = len(ids_IM)
        has_id_I = np.flatnonzero((ids_IM != -1).any(1))
        if len(has_id_I) == 0:
            raise ValueError("no item has an ID; make IDs with a quantizer or import them first.")
        ids_IM = ids_IM[has_id_I]
        bad_M = (ids_IM.min(0) < 0) | (ids_IM.max(0) >= np.asarray(n_codes))
        if bad_M.any():
            level = int(bad_M.argmax())
            raise ValueError(f"level {level + 1} holds codes from {ids_IM[:, level].min()} to "
                             f"{ids_IM[:, level].max()}, but must stay within 0 to {n_codes[level] - 1}.")
        self.n_codes = [int(n) for n in n_codes]
        order_I = np.lexsort(ids_IM.T[::-1])
        self.order_I = torch.from_numpy(has_id_I[order_I])  # sorted by ID: what is below a node lies together
        self._build(ids_IM[order_I])

    def _build(self, sorted_IM: np.ndarray) -> None:
        n_items, n_levels = sorted_IM.shape
        node_I = np.zeros(n_items, np.int64)  # the node each item passes at this depth
        self.items_ptr = [torch.tensor([0, n_items])]  # depth -> first item below each node
        self.child_ptr, self.child_code, self.child_key = [], [], []
        self.parent: list[torch.Tensor] = []
        for level in range(n_levels):
            key_I = node_I * self.n_codes[level] + sorted_IM[:, level]
            first_I = np.concatenate([[True], key_I[1:] != key_I[:-1]])
            starts_P = np.flatnonzero(first_I)
            key_P, parent_P = key_I[starts_P], node_I[starts_P]
            n_parents = int(node_I[-1]) + 1
            self.child_ptr.append(torch.from_numpy(np.searchsorted(parent_P, np.arange(n_parents + 1))))
            self.child_code.append(torch.from_numpy(sorted_IM[starts_P, level].copy()))
            self.child_key.append(torch.from_numpy(key_P))
            self.parent.append(torch.from_numpy(parent_P))
            self.items_ptr.append(torch.from_numpy(np.append(starts_P, n_items)))
            node_I = np.cumsum(first_I) - 1
        if len(self.child_code[-1]) != n_items:
            raise ValueError(f"{n_items - len(self.child_code[-1])} items share an ID with another item; "
                             "add a collision level (SemanticIds.from_codes does).")

    @property
    def n_items(self) -> int:
        """Items that have an ID."""
        return len(self.order_I)

    @property
    def n_levels(self) -> int:
        return len(self.n_codes)

    def n_nodes(self, depth: int) -> int:
        """How many prefixes of this length the catalogue has; 1 at depth 0."""
        return len(self.items_ptr[depth]) - 1

    def mask(self, depth: int, node_N: torch.Tensor) -> torch.Tensor:
        """Which codes may follow (N, K) bool; a node of -1 (outside the catalogue) allows none."""
        node_N = node_N.reshape(-1)
        safe_N = node_N.clamp(min=0)
        start_N = self.child_ptr[depth][safe_N]
        count_N = torch.where(node_N >= 0, self.child_ptr[depth][safe_N + 1] - start_N, 0)
        row_X = torch.repeat_interleave(torch.arange(len(node_N)), count_N)
        within_X = torch.arange(len(row_X)) - (count_N.cumsum(0) - count_N)[row_X]
        mask_NK = torch.zeros(len(node_N), self.n_codes[depth], dtype=torch.bool)
        mask_NK[row_X, self.child_code[depth][start_N[row_X] + within_X]] = True
        return mask_NK

    def child(self, depth: int, node_N: torch.Tensor, code_N: torch.Tensor) -> torch.Tensor:
        """The node one level deeper, in the shape of ``node_N``; -1 where no item has such a prefix."""
        keys = self.child_key[depth]
        wanted_N = node_N * self.n_codes[depth] + code_N
        at_N = torch.searchsorted(keys, wanted_N).clamp(max=len(keys) - 1)
        return torch.where((node_N >= 0) & (keys[at_N] == wanted_N), at_N, -1)

    def n_items_below(self, depth: int, node_N: torch.Tensor) -> torch.Tensor:
        """Items that start with each prefix; 0 for -1."""
        ptr, safe_N = self.items_ptr[depth], node_N.clamp(min=0)
        return torch.where(node_N >= 0, ptr[safe_N + 1] - ptr[safe_N], 0)

    def item(self, leaf_N: torch.Tensor) -> torch.Tensor:
        """Item numbers of nodes of the last depth; -1 stays -1."""
        return torch.where(leaf_N >= 0, self.order_I[leaf_N.clamp(min=0)], -1)

    def leaf_of_item(self) -> np.ndarray:
        """The node of the last depth of every item of the catalogue (I,) int64; -1 for items without an ID."""
        leaf_I = np.full(self.n_catalogue, -1, np.int64)
        leaf_I[self.order_I.numpy()] = np.arange(self.n_items)
        return leaf_I

    def ids_of(self, item_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The codes (..., M) of some items, and which of them have an ID; codes of -1 and of items without one are any."""
        leaf_I = torch.from_numpy(self.leaf_of_item())
        node_N = torch.where(item_N >= 0, leaf_I[item_N.clamp(min=0)], -1)
        has_id_N, node_N, codes = node_N >= 0, node_N.clamp(min=0), []
        for level in reversed(range(self.n_levels)):
            codes.append(self.child_code[level][node_N])
            node_N = self.parent[level][node_N]
        return torch.stack(codes[::-1], -1), has_id_N

    def find(self, prefix: tuple[int, ...]) -> int:
        """The node of a prefix, or -1."""
        node = torch.tensor([0])
        for depth, code in enumerate(prefix):
            if not 0 <= code < self.n_codes[depth]:
                return -1
            node = self.child(depth, node, torch.tensor([code]))
        return int(node)
