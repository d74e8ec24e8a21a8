"""All measures of two ID sets of the same items, their paired differences, and how many IDs changed between them."""

import itertools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tiger import metrics
from tiger.analysis import tree
from tiger.analysis.opinion import influence
from tiger.analysis.opinion.bootstrap import Drawn, draw
from tiger.analysis.opinion.influence import Score
from tiger.core.sampling import even_sample
from tiger.core.words import counted, there
from tiger.metrics import Interval

ROUNDS, N_QUERIES, N_NEIGHBOURS, N_SHUFFLES = 2000, 2000, 10, 5
MEASURES = {  # key: (title, better: +1 higher, -1 lower, 0 neither)
    "collisions": ("Collision rate", -1), "utilisation": ("Codebook utilisation", 1),
    "neighbours": ("Neighbour recall above chance", 1), "purity": ("Purity above chance", 1)}


@dataclass(frozen=True)
class Measure:
    """One number of both sets.

    Args:
        key: of ``MEASURES``.
        level_a, level_b: how many codes count, from 1; 0: the whole ID, or the mean of the levels.
        a, b: with 95 % intervals.
        difference: b - a, paired.
        chance_a, chance_b: what was subtracted as chance; nan where nothing was.
        space: whose embeddings the neighbours are of; "" elsewhere.
        comparable: whether prefixes of both have as many possible values; of smaller branches fewer neighbours are on the same
            one, and they are purer.
    """

    key: str
    level_a: int
    level_b: int
    a: Interval
    b: Interval
    difference: Interval
    chance_a: float = float("nan")
    chance_b: float = float("nan")
    space: str = ""
    comparable: bool = True


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

    def headlines(self) -> list[Measure]:
        """What a verdict rests on: of each measure the first, that is, of the whole ID, of the mean of the levels, or of the
        shortest prefixes that can be compared; of neighbours in each space."""
        first = {(one.key, one.space): one for one in reversed(self.measures)}
        return [one for one in self.measures if one is first[one.key, one.space]]


@dataclass(frozen=True)
class _Pair:
    """A number of both sets before intervals are known."""

    key: str
    levels: tuple[int, int]
    a: Score
    b: Score
    chance_a: float = float("nan")
    chance_b: float = float("nan")
    space: str = ""
    comparable: bool = True


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
        raise ValueError(f"one set has {counted(n, 'item')} and the other {len(codes_b_IL)}; compare IDs of the same items.")
    if n < 10:
        raise ValueError(f"{there(n, 'item')} with an ID in both sets, but at least 10 are needed to compare them.")
    if not (metrics.has_id(codes_a_IL) & metrics.has_id(codes_b_IL)).all():
        raise ValueError("an item has no ID in one of the sets; leave it out of both.")
    pairs = [_Pair("collisions", (0, 0), influence.collision_rate(codes_a_IL), influence.collision_rate(codes_b_IL))]
    pairs += _utilisation(codes_a_IL, codes_b_IL, n_codes_a, n_codes_b)
    depths, query_N = depth_pairs(n_codes_a, n_codes_b), even_sample(n, N_QUERIES)
    for name, emb_IE in spaces.items():
        near_NK = metrics.nearest(emb_IE, query_N, N_NEIGHBOURS)[0]
        pairs += _neighbours(codes_a_IL, codes_b_IL, query_N, near_NK, name, depths)
    label_I = np.full(n, -1) if labels is None else metrics.label_numbers(np.asarray(labels))
    if (label_I >= 0).any():
        pairs += _purity(codes_a_IL, codes_b_IL, label_I, seed, depths)
    matching = tree.match(codes_a_IL, codes_b_IL)
    changes = _churn(codes_a_IL, codes_b_IL, matching)
    scores = [score for pair in pairs for score in (pair.a, pair.b, pair.b - pair.a)]
    drawn = draw([*scores, *(score for row in changes for score in row)], rounds, seed)
    measures = tuple(_measure(pair, drawn, 3 * at) for at, pair in enumerate(pairs))
    chance = tree.match_summary(codes_a_IL, codes_b_IL, matching, seed)["chance_share"].tolist()
    churn = tuple(_churned(drawn, len(scores) + 3 * at, at + 1, 1 - chance[at]) for at in range(len(changes)))
    return Opinion(n, measures, churn, len(query_N), rounds, seed)


def _measure(pair: _Pair, drawn: Drawn, first: int) -> Measure:
    low = -1.0 if pair.chance_a == pair.chance_a else 0.0
    return Measure(pair.key, *pair.levels, drawn.interval(first, low, 1.0), drawn.interval(first + 1, low, 1.0),
                   drawn.interval(first + 2), pair.chance_a, pair.chance_b, pair.space, pair.comparable)


