"""What a sweep came to: every run, every setting with its interval, and which hyper-parameter mattered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core import params
from tiger.datasets.reference import Values
from tiger.reports.runs_rows import param_title, short
from tiger.runs import sweep
from tiger.runs.records import STATE_SUMMARY
from tiger.runs.run import Run

CONVINCING = 0.05  # a hyper-parameter whose p is above this is not told from the scatter of the rest


@dataclass(frozen=True)
class Effect:
    """How much of the objective's variance one hyper-parameter explains.

    Args:
        name: the hyper-parameter.
        share: of the sum of squares around the mean, 0..1.
        p: of the F test of its main effect; None where nothing is left to judge it by.
        best: its value with the highest mean.
    """

    name: str
    share: float
    p: float | None
    best: object


@dataclass(frozen=True)
class SweepResult:
    """Everything that is shown of a sweep.

    Args:
        objective: title of what settings are judged by.
        swept: the hyper-parameters, those that explain most first.
        runs: one row a run: hyper-parameters, seed, objective, state, run (id).
        settings: one row a setting, best first: hyper-parameters, Runs, mean, low, high.
        effects: of the hyper-parameters with two or more values, largest first.
        by_first: one row a value of the first of ``swept`` (and of the second, where there is one): value, other, mean, low,
            high, n.
        state: how far it is, in one sentence.
        summary: what mattered, in one sentence.
    """

    objective: str
    swept: tuple[str, ...]
    runs: pd.DataFrame
    settings: pd.DataFrame
    effects: tuple[Effect, ...]
    by_first: pd.DataFrame
    state: str
    summary: str


def result(run: Run) -> SweepResult:
    """What is known of a sweep so far.

    Raises:
        ValueError: the run is no sweep.
    """
    asked = run.config.sweep
    if asked is None:
        raise ValueError(f"'{run.title}' is a run of kind {run.config.kind}, not a sweep.")
    members = sweep.members(run)
    found = [sweep.run_of(member) for member in members]
    values = [math.nan if value is None else value for value in (sweep.objective(one, asked.objective) for one in found)]
    title = sweep.OBJECTIVES[asked.objective]
    lines = [{**{param_title(name): _cell(value) for name, value in member.point.setting.items()}, "Seed": member.point.seed,
              title: value, "State": STATE_SUMMARY[one.state] if one else "deleted", "Run": member.run_id}
             for member, one, value in zip(members, found, values, strict=True)]
    names = list(asked.grid)
    columns = [*map(param_title, names), "Seed", title, "State", "Run"]
    settings = [member.point.setting for member in members]
    told = effects(settings, values)
    order = [effect.name for effect in told] + [name for name in names if name not in {effect.name for effect in told}]
    order.sort(key=lambda name: len(asked.grid[name]) < 2)
    n_known = sum(not math.isnan(value) for value in values)
    return SweepResult(title, tuple(order), pd.DataFrame(lines, columns=columns), _settings_frame(settings, values, names, title),
                       told, _by_first(settings, values, order), _state(run, members, found), summary(told, title, n_known))


def _cell(value: object) -> object:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else short(value)


def _settings_frame(settings: Sequence[Values], values: Sequence[float], names: Sequence[str], title: str) -> pd.DataFrame:
    groups: dict[str, tuple[Values, list[float]]] = {}
    for setting, value in zip(settings, values, strict=True):
        groups.setdefault(repr(setting), (setting, []))[1].append(value)
    lines = []
    for setting, found in groups.values():
        interval = metrics.mean_interval(found)
        lines.append({**{param_title(name): _cell(setting.get(name)) for name in names}, "Runs": interval.n,
                      title: interval.mean, "low": interval.low, "high": interval.high})
    frame = pd.DataFrame(lines, columns=[*map(param_title, names), "Runs", title, "low", "high"])
    return frame.sort_values(title, ascending=False, kind="stable", ignore_index=True)


def effects(settings: Sequence[Values], values: Sequence[float]) -> tuple[Effect, ...]:
    """The main effect of every hyper-parameter with two or more values among the runs, largest first.

    An additive model of categories is fitted with and without the hyper-parameter; what its sum of squares loses without it is
    the effect, and the F test holds it against what the whole model leaves over. In a full grid this is the classical analysis
    of variance.

    Args:
        settings: of each run.
        values: the objective of each; nan where it is not known.
    """
    known = [at for at, value in enumerate(values) if not math.isnan(value)]
    value_N = np.array([values[at] for at in known], np.float64)
    if len(known) < 2:
        return ()
    columns = {name: [params.text(settings[at].get(name)) for at in known] for name in settings[known[0]]}
    columns = {name: column for name, column in columns.items() if len(set(column)) > 1}
    total = float(((value_N - value_N.mean()) ** 2).sum())
    if not columns or total <= 1e-15 * max(1.0, float((value_N**2).sum())):
        return ()
    whole, n_whole = _left_over(columns, value_N)
    found = []
    for name in columns:
        less, n_less = _left_over({other: column for other, column in columns.items() if other != name}, value_N)
        gain, df, rest = max(0.0, less - whole), n_whole - n_less, len(known) - n_whole
        p = _f_test(gain / df, whole / rest, df, rest) if df > 0 and rest > 0 else None
        found.append(Effect(name, gain / total, p, _best(name, [settings[at] for at in known], value_N)))
    return tuple(sorted(found, key=lambda effect: -effect.share))


def _left_over(columns: dict[str, list[str]], value_N: np.ndarray) -> tuple[float, int]:
    """Sum of squares that an additive model of these categories leaves over, and its rank."""
    parts = [np.ones((len(value_N), 1))]
    for column in columns.values():
        kinds = sorted(set(column))
        parts.append(np.array([[float(value == kind) for kind in kinds[1:]] for value in column]).reshape(len(value_N), -1))
    design_NP = np.hstack(parts)
    fit_P, _, rank, _ = np.linalg.lstsq(design_NP, value_N, rcond=None)
    return float(((value_N - design_NP @ fit_P) ** 2).sum()), int(rank)


def _f_test(between: float, within: float, df: int, rest: int) -> float:
    if within <= 0:
        return 0.0
    from scipy.special import fdtrc  # here, since it takes a while to load
    return float(fdtrc(df, rest, between / within))


def _best(name: str, settings: Sequence[Values], value_N: np.ndarray) -> object:
    groups: dict[str, tuple[object, list[float]]] = {}
    for setting, value in zip(settings, value_N, strict=True):
        groups.setdefault(params.text(setting.get(name)), (setting.get(name), []))[1].append(float(value))
    return max(groups.values(), key=lambda pair: float(np.mean(pair[1])))[0]


def _by_first(settings: Sequence[Values], values: Sequence[float], order: Sequence[str]) -> pd.DataFrame:
    """Mean and interval by the first hyper-parameter, and by the second where there is one; the others are averaged over."""
    groups: dict[tuple[str, str], list[float]] = {}
    places: dict[tuple[str, str], tuple[object, object]] = {}
    for setting, value in zip(settings, values, strict=True):
        first, second = (setting.get(name) for name in (*order[:2], *[""] * (2 - len(order[:2]))))
        key = params.text(first), params.text(second)
        groups.setdefault(key, []).append(value)
        places[key] = first, second
    lines = []
    for key, found in groups.items():
        interval = metrics.mean_interval(found)
        lines.append({"value": short(places[key][0]), "other": short(places[key][1]) if len(order) > 1 else "",
                      "mean": interval.mean, "low": interval.low, "high": interval.high, "n": interval.n,
                      "_sort": tuple(_rank(one) for one in places[key])})
    lines.sort(key=lambda line: line["_sort"])  # type: ignore[arg-type,return-value]
    return pd.DataFrame(lines, columns=["value", "other", "mean", "low", "high", "n"])


def _rank(value: object) -> tuple[int, float, str]:
    """An order of values: numbers by size, then everything else by name."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if number else (1, 0.0, str(value))  # type: ignore[arg-type]


