"""What the pages of all kinds of study share: which study is shown, its answer, its widgets, and starting another one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.core import params, paths
from tiger.datasets import registry
from tiger.datasets.reference import Values
from tiger.reports import lessons, study_page, study_report
from tiger.reports.study_report import Study
from tiger.runs import study_artifacts
from tiger.studies.base import StudyKind
from tiger.studies.drift import version_files
from tiger.ui.shared import address, caching, exports, forms, layout, run_control, state
from tiger.ui.shared.once import once

NO_MODEL = "train a small one for this study"
IMPORTED = ("The selected run is imported or recorded elsewhere, so there is no quantizer that could encode new vectors. Choose "
            "a run that was trained here.")


@dataclass(frozen=True)
class Answer:
    """A study's rows so far."""

    run: runs.Run
    study: Study[Any, Any, Any]
    frame: pd.DataFrame


@dataclass(frozen=True)
class StudyView:
    """How the page of a kind of study draws it.

    Args:
        action: label of the button that starts one.
        waiting: what the page says before the first row.
        draw: draws an answer, in one of the views.
        view: the address's parameter with the names of the views; None where there is one.
        alone: those of the views that need no study.
        fields: draws what the form cannot (an upload) and returns the values with it.
        foot: what is explained below every study.
    """

    action: str
    waiting: str
    draw: Callable[[Answer, str], None]
    view: address.Choice | None = None
    alone: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    fields: Callable[[Values], Values] = dict
    foot: Callable[[], None] = lambda: None


def here(kind: str) -> list[runs.Run]:
    """Studies of the current dataset, newest first."""
    return [run for run in runs.list_runs() if run.config.kind == kind and state.is_here(run)]


def current(kind: str) -> runs.Run | None:
    """The study that the address names, else what this session looked at, else the newest; None without any.

    A lesson's study is shown where it is asked for only.
    """
    known, requested = {run.id: run for run in here(kind)}, address.text_of(address.STUDY)
    found = known.get(requested or st.session_state.get(f"at_{kind}", ""))
    if requested and found is None:
        state.notice(f"No {kind} study '{requested[:60]}' of this dataset exists here; it may have been deleted.")
    found = found or next((run for run in known.values() if not run.title.startswith(lessons.TITLE)), None)
    look_at(kind, found.id if found else None)
    return found


def look_at(kind: str, run_id: str | None) -> None:
    """Look at this study from now on."""
    st.session_state[f"at_{kind}"] = run_id
    address.write(address.STUDY, run_id)


def pick(kind: str, shown: runs.Run | None) -> None:
    """A choice among the studies, where there is one."""
    known = {run.id: layout.run_label(run) for run in here(kind)}
    if shown is None or len(known) < 2:
        return
    st.selectbox("Study", list(known), format_func=lambda run_id: known.get(run_id, run_id), key=f"pick:{kind}",
                 on_change=state.show(f"pick:{kind}", shown.id, partial(look_at, kind)))


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """State, progress and buttons of a study; the page calls this in a polling fragment."""
    status = run_control.head(run, seen)
    if status.active:
        n_rows = len(study_artifacts.rows(run))
        if n_rows != st.session_state.setdefault(f"rows:{run.id}", n_rows):
            st.session_state[f"rows:{run.id}"] = n_rows
            st.rerun()
    else:
        run_control.how_it_ended(run, status)


def answer(run: runs.Run) -> Answer | None:
    """Everything that the study has measured so far; None before the first row."""
    log = run.path / "events.jsonl"
    return _answer(run, log.stat().st_size if log.exists() else 0)


@caching.resource(32)
def _answer(run: runs.Run, log_bytes: int) -> Answer | None:
    """Read once for every length of the study's log."""
    if not study_artifacts.rows(run):
        return None
    study = study_report.read(run)
    return Answer(run, study, study_page.REPORTS[run.config.kind].frame(study.rows))


