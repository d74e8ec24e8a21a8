"""Cold items: can an item be recommended that nobody has ever picked?"""

import streamlit as st

from tiger.ui.shared import layout, live, state
from tiger.ui.studies import cold as cold_view
from tiger.ui.studies import studies

layout.heading("cold", "Some items are held out of all training. Their codes come from their content alone, so a recommender "
                      "that writes codes can still reach them; one that knows item numbers cannot.")
parent, study = state.current_run(), studies.current("cold")
studies.picker("cold", study)
seen = live.states(study)


@st.fragment(run_every=live.interval(seen))
def watch() -> None:
    studies.watch(study, seen)


if study is None:
    layout.empty("No study of cold items for this dataset yet. Start one below.")
else:
    watch()
    with layout.guard("The study"):
        cold_view.result(study)
cold_view.methods()
studies.new_study("cold", parent, study, "Hold items out")