def _state(run: Run, members: Sequence[sweep.Member], found: Sequence[Run | None]) -> str:
    assert run.config.sweep is not None
    states = [one.state for one in found if one is not None]
    counts = [f"{states.count(state)} {STATE_SUMMARY[state]}" for state in STATE_SUMMARY if states.count(state)]
    status = run.status
    words = f"{len(members)} of {sweep.n_runs(run.config.sweep)} runs begun: {', '.join(counts) or 'none yet'}."
    return f"{words} {status.message}".strip() if not status.active else words


def summary(found: Sequence[Effect], title: str, n_known: int) -> str:
    """Which hyper-parameter mattered, in one sentence."""
    what = f"{title[0].lower()}{title[1:]}" if title[1:2].islower() else title
    if n_known < 2:
        return "Too few runs are finished to say what mattered."
    if not found:
        return f"No hyper-parameter changed the {what}: it is the same in all {n_known} finished runs."
    first = found[0]
    if first.p is not None and first.p > CONVINCING:
        return (f"No hyper-parameter mattered beyond the scatter between runs: {_words(first.name)} explains most of the "
                f"variance in {what}, {first.share:.0%} ({_p(first.p)}).")
    rest = ", ".join(f"{_words(effect.name)} {effect.share:.0%}" + (f" ({_p(effect.p)})" if effect.p is not None else "")
                     for effect in found[1:])
    told = f" ({_p(first.p)})" if first.p is not None else "; without repetitions the scatter of seeds is not known"
    return (f"{_words(first.name).capitalize()} mattered most: it explains {first.share:.0%} of the variance in {what}{told}, "
            f"and is best at {short(first.best)}" + (f"; then {rest}." if rest else "."))


def _words(name: str) -> str:
    return name.removeprefix("n_").replace("_", " ")


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
