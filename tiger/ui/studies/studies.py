"""What the pages Drift, Cold items and Diversity share: which study is shown, starting one, watching it run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from tiger import runs
from tiger.core import params, paths
from tiger.datasets import registry
from tiger.reports import study_page
from tiger.runs import config as run_config
from tiger.runs import study_artifacts, supervisor
from tiger.runs.records import STATE_SUMMARY
from tiger.studies import drift
from tiger.ui.shared import forms, layout, live, state

NO_MODEL = "train a small one for this study"


def here(kind: str) -> list[runs.Run]:
    """Studies of the current dataset, newest first; those that are part of a lesson are left to it."""
    return [run for run in runs.list_runs() if run.config.kind == kind and state.is_here(run)
            and not run.id.startswith("lesson-")]


def current(kind: str) -> runs.Run | None:
    """The study that the address names, else what this session looked at, else the newest; None without any."""
    known = {run.id: run for run in here(kind)}
    asked = st.query_params.get("study")
    if asked and asked not in known:
        state.notice(f"No {kind} study '{asked[:60]}' of this dataset exists here; it may have been deleted.")
    found = known.get(asked or st.session_state.get(f"at_{kind}", "")) or next(iter(known.values()), None)
    remember(kind, found.id if found else None)
    return found


def remember(kind: str, run_id: str | None) -> None:
    """Look at this study from now on."""
    st.session_state[f"at_{kind}"] = run_id
    if run_id is None:
        st.query_params.pop("study", None)
    elif st.query_params.get("study") != run_id:
        st.query_params["study"] = run_id


def picker(kind: str, shown: runs.Run | None) -> None:
    """A choice among the studies, where there is one."""
    known = {run.id: f"{run.title} · {run.state}" for run in here(kind)}
    if shown is None or len(known) < 2:
        return
    st.session_state[f"pick:{kind}"] = shown.id
    st.selectbox("Study", list(known), format_func=lambda run_id: known.get(run_id, run_id), key=f"pick:{kind}",
                 on_change=lambda: remember(kind, st.session_state[f"pick:{kind}"]))


def new_study(kind: str, parent: runs.Run | None, shown: runs.Run | None, words: str,
              more: Callable[[dict[str, Any]], dict[str, Any]] = dict) -> None:
    """The form, the equal command and the button that starts a study; folded away while one is shown.

    Args:
        parent: the run in the sidebar, whose codes it will be about.
        words: what the button says.
        more: draws what the form cannot (an upload) and returns the values with it.
    """
    with st.expander(f"{words} with your own settings", expanded=shown is None, icon=":material/tune:"):
        if parent is None or not parent.has_result():
            layout.empty("A study needs a finished run of this dataset.", "train", "Train one")
            return
        if parent.config.kind == "import":
            st.info("The run in the sidebar is imported, so there is no quantizer that could read new vectors. Choose a "
                    "run that was trained here.", icon=":material/info:")
            return
        with layout.guard("The form"):
            values = more(forms.fields(params.specs(run_config.study_class(kind)), f"study:{kind}", columns=4))
            model = pick_model(parent)
            title = st.text_input("Title", f"{kind.capitalize()} of {parent.title}", key=f"study_title:{kind}", max_chars=100)
            config = study_artifacts.request(kind, state.dataset_ref(), parent.id, values, model, title)
            st.caption("The same from a terminal:")
            st.code(run_config.command(config), language="bash", wrap_lines=True)
            st.button(words, type="primary", icon=":material/play_arrow:", key=f"start:{kind}", on_click=start,
                      args=(kind, config))


def pick_model(parent: runs.Run) -> str | None:
    """A recommender that writes this run's IDs, or None for a small one that the study trains."""
    fitting = {run.id: run.title for run in state.models_here()
               if run.config.ids_run == parent.id and run.has_result()}
    options = [*fitting, ""]
    chosen = st.selectbox("Recommender", options, key=f"study_model:{parent.id}",
                          format_func=lambda run_id: fitting.get(run_id, NO_MODEL),
                          help="Whose recommendations are measured; it must write the IDs of the run in the sidebar.")
    return chosen or None


