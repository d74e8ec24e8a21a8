"""What the Catalogue page draws: the report's numbers, tables one can pick from, one item, one history."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st

from tiger import reports, runs
from tiger.datasets.catalogue import Catalogue
from tiger.plots import shop as shop_plots
from tiger.reports import shop
from tiger.semantic_ids import SemanticIds
from tiger.ui.home import pipeline
from tiger.ui.shared import exports, layout, state

SHOWN_ROWS = 1000
COLUMNS: dict[str, Any] = {
    "item": st.column_config.NumberColumn("Item", width=60, format="%d"),
    "category": st.column_config.TextColumn("Category", width=220),
    "picked": st.column_config.NumberColumn("Picked", width=70, format="localized"),
    "semantic_id": st.column_config.TextColumn("Semantic ID", width=105),
    "cosine": st.column_config.ProgressColumn("Cosine", min_value=0.0, max_value=1.0, format="%.3f",
                                                  width=92),
    "position": st.column_config.NumberColumn("#", width=50, format="%d"),
    "part": st.column_config.TextColumn("Used for", width=80),
}
PART_WORDS = {"train": "training", "valid": "validation", "test": "test"}
PART_TINTS = {"validation": "background-color: rgba(80, 140, 200, .25)",
              "test": "background-color: rgba(207, 122, 36, .30)"}


def ids_of(run: runs.Run | None, cat: Catalogue) -> np.ndarray | None:
    """The run's semantic IDs, or None while it has no codes (or codes for another number of items)."""
    if run is None:
        return None
    ids = _ids(run.id, run.state, *run.snapshots()[-1:])
    return ids.ids_IM if ids is not None and len(ids) == cat.n_items else None


@st.cache_resource(max_entries=8, show_spinner=False)
def _ids(run_id: str, run_state: str, newest: int = -1) -> SemanticIds | None:
    try:
        return runs.find(run_id).semantic_ids()
    except ValueError:  # no codes yet
        return None


def report_metrics(cat: Catalogue) -> None:
    """The data report as a row of numbers; on a narrow screen they wrap."""
    with st.container(horizontal=True, gap="medium"):
        for label, value, help_text in shop.report_rows(cat):
            st.metric(label, value, help=help_text, width="content")


def pick_table(frame: pd.DataFrame, key: str, *, height: int | Literal["auto"] = "auto", title_px: int = 280,
               style: Callable[[pd.DataFrame], Any] = lambda frame: frame) -> None:
    """A table of items where choosing a row makes that item the one to look at, in the address too."""
    order = [name for name in ("position", "part", "title", "cosine", "semantic_id", "picked", "category")
             if name in frame and not (name == "category" and (frame[name] == "").all())]
    picked = partial(_picked, key, frame["item"].tolist())
    columns = COLUMNS | {"title": st.column_config.TextColumn("Title", width=title_px)}
    st.dataframe(style(frame), key=key, column_order=order, column_config=columns, height=height,
                 hide_index=True, on_select=picked, selection_mode="single-row")


