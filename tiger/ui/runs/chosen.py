"""What can be done with the chosen runs: open, rename, note, tag, star, delete."""

from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from tiger import runs
from tiger.core import access
from tiger.core.words import counted
from tiger.reports import runs_rows
from tiger.reports.runs_rows import Row
from tiger.runs import config as run_config
from tiger.runs import index, labels
from tiger.runs.run import Run
from tiger.ui.runs import view
from tiger.ui.shared import layout, state
from tiger.ui.shared.pagelist import BY_KEY

PAGES = {"quantizer": ("train", "codebooks", "map", "tree", "doctor"), "import": ("codebooks", "map", "tree", "doctor"),
         "external": ("train", "codebooks", "map", "tree", "doctor"), "model": ("recommender", "beam"), "drift": ("drift",),
         "cold": ("cold",), "diversity": ("diversity",)}
"""Where a run of each kind can be looked at."""


def rows() -> tuple[Row, ...]:
    """The chosen runs; ids of the address that no run has are forgotten, with a word."""
    ids = view.chosen_ids()
    if not ids:
        return ()
    folders = {run_id: _folder(run_id) for run_id in ids}
    known = {run_id: index.of(run) for run_id, run in folders.items() if run is not None}
    gone = [run_id for run_id in ids if run_id not in known]
    if gone:
        state.notice(f"{len(gone)} of the chosen runs, such as '{gone[0][:60]}', do not exist here; they may have been deleted.")
        view.choose([run_id for run_id in ids if run_id in known])
    return runs_rows.rows_of([known[run_id] for run_id in ids if run_id in known])


def _folder(run_id: str) -> Run | None:
    try:
        return runs.find(run_id)
    except ValueError:
        return None


def actions(chosen: Sequence[Row]) -> None:
    """The name of the one chosen run, or how many are chosen, and what can be done with them."""
    if not chosen:
        st.caption("Tick the box at the left of a row to choose a run; tick two or more to compare them.")
        return
    own = [row.entry.run for row in chosen if not row.entry.run.read_only]
    one = chosen[0] if len(chosen) == 1 else None
    with st.container(border=True, key="chosen_runs"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(layout.plain(one.entry.title) if one else counted(len(chosen), "run"), anchor=False, width="content")
            if one:
                _links(one)
            st.space("stretch")
            if own:
                _buttons(own)
        if one:
            about(one)
        if not own:
            others = " and those of others" if access.current() else ""
            st.caption(f"Bundled runs{others} cannot be renamed, tagged or deleted.")


def about(row: Row) -> None:
    """One run's facts, and the command that makes the same."""
    entry = row.entry
    words = [row.method, row.dataset, row.state, row.verdict.title if row.verdict else "", entry.id]
    st.caption(layout.plain(" · ".join(filter(None, words))))
    if entry.labels.note:
        st.markdown(layout.plain(entry.labels.note))
    if entry.labels.tags:
        st.markdown(" ".join(f":gray-badge[{layout.plain(tag)}]" for tag in entry.labels.tags))
    if entry.config.kind in ("quantizer", "model", "sweep"):
        with layout.guard("The command"):
            st.code(run_config.command(entry.config), language="bash", wrap_lines=True)


def _links(row: Row) -> None:
    """The pages that show this run, each with the run and its dataset in the address."""
    kind, run_id = row.entry.config.kind, row.entry.id
    param = "model" if kind == "model" else "run" if kind in ("quantizer", "import", "external") else "study"
    query = {param: run_id} if param != "study" else state.link_params(study=run_id)
    for key in PAGES.get(kind, ()):
        st.page_link(BY_KEY[key].file, label=BY_KEY[key].title, icon=BY_KEY[key].icon, query_params=query)


def _buttons(own: Sequence[Run]) -> None:
    """Star, sharing, name and note, tags, delete."""
    found = [run.labels for run in own]
    starred = all(one.starred for one in found)
    st.button("Remove star" if starred else "Star", icon=":material/star:", key="runs:star", on_click=each,
              args=(own, lambda run: runs.label(run, starred=not starred)))
    if access.current():
        shared = all(one.shared for one in found)
        st.button("Stop sharing" if shared else "Share with the class", icon=":material/group:", key="runs:share", on_click=each,
                  args=(own, lambda run: runs.label(run, shared=not shared)), help="Everybody may then look at it.")
    with st.popover("Edit", icon=":material/edit:"):
        _edit(own, found)
    with st.popover("Delete", icon=":material/delete:"):
        _delete(own)


def _edit(own: Sequence[Run], found: Sequence[labels.Labels]) -> None:
    key = f"runs:edit:{','.join(run.id for run in own)}"
    one = own[0] if len(own) == 1 else None
    common = [tag for tag in found[0].tags if all(tag in labelled.tags for labelled in found)]
    with st.form(key, border=False):
        if one:
            st.text_input("Name", one.title, key=f"{key}:name", max_chars=labels.MAX_NAME)
        st.text_input("Tags" if one else "Tags that all of them get", " ".join(common), key=f"{key}:tags",
                      help="Words with a space between them.")
        if one:
            st.text_area("Note", found[0].note, key=f"{key}:note", max_chars=labels.MAX_NOTE)
        st.form_submit_button("Save", on_click=save, args=(own, key, common))


def save(own: Sequence[Run], key: str, common: Sequence[str]) -> None:
    """Write what the form holds; tags that the form no longer has are taken off all of the runs."""
    typed = st.session_state[f"{key}:tags"].replace(",", " ").split()

    def write(run: Run) -> None:
        kept = [tag for tag in run.labels.tags if tag not in common]
        if len(own) == 1:
            runs.label(run, name=st.session_state[f"{key}:name"], note=st.session_state[f"{key}:note"], tags=[*kept, *typed])
        else:
            runs.label(run, tags=[*kept, *typed])

    each(own, write)


def _delete(own: Sequence[Run]) -> None:
    size = sum(map(runs.size_bytes, own))
    words = f"'{own[0].title}'" if len(own) == 1 else counted(len(own), "run")
    st.markdown(layout.plain(f"Delete {words} for good? This frees {size / 1e6:,.1f} MB."))
    st.button("Delete for good", type="primary", key="runs:delete", on_click=delete, args=(own,))


def delete(own: Sequence[Run]) -> None:
    """Delete the runs that can be; what forbids it is said."""
    each(own, runs.delete)
    view.choose([run_id for run_id in view.chosen_ids() if run_id not in {run.id for run in own if not run.path.exists()}])


def each(own: Sequence[Run], do: Callable[[Run], Any]) -> None:
    """Do something with every run; an error with one does not keep the others from it."""
    for run in own:
        layout.attempt(do, run)