def _churned(drawn: Drawn, first: int, level: int, chance: float) -> Churn:
    return Churn(level, drawn.interval(first, 0.0, 1.0), drawn.interval(first + 1, 0.0, 1.0), chance,
                 drawn.interval(first + 2, -1.0, 1.0))


def _utilisation(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, n_codes_a: Sequence[int],
                 n_codes_b: Sequence[int]) -> list[_Pair]:
    """The mean of the levels, and every level that both sets have."""
    a, b = ([influence.utilisation(codes_IL[:, level], size) for level, size in enumerate(sizes)]
            for codes_IL, sizes in ((codes_a_IL, n_codes_a), (codes_b_IL, n_codes_b)))
    return [_Pair("utilisation", (0, 0), influence.mean_of(a), influence.mean_of(b)),
            *(_Pair("utilisation", (level, level), one, other) for level, (one, other) in enumerate(zip(a, b, strict=False), 1))]


@dataclass(frozen=True)
class Depths:
    """Prefixes to compare: as many codes of the first set as of the second; and whether both have as many possible values."""

    a: int
    b: int
    comparable: bool = True


def depth_pairs(n_codes_a: Sequence[int], n_codes_b: Sequence[int]) -> list[Depths]:
    """Lengths at which prefixes of both sets have as many possible values, such as two levels of 16 codes and one of 256.

    Where there are none, level 1 of both, which cannot be compared.
    """
    a, b = (list(itertools.accumulate(map(int, sizes), operator.mul)) for sizes in (n_codes_a, n_codes_b))
    found = [Depths(one, other) for one, size in enumerate(a, 1) for other, theirs in enumerate(b, 1) if size == theirs]
    return found or [Depths(1, 1, False)]


def _neighbours(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, query_N: np.ndarray, near_NK: np.ndarray,
                space: str, depths: Sequence[Depths]) -> list[_Pair]:
    """The share of true neighbours with the same prefix, less what chance gives."""
    (recall_a_NL, chance_a_NL), (recall_b_NL, chance_b_NL) = (metrics.neighbour_shares(codes_IL, query_N, near_NK)
                                                              for codes_IL in (codes_a_IL, codes_b_IL))
    n, found = len(codes_a_IL), []
    for at in depths:
        a = influence.share(recall_a_NL[:, at.a - 1] - chance_a_NL[:, at.a - 1], query_N, n)
        b = influence.share(recall_b_NL[:, at.b - 1] - chance_b_NL[:, at.b - 1], query_N, n)
        found.append(_Pair("neighbours", (at.a, at.b), a, b, float(chance_a_NL[:, at.a - 1].mean()),
                           float(chance_b_NL[:, at.b - 1].mean()), space, at.comparable))
    return found


def _purity(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, label_I: np.ndarray, seed: int,
            depths: Sequence[Depths]) -> list[_Pair]:
    prefix_a_IL, prefix_b_IL = (metrics.prefix_numbers(codes_IL)[0] for codes_IL in (codes_a_IL, codes_b_IL))
    found = []
    for at in depths:
        a, null_a = influence.purity_above_chance(prefix_a_IL[:, at.a - 1], label_I, N_SHUFFLES, seed)
        b, null_b = influence.purity_above_chance(prefix_b_IL[:, at.b - 1], label_I, N_SHUFFLES, seed)
        found.append(_Pair("purity", (at.a, at.b), a, b, null_a, null_b, "", at.comparable))
    return found


def _churn(codes_a_IL: np.ndarray, codes_b_IL: np.ndarray, matching: tree.Matching) -> list[tuple[Score, Score, Score]]:
    """Raw churn, churn up to relabelling, and adjusted Rand index at every level that both have."""
    moved_at_I = matching.moved_at_I
    prefix_a_IL, prefix_b_IL = (metrics.prefix_numbers(codes_IL)[0] for codes_IL in (codes_a_IL, codes_b_IL))
    found = []
    for level in range(1, min(codes_a_IL.shape[1], codes_b_IL.shape[1]) + 1):
        raw_I = (codes_a_IL[:, :level] != codes_b_IL[:, :level]).any(1)
        moved_I = (moved_at_I > 0) & (moved_at_I <= level)
        found.append((influence.share(raw_I), influence.share(moved_I),
                      influence.adjusted_rand(prefix_a_IL[:, level - 1], prefix_b_IL[:, level - 1])))
    return found
