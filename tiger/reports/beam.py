"""What a beam search did: its candidates, the way of one item, what an exact search would have kept, two searches.

A *search* is a ``beam.Trace``. Levels count from 1 here, as people count them.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from tiger.search.beam import REASONS, Trace

Prefix = tuple[int, ...]
INVALID = "kept, but no such item"
FATES = (*REASONS.categories, INVALID)
GONE = "its prefix was pruned"


def text(prefix: Sequence[int]) -> str:
    """A prefix as people write it: "12-7"."""
    return "-".join(map(str, prefix))


def prefix_of(written: str, n_codes: Sequence[int]) -> Prefix | None:
    """The prefix behind "12-7", or None where it cannot be one of these IDs."""
    parts = written.split("-")
    if not written or len(parts) > len(n_codes) or not all(part.isascii() and part.isdigit() for part in parts):
        return None
    codes = tuple(int(part[:9]) for part in parts)
    return codes if all(code < size for code, size in zip(codes, n_codes, strict=False)) else None


def kept(found: Trace, level: int) -> list[Prefix]:
    """The beams after a level, best first; after level 0 there is one, the empty prefix."""
    if level == 0:
        return [()]
    step = found.levels[level - 1]
    return step.prefixes(step.kept_N)


def fate_places(found: Trace, level: int) -> np.ndarray:
    """Per candidate of a level why it stayed or went, as a place among ``FATES``; a free search may keep what no item has."""
    step = found.levels[level - 1]
    place_N = step.reason_N.copy()
    place_N[step.kept_N & (step.n_items_below_N == 0)] = FATES.index(INVALID)
    return place_N


def rows_of(found: Trace, level: int, *fates: str) -> np.ndarray:
    """Rows of the candidates of a level with one of these fates, best first."""
    return np.flatnonzero(np.isin(fate_places(found, level), [FATES.index(fate) for fate in fates]))


def fate_of(found: Trace, level: int, row: int) -> str:
    """Why one candidate stayed or went."""
    step = found.levels[level - 1]
    return INVALID if step.kept_N[row] and step.n_items_below_N[row] == 0 else FATES[step.reason_N[row]]


def counts(found: Trace, level: int) -> dict[str, int]:
    """Candidates of a level by fate, all five always there."""
    return dict(zip(FATES, np.bincount(fate_places(found, level), minlength=len(FATES)).tolist(), strict=True))


def candidates(found: Trace, level: int, fate: str | None = None, at_most: int | None = None) -> pd.DataFrame:
    """The candidates of a level, best first.

    Args:
        fate: only these, such as ``beam.FULL``; None takes all.
        at_most: rows.

    Returns:
        rank (among all, from 1), prefix ("12-7"), code, step_logp, total_logp, probability (of the whole prefix),
        n_items_below, fate.
    """
    step = found.levels[level - 1]
    rows = (np.arange(len(step)) if fate is None else rows_of(found, level, fate))[:at_most]
    total_N, fate_N = step.total_logp_N[rows], np.array(FATES, object)[fate_places(found, level)[rows]]
    return pd.DataFrame({"rank": rows + 1, "prefix": list(map(text, step.prefixes(rows))), "code": step.codes_NL[rows, -1],
                         "step_logp": step.step_logp_N[rows], "total_logp": total_N,
                         "probability": np.exp(total_N.astype(np.float64)), "n_items_below": step.n_items_below_N[rows],
                         "fate": fate_N})


def find(found: Trace, prefix: Prefix) -> int | None:
    """Row of a prefix among the candidates of its level; None where a shorter prefix of it was pruned."""
    codes_NL = found.levels[len(prefix) - 1].codes_NL
    rows = np.flatnonzero(codes_NL[:, -1] == prefix[-1])
    rows = rows[(codes_NL[rows] == prefix).all(1)]
    return int(rows[0]) if len(rows) else None


def worst_kept(found: Trace, level: int) -> float:
    """The lowest log-probability that stayed in the beam."""
    step = found.levels[level - 1]
    return float(step.total_logp_N[step.kept_N].min())


def path(found: Trace, prefix: Prefix) -> pd.DataFrame:
    """One prefix, or one item's whole ID, through the search: a row a level.

    Returns:
        level, prefix, code, step_logp, total_logp, rank (among all candidates), n_candidates, worst_kept (the
        lowest log-probability that stayed), fate. Numbers are nan where a shorter prefix of it was pruned.
    """
    rows = []
    for level in range(1, len(prefix) + 1):
        step, at = found.levels[level - 1], find(found, prefix[:level])
        row = {"level": level, "prefix": text(prefix[:level]), "code": prefix[level - 1], "n_candidates": len(step),
               "worst_kept": worst_kept(found, level)}
        if at is None:
            row |= {"step_logp": np.nan, "total_logp": np.nan, "rank": np.nan, "fate": GONE}
        else:
            row |= {"step_logp": float(step.step_logp_N[at]), "rank": at + 1, "total_logp": float(step.total_logp_N[at]),
                    "fate": fate_of(found, level, at)}
        rows.append(row)
    names = ["level", "prefix", "code", "step_logp", "total_logp", "rank", "n_candidates", "worst_kept", "fate"]
    return pd.DataFrame(rows, columns=names)


def lost_at(found: Trace, semantic_id: Prefix) -> int | None:
    """The level at which an item's ID left the beam, or None where it was found."""
    return _lost_at([set(kept(found, level)) for level in range(1, len(semantic_id) + 1)], semantic_id)


