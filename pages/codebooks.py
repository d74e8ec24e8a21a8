"""Codebooks: which codes are in use, and what do they mean?"""

import streamlit as st

from tiger.reports import at_scale
from tiger.ui.codebooks import collisions, view
from tiger.ui.shared import address, layout, pickers, sources, state

layout.heading("codebooks", "Each level has a codebook, and an item's code is the index of its entry. Choose any saved step of "
                            "the run, and click a code to see its items.")
cat, run = state.catalogue(), state.current_run()
if layout.has_codes(run, of_all=False):
    if words := at_scale.summary(run, cat):
        st.caption(words)
    chosen = pickers.view(address.CODES_VIEW)
    with layout.guard("The codebooks"):
        codes = sources.codes_at(run, cat, pickers.step(run))
        if chosen == "Usage":
            view.usage(codes)
        elif chosen == "Collisions":
            if codes.matched:
                collisions.show(codes)
            else:
                view.unmatched()
        else:
            view.one_item(codes, pickers.item(cat))
