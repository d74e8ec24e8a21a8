"""Diversity: does hotter decoding make recommendations more varied, and what does that cost?"""

import streamlit as st

from tiger.ui.shared import layout, live, state
from tiger.ui.studies import diversity as diversity_view
from tiger.ui.studies import studies

layout.heading("diversity", "A recommender that writes codes has a temperature at every level. Heat on the first code moves to "
                           "other categories, heat on the last only to other items nearby.")
cat, parent, study = state.catalogue(), state.current_run(), studies.current("diversity")
studies.picker("diversity", study)
seen = live.states(study)


@st.fragment(run_every=live.interval(seen))
def watch() -> None:
    studies.watch(study, seen)


if study is not None:
    watch()
view = st.segmented_control("View", diversity_view.VIEWS, default=diversity_view.VIEWS[0], required=True, key="view",
                            label_visibility="collapsed", bind="query-params")
with layout.guard("The study"):
    if view == diversity_view.VIEWS[1]:
        diversity_view.one_user(cat)
    elif study is None:
        layout.empty("No diversity study of this dataset yet. Start one below.")
    else:
        diversity_view.result(study)
studies.new_study("diversity", parent, study, "Measure temperatures")
