"""The search before a change and the search after it, together: one tree, one list, and how much is left of the beam."""

from functools import partial
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports import beam_tree
from tiger.ui.beam import data as beam_data
from tiger.ui.beam import state as beam_state
from tiger.ui.beam import steps as beam_steps
from tiger.ui.beam.data import Scene
from tiger.ui.beam.state import Ask
from tiger.ui.shared import exports, layout

MOVES = {"up": "▲ up", "down": "▼ down", "stays": "= stays", "new": "＋ new", "gone": "✕ gone"}
COLUMNS: dict[str, Any] = {
    "moved": st.column_config.TextColumn("", width=80), "title": st.column_config.TextColumn("Title", width=300),
    "place_before": st.column_config.NumberColumn("Before", width=65),
    "place_now": st.column_config.NumberColumn("Now", width=55),
    "logp_before": st.column_config.NumberColumn("log P before", width=85, format="%.3f"),
    "logp_now": st.column_config.NumberColumn("log P now", width=75, format="%.3f"), "item": None}


def differences(scene: Scene, before: Ask) -> str:
    """What was changed between the two searches."""
    now, said = scene.ask, []
    if before.width != now.width:
        said.append(f"width {before.width} → {now.width}")
    if before.heat != now.heat:
        said.append(f"temperature {_heat(before)} → {_heat(now)}")
    if before.free != now.free:
        said.append("free search on" if now.free else "free search off")
    if before.items != now.items:
        said.append(f"history of {len(before.items)} → {len(now.items)} items"
                    if len(before.items) != len(now.items) else "another history of the same length")
    return ", ".join(said)


def _heat(ask: Ask) -> str:
    return f"{ask.heat[0]:g}" if len(set(ask.heat)) == 1 else "·".join(f"{value:g}" for value in ask.heat)


def banner(scene: Scene) -> None:
    """One line under the controls where there is a search to compare with."""
    if scene.before is None or not scene.before.items or not scene.ask.items:
        return
    shared = report.agreement(beam_data.search(scene, scene.before), beam_data.search(scene)).iloc[-1]
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(f"**Changed:** {differences(scene, scene.before)}. {shared['both']} of {shared['now']} final beams were "
                   "there before; see “Before and after”.", width="content")
        st.button("Compare from here", key="beam_from_here", type="tertiary", icon=":material/flag:",
                  on_click=beam_state.compare_from_here, help="Forget the earlier search; the next change compares with this "
                                                              "one.")


def show(scene: Scene) -> None:
    """Both searches together; without an earlier one, how to get it."""
    if scene.before is None:
        layout.empty("Change the width, the temperature or the history above: the search from before the change stays here "
                    "beside the new one.")
        return
    before, now, level = beam_data.search(scene, scene.before), beam_data.search(scene), max(scene.level, 1)
    shared = report.agreement(before, now)
    row = shared.iloc[level - 1]
    st.markdown(f"**{differences(scene, scene.before).capitalize()}.** After level {level}, {row['both']} beams are in both, "
                f"{row['before'] - row['both']} only before, {row['now'] - row['both']} only now.")
    frame = beam_tree.together(before, now, level)
    frame = beam_steps.labelled(scene, frame, beam_data.about(scene, frame["prefix"].tolist()))
    frame["target"] = [bool(prefix) and scene.target_id[:len(prefix)] == prefix for prefix in frame["prefix"]]
    alt = f"Two beam searches in one tree after level {level}: {row['both']} of {row['now']} beams now were kept before, too."
    headers = ["history", *(f"level {at}" for at in range(1, scene.n_levels + 1))]
    figure = _figure(f"{scene.key}:{scene.before}:{scene.ask}:{level}:{scene.target}", alt, scene.n_levels, headers, frame)
    beam_steps.legend(frame)
    name = f"beam-together-{scene.user}-{level}"
    st.plotly_chart(figure, key=f"beam_together:{level}", alt=alt, config=exports.config(name))
    st.caption("The best twelve beams of either search at this level, and where they come from.")
    beam_steps.as_table(figure, frame, name)
    table = report.changes(before, now).assign(title=lambda rows: [_named(scene, item) for item in rows["item"]],
                                               moved=lambda rows: rows["moved"].map(MOVES))
    left, right = st.columns([3, 1], gap="medium")
    with left:
        st.markdown("**The recommendations, before and now**")
        order = ["moved", "place_now", "place_before", "title", "logp_now", "logp_before"]
        st.dataframe(table, column_order=order, column_config=COLUMNS, hide_index=True, key="beam_changes")
        exports.csv_button(table, f"beam-changes-{scene.user}", "Before and now as CSV")
    with right:
        st.markdown("**Beams in common**")
        st.dataframe(shared, hide_index=True, key="beam_shared",
                     column_config={"level": "Level", "before": "Before", "now": "Now", "both": "In both"})
    st.button("Back to the search before", key="beam_restore", icon=":material/undo:",
              on_click=partial(_restore, scene, scene.before))


def _named(scene: Scene, item: int) -> str:
    return ("★ " if item == scene.target else "") + scene.title(item)


def _restore(scene: Scene, before: Ask) -> None:
    beam_state.change(scene.ask, before, scene.own)
    beam_state.compare_from_here()


@st.cache_resource(max_entries=64, show_spinner=False)
def _figure(key: str, alt: str, n_levels: int, headers: list[str], _frame: Any) -> go.Figure:
    return plot.tree(_frame, alt, n_levels, headers)
