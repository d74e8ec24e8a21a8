"""Costs and benefits of a remedy in numbers: churn, error, collisions, neighbours, history tokens."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tiger import metrics
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import SemanticIds
from tiger.semantic_ids.ids import collision_places
from tiger.studies.drift.baseline import Baseline
from tiger.studies.drift.remedies import Outcome
from tiger.studies.drift.simulate import Version

N_NEIGHBOURS, N_QUERIES = 10, 500


@dataclass(frozen=True)
class TrueNeighbours:
    """Nearest neighbours in the new vectors, computed once for all remedies."""

    query_N: np.ndarray
    neighbour_Nk: np.ndarray


def true_neighbours(emb_IE: np.ndarray, n_queries: int = N_QUERIES) -> TrueNeighbours:
    """Nearest neighbours by cosine of an even sample of items."""
    query_N = even_sample(len(emb_IE), n_queries)
    return TrueNeighbours(query_N, metrics.nearest(emb_IE, query_N, N_NEIGHBOURS)[0])


def ids_of(codes_IL: np.ndarray, n_codes: int | Sequence[int], old: SemanticIds | None = None) -> SemanticIds:
    """Unique IDs for codes. An item that keeps its codes keeps its place among those that share them, too.

    Args:
        codes_IL: the new codes.
        n_codes: codes to choose from at each of the L levels.
        old: the IDs so far, of the same items; items that come to other codes get the free places there.
    """
    place_I = collision_places(codes_IL)
    if old is not None and len(old) == len(codes_IL) and old.n_levels == codes_IL.shape[1]:
        place_I = _kept_places(codes_IL, place_I, old)
    sizes = metrics.level_sizes(n_codes, codes_IL.shape[1])
    n_places = int(place_I.max(initial=0)) + 1
    if old is not None and old.has_collision_level:
        n_places = max(n_places, old.n_codes[-1])
    elif n_places == 1:
        return SemanticIds(codes_IL, sizes, codes_IL.shape[1])
    return SemanticIds(np.column_stack([codes_IL, place_I]), [*sizes, n_places], codes_IL.shape[1])


def _kept_places(codes_IL: np.ndarray, place_I: np.ndarray, old: SemanticIds) -> np.ndarray:
    """Places 0.. among the items of equal codes, so that those who stay keep theirs."""
    stays_I = (codes_IL == old.codes_IL).all(1)
    old_I = old.ids_IM[:, -1] if old.has_collision_level else np.zeros(len(old), np.int64)
    found_I = np.where(stays_I, old_I, place_I)
    key_I = metrics.prefix_numbers(codes_IL)[0][:, -1]
    taken: dict[int, set[int]] = {}
    shared = set(key_I[~stays_I].tolist())
    for item in np.flatnonzero(stays_I & np.isin(key_I, list(shared))):
        taken.setdefault(int(key_I[item]), set()).add(int(old_I[item]))
    for item in np.flatnonzero(~stays_I & (key_I >= 0)):
        used = taken.setdefault(int(key_I[item]), set())
        place = next(number for number in range(len(used) + 1) if number not in used)
        used.add(place)
        found_I[item] = place
    return found_I


def unexplained_variance(emb_IE: np.ndarray, recon_IE: np.ndarray) -> float:
    """Share of the vectors' variance that the reconstruction does not explain: mean |x - x'|^2 / mean |x - mean|^2."""
    variance = float(np.square(emb_IE - emb_IE.mean(0)).sum(1).mean())
    return float(np.square(emb_IE - recon_IE).sum(1).mean()) / max(variance, 1e-12)


@dataclass(frozen=True)
class Measures:
    """A remedy's numbers, all but the recommender's.

    Args:
        churn: share of the old items whose code changed, one number a level.
        survival: share of the old items whose prefix of this many codes is the same, one number a level.
        changed: share of the old items whose ID changed.
        error: unexplained variance of the new vectors.
        collided: items that share all their codes with others.
        neighbours: share of the nearest neighbours with the same prefix, one number a level; ``chance``: by chance.
        tokens: history tokens that change; ``token_share``: of all history tokens.
        seconds: processor time.
    """

    churn: list[float]
    survival: list[float]
    changed: float
    error: float
    collided: int
    neighbours: list[float]
    chance: list[float]
    tokens: int
    token_share: float
    seconds: float


def measure(cat: Catalogue, before: Baseline, old_ids: SemanticIds, outcome: Outcome, new: Version,
            near: TrueNeighbours) -> tuple[Measures, SemanticIds]:
    """A remedy's numbers and the new unique IDs.

    Args:
        before: the codes that items had, for the churn.
        old_ids: the same as unique IDs.
        outcome: what the remedy gave.
        new: the new vectors, and which items are new; churn counts the others only.
    """
    codes_IL, old_IL = outcome.baseline.codes_IL, before.codes_IL
    stays_I = ~new.new_I & metrics.has_id(old_IL)
    same_NL = codes_IL[stays_I] == old_IL[stays_I]
    new_ids = ids_of(codes_IL, outcome.baseline.quantizer.n_codes, old_ids)
    counts_I = np.bincount(cat.history_items, minlength=cat.n_items)
    tokens, n_tokens = rewritten_tokens(old_ids, new_ids, counts_I)
    levels = metrics.neighbour_recall(codes_IL, near.query_N, near.neighbour_Nk)
    recon_IE = outcome.baseline.quantizer.decode(outcome.decoded_IL)
    return Measures(
        churn=(1 - same_NL.mean(0)).tolist() if len(same_NL) else [0.0] * codes_IL.shape[1],
        survival=np.cumprod(same_NL, 1).mean(0).tolist() if len(same_NL) else [1.0] * codes_IL.shape[1],
        changed=float(1 - same_NL.all(1).mean()) if len(same_NL) else 0.0,
        error=unexplained_variance(outcome.seen_IE, recon_IE), collided=metrics.collisions(codes_IL).collided_items,
        neighbours=[level.recall.mean for level in levels], chance=[level.by_chance for level in levels],
        tokens=tokens, token_share=tokens / max(n_tokens, 1), seconds=outcome.seconds), new_ids


def rewritten_tokens(old: SemanticIds, new: SemanticIds, counts_I: np.ndarray) -> tuple[int, int]:
    """History tokens that change, and all history tokens; an ID that grows by a level counts its new token.

    Args:
        counts_I: how often each item stands in a history.
    """
    n = max(old.ids_IM.shape[1], new.ids_IM.shape[1])
    wide = [np.pad(ids.ids_IM, ((0, 0), (0, n - ids.ids_IM.shape[1])), constant_values=-2) for ids in (old, new)]
    changed_I = (wide[0] != wide[1]).sum(1)
    return int(changed_I @ counts_I), int(counts_I.sum()) * n


def code_transitions(old_I: np.ndarray, new_I: np.ndarray, keep: int = 7) -> list[list[int]]:
    """Old and new level-1 code of the items in the largest codes: rows of old code, new code, items; -1: all other codes.

    Args:
        old_I, new_I: level-1 code of the items that both versions have.
    """
    top = np.argsort(-np.bincount(old_I), kind="stable")[:keep] if len(old_I) else np.empty(0, np.int64)
    shown_I, goal_I = np.where(np.isin(old_I, top), old_I, -1), np.where(np.isin(new_I, top), new_I, -1)
    pairs, count = np.unique(np.stack([shown_I, goal_I], 1), axis=0, return_counts=True)
    return [[int(one), int(two), int(n)] for (one, two), n in zip(pairs, count, strict=True)]
