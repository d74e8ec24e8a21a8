"""Judge recommenders: leave-one-out over the whole catalogue, with confidence intervals over the users.

Everything is measured on items. A hit on codes would count more, because items that share their codes would
all be right; such numbers are always named as code-level.
"""

import time
from collections.abc import Sequence
from typing import NamedTuple, TypedDict

import numpy as np

from tiger import metrics
from tiger.core.sampling import even_sample
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import Values
from tiger.models import Recommender
from tiger.models.generative import GenerativeRecommender
from tiger.search import beam
from tiger.search.exact import ExactTopK


class InvalidRate(TypedDict):
    """Share of the IDs of a free search that no item has, at one beam width."""

    width: int
    rate: float


class LostItem(TypedDict):
    """An item of an exact search that the beam missed; ``level`` from 1, ``last_logp`` of the beam's last item."""

    user: int
    item: int
    level: int
    logp: float
    last_logp: float


class BeamGap(TypedDict):
    """See ``beam_gap``."""

    equal: float
    interval: list[float]
    lost: float
    lost_at: list[int]
    width: int
    k: int
    n_users: int
    examples: list[LostItem]


class SearchMeasures(TypedDict):
    """See ``measure_search``; ``n_users`` of the free search."""

    invalid: list[InvalidRate]
    n_users: int
    gap: list[BeamGap]


class _Exact(NamedTuple):
    """What an exact search found for one user."""

    user: int
    history: np.ndarray
    best: ExactTopK


CUTS = (5, 10)
WIDTH = 20  # beams of a generative model
FREE_USERS, GAP_USERS = 200, 100  # whose free and exact searches are measured
SEARCH_WIDTHS = (1, 5, 10, 20, 50)
TIE = 1e-4  # log-probabilities closer than this are equal


def sample_users(cat: Catalogue, n: int | None) -> np.ndarray:
    """At most ``n`` of the users that leave-one-out evaluates, spread evenly; the same ones every time."""
    user_U = cat.split().user_U
    return user_U if n is None else user_U[even_sample(len(user_U), n)]


def measure(model: Recommender, cat: Catalogue, split: str = "test", users: np.ndarray | None = None,
            width: int = WIDTH, cuts: Sequence[int] = CUTS, exclude_seen: bool | None = None) -> Values:
    """Recall and NDCG of a fitted model, JSON-able.

    Args:
        split: ``"valid"`` or ``"test"``: which item of each history is to be found.
        users: only these users; all by default.
        width: beams of a generative model (as many as the largest cut at least); others ignore it.
        exclude_seen: leave items of the history out; None: yes where the data hold no repeats.

    Returns:
        ``recall@k``, ``ndcg@k``, ``interval`` (the same names, each with low and high: 95 %, normal over the
        users), ``n_users``, ``n_users_all``, ``width`` (the beams used), ``exclude_seen``, ``ms_per_user``.
    """
    start_s = time.perf_counter()
    ranked_UR, target_U = model.ranked(cat, split, max(cuts), width, users, exclude_seen=exclude_seen)
    spent_s = time.perf_counter() - start_s
    found: Values = {}
    intervals = {}
    for k in cuts:
        for name, value_U in ((f"recall@{k}", metrics.recall_at_k(ranked_UR, target_U, k)),
                              (f"ndcg@{k}", metrics.ndcg_at_k(ranked_UR, target_U, k))):
            mean = metrics.mean_interval(value_U)
            found[name], intervals[name] = mean.mean, [mean.low, mean.high]
    used = model.n_beams(width, max(cuts)) if isinstance(model, GenerativeRecommender) else None
    return found | {"interval": intervals, "n_users": len(target_U), "n_users_all": len(cat.split().user_U),
                    "width": used, "exclude_seen": model.excludes_seen(exclude_seen, cat),
                    "ms_per_user": round(1000 * spent_s / len(target_U), 3)}


def beam_gap(model: GenerativeRecommender, cat: Catalogue, split: str, users: np.ndarray, width: int = WIDTH,
             k: int = 10) -> BeamGap:
    """How often a beam search finds the same k best items as an exact search over the catalogue.

    Args:
        width: beams; a width below ``k`` loses items for certain.

    Returns:
        ``equal`` (share of users) with ``interval``, ``lost`` (items of the exact k best that the beam missed, mean
        a user), ``lost_at`` (how many of them left the beam at each level), ``width``, ``k``, ``n_users``, and
        ``examples``: up to five lost items as user, item, level (from 1), logp and logp of the beam's last item.
    """
    return _gap(model, _exact_lists(model, cat, split, users, k), width, k)


