"""The catalogue's valid prefixes as flat tensors, so that a whole batch of beams is masked at once.

The prefixes of one length are the *nodes* of that depth, numbered in the order of their codes; depth 0 is the
root. Per depth the children stand as compressed sparse rows, and because nodes are sorted, so does the key
``parent * n_codes + code``, which a binary search finds. No Python runs per beam.

A node takes about 12 bytes: its key, from which parent and code follow, and where its children and items begin. The first two
levels also have a dense table of children, which a mask or a look-up reads in one go.
Source: STATIC (Su et al. 2026, "Vectorizing the Trie") for flat sparse rows behind dense first levels.
"""

from functools import cached_property

import numpy as np
import torch

from tiger.core.words import counted

DENSE_LEVELS = 2  # that have a table of children, if it has no more cells than this (4 bytes each):
DENSE_CELLS = 2**22


class Trie:
    """All prefixes of a catalogue's unique semantic IDs.

    Args:
        ids_IM: int, one unique semantic ID an item; a row of -1 has none and is left out.
        n_codes: codes to choose from, one number a level.

    Raises:
        ValueError: shapes or codes do not fit, two items share an ID, or there are 2^31 items or more.
    """

    def __init__(self, ids_IM: np.ndarray, n_codes: list[int]):
        ids_IM = np.asarray(ids_IM)
        if ids_IM.ndim != 2 or 0 in ids_IM.shape or ids_IM.shape[1] != len(n_codes):
            raise ValueError(f"IDs have shape {ids_IM.shape}, but must be (items, {len(n_codes)}), "
                             "one column per level.")
        if len(ids_IM) >= 2**31:
            raise ValueError(f"there are {len(ids_IM):,} items, but a trie holds at most {2**31 - 1:,}; build one a part of "
                             "the catalogue.")
        self.n_catalogue = len(ids_IM)
        has_id_I = np.flatnonzero((ids_IM != -1).any(1)).astype(np.int32)
        if len(has_id_I) == 0:
            raise ValueError("no item has an ID; make IDs with a quantizer or import them first.")
        if len(has_id_I) < len(ids_IM):
            ids_IM = ids_IM[has_id_I]
        self.n_codes = [int(n) for n in n_codes]
        for level, n in enumerate(self.n_codes):
            low, high = ids_IM[:, level].min(), ids_IM[:, level].max()
            if low < 0 or high >= n:
                raise ValueError(f"level {level + 1} holds codes from {low} to {high}, but must stay within 0 to {n - 1}.")
        order_I = _sorted_rows(ids_IM, self.n_codes)
        self.order_I = torch.from_numpy(has_id_I[order_I])  # sorted by ID: what is below a node lies together
        self._build(ids_IM, order_I)

    def _build(self, ids_IM: np.ndarray, order_I: np.ndarray) -> None:
        n_items = len(order_I)
        node_I = np.zeros(n_items, np.int64)  # the node each item passes at this depth
        self.items_ptr = [torch.tensor([0, n_items], dtype=torch.int32)]  # depth -> first item below each node
        self.child_ptr: list[torch.Tensor] = []  # depth -> first child of each node
        self.child_key: list[torch.Tensor] = []  # level -> parent * n_codes + code of each node one deeper
        self.dense: list[torch.Tensor | None] = []  # depth -> child (nodes, K), -1 where there is none; None: too large
        for level, n_codes in enumerate(self.n_codes):
            key_I = node_I * n_codes + ids_IM[:, level][order_I]
            first_I = np.concatenate([[True], key_I[1:] != key_I[:-1]])
            starts_P = np.flatnonzero(first_I).astype(np.int32)
            key_P, n_parents = key_I[starts_P], int(node_I[-1]) + 1
            last = level + 1 == len(self.n_codes)
            if last and len(starts_P) < n_items:
                raise ValueError(f"{counted(n_items - len(starts_P), 'item shares', 'items share')} an ID with another item; "
                                 "add a collision level (SemanticIds.from_codes does).")
            ptr = np.searchsorted(key_P, np.arange(n_parents + 1) * n_codes).astype(np.int32)
            # below the last level every node is an item, so that the children begin where the items do
            self.child_ptr.append(self.items_ptr[level] if last else torch.from_numpy(ptr))
            self.child_key.append(torch.from_numpy(key_P))
            self.dense.append(_dense(key_P, n_parents, n_codes) if level < DENSE_LEVELS else None)
            if not last:
                self.items_ptr.append(torch.from_numpy(np.append(starts_P, np.int32(n_items))))
                node_I = np.cumsum(first_I) - 1

    @property
    def nbytes(self) -> int:
        """Bytes of all tables."""
        tables = {id(table): table.nbytes for table in (self.order_I, *self.items_ptr, *self.child_ptr, *self.child_key,
                                                        *(table for table in self.dense if table is not None))}
        return sum(tables.values())

    @property
    def n_items(self) -> int:
        """Items that have an ID."""
        return len(self.order_I)

    @property
    def n_levels(self) -> int:
        return len(self.n_codes)

    def n_nodes(self, depth: int) -> int:
        """How many prefixes of this length the catalogue has; 1 at depth 0."""
        return len(self.items_ptr[depth]) - 1 if depth < self.n_levels else self.n_items

    def code(self, level: int, node_N: torch.Tensor) -> torch.Tensor:
        """The last code of prefixes of ``level + 1`` codes, int64."""
        return self.child_key[level].to(node_N.device)[node_N] % self.n_codes[level]

    def parent(self, level: int, node_N: torch.Tensor) -> torch.Tensor:
        """The prefix of ``level`` codes that prefixes of ``level + 1`` codes begin with, int64."""
        return self.child_key[level].to(node_N.device)[node_N] // self.n_codes[level]

    def children(self, depth: int, node_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first child of each node, and how many there are, int64; children are numbered in a row."""
        ptr = self.child_ptr[depth].to(node_N.device)
        start_N = ptr[node_N].long()
        return start_N, ptr[node_N + 1].long() - start_N

    def items_of(self, depth: int, node_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The first place in ``order_I`` of the items below each node, and how many there are, int64."""
        if depth == self.n_levels:
            return node_N, torch.ones_like(node_N)
        ptr = self.items_ptr[depth]
        start_N = ptr[node_N].long()
        return start_N, ptr[node_N + 1].long() - start_N

    def node_of_leaf(self, depth: int, leaf_N: torch.Tensor) -> torch.Tensor:
        """The prefix of this depth that nodes of the last depth lie below."""
        if depth == self.n_levels:
            return leaf_N
        return torch.searchsorted(self.items_ptr[depth], leaf_N.int(), right=True) - 1

    def mask(self, depth: int, node_N: torch.Tensor) -> torch.Tensor:
        """Which codes may follow (N, K) bool; a node of -1 (outside the catalogue) allows none."""
        node_N = node_N.reshape(-1)
        safe_N, table = node_N.clamp(min=0), self.dense[depth]
        if table is not None:
            return (table[safe_N] >= 0) & (node_N >= 0)[:, None]
        start_N, count_N = self.children(depth, safe_N)
        count_N = count_N.masked_fill(node_N < 0, 0)
        row_X = torch.repeat_interleave(torch.arange(len(node_N)), count_N)
        within_X = torch.arange(len(row_X)) - (count_N.cumsum(0) - count_N)[row_X]
        mask_NK = torch.zeros(len(node_N), self.n_codes[depth], dtype=torch.bool)
        mask_NK[row_X, self.code(depth, start_N[row_X] + within_X)] = True
        return mask_NK

    def child(self, depth: int, node_N: torch.Tensor, code_N: torch.Tensor) -> torch.Tensor:
        """The node one level deeper, in the shape of ``node_N``; -1 where no item has such a prefix."""
        table = self.dense[depth]
        if table is not None:
            return table[node_N.clamp(min=0), code_N.clamp(min=0)].long().masked_fill((node_N < 0) | (code_N < 0), -1)
        keys = self.child_key[depth]
        wanted_N = node_N * self.n_codes[depth] + code_N
        at_N = torch.searchsorted(keys, wanted_N).clamp(max=len(keys) - 1)
        return at_N.masked_fill((node_N < 0) | (code_N < 0) | (keys[at_N] != wanted_N), -1)

    def n_items_below(self, depth: int, node_N: torch.Tensor) -> torch.Tensor:
        """Items that start with each prefix; 0 for -1."""
        return self.items_of(depth, node_N.clamp(min=0))[1].masked_fill(node_N < 0, 0)

    def item(self, leaf_N: torch.Tensor) -> torch.Tensor:
        """Item numbers of nodes of the last depth; -1 stays -1."""
        return self.order_I[leaf_N.clamp(min=0)].long().masked_fill(leaf_N < 0, -1)

    @cached_property
    def leaf_of_item(self) -> torch.Tensor:
        """The node of the last depth of every item of the catalogue (I,) int32; -1 for items without an ID."""
        leaf_I = torch.full((self.n_catalogue,), -1, dtype=torch.int32)
        leaf_I[self.order_I.long()] = torch.arange(self.n_items, dtype=torch.int32)
        return leaf_I

    def ids_of(self, item_N: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The codes (..., M) of some items, and which of them have an ID; codes of -1 and of items without one are any."""
        node_N = self.leaf_of_item[item_N.clamp(min=0)].long().masked_fill(item_N < 0, -1)
        has_id_N, node_N, codes = node_N >= 0, node_N.clamp(min=0), []
        for level in reversed(range(self.n_levels)):
            codes.append(self.code(level, node_N))
            node_N = self.parent(level, node_N)
        return torch.stack(codes[::-1], -1), has_id_N

    def find(self, prefix: tuple[int, ...]) -> int:
        """The node of a prefix, or -1."""
        node = torch.tensor([0])
        for depth, code in enumerate(prefix):
            if not 0 <= code < self.n_codes[depth]:
                return -1
            node = self.child(depth, node, torch.tensor([code]))
        return int(node)


def _sorted_rows(ids_IM: np.ndarray, n_codes: list[int]) -> np.ndarray:
    """The order of the rows by their codes: each row as one number, or several where one would not hold it."""
    keys, key_I, room = [], np.zeros(len(ids_IM), np.int64), 1
    for level, n in enumerate(n_codes):
        if room * n >= 2**63:
            keys.append(key_I)
            key_I, room = np.zeros(len(ids_IM), np.int64), 1
        key_I = key_I * n + ids_IM[:, level]
        room *= n
    return np.lexsort([key_I, *keys[::-1]]) if keys else np.argsort(key_I)


def _dense(key_P: np.ndarray, n_parents: int, n_codes: int) -> torch.Tensor | None:
    """Every parent's children (nodes, K) int32, -1 where there is none; None where that would be large."""
    if n_parents * n_codes > DENSE_CELLS:
        return None
    table = np.full(n_parents * n_codes, -1, np.int32)
    table[key_P] = np.arange(len(key_P))
    return torch.from_numpy(table.reshape(n_parents, n_codes))
