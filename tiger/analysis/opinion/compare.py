"""All measures of two ID sets of the same items, their paired differences, and how many IDs changed between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tiger import metrics
from tiger.analysis import tree
from tiger.analysis.opinion import influence
from tiger.analysis.opinion.bootstrap import Drawn, draw
from tiger.analysis.opinion.influence import Score
from tiger.core.sampling import even_sample
from tiger.metrics import Interval

ROUNDS, N_QUERIES, N_NEIGHBOURS, N_SHUFFLES = 2000, 2000, 10, 5
MEASURES = {  # key: (title, better: +1 higher, -1 lower, 0 neither)
    "collisions": ("Collision rate", -1), "utilisation": ("Codebook utilisation", 1),
    "neighbours": ("Neighbour recall above chance", 1), "purity": ("Purity above chance", 1)}
HEADLINES = (("collisions", 0), ("utilisation", 0), ("neighbours", 1), ("purity", 1))
"""The four numbers that a verdict rests on, with their level; 0: the whole ID, or the mean of the levels."""


@dataclass(frozen=True)
class Measure:
    """One number of both sets.

    Args:
        key: of ``MEASURES``.
        level: from 1; 0: the whole ID, or the mean of the levels.
        a, b: with 95 % intervals.
        difference: b - a, paired.
        chance_a, chance_b: what was subtracted as chance; nan where nothing was.
        space: whose embeddings the neighbours are of; "" elsewhere.
    """

    key: str
    level: int
    a: Interval
    b: Interval
    difference: Interval
    chance_a: float = float("nan")
    chance_b: float = float("nan")
    space: str = ""


@dataclass(frozen=True)
class Churn:
    """How far the prefixes of one depth agree.

    Args:
        raw: share of the items whose prefix is another as written.
        relabelled: share of the items that left their branch, once branches are matched so that most items stay.
        chance: the same where the second set's IDs are dealt out at random.
        rand: adjusted Rand index of the two groupings by prefix.
    """

    level: int
    raw: Interval
    relabelled: Interval
    chance: float
    rand: Interval


@dataclass(frozen=True)
class Opinion:
    """Two ID sets of the same items, A and B.

    Args:
        n_items: items with an ID in both, on which everything is measured.
        n_queries: items whose neighbours were looked up.
        rounds, seed: of the bootstrap.
    """

    n_items: int
    measures: tuple[Measure, ...]
    churn: tuple[Churn, ...]
    n_queries: int
    rounds: int
    seed: int

    def find(self, key: str, level: int) -> Measure | None:
        """A measure; of neighbours that of the first space. None where it was not measured."""
        return next((one for one in self.measures if (one.key, one.level) == (key, level)), None)


@dataclass(frozen=True)
class _Pair:
    """A number of both sets before intervals are known."""

    key: str
    level: int
    a: Score
    b: Score
    chance_a: float = float("nan")
    chance_b: float = float("nan")
    space: str = ""


def compare(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, n_codes_a: Sequence[int], n_codes_b: Sequence[int],
            spaces: Mapping[str, np.ndarray], labels: Sequence[str] | np.ndarray | None = None, *, rounds: int = ROUNDS,
            seed: int = 0) -> Opinion:
    """Measure two ID sets of the same items and compare them.

    Args:
        codes_a_IL, codes_b_IL: one row an item, all with an ID.
        n_codes_a, n_codes_b: codes of each level.
        spaces: embeddings (I, E) by name, in which true neighbours are looked up.
        labels: a category an item; empty ones are left out. None: purity is not measured.
        rounds, seed: of the bootstrap over items; the seed also deals out shuffled labels and IDs.

    Raises:
        ValueError: sets of different numbers of items, an item without an ID, or fewer than ten items.
    """
    n = len(codes_a_IL)
    if n != len(codes_b_IL):
        raise ValueError(f"one set has {n} items and the other {len(codes_b_IL)}; compare IDs of the same items.")
    if n < 10:
        raise ValueError(f"there are {n} items with an ID in both sets, but at least 10 are needed to compare them.")
    if not (metrics.has_id(codes_a_IL) & metrics.has_id(codes_b_IL)).all():
        raise ValueError("an item has no ID in one of the sets; leave it out of both.")
    pairs = [_Pair("collisions", 0, influence.collision_rate(codes_a_IL), influence.collision_rate(codes_b_IL))]
    pairs += _utilisation(codes_a_IL, codes_b_IL, n_codes_a, n_codes_b)
    query_N = even_sample(n, N_QUERIES)
    for name, emb_IE in spaces.items():
        near_NK = metrics.nearest(emb_IE, query_N, N_NEIGHBOURS)[0]
        pairs += _neighbours(codes_a_IL, codes_b_IL, query_N, near_NK, name)
    label_I = np.full(n, -1) if labels is None else metrics.label_numbers(np.asarray(labels))
    if (label_I >= 0).any():
        pairs += _purity(codes_a_IL, codes_b_IL, label_I, seed)
    changes = _churn(codes_a_IL, codes_b_IL)
    scores = [score for pair in pairs for score in (pair.a, pair.b, pair.b - pair.a)]
    drawn = draw([*scores, *(score for row in changes for score in row)], rounds, seed)
    measures = tuple(_measure(pair, drawn, 3 * at) for at, pair in enumerate(pairs))
    chance = tree.match_summary(codes_a_IL, codes_b_IL, seed=seed)["chance_share"].tolist()
    churn = tuple(_churned(drawn, len(scores) + 3 * at, at + 1, 1 - chance[at]) for at in range(len(changes)))
    return Opinion(n, measures, churn, len(query_N), rounds, seed)


def _measure(pair: _Pair, drawn: Drawn, first: int) -> Measure:
    low = -1.0 if pair.chance_a == pair.chance_a else 0.0
    return Measure(pair.key, pair.level, drawn.interval(first, low, 1.0), drawn.interval(first + 1, low, 1.0),
                   drawn.interval(first + 2), pair.chance_a, pair.chance_b, pair.space)


def _churned(drawn: Drawn, first: int, level: int, chance: float) -> Churn:
    return Churn(level, drawn.interval(first, 0.0, 1.0), drawn.interval(first + 1, 0.0, 1.0), chance,
                 drawn.interval(first + 2, -1.0, 1.0))


def _utilisation(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, n_codes_a: Sequence[int],
                 n_codes_b: Sequence[int]) -> list[_Pair]:
    """The mean of the levels, and every level that both sets have."""
    a, b = ([influence.utilisation(codes_IL[:, level], size) for level, size in enumerate(sizes)]
            for codes_IL, sizes in ((codes_a_IL, n_codes_a), (codes_b_IL, n_codes_b)))
    return [_Pair("utilisation", 0, influence.mean_of(a), influence.mean_of(b)),
            *(_Pair("utilisation", level, one, other) for level, (one, other) in enumerate(zip(a, b, strict=False), 1))]


def _neighbours(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, query_N: np.ndarray, near_NK: np.ndarray,
                space: str) -> list[_Pair]:
    """At every level that both have, the share of true neighbours with the same prefix, less what chance gives."""
    (recall_a_NL, chance_a_NL), (recall_b_NL, chance_b_NL) = (metrics.neighbour_shares(codes_IL, query_N, near_NK)
                                                              for codes_IL in (codes_a_IL, codes_b_IL))
    n, found = len(codes_a_IL), []
    for level in range(min(recall_a_NL.shape[1], recall_b_NL.shape[1])):
        a, b = (influence.share(recall_NL[:, level] - chance_NL[:, level], query_N, n)
                for recall_NL, chance_NL in ((recall_a_NL, chance_a_NL), (recall_b_NL, chance_b_NL)))
        found.append(_Pair("neighbours", level + 1, a, b, float(chance_a_NL[:, level].mean()),
                           float(chance_b_NL[:, level].mean()), space))
    return found


def _purity(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, label_I: np.ndarray, seed: int) -> list[_Pair]:
    prefix_a_IL, prefix_b_IL = (metrics.prefix_numbers(codes_IL)[0] for codes_IL in (codes_a_IL, codes_b_IL))
    found = []
    for level in range(min(prefix_a_IL.shape[1], prefix_b_IL.shape[1])):
        (a, null_a), (b, null_b) = (influence.purity_above_chance(prefix_IL[:, level], label_I, N_SHUFFLES, seed)
                                    for prefix_IL in (prefix_a_IL, prefix_b_IL))
        found.append(_Pair("purity", level + 1, a, b, null_a, null_b))
    return found


def _churn(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray) -> list[tuple[Score, Score, Score]]:
    """Raw churn, churn up to relabelling, and adjusted Rand index at every level that both have."""
    moved_at_I = tree.match(codes_a_IL, codes_b_IL).moved_at_I
    prefix_a_IL, prefix_b_IL = (metrics.prefix_numbers(codes_IL)[0] for codes_IL in (codes_a_IL, codes_b_IL))
    found = []
    for level in range(1, min(codes_a_IL.shape[1], codes_b_IL.shape[1]) + 1):
        raw_I = (codes_a_IL[:, :level] != codes_b_IL[:, :level]).any(1)
        moved_I = (moved_at_I > 0) & (moved_at_I <= level)
        found.append((influence.share(raw_I), influence.share(moved_I),
                      influence.adjusted_rand(prefix_a_IL[:, level - 1], prefix_b_IL[:, level - 1])))
    return found
