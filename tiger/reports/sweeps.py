"""What a sweep came to: every run, every setting with its interval, and which hyper-parameter mattered."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core import params
from tiger.core.words import counted
from tiger.datasets.reference import Values
from tiger.metrics import Interval
from tiger.reports.runs_rows import param_title, short
from tiger.runs import sweep, sweep_plan
from tiger.runs.index import Entry
from tiger.runs.records import STATE_SUMMARY
from tiger.runs.run import Run

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Effect:
    """How much of the objective's variation one hyper-parameter explains.

    Args:
        name: the hyper-parameter.
        share: of the sum of squares around the mean, 0..1.
        low, high: 95 % confidence interval of the share; nan where no setting was repeated with another seed.
        best: its value with the highest mean.
    """

    name: str
    share: float
    low: float
    high: float
    best: object

    @property
    def told(self) -> bool:
        """Whether it can be told from the scatter between seeds."""
        return self.low > 0


@dataclass(frozen=True)
class Variation:
    """An analysis of variance of the objective.

    Args:
        effects: main effects, largest first; empty where nothing varies.
        combined: share that only combinations of hyper-parameters explain (interactions), 0..1.
        seeds: share within settings, between seeds; nan where no setting was repeated.
        n_runs: finished runs.
    """

    effects: tuple[Effect, ...]
    combined: float
    seeds: float
    n_runs: int

    @property
    def repeated(self) -> bool:
        """Whether some setting was trained with two seeds."""
        return not math.isnan(self.seeds)


@dataclass(frozen=True)
class SweepResult:
    """Everything that is shown of a sweep.

    Args:
        objective: title of what settings are judged by.
        varied: the hyper-parameters, those that explain most first.
        runs: one row a run: hyper-parameters, seed, objective, state, run (id).
        settings: one row a setting with a finished run, best first: hyper-parameters, Runs, mean, low, high.
        variation: what explains the differences.
        means: one row a value of the first of ``varied`` (and of the second, where there is one): value, other, mean, low, high,
            n. Others and seeds are averaged over.
        axes: the values of those, in order, whether a run has them yet or not.
        ordered: whether the values of the first of ``varied`` are numbers.
        state: how far it is, in one sentence.
        summary: what mattered, in one sentence.
    """

    objective: str
    varied: tuple[str, ...]
    runs: pd.DataFrame
    settings: pd.DataFrame
    variation: Variation
    means: pd.DataFrame
    axes: tuple[tuple[str, ...], ...]
    ordered: bool
    state: str
    summary: str

    @property
    def shares(self) -> pd.DataFrame:
        """The variation as a table: Part, Share, low, high."""
        found = self.variation
        lines = [(param_title(effect.name), effect.share, effect.low, effect.high) for effect in found.effects]
        if lines:
            lines += [("Combinations", found.combined, math.nan, math.nan)] if len(lines) > 1 else []
            lines += [("Seeds", found.seeds, math.nan, math.nan)] if found.repeated else []
        return pd.DataFrame(lines, columns=["Part", "Share", "low", "high"])


def result(run: Run) -> SweepResult:
    """What is known of a sweep so far.

    Raises:
        ValueError: the run is no sweep.
    """
    request = sweep.request_of(run)
    members = sweep.members(run)
    entries = [sweep.entry_of(member) for member in members]
    settings = [member.point.setting for member in members]
    values = [math.nan if value is None else value
              for value in (sweep.value_of(entry, request.objective) for entry in entries)]
    title, names = sweep_plan.OBJECTIVES[request.objective], list(request.grid)
    lines = [{**{param_title(name): _cell(setting.get(name)) for name in names}, "Seed": member.point.seed, title: value,
              "State": STATE_SUMMARY[entry.status.state] if entry else "deleted", "Run": member.run_id}
             for member, setting, entry, value in zip(members, settings, entries, values, strict=True)]
    found = variation(settings, values)
    ranked = [effect.name for effect in found.effects]
    varied = [*ranked, *(name for name in names if name not in ranked and len(request.grid[name]) > 1)] or names[:1]
    return SweepResult(
        title, tuple(varied), pd.DataFrame(lines, columns=[*map(param_title, names), "Seed", title, "State", "Run"]),
        _settings_frame(settings, values, names, request.objective), found,
        _means(settings, values, varied[:2], request.objective),
        tuple(tuple(map(short, sorted(request.grid[name], key=_rank))) for name in varied[:2]),
        all(map(_is_number, request.grid[varied[0]])), _state(run, entries), summary(found, title))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value: object) -> object:
    return value if _is_number(value) else short(value)


def _settings_frame(settings: Sequence[Values], values: Sequence[float], names: Sequence[str], objective: str) -> pd.DataFrame:
    title = sweep_plan.OBJECTIVES[objective]
    lines = [{**{param_title(name): _cell(setting.get(name)) for name in names}, "Runs": interval.n, title: interval.mean,
              "low": interval.low, "high": interval.high} for setting, interval in _folded(settings, values, names, objective)]
    frame = pd.DataFrame(lines, columns=[*map(param_title, names), "Runs", title, "low", "high"])
    return frame.sort_values(title, ascending=False, kind="stable", ignore_index=True)


def _means(settings: Sequence[Values], values: Sequence[float], names: Sequence[str], objective: str) -> pd.DataFrame:
    """Mean and interval by one or two hyper-parameters, in the order of their values."""
    found = [([setting.get(name) for name in names], interval)
             for setting, interval in _folded(settings, values, names, objective)]
    found.sort(key=lambda pair: [_rank(value) for value in pair[0]])
    lines = [(short(place[0]), short(place[1]) if len(place) > 1 else "", interval.mean, interval.low, interval.high, interval.n)
             for place, interval in found]
    return pd.DataFrame(lines, columns=["value", "other", "mean", "low", "high", "n"])


def _folded(settings: Sequence[Values], values: Sequence[float], names: Sequence[str],
            objective: str) -> list[tuple[Values, Interval]]:
    """Mean and Student's interval of the runs that agree in these hyper-parameters; those without a finished run are left out."""
    groups: dict[tuple[str, ...], tuple[Values, list[float]]] = {}
    for setting, value in zip(settings, values, strict=True):
        if not math.isnan(value):
            groups.setdefault(tuple(repr(setting.get(name)) for name in names), (setting, []))[1].append(value)
    return [(setting, _bounded(metrics.mean_interval(found), objective)) for setting, found in groups.values()]


