"""Recommender: train a model that writes IDs, watch it find held-out items, and compare it with what it replaces."""

import streamlit as st

from tiger.runs import Run
from tiger.ui.recommender import comparison as comparison_view
from tiger.ui.recommender import costs as cost_view
from tiger.ui.recommender import view as recommender_view
from tiger.ui.shared import layout, live, state

VIEWS = ("Train", "Compare", "Beam width", "Cost")

layout.heading("recommender", "A recommender reads a history and ranks items as the next one. Generative models generate the "
                              "next item's ID; the others compare vectors or score every item. All are evaluated on held-out "
                              "items.")
cat, run = state.catalogue(), state.current_model()
view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view", label_visibility="collapsed",
                            bind="query-params")
if view != VIEWS[1]:
    recommender_view.pick(run)
seen = live.states(run)


@st.fragment(run_every=live.interval(seen))
def watch(run: Run) -> None:
    recommender_view.watch(run, seen)


with layout.guard(f"The view {view}"):
    if view == VIEWS[1]:
        comparison_view.compare(cat)
    elif view == VIEWS[2]:
        comparison_view.search(run)
    elif view == VIEWS[3]:
        cost_view.cost(run, cat)
    else:
        recommender_view.new_run(run)
        if run is None:
            layout.empty("No recommender of this dataset yet. Train one above; the small preset takes about a minute.")
        else:
            watch(run)
