"""Which runs a sweep asks for: values and seeds as they are typed, checked, and the order in which settings are tried."""

import itertools
import json
import math
import random
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tiger.core import params
from tiger.core.words import counted
from tiger.datasets.reference import Values
from tiger.runs import config as run_config
from tiger.runs.records import LearnerConfig, SweepRequest

MAX_VALUES, MAX_RUNS = 50, 1000  # values of a hyper-parameter or seeds, and runs of a sweep
SAMPLERS = ("grid", "random", "optuna")
OBJECTIVES = {"distinct_share": "Distinct share", "explained": "Explained variance", "usage": "Codebook use",
              "valid_ndcg@10": "Validation NDCG@10", "valid_recall@10": "Validation recall@10"}
"""What settings are judged by; the higher, the better. The first three are of quantizers, the others of recommenders."""
SWITCHES = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}


@dataclass(frozen=True)
class Point:
    """One run of a sweep: a setting of the varied hyper-parameters, and a seed."""

    setting: Values
    seed: int

    @property
    def key(self) -> str:
        """Equal for equal points."""
        return json.dumps([self.setting, self.seed], sort_keys=True)


def kind_of(learner: str) -> str:
    """Whether a sweep of this learner trains quantizers or models."""
    from tiger import quantizers
    return "quantizer" if learner in quantizers.REGISTRY else "model"


def objectives(kind: str) -> list[str]:
    """What members of this kind, quantizer or model, can be judged by."""
    return [name for name in OBJECTIVES if name.startswith("valid_") == (kind == "model")]


def varied_specs(learner: str) -> dict[str, params.Spec]:
    """The hyper-parameters that can be varied; the seed has a list of its own."""
    return {spec.name: spec for spec in params.specs(run_config.learner_class(learner)) if spec.name != "seed"}


def has_seed(learner: str) -> bool:
    """Whether repetitions of this learner can differ."""
    return any(spec.name == "seed" for spec in params.specs(run_config.learner_class(learner)))


def checked(request: SweepRequest, learner: LearnerConfig) -> SweepRequest:
    """A request with every value checked, and duplicates left out. Learners without a seed get one repetition.

    Args:
        learner: what every run trains but for the varied hyper-parameters and the seed.

    Raises:
        ValueError: an unknown hyper-parameter, a value out of bounds, values that contradict each other, no value at all, more
            runs than ``MAX_RUNS``, or a sampler that is not installed.
    """
    grid = _checked_grid(request.grid, learner.name)
    if not 0 < len(request.seeds) <= MAX_VALUES:
        raise ValueError(f"A sweep needs 1 to {MAX_VALUES} seeds, but these are {len(request.seeds)}.")
    seed_spec = next((spec for spec in params.specs(run_config.learner_class(learner.name)) if spec.name == "seed"), None)
    seeds = [params.check(seed_spec, seed) for seed in request.seeds] if seed_spec is not None else [0]
    if request.sampler not in SAMPLERS:
        raise ValueError(f"sampler is {request.sampler!r}, but must be one of {', '.join(SAMPLERS)}.")
    if request.sampler == "optuna":
        load_optuna()
    kind = kind_of(learner.name)
    objective = request.objective or objectives(kind)[0]
    if objective not in objectives(kind):
        raise ValueError(f"objective is {objective!r}, but a {kind} is judged by {', '.join(objectives(kind))}.")
    for name in ("max_runs", "max_minutes"):
        value = getattr(request, name)
        if value is not None and not 0 < value < math.inf:
            raise ValueError(f"{name} is {value:g}, but must be above 0; leave it out for no limit.")
    whole = replace(request, grid=grid, seeds=list(dict.fromkeys(seeds)), objective=objective)
    if n_runs(whole) > MAX_RUNS:
        raise ValueError(f"This sweep has {n_runs(whole):,} runs, but a sweep has at most {MAX_RUNS:,}; leave values out, or set "
                         "max_runs.")
    _check_together(whole, learner)
    return whole


