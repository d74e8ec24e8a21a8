"""Which item each ID of a file belongs to: by number, by item id, or by order of first appearance.

A file that counts its items 0, 1, 2 .. does not say whose numbering it is. The codes tell: only with the right
one do items with similar embeddings share codes, so each numbering is tried on a sample of true neighbours.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core.sampling import even_sample
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids.raw import RawIds

ALIGNMENTS = {
    "number": "item number, from 0",
    "item_id": "item id",
    "first_appearance": "order of first appearance in the interactions (as LC-Rec and LETTER number items)",
    "number_1": "item number, from 1",
    "first_appearance_1": "order of first appearance in the interactions, from 1",
}
POOL, QUERIES, NEIGHBOURS = 20_000, 300, 10
FEWEST = 100  # matched items below which codes are no evidence
CLEAR = 0.02  # recall above chance that no wrong numbering reaches


@dataclass(frozen=True)
class Fit:
    """How well one way of matching fits.

    Args:
        align: key of ``ALIGNMENTS``.
        n_matched: items of the catalogue that get an ID.
        n_gaps: items of the catalogue that get none.
        n_strangers: IDs whose item the catalogue does not have.
        recall: share of the true neighbours (10 by cosine, of 300 items) with the same first codes, at the depth
            where it is farthest above chance; nan with too few items.
        by_chance: what branches of that size hold by chance.
        also: other ways that match every ID to the same item.
        by_name: the file names its items by ids that are no plain numbers, so that no numbering is guessed.
    """

    align: str
    n_matched: int
    n_gaps: int
    n_strangers: int
    recall: float = float("nan")
    by_chance: float = float("nan")
    also: tuple[str, ...] = ()
    by_name: bool = False

    @property
    def gain(self) -> float:
        """Recall above chance; 0 where it is unknown."""
        return max(self.recall - self.by_chance, 0.0) if np.isfinite(self.recall) else 0.0

    def beats(self, other: "Fit") -> bool:
        """Whether the codes say clearly that this numbering is the right one of the two."""
        return self.gain > CLEAR and self.gain > 2 * other.gain


def first_appearance(catalogue: Catalogue) -> np.ndarray:
    """Item numbers of a catalogue in order of first appearance when users are read one after another."""
    item_N, first_N = np.unique(catalogue.history_items, return_index=True)
    return item_N[np.argsort(first_N, kind="stable")]


def item_numbers(name: str, raw: RawIds, catalogue: Catalogue | None, align: str) -> np.ndarray:
    """The catalogue's item number of each row; negative or beyond the last item for strangers.

    Raises:
        ValueError: an unknown way of matching, or one that this file or catalogue does not allow.
    """
    if align not in ALIGNMENTS:
        raise ValueError(f"align is {align!r}, but must be one of {', '.join(ALIGNMENTS)}.")
    if align == "item_id":
        if catalogue is None or raw.keys is None:
            lacking = "a catalogue" if catalogue is None else "a column item_id"
            raise ValueError(f"'{name}' cannot be matched by item id without {lacking}; match by item number.")
        known = pd.Index(catalogue.items["item_id"].astype(str))
        return known.get_indexer(pd.Index(raw.keys)).astype(np.int64)
    number_N = _numbers(raw) - align.endswith("_1")
    if align.startswith("number"):
        if catalogue is None:
            _refuse_far(name, raw, number_N)
        return number_N
    if catalogue is None:
        raise ValueError(f"'{align}' needs the catalogue whose interactions number the items; load it first.")
    order_N = first_appearance(catalogue)
    inside_N = (number_N >= 0) & (number_N < len(order_N))
    found = np.full(len(number_N), -1, np.int64)
    found[inside_N] = order_N[number_N[inside_N]]
    return found


def fits(name: str, raw: RawIds, catalogue: Catalogue) -> list[Fit]:
    """Every way of matching that gives at least one item an ID, the best first.

    The keys decide where they can (item ids that are no plain numbers); between numberings the codes decide, and
    where they tell nothing, plain item numbers come before the order of first appearance.
    """
    probe = _Probe(catalogue)
    has_id_N = (raw.codes_NL >= 0).all(axis=1)
    from_1 = bool(has_id_N.any()) and (_numbers(raw)[has_id_N].min() >= 1 or len(raw.codes_NL) == catalogue.n_items + 1)
    numbers: dict[str, np.ndarray] = {}
    twins: dict[str, tuple[str, ...]] = {}
    for align in ALIGNMENTS:
        if (align == "item_id" and raw.keys is None) or (align.endswith("_1") and not from_1):
            continue
        number_N = item_numbers(name, raw, catalogue, align)[has_id_N]
        number_N = np.where(number_N < catalogue.n_items, number_N, -1)
        twin = next((one for one, other_N in numbers.items() if np.array_equal(other_N, number_N)), None)
        if twin is not None:
            twins[twin] = (*twins.get(twin, ()), align)
        elif (number_N >= 0).any():
            numbers[align] = number_N
    named = raw.keys is not None and not all(map(str.isdecimal, raw.keys))
    found = [_fit(number_N, raw.codes_NL[has_id_N], probe, align=align, also=twins.get(align, ()),
                  by_name=named and align == "item_id") for align, number_N in numbers.items()]
    return sorted(found, key=lambda fit: _order(fit, found, raw))


def _fit(number_N: np.ndarray, codes_NL: np.ndarray, probe: "_Probe", align: str, also: tuple[str, ...],
         by_name: bool) -> Fit:
    inside_N = number_N >= 0
    n_matched = len(np.unique(number_N[inside_N]))
    evidence = probe.recall(number_N[inside_N], codes_NL[inside_N]) if n_matched >= FEWEST else (float("nan"),) * 2
    return Fit(align, n_matched, probe.n_items - n_matched, int((~inside_N).sum()), *evidence, also, by_name)


def _order(fit: Fit, found: list[Fit], raw: RawIds) -> tuple:
    """Sort key: ids where the keys are ids; clear evidence; more matched items; some evidence; the plainer way."""
    clear = fit.gain > CLEAR and all(fit.beats(other) for other in found if other is not fit)
    by_id = fit.align == "item_id" and raw.key_kind != "number"
    gain = fit.gain if fit.gain > CLEAR else 0.0
    return not by_id, not clear, -fit.n_matched, -gain, list(ALIGNMENTS).index(fit.align)


class _Probe:
    """True neighbours among a sample of a catalogue's items, looked up once."""

    def __init__(self, catalogue: Catalogue):
        self.pool_N = even_sample(catalogue.n_items, POOL)
        emb_NE = catalogue.embedding_IE[self.pool_N]
        self.query_N = even_sample(len(emb_NE), QUERIES)
        self.near_Nk, _ = metrics.nearest(emb_NE, self.query_N, NEIGHBOURS)
        self.n_items = catalogue.n_items

    def recall(self, number_N: np.ndarray, codes_NL: np.ndarray) -> tuple[float, float]:
        """Recall and chance at the depth where the gap between them is widest."""
        codes_IL = np.full((self.n_items, codes_NL.shape[1]), -1, np.int64)
        codes_IL[number_N] = codes_NL
        levels = metrics.neighbour_recall(codes_IL[self.pool_N], self.query_N, self.near_Nk)
        known = [level for level in levels if np.isfinite(level.recall.mean)]
        if not known:
            return float("nan"), float("nan")
        best = max(known, key=lambda level: level.recall.mean - level.by_chance)
        return best.recall.mean, best.by_chance


