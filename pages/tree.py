"""Tree: what do learned prefixes know that random buckets do not?"""

import streamlit as st

from tiger.ui.shared import layout, sources, state
from tiger.ui.tree import compare as compare_view
from tiger.ui.tree import view as tree_view

VIEWS = ("Trees", "Numbers", "Disagreements", "Difference")

layout.heading("tree", "A semantic ID is a path down a tree. Beside it: buckets from random hyperplanes (LSH) with the "
                      "same number of bits, another run, or the catalogue's own categories.")
cat, run = state.catalogue(), state.current_run()
if run is None:
    layout.empty("No run of this dataset yet, so its items have no IDs.", "train", "Train the first one")
elif not run.has_result() and not run.snapshots():
    layout.empty(f"**{layout.plain(run.title)}** has not kept any codes yet.", "train", "Watch it train")
else:
    codes = sources.codes_at(run, cat)
    left, right = st.columns([3, 1], gap="medium", vertical_alignment="bottom")
    with left:
        other = tree_view.pick_other(codes)
    with right:
        level = tree_view.pick_level(codes)
    view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view",
                                label_visibility="collapsed", bind="query-params")
    if other is None:
        st.info("Choose something else to put beside the run.", icon=":material/compare:")
    elif view == "Trees":
        tree_view.trees(codes, other, level)
    elif view == "Numbers":
        compare_view.numbers(codes, other, level)
    elif view == "Disagreements":
        compare_view.disagreements(codes, other, level)
    else:
        compare_view.difference(codes, other)
