"""Chosen runs side by side: curves, the parameters that differ, parallel coordinates, a second opinion on their IDs."""

from collections.abc import Sequence
from functools import lru_cache

import plotly.graph_objects as go
import streamlit as st

from tiger.plots import runs as run_plots
from tiger.reports import runs_compare
from tiger.reports.runs_compare import Comparison
from tiger.reports.runs_rows import Row
from tiger.ui.runs import opinion, view
from tiger.ui.shared import address, exports, layout, pickers

LOGARITHMIC = ("loss", "recon_loss", "commit_loss", "learning_rate")


def show(rows: Sequence[Row]) -> None:
    """The comparison of at least two runs, in the view that the address names."""
    with layout.guard("The comparison"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            folders = [row.entry.run for row in rows]
            options = address.RUNS_VIEW.options if opinion.possible(folders) else address.RUNS_VIEW.options[:-1]
            chosen = pickers.segmented(address.RUNS_VIEW, "Compare", options, hide_label=True, key="runs:view")
            fold = bool(st.session_state.get("runs:fold", True))
            found = runs_compare.compare(rows, address.read(address.CURVE) or "", fold)
            if chosen == "Curves" and found.curves:
                _pick_curve(found)
            if found.can_fold and chosen == "Curves":
                st.toggle("Fold seeds", fold, key="runs:fold",
                          help="Runs that differ in their seed alone become one curve: their mean, with its 95 % confidence "
                               "interval.")
        if chosen == "Second opinion":
            opinion.show(folders)
        else:
            {"Curves": curves, "Differences": differences, "Parallel coordinates": parallel}[chosen](found)


def _pick_curve(found: Comparison) -> None:
    assert found.drawn is not None
    titles = [curve.title for curve in found.curves]
    st.selectbox("Metric", titles, key="runs:curve", width=260,
                 on_change=pickers.shows(address.CURVE, "runs:curve", found.drawn.title))


def curves(found: Comparison) -> None:
    """One metric of all chosen runs over the steps."""
    if found.drawn is None or not len(found.lines):
        layout.empty("None of these runs logged a curve.")
        return
    exports.titled(found.summary, f"{found.drawn.title} over steps, a line a run.")
    exports.chart(_figure(found), "runs:curves", "run-curves", found.lines)


@lru_cache(maxsize=16)
def _figure(found: Comparison) -> go.Figure:
    """The curves; a comparison is the same object while its runs do not change."""
    assert found.drawn is not None
    return run_plots.run_curves(found.lines, found.drawn.title, found.summary, found.drawn.metric in LOGARITHMIC)


def differences(found: Comparison) -> None:
    """Only the hyper-parameters that differ, and what came out."""
    if not found.differing:
        st.caption("These runs have the same hyper-parameters.")
    st.dataframe(found.params, hide_index=True, key="runs:differences", column_config=view.columns(found.params), placeholder="")
    exports.csv_button(found.params, "run-differences")


def parallel(found: Comparison) -> None:
    """One line a run through the hyper-parameters that differ and the outcomes."""
    numbers = [name for name in found.axes if found.axes[name].dtype.kind == "f"]
    if found.axes.shape[1] < 2:
        layout.empty("These runs have fewer than two numbers in which they differ.")
        return
    best = numbers[-1] if numbers else ""
    words = f"One line a run through {', '.join(map(str, found.axes))}."
    figure = run_plots.parallel_coordinates(found.axes, found.settings, best, words)
    table = found.axes.assign(run=[row.entry.id for row in found.rows])
    exports.chart(figure, "runs:parallel", "run-parallel-coordinates", table)
    st.caption("Drag along an axis to keep some of the lines, and drag an axis' name to move it.")
