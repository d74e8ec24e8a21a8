"""Home: the whole pipeline in one picture, with this session's own numbers, and a way into each page."""

import streamlit as st

from tiger.ui.home import pipeline
from tiger.ui.shared import layout, state

layout.heading("home", "Follow one item from its text to the ID that a model can write. The numbers are those "
                      "of the dataset and run in the sidebar.")

cat, run = state.catalogue(), state.current_run()
fact = pipeline.facts(run)
item, user = pipeline.example(cat)
st.html(pipeline.picture(cat, fact, item, user))

if run is None:
    layout.empty("This dataset has no run yet, so its items have no codes.", "train", "Train the first one")
elif not fact.verdict:
    layout.empty(f"**{layout.plain(run.title)}** has not saved any codes yet.", "train", "Watch it train")
else:
    layout.verdict(fact.verdict, fact.severity, fact.evidence)

st.subheader("Go deeper", anchor=False)
layout.page_cards()
