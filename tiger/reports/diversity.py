"""A diversity study as a frame, the paper's numbers beside it, and one user's lists."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger.catalogue import Catalogue
from tiger.diversity import CUTS, REPORTED


def diversity_frame(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """One row a setting: name, heat, level, recall (recall@10), entropy10, entropy20, entropy50, different, n_users."""
    return pd.DataFrame(rows)


def beside_the_paper(frame: pd.DataFrame) -> pd.DataFrame:
    """Entropy at every temperature on all levels: heat, k, ours, reported (nan where the paper has none)."""
    found = []
    heats = frame[(frame["level"] == 0) & frame["heat"].notna()]
    for row in heats.itertuples():
        for place, k in enumerate(CUTS):
            reported = REPORTED.get(float(row.heat), (np.nan,) * len(CUTS))[place]
            found.append({"heat": float(row.heat), "k": k, "ours": getattr(row, f"entropy{k}"), "reported": reported})
    return pd.DataFrame(found)


def diversity_words(frame: pd.DataFrame) -> str:
    """What heat does, in one or two sentences; "" with fewer than two temperatures."""
    heats = frame[(frame["level"] == 0) & frame["heat"].notna()].sort_values("heat") if len(frame) else frame
    if len(heats) < 2:
        return ""
    cool, hot = heats.iloc[0], heats.iloc[-1]
    words = (f"From temperature {cool['heat']:g} to {hot['heat']:g}, Entropy@10 goes from {cool['entropy10']:.2f} to "
             f"{hot['entropy10']:.2f} nats, and recall@10 from {cool['recall']:.3f} to {hot['recall']:.3f}.")
    alone = frame[frame["level"] > 0]
    if len(alone):
        best = alone.loc[alone["entropy10"].idxmax()]
        words += (f" Heat on one level alone spreads most on level {int(best['level'])} "
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