def _checked_grid(given: Values, learner: str) -> dict[str, list[Any]]:
    known, grid = varied_specs(learner), {}
    for name, values in given.items():
        if name not in known:
            raise ValueError(f"'{name}' cannot be varied; choose from {', '.join(known)}."
                             + " Seeds have a list of their own." * (name == "seed"))
        if not isinstance(values, list) or not 0 < len(values) <= MAX_VALUES:
            n = len(values) if isinstance(values, list) else 0
            raise ValueError(f"{name} has {counted(n, 'value')}, but needs 1 to {MAX_VALUES}.")
        found = [params.check(known[name], value) for value in values]
        grid[name] = [value for at, value in enumerate(found) if value not in found[:at]]
    if not grid:
        raise ValueError("A sweep needs at least one hyper-parameter with the values to try.")
    return grid


def _check_together(request: SweepRequest, learner: LearnerConfig) -> None:
    """Find values that contradict each other before anything trains: in all settings, of a large grid the first ``MAX_RUNS``."""
    cls = run_config.learner_class(learner.name)
    for setting in itertools.islice(settings(request.grid), MAX_RUNS):
        try:
            made = cls(**{**learner.params, **setting})
            getattr(made, "check_params", lambda: None)()
        except ValueError as error:
            raise ValueError(f"With {setting_text(setting)}: {error}") from None


def read_values(learner: str, name: str, text: str) -> list[Any]:
    """The values of a hyper-parameter from what was typed, with commas between them.

    With a semicolon in it, semicolons part the values, so that a value can be a list: "64; 128,64,32".

    Raises:
        ValueError: one that the hyper-parameter cannot have. An unknown hyper-parameter is refused by ``checked``.
    """
    spec = varied_specs(learner).get(name)
    found = (one.strip() for one in text.split(";" if ";" in text else ","))
    return [one if spec is None else _value(spec, one) for one in found if one]


def _value(spec: params.Spec, text: str) -> Any:
    if spec.kind is bool:
        if text.lower() not in SWITCHES:
            raise ValueError(f"{spec.name} is '{text[:40]}', but must be on or off.")
        return SWITCHES[text.lower()]
    return params.check(spec, None if text == "none" and spec.optional else text)


def values_text(values: Sequence[Any]) -> str:
    """Values as ``read_values`` takes them."""
    words = [{True: "on", False: "off"}[one] if isinstance(one, bool) else params.text(one) for one in values]
    if not any("," in one for one in words):
        return ",".join(words)
    return "; ".join(words) if len(words) > 1 else f"{words[0]};"


def read_seeds(text: str) -> list[int]:
    """Seeds from what was typed: "0, 1, 2", or "0-4" for all from 0 to 4.

    Raises:
        ValueError: something else than whole numbers, or more than ``MAX_VALUES``.
    """
    found: list[int] = []
    for one in text.replace(",", " ").split():
        first, dash, last = one.partition("-")
        try:
            low = int(first)
            high = int(last) if dash else low
        except ValueError:
            raise ValueError(f"The seeds are '{text[:60]}', but must be whole numbers with commas between them, such as 0, 1, 2 "
                             "or 0-4.") from None
        if len(found) + high - low >= MAX_VALUES:
            raise ValueError(f"'{text[:60]}' are {len(found) + high - low + 1:,} seeds or more, but a sweep has at most "
                             f"{MAX_VALUES}.")
        found += range(low, high + 1)
    return found


def setting_text(setting: Mapping[str, Any]) -> str:
    """A setting for people: "beta 0.25, kmeans init off"."""
    return ", ".join(f"{params.plain_name(name)} {_short(value)}" for name, value in setting.items())


def _short(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else values_text([value]).rstrip(";")


def grid_text(request: SweepRequest) -> str:
    """What a sweep varies, for people: "beta 0.25, 1; kmeans init on, off"."""
    return "; ".join(f"{params.plain_name(name)} {', '.join(map(_short, values))}" for name, values in request.grid.items()
                     if isinstance(values, list))


def settings(grid: Mapping[str, Sequence[Any]]) -> Iterator[Values]:
    """Every setting of a grid, one at a time: a grid may have billions."""
    return (dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values()))


