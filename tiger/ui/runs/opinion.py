"""A second opinion on two chosen runs: which IDs are better in what, with intervals, and the report to hand around."""

import streamlit as st

from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.plots import opinion as plot
from tiger.reports import opinion as reports
from tiger.reports.opinion import SecondOpinion
from tiger.runs import config as run_config
from tiger.runs.run import Run
from tiger.ui.runs import view
from tiger.ui.shared import caching, exports, layout, state


def possible(chosen: list[Run]) -> bool:
    """Whether these are two runs with IDs of all items."""
    return len(chosen) == 2 and all(run.config.kind in run_config.CODED and run.knows_all_items() for run in chosen)


@caching.resource(16, "Comparing the IDs …")
def answer(a: Run, cat_a: Catalogue, b: Run, cat_b: Catalogue) -> SecondOpinion:
    """The second opinion, for all visitors."""
    return reports.second_opinion(reports.side_of(a, cat_a), reports.side_of(b, cat_b))


def show(chosen: list[Run]) -> None:
    """The whole view."""
    a, b = chosen
    found = answer(a, state.load_catalogue(a.config.dataset), b, state.load_catalogue(b.config.dataset))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**A:** {layout.plain(found.a.title)}", width="content")
        st.markdown(f"**B:** {layout.plain(found.b.title)}", width="content")
        st.button("Swap", icon=":material/swap_horiz:", key="opinion_swap", type="tertiary", on_click=view.choose,
                  args=([b.id, a.id],))
    verdict(found)
    figure = plot.advantages(reports.figure_frame(found), reports.figure_summary(found))
    exports.titled(reports.figure_summary(found).replace(": ", ". ", 1),
                   "Right of the line B is better, left of it A; bars: 95 % confidence intervals.")
    exports.chart(figure, "opinion_figure", f"second-opinion-{a.id}-{b.id}", found.frame)
    st.dataframe(reports.measures_table(found), hide_index=True, key="opinion_measures")
    st.markdown(layout.plain(found.changes))
    st.dataframe(reports.churn_table(found), hide_index=True, key="opinion_churn")
    exports.csv_button(found.churn, f"churn-{a.id}-{b.id}", "Changed IDs as CSV")
    with st.expander("How it was measured", icon=":material/straighten:"):
        st.markdown("\n".join(f"- {layout.plain(line)}" for line in found.notes))
    st.caption("The same on the command line:")
    st.code(reports.command(found), language="bash", wrap_lines=True)


def verdict(found: SecondOpinion) -> None:
    """The verdict, one line a measure, and the report."""
    st.info(f"**{layout.plain(found.head)}**, on {counted(found.opinion.n_items, 'item')}.\n\n"
            + "\n".join(f"- {layout.plain(reports.begun(line))}" for line in found.lines), icon=":material/balance:")
    name = f"second-opinion-{found.a.name}-{found.b.name}.html"
    st.download_button("Report as HTML", lambda: reports.report(found).encode(), name, "text/html", key="opinion_report",
                       icon=":material/download:", on_click="ignore", help="One file that needs no network, to hand around.")
