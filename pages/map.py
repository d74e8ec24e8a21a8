"""Map: do similar items share ID prefixes? A projection of the items coloured by prefix."""

import streamlit as st

from tiger.ui.map import view as map_view
from tiger.ui.shared import layout, pickers, sources, state

layout.heading("map", "Every mark is an item. Items with the same first code (or top category) share a hue and a shape; with "
                      "more levels, deeper prefixes differ by shade. Click a mark, select several with the lasso, or search.")
cat, run = state.catalogue(), state.current_run()
if layout.has_codes(run):
    if cat.sampled:
        st.caption(f"The map shows {cat.sampled.summary(cat.n_items)}.")
    view = map_view.controls(sources.codes_at(run, cat))
    left, right = st.columns([5, 3], gap="medium")
    with right:
        item = pickers.item(cat)
        codes = sources.codes_at(run, cat, pickers.step(run))
        map_view.item_card(codes, item)
    with left:
        map_view.picture(codes, view, item)
    map_view.near(codes, item)
    map_view.group_table(codes)