def _lost_at(beams: list[set[Prefix]], codes: Prefix) -> int | None:
    return next((at for at in range(1, len(codes) + 1) if codes[:at] not in beams[at - 1]), None)


def exact_prefixes(found: Trace, level: int, item_R: np.ndarray, logp_R: np.ndarray,
                     ids_IM: np.ndarray) -> pd.DataFrame:
    """The prefixes of a level that lead to the exact search's best items, best first.

    Args:
        item_R, logp_R: the best items by exact log-probability, best first (``Recommender.best_items``).
        ids_IM: everybody's semantic ID.

    Returns:
        prefix, codes (tuple), n_best (best items below it), best_item, best_rank (of the exact search, from 1),
        best_logp, lost_at (level at which the beam gave it up; NA where it is in the beam).
    """
    rows: dict[Prefix, dict] = {}
    beams = [set(kept(found, at)) for at in range(1, level + 1)]
    for rank, (item, logp) in enumerate(zip(item_R.tolist(), logp_R.tolist(), strict=True), start=1):
        codes = tuple(ids_IM[item, :level].tolist())
        if codes in rows:
            rows[codes]["n_best"] += 1
            continue
        rows[codes] = {"prefix": text(codes), "codes": codes, "n_best": 1, "best_item": item, "best_rank": rank,
                       "best_logp": logp, "lost_at": _lost_at(beams, codes)}
    names = ["prefix", "codes", "n_best", "best_item", "best_rank", "best_logp", "lost_at"]
    return pd.DataFrame(list(rows.values()), columns=names).astype({"lost_at": "Int64"})


def missed_prefixes(found: Trace, item_R: np.ndarray, ids_IM: np.ndarray) -> list[list[Prefix]]:
    """For every level where the beam gave up what an exact search would keep there, best first: the prefixes that were pruned.

    Args:
        item_R, ids_IM: as in ``exact_prefixes``.
    """
    beams = [set(kept(found, at)) for at in range(1, len(found.levels) + 1)]
    missed = []
    for level in range(1, len(beams) + 1):
        codes_R = dict.fromkeys(map(tuple, ids_IM[item_R, :level].tolist()))
        missed.append(list(dict.fromkeys(codes[:at] for codes in codes_R if (at := _lost_at(beams, codes)) is not None)))
    return missed


