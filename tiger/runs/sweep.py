"""A sweep: one quantizer or recommender trained at many settings and seeds, each as an ordinary run.

The sweep is itself a run whose folder names its members in ``points.jsonl``. This module says which setting comes next and
what became of each; ``run_sweep`` trains them.
"""

import itertools
import json
import math
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiger.core import files, params
from tiger.datasets.reference import Values
from tiger.runs import config as run_config
from tiger.runs import outcome, store
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest
from tiger.runs.run import Run

FILE = "points.jsonl"
MAX_VALUES, MAX_RUNS = 50, 1000  # values of a parameter, and runs of a sweep
SAMPLERS = ("grid", "random", "optuna")
OBJECTIVES = {"distinct_share": "Distinct share", "explained": "Explained variance", "usage": "Codebook use",
              "valid_ndcg@10": "Validation NDCG@10", "valid_recall@10": "Validation recall@10"}
"""What settings are judged by; the higher, the better. The first three are of quantizers, the others of recommenders."""


@dataclass(frozen=True)
class Point:
    """One run that the sweep asks for: a setting of the swept hyper-parameters, and a seed."""

    setting: Values
    seed: int

    @property
    def key(self) -> str:
        """Equal for equal points."""
        return json.dumps([self.setting, self.seed], sort_keys=True)


@dataclass(frozen=True)
class Member:
    """A point that was begun.

    Args:
        run_id: of the run.
        attempt: the sweep's attempt that took it last.
    """

    point: Point
    run_id: str
    attempt: int


def objectives(kind: str) -> list[str]:
    """What members of this kind, quantizer or model, can be judged by."""
    return [name for name in OBJECTIVES if name.startswith("valid_") == (kind == "model")]


def checked(asked: SweepRequest, learner: LearnerConfig) -> SweepRequest:
    """A sweep with every value checked.

    Args:
        learner: what every run is asked but for the swept hyper-parameters and the seed.

    Raises:
        ValueError: an unknown hyper-parameter, a value out of bounds, no value at all, or more runs than ``MAX_RUNS``.
    """
    cls = run_config.learner_class(learner.name)
    known = {spec.name: spec for spec in params.specs(cls)}
    grid: dict[str, list[Any]] = {}
    for name, values in asked.grid.items():
        if name == "seed" or name not in known:
            raise ValueError(f"'{name}' cannot be swept; choose from {', '.join(one for one in known if one != 'seed')}. Seeds "
                             "have a list of their own.")
        if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
            raise ValueError(f"{name} needs 1 to {MAX_VALUES} values to try.")
        found = [params.check(known[name], value) for value in values]
        grid[name] = [value for at, value in enumerate(found) if value not in found[:at]]
    if not grid:
        raise ValueError("A sweep needs at least one hyper-parameter with the values to try.")
    if not 0 < len(asked.seeds) <= MAX_VALUES:
        raise ValueError(f"A sweep needs 1 to {MAX_VALUES} seeds, but these are {len(asked.seeds)}.")
    seeds = [params.check(known["seed"], seed) if "seed" in known else seed for seed in asked.seeds]
    kind = kind_of(learner.name)
    if asked.sampler not in SAMPLERS:
        raise ValueError(f"sampler is {asked.sampler!r}, but must be one of {', '.join(SAMPLERS)}.")
    if asked.sampler == "optuna":
        load_optuna()
    objective = asked.objective or objectives(kind)[0]
    if objective not in objectives(kind):
        raise ValueError(f"objective is {objective!r}, but a {kind} is judged by {', '.join(objectives(kind))}.")
    for name in ("max_runs", "max_minutes"):
        value = getattr(asked, name)
        if value is not None and not value > 0:
            raise ValueError(f"{name} is {value:g}, but must be above 0.")
    whole = SweepRequest(grid, list(dict.fromkeys(seeds)), asked.sampler, asked.max_runs, asked.max_minutes, objective)
    if n_runs(whole) > MAX_RUNS:
        raise ValueError(f"This sweep has {n_runs(whole):,} runs, but a sweep has at most {MAX_RUNS:,}; leave values out, or set "
                         "max_runs.")
    for setting in corners(grid):  # those that contradict each other are found out before anything trains
        made = cls(**{**learner.params, **setting})
        getattr(made, "check_params", lambda: None)()
    return whole


