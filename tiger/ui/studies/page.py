"""The page of any kind of study: choose a study, watch it, draw what it measured, start another one."""

import streamlit as st

from tiger import studies
from tiger.runs import study_artifacts
from tiger.ui.shared import layout, live, pickers, state
from tiger.ui.studies import cold, diversity, drift, study
from tiger.ui.studies.study import StudyView

VIEWS: dict[str, StudyView] = {"drift": drift.VIEW, "cold": cold.VIEW, "diversity": diversity.VIEW}
"""Kind of study to how its page draws it. A new kind is one file with a ``VIEW`` and one entry here."""


def show(name: str) -> None:
    """Everything below the page's heading."""
    kind, view, parent, run = studies.find(name), VIEWS[name], state.current_run(), study.current(name)
    study.pick(name, run)
    if run is not None:
        seen = live.states(run)
        st.fragment(study.watch, run_every=live.interval(seen))(run, seen)
        for text in study_artifacts.notes(run):
            st.info(layout.plain(text), icon=":material/info:")
    chosen = pickers.view(view.view) if view.view is not None else ""
    with layout.guard("The study"):
        if chosen in view.alone:
            view.alone[chosen]()
        elif run is None:
            layout.empty(f"No {name} study of this dataset yet. Start one below.")
        elif (found := study.answer(run)) is None:
            layout.empty(view.waiting)
        else:
            view.draw(found, chosen)
            study.save_buttons(found)
    view.foot()
    study.new_study(view, kind, parent, run)
