"""Watch a training that another program does and ``tiger.watch`` records: curves and the newest diagnosis, nothing to turn."""

import streamlit as st

from tiger import reports, runs
from tiger.analysis.doctor import libraries
from tiger.core.words import counted
from tiger.ui.shared import diagnoses, layout, live, run_control, state
from tiger.ui.shared.pagelist import BY_KEY

LINKS = {"doctor": "See the diagnosis", "codebooks": "See its codes"}


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """Everything about one recorded run, from its folder. The page calls this in a polling fragment.

    Args:
        seen: the run's state when the page was drawn.
    """
    status = run_control.head(run, seen, about(run))
    if status.busy:
        st.caption("Another program trains this run, so it is shown and cannot be paused or stopped here.")
    curves, sizes = live.feed(run, status), run.codes_per_level()
    live.charts(run, status, [live.losses(curves), live.PERPLEXITY, live.DEAD, live.EXPLAINED], sizes)
    if window := curves.last("window"):
        st.caption(f"Perplexity and dead codes are counted over the latest {counted(window, 'recorded code')} of each level, "
                   "from several batches.")
    run_control.how_it_ended(run, status)
    if run.has_result() or run.window() is not None:
        diagnoses.verdict(run)
        kept = run.window()
        if status.busy and kept is not None:
            st.caption(f"The diagnosis is of the codes up to step {int(kept['step'].item()):,}; newer ones follow in seconds.")
        with st.container(horizontal=True):
            for key, label in LINKS.items():
                st.page_link(BY_KEY[key].file, label=label, icon=BY_KEY[key].icon, query_params=state.link_params())


def about(run: runs.Run) -> str:
    """What trains and where, in one line."""
    recording = run.config.recording
    assert recording is not None
    library = libraries.find(recording.library).title if recording.library else "code outside the lab"
    levels = len(recording.n_codes)
    shape = f"{levels} level{'s' * (levels > 1)} of {reports.sizes_summary(recording.n_codes)} codes"
    where = f" on {run.status.host}" if run.status.host else ""
    return layout.plain(f"Trained by {library}{where}, {shape}, run {run.id}")
