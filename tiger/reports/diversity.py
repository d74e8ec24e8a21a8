"""A diversity study as a frame, the paper's numbers beside it, and one user's lists."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger.datasets.catalogue import Catalogue
from tiger.reports.intervals import range_summary, share_ends
from tiger.studies.diversity import CUTS, REPORTED

CURVES = {"recall": "Recall@10", "entropy10": "Entropy@10 of the categories (nats)"}


def diversity_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a setting: name, heat, level, n_users, different, and recall (recall@10), entropy10, entropy20, entropy50.

    Each of the last four has the ends of its 95 % interval over the users beside it: recall_low, recall_high ...
    """
    frame = pd.DataFrame(rows)
    if not len(frame):
        return frame
    frame["heat"] = frame["heat"].astype(float)
    ends = [share_ends(recall, int(n)) for recall, n in zip(frame["recall"], frame["n_users"], strict=True)]
    frame["recall_low"], frame["recall_high"] = zip(*ends, strict=True)
    for end in (f"entropy{k}_{end}" for k in CUTS for end in ("low", "high")):
        if end not in frame:  # measured before intervals were kept
            frame[end] = np.nan
    return frame


def diversity_table(frame: pd.DataFrame) -> pd.DataFrame:
    """The settings and their numbers for people, each with its 95 % interval over the users."""
    heads = {"recall": "Recall@10", **{f"entropy{k}": f"Entropy@{k}" for k in CUTS}}
    table = pd.DataFrame({"Setting": frame["name"]})
    for name, head in heads.items():
        ends = zip(frame[f"{name}_low"], frame[f"{name}_high"], strict=True)
        table[head], table[f"{head}, 95 %"] = frame[name], [range_summary(low, high, ".2f") for low, high in ends]
    return table.assign(**{"Different items in all lists": frame["different"], "Users": frame["n_users"]})


def all_levels(frame: pd.DataFrame) -> pd.DataFrame:
    """The temperatures on all levels at once, coolest first."""
    return frame[(frame["level"] == 0) & frame["heat"].notna()].sort_values("heat") if len(frame) else frame


def beside_the_paper(frame: pd.DataFrame) -> pd.DataFrame:
    """Entropy at every temperature on all levels: heat, k, ours, reported (nan where the paper has none)."""
    found = []
    for row in all_levels(frame).itertuples():
        for place, k in enumerate(CUTS):
            reported = REPORTED.get(float(row.heat), (np.nan,) * len(CUTS))[place]
            found.append({"heat": float(row.heat), "k": k, "ours": getattr(row, f"entropy{k}"), "reported": reported})
    return pd.DataFrame(found, columns=["heat", "k", "ours", "reported"])


def per_level(frame: pd.DataFrame) -> pd.DataFrame:
    """Recall and entropy over temperature for all levels at once (level 0) and for each level alone.

    At temperature 1 one level alone is all levels, so these curves share that point.
    """
    warm, alone = all_levels(frame), frame[frame["level"] > 0] if len(frame) else frame
    if not len(alone):
        return warm
    start = warm[warm["heat"] == 1]
    parts = [warm, alone, *(start.assign(level=level) for level in alone["level"].unique())]
    return pd.concat(parts).sort_values(["level", "heat"], ignore_index=True)


def level_summary(frame: pd.DataFrame, value: str, title: str, form: str = ".2f") -> str:
    """The takeaway of a curve of ``per_level``: where each level starts and ends."""
    said = []
    for level, part in per_level(frame).groupby("level") if len(frame) else ():
        first, last = part.iloc[0], part.iloc[-1]
        if len(part) > 1:
            said.append(f"{level_name(level)} {first[value]:{form}} to {last[value]:{form}}")
    return f"{title} from the lowest to the highest temperature: {', '.join(said)}." if said else "Nothing measured yet."


def level_name(level: int) -> str:
    """ "all levels" or "level 2 alone"."""
    return f"level {level} alone" if level > 0 else "all levels"


def hottest_alone(frame: pd.DataFrame) -> pd.DataFrame:
    """One level alone at the highest temperature, one row a level."""
    alone = frame[frame["level"] > 0] if len(frame) else frame
    return alone[alone["heat"] == alone["heat"].max()] if len(alone) else alone


def diversity_summary(frame: pd.DataFrame) -> str:
    """What heat does, in one or two sentences; "" with fewer than two temperatures."""
    heats = all_levels(frame)
    if len(heats) < 2:
        return ""
    cool, hot = heats.iloc[0], heats.iloc[-1]
    words = (f"From temperature {cool['heat']:g} to {hot['heat']:g}, Entropy@10 goes from {cool['entropy10']:.2f} to "
             f"{hot['entropy10']:.2f} nats, and recall@10 from {cool['recall']:.3f} to {hot['recall']:.3f}.")
    alone = hottest_alone(frame)
    if len(alone):
        best = alone.loc[alone["entropy10"].idxmax()]
        words += (f" Temperature {best['heat']:g} on one level alone spreads most on level {int(best['level'])} "
                  f"(Entropy@10 {best['entropy10']:.2f}).")
    return words


def side_by_side(cat: Catalogue, lists: dict[str, np.ndarray], target: int, labels_I: np.ndarray | None) -> pd.DataFrame:
    """One user's lists: place, and for each name the item's title and category; ★ marks the item that came next."""
    titles, found = cat.items["title"].astype(str).to_numpy(object), {}
    longest = max((len(items) for items in lists.values()), default=0)
    for name, items in lists.items():
        texts = []
        for item in items:
            label = f" · {labels_I[item]}" if labels_I is not None and str(labels_I[item]) else ""
            texts.append(f"{'★ ' if item == target else ''}{titles[item]}{label}")
        found[name] = texts + [""] * (longest - len(texts))
    return pd.DataFrame({"Place": range(1, longest + 1), **found})
