"""SemanticIds: every item's codes, made unique, with the lookups that a decoder and a page need."""

import json
import operator
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from safetensors.numpy import save

from tiger import metrics
from tiger.core import files
from tiger.core.words import counted

FORMAT = "tiger-semantic-ids"


class SemanticIds:
    """The semantic IDs of a catalogue.

    Where items share all their codes the paper appends one more level that counts them 0, 1, 2.. in item
    order; items that share with nobody carry 0 there. Here that level exists only where a collision needs
    it, unless ``from_codes`` is told otherwise.

    Args:
        ids_IM: int64; with the collision level, if there is one. A row of -1: the item has no ID.
        n_codes: codes to choose from at each of the M levels.
        n_levels: L, the levels that the quantizer made; M is L or L + 1.

    Source: Rajput et al. 2023, section 3.1 "Handling Collisions".
    """

    def __init__(self, ids_IM: np.ndarray, n_codes: Sequence[int], n_levels: int):
        self.ids_IM = np.ascontiguousarray(ids_IM, dtype=np.int64)
        self.n_codes = [int(size) for size in n_codes]
        self.n_levels = int(n_levels)
        _check(self.ids_IM, self.n_codes)
        if self.n_levels not in (len(self.n_codes), len(self.n_codes) - 1):
            raise ValueError(f"n_levels is {self.n_levels}, but the IDs have {counted(len(self.n_codes), 'level')}; "
                             "at most one may be a collision level.")
        n_ids, unique = self.n_ids, int(self._prefix_numbers[1][-1])
        if unique != n_ids:
            raise ValueError(f"only {unique} of {counted(n_ids, 'ID')} differ; "
                             "make them unique with SemanticIds.from_codes.")

    @classmethod
    def from_codes(cls, codes_IL: np.ndarray, n_codes: int | Sequence[int],
                   collision_level: bool | None = None) -> "SemanticIds":
        """Make codes unique.

        Args:
            codes_IL: integers 0..K-1; rows of -1 have no ID.
            n_codes: K, or one K per level.
            collision_level: True appends the extra level always (as the paper does), False never,
                None only where two items share all their codes.

        Raises:
            ValueError: wrong shape, a code out of range, or items collide and the level is forbidden.
        """
        codes_IL = np.asarray(codes_IL)
        if codes_IL.ndim != 2 or codes_IL.shape[1] == 0:
            raise ValueError(f"codes have shape {codes_IL.shape}, but must be (items, levels).")
        try:
            given = [n_codes] * codes_IL.shape[1] if np.ndim(n_codes) == 0 else n_codes
            sizes = [operator.index(size) for size in given]  # type: ignore
        except TypeError:
            raise ValueError(f"n_codes is {n_codes!r}, but must be a whole number, or one for each level.") from None
        _check(codes_IL, sizes)
        place_I = collision_places(codes_IL)
        n_places = max(int(place_I.max(initial=0)) + 1, 1)
        if collision_level is False and n_places > 1:
            raise ValueError(f"{counted(n_places, 'item')} share one ID; "
                             "allow the collision level (collision_level=None).")
        if not collision_level and n_places == 1:
            return cls(codes_IL, sizes, codes_IL.shape[1])
        return cls(np.column_stack([codes_IL, place_I]), [*sizes, n_places], codes_IL.shape[1])

    def __len__(self) -> int:
        return len(self.ids_IM)

    def __repr__(self) -> str:
        extra = ", the last for collisions" if self.has_collision_level else ""
        return f"SemanticIds({counted(len(self), 'item')}, codes per level {self.n_codes}{extra})"

    @property
    def codes_IL(self) -> np.ndarray:
        """The codes without the collision level."""
        return self.ids_IM[:, :self.n_levels]

    @property
    def has_collision_level(self) -> bool:
        return len(self.n_codes) > self.n_levels

    @cached_property
    def has_id_I(self) -> np.ndarray:
        """True for the items that have an ID."""
        return metrics.has_id(self.ids_IM)

    @cached_property
    def n_ids(self) -> int:
        return int(self.has_id_I.sum())

    @property
    def offsets_M(self) -> np.ndarray:
        """What turns codes of each level into tokens: token = code + offset."""
        return np.concatenate([[0], np.cumsum(self.n_codes)[:-1]]).astype(np.int64)

    @property
    def n_tokens(self) -> int:
        """Different tokens over all levels."""
        return sum(self.n_codes)

    @property
    def tokens_IM(self) -> np.ndarray:
        """IDs as decoder tokens: codes shifted so that no two levels share a token; -1 without an ID."""
        return np.where(self.has_id_I[:, None], self.ids_IM + self.offsets_M, -1)

    @cached_property
    def _prefix_numbers(self) -> tuple[np.ndarray, np.ndarray]:
        return metrics.prefix_numbers(self.ids_IM)

    @cached_property
    def _tree_order(self) -> tuple[np.ndarray, np.ndarray]:
        """Item numbers in lexicographic order of their IDs, and those IDs."""
        item_N = np.flatnonzero(self.has_id_I)
        order_N = item_N[np.argsort(self._prefix_numbers[0][item_N, -1], kind="stable")]
        return order_N, self.ids_IM[order_N]

    def prefix_items(self, prefix: Sequence[int]) -> np.ndarray:
        """Item numbers below a prefix, in lexicographic order of their IDs; all for the empty prefix.

        Raises:
            ValueError: the prefix is longer than an ID.
        """
        if len(prefix) > len(self.n_codes):
            raise ValueError(f"the prefix has {counted(len(prefix), 'code')}, but IDs have {len(self.n_codes)}.")
        order_N, ids_NM = self._tree_order
        low, high = 0, len(order_N)
        for level, code in enumerate(prefix):
            column = ids_NM[low:high, level]
            low, high = (low + int(np.searchsorted(column, code, "left")),
                         low + int(np.searchsorted(column, code, "right")))
        return order_N[low:high]

    def item_of(self, semantic_id: Sequence[int]) -> int | None:
        """The item with exactly this ID, or None.

        Raises:
            ValueError: it has another number of codes than the IDs.
        """
        if len(semantic_id) != len(self.n_codes):
            raise ValueError(f"{tuple(semantic_id)} has {counted(len(semantic_id), 'code')}, but IDs have "
                             f"{len(self.n_codes)}; use prefix_items for a prefix.")
        items = self.prefix_items(semantic_id)
        return int(items[0]) if len(items) else None

    def text(self, item: int) -> str:
        """The ID as people write it: ``12-3-200``, or ``none``."""
        return "-".join(map(str, self.ids_IM[item])) if self.has_id_I[item] else "none"

    def save(self, path: Path | str) -> Path:
        """Write ``.safetensors`` or ``.json``, by suffix, whole or not at all. Returns the path."""
        path = Path(path)
        about = {"format": FORMAT, "n_codes": self.n_codes, "n_levels": self.n_levels}
        if path.suffix == ".safetensors":
            metadata = {key: json.dumps(value) for key, value in about.items()}
            files.write(path, save({"ids": self.ids_IM.astype(np.int32)}, metadata=metadata))
        elif path.suffix == ".json":
            files.write_json(path, {**about, "ids": self.ids_IM.tolist()})
        else:
            raise ValueError(f"'{path.name}' ends in '{path.suffix}', "
                             "but IDs are saved as .safetensors or .json.")
        return path

    @classmethod
    def load(cls, path: Path | str) -> "SemanticIds":
        """Read what ``save`` wrote, or any other file that ``import_ids`` reads, such as ``index.json``."""
        from tiger.semantic_ids.imports import import_ids

        return import_ids(path).ids