def n_settings(grid: Mapping[str, Sequence[Any]]) -> int:
    """Settings of the whole grid."""
    return math.prod(map(len, grid.values()))


def n_runs(request: SweepRequest) -> int:
    """Runs in all: every setting with every seed, or the budget."""
    whole = n_settings(request.grid) * len(request.seeds)
    return min(whole, request.max_runs or whole)


def points(request: SweepRequest) -> list[Point]:
    """The runs of a grid or random sweep in their order: every setting with the first seed, then with the next.

    A budget so cuts seeds before it cuts settings; "random" draws as many settings as the budget trains with every seed.
    """
    n = n_runs(request)
    chosen: Iterable[Values] = itertools.islice(settings(request.grid), n)
    if request.sampler == "random":
        whole = n_settings(request.grid)
        drawn = random.Random(request.seeds[0]).sample(range(whole), min(whole, math.ceil(n / len(request.seeds))))
        chosen = (_setting_at(request.grid, number) for number in drawn)
    kept = list(chosen)
    return list(itertools.islice((Point(setting, seed) for seed in request.seeds for setting in kept), n))


def _setting_at(grid: Mapping[str, Sequence[Any]], number: int) -> Values:
    """The setting of this number, counted as ``settings`` does: the last hyper-parameter changes fastest."""
    found: Values = {}
    for name, values in reversed(list(grid.items())):
        number, at = divmod(number, len(values))
        found[name] = values[at]
    return {name: found[name] for name in grid}


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


def next_point(request: SweepRequest, begun: Sequence[Point], values: Sequence[float | None]) -> Point | None:
    """What to train next; None where all was begun.

    Args:
        begun: the points that were begun already.
        values: the objective of each, None where it is not known (yet); only Optuna looks at them.
    """
    keys = {point.key for point in begun}
    if len(keys) >= n_runs(request):
        return None
    if request.sampler != "optuna":
        return next((point for point in points(request) if point.key not in keys), None)
    for earlier in begun:  # a setting is judged by all of its seeds
        for seed in request.seeds:
            point = Point(earlier.setting, seed)
            if point.key not in keys:
                return point
    return Point(_proposed(request, begun, values), request.seeds[0])


def _proposed(request: SweepRequest, begun: Sequence[Point], values: Sequence[float | None]) -> Values:
    """The setting that Optuna's tree-structured Parzen estimator proposes: one that was not tried yet."""
    optuna = load_optuna()
    orders = {name: _in_order(found) for name, found in request.grid.items()}
    spaces = {name: optuna.distributions.IntDistribution(0, len(found) - 1) if ordered
              else optuna.distributions.CategoricalDistribution(range(len(found))) for name, (found, ordered) in orders.items()}
    known: dict[str, tuple[Values, list[float]]] = {}
    for point, value in zip(begun, values, strict=True):
        known.setdefault(Point(point.setting, 0).key, (point.setting, []))[1].extend([] if value is None else [value])
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=request.seeds[0] + len(known)))
    for setting, found in known.values():
        if found:
            study.add_trial(optuna.trial.create_trial(
                params={name: order.index(setting[name]) for name, (order, _) in orders.items()}, distributions=spaces,
                value=statistics.fmean(found)))
    for _ in range(20):  # it may propose again what is known
        trial = study.ask(spaces)
        setting = {name: order[trial.params[name]] for name, (order, _) in orders.items()}
        if Point(setting, 0).key not in known:
            return setting
    return next(setting for setting in settings(request.grid) if Point(setting, 0).key not in known)


def _in_order(values: Sequence[Any]) -> tuple[list[Any], bool]:
    """Values as Optuna sees them, and whether near places in the list mean near values."""
    numbers = all(isinstance(one, int | float) and not isinstance(one, bool) for one in values)
    return (sorted(values), True) if numbers else (list(values), False)
