"""Step mode: what each level left of one batch, and one of its items in detail."""

from typing import Any

import streamlit as st

from tiger import plots, quantizers, runs
from tiger.core.words import counted
from tiger.reports.walk import Trace, batch_walk
from tiger.ui.shared import exports, layout, state
from tiger.ui.shared import walk as shared_walk

COLUMNS: dict[str, Any] = {
    "residual": st.column_config.TextColumn("Residual", width=110),
    "mean": st.column_config.NumberColumn("Mean |r|²", width=85, format="%.3g"), "p10": None, "p90": None,
    "median": st.column_config.NumberColumn("Median", width=75, format="%.3g"),
    "left": st.column_config.NumberColumn("Residual share of |z|²", width=90, format="percent"),
    "codes_used": st.column_config.NumberColumn("Codes used", width=90, format="%d",
                                                help="Distinct codes in this batch."),
}


def batch(run: runs.Run, trace: Trace) -> None:
    """The batch of the last step, level by level."""
    n_rows = len(trace["codes"])
    row = int(st.session_state.get("batch_row") or 0)
    cat, kind = state.catalogue_of(run), quantizers.REGISTRY[run.learner.name]
    shown = batch_walk(cat, kind, trace, min(row, n_rows - 1))
    st.subheader(f"The batch of step {shown.step:,}, level by level", anchor=False)
    st.markdown(f"{shown.about} A useful level makes the residual smaller; a collapsed one hardly changes it. Shown are "
                f"{counted(n_rows, 'item')} of the batch.")
    left, right = st.columns([3, 4], gap="medium")
    with left:
        exports.titled(shown.summary, "Mean squared residual after each level; lines span the middle 80 % of the items.")
        exports.chart(plots.batch_levels(shown.levels, shown.summary), f"batch:{shown.step}", f"batch-{run.id}-{shown.step}",
                      shown.levels, columns=COLUMNS)
    right.dataframe(shown.levels, column_config=COLUMNS, hide_index=True, key="batch_table")
    st.number_input(f"One item of this batch (0 to {n_rows - 1})", 0, n_rows - 1, key="batch_row", width=260)
    st.caption(layout.plain(f"Item {shown.item}: {shown.title}"))
    shared_walk.show(shown.walk, f"{shown.step}:{row}")
