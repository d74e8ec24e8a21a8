"""Codebooks: which codes are in use, and what do they mean?"""

import streamlit as st

from tiger.ui.codebooks import data as codebook_data
from tiger.ui.codebooks import view as codebook_view
from tiger.ui.shared import layout, state
from tiger.ui.train import walk_view

VIEWS = ("Usage", "Collisions", "One item's walk")

layout.heading("codebooks", "Each level has a codebook; an item's codes say which entry stands for it at each level. "
                           "Look at any step of the run, and click a code to see its items.")
cat, run = state.catalogue(), state.current_run()
if run is None:
    layout.empty("No run of this dataset yet, so its items have no codes.", "train", "Train the first one")
elif not run.has_result() and not run.snapshots():
    layout.empty(f"**{layout.plain(run.title)}** has not kept any codes yet.", "train", "Watch it train")
else:
    view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view",
                                label_visibility="collapsed", bind="query-params")
    with layout.guard("The codebooks"):
        left, right = st.columns([3, 1], gap="medium")
        with left:
            codes = codebook_data.codes_at(run, cat, codebook_view.pick_step(run))
        if view == VIEWS[0]:
            with right:
                level = codebook_view.pick_level(codes)
            codebook_view.usage(codes, level)
        elif view == VIEWS[1]:
            codebook_view.collisions(codes)
        else:
            walk_view.item(codes, codebook_view.pick_item(cat))
