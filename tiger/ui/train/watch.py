"""Watch a run train: state, progress, controls, knobs, curves, one stepped batch, and how it ended."""

import inspect
from typing import Any

import streamlit as st

from tiger import quantizers, reports, runs
from tiger.runs.records import Status
from tiger.ui.shared import diagnoses, live, run_watch, state
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.train import walk


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """Everything about one run, from its folder. The page calls this in a polling fragment.

    Args:
        seen: the run's state when the page was drawn.
    """
    status = run_watch.controls(run, seen, about(run))
    run_watch.charts(run, live.feed(run, status), (live.LOSS, live.PERPLEXITY, live.DEAD), run.codes_per_level())
    if status.state in live.ACTIVE:
        stepped(run, status)
    else:
        run_watch.how_it_ended(run, status)
        seen_result(run)
    gradient(run_watch.learner(run))


def gradient(cls: Any) -> None:
    """Where it was worked out: what the weights learn from one batch, as a formula and as code."""
    if not cls.gradient_formula:
        return
    with st.expander("The gradient of a training step", icon=":material/function:"):
        st.latex(cls.gradient_formula)
        st.caption("B rows a batch. sR stands for the estimator: the identity (straight-through), a rotation, or 0. Training "
                   "itself uses PyTorch's autograd; a test holds this function equal to it.")
        st.code(inspect.getsource(cls.gradient_function), wrap_lines=True)


def about(run: runs.Run) -> str:
    """What trains, in one line."""
    given = run.learner
    shape = f"{given.params['n_levels']} levels of {reports.sizes_summary(run.codes_per_level())} codes"
    return f"{quantizers.REGISTRY[given.name].title}, {shape}, run {run.id}"


def stepped(run: runs.Run, status: Status) -> None:
    """In step mode: what the last batch's residuals look like at each level."""
    if status.state != "paused":
        return
    trace = run.step_trace()
    if trace is None:
        st.caption("Press “Step one batch” to see one batch go through the levels.")
    else:
        walk.batch(run, trace)


def seen_result(run: runs.Run) -> None:
    """What the doctor says of the result, and where to look next."""
    if run.has_result():
        diagnoses.verdict(run)
        with st.container(horizontal=True):
            for key, label in (("codebooks", "See its codes"), ("doctor", "Ask the doctor")):
                st.page_link(BY_KEY[key].file, label=label, icon=BY_KEY[key].icon, query_params=state.link_params())
