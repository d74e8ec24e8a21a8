"""The Lessons page: choose a lesson, predict, and see what was measured."""

import streamlit as st

from tiger import runs
from tiger.datasets import registry
from tiger.plots import drift as drift_plot
from tiger.plots import studies as study_plot
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as drift_report
from tiger.reports import lessons
from tiger.reports.lessons import Lesson
from tiger.runs import study_artifacts, supervisor
from tiger.ui.shared import exports, layout, live, state
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.studies import studies as ui_studies


def pick() -> Lesson:
    """The lesson that the address names, else the first."""
    asked = st.query_params.get("lesson", lessons.LESSONS[0].key)
    if asked not in lessons.BY_KEY:
        state.notice(f"There is no lesson '{asked[:40]}'; here is the first.")
        asked = lessons.LESSONS[0].key
    st.session_state["lesson_pick"] = asked
    st.pills("Lesson", list(lessons.BY_KEY), key="lesson_pick", format_func=lambda key: lessons.BY_KEY[key].title,
             on_change=_choose, label_visibility="collapsed")
    return lessons.BY_KEY[asked]


def _choose() -> None:
    if st.session_state["lesson_pick"]:
        st.query_params["lesson"] = st.session_state["lesson_pick"]


def own_study(lesson: Lesson) -> runs.Run | None:
    """What this visitor ran for the lesson; None before."""
    return _find(st.session_state.get(f"own:{lesson.key}"))


def _find(run_id: str | None) -> runs.Run | None:
    try:
        return runs.find(run_id) if run_id else None
    except ValueError:  # deleted meanwhile
        return None


def tell(lesson: Lesson, own: runs.Run | None) -> None:
    """The story, the prediction, and after it what was measured: here where that is done, else what is bundled."""
    st.subheader(lesson.title, anchor=False)
    st.markdown(lesson.story)
    chosen = st.radio(f"**{lesson.question}**", lesson.options, index=None, key=f"predict:{lesson.key}")
    if chosen is None:
        st.caption("Predict first; then the measurement is shown.")
        return
    measured = own if own is not None and own.state == "finished" else _find(lesson.study)
    rows = ui_studies.rows(measured) if measured is not None else []
    if rows:
        reveal(lesson, rows, lesson.options.index(chosen))
    else:
        st.info("The measurement is not there yet; run it below.", icon=":material/hourglass_empty:")
    run_again(lesson, own)


def reveal(lesson: Lesson, rows: list[dict], chosen: int) -> None:
    """Whether the prediction held, the numbers, the picture and the moral."""
    right = lesson.answer(rows)
    if chosen == right:
        st.success(f"As you predicted: **{lesson.options[right]}**.", icon=":material/check_circle:")
    else:
        st.warning(f"Measured: **{lesson.options[right]}**.", icon=":material/lightbulb:")
    words = lesson.reveal(rows)
    st.markdown(layout.plain(words))
    figure, table = picture(lesson, rows, words)
    st.plotly_chart(figure, key=f"lesson:{lesson.key}", alt=words, config=exports.config(lesson.key))
    exports.under(figure, f"lesson-{lesson.key}", table)
    st.markdown(f"**Remember:** {lesson.moral(rows)}")
    page = BY_KEY[lesson.page]
    st.page_link(page.file, label=f"Go deeper: {page.title}", icon=page.icon, query_params=state.link_params())


def picture(lesson: Lesson, rows: list[dict], words: str):  # type: ignore[no-untyped-def]
    """The lesson's figure and its table."""
    if lesson.kind == "cold":
        frame = cold_report.cold_frame(rows)
        return study_plot.cold_lines(cold_report.over_k(frame), "k", "K, length of the list", words), frame
    if lesson.kind == "diversity":
        frame = diversity_report.diversity_frame(rows)
        return study_plot.recall_entropy(frame, words), frame
    frame = drift_report.drift_frame(rows)
    if frame["period"].max() > 1:
        return drift_plot.over_periods(frame, "changed", "IDs that changed since the first day", words), frame
    if lesson.values.get("reader", True):
        strongest = frame[frame["strength"] == frame["strength"].max()]
        return drift_plot.recalls(strongest, words), strongest
    return drift_plot.changed_bars(frame, words), frame


def run_again(lesson: Lesson, own: runs.Run | None) -> None:
    """Run the lesson's study here, offline, in under a minute, and watch it."""
    if own is not None:
        status = own.status
        if status.state in live.ACTIVE:
            live.progress(status)
        elif status.state == "finished":
            st.caption("These numbers were measured just now, on this machine.")
        else:
            st.error(layout.plain(status.message or "It ended early; run it again."), icon=":material/error:")
    busy = own is not None and own.state in live.ACTIVE
    st.button("Run it here", icon=":material/play_arrow:", key=f"run:{lesson.key}", on_click=_start, args=(lesson,),
              disabled=busy, help="The same measurement on the bundled shop, on this machine, offline; under a minute on two "
                                  "free cores.")


def _start(lesson: Lesson) -> None:
    model = None if lesson.kind == "cold" else state.DEMO_MODEL
    config = study_artifacts.request(lesson.kind, registry.bundled().ref, state.DEMO_RUN, lesson.values, model,
                                     f"Lesson: {lesson.title}")
    try:
        st.session_state[f"own:{lesson.key}"] = supervisor.current().submit(config).id
    except (ValueError, TimeoutError) as error:
        state.notice(str(error))