def _exact_lists(model: GenerativeRecommender, cat: Catalogue, split: str, users: np.ndarray, k: int) -> list[_Exact]:
    """Each user's history and the k best items of the whole catalogue; users without a readable history are left out."""
    parts = cat.split()
    histories = [(int(user), model.readable_history(parts.history_before(int(user), split))) for user in users]
    return [_Exact(user, history, model.best_items(history, min(k, model.trie_.n_items)))
            for user, history in histories if len(history)]


def _gap(model: GenerativeRecommender, exact: list[_Exact], width: int, k: int) -> BeamGap:
    """``beam_gap`` for lists of an exact search that are known."""
    trie = model.trie_
    width, k = min(width, trie.n_items), min(k, trie.n_items)
    lost_U, lost_at = [], [0] * trie.n_levels
    examples: list[LostItem] = []
    for user, history, best in exact:
        found = model.search([history], width)
        kept, last = found.item_BW[0, :k].tolist(), float(found.logp_BW[0, :k].min()) if width >= k else -np.inf
        lost = [(int(item), float(logp)) for item, logp in zip(best.item_R, best.logp_R, strict=True)
                if item not in kept and logp > last + TIE]
        lost_U.append(len(lost))
        levels = _lost_levels(model, history, width, [item for item, _ in lost])
        for (item, logp), level in zip(lost, levels, strict=True):
            lost_at[level - 1] += 1
            examples.append({"user": user, "item": item, "level": level, "logp": logp, "last_logp": last})
    equal = metrics.mean_interval(np.array(lost_U) == 0)
    return {"equal": equal.mean, "interval": [max(0.0, equal.low), min(1.0, equal.high)], "lost": float(np.mean(lost_U)),
            "lost_at": lost_at, "width": width, "k": k, "n_users": len(lost_U), "examples": examples[:5]}


def _lost_levels(model: GenerativeRecommender, history: np.ndarray, width: int, items: list[int]) -> list[int]:
    """At which level (from 1) each item's prefix left the beam."""
    if not items:
        return []
    ids_IM = model.metadata_["ids"].numpy()
    levels = beam.trace(model.net_, model.trie_, history, width).levels  # type: ignore[arg-type]
    kept = [set(level.prefixes(level.kept_N)) for level in levels]
    found = []
    for item in items:
        gone = [level for level in range(len(kept)) if tuple(ids_IM[item, :level + 1].tolist()) not in kept[level]]
        found.append(gone[0] + 1 if gone else len(kept))
    return found


def gap_summary(gap: BeamGap) -> str:
    """``beam_gap`` in one sentence."""
    if gap["n_users"] == 0:
        return "No user's history holds an item that has an ID, so there was no beam to compare."
    words = f"With {counted(gap['width'], 'beam')}, {100 * gap['equal']:.0f} % of " \
            f"{counted(gap['n_users'], 'user gets', 'users get')} the same {counted(gap['k'], 'item')} as from an exact search " \
            "over the catalogue"
    if gap["lost"] == 0:
        return words + "."
    level = int(np.argmax(gap["lost_at"])) + 1
    return f"{words}; on average {gap['lost']:.2f} better items are lost, most of them at level {level}."


def measure_search(model: GenerativeRecommender, cat: Catalogue, split: str = "test") -> SearchMeasures:
    """Invalid-ID rate of the free beam by width, and the constrained beam's gap to the exact search by width."""
    widths = [width for width in SEARCH_WIDTHS if width <= model.trie_.n_items]
    free, exact = sample_users(cat, FREE_USERS), sample_users(cat, GAP_USERS)
    invalid: list[InvalidRate] = [{"width": width, "rate": model.invalid_rate(cat, split, free, width)} for width in widths]
    lists = _exact_lists(model, cat, split, exact, 10)
    gaps = [_gap(model, lists, width, 10) for width in widths if width >= min(10, max(widths))]
    return {"invalid": invalid, "n_users": len(free), "gap": gaps}