def lost_items(found: Trace, item_R: np.ndarray, logp_R: np.ndarray, ids_IM: np.ndarray,
               at_most: int = 50) -> pd.DataFrame:
    """The exact search's best items that the beam lost, best first.

    Returns:
        item, rank (of the exact search, from 1), logp, lost_at (level), prefix (the prefix that was pruned
        there), total_logp (its log-probability there; nan where a shorter one was pruned), worst_kept (the
        lowest that stayed there).
    """
    rows: list[list] = []
    names = ["item", "rank", "logp", "lost_at", "prefix", "total_logp", "worst_kept"]
    beams = [set(kept(found, level)) for level in range(1, len(found.levels) + 1)]
    for rank, (item, logp) in enumerate(zip(item_R.tolist(), logp_R.tolist(), strict=True), start=1):
        codes = tuple(ids_IM[item].tolist())
        level = _lost_at(beams, codes)
        if level is not None and len(rows) < at_most:
            at = find(found, codes[:level])
            there = np.nan if at is None else float(found.levels[level - 1].total_logp_N[at])
            rows.append([item, rank, logp, level, text(codes[:level]), there, worst_kept(found, level)])
    return pd.DataFrame(rows, columns=names)


def recommendations(lists: Mapping[str, np.ndarray], k: int) -> pd.DataFrame:
    """The best k items of several recommenders side by side: rank, then one column of item numbers each (-1: none)."""
    frame = pd.DataFrame({"rank": np.arange(1, k + 1)})
    for name, items in lists.items():
        column = np.full(k, -1, np.int64)
        column[:min(k, len(items))] = items[:k]
        frame[name] = column
    return frame


def ranks(lists: Mapping[str, np.ndarray], target: int | None) -> pd.DataFrame:
    """Where each list has the held-out item, and how many items it shares with the first list.

    Returns:
        recommender, rank (from 1; NA where the list ends before it), shared (items in common with the first).
    """
    first = set(next(iter(lists.values())).tolist()) if lists else set()
    rows = []
    for name, items in lists.items():
        hit = np.flatnonzero(items == (-2 if target is None else target))
        rows.append((name, int(hit[0]) + 1 if len(hit) else None, len(first & set(items.tolist()))))
    return pd.DataFrame(rows, columns=["recommender", "rank", "shared"]).astype({"rank": "Int64"})


def changes(before: Trace, now: Trace, k: int = 20) -> pd.DataFrame:
    """The best k items of two searches together, by their rank now, then by their rank before.

    Returns:
        item, rank_before, rank_now (from 1, NA where that search did not find it), logp_before, logp_now, moved
        ("up", "down", "stays", "new", "gone").
    """
    one = before.items[["item", "rank", "logp"]].rename(columns={"rank": "rank_before", "logp": "logp_before"})
    two = now.items[["item", "rank", "logp"]].rename(columns={"rank": "rank_now", "logp": "logp_now"})
    both = two.merge(one, on="item", how="outer")
    both = both[(both["rank_now"] <= k) | (both["rank_before"] <= k)]
    both = both.sort_values(["rank_now", "rank_before"], na_position="last").reset_index(drop=True)
    step = both["rank_before"] - both["rank_now"]
    both["moved"] = np.select([both["rank_before"].isna(), both["rank_now"].isna(), step > 0, step < 0],
                              ["new", "gone", "up", "down"], "stays")
    names = ["item", "rank_before", "rank_now", "logp_before", "logp_now", "moved"]
    return both[names].astype({"rank_before": "Int64", "rank_now": "Int64"})


def agreement(before: Trace, now: Trace) -> pd.DataFrame:
    """Per level how many beams two searches share: level, before, now, both."""
    rows = []
    for level in range(1, len(now.levels) + 1):
        one, two = set(kept(before, level)), set(kept(now, level))
        rows.append((level, len(one), len(two), len(one & two)))
    return pd.DataFrame(rows, columns=["level", "before", "now", "both"])
