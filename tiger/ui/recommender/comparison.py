"""Recommender, the other two views: models x IDs side by side, and what the beam search loses and invents."""

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.plots import recommenders as plots
from tiger.reports import published, recommenders
from tiger.ui.shared import chart, exports, layout, state

COLUMNS = {"model": "Model", "ids": "IDs", "seen": "Seen items", "recall@5": "Recall@5", "ndcg@5": "NDCG@5",
           "recall@10": "Recall@10", "ndcg@10": "NDCG@10", "over": "Interval over", "seeds": "Seeds", "invalid": "Invalid IDs",
           "equal": "Beam equals exact", "width": "Beam width", "n_users": "Users", "n_users_all": "Of",
           "beyond": "Beyond the reported models", "settings": "What differs from the defaults"}

READINGS = ("IDs that a search without the trie generates and no item has, over the beam width.",
            "Users whose ten best items are the same as an exact search's, over the beam width.")


def compare(cat: Catalogue) -> None:
    """Every measured recommender of this dataset; reported rows where it is a data set of the papers."""
    table = recommenders.table_frame(recommenders.scores_frame(state.models_here()))
    if table.empty:
        layout.empty("No recommender of this dataset has been evaluated yet. Training one to the end evaluates it.")
        return
    shown = table
    known = published.dataset_of(cat)
    if known:
        shown = pd.concat([table, published.reported_frame(known)], ignore_index=True)
    metric = st.segmented_control("Score", recommenders.NAMES, default="recall@10", required=True, key="metric",
                                  format_func=COLUMNS.__getitem__, bind="query-params")
    words = f"{COLUMNS[metric]} of {counted(len(shown), 'row')}, best on top. {recommenders.table_summary(table)}"
    exports.titled(recommenders.table_summary(table),
                   f"{COLUMNS[metric]}, best on top; a bar is its 95 % confidence interval.")
    figure = plots.score_dots(recommenders.dots_frame(shown, metric), words, metric)
    chart.show(figure, "scores", exports.config("recommenders"))
    names = COLUMNS | {f"{metric} low": "Low", f"{metric} high": "High"}
    order = [*list(COLUMNS)[:7], f"{metric} low", f"{metric} high", *list(COLUMNS)[7:]]
    st.dataframe(shown[order], hide_index=True, key="table", column_config={
        **names, **{name: st.column_config.NumberColumn(names[name], format="%.4f") for name in order[3:9]},
        **{name: st.column_config.NumberColumn(names[name], format="percent") for name in ("invalid", "equal")}})
    exports.buttons(figure, "recommenders", shown)
    explain(cat, shown)


def explain(cat: Catalogue, shown: pd.DataFrame) -> None:
    """How to read the columns, with this dataset's numbers."""
    st.markdown(
        f"Each user's last item is held out, and the model ranks all {counted(cat.n_items, 'item')} for the history before it. "
        "Recall@10 is the share of users whose held-out item is among the first ten; NDCG@10 also weights its rank. A "
        "generative model scores a hit only for the item itself: code-level scores would count every item with the same codes, "
        "and are not shown here. Low and high: 95 % interval of the chosen score, over seeds where there are several, else "
        "over users. Seen items: whether items that a user already has are excluded from the lists or kept in them.")
    users = f"{shown['n_users_all'].max():,.0f}".replace(",", "{,}")
    st.latex(rf"\text{{NDCG@10}} = \frac{{1}}{{U}} \sum_{{u=1}}^{{U}} \frac{{[r_u \le 10]}}{{\log_2(r_u + 1)}} \ U = {users}")
    if published.dataset_of(cat):
        st.caption(f"{published.SETTINGS} {published.beyond_summary(shown['beyond'])}")


def search(run: runs.Run | None) -> None:
    """How wide a beam must be: invalid IDs without the trie, and what the beam loses against an exact search."""
    found = run.metrics().get("search") if run is not None else None
    if run is None or not found:
        layout.empty("The beam search of the chosen recommender has not been evaluated. Train a generative model to the end.")
        return
    st.markdown(f"**{layout.plain(run.title)}**, {counted(found['n_users'], 'user')} for the free search, "
                f"{found['gap'][0]['n_users']} for the exact one.")
    invalid, gap = recommenders.search_frames(found)
    for column, frame, words, reading, title, name in zip(
            layout.beside(2, "width"), (invalid, gap), recommenders.search_summary(found), READINGS,
            ("Share of IDs without an item", "Share of users"), ("invalid-ids", "beam-gap"), strict=True):
        with column:
            exports.titled(words, reading)
            figure = plots.width_lines(frame, words, title)
            chart.show(figure, name, exports.config(name))
            exports.under(figure, name, frame)
