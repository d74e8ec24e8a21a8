"""Watch a quantizer train: curves, live parameters, one stepped batch, and what the result is like."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import streamlit as st

from tiger import quantizers, reports, runs
from tiger.core.words import counted
from tiger.reports import at_scale
from tiger.runs.records import Status
from tiger.ui.shared import diagnoses, layout, live, run_control, state
from tiger.ui.shared.pagelist import BY_KEY
from tiger.ui.train import movie, recorded, walk

STEADY = """<style>.st-key-run_head{min-height:42px}
.st-key-live_params,.st-key-verdict{min-height:118px}</style>"""
"""The verdict takes the place of the live parameters, as tall as they are, so that the pictures stay where they are."""


def watch(run: runs.Run, seen: tuple[str, ...]) -> None:
    """Everything about one run, from its folder. The page calls this in a polling fragment.

    Args:
        seen: the run's state when the page was drawn.
    """
    if run.external:
        recorded.watch(run, seen)
        return
    st.html(STEADY)
    status = run_control.head(run, seen, about(run))
    if not status.active:
        with st.container(key="verdict"):
            run_control.how_it_ended(run, status)
            result(run)
    pictures(run, status)
    if status.active:
        stepped(run, status)
    gradient(quantizers.REGISTRY[run.learner.name])


def pictures(run: runs.Run, status: Status) -> None:
    """The curves, and beside that of perplexity the codes themselves."""
    sizes, curves = run.codes_per_level(), live.feed(run, status)
    charts: tuple[live.Chart, ...] = (live.PERPLEXITY, live.RECONSTRUCTION, live.COMMITMENT, live.DEAD)
    if movie.there(run):
        left, right = st.columns([1, 2], gap="medium")
        with left:
            live.draw(live.PERPLEXITY, curves, sizes, f"live:{run.id}:{live.PERPLEXITY.title}", state=status.state)
        with right:
            movie.show(run, status, curves.marks)
        charts = charts[1:]
    live.charts(run, status, charts, sizes)


def about(run: runs.Run) -> str:
    """What trains, in one line."""
    given = run.learner
    shape = f"{counted(given.params['n_levels'], 'level')} of {reports.sizes_summary(run.codes_per_level())} codes"
    return f"{quantizers.REGISTRY[given.name].title}, {shape}, run {run.id}"


def gradient(cls: type[quantizers.Quantizer]) -> None:
    """Where it was derived: what the weights learn from one batch, as a formula and as code, folded away."""
    formula, function = cls.gradient_formula, cls.gradient_function
    if not formula or function is None:
        return

    with layout.folded("The gradient of a training step", "train_gradient", ":material/function:") as drawn:
        if not drawn:
            return
        st.latex(formula)
        st.caption("B is the batch size. sR is the gradient estimator: the identity (straight-through), a rotation, or 0. "
                   "Training itself uses PyTorch's autograd; a test holds this function equal to it.")
        st.code(_source(function), wrap_lines=True)


@functools.cache
def _source(function: Callable[..., Any]) -> str:
    return inspect.getsource(function)


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
    healthy = diagnoses.verdict(run) == "good"
    if said := at_scale.learned_summary(run):
        st.caption(said)
    links = {"codebooks": "Healthy: see which codes mean what", "tree": "See its tree", "map": "See its map",
             "doctor": "See the diagnosis"} if healthy else {"doctor": "Sick: ask the doctor", "codebooks": "See its codes"}
    with st.container(horizontal=True):
        for key, label in links.items():
            st.page_link(BY_KEY[key].file, label=label, icon=BY_KEY[key].icon, query_params=state.link_params())
