"""Which items of the history drove each code of a recommendation: what was needed, and where the model attended."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports import influence
from tiger.reports.beam_page import BeamRequest, Why
from tiger.ui.shared import exports, layout


def pick(req: BeamRequest, options: dict[int, str]) -> int | None:
    """Which item to explain: a recommendation, or the held-out item; None where there is nothing to choose from."""
    if not options:
        st.info("The search found no item; turn free search off.", icon=":material/info:")
        return None
    return int(st.selectbox("Explain", list(options), format_func=lambda item: options.get(item, ""), width=460,
                            key=f"beam_explain:{req.user}:{hash(tuple(options))}",
                            help="The recommendations, best first; ★ is the held-out item."))


def show(req: BeamRequest, shown: Why) -> None:
    """Two pictures of items by codes, and their numbers."""
    codes = shown.codes
    st.markdown(f"“{layout.plain(req.title(shown.item))}” has the ID **{report.text(codes)}**. {layout.plain(shown.summary)}")
    parts = " ".join(f"{value:+z.3f}" for value in shown.logp_M).removeprefix("+")
    st.markdown(rf"$\log P({','.join(map(str, codes))}\mid h)$ $={parts}$ $={np.sum(shown.logp_M):z.3f}$")
    left, right = st.columns(2, gap="medium")
    which = f"{req.user}-{shown.item}"
    with left:
        exports.titled(shown.findings[0], "Leave one item out: how much log P of a code falls without the item, by level (L1, L2 "
                                          "..); red: it rises.")
        if shown.one_item:
            st.caption("The history has only one item, and the model cannot read an empty history.")
        else:
            alt = "Fall of log P without each item, by code. " + shown.summary
            _draw(plot.influence(shown.table, "change", alt, "fall of log P"), "change", shown.table, which)
    with right:
        exports.titled(shown.findings[1], "Attention: each item's share when the model generates a code, by level (L1, L2 ..).")
        alt = "Attention to each item, by code. " + shown.summary
        _draw(plot.influence(shown.table, "attention", alt, "of the attention", percent=True), "attention", shown.table, which)
    if shown.same_attention:
        st.caption("This model reads the history once for all codes, so the attention is the same at every level.")
    st.caption("Attention weights and leave-one-out influence are different measures and need not agree.")


def _draw(figure: go.Figure, value: str, table: pd.DataFrame, which: str) -> None:
    """One of the two pictures, and the numbers of both: one row a history item, one column a code."""
    exports.chart(figure, f"beam_{value}", f"beam-{value}-{which}", influence.wide(table))
