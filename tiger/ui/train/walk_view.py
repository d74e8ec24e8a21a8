"""The way of vectors through the levels: one stepped batch on Train, one item on Codebooks."""

from typing import Any

import numpy as np
import streamlit as st

from tiger import plots, reports, runs
from tiger.ui.codebooks import data as codebook_data
from tiger.ui.codebooks.data import Codes
from tiger.ui.shared import exports, layout
from tiger.ui.train import walk

LEVEL_COLUMNS: dict[str, Any] = {
    "level": st.column_config.NumberColumn("Level", width=50),
    "code": st.column_config.NumberColumn("Code", width=55),
    "before": st.column_config.NumberColumn("|r| before", width=80, format="%.3g"),
    "after": st.column_config.NumberColumn("|r| after", width=75, format="%.3g"),
    "explained": st.column_config.NumberColumn("Explained", width=80, format="percent",
                                               help="Share of |z|² that the codes so far account for."),
    "distance": None,
    "code_2": st.column_config.NumberColumn("2nd best", width=70, help="The code that would have been next."),
    "distance_2": st.column_config.NumberColumn("leaves |r|", width=80, format="%.3g"),
    "code_3": None, "distance_3": None,
}
BATCH_COLUMNS: dict[str, Any] = {
    "residual": st.column_config.TextColumn("Residual", width=110),
    "mean": st.column_config.NumberColumn("Mean |r|²", width=85, format="%.3g"), "p10": None, "p90": None,
    "median": st.column_config.NumberColumn("Median", width=75, format="%.3g"),
    "left": st.column_config.NumberColumn("Left of |z|²", width=90, format="percent"),
    "codes_used": st.column_config.NumberColumn("Codes used", width=90, format="%d",
                                                help="Different codes in this batch."),
}


def batch(run: runs.Run, trace: walk.Trace) -> None:
    """Step mode: what each level left of one batch, and one of its items in detail."""
    step, n_rows = int(np.asarray(trace["step"]).item()), len(trace["codes"])
    st.subheader(f"The batch of step {step:,}, level by level", anchor=False)
    st.markdown("Each level takes the nearest code away from what the level before left over. Good levels leave less "
                f"and less; a dead one leaves all. These are {n_rows:,} items of the batch.")
    frame = walk.batch_levels(trace)
    left, right = st.columns([3, 4], gap="medium")
    words = (f"Mean squared length of the residual in this batch: {frame['mean'].iloc[0]:.3g} before level 1, "
             f"{frame['mean'].iloc[-1]:.3g} after the last.")
    with left:
        figure, name = walk.batch_figure(frame, words), f"batch-{run.id}-{step}"
        st.plotly_chart(figure, key=f"batch:{step}", alt=words, config=exports.config(name))
        exports.under(figure, name, frame, config=BATCH_COLUMNS)
    right.dataframe(frame, column_config=BATCH_COLUMNS, hide_index=True, key="batch_table")
    row = st.number_input(f"One item of this batch (0 to {n_rows - 1})", 0, n_rows - 1, 0, key="batch_row", width=260)
    titles, number = codebook_data.catalogue_of(run).items["title"], int(trace["rows"][row])
    st.caption(layout.plain(f"Item {number}: {titles.iloc[number]}"))
    one(trace, row, None, key=f"{step}:{row}")


def item(codes: Codes, number: int) -> None:
    """One item's walk with the trained quantizer, and the items that end up next to it."""
    row = codes.cat.items.iloc[number]
    st.subheader(layout.plain(str(row["title"]) or f"Item {number}"), anchor=False)
    own = " · ".join(map(str, codes.codes_IL[number]))
    st.caption(layout.plain(f"item {number} · {row['category'] or 'no category'} · codes {own}"))
    found = codebook_data.quantizer(codes.run)
    if found is None or found.codebooks() is None:
        st.caption("The walk is hidden: these codes have no vectors (imported IDs, or a quantizer without codebooks). "
                   "What the codes alone tell is below.")
    else:
        emb_1E = codes.cat.embedding_IE[[number]]
        trace = found.trace(emb_1E)
        if codes.step is not None:
            st.caption("The walk uses the newest saved weights; earlier steps keep their codes only.")
        one(trace, 0, found.codebooks(), key=f"{codes.run.id}:{number}")
        st.markdown(walk.reconstruction_summary(emb_1E[0], trace["recon"][0]))
    st.markdown("**Items with the longest common beginning of codes**")
    st.dataframe(reports.id_neighbours(codes.cat, codes.codes_IL, number), hide_index=True, key="id_neighbours",
                 column_config={"item": None, "title": st.column_config.TextColumn("Title", width=330),
                                "category": "Category", "semantic_id": st.column_config.TextColumn("Codes", width=100),
                                "cosine": st.column_config.NumberColumn("Cosine", width=70, format="%.3f"),
                                "shared": st.column_config.NumberColumn("Codes shared", width=110)})


def one(trace: walk.Trace, row: int, books: list[np.ndarray] | None, key: str) -> None:
    """One row of a trace: the formula, its numbers, the table and the picture."""
    st.latex(walk.FORMULA)
    frame = reports.walk_frame(trace, row, books)
    left, right = st.columns(2, gap="medium")
    words = reports.walk_summary(frame)
    with left:
        figure, name = plots.residual_strip(walk.lines(trace, row), words), f"walk-{key.replace(':', '-')}"
        st.plotly_chart(figure, key=f"strips:{key}", alt=words, config=exports.config(name))
        strips = walk.strips_frame(trace, row)
        exports.under(figure, name, strips, config={"strip": st.column_config.TextColumn("Vector", width=130)})
    with right:
        st.dataframe(frame, column_config=LEVEL_COLUMNS, hide_index=True, key="walk_table")
        st.markdown(words)
    with st.expander("The formula with this item's numbers", expanded=True):
        for level in range(len(frame)):
            st.latex(walk.formula_with_numbers(trace, row, level))