def read_values(learner: str, name: str, text: str) -> list[Any]:
    """The values of a hyper-parameter from what was typed, with blanks between them, or with commas.

    Raises:
        ValueError: one that the hyper-parameter cannot have. An unknown hyper-parameter is refused by ``checked``.
    """
    lists = "," in text and " " in text.strip() and ", " not in text  # "64 128,64,32": one number, and one for each level
    found = text.split() if lists or "," not in text else text.split(",")
    spec = next((spec for spec in params.specs(run_config.learner_class(learner)) if spec.name == name), None)
    return [one if spec is None else _value(spec, one) for one in (word.strip(" ,") for word in found) if one]


def _value(spec: params.Spec, text: str) -> Any:
    switches = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if spec.kind is bool:
        if text.lower() not in switches:
            raise ValueError(f"{spec.name} is '{text[:40]}', but must be on or off.")
        return switches[text.lower()]
    return params.check(spec, None if text == "none" and spec.optional else text)


def read_seeds(text: str) -> list[int]:
    """Seeds from what was typed: "0, 1, 2".

    Raises:
        ValueError: something else than whole numbers.
    """
    try:
        return [int(one) for one in text.replace(",", " ").split()]
    except ValueError:
        raise ValueError(f"the seeds are '{text[:60]}', but must be whole numbers with commas between them.") from None


def corners(grid: dict[str, list[Any]]) -> list[Values]:
    """The settings that have each value of each hyper-parameter at least once."""
    longest = max(map(len, grid.values()))
    return [{name: values[at % len(values)] for name, values in grid.items()} for at in range(longest)]


def kind_of(learner: str) -> str:
    """Whether a sweep of this learner trains quantizers or models."""
    from tiger import quantizers
    return "quantizer" if learner in quantizers.REGISTRY else "model"


def n_runs(asked: SweepRequest) -> int:
    """Runs in all."""
    whole = math.prod(map(len, asked.grid.values())) * len(asked.seeds)
    return min(whole, asked.max_runs or whole)