def start(kind: str, config: runs.RunConfig) -> None:
    """Queue the study and look at it; what forbids it is said at the top of the page."""
    def submit() -> str:
        for name in ("path", "ids"):
            check_own_file(str(config.study.params.get(name) or "") if config.study else "")
        return supervisor.current().submit(config).id

    made = layout.attempt(submit)
    if made is not None:
        remember(kind, made)


def check_own_file(path: str) -> None:
    """Raise ValueError where a path that was typed, or a file that it names, lies outside what this server may read.

    Uploads are fine.
    """
    uploads = paths.subfolder("uploads").resolve()
    whole = [path] if path and Path(path).expanduser().exists() else []
    for find in (lambda: whole, lambda: drift.version_files(path)):  # a folder is not opened before it was checked itself
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


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """State, progress and buttons of a study; the page calls this in a polling fragment."""
    live.follow(seen, run)
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{layout.plain(run.title)}**", width="content")
        word, (color, icon) = STATE_SUMMARY[status.state], live.BADGES[status.state]
        st.badge(word, icon=icon, color=color)  # type: ignore[arg-type]
        st.space("stretch")
        if not run.read_only:
            buttons(run, status.state)
    if status.state in live.ACTIVE:
        live.progress(status)
        n_rows = len(study_artifacts.rows(run))
        if n_rows != st.session_state.get(f"rows:{run.id}", n_rows):
            st.session_state[f"rows:{run.id}"] = n_rows
            st.rerun()
        st.session_state[f"rows:{run.id}"] = n_rows
    elif status.state in ("failed", "interrupted", "stopped"):
        words = status.message or "It ended before it was done; resume it to go on behind what is there."
        (st.error if status.state == "failed" else st.info)(layout.plain(words), icon=":material/info:")


def buttons(run: runs.Run, now: str) -> None:
    """What can be asked of a study in its present state."""
    if now in live.ACTIVE:
        st.button("Stop", icon=":material/stop:", key="study:stop", on_click=_ask, args=(lambda: run.control("stop"),))
    elif now in supervisor.RESUMABLE:
        st.button("Resume", icon=":material/resume:", type="primary", key="study:resume", on_click=_ask,
                  args=(lambda: supervisor.current().resume(run.id),))


def report_button(run: runs.Run) -> None:
    """Save what the study has measured so far as one HTML file."""
    kind = run.config.kind
    st.download_button("Report as HTML", lambda: study_page.PAGES[kind](run), f"{run.id}.html", "text/html",
                       key=f"{kind}_report", icon=":material/download:", type="tertiary", on_click="ignore",
                       help="One file with all figures and numbers; it opens without a network.")


def _ask(do: Any) -> None:
    layout.attempt(do, say=layout.toast)


@st.cache_data(max_entries=32, show_spinner=False)
def _rows(run_id: str, size: int) -> list[dict[str, Any]]:
    return study_artifacts.rows(runs.find(run_id))


def rows(run: runs.Run) -> list[dict[str, Any]]:
    """A study's rows so far; read once for every length of its log."""
    log = run.path / "events.jsonl"
    return _rows(run.id, log.stat().st_size if log.exists() else 0)


def about(run: runs.Run) -> dict[str, Any]:
    """What the study is about."""
    return study_artifacts.about(run)


def notes(run: runs.Run) -> None:
    """Sentences on how the data were made to fit."""
    for text in study_artifacts.notes(run):
        st.info(layout.plain(text), icon=":material/info:")


def numbers_of(frame: pd.DataFrame, words: tuple[str, ...]) -> dict[str, Any]:
    """Column settings: shares as percent, everything else with three digits."""
    share = st.column_config.NumberColumn(format="percent")
    return {column: share for column in frame if any(word in str(column) for word in words)}
