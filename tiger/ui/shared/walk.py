"""The way of one vector through the levels: the formula, its numbers, the table and the picture."""

from typing import Any

import streamlit as st

from tiger import plots
from tiger.reports.walk import Walk
from tiger.ui.shared import exports

COLUMNS: dict[str, Any] = {
    "level": st.column_config.NumberColumn("Level", width=50),
    "code": st.column_config.NumberColumn("Code", width=55),
    "before": st.column_config.NumberColumn("|r| before", width=80, format="%.3g"),
    "after": st.column_config.NumberColumn("|r| after", width=75, format="%.3g"),
    "explained": st.column_config.NumberColumn("Explained", width=80, format="percent",
                                               help="Share of |z|² explained by the codes so far."),
    "distance": None,
    "code_2": st.column_config.NumberColumn("2nd best", width=70, help="The second nearest code."),
    "distance_2": st.column_config.NumberColumn("its residual |r|", width=80, format="%.3g"),
    "code_3": None, "distance_3": None,
}


def show(walk: Walk, key: str) -> None:
    """One walk; ``key`` tells it from other walks."""
    st.latex(walk.formula)
    st.caption(walk.about)
    left, right = st.columns(2, gap="medium")
    with left:
        exports.titled(walk.summary, "A row a vector, a column a dimension: the residual before each level and the code it gets.")
        exports.chart(plots.residual_strip(walk.lines, walk.summary), f"strips:{key}", f"walk-{key.replace(':', '-')}",
                      walk.strips, columns={"strip": st.column_config.TextColumn("Vector", width=130)})
    with right:
        st.dataframe(walk.levels, column_config=COLUMNS, hide_index=True, key="walk_table")
    with st.expander("The formulas with this item's numbers", expanded=True):
        for formula in walk.formulas:
            st.latex(formula)
