"""Tree: do learned prefixes carry more meaning than LSH buckets?"""

import streamlit as st

from tiger.reports import at_scale
from tiger.reports.codes import order_summary
from tiger.ui.shared import address, layout, pickers, sources, state
from tiger.ui.tree import compare, view

layout.heading("tree", "Semantic IDs form a tree: every prefix is a branch. Compare it with LSH buckets (random hyperplanes) "
                       "of the same number of bits, with another run, or with the catalogue's categories.")
cat, run = state.catalogue(), state.current_run()
if layout.has_codes(run):
    codes = sources.codes_at(run, cat)
    other = view.pick_reference(codes)
    if words := " ".join(filter(None, [at_scale.summary(run, cat), order_summary(run)])):
        st.caption(words)
    chosen = pickers.view(address.TREE_VIEW)
    if other is None:
        st.info("Choose something else to compare the run with.", icon=":material/compare:")
    elif chosen == "Trees":
        view.trees(codes, other)
    elif chosen == "Numbers":
        compare.numbers(codes, other)
    elif chosen == "Disagreements":
        compare.disagreements(codes, other)
    else:
        compare.difference(codes, other)
