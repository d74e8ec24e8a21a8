"""Doctor on a run that is recorded elsewhere: diagnosed anew with each newly recorded window; remedies for the library there."""

import streamlit as st

from tiger import runs
from tiger.analysis.doctor import Diagnosis, libraries
from tiger.ui.doctor import answers, view
from tiger.ui.shared import layout, live


def show(run: runs.Run) -> None:
    """The diagnosis, and what helps; again at each tick while the run is recorded."""
    seen = live.states(run)
    st.fragment(_watch, run_every=live.interval(seen))(run, seen)


def _watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    live.follow(seen, run)
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(layout.plain(run.title), anchor=False, width="content")
        live.badge(run, status)
        if status.step:
            st.caption(f"step {status.step:,}", width="content")
    if not run.has_result() and run.window() is None:
        layout.empty(f"**{layout.plain(run.title)}** has recorded no codes yet.", "train", "Watch it train")
        return
    shown = answers.answer(answers.read(run))
    view.consult(shown)
    if shown.run.diagnosis is not None:
        _prescribe(run, shown.run.diagnosis)


def _prescribe(run: runs.Run, found: Diagnosis) -> None:
    """What to change where the run is trained."""
    recording = run.config.recording
    if found.healthy or recording is None:
        return
    library = libraries.find(recording.library)
    if not found.remedies:
        st.info("No setting of this library that the lab has words for helps.", icon=":material/info:")
        return
    st.subheader(f"What to change in {library.title}", anchor=False)
    for place, remedy in enumerate(found.remedies):
        with st.container(border=True):
            st.markdown(f"**{layout.plain(remedy.title)}.** {layout.plain(remedy.why)}")
            st.code(remedy.how, language="python", wrap_lines=True)
            if not place:
                st.caption("The first remedy to try; record the next run the same way, and compare both.")
