"""The search before a change and the search after it, together: one tree, one list, and how much is left of the beam."""

from functools import partial

import streamlit as st

from tiger.core.words import counted
from tiger.plots import beam as plot
from tiger.reports.beam_page import BeamRequest, Change, Comparison
from tiger.ui.beam import request, steps
from tiger.ui.shared import exports, layout
from tiger.ui.shared.exports import Columns
from tiger.ui.shared.once import once

MOVES = {"up": "▲ up", "down": "▼ down", "stays": "= stays", "new": "＋ new", "gone": "✕ gone"}
COLUMNS: Columns = {
    "moved": st.column_config.TextColumn("", width=80), "title": st.column_config.TextColumn("Title", width=300),
    "rank_before": st.column_config.NumberColumn("Rank before", width=85),
    "rank_now": st.column_config.NumberColumn("Rank now", width=75),
    "logp_before": st.column_config.NumberColumn("log P before", width=85, format="%.3f"),
    "logp_now": st.column_config.NumberColumn("log P now", width=75, format="%.3f"), "item": None}
ORDER = ["moved", "rank_now", "rank_before", "title", "logp_now", "logp_before"]


def banner(shown: Change | None) -> None:
    """One line under the controls where there is a search to compare with."""
    if shown is None:
        return
    last = shown.shared.iloc[-1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"**Changed:** {shown.difference}. {last['both']} of {counted(last['now'], 'final beam')} "
                   f"{'is' if last['both'] == 1 else 'are'} in both searches; see “Before and after”.", width="content")
        st.button("Compare from here", key="beam_from_here", type="tertiary", icon=":material/flag:",
                  on_click=request.compare_from_here,
                  help="Discard the earlier search and compare the next change with this one.")


def show(req: BeamRequest, shown: Comparison | None) -> None:
    """Both searches together; without an earlier one, how to get it."""
    if shown is None:
        layout.empty("Change the width, the temperature or the history above: the previous search stays here beside the new "
                     "one." if req.before is None else
                     "One of the two histories is empty, so there is no search to compare; add an item to it, or press Undo.")
        return
    changed = shown.change
    row = changed.shared.iloc[shown.level - 1]
    st.markdown(f"**{changed.difference.capitalize()}.** After level {shown.level}, "
                f"{counted(row['both'], 'beam is', 'beams are')} in both searches, {row['before'] - row['both']} only in the "
                f"previous one, {row['now'] - row['both']} only in this one.")
    figure = once(plot.tree, shown.tree, shown.alt, req.n_levels)
    steps.legend(shown.tree)
    name = f"beam-together-{req.user}-{shown.level}"
    st.plotly_chart(figure, key=f"beam_together:{shown.level}", alt=shown.alt, config=exports.config(name))
    st.caption("The twelve best beams of each search at this level, with their prefixes.")
    exports.under(figure, name, partial(steps.as_table, shown.tree), config=steps.TREE_COLUMNS)
    left, right = st.columns([3, 1], gap="medium")
    with left:
        st.markdown("**The recommendations, before and now**")
        table = shown.changes.assign(moved=shown.changes["moved"].map(MOVES))
        st.dataframe(exports.unsigned_zeros(table), column_order=ORDER, column_config=COLUMNS, hide_index=True,
                     key="beam_changes")
        exports.csv_button(table, f"beam-changes-{req.user}", "Before and now as CSV")
    with right:
        st.markdown("**Beams in common**")
        st.dataframe(changed.shared, hide_index=True, key="beam_shared",
                     column_config={"level": "Level", "before": "Before", "now": "Now", "both": "In both"})
    st.button("Back to the search before", key="beam_restore", icon=":material/undo:",
              on_click=partial(request.restore, req))
