"""Runs: how do all runs compare?"""

import streamlit as st

from tiger.ui.runs import chosen, compare, sweep, view
from tiger.ui.shared import layout

layout.heading("runs", "Every run of this workspace in one table. Tick runs to compare their curves and parameters; tick one to "
                       "open, name, tag or delete it.")
page = view.answer()
sweep.form()
view.filters(page)
# Each part keeps its place when another comes or goes while runs train: what somebody opened below, and types into, stays open
for part in (view.groups, view.table, view.keep_current):
    with st.container():
        part(page)
rows = chosen.rows()
with st.container():
    chosen.actions(rows)
with st.container():
    sweep.show(rows)
if len(rows) > 1:
    compare.show(rows)
