"""What a catalogue holds, small enough to keep beside everything that was learned from it, and how it changed since.

Item ids, vectors and histories are told apart, because they matter to different readers: codes follow an item by its id,
a quantizer needs the vectors that it learned, and a score needs the histories whose last items were held out.
"""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from tiger.core.words import counted

if TYPE_CHECKING:
    from tiger.datasets.catalogue import Catalogue

FORMAT = "tiger-data"
N_PROBES = 2  # fixed directions along which every vector is measured
TOLERANCE = 1e-3  # of a vector's length: text vectors of shuffled rows differ by rounding, about 1e-6
BATCH = 65_536


@dataclass(frozen=True)
class Fingerprint:
    """What tells two catalogues apart.

    Args:
        item_I: (I,) uint64, a hash of each item's id.
        probe_I3: (I, N_PROBES + 1) float32, each vector along fixed random directions, and its length.
        width: numbers of a vector.
        histories: hex digits of all users' histories, in whatever order users and items come.
    """

    item_I: np.ndarray
    probe_I3: np.ndarray
    width: int
    histories: str

    @classmethod
    def of(cls, cat: "Catalogue") -> Self:
        """The fingerprint of a catalogue; about 50 ms for 12,000 items with vectors of 768 numbers."""
        item_I = _hashes(cat.items["item_id"].astype(str).tolist())
        return cls(item_I, _probes(cat.embedding_IE), cat.embedding_IE.shape[1], _histories(cat, item_I))

    @cached_property
    def digest(self) -> str:
        """Sixteen hex digits that are equal for equal catalogues in the same order."""
        parts = (self.item_I.tobytes(), self.probe_I3.tobytes(), str(self.width).encode(), self.histories.encode())
        return hashlib.blake2b(b"|".join(parts), digest_size=8).hexdigest()

    def tensors(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """As a safetensors file holds it: tensors, and text beside them."""
        about = {"format": FORMAT, "width": json.dumps(self.width), "histories": self.histories}
        return {"item": self.item_I.view(np.int64), "probe": np.ascontiguousarray(self.probe_I3)}, about

    @classmethod
    def from_tensors(cls, tensors: dict[str, np.ndarray], about: dict[str, str]) -> Self:
        """Take back what ``tensors`` gave. Raises ValueError where the parts do not fit together."""
        item_I, probe_I3 = tensors.get("item"), tensors.get("probe")
        if (item_I is None or probe_I3 is None or item_I.ndim != 1 or item_I.dtype != np.int64
                or probe_I3.shape != (len(item_I), N_PROBES + 1) or not about.get("width", "").isdigit()):
            raise ValueError("it is no fingerprint of a dataset.")
        return cls(item_I.view(np.uint64), probe_I3, int(about["width"]), about.get("histories", ""))

    def changes_to(self, now: "Fingerprint") -> "Changes":
        """What changed from this catalogue to the one of today."""
        old_order, new_order = np.argsort(self.item_I, kind="stable"), np.argsort(now.item_I, kind="stable")
        same_set = len(self.item_I) == len(now.item_I) and np.array_equal(self.item_I[old_order], now.item_I[new_order])
        n_gone = int((~np.isin(self.item_I, now.item_I)).sum())
        n_new = int((~np.isin(now.item_I, self.item_I)).sum())
        was_I: np.ndarray | None = None
        n_vectors = 0
        if same_set:
            was_I = np.empty(len(new_order), np.int64)
            was_I[new_order] = old_order
            n_vectors = self._n_other_vectors(now, was_I)
            if np.array_equal(self.item_I, now.item_I):
                was_I = None
        return Changes(same_set, was_I, n_new, n_gone, n_vectors, len(now.item_I), self.histories != now.histories)

    def _n_other_vectors(self, now: "Fingerprint", was_I: np.ndarray) -> int:
        """How many items have another vector than before."""
        if self.width != now.width:
            return len(was_I)
        before_I3 = self.probe_I3[was_I].astype(np.float64)
        limit_I = TOLERANCE * np.maximum(before_I3[:, -1], now.probe_I3[:, -1])
        apart_I = np.abs(before_I3 - now.probe_I3).max(axis=1)
        return int((~(apart_I <= limit_I) & ~(np.isnan(before_I3) & np.isnan(now.probe_I3)).any(axis=1)).sum())


@dataclass(frozen=True)
class Changes:
    """What changed in a dataset since something was made from it.

    Args:
        same_items: the same item ids are there, in whatever order.
        was_I: number that each item of today had then; None where the order is the same, or the items are not.
        n_new, n_gone: items of today that were not there then, and the other way round.
        n_vectors: items whose vector is another one; 0 where the items are not the same.
        n_items: items of today.
        histories: whether histories changed.
    """

    same_items: bool
    was_I: np.ndarray | None
    n_new: int
    n_gone: int
    n_vectors: int
    n_items: int
    histories: bool

    @property
    def any(self) -> bool:
        """Whether anything changed, the order of the items included."""
        return not self.same_items or self.was_I is not None or bool(self.n_vectors) or self.histories

    def summary(self, histories: bool = True) -> str:
        """What changed, as the end of a sentence; "" where nothing did.

        Args:
            histories: name changed histories, too.
        """
        said = []
        if not self.same_items:
            said += [f"{self.n_new:,} item{'s are' if self.n_new > 1 else ' is'} new"] * bool(self.n_new)
            said += [f"{self.n_gone:,} item{'s are' if self.n_gone > 1 else ' is'} gone"] * bool(self.n_gone)
            said = said or ["items occur another number of times"]
        if self.n_vectors:
            have = "have" if self.n_vectors > 1 else "has"
            said.append(f"{self.n_vectors:,} of {counted(self.n_items, 'item')} {have} another embedding")
        if self.histories and histories:
            said.append("the histories differ")
        if self.was_I is not None:
            said.append("the items are in another order")
        return ", ".join(said)


def _hashes(names: list[str]) -> np.ndarray:
    """A 64-bit hash of each text: two of a million different ones are equal with probability 3e-8."""
    joined = b"".join(hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest() for name in names)
    return np.frombuffer(joined, "<u8").astype(np.uint64)


def _probes(emb_IE: np.ndarray) -> np.ndarray:
    """Each vector along fixed random directions of length 1, and its length."""
    direction_EP = np.random.default_rng(2305).normal(size=(emb_IE.shape[1], N_PROBES))
    direction_EP /= np.linalg.norm(direction_EP, axis=0, keepdims=True)
    found = np.empty((len(emb_IE), N_PROBES + 1), np.float32)
    for start in range(0, len(emb_IE), BATCH):
        part = np.asarray(emb_IE[start:start + BATCH], np.float64)
        found[start:start + BATCH, :N_PROBES] = part @ direction_EP
        found[start:start + BATCH, N_PROBES] = np.linalg.norm(part, axis=1)
    return found


def _histories(cat: "Catalogue", item_I: np.ndarray) -> str:
    """Hex digits of the histories as item ids, users in the order of their ids' hashes."""
    user_U, length_U = _hashes([str(user) for user in cat.user_ids]), np.diff(cat.indptr_U1)
    order_U = np.argsort(user_U, kind="stable")
    starts_U, length_U = cat.indptr_U1[:-1][order_U], length_U[order_U]
    ends_U = np.cumsum(length_U)
    at_N = np.arange(int(length_U.sum())) + np.repeat(starts_U - (ends_U - length_U), length_U)
    made = hashlib.blake2b(digest_size=8)
    for part in (user_U[order_U], length_U.astype(np.int64), item_I[cat.history_items[at_N]]):
        made.update(np.ascontiguousarray(part).tobytes())
    return made.hexdigest()
