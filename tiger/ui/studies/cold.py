"""The Cold items page: recall over K and over epsilon, and what it costs everybody else."""

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.plots import studies as plot
from tiger.reports import cold as report
from tiger.reports import intervals
from tiger.ui.shared import exports, layout
from tiger.ui.studies import studies

PERCENT = {"Recall": st.column_config.NumberColumn(format="percent")}


def result(run: runs.Run) -> None:
    """What the study has measured so far."""
    rows, about = studies.rows(run), studies.about(run)
    if about:
        left, middle, right = st.columns(3)
        left.metric("Items held out of all training", f"{about['n_cold']:,}", help=f"Of {about['n_items']:,} items.")
        middle.metric("Users whose next item is one of them", f"{about['cold_users']:,}")
        right.metric("Recommender", about["model"])
    if not rows:
        layout.empty("Quantizer and recommender are trained without the cold items first; the first numbers follow.")
        return
    frame = report.cold_frame(rows)
    words = report.cold_summary(frame)
    if words:
        st.success(layout.plain(words), icon=":material/ac_unit:")
    st.caption("Cold items are those held out of all training. A cold next item is one that a user really picked next; recall is "
               "the share of these users whose list holds it.")
    left, right = st.columns(2, gap="medium")
    with left:
        said = report.k_summary(frame)
        st.markdown(f"**Longer lists.** Recall of cold next items over K; epsilon {report.SHOWN_EPSILON:g} where it applies.")
        _lines(report.over_k(frame), "k", "K, length of the list", said, "cold-k")
    with right:
        said = report.epsilon_summary(frame)
        st.markdown(f"**More room.** Recall@{report.SHOWN_K} of cold next items over epsilon, the share of the list that cold "
                    "items may take.")
        _lines(report.over_epsilon(frame), "epsilon", "Epsilon", said, "cold-epsilon")
    st.latex(r"|\{\text{cold items in the top } K\}| \le \lfloor \varepsilon K \rfloor")
    others = report.over_epsilon(frame, "warm")
    if len(others):
        st.markdown("**The price.** The same over epsilon for users whose next item is warm: every place given to a cold "
                    "item is taken from them.")
        _lines(others, "epsilon", "Epsilon", report.epsilon_summary(frame, "warm"), "cold-price")
    with st.expander("All numbers", icon=":material/table_rows:"):
        st.dataframe(report.cold_table(frame), hide_index=True, height=400, column_config=PERCENT)
        st.caption(intervals.WORDS)
    with st.container(horizontal=True):
        studies.report_button(run)
        exports.csv_button(frame, f"{run.id}-numbers", "Numbers as CSV")


def _lines(frame: pd.DataFrame, x: str, title: str, words: str, name: str) -> None:
    """Recall over one thing, and its numbers."""
    figure = plot.cold_lines(frame, x, title, words)
    st.plotly_chart(figure, key=name, alt=words, config=exports.config(name))
    exports.under(figure, name, report.cold_table(frame), config=PERCENT)


def methods() -> None:
    """What the four ways do."""
    with st.expander("The four ways", icon=":material/route:"):
        st.markdown("**Shared prefix, up to epsilon** (the paper): the beam writes codes; cold items with the same codes join "
                    "in behind the warm ones, up to the share epsilon of the list.\n\n"
                    "**Beam over cold items only**: the beam may write the codes of cold items and no others.\n\n"
                    "**Nearest content**: the items whose vectors lie nearest to the user's last item, with the same room "
                    "for cold items, or among cold items alone. No training at all.")
        st.caption("Rajput et al. 2023 (TIGER), section 4.3, hold out 5 % of the test items of Amazon Beauty and plot "
                   "recall over K and over epsilon in the same way.")
