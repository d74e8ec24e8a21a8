"""Which history items drove which code of an ID: attention and leave-one-item-out as a table and a sentence."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tiger.analysis.attribution import Influence

ALL = "whole ID"


def frame(found: Influence, titles: Sequence[str], id_M: Sequence[int],
          places: Sequence[int] | np.ndarray | None = None) -> pd.DataFrame:
    """One row a history item and code, and one for the whole ID.

    Args:
        titles: of the catalogue's items.
        id_M: the ID that was explained.
        places: of the items in the whole history, from 1, where the model did not read all of it.

    Returns:
        position (in the history, from 1), item, label ("3 Red candle"), column (level from 1; one more for
        the whole ID), code ("level 1: 12"), change (how much log P falls without the item; summed for the whole
        ID), attention (share; the mean over the levels for the whole ID).
    """
    rows, n_levels = [], len(id_M)
    numbers = range(1, len(found.item_T) + 1) if places is None else places
    for at, (item, number) in enumerate(zip(found.item_T.tolist(), map(int, numbers), strict=True)):
        label = f"{number}  {titles[item] or f'item {item}'}"
        for level, code in enumerate(id_M):
            rows.append((number, item, label, level + 1, f"level {level + 1}: {code}",
                         found.change_MT[level, at], found.attention_MT[level, at]))
        rows.append((number, item, label, n_levels + 1, ALL, found.change_MT[:, at].sum(),
                     found.attention_MT[:, at].mean()))
    return pd.DataFrame(rows, columns=["position", "item", "label", "column", "code", "change", "attention"])


def wide(table: pd.DataFrame) -> pd.DataFrame:
    """The same, one row a history item: position, title, then change and attention of every code."""
    parts = [table.pivot(index=["position", "label"], columns="column", values=value) for value in ("change", "attention")]
    heads = table.drop_duplicates("column").set_index("column")["code"]
    for part, word in zip(parts, ("fall of log P", "attention"), strict=True):
        part.columns = pd.Index([f"{word}, {heads[column]}" for column in part.columns])
    return pd.concat(parts, axis=1).reset_index()


def findings(table: pd.DataFrame) -> tuple[str, str]:
    """The titles over both pictures: leave-one-out, and attention."""
    whole = table[table["code"] == ALL]
    looked = whole.loc[whole["attention"].idxmax()]
    attention = f"Item {looked['position']} gets most of the attention, {looked['attention']:.0%}"
    if whole["change"].isna().all():
        return "No item can be left out: the history has only one", attention
    most = whole.loc[whole["change"].idxmax()]
    if most["change"] <= 0:
        return "Leaving out any single item makes this ID no less likely", attention
    return f"Without item {most['position']}, log P of the ID falls by {most['change']:z.2f}, the most", attention


def words(table: pd.DataFrame) -> str:
    """The takeaway in one or two sentences."""
    whole = table[table["code"] == ALL]
    looked = whole.loc[whole["attention"].idxmax()]
    said = f"Most attention went to item {looked['label']} ({looked['attention']:.0%})."
    if whole["change"].isna().all():
        return f"{said} The history has only one item, so none can be left out."
    most = whole.loc[whole["change"].idxmax()]
    if most["change"] <= 0:
        return f"{said} Leaving out any single item makes this ID no less likely."
    times = np.exp(min(most["change"], 20.0))
    return (f"{said} The most influential item is {most['label']}: without it log P falls by {most['change']:z.2f}, so the ID "
            f"is {times:.3g} times less likely.")
