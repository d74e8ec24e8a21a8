"""Catalogue: the items and users of a dataset. Browse, inspect, and load one's own data."""

import streamlit as st

from tiger.ui.catalogue import data_loading, view
from tiger.ui.shared import address, diagnoses, layout, pickers, sources, state

layout.heading("catalogue", f"**{layout.plain(state.dataset().title)}**: the items that can be recommended, and each user's "
                           "history, oldest item first.")
cat, run = state.catalogue(), state.current_run()
view.report_metrics(cat)
diagnoses.warning(cat)
ids_IM = sources.ids_of(run, cat)
chosen = pickers.view(address.SHOW)
if chosen in ("Items", "Users"):
    left, right = st.columns([2, 1], gap="medium")
    with left:
        if chosen == "Items":
            view.browse(cat, ids_IM)
        else:
            view.history_card(cat, pickers.user(cat), ids_IM)
    with right:
        view.item_card(cat, ids_IM)
elif chosen == "Shape":
    view.shape(cat)
    st.subheader("Can a quantizer learn from these embeddings?", anchor=False)
    diagnoses.findings(cat)
else:
    data_loading.panel()
