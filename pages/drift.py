"""Drift: the vectors changed; what happens to the IDs, and which remedy costs least?"""

import streamlit as st

from tiger.ui.shared import layout, live, state
from tiger.ui.studies import drift as drift_view
from tiger.ui.studies import studies

layout.heading("drift", "Item vectors change with time, and IDs are made from vectors. Seven remedies, on the same items: "
                       "how many IDs change, how well the codes fit the new vectors, what the old recommender loses.")
parent, study = state.current_run(), studies.current("drift")
studies.picker("drift", study)
seen = live.states(study)


@st.fragment(run_every=live.interval(seen))
def watch() -> None:
    studies.watch(study, seen)


if study is None:
    layout.empty("No drift study of this dataset yet. Start one below.")
else:
    watch()
    studies.notes(study)
    view = st.segmented_control("View", drift_view.VIEWS, default=drift_view.VIEWS[0], required=True, key="view",
                                label_visibility="collapsed", bind="query-params")
    with layout.guard("The study"):
        drift_view.result(study, view)
drift_view.remedies()
studies.new_study("drift", parent, study, "Compare remedies", drift_view.own_file)
