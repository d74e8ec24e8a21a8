"""Watch a quantizer train: curves, live parameters, one stepped batch, and what the result is like."""

import inspect

import streamlit as st

from tiger import quantizers, reports, runs
from tiger.runs.records import Status
from tiger.ui.shared import diagnoses, live, run_control, state
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.train import recorded, walk


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """Everything about one run, from its folder. The page calls this in a polling fragment.

    Args:
        seen: the run's state when the page was drawn.
    """
    if run.external:
        recorded.watch(run, seen)
        return
    status = run_control.head(run, seen, about(run))
    live.charts(run, status, (live.LOSS, live.PERPLEXITY, live.DEAD), run.codes_per_level())
    if status.active:
        stepped(run, status)
    else:
        run_control.how_it_ended(run, status)
        result(run)
    gradient(quantizers.REGISTRY[run.learner.name])


def about(run: runs.Run) -> str:
    """What trains, in one line."""
    given = run.learner
    shape = f"{given.params['n_levels']} levels of {reports.sizes_summary(run.codes_per_level())} codes"
    return f"{quantizers.REGISTRY[given.name].title}, {shape}, run {run.id}"


def gradient(cls: type[quantizers.Quantizer]) -> None:
    """Where it was derived: what the weights learn from one batch, as a formula and as code."""
    if not cls.gradient_formula or cls.gradient_function is None:
        return
    with st.expander("The gradient of a training step", icon=":material/function:"):
        st.latex(cls.gradient_formula)
        st.caption("B is the batch size. sR is the gradient estimator: the identity (straight-through), a rotation, or 0. "
                   "Training itself uses PyTorch's autograd; a test holds this function equal to it.")
        st.code(inspect.getsource(cls.gradient_function), wrap_lines=True)


def stepped(run: runs.Run, status: Status) -> None:
    """In step mode: what the last batch's residuals look like at each level."""
    if status.state != "paused":
        return
    trace = run.step_trace()
    if trace is None:
        st.caption("Press “Step one batch” to see one batch go through the levels.")
    else:
        walk.batch(run, trace)


def result(run: runs.Run) -> None:
    """The doctor's verdict on the result, and where to look next."""
    if not run.has_result():
        return
    diagnoses.verdict(run)
    with st.container(horizontal=True):
        for key, label in (("codebooks", "See its codes"), ("doctor", "See the diagnosis")):
            st.page_link(BY_KEY[key].file, label=label, icon=BY_KEY[key].icon, query_params=state.link_params())
