"""The one way to a run for Train, Recommender and studies: a form, the equal command line and the button that starts it;
then its state, its progress, what it can be told to do, and how it ended."""

import shlex
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any

import streamlit as st

from tiger import runs
from tiger.core import params
from tiger.core.words import counted
from tiger.datasets.reference import Values
from tiger.runs import config as run_config
from tiger.runs import labels, supervisor
from tiger.runs.records import RESUMABLE, Status
from tiger.ui.shared import forms, layout, live

UNSAID = "Failed without an error message."


def hyper_parameters(cls: Any, key: str, given: Values, without: Collection[str] = ()) -> tuple[Values | None, bool]:
    """A preset's hyper-parameters as a folded form.

    Args:
        cls: the quantizer or recommender.
        key: prefix of the widgets' keys; another key gives a fresh form.
        given: what the preset sets.
        without: hyper-parameters that the page asks for elsewhere.

    Returns:
        Every other value, None where one is refused; and whether any differs from the preset.
    """
    specs, values = [spec for spec in params.specs(cls) if spec.name not in without], None
    with st.expander(f"Hyper-parameters: {cls.title}", icon=":material/tune:"):
        st.caption(cls.summary)
        with layout.guard("The form"):
            values = forms.fields(specs, key, given, columns=3)
    return values, values is not None and values != preset_values(cls, given, without)


def preset_values(cls: Any, given: Values, without: Collection[str] = ()) -> Values:
    """Every hyper-parameter as a preset has it; arguments as ``hyper_parameters``'s."""
    return {spec.name: given.get(spec.name, spec.default) for spec in params.specs(cls) if spec.name not in without}


def start(config: runs.RunConfig, label: str, key: str, look_at: Callable[[str], None], *,
          check: Callable[[], None] | None = None, disabled: bool = False, named: bool = False) -> None:
    """The equal command line, and the button that queues the run.

    Args:
        look_at: takes the new run's id.
        check: raises ValueError where the run must not be started.
        named: whether the run can be given a name here.
    """
    button(command(config, key, named=named), label, key, look_at, check=check, disabled=disabled)


def command(config: runs.RunConfig, key: str, *, named: bool = False) -> runs.RunConfig:
    """Show the equal command line; returns the configuration under the name that was given to the run here."""
    line = run_config.command(config)
    with st.container(key=f"command:{key}"):
        if named:
            name = st.text_input("Name of the run", key=f"name:{key}", placeholder=config.title, max_chars=labels.MAX_NAME,
                                 width=420, help="Shown wherever runs are listed; the Runs page can change it later.")
            if name.strip():
                config = replace(config, title=name.strip())
                line += f" --title {shlex.quote(name.strip())}"
        st.caption("The same on the command line:")
        st.code(line, language="bash", wrap_lines=True)
    return config


def button(config: runs.RunConfig, label: str, key: str, look_at: Callable[[str], None], *,
           check: Callable[[], None] | None = None, disabled: bool = False) -> None:
    """The button that queues the run; arguments as ``start``'s."""
    st.button(label, type="primary", icon=":material/play_arrow:", key=key, on_click=queue, args=(config, look_at, check),
              disabled=disabled)


def queue(config: runs.RunConfig, look_at: Callable[[str], None], check: Callable[[], None] | None = None) -> None:
    """Queue a run and look at it; why it cannot be started is said at the top of the page."""
    def submit() -> str:
        if check is not None:
            check()
        return supervisor.current().submit(config).id

    made = layout.attempt(submit)
    if made is not None:
        look_at(made)


def head(run: runs.Run, seen: tuple[str, ...], words: str = "", titled: bool = True) -> Status:
    """Title, state, buttons and progress; draws the page again when the state changed. Returns the status that is shown.

    Args:
        seen: the run's state when the page was drawn.
        words: what the run does, in one line.
        titled: False where the run's title stands above already.
    """
    live.follow(seen, run)
    status = run.status
    with st.container(horizontal=True, vertical_alignment="center", key="run_head"):
        if titled:
            st.subheader(layout.plain(run.title), anchor=False, width="content")
        live.badge(run, status)
        st.space("stretch")
        if not run.read_only and not run.external:
            _buttons(run, status)
    if words:
        st.caption(layout.plain(words))
    if status.state == "queued":
        st.info(queue_summary(run), icon=":material/hourglass_empty:")
    if status.active or (run.config.learner is not None and status.state != "finished"):  # a full bar says nothing
        live.progress(status, of_runs=run.config.sweep is not None)
    if status.busy and run.config.learner is not None and not run.read_only:
        live_params(run)
    return status