def collision_places(codes_IL: np.ndarray) -> np.ndarray:
    """Place of each item among those with the same codes, 0.. in item order; -1 without an ID."""
    prefix_I = metrics.prefix_numbers(codes_IL)[0][:, -1]
    order_I = np.argsort(prefix_I, kind="stable")
    grouped_I = prefix_I[order_I]
    first_I = np.searchsorted(grouped_I, grouped_I, "left")
    place_I = np.empty(len(prefix_I), np.int64)
    place_I[order_I] = np.arange(len(prefix_I)) - first_I
    place_I[prefix_I < 0] = -1
    return place_I


def _check(codes_IM: np.ndarray, sizes: Sequence[int]) -> None:
    """One clear sentence about codes that are no whole numbers, half missing or out of range."""
    if codes_IM.dtype.kind not in "iu":
        raise ValueError(f"codes are of type {codes_IM.dtype}, but must be whole numbers.")
    if len(sizes) != codes_IM.shape[1]:
        raise ValueError(f"n_codes lists {counted(len(sizes), 'level')}, but the codes have {codes_IM.shape[1]}.")
    without_I = (codes_IM < 0).any(axis=1)
    if without_I.any():
        torn_N = np.flatnonzero(without_I)[(codes_IM[without_I] != -1).any(axis=1)]
        if len(torn_N):
            row = torn_N[0]
            raise ValueError(f"item {row} has codes {codes_IM[row].tolist()}, but codes start at 0; "
                             "write a whole row of -1 for an item without an ID.")
    for level, size in enumerate(sizes):
        item = int(codes_IM[:, level].argmax()) if len(codes_IM) else 0
        if len(codes_IM) and codes_IM[item, level] >= size:
            raise ValueError(f"item {item} has code {codes_IM[item, level]} at level {level + 1}, "
                             f"but codes there run from 0 to {size - 1}; raise n_codes or correct the codes.")
