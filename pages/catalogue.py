"""Catalogue: what is in this shop, and who buys what? Browse, inspect, and load one's own data."""

import streamlit as st

from tiger.ui.catalogue import data_loading, explore
from tiger.ui.shared import layout, state

VIEWS = {"items": "Items", "users": "Users", "shape": "Shape", "load": "Load own data"}

layout.heading("catalogue", f"**{layout.plain(state.dataset().title)}**: what there is to choose from, and what "
                           "each person picked, oldest first.")
cat, run = state.catalogue(), state.current_run()
explore.report_metrics(cat)
ids = explore.ids_of(run, cat)
view = st.segmented_control("View", list(VIEWS.values()), default="Items", required=True, key="show",
                            label_visibility="collapsed", bind="query-params")

if view == VIEWS["items"]:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        explore.browse(cat, ids)
    with right:
        explore.item_card(cat, state.number_or("item", cat.n_items, explore.most_picked(cat)), ids)
elif view == VIEWS["users"]:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        explore.history_card(cat, explore.user_picker(cat), ids)
    with right:
        explore.item_card(cat, state.number_or("item", cat.n_items, explore.most_picked(cat)), ids)
elif view == VIEWS["shape"]:
    explore.shape(cat)
else:
    data_loading.panel()