def _buttons(run: runs.Run, status: Status) -> None:
    """What the run can be told to do in its present state."""
    now = status.state
    if now == "running" and (steppable(run) or run.config.study is not None):
        _button("Pause", ":material/pause:", run.control, "pause")
    elif now == "paused":
        _button("Resume", ":material/play_arrow:", run.control, "run")
        if steppable(run):
            _button("Step one batch", ":material/skip_next:", run.step)
    if now in live.ACTIVE:
        _button("Stop", ":material/stop:", run.control, "stop")
    elif now in RESUMABLE:
        _button("Resume", ":material/resume:", supervisor.current().resume, run.id, kind="primary")


def steppable(run: runs.Run) -> bool:
    """Whether it trains batch by batch."""
    given = run.config.learner
    return given is not None and bool(getattr(run_config.learner_class(given.name), "steppable", False))


def _button(label: str, icon: str, do: Callable[..., object], *args: Any, kind: Any = "secondary") -> None:
    st.button(label, icon=icon, type=kind, key=f"do:{label}", on_click=tell, args=(do, *args))


def tell(do: Callable[..., object], *args: Any) -> None:
    """Tell a run something; what forbids it is said once."""
    layout.attempt(do, *args, say=layout.toast)


def queue_summary(run: runs.Run) -> str:
    """Where a waiting run stands."""
    starts = supervisor.current().starts()
    if run.id not in starts:
        return "Starting: the worker loads the dataset."
    before = list(starts).index(run.id)
    words = "Next in the queue; it starts as soon as a worker is free." if before == 0 else \
        f"{before} {'run is' if before == 1 else 'runs are'} before this one in the queue."
    wait_s = starts[run.id]
    return words if not wait_s else f"{words} That takes about {live.duration(wait_s)}."


def live_params(run: runs.Run) -> None:
    """The hyper-parameters that can change while it trains. Each change is marked on the curves."""
    specs = run_config.live_specs(run.learner.name)
    if not specs:
        return
    now = run.live_params()
    with st.container(key="live_params"):
        st.caption("Change these while it trains; each change is marked on the curves.")
        for column, spec in zip(st.columns(len(specs)), specs, strict=True):
            _live_param(column, run, spec, now[spec.name])


def _live_param(place: Any, run: runs.Run, spec: params.Spec, now: float) -> None:
    """One number that takes effect at the next step.

    The requested value is the widget's default, and a value that somebody else changed gets a new widget: a value written
    into the widget's state would be lost, or overwrite what is being typed, when two ticks meet.
    """
    seen = f"live_param:{run.id}:{spec.name}"
    value, version = st.session_state.get(seen, (now, 0))
    if value != now:
        version += 1
    st.session_state[seen] = now, version
    key = f"{seen}:{version}"
    place.number_input(forms.words(spec.name), spec.low, spec.high, float(now), step=forms.float_step(spec, spec.default),
                       key=key, format="%g", help=spec.help, on_change=_set_live_param, args=(run, spec.name, key, seen))


def _set_live_param(run: runs.Run, name: str, key: str, seen: str) -> None:
    value = st.session_state[key]
    if value is not None:
        tell(lambda: run.control(live_params={name: value}))
    st.session_state[seen] = run.live_params()[name], st.session_state[seen][1]


def how_it_ended(run: runs.Run, status: Status) -> None:
    """Why a run ended before it was finished, in one sentence."""
    if run.external:
        if status.message and status.state != "finished":
            show = st.error if status.state == "failed" else st.info
            show(layout.plain(status.message), icon=":material/error:" if status.state == "failed" else ":material/stop:")
        elif status.message:
            st.caption(layout.plain(status.message))
    elif status.state == "interrupted":
        st.warning(layout.plain(f"{status.message} Nothing up to the last checkpoint is lost; a resumed run has the same "
                                "result."), icon=":material/power_off:")
    elif status.state == "failed":
        st.error(layout.plain(status.message or UNSAID), icon=":material/error:")
        if run.log():
            st.expander("Log of the worker process").code(run.log(), language=None, wrap_lines=True)
    elif status.state == "stopped":
        done = f"Stopped after {status.step:,} of {counted(status.n_steps, 'step')}; Resume continues from there."
        st.info(layout.plain(done if run.config.learner is not None or not status.message else status.message),
                icon=":material/stop:")
