"""Lessons: predict what happens when vectors move, items are new or decoding is hot; then see what was measured."""

import streamlit as st

from tiger.ui.shared import layout, live
from tiger.ui.studies import lessons as lessons_view

layout.heading("lessons", "Each lesson is one finding on the bundled shop: read, predict, then see. Every number was measured, "
                         "and every measurement can be run again here without a network.")
lesson = lessons_view.pick()
own = lessons_view.own_study(lesson)
seen = live.states(own)


@st.fragment(run_every=live.interval(seen))
def tell() -> None:
    live.follow(seen, *filter(None, [own]))
    lessons_view.tell(lesson, own)


with layout.guard("The lesson"):
    tell()
