"""What the Catalogue page draws: the report's numbers, tables one can choose from, one item, one history."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from tiger import reports
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.plots import shop as plots
from tiger.reports import shop
from tiger.ui.shared import address, caching, chips, exports, items, layout, state

SHOWN_ROWS = 1000
PART_WORDS = {"train": "training", "valid": "validation", "test": "test"}
PART_TINTS = {"validation": "background-color: rgba(80, 140, 200, .25)",
              "test": "background-color: rgba(207, 122, 36, .30)"}


@caching.resource(8)
def report_rows(cat: Catalogue) -> list[tuple[str, str, str]]:
    """The data report, for all visitors."""
    return shop.report_rows(cat)


@caching.resource(8)
def categories(cat: Catalogue) -> list[str]:
    """What can be chosen from, for all visitors."""
    return shop.categories(cat)


@caching.resource(32)
def matching(cat: Catalogue, search: str, category: str | None, ids_IM: np.ndarray | None) -> pd.DataFrame:
    """The items that a search finds, for all visitors."""
    return shop.browse(cat, search, category, ids_IM)


def report_metrics(cat: Catalogue) -> None:
    """The data report as a row of numbers; on a narrow screen they wrap."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, help_text in report_rows(cat):
            st.metric(label, value, help=help_text, width="content")


def browse(cat: Catalogue, ids_IM: np.ndarray | None) -> None:
    """Search box, category, and the matching items."""
    left, right = st.columns([3, 2])
    here = state.dataset().id
    search = left.text_input("Search", key=f"search:{here}", placeholder="title, text or category",
                             max_chars=200, type="search") or ""
    known = categories(cat)
    category = None
    if known:
        category = right.selectbox("Category", known, index=None, key=f"category:{here}", placeholder="All categories")
    frame = matching(cat, search, category, ids_IM)
    if frame.empty:
        st.info("No item matches; try fewer words or another category.", icon=":material/search_off:")
        return
    items.table(frame.head(SHOWN_ROWS).drop(columns="text"), f"items:{here}:{search}:{category}", height=520, title_px=370)
    with st.container(horizontal=True, vertical_alignment="center"):
        more = f", the {SHOWN_ROWS:,} most popular are shown" if len(frame) > SHOWN_ROWS else ""
        st.caption(f"{len(frame):,} of {counted(cat.n_items, 'item')}{more}. Choose a row to see the item.", width="content")
        exports.csv_button(frame, f"{here}-items", "All matches as CSV")


def item_card(cat: Catalogue, ids_IM: np.ndarray | None) -> None:
    """The chosen item: its texts, semantic ID, and its nearest neighbours by exact cosine similarity."""
    item, here = address.read(address.ITEM.below(cat.n_items), shop.example(cat)[0]), state.dataset().id
    row = cat.items.iloc[item]
    items.heading(cat, item)
    if ids_IM is not None:
        st.html(chips.CSS + chips.chips(ids_IM[item]))
    with st.container(height=104, border=False):
        st.text(row["text"] or "This item has no text.")
    st.markdown("**Nearest neighbours** by cosine similarity of the embeddings")
    near = neighbours(cat, item, ids_IM)
    items.table(near.drop(columns="category"), f"near:{here}:{item}", title_px=172)
    exports.csv_button(near, f"{here}-neighbours-{item}", "Neighbours as CSV")


@caching.resource(128)
def neighbours(cat: Catalogue, item: int, ids_IM: np.ndarray | None) -> pd.DataFrame:
    """The nearest items by the embeddings."""
    return reports.neighbours(cat, cat.embedding_IE, item, codes_IL=ids_IM)


def history_card(cat: Catalogue, user: int, ids_IM: np.ndarray | None) -> None:
    """One user's history, oldest first, with the parts of the leave-one-out split marked."""
    frame = shop.history(cat, user, ids_IM).assign(part=lambda rows: rows["part"].map(PART_WORDS))
    items.table(frame, f"history:{state.dataset().id}:{user}", style=_tint, title_px=340)
    if len(frame) >= 3:
        valid, test = (layout.plain(title) for title in frame["title"].iloc[-2:])
        st.caption(f"Validation (blue), the second-to-last item: {valid}. Test (orange), the last item: {test}.")
    else:
        st.caption("Fewer than three items: all of them are for training.")
    exports.csv_button(frame, f"{state.dataset().id}-history-{user}", "History as CSV")


def _tint(frame: pd.DataFrame) -> Any:
    return frame.style.apply(lambda row: [PART_TINTS.get(row["part"], "")] * len(row), axis=1)


def shape(cat: Catalogue) -> None:
    """Two pictures: how long histories are, and how unequal the popularity of items is."""
    left, right = layout.beside(2, "shape")
    with left:
        frame = shop.length_histogram(cat)
        words = shop.length_summary(frame)
        exports.titled(words, "Users by history length; the last bar counts all longer histories.")
        exports.chart(plots.lengths(frame, words), "lengths", f"{state.dataset().id}-lengths", frame)
    with right:
        frame = shop.popularity_tail(cat)
        words = shop.tail_summary(frame)
        exports.titled(words, "Interactions of every item, most popular first; both axes are logarithmic.")
        exports.chart(plots.tail(frame, words), "tail", f"{state.dataset().id}-tail", frame)
