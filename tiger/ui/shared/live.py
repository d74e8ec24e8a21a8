"""What every live view shares: when to poll, the shared feed of a run, its curves, state and progress."""

import dataclasses
import sys
from collections.abc import Sequence
from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger import plots, reports, runs
from tiger.core.words import counted
from tiger.runs.records import STATE_SUMMARY, WAITING, State, Status
from tiger.ui.shared import chart as drawn
from tiger.ui.shared import exports, live_charts
from tiger.ui.shared.layout import beside, plain
from tiger.ui.shared.live_feed import Feed, thin
from tiger.ui.shared.once import once

TICK_S = 1.0
ACTIVE = ("queued", "running", "paused")
BADGES = {"queued": ("gray", ":material/hourglass_empty:"), "running": ("green", ":material/play_arrow:"),
          "paused": ("orange", ":material/pause:"), "stopped": ("gray", ":material/stop:"),
          "interrupted": ("red", ":material/power_off:"), "finished": ("blue", ":material/check:"),
          "failed": ("red", ":material/error:")}
PENDING = {("running", "pause"): "pausing", ("running", "stop"): "stopping", ("paused", "run"): "resuming",
           ("paused", "stop"): "stopping", ("queued", "stop"): "stopping"}


@dataclasses.dataclass(frozen=True)
class Chart:
    """One live chart: which metrics it draws, and how."""

    title: str
    metrics: tuple[str, ...]
    log: bool = False
    codes: bool = False  # the axis ends at the number of codes
    reading: str = ""  # how to read it


LOSS = Chart("Loss", ("loss", "recon_loss", "commit_loss"), log=True, reading="Loss over steps; lower is better.")
PERPLEXITY = Chart("Perplexity of each level", ("perplexity",), codes=True,
                   reading="By level over steps; the top is uniform use.")
RECONSTRUCTION = Chart("Loss and reconstruction loss", ("loss", "recon_loss"), log=True,
                       reading="Over steps, logarithmic; lower is better.")
COMMITMENT = Chart("Commitment loss", ("commit_loss",), reading="How far latents lie from their code vectors.")
DEAD = Chart("Dead codes of each level", ("dead",), codes=True, reading="Codes that no item has, by level over steps.")
VALID = Chart("Validation recall and NDCG", ("valid_recall@10", "valid_ndcg@10"),
              reading="Validation scores over steps; higher is better.")
EXPLAINED = Chart("Explained variance of a batch", ("explained",), reading="Over steps; 1 is a perfect reconstruction.")
LEVEL_LOSS = Chart("Loss of each level", ("level_loss",), reading="Loss of each code of the ID over steps; lower is better.")


@st.cache_resource(max_entries=64, show_spinner=False)
def _feed(run_id: str) -> Feed:
    return Feed(runs.find(run_id))


def feed(run: runs.Run, status: Status) -> Feed:
    """The run's curves up to now; one copy for everybody who watches."""
    return _feed(run.id).update(int(status.attempt))


def interval(seen: tuple[str, ...]) -> float | None:
    """Seconds between two looks: one while any of the runs is active, None (no polling) afterwards."""
    return TICK_S if any(state in ACTIVE for state in seen) else None


def states(*watched: runs.Run | None) -> tuple[str, ...]:
    """The runs' states now; a page notes them when it is drawn and hands them to ``follow`` later."""
    return tuple(run.state for run in watched if run is not None)


def follow(seen: tuple[str, ...], *watched: runs.Run) -> None:
    """Draw the whole page again when a run's state changed: the sidebar, the form and the polling depend on it."""
    if states(*watched) != seen:
        st.rerun()


def badge(run: runs.Run, status: Status) -> None:
    """The run's state in a word; what was asked but not yet done counts as under way."""
    word, (color, icon) = STATE_SUMMARY[status.state], BADGES[status.state]
    control = run.read_control()
    action = "run" if control.step_to else control.action
    pending = PENDING.get((status.state, action))
    if pending and not (status.state == "paused" and control.step_to):
        word, icon = f"{pending} …", ":material/hourglass_top:"
    st.badge(word, icon=icon, color=color)  # type: ignore[arg-type]