def _numbers(raw: RawIds) -> np.ndarray:
    """The item number that each row says; the row's own where it says none."""
    return np.arange(len(raw.codes_NL)) if raw.keys is None else _as_numbers(raw.keys)


def _refuse_far(name: str, raw: RawIds, number_N: np.ndarray) -> None:
    """Without a catalogue, numbers must be numbers and not run far beyond the IDs."""
    if raw.keys is not None and number_N.max(initial=-1) < 0:
        raise ValueError(f"'{name}' names items by id ('{str(raw.keys[0])[:40]}' ..), so it needs the catalogue that they "
                         "belong to; load it first.")
    if number_N.max(initial=-1) >= 4 * len(number_N) + 1000:
        raise ValueError(f"'{name}' counts items up to {number_N.max():,} but holds "
                         f"{counted(len(number_N), 'ID')}; load the catalogue they belong to first, and match by item id.")


def _as_numbers(keys: np.ndarray) -> np.ndarray:
    """Keys as item numbers; -1 for what is none."""
    number = pd.to_numeric(pd.Series(keys), errors="coerce").to_numpy(np.float64)
    good_N = np.isfinite(number) & (number >= 0) & (number == np.floor(number)) & (number < 2**53)
    return np.where(good_N, number, -1).astype(np.int64)