def _bounded(found: Interval, objective: str) -> Interval:
    """An objective is at most 1, and but for explained variance at least 0."""
    low = found.low if objective == "explained" else max(found.low, 0.0)
    return replace(found, low=low, high=min(found.high, 1.0)) if found.n > 1 else found


def _rank(value: object) -> tuple[int, float, str]:
    """An order of values: numbers by size, then everything else by name."""
    return (0, float(value), "") if _is_number(value) else (1, 0.0, str(value))  # type: ignore[arg-type]


def variation(settings: Sequence[Values], values: Sequence[float]) -> Variation:
    """How much of the objective each hyper-parameter explains, combinations of them, and the seeds.

    A hyper-parameter's main effect is the sum of squares that an additive model of categories loses without it (type II); what
    the additive model leaves over is combinations and, within settings, the scatter between seeds. In a whole grid these are the
    sums of squares of the classical analysis of variance, and the shares add up to 1.

    Args:
        settings: of each run.
        values: the objective of each; nan where it is not known.

    Source: Steiger, "Beyond the F test" (2004), for the intervals; see ``share_interval``.
    """
    known = [at for at, value in enumerate(values) if not math.isnan(value)]
    value_N = np.array([values[at] for at in known], np.float64)
    columns = {name: [params.text(settings[at].get(name)) for at in known] for name in (settings[known[0]] if known else ())}
    columns = {name: column for name, column in columns.items() if len(set(column)) > 1}
    total = float(((value_N - value_N.mean()) ** 2).sum()) if known else 0.0
    if not columns or total <= 1e-15 * float((value_N**2).sum()):
        return Variation((), 0.0, math.nan, len(known))
    cells = {"setting": [repr(cell) for cell in zip(*columns.values(), strict=True)]}
    additive, n_additive = _left_over(columns, value_N)
    within, n_cells = _left_over(cells, value_N)
    n_free = len(known) - n_cells  # repetitions
    parts = {name: _without(name, columns, value_N, additive, n_additive) for name in columns}
    strengths = {name: _strength(gain, df, within, n_free) for name, (gain, df) in parts.items()}
    beside = _strength(max(0.0, additive - within), n_cells - n_additive, within, n_free)
    effects = []
    for name, (gain, df) in parts.items():
        others = beside + sum(strength for other, strength in strengths.items() if other != name)
        share = min(1.0, gain / total)
        exact = n_free > 0 and within <= 0  # the seeds change nothing, so what there is, is there
        low, high = (share, share) if exact else share_interval(gain, df, within, n_free, others, len(known))
        best = _best(name, [settings[at] for at in known], value_N)
        effects.append(Effect(name, share, min(low, share), max(high, share), best))
    effects.sort(key=lambda effect: -effect.share)
    seeds = within / total if n_free > 0 else math.nan
    return Variation(tuple(effects), max(0.0, additive - within) / total, seeds, len(known))


def _without(name: str, columns: dict[str, list[str]], value_N: np.ndarray, additive: float, rank: int) -> tuple[float, int]:
    """What the additive model loses in sum of squares and degrees of freedom without a hyper-parameter."""
    less, n_less = _left_over({other: column for other, column in columns.items() if other != name}, value_N)
    return max(0.0, less - additive), rank - n_less


