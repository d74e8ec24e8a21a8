"""A core lesson: predict, watch the mechanism in the Playground, see what was measured, change one thing, answer a question."""

import re
import time
from dataclasses import dataclass

import streamlit as st

from tiger.core import access
from tiger.reports import core_lessons, lab_report, lesson_numbers, lessons
from tiger.reports.core_lessons import CoreLesson
from tiger.runs import index
from tiger.ui.playground import component
from tiger.ui.shared import address, exports, glossary, layout, membership, state
from tiger.ui.shared.pagelist import BY_KEY

BESIDE = """<style>
.st-key-lesson{display:grid;grid-template:auto 1fr / minmax(0,5fr) minmax(0,7fr);gap:1rem 1.5rem}
.st-key-lesson > :nth-child(2){grid-column:2;grid-row:1 / span 2}
@container (max-width: 620px) {.st-key-lesson{display:flex}}</style>"""


@dataclass(frozen=True)
class Told:
    """How far a lesson was told.

    Args:
        predicted: place of the prediction; None: not yet.
        revealed: whether the measurement was shown.
        answered: place of the answer to the last question; None: not yet.
    """

    predicted: int | None = None
    revealed: bool = False
    answered: int | None = None


def told(lesson: CoreLesson) -> Told:
    """What the address says of this lesson; what cannot be is as if nothing was told."""
    found = re.fullmatch(r"(\d)(-r(?:-(\d))?)?", address.read(address.TOLD))
    if found is None or int(found[1]) >= len(lesson.options) or int(found[3] or 0) >= len(lesson.check.options):
        return Told()
    return Told(int(found[1]), bool(found[2]), None if found[3] is None else int(found[3]))


def tell(lesson: CoreLesson) -> None:
    """The lesson as far as it was told: the picture beside the words; on a narrow page below the prediction, above the check."""
    now = told(lesson)
    st.subheader(lesson.title, anchor=False)
    st.html(BESIDE)
    with st.container(key="lesson"):
        with st.container():
            st.markdown(glossary.marked(lesson.story, "lessons"), unsafe_allow_html=True)
            _predict(lesson, now)
        with st.container():
            _picture(lesson, now)
        if now.revealed:
            with st.container():
                _check(lesson, now)


def _picture(lesson: CoreLesson, now: Told) -> None:
    """The mechanism, and what was measured once it is revealed."""
    controls, plays = lesson.controls if now.revealed else (), now.predicted is not None
    if lesson.planes:
        component.show_lesson(lesson.key, lesson.settings, lesson.planes, controls, plays)
    else:
        component.show_tree(lesson.key, lesson.settings, controls, plays)
    if now.predicted is not None:
        st.markdown(f"**Change one thing.** {lesson.change}" if now.revealed else f"**Watch.** {lesson.look_for}")
    if now.revealed:
        frame = lesson_numbers.measured(lesson.measurement)
        exports.chart(lesson.figure(frame, lesson.reveal(frame)), f"lesson:{lesson.key}", f"lesson-{lesson.key}", frame)
        st.caption("Measured on the bundled shop; `python data/make_lessons.py` measures it again.")


def _predict(lesson: CoreLesson, now: Told) -> None:
    key = f"predict:{lesson.key}"
    if now.predicted is None:
        chosen = st.radio(f"**{lesson.question}**", lesson.options, index=None, key=key)
        st.button("Lock in and watch", icon=":material/lock:", key=f"lock:{lesson.key}", type="primary", disabled=chosen is None,
                  on_click=_lock, args=(lesson, key))
        return
    st.markdown(f"**{lesson.question}**\n\n:material/lock: You predicted: **{lesson.options[now.predicted]}**")
    if not now.revealed:
        st.button("Reveal what was measured", icon=":material/visibility:", key=f"reveal:{lesson.key}", type="primary",
                  on_click=address.write, args=(address.TOLD, f"{now.predicted}-r"))
    else:
        frame = lesson_numbers.measured(lesson.measurement)
        right = lesson.answer(frame)
        layout.prediction(lesson.options, now.predicted, right)
        st.markdown(f"{layout.plain(lesson.reveal(frame))} **Why?** {lesson.why}")


def _lock(lesson: CoreLesson, key: str) -> None:
    if told(lesson).predicted is None and st.session_state.get(key) in lesson.options:
        place = lesson.options.index(st.session_state[key])
        address.write(address.TOLD, str(place))
        membership.predict(lesson.key, place)


def _check(lesson: CoreLesson, now: Told) -> None:
    check, key = lesson.check, f"check:{lesson.key}"
    if now.answered is None:
        st.radio(f"**Check: {check.text}**", check.options, index=None, key=key, on_change=_answer, args=(lesson, now, key))
        return
    st.markdown(f"**Check: {check.text}**\n\nYou answered: **{check.options[now.answered]}**")
    show, icon = (st.success, ":material/check_circle:") if now.answered == check.answer else (st.warning, ":material/lightbulb:")
    show(f"**{check.options[check.answer]}.** {check.because}", icon=icon)
    following = next_lesson(lesson)
    st.page_link(BY_KEY["lessons"].file, label=f"Next lesson: {following[1]}", icon=":material/arrow_forward:",
                 query_params=state.link_params(lesson=following[0], done=address.text_of(address.DONE)))


def _answer(lesson: CoreLesson, now: Told, key: str) -> None:
    if st.session_state.get(key) not in lesson.check.options:
        return
    address.write(address.TOLD, f"{now.predicted}-r-{lesson.check.options.index(st.session_state[key])}")
    done = done_lessons()
    address.write(address.DONE, ".".join(key for key in core_lessons.BY_KEY if key in {*done, lesson.key}))


def done_lessons() -> set[str]:
    """Keys of the lessons that were worked through to the end."""
    return set(address.read(address.DONE).split(".")) & set(core_lessons.BY_KEY)


def take_home() -> None:
    """The lab report: in a class of this visitor's predictions and runs, else of all runs here."""
    visitor, here = access.current(), membership.here()
    mine = [entry for entry in index.entries() if entry.config.created_s and (
        visitor is None or entry.config.owner == visitor.id)]  # here: the download itself runs where nobody is told apart
    predicted = here[0].predictions_of(here[1]) if here else {}
    when, name = time.strftime("%d %B %Y"), visitor.name if visitor else ""
    st.download_button("Lab report", lambda: lab_report.report(name, mine, predicted, when).encode(), "lab-report.html",
                       "text/html", key="lab_report", icon=":material/download:", on_click="ignore", type="tertiary",
                       help="What you predicted and trained, with verdicts and curves, as one file to take home.")


def next_lesson(lesson: CoreLesson) -> tuple[str, str]:
    """Key and title of the lesson after this one."""
    order = [(one.key, one.title) for one in core_lessons.LESSONS] + [(one.key, one.title) for one in lessons.LESSONS]
    return order[order.index((lesson.key, lesson.title)) + 1]