def progress(status: Status, of_runs: bool = False) -> None:
    """A bar with stage, steps, rate and time left; ``of_runs``: as ``progress_summary`` has it."""
    share = status.step / status.n_steps if status.n_steps else 0.0
    st.progress(min(max(share, 0.0), 1.0), text=plain(progress_summary(status, of_runs)))


def progress_summary(status: Status, of_runs: bool = False) -> str:
    """Stage, steps, rate and time left as one line.

    Args:
        of_runs: a step is a whole run, as a sweep's.
    """
    staged = status.stage == WAITING or (status.state == "running" and status.stage)
    words = [str(status.stage if staged else STATE_SUMMARY[status.state])]
    if status.n_steps:
        words.append(f"{status.step:,} of {counted(status.n_steps, 'run')} done" if of_runs else
                     f"step {status.step:,} of {status.n_steps:,}")
    if status.state == "running" and status.rate:
        words.append(f"{60 * status.rate:.3g} runs/min" if of_runs else f"{status.rate:.3g} steps/s")
        if status.left_s is not None:
            words.append(f"{duration(status.left_s)} left")
    return " · ".join(words)


def duration(seconds: float) -> str:
    """Seconds for people: "8 s", "2 min 05 s", "1 h 10 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def draw(chart: Chart, curves: Feed, sizes: Sequence[int], key: str, last: int | None = None, state: State | None = None) -> None:
    """One live chart, its title and its numbers. Its specification is the same at every tick, so the browser only takes new
    rows. The title names what is drawn while the run trains, and says what came out of it afterwards.

    ``sizes`` are the codes of each level; ``last`` is where the axis of steps ends, so that two charts have the same; ``state``
    is the run's, where the caller knows it.

    The numbers are made only while somebody looks at them.
    """
    of = reports.sizes_summary(sizes) if chart.codes else ""
    words, state = f"{chart.title} (of {of})" if of else chart.title, state or curves.run.state
    finding = words if state in ACTIVE else once(_finding, chart, curves, curves.version, of)
    st.markdown(f"**{plain(finding)}**  \n:small[{chart.reading}]")  # one element, since a class draws dozens of these a second
    alt = f"{words}. {takeaway(chart, curves, state)}"
    if state in ACTIVE:
        spec = live_charts.curves(log=chart.log, top=max(sizes) if chart.codes else None, last=last)
        st.vega_lite_chart(curves.table(*chart.metrics), spec, key=key, width="stretch", on_select="rerun",
                           selection_mode="zoom", alt=alt)
    else:  # nothing grows any more
        part = once(_ended, chart, curves, curves.version, max(sizes, default=0), alt, last)
        if part is None:
            st.caption("The run's log has no numbers for these curves.")
        else:
            drawn.send(part, f"{key}:ended", exports.config(f"{curves.run.id}-{'-'.join(chart.metrics)}"))
    with st.expander(exports.LABEL, key=f"under:{key}", on_change="rerun") as box:
        if box.open:
            numbers(chart, curves, sizes, alt)


def charts(run: runs.Run, status: Status, charts: Sequence[Chart], sizes: Sequence[int] = ()) -> None:
    """Those of the curves that the run reports, side by side where there is room."""
    curves = feed(run, status)
    shown = [chart for chart in charts if has(chart, curves)]
    if not shown:
        words = "appear with the first measured step" if status.state in ACTIVE else "are missing: no step was measured"
        st.container(border=True).caption(f"The curves {words}.")
        return
    for column, chart in zip(beside(len(shown), run.id), shown, strict=True):
        with column:
            draw(chart, curves, sizes, key=f"live:{run.id}:{chart.title}", state=status.state)
    st.caption(now_summary(curves, sizes))


def takeaway(chart: Chart, curves: Feed, state: str) -> str:
    """What the chart shows. While a run trains the words stay the same: new ones would make the browser draw it anew."""
    if state in ACTIVE:
        return "The run is still training; the table under the chart has the newest numbers."
    return once(_takeaway, chart, curves, curves.version)


def _finding(chart: Chart, curves: Feed, version: int, of: str) -> str:
    return reports.training_finding(curve_frame(chart, curves), of)


def _takeaway(chart: Chart, curves: Feed, version: int) -> str:
    return reports.training_summary(curve_frame(chart, curves))


def curve_frame(chart: Chart, curves: Feed, max_points: int = reports.training.MAX_POINTS) -> pd.DataFrame:
    """The chart's curves as a long table: metric, level, step, value."""
    events = [{"step": step, name: value} for name in chart.metrics for step, value in curves.points.get(name, [])]
    return reports.training_frame(events, chart.metrics, max_points)


