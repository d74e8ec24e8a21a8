"""Chosen runs side by side: curves laid over each other, what differs between them, and repetitions folded into intervals."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core.events import Event, changed_param
from tiger.datasets.reference import Values
from tiger.reports import runs as runs_report
from tiger.reports import training
from tiger.reports.runs_rows import OUTCOMES, Row, differing_params, param_title, short, value_summary
from tiger.runs.run import Run

MAX_RUNS = 50  # chosen runs
POINTS = 300  # per curve
NAMED = 4  # hyper-parameters in the name of one run
METRIC_TITLES = {"loss": "Loss", "recon_loss": "Reconstruction loss", "commit_loss": "Commitment loss",
                 "perplexity": "Perplexity", "dead": "Dead codes",
                 "valid_recall@10": "Validation recall@10", "valid_ndcg@10": "Validation NDCG@10",
                 "level_loss": "Loss", "learning_rate": "Learning rate"}
OTHER_METRICS = ("step", "t_s", "restarts", "seq")
LogStamp = tuple[int, int]  # when a log was written, and its length


@dataclass(frozen=True)
class Curve:
    """What can be drawn: a logged metric, and a level where it has one number a level.

    Args:
        level: from 1; 0 where the metric has no levels.
    """

    metric: str
    level: int

    @property
    def title(self) -> str:
        """The metric's name for people."""
        words = METRIC_TITLES.get(self.metric, self.metric.replace("_", " ").capitalize())
        return f"{words} of level {self.level}" if self.level else words


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything that is shown of the chosen runs.

    Args:
        rows: the runs.
        curves: what can be drawn; empty where nothing was logged.
        drawn: the one that is.
        lines: its points: series, step, value, low, high (nan without an interval), n (runs).
        params: one row a run and a column per hyper-parameter that differs; outcomes behind them.
        differing: names of those hyper-parameters.
        axes: the same as numbers and categories for parallel coordinates: differing hyper-parameters, then outcomes.
        folded: whether repetitions of one another were folded.
        can_fold: whether there are any: runs that differ in their seed alone.
        summary: what the curves show, in one sentence.
    """

    rows: tuple[Row, ...]
    curves: tuple[Curve, ...]
    drawn: Curve | None
    lines: pd.DataFrame
    params: pd.DataFrame
    differing: tuple[str, ...]
    axes: pd.DataFrame
    folded: bool
    can_fold: bool
    summary: str

    @property
    def settings(self) -> list[str]:
        """Columns of ``axes`` that were chosen, not measured."""
        return ["Method", *map(param_title, self.differing)]


def compare(rows: Sequence[Row], curve: str = "", fold: bool = True) -> Comparison:
    """Put chosen runs side by side.

    Args:
        rows: at most ``MAX_RUNS``.
        curve: title of what to draw; the first of ``curves`` where it is none of them.
        fold: whether runs that differ in their seed alone become one curve with an interval.

    Raises:
        ValueError: more runs than can be told apart.
    """
    if len(rows) > MAX_RUNS:
        raise ValueError(f"{len(rows)} runs are chosen, but at most {MAX_RUNS} can be compared; filter or group them first.")
    return _compared(tuple(rows), tuple(_log_stamp(row.entry.run) for row in rows), curve, fold)


@lru_cache(maxsize=16)
def _compared(rows: tuple[Row, ...], stamps: tuple[LogStamp, ...], curve: str, fold: bool) -> Comparison:
    logs = [_read(row.entry.folder, stamp) for row, stamp in zip(rows, stamps, strict=True)]
    curves = curves_of(logs)
    drawn = next((one for one in curves if one.title == curve), curves[0] if curves else None)
    differing = differing_params(rows)
    names = series_names(rows, differing, fold)
    folds = len(set(names)) < len(names)
    lines = _lines(logs, names, drawn)
    can_fold = len({row.seedless for row in rows}) < len(rows)
    return Comparison(rows, curves, drawn, lines, params_frame(rows, differing), differing, axes_frame(rows, differing),
                      folds, can_fold, _summary(lines, drawn))


def _log_stamp(run: Run) -> LogStamp:
    """Changes with the run's log."""
    try:
        about = (run.path / "events.jsonl").stat()
    except OSError:
        return 0, 0
    return about.st_mtime_ns, about.st_size


@lru_cache(maxsize=128)
def _read(folder: str, stamp: LogStamp) -> tuple[Event, ...]:
    return tuple(event for event in Run(Path(folder)).events()[0] if changed_param(event) is None and "row" not in event)


def curves_of(logs: Sequence[Sequence[Event]]) -> tuple[Curve, ...]:
    """What the runs logged, well-known metrics first."""
    found: dict[Curve, None] = {}
    for events in logs:
        for event in (*events[:1], *events[-1:]):
            for name, value in event.items():
                if name in OTHER_METRICS or value is None or isinstance(value, str):
                    continue
                levels = range(1, len(value) + 1) if isinstance(value, list) else (0,)
                found |= {Curve(name, level): None for level in levels}
    order = list(METRIC_TITLES)
    return tuple(sorted(found, key=lambda one: (order.index(one.metric) if one.metric in order else len(order), one.level)))