def new_study(view: StudyView, kind: StudyKind[Any, Any, Any], parent: runs.Run | None, shown: runs.Run | None) -> None:
    """The form, the equal command and the button that starts a study; folded away while one is shown.

    Args:
        parent: the run in the sidebar, whose codes it will be about.
    """
    with layout.folded(f"{view.action} with your own settings", f"new:{kind.name}:{shown is None}", ":material/tune:",
                       shown is None) as drawn:
        if not drawn:
            return
        if parent is None or not parent.has_result():
            layout.empty("A study needs a finished run of this dataset.", "train", "Train one")
            return
        if kind.needs_quantizer and parent.config.quantizer is None:
            st.info(IMPORTED, icon=":material/info:")
            return
        with layout.guard("The form"):
            values = view.fields(forms.fields(params.specs(kind.params), f"study:{kind.name}", columns=4))
            model = pick_model(parent)
            title = st.text_input("Title", f"{kind.title} of {parent.title}", key=f"study_title:{kind.name}", max_chars=100)
            config = study_artifacts.request(kind.name, state.dataset_ref(), parent.id, values, model, title)
            run_control.start(config, view.action, f"start:{kind.name}", lambda run_id: look_at(kind.name, run_id),
                              check=lambda: check_files(kind, values))


def pick_model(parent: runs.Run) -> str | None:
    """A recommender that writes this run's IDs, or None for a small one that the study trains."""
    fitting = {run.id: run.title for run in state.models_here()
               if run.config.ids_run == parent.id and run.has_result()}
    chosen = st.selectbox("Recommender", [*fitting, ""], key=f"study_model:{parent.id}",
                          format_func=lambda run_id: fitting.get(run_id, NO_MODEL),
                          help="The recommender to evaluate; it must write the IDs of the selected run.")
    return chosen or None


def check_files(kind: StudyKind[Any, Any, Any], values: Mapping[str, Any]) -> None:
    """Raise ValueError where a parameter names a file that this server may not read."""
    for name in kind.path_params:
        check_own_file(str(values.get(name) or ""))


def check_own_file(path: str) -> None:
    """Raise ValueError where a path that was typed, or a file that it names, lies outside what this server may read.

    Uploads are fine.
    """
    uploads = paths.subfolder("uploads").resolve()
    whole = [path] if path and Path(path).expanduser().exists() else []
    for find in (lambda: whole, lambda: version_files(path)):  # a folder is not opened before it was checked itself
        for file in find():
            if not Path(file).expanduser().resolve().is_relative_to(uploads):
                paths.check_readable(file)


def keep_upload(label: str, endings: list[str], key: str, words: str, several: bool = False) -> str:
    """A file from the visitor's own machine: its path on the server, a folder for several, "" where none was given."""
    given = st.file_uploader(label, endings, accept_multiple_files=several, key=key, help=words)
    found = given if isinstance(given, list) else [given] if given is not None else []
    if not found:
        return ""
    known, name = st.session_state.setdefault("kept_uploads", {}), ",".join(file.file_id for file in found)
    if name not in known:  # every rerun hands the same files over again
        folder = registry.keep_upload({file.name: file.getvalue() for file in found})
        known[name] = str(folder if len(found) > 1 else folder / registry.safe_name(found[0].name))
    return str(known[name])


def save_buttons(shown: Answer) -> None:
    """Save what the study has measured so far: as one HTML file, and its numbers as CSV."""
    run, kind = shown.run, shown.run.config.kind
    with st.container(horizontal=True):
        st.download_button("Report as HTML", lambda: study_page.page(run), f"{run.id}.html", "text/html",
                           key=f"{kind}_report", icon=":material/download:", type="tertiary", on_click="ignore",
                           help="One file with all figures and numbers; it opens without a network.")
        exports.csv_button(once(study_page.REPORTS[kind].table, shown.frame), f"{run.id}-numbers", "Numbers as CSV")


def percent_columns(frame: pd.DataFrame, words: tuple[str, ...]) -> dict[str, Any]:
    """Column settings: those whose name holds one of the words as percent."""
    share = st.column_config.NumberColumn(format="percent")
    return {column: share for column in frame if any(word in str(column) for word in words)}