def numbers(chart: Chart, curves: Feed, sizes: Sequence[int], alt: str) -> None:
    """A live chart's table, newest step first, and what saves it."""
    frame = curve_frame(chart, curves)
    newest = frame.pivot_table(index="step", columns=["metric", "level"], values="value").sort_index(ascending=False)
    newest.columns = pd.Index([f"level {level}" if level else str(metric).replace("_", " ") for metric, level in newest.columns])
    whole = curve_frame(chart, curves, sys.maxsize)
    exports.numbers(partial(lines, chart, curves, sizes, alt), f"{curves.run.id}-{'-'.join(chart.metrics)}",
                    newest.reset_index(), len(whole), lambda: whole)


def lines(chart: Chart, curves: Feed, sizes: Sequence[int], alt: str) -> go.Figure:
    """The chart as a Plotly figure, for a page of its own."""
    frame = curve_frame(chart, curves)
    changes = reports.live_param_frame([dataclasses.asdict(mark) for mark in curves.marks])
    if len(frame) and frame["level"].max() > 0:
        return plots.level_lines(frame, alt, changes, chart.title, max(sizes) if chart.codes else None)
    return plots.loss_lines(frame, alt, changes, chart.log).update_yaxes(title=chart.title)


def _ended(chart: Chart, curves: Feed, version: int, most: int, alt: str, last: int | None) -> drawn.Part | None:
    """The chart of a run that has ended, as tall as a live one; the axis of values is named by the title above it. None where
    the log holds no number for it.

    Only what the browser gets is kept: in a class everybody has curves of their own.
    """
    figure = lines(chart, curves, (most,), alt).update_layout(height=live_charts.HEIGHT).update_yaxes(title=None)
    figure.update_yaxes(range=[0, most] if chart.codes else None)
    return drawn.packed(figure.update_xaxes(range=[0, last] if last else None))


NO_LOSS = ("perplexity", "dead", "window", "learning_rate", "explained", "note")


def losses(curves: Feed) -> Chart:
    """The losses of a recorded run, by whatever names they have there."""
    names = tuple(name for name in curves.points if name not in NO_LOSS)
    found = [value for name in names for _, value in thin(curves.points[name])]
    return dataclasses.replace(LOSS, metrics=names, log=bool(found) and min(found) > 0)


def has(chart: Chart, curves: Feed) -> bool:
    """Whether the run reported any of the chart's metrics."""
    return any(name in curves.points for name in chart.metrics)


def now_summary(curves: Feed, sizes: Sequence[int]) -> str:
    """The newest numbers as one sentence, for everybody who cannot read the charts."""
    perplexity, dead = curves.last("perplexity"), curves.last("dead")
    words = []
    if curves.last("loss") is not None:
        words.append(f"loss {curves.last('loss'):.4g}")
    if perplexity:
        words.append("perplexity " + " · ".join(f"{value:.0f}" for value in perplexity) + f" of {reports.sizes_summary(sizes)}")
    if curves.last("valid_recall@10") is not None:
        words.append(f"validation recall@10 {curves.last('valid_recall@10'):.3f}, "
                     f"NDCG@10 {curves.last('valid_ndcg@10'):.3f}")
    if dead:
        words.append("dead codes " + " · ".join(f"{value:.0f}" for value in dead))
    levels = " (level 1 first)" if perplexity or dead else ""
    return f"Last measured: {', '.join(words)}{levels}." if words else "Nothing measured yet."