def series_names(rows: Sequence[Row], differing: Sequence[str], fold: bool) -> list[str]:
    """The name of each run's curve: what differs, or the run's own name; equal for runs that are folded.

    Args:
        fold: give repetitions one name.
    """
    if fold:
        alike = [row.seedless for row in rows]
        shown = {key: _series_name(row, differing, alike.count(key) > 1) for key, row in zip(alike, rows, strict=True)}
        names = _told_apart([shown[key] for key in dict.fromkeys(alike)])
        by_key = dict(zip(dict.fromkeys(alike), names, strict=True))
        return [by_key[key] for key in alike]
    titles = [row.entry.title for row in rows]
    return [title if titles.count(title) == 1 else f"{title} ({row.entry.short_id})"
            for title, row in zip(titles, rows, strict=True)]


def _series_name(row: Row, differing: Sequence[str], of_many: bool) -> str:
    """What differs; a run's own name where that is nothing, or too much for the name of one run."""
    given = row.params
    parts = [value_summary(name, given[name]) for name in differing if name != "seed" and name in given]
    return ", ".join(parts) if parts and (of_many or len(parts) <= NAMED) else row.entry.title


def _told_apart(names: list[str]) -> list[str]:
    return [name if names.count(name) == 1 else f"{name} ({names[:at + 1].count(name)})" for at, name in enumerate(names)]


def _lines(logs: Sequence[Sequence[Event]], names: Sequence[str], drawn: Curve | None) -> pd.DataFrame:
    """The curve of every series; runs of one series are interpolated to common steps and averaged."""
    columns = ["series", "step", "value", "low", "high", "n"]
    if drawn is None:
        return pd.DataFrame(columns=columns)
    parts = []
    for name in dict.fromkeys(names):
        members = [points for log, own in zip(logs, names, strict=True) if own == name
                   and len(points := _points(log, drawn))]
        if members:
            parts.append(_folded(members).assign(series=name))
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def _points(events: Sequence[Event], drawn: Curve) -> np.ndarray:
    """Steps and values, (N, 2) float64, steps ascending."""
    found = []
    for event in events:
        value = event.get(drawn.metric)
        if isinstance(value, list):
            value = value[drawn.level - 1] if 0 < drawn.level <= len(value) else None
        if value is not None and math.isfinite(value):
            found.append((event["step"], value))
    return np.array(found, np.float64).reshape(-1, 2)


def _folded(members: Sequence[np.ndarray]) -> pd.DataFrame:
    """Mean and 95 % interval (Student) of runs at the steps that all of them reached."""
    if len(members) == 1:
        points = members[0]
        keep = training.thin(points[:, 1], POINTS)
        return pd.DataFrame({"step": points[keep, 0], "value": points[keep, 1], "low": math.nan, "high": math.nan, "n": 1})
    first, last = max(points[0, 0] for points in members), min(points[-1, 0] for points in members)
    step_N = np.unique(np.concatenate([points[:, 0] for points in members]))
    step_N = step_N[(step_N >= first) & (step_N <= last)]
    if len(step_N) > POINTS:
        step_N = step_N[np.unique(np.linspace(0, len(step_N) - 1, POINTS).round().astype(int))]
    value_MN = np.stack([np.interp(step_N, points[:, 0], points[:, 1]) for points in members])
    found = [metrics.mean_interval(value_M) for value_M in value_MN.T]
    return pd.DataFrame({"step": step_N, "value": [one.mean for one in found], "low": [one.low for one in found],
                         "high": [one.high for one in found], "n": len(members)})


def params_frame(rows: Sequence[Row], differing: Sequence[str]) -> pd.DataFrame:
    """One row a run: its name, only those hyper-parameters that differ, then its outcomes and verdict."""
    whole = runs_report.table(rows, differing)
    titles = [param_title(name) for name in differing]
    columns = ["Name", "Method", "Dataset", *titles, *OUTCOMES, *(name for name in whole if name.startswith("Perplexity")),
               "Duration (s)", "Verdict", "State", "Run"]
    same = [name for name in ("Method", "Dataset") if name in whole and whole[name].nunique() == 1 and len(rows) > 1]
    return whole[[name for name in columns if name in whole and name not in same]]


def axes_frame(rows: Sequence[Row], differing: Sequence[str]) -> pd.DataFrame:
    """Differing hyper-parameters and known outcomes that differ, one row a run, for parallel coordinates."""
    found: Values = {}
    for name in differing:
        values = [row.params.get(name) for row in rows]
        numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
        found[param_title(name)] = values if numeric else ["" if value is None else short(value)
                                                                      for value in values]
    if len({row.entry.method for row in rows}) > 1:
        found = {"Method": [row.method for row in rows], **found}
    for name in ("Codebook use", "Distinct share", "Explained variance", "Recall@10", "NDCG@10"):
        numbers = [row.outcomes[name] for row in rows]
        if not all(map(math.isnan, numbers)):
            found[name] = numbers
    return pd.DataFrame(found)


def _summary(lines: pd.DataFrame, drawn: Curve | None) -> str:
    """Where each series ended: the takeaway of the curves."""
    if drawn is None or not len(lines):
        return "None of these runs logged a curve."
    last = lines.groupby("series", sort=False).last().sort_values("value")
    if len(last) == 1:
        return f"{drawn.title} of {last.index[0]} ends at {last['value'].iloc[0]:.4g}."
    low, high = (f"{last['value'].iloc[at]:.4g}" for at in (0, -1))
    if low == high:
        return f"{drawn.title} ends at {low} in all of them."
    return (f"{drawn.title} ends between {low} ({last.index[0]}) and {high} ({last.index[-1]}).")
