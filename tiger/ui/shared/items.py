"""Items on any page: a heading, and a table in which choosing a row chooses that item everywhere."""

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.ui.shared import address, layout, pickers
from tiger.ui.shared.exports import Columns

COLUMNS: Columns = {
    "item": st.column_config.NumberColumn("Item", width=60, format="%d"),
    "category": st.column_config.TextColumn("Category", width=220),
    "interactions": st.column_config.NumberColumn("Interactions", width=85, format="localized"),
    "semantic_id": st.column_config.TextColumn("Semantic ID", width=105),
    "cosine": st.column_config.ProgressColumn("Cosine", min_value=0.0, max_value=1.0, format="%.3f", width=92),
    "position": st.column_config.NumberColumn("#", width=50, format="%d"),
    "part": st.column_config.TextColumn("Split", width=80),
}
ORDER = ("position", "part", "title", "cosine", "semantic_id", "interactions", "category")


def heading(cat: Catalogue, item: int) -> None:
    """An item's title, number, id and category."""
    row = cat.items.iloc[item]
    st.subheader(layout.plain(row["title"] or f"Item {item}"), anchor=False)
    st.caption(layout.plain(" · ".join(filter(None, [f"item {item}", f"id {row['item_id']}", row["category"]]))))


def table(frame: pd.DataFrame, key: str, *, height: int | Literal["auto"] = "auto", title_px: int = 280,
          style: Callable[[pd.DataFrame], Any] = lambda frame: frame) -> None:
    """Items, a row each; columns that are empty are left out."""
    order = [name for name in ORDER if name in frame and not (name == "category" and (frame[name] == "").all())]
    columns = COLUMNS | {"title": st.column_config.TextColumn("Title", width=title_px)}
    pickers.rows(frame, key, address.ITEM, frame["item"].tolist(), data=style(frame), column_order=order,
                 column_config=columns, height=height)
