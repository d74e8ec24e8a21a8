"""The Lessons page: choose a lesson, predict, and see what was measured."""

import re

import streamlit as st

from tiger import runs
from tiger.reports import core_lessons, lessons
from tiger.reports.core_lessons import CoreLesson
from tiger.reports.lessons import Lesson
from tiger.runs import study_artifacts
from tiger.ui.shared import address, exports, glossary, layout, live, membership, run_control, state
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.studies import study as ui_study


def pick(done: set[str]) -> Lesson | CoreLesson:
    """The lesson that the address names, else the first: the core ones come before those that read a study.

    Args:
        done: keys of those that have a tick.
    """
    known: dict[str, Lesson | CoreLesson] = {**core_lessons.BY_KEY, **lessons.BY_KEY}
    first = next(iter(known))
    requested = address.text_of(address.LESSON) or first
    if requested not in known:
        state.notice(f"There is no lesson '{requested[:40]}'; the first one is shown.")
        requested = first
    address.write(address.LESSON, requested)
    st.pills("Lesson", list(known), key="lesson_pick", label_visibility="collapsed",
             on_change=state.show("lesson_pick", requested, _choose),
             format_func=lambda key: f"{known[key].title} ✓" if key in done else known[key].title)
    return known[requested]


def _choose(key: str | None) -> None:
    if key:
        address.write(address.LESSON, key)
        address.forget(address.STUDY, address.TOLD)


def own_study(lesson: Lesson) -> runs.Run | None:
    """The lesson's study as it is carried out again here: the one that the address names, else one that is under way."""
    again = [run for run in runs.list_runs() if run.config.preset == lesson.study and run.config.study is not None]
    named = address.text_of(address.STUDY)
    return next((run for run in again if run.id == named), None) or next((run for run in again if run.state in live.ACTIVE), None)


def tell(lesson: Lesson, seen: tuple[str, ...]) -> None:
    """The story, the prediction, and after it what was measured: here where that is done, else what is bundled.

    Args:
        seen: the state of the lesson's own study when the page was drawn.
    """
    own = own_study(lesson)
    if live.states(own) != seen:
        st.rerun()
    st.subheader(lesson.title, anchor=False)
    st.markdown(glossary.marked(lesson.story, "lessons"), unsafe_allow_html=True)
    place, key = predicted(lesson), f"predict:{lesson.key}"
    if place is None:
        st.radio(f"**{lesson.question}**", lesson.options, index=None, key=key, on_change=_predict, args=(lesson, key))
        st.caption("Predict first; then the result is shown.")
        return
    st.markdown(f"**{lesson.question}**\n\n:material/lock: You predicted: **{lesson.options[place]}**")
    bundled = runs.find(lesson.study)
    shown = own if own is not None and own.state == "finished" else bundled
    reveal(lesson, shown, place)
    run_again(lesson, bundled, own)
    if lesson is not lessons.LESSONS[-1]:
        following = lessons.LESSONS[lessons.LESSONS.index(lesson) + 1]
        st.page_link(BY_KEY["lessons"].file, label=f"Next lesson: {following.title}", icon=":material/arrow_forward:",
                     query_params=state.link_params(lesson=following.key, done=address.text_of(address.DONE)))


def predicted(lesson: Lesson) -> int | None:
    """Place of the prediction, which the address keeps and which cannot be changed; None: not yet."""
    found = re.fullmatch(r"(\d)-r", address.read(address.TOLD))
    return int(found[1]) if found and int(found[1]) < len(lesson.options) else None


def _predict(lesson: Lesson, key: str) -> None:
    if predicted(lesson) is None and st.session_state.get(key) in lesson.options:
        place = lesson.options.index(st.session_state[key])
        address.write(address.TOLD, f"{place}-r")
        membership.predict(lesson.key, place)


def reveal(lesson: Lesson, run: runs.Run, chosen: int) -> None:
    """Whether the prediction held, the numbers, the picture and the moral."""
    found = ui_study.answer(run)
    if found is None:
        st.info("This study has no results; carry it out again below.", icon=":material/hourglass_empty:")
        return
    right = lesson.answer(found.frame)
    layout.prediction(lesson.options, chosen, right)
    words = lesson.reveal(found.frame)
    st.markdown(layout.plain(words))
    exports.chart(lesson.figure(found.frame, words), f"lesson:{lesson.key}", f"lesson-{lesson.key}", found.frame)
    st.markdown(f"**Remember:** {lesson.moral(found.frame)}")
    page = BY_KEY[run.config.kind]
    st.page_link(page.file, label=f"See the whole study: {page.title}", icon=page.icon,
                 query_params=state.link_params(study=run.id))


def run_again(lesson: Lesson, bundled: runs.Run, own: runs.Run | None) -> None:
    """Carry the lesson's study out here, and watch it."""
    if own is not None:
        status = run_control.head(own, live.states(own))
        if status.state == "finished":
            st.caption("The numbers above were measured here.")
        elif not status.active:
            run_control.how_it_ended(own, status)
    st.button("Run it here", icon=":material/play_arrow:", key=f"run:{lesson.key}", on_click=_start, args=(lesson, bundled),
              disabled=own is not None and own.state in live.ACTIVE,
              help=f"The same study on this machine, offline. For the bundled numbers it took {_duration(bundled)}.")


def _duration(bundled: runs.Run) -> str:
    return live.duration(max(1.0, study_artifacts.seconds(bundled)))


def _start(lesson: Lesson, bundled: runs.Run) -> None:
    own = own_study(lesson)
    if own is None or own.state not in live.ACTIVE:  # a second click before the first one was drawn
        run_control.queue(study_artifacts.again(bundled, f"{lessons.TITLE}{lesson.title}"),
                          lambda run_id: address.write(address.STUDY, run_id))
