"""Home: the whole pipeline in one picture, with this session's own numbers, and a way into each page."""

import streamlit as st

from tiger.ui.home import picture
from tiger.ui.shared import layout, state

layout.heading("home", "Follow one item from its text to its semantic ID, and from IDs to a recommendation. All numbers belong "
                       "to the dataset and run in the sidebar.")
cat, run = state.catalogue(), state.current_run()
picture.path()
shown = picture.overview(cat, run)
if run is not None:
    state.say_changes(run, cat)
picture.picture(shown)
if run is None:
    layout.empty("This dataset has no run yet, so its items have no codes.", "train", "Train the first one")
elif shown.problem:
    st.warning(layout.plain(shown.problem), icon=":material/warning:")
elif shown.coded is None:
    layout.empty(f"**{layout.plain(run.title)}** has not saved any codes yet.", "train", "Watch it train")
else:
    layout.verdict(shown.coded.verdict, shown.coded.severity, list(shown.coded.evidence))
st.subheader("Explore", anchor=False)
layout.page_cards()