def points(asked: SweepRequest) -> list[Point]:
    """The runs of a grid or random sweep in their order: every setting with the first seed, then with the next.

    A budget so cuts the seeds of all settings, not the settings; "random" shuffles the settings first.
    """
    settings = [dict(zip(asked.grid, values, strict=True)) for values in itertools.product(*asked.grid.values())]
    if asked.sampler == "random":
        random.Random(asked.seeds[0]).shuffle(settings)
        settings = settings[:max(1, -(-n_runs(asked) // len(asked.seeds)))]
    return [Point(setting, seed) for seed in asked.seeds for setting in settings][:n_runs(asked)]


def load_optuna() -> Any:
    """The package, quiet.

    Raises:
        ValueError: it is not installed.
    """
    try:
        import optuna
    except ImportError:
        raise ValueError("The sampler 'optuna' needs the package optuna; install it (pip install optuna), or choose grid or "
                         "random.") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def next_point(asked: SweepRequest, members: Sequence[Member], values: Sequence[float | None]) -> Point | None:
    """What to train next; None where all was begun.

    Args:
        members: what was begun already.
        values: the objective of each, None where it is not known (yet).
    """
    begun = {member.point.key for member in members}
    if len(begun) >= n_runs(asked):
        return None
    if asked.sampler != "optuna":
        return next((point for point in points(asked) if point.key not in begun), None)
    for member in members:  # a setting is judged by all of its seeds
        for seed in asked.seeds:
            point = Point(member.point.setting, seed)
            if point.key not in begun:
                return point
    return Point(_ask(asked, members, values), asked.seeds[0])


def _ask(asked: SweepRequest, members: Sequence[Member], values: Sequence[float | None]) -> Values:
    """The setting that Optuna's tree-structured Parzen estimator proposes after what is known."""
    optuna = load_optuna()
    spaces = {name: optuna.distributions.CategoricalDistribution([params.text(one) for one in found])
              for name, found in asked.grid.items()}
    by_setting: dict[str, list[float]] = {}
    settings: dict[str, Values] = {}
    for member, value in zip(members, values, strict=True):
        key = json.dumps(member.point.setting, sort_keys=True)
        settings[key] = member.point.setting
        by_setting.setdefault(key, []).extend([] if value is None else [value])
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=asked.seeds[0] + len(settings)))
    for key, found in by_setting.items():
        if found:
            study.add_trial(optuna.trial.create_trial(
                params={name: params.text(value) for name, value in settings[key].items()}, distributions=spaces,
                value=statistics.fmean(found)))
    for _ in range(20):  # it may propose again what is known
        trial = study.ask(spaces)
        setting = {name: next(one for one in asked.grid[name] if params.text(one) == trial.params[name]) for name in asked.grid}
        if json.dumps(setting, sort_keys=True) not in settings:
            return setting
    untried = [point.setting for point in points(SweepRequest(asked.grid, asked.seeds[:1]))
               if json.dumps(point.setting, sort_keys=True) not in settings]
    return untried[0]


def request(base: RunConfig, asked: SweepRequest) -> RunConfig:
    """The configuration of a sweep; hand it to the supervisor or to ``runs.new_run``.

    Args:
        base: what a single run with the settings that all members share would be asked.
    """
    assert base.learner is not None
    return RunConfig("sweep", base.dataset, base.title or f"Sweep of {', '.join(asked.grid)}", quantizer=base.quantizer,
                     model=base.model, ids_run=base.ids_run, schedule=base.schedule,
                     sweep=asked)


def member_config(sweep: Run, point: Point) -> RunConfig:
    """What the run at a point is asked."""
    config = sweep.config
    learner = config.learner
    assert learner is not None
    given = {**learner.params, **point.setting}
    if "seed" in {spec.name for spec in params.specs(run_config.learner_class(learner.name))}:
        given["seed"] = point.seed
    words = ", ".join(f"{name.removeprefix('n_').replace('_', ' ')} {params.text(value)}"
                      for name, value in point.setting.items())
    kind = kind_of(learner.name)
    part = LearnerConfig(learner.name, given)
    return RunConfig(kind, config.dataset, f"{words}, seed {point.seed}"[:120], quantizer=part if kind == "quantizer" else None,
                     model=part if kind == "model" else None, ids_run=config.ids_run, schedule=config.schedule,
                     more={"sweep_id": sweep.id})


def members(sweep: Run) -> list[Member]:
    """The points that were begun, in order; those whose run was deleted since stay."""
    found: dict[str, Member] = {}
    for line in _lines(sweep):
        try:
            point = Point(dict(line["setting"]), int(line["seed"]))
            found[point.key] = Member(point, str(line["run"]), int(line["attempt"]))
        except (KeyError, TypeError, ValueError):  # the line of an attempt, or one that somebody spoilt
            continue
    return list(found.values())


def _lines(sweep: Run) -> list[dict[str, Any]]:
    try:
        text = (sweep.path / FILE).read_text(encoding="utf-8")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def append(sweep: Run, line: Values) -> None:
    """Add a line to the sweep's points."""
    files.cut_to_whole_lines(sweep.path / FILE)
    with (sweep.path / FILE).open("ab", buffering=0) as file:
        files.append(file, json.dumps(line).encode() + b"\n")


def begin(sweep: Run, attempt: int, before_s: float) -> None:
    """Note that an attempt begins, and how many seconds the earlier ones took."""
    append(sweep, {"attempt": attempt, "began_s": time.time(), "before_s": before_s})


def used_s(sweep: Run) -> float:
    """Seconds that the sweep has taken, over all attempts."""
    starts = [line for line in _lines(sweep) if "began_s" in line]
    return float(starts[-1]["before_s"]) + time.time() - float(starts[-1]["began_s"]) if starts else 0.0


def run_of(member: Member) -> Run | None:
    """A member's run; None where it was deleted."""
    try:
        return store.find(member.run_id)
    except ValueError:
        return None


def objective(run: Run | None, name: str) -> float | None:
    """What a finished member came to; None where it is not finished, or that was not measured."""
    if run is None:
        return None
    if name.startswith("valid_"):
        scores = run.metrics().get("valid") or {}
        found = scores.get(name.removeprefix("valid_"))
        return float(found) if isinstance(found, int | float) else None
    numbers = outcome.read(run.path)
    if numbers is None:
        return None
    value: float | None = getattr(numbers, name)
    return value


def take(sweep: Run, attempt: int) -> Run | None:
    """The next run to train, named in the sweep's folder so that nobody else takes it; None where nothing is left.

    First what an earlier attempt left unfinished, then the next point, unless the time is used up.
    """
    asked = sweep.config.sweep
    assert asked is not None
    with files.Lock(sweep.path / ".points.lock"):
        known = members(sweep)
        for member in known:
            run = run_of(member)
            if member.attempt < attempt and run is not None and run.status.state in ("queued", "stopped", "interrupted"):
                append(sweep, {"setting": member.point.setting, "seed": member.point.seed, "run": run.id, "attempt": attempt})
                return run
        if asked.max_minutes is not None and used_s(sweep) > 60 * asked.max_minutes:
            return None
        point = next_point(asked, known, [objective(run_of(member), asked.objective) for member in known])
        if point is None:
            return None
        from tiger.runs import supervisor
        run = store.new_run(member_config(sweep, point), supervisor.taken())
        append(sweep, {"setting": point.setting, "seed": point.seed, "run": run.id, "attempt": attempt})
        return run
