"""Lessons: predict what a mechanism does, or what happens to IDs and recommendations; then see what was measured."""

import streamlit as st

from tiger.reports.core_lessons import CoreLesson
from tiger.ui.playground import lesson as core
from tiger.ui.shared import layout, live
from tiger.ui.studies import lessons

layout.heading("lessons", "Each lesson is one mechanism or finding: predict, then compare with what was measured on the bundled "
                          "shop. Each measurement can be repeated here.")
lesson = lessons.pick(core.done_lessons())
if isinstance(lesson, CoreLesson):
    with layout.guard("The lesson"):
        core.tell(lesson)
else:
    study_lesson, seen = lesson, live.states(lessons.own_study(lesson))

    @st.fragment(run_every=live.interval(seen))
    def tell() -> None:
        lessons.tell(study_lesson, seen)

    with layout.guard("The lesson"):
        tell()
core.take_home()
