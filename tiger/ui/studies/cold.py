"""The Cold items page: recall over K and over epsilon, and what cold items cost all other users."""

from functools import partial

import pandas as pd
import streamlit as st

from tiger.core.words import counted
from tiger.plots import studies as plot
from tiger.reports import cold as report
from tiger.reports import intervals
from tiger.ui.shared import exports, layout
from tiger.ui.shared.once import once
from tiger.ui.studies.study import Answer, StudyView

PERCENT = {"Recall": st.column_config.NumberColumn(format="percent")}


def draw(shown: Answer, _: str) -> None:
    """What the study has measured so far."""
    frame, about = shown.frame, shown.study.about
    with st.container(horizontal=True, gap="large"):
        st.metric("Cold items (held out of all training)", f"{about.n_cold:,}", help=f"Of {counted(about.n_items, 'item')}.",
                  width="content")
        st.metric("Users whose test item is cold", f"{about.cold_users:,}", width="content")
        st.metric("Recommender", about.model, width="content")
    words = once(report.cold_summary, frame)
    if words:
        st.success(layout.plain(words), icon=":material/ac_unit:")
    st.caption("Recall@K of cold test items: the share of these users whose list of K items holds their test item."
               + (" Lists leave out items that the user already has." if about.exclude_seen else ""))
    left, right = layout.beside(2, "cold")
    with left:
        exports.titled(once(report.k_summary, frame),
                       f"Recall over K, the length of the list; epsilon is {report.SHOWN_EPSILON:g} where it applies.")
        _lines(once(report.over_k, frame), "k", once(report.k_summary, frame), "cold-k")
    with right:
        exports.titled(once(report.epsilon_summary, frame),
                       f"Recall@{report.SHOWN_K} over epsilon, the share of the list that cold items may take.")
        _lines(once(report.over_epsilon, frame), "epsilon", once(report.epsilon_summary, frame), "cold-epsilon")
    st.latex(r"|\{\text{cold items in the top } K\}| \le \lfloor \varepsilon K \rfloor")
    others = once(report.over_epsilon, frame, "warm")
    if len(others):
        exports.titled(once(report.epsilon_summary, frame, "warm"),
                       f"The cost for all other users: recall@{report.SHOWN_K} over epsilon where the test item is warm. Each "
                       "place reserved for a cold item is lost to a warm one.")
        _lines(others, "epsilon", once(report.epsilon_summary, frame, "warm"), "cold-cost")
    layout.unfold("All numbers", "cold_numbers", partial(numbers, frame), ":material/table_rows:")


def numbers(frame: pd.DataFrame) -> None:
    """Everything that was measured."""
    st.dataframe(once(report.cold_table, frame), hide_index=True, height=400, column_config=PERCENT)
    st.caption(intervals.NOTE)


def _lines(frame: pd.DataFrame, x: str, words: str, name: str) -> None:
    """Recall over one parameter, and its numbers."""
    exports.chart(once(plot.cold_lines, frame, x, report.AXES[x], words), name, name, partial(report.cold_table, frame),
                  columns=PERCENT)


def methods() -> None:
    """What the four methods do."""
    with st.expander("The four methods", icon=":material/route:"):
        st.markdown("**Shared prefix, up to epsilon** (the paper): beam search writes codes; cold items with the same codes are "
                    "listed after the warm ones, up to the share epsilon of the list.\n\n"
                    "**Beam over cold items only**: beam search may write the codes of cold items and no others.\n\n"
                    "**Nearest content**: the items whose embeddings are nearest to the user's last item by cosine similarity, "
                    "with the same epsilon, or among cold items only. It needs no training.")
        st.caption("Rajput et al. 2023 (TIGER), section 4.3, hold out 5 % of the test items of Amazon Beauty and plot "
                   "recall over K and over epsilon.")


VIEW = StudyView("Run cold-start study", "The quantizer and the recommender are trained without the cold items first; results "
                 "appear here after that.", draw, foot=methods)