def _picked(key: str, items: list[int]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    if rows and rows[0] < len(items):
        state.put_number("item", items[rows[0]])


def browse(cat: Catalogue, ids_IM: np.ndarray | None) -> None:
    """Search box, category, and the matching items."""
    left, right = st.columns([3, 2])
    here = state.dataset().id
    search = left.text_input("Search", key=f"search:{here}", placeholder="title, text or category",
                             max_chars=200, type="search") or ""
    category = right.selectbox("Category", shop.categories(cat), index=None, key=f"category:{here}",
                               placeholder="every category")
    frame = shop.browse(cat, search, category, ids_IM)
    if frame.empty:
        st.info("No item matches; try fewer words or another category.", icon=":material/search_off:")
        return
    shown = frame.drop(columns="text").head(SHOWN_ROWS)
    pick_table(shown, f"items:{here}:{search}:{category}", height=520)
    with st.container(horizontal=True, vertical_alignment="center"):
        more = f", the {SHOWN_ROWS:,} most picked are shown" if len(frame) > SHOWN_ROWS else ""
        st.caption(f"{len(frame):,} of {cat.n_items:,} items{more}. Choose a row to look at it.",
                   width="content")
        exports.csv_button(frame, f"{here}-items", "All matches as CSV")


def item_card(cat: Catalogue, item: int, ids_IM: np.ndarray | None) -> None:
    """One item: its texts, semantic ID, and its nearest neighbours by exact cosine similarity."""
    row = cat.items.iloc[item]
    st.subheader(layout.plain(row["title"] or f"Item {item}"), anchor=False)
    facts = [f"item {item}", f"id {row['item_id']}", row["category"]]
    st.caption(layout.plain(" · ".join(filter(None, facts))))
    if ids_IM is not None:
        st.html(pipeline.CSS + pipeline.chips(ids_IM[item]))
    with st.container(height=104, border=False):
        st.text(row["text"] or "This item has no text.")
    st.markdown("**Nearest neighbours** by cosine similarity of the embeddings")
    near = reports.neighbours(cat, cat.embedding_IE, item, codes_IL=ids_IM)
    pick_table(near.drop(columns="category"), f"near:{state.dataset().id}:{item}", title_px=138)
    exports.csv_button(near, f"{state.dataset().id}-neighbours-{item}", "Neighbours as CSV")


def history_card(cat: Catalogue, user: int, ids_IM: np.ndarray | None) -> None:
    """One user's history, oldest first, with the parts of the leave-one-out split marked."""
    frame = shop.history(cat, user, ids_IM).assign(part=lambda rows: rows["part"].map(PART_WORDS))
    pick_table(frame, f"history:{state.dataset().id}:{user}", style=_tint)
    if len(frame) >= 3:
        valid, test = (layout.plain(title) for title in frame["title"].iloc[-2:])
        st.caption(f"Validation (blue), the second last item: {valid}. Test (orange), the last one: {test}.")
    else:
        st.caption("Fewer than three items: all of them are for training.")
    exports.csv_button(frame, f"{state.dataset().id}-history-{user}", "History as CSV")


def _tint(frame: pd.DataFrame) -> Any:
    return frame.style.apply(lambda row: [PART_TINTS.get(row["part"], "")] * len(row), axis=1)


def user_picker(cat: Catalogue) -> int:
    """Choose a user by number, by step or by chance; the choice stands in the address. Where there is nobody, the page
    says so and ends here.
    """
    if not cat.n_users:
        layout.empty("This dataset has no histories, so there is nobody to look at; load it together with interactions.")
        st.stop()
    chosen = state.number_or("user", cat.n_users, pipeline.example(cat)[1])
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.session_state["pick_user"] = chosen
        st.number_input("User", 0, cat.n_users - 1, key="pick_user", width=180,
                        on_change=lambda: state.put_number("user", st.session_state["pick_user"]))
        st.button("Someone else", icon=":material/shuffle:", key="other_user",
                  on_click=lambda: state.put_number("user", shop.somebody_else(cat, chosen)))
        st.caption(layout.plain(f"id {cat.user_ids[chosen]}"), width="content")
    return chosen


def most_picked(cat: Catalogue) -> int:
    """What to look at before anything is chosen."""
    return pipeline.example(cat)[0]


def shape(cat: Catalogue) -> None:
    """Two pictures: how long histories are, and how unequally items are picked."""
    left, right = st.columns(2, gap="medium")
    with left:
        st.subheader("How long are the histories?", anchor=False)
        st.markdown("Users per number of items; the longest histories are counted in the last bar.")
        frame = shop.length_histogram(cat)
        words = shop.length_summary(frame)
        figure = shop_plots.lengths(frame, words)
        st.plotly_chart(figure, key="lengths", config=exports.config("lengths"), alt=words)
        exports.under(figure, f"{state.dataset().id}-lengths", frame)
    with right:
        st.subheader("How unequally are items picked?", anchor=False)
        st.markdown("A few items often, most of them rarely. Both axes are logarithmic.")
        frame = shop.popularity_tail(cat)
        words = shop.tail_summary(frame)
        figure = shop_plots.tail(frame, words)
        st.plotly_chart(figure, key="tail", config=exports.config("popularity"), alt=words)
        exports.under(figure, f"{state.dataset().id}-tail", frame)
