"""Lessons: predict what happens when vectors drift, items are new or temperatures rise; then see what was measured."""

import streamlit as st

from tiger.ui.shared import layout, live
from tiger.ui.studies import lessons

layout.heading("lessons", "Each lesson is one finding on the bundled shop: read, predict, then compare with the measurement. "
                          "Each measurement can be repeated here without a network.")
lesson = lessons.pick()
seen = live.states(lessons.own_study(lesson))


@st.fragment(run_every=live.interval(seen))
def tell() -> None:
    lessons.tell(lesson, seen)


with layout.guard("The lesson"):
    tell()
