"""Map: which items lie near each other, and do their IDs know? A projection coloured by prefix."""

import streamlit as st

from tiger.ui.map import items as map_items
from tiger.ui.map import view as map_view
from tiger.ui.shared import layout, live, pickers, sources, state

layout.heading("map", "Every mark is an item. Items with the same first code (or top category) have the same hue and "
                     "shape; with more levels counted, branches become shades. Click a mark, lasso some, or search.")
cat, run = state.catalogue(), state.current_run()
if run is None:
    layout.empty("No run of this dataset yet, so its items have no IDs to colour by.", "train", "Train the first one")
elif not run.has_result() and not run.snapshots():
    layout.empty(f"**{layout.plain(run.title)}** has not kept any codes yet.", "train", "Watch it train")
else:
    newest = sources.codes_at(run, cat)
    view, level = map_view.controls(newest)
    left, right = st.columns([5, 3], gap="medium")
    with right:
        item = pickers.item(cat)
        codes = sources.codes_at(run, cat, pickers.step(run))
        map_items.item_card(codes, item)
    with left:
        if map_view.umap_missing(codes, view):
            st.fragment(map_view.umap_progress, run_every=live.TICK_S)(codes, view)
        map_view.picture(codes, view, level, item)
    map_items.near(codes, item)
    map_items.group_table(codes)