def _left_over(columns: dict[str, list[str]], value_N: np.ndarray) -> tuple[float, int]:
    """Sum of squares that an additive model of these categories leaves over, and its rank."""
    parts = [np.ones((len(value_N), 1))]
    for column in columns.values():
        kinds = sorted(set(column))
        parts.append(np.array([[float(value == kind) for kind in kinds[1:]] for value in column]).reshape(len(value_N), -1))
    design_NP = np.hstack(parts)
    fit_P, _, rank, _ = np.linalg.lstsq(design_NP, value_N, rcond=None)
    left = float(((value_N - design_NP @ fit_P) ** 2).sum())
    return (0.0 if left <= 1e-20 * float((value_N**2).sum()) else left), int(rank)


def _strength(gain: float, df: int, within: float, n_free: int) -> float:
    """Noncentrality of a part's F statistic, estimated from the expected sum of squares; 0 where chance explains it."""
    return max(0.0, gain / (within / n_free) - df) if n_free > 0 and within > 0 else 0.0


def share_interval(gain: float, df: int, within: float, n_free: int, others: float, n: int) -> tuple[float, float]:
    """95 % confidence interval of the share that a part explains.

    Its F statistic, against the scatter between seeds, bounds the noncentrality λ; the share is λ / (λ + others + N). Exact for a
    single hyper-parameter; with several, the others stand at their estimates.

    Args:
        gain, df: the part's sum of squares and degrees of freedom.
        within, n_free: the same of the seeds; the sum is above 0.
        others: noncentralities of the other parts.
        n: runs.

    Returns:
        Lowest and highest share; (nan, nan) without repetitions.

    Source: Steiger, "Beyond the F test: effect size confidence intervals and tests of close fit" (2004), section on η².
    """
    if n_free < 1 or df < 1:
        return math.nan, math.nan
    from scipy.special import ncfdtr  # here, since it takes a while to load
    f = (gain / df) / (within / n_free)
    bounds = [_root(lambda strength: float(ncfdtr(df, n_free, strength, f)), level)
              for level in ((1 + CONFIDENCE) / 2, (1 - CONFIDENCE) / 2)]
    return bounds[0] / (bounds[0] + others + n), bounds[1] / (bounds[1] + others + n)


def _root(falling: Callable[[float], float], level: float) -> float:
    """Where a function of the noncentrality falls to a level; 0 where it starts below."""
    if falling(0.0) <= level:
        return 0.0
    high = 1.0
    while falling(high) > level and high < 1e9:
        high *= 2
    low = 0.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > level else (low, middle)
    return high


def _best(name: str, settings: Sequence[Values], value_N: np.ndarray) -> object:
    groups: dict[str, list[float]] = {}
    for setting, value in zip(settings, value_N, strict=True):
        groups.setdefault(params.text(setting.get(name)), []).append(float(value))
    best = max(groups, key=lambda value: float(np.mean(groups[value])))
    return next(setting.get(name) for setting in settings if params.text(setting.get(name)) == best)


def _state(run: Run, entries: Sequence[Entry | None]) -> str:
    states = [entry.status.state if entry is not None else "deleted" for entry in entries]
    per_state = [f"{states.count(state)} {STATE_SUMMARY.get(state, state)}"  # type: ignore[call-overload]
               for state in (*STATE_SUMMARY, "deleted") if state in states]
    whole = counted(sweep_plan.n_runs(sweep.request_of(run)), "run")
    return f"{len(entries)} of {whole} begun: {', '.join(per_state) or 'none yet'}."


def summary(found: Variation, title: str) -> str:
    """Which hyper-parameter mattered, in one sentence."""
    what = f"{title[0].lower()}{title[1:]}"
    if found.n_runs < 2:
        return "What mattered can be said once two runs are finished."
    if not found.effects:
        return f"The {what} is the same in all {counted(found.n_runs, 'finished run')}, whatever was varied."
    first, *rest = found.effects
    name = _name(first)
    if not found.repeated:
        listed = ", ".join(f"{_name(effect)} {effect.share:z.0%}" for effect in rest)
        return (f"{name.capitalize()} explains {first.share:.0%} of the variation in {what}{f' ({listed})' * bool(listed)}, "
                "which cannot be told from the seeds: no setting was trained with two of them.")
    if not first.told:
        return (f"No effect can be told from the seeds: {name} explains {_share(first)} of the variation in {what}, "
                f"the seeds {found.seeds:.0%}.")
    listed = "; ".join(f"{_name(effect)} explains {_share(effect)}" if effect.told else
                       f"{_name(effect)} ({effect.share:z.0%}) cannot be told from the seeds" for effect in rest)
    return (f"{name.capitalize()} mattered most: it explains {_share(first)} of the variation in {what} and is best at "
            f"{short(first.best)}{f'; {listed}' * bool(listed)}.")


def _name(effect: Effect) -> str:
    return params.plain_name(effect.name)


def _share(effect: Effect) -> str:
    return f"{effect.share:z.0%} (95 % interval {effect.low:z.0%} to {effect.high:z.0%})"
