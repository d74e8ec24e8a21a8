"""A run that trains, as Train and Recommender show it: its command line, state, buttons, progress, curves and end."""

from collections.abc import Sequence
from typing import Any

import streamlit as st

from tiger import runs
from tiger.core import params
from tiger.runs import config as run_config
from tiger.runs import supervisor
from tiger.runs.records import Status
from tiger.ui.shared import layout, live
from tiger.ui.shared.forms import float_step, words
from tiger.ui.shared.live_feed import Feed


def command(config: dict) -> None:
    """The line for the terminal that does the same."""
    with st.container(key="command"):
        st.caption("The same from a terminal:")
        st.code(runs.command_line(config), language=None, wrap_lines=True)


def controls(run: runs.Run, seen: tuple[str, ...], words: str) -> Status:
    """What every run that trains has: state, buttons, progress, knobs. Returns the status that is shown.

    Args:
        words: what trains, in one line.
    """
    live.follow(seen, run)
    status = run.status
    head(run, status, words)
    live.progress(status)
    if status.state in ("running", "paused") and not run.read_only:
        knobs(run)
    return status


def head(run: runs.Run, status: Status, words: str) -> None:
    """Title, state and buttons in one row that wraps on a narrow screen."""
    with st.container(horizontal=True, vertical_alignment="center", key="run_head"):
        st.subheader(layout.plain(run.title), anchor=False, width="content")
        live.badge(run, status)
        st.space("stretch")
        if not run.read_only:
            buttons(run, status)
    st.caption(layout.plain(words))
    if status.state == "queued":
        st.info(queue_summary(run), icon=":material/hourglass_empty:")


def buttons(run: runs.Run, status: Status) -> None:
    """What can be asked of the run in its present state."""
    now = status.state
    if now == "running" and learner(run).steppable:
        _button("Pause", ":material/pause:", run.control, "pause")
    elif now == "paused":
        _button("Go on", ":material/play_arrow:", run.control, "run")
        _button("Step one batch", ":material/skip_next:", run.step)
    if now in live.ACTIVE:
        _button("Stop", ":material/stop:", run.control, "stop")
    elif now in ("stopped", "interrupted", "failed"):
        _button("Resume", ":material/resume:", supervisor.current().resume, run.id, kind="primary")


def learner(run: runs.Run) -> Any:
    """The quantizer or recommender that trains, as a class."""
    return run_config.learner_class(run.learner.name)


def _button(label: str, icon: str, ask: Any, *args: Any, kind: Any = "secondary") -> None:
    st.button(label, icon=icon, type=kind, key=f"do:{label}", on_click=_ask, args=(ask, *args))


def _ask(ask: Any, *args: Any) -> None:
    layout.attempt(ask, *args, say=layout.toast)


def queue_summary(run: runs.Run) -> str:
    """Where a waiting run stands."""
    waiting = [other.id for other in supervisor.current().queue()]
    if run.id not in waiting:
        return "Starting: the worker loads the dataset."
    before = waiting.index(run.id)
    return "Next in line; it starts as soon as a worker is free." if before == 0 else \
        f"{before} {'run waits' if before == 1 else 'runs wait'} before this one."


def knobs(run: runs.Run) -> None:
    """The hyper-parameters that act while it trains. Each change is marked on the curves."""
    specs = run_config.live_specs(run.learner.name)
    if not specs:
        return
    asked = run.live_params()
    with st.container(border=True, key="live_params"):
        st.caption("Turn while it trains; each change is marked on the curves.")
        for column, spec in zip(st.columns(len(specs)), specs, strict=True):
            _knob(column, run, spec, asked[spec.name])


def _knob(place: Any, run: runs.Run, spec: params.Spec, asked: float) -> None:
    """One number that acts at once.

    The value asked for is the widget's default, and a knob that somebody else turned gets a new widget: a value
    written into the widget's state would be lost, or overwrite what is being typed, when two ticks meet.
    """
    seen = f"live_param:{run.id}:{spec.name}"
    value, version = st.session_state.get(seen, (asked, 0))
    if value != asked:
        version += 1
    st.session_state[seen] = asked, version
    key = f"{seen}:{version}"
    place.number_input(words(spec.name), spec.low, spec.high, float(asked), step=float_step(spec, spec.default), key=key,
                       format="%g", help=spec.help, on_change=_turn, args=(run, spec.name, key, seen))


def _turn(run: runs.Run, name: str, key: str, seen: str) -> None:
    value = st.session_state[key]
    if value is not None:
        _ask(lambda: run.control(live_params={name: value}))
    st.session_state[seen] = run.live_params()[name], st.session_state[seen][1]


def charts(run: runs.Run, curves: Feed, charts: tuple[live.Chart, ...], sizes: Sequence[int] = ()) -> None:
    """Those of the curves that the run reports, side by side where there is room."""
    shown = [chart for chart in charts if live.has(chart, curves)]
    if not shown:
        words = "appear with the first measured step" if run.state in live.ACTIVE else "are missing: it measured no step"
        st.container(border=True).caption(f"The curves {words}.")
        return
    for column, chart in zip(st.columns(len(shown)), shown, strict=True):
        with column:
            live.draw(chart, curves, sizes, key=f"live:{run.id}:{chart.title}")
    st.caption(live.now_summary(curves, sizes))


def how_it_ended(run: runs.Run, status: Status) -> None:
    """What happened to a run that is over, in one sentence."""
    if status.state == "interrupted":
        st.warning(layout.plain(f"{status.message} Nothing up to the last checkpoint is lost; a resumed run has the same "
                                "result."), icon=":material/power_off:")
    elif status.state == "failed":
        st.error(layout.plain(status.message or "The run failed without a word."), icon=":material/error:")
        if run.log():
            st.expander("The worker's log").code(run.log(), language=None, wrap_lines=True)
    elif status.state == "stopped":
        st.info(f"Stopped after {status.step:,} of {status.n_steps:,} steps; Resume goes on from there.",
                icon=":material/stop:")
