"""TIGER Lab's app: the navigation, the sidebar that all pages share, and the chosen page.

Start it with ``python -m tiger app``; under it lies ``streamlit run app.py``.
"""

import streamlit as st

from tiger.ui.shared import address, identity, layout

st.set_page_config(page_title="TIGER Lab", page_icon=str(layout.LOGO), layout="wide",
                   menu_items={"About": "**TIGER Lab**: generative retrieval with semantic IDs."})
st.logo(str(layout.LOGO), size="large")
if identity.shut():
    st.stop()
page = layout.navigation()
layout.note_page(page.title)
address.begin(page.url_path)
with layout.guard("The sidebar"):
    layout.sidebar()
with st.sidebar:  # at its end, where an empty element takes no room from anything
    address.keep_history_short()
with layout.frame(page.title):
    page.run()
