"""What a run is asked to do: checked before anything starts, and written as the equal command line."""

import re
import secrets
import shlex
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tiger import studies
from tiger.core import access, params
from tiger.datasets.reference import DatasetRef, Values
from tiger.runs.records import LearnerConfig, RunConfig, ScheduledChange, StudyRequest, SweepRequest

KINDS = ("quantizer", "model", "projection", "import", "external", "sweep")  # and every kind of study
CODED = ("quantizer", "import", "external")  # kinds of run that give items their codes


def checked(requested: RunConfig | Mapping[str, Any]) -> RunConfig:
    """A whole configuration from what was asked, with every default written out and a fresh id.

    Args:
        requested: a configuration, or the object that ``config.json`` holds; ``kind`` is "quantizer" where it names none.

    Raises:
        ValueError: an unknown kind, quantizer or hyper-parameter, or a value out of bounds.
    """
    if not isinstance(requested, RunConfig):
        requested = RunConfig.from_json({"kind": "quantizer", **_with_dataset(requested)})
    if requested.kind not in (*KINDS, *studies.REGISTRY):
        raise ValueError(f"kind is {requested.kind!r}, but must be one of {', '.join((*KINDS, *studies.REGISTRY))}.")
    changes: Values = {}
    for part in ("quantizer", "model"):
        given = getattr(requested, part)
        if given is not None:
            changes[part] = _checked_learner(part, given)
        elif requested.kind == part:
            raise ValueError(f"A {part} run needs '{part}': {{'name': ..., 'params': {{...}}}}.")
    changes["schedule"] = _checked_schedule(requested)
    if requested.model is not None:
        changes["ids_run"] = _checked_ids(requested)
    if requested.kind == "sweep":
        changes["sweep"] = _checked_sweep(replace(requested, **changes))
    if requested.kind in studies.REGISTRY:
        changes["study"] = _checked_study(requested)
    now = time.time()
    learner = requested.learner
    word = re.sub(r"[^a-z0-9]+", "-", learner.name) if learner is not None else requested.kind
    run_id = f"{word}-{time.strftime('%m%d-%H%M%S', time.localtime(now))}-{secrets.token_hex(3)}"
    title = " ".join(requested.title.split())[:120] or run_id
    visitor = access.current()
    changes |= {"owner": visitor.id if visitor else "", "owner_name": visitor.name if visitor else ""}
    return replace(requested, **changes, id=run_id, created_s=now, title=title)


def _with_dataset(requested: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(requested.get("dataset"), dict) or "name" not in requested["dataset"]:
        raise ValueError("A run needs a dataset reference such as {'name': 'synthetic', 'params': {}}.")
    return requested


def _checked_learner(part: str, given: LearnerConfig) -> LearnerConfig:
    """Name and every hyper-parameter of the quantizer or model that is to train."""
    from tiger import models, quantizers  # here, so that listing runs does not load torch
    create: Any = {"quantizer": quantizers.create, "model": models.create}[part]
    made = create(given.name, **given.params)
    getattr(made, "check_params", lambda: None)()  # those that contradict each other
    return LearnerConfig(given.name, params.values(made))


def _checked_schedule(requested: RunConfig) -> tuple[ScheduledChange, ...]:
    """Every scheduled change, in the order of steps; two at the same step are one."""
    if not requested.schedule:
        return ()
    if requested.trained is None:
        raise ValueError(f"A run of kind {requested.kind} trains nothing, so it can have no schedule; leave it out.")
    merged: dict[int, Values] = {}
    for change in requested.schedule:
        if change.step < 0:
            raise ValueError(f"The schedule changes something after step {change.step}, but steps count from 0.")
        merged[change.step] = merged.get(change.step, {}) | check_live_params(requested.trained.name, change.params)
    return tuple(ScheduledChange(step, merged[step]) for step in sorted(merged))


def schedule_text(schedule: tuple[ScheduledChange, ...]) -> str:
    """A schedule as the command line takes it: "150:learning_rate=0.03,restart_threshold=0"; ";" parts its steps."""
    return ";".join(f"{change.step}:" + ",".join(f"{name}={params.text(value)}" for name, value in change.params.items())
                    for change in schedule)


def parse_schedule(text: str) -> tuple[ScheduledChange, ...]:
    """What ``schedule_text`` wrote.

    Raises:
        ValueError: it does not read so.
    """
    found = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        step, _, rest = part.partition(":")
        pairs = [pair.partition("=") for pair in rest.split(",")]
        try:
            found.append(ScheduledChange(int(step), {name.strip(): float(value) for name, _, value in pairs}))
        except ValueError:
            raise ValueError(f"The schedule has '{part[:60]}', but each part must read STEP:NAME=NUMBER, such as "
                             "150:learning_rate=0.03,restart_threshold=0.") from None
    return tuple(found)


def _checked_ids(requested: RunConfig) -> str | None:
    """Which run's semantic IDs a model writes or reads; None for a model that does neither."""
    assert requested.model is not None
    learner = learner_class(requested.model.name)
    verb = getattr(learner, "ids_verb", "")
    if not verb:
        return None
    if not requested.ids_run:
        raise ValueError(f"{requested.model.name} {verb} semantic IDs; name the run that has them: 'ids': {{'run': RUN_ID}}.")
    return requested.ids_run


def _checked_study(requested: RunConfig) -> StudyRequest:
    """Every parameter of a study, and the recommender that it measures."""
    if not requested.parent:
        raise ValueError(f"A {requested.kind} study needs 'parent': the quantizer run to study.")
    given = requested.study or StudyRequest()
    return StudyRequest(params.values(studies.find(requested.kind).config(given.params)), given.model or None)


def _checked_sweep(requested: RunConfig) -> SweepRequest:
    """Values, seeds and budget of a sweep."""
    from tiger.runs import sweep_plan  # here, since it needs this module
    if requested.sweep is None or requested.trained is None:
        raise ValueError("A sweep needs 'sweep': {'grid': {...}} and the quantizer or model that it trains.")
    return sweep_plan.checked(requested.sweep, requested.trained)


def learner_class(name: str) -> type:
    """The quantizer or recommender of this name.

    Raises:
        ValueError: there is none; lists those that exist.
    """
    from tiger import models, quantizers
    known: dict[str, type] = {**quantizers.REGISTRY, **models.REGISTRY}
    if name not in known:
        raise ValueError(f"'{name}' is neither a quantizer nor a model; choose from {', '.join(known)}.")
    return known[name]


def live_specs(name: str) -> list[params.Spec]:
    """The hyper-parameters that may change while this quantizer or model trains."""
    return [spec for spec in params.specs(learner_class(name)) if spec.live]


def check_live_params(name: str, given: Values) -> Values:
    """Live hyper-parameters, each as its own kind.

    Raises:
        ValueError: one that cannot change while it trains (those that can are listed), or out of bounds.
    """
    live = {spec.name: spec for spec in live_specs(name)}
    for one in given:
        if one not in live:
            raise ValueError(f"'{one}' cannot change while {name} trains; what can: {', '.join(live) or 'none'}.")
    return {one: params.check(live[one], value) for one, value in given.items()}


def flag(name: str, prefix: str = "") -> str:
    """A hyper-parameter's flag on the command line: ``n_levels`` is ``--n-levels``."""
    return "--" + (prefix + name).replace("_", "-")


def command(config: RunConfig) -> str:
    """The command line that asks for the same; values that are the default are left out."""
    if config.imported is not None:
        words = ["python", "-m", "tiger", "ids", "import", config.imported.file, "--align", config.imported.align]
        return shlex.join(words + _dataset_flags(config.dataset))
    if config.study is not None:
        words = ["python", "-m", "tiger", config.kind, str(config.parent)]
        words += ["--model", config.study.model] if config.study.model else []
        return shlex.join(words + _changed(studies.find(config.kind).params, config.study.params))
    if config.sweep is not None:
        return _sweep_command(config, config.sweep)
    if config.learner is None:
        raise ValueError(f"a run of kind {config.kind} has no command.")
    words = ["python", "-m", "tiger", "train", config.learner.name]
    words += _data_flags(config, config.learner.name)
    words += ["--schedule", schedule_text(config.schedule)] if config.schedule else []
    return shlex.join(words + _changed(learner_class(config.learner.name), config.learner.params))


def _sweep_command(config: RunConfig, request: SweepRequest) -> str:
    from tiger.runs import sweep_plan  # here, since it needs this module
    learner = config.trained
    assert learner is not None
    words = ["python", "-m", "tiger", "sweep", learner.name]
    for name, values in request.grid.items():
        words += ["--vary", f"{name}={sweep_plan.values_text(values)}"]
    words += ["--seeds", ",".join(map(str, request.seeds))] if request.seeds != [0] else []
    words += ["--sampler", request.sampler] if request.sampler != "grid" else []
    words += ["--max-runs", str(request.max_runs)] if request.max_runs else []
    words += ["--max-minutes", f"{request.max_minutes:g}"] if request.max_minutes else []
    first = sweep_plan.objectives(sweep_plan.kind_of(learner.name))[0]
    words += ["--objective", request.objective] if request.objective not in ("", first) else []
    words += _data_flags(config, learner.name)
    words += ["--schedule", schedule_text(config.schedule)] if config.schedule else []
    fixed = {name: value for name, value in learner.params.items() if name not in {*request.grid, "seed"}}
    return shlex.join(words + _changed(learner_class(learner.name), fixed))


def _data_flags(config: RunConfig, name: str) -> list[str]:
    """The words that name IDs or a dataset; a run that gives the IDs, or is combined, names its dataset."""
    if config.ids_run:
        return ["--ids", config.ids_run]
    return [] if getattr(learner_class(name), "member_params", ()) else _dataset_flags(config.dataset)


def _dataset_flags(ref: DatasetRef) -> list[str]:
    """The words that name a dataset and its embedding."""
    from tiger import datasets
    words = ["--dataset", ref["name"]]
    words += _changed(datasets.REGISTRY[ref["name"]], ref.get("params") or {}, "data-")
    embedding = {"method": "tfidf"} | (ref.get("embedding") or {})
    if embedding["method"] != "tfidf":
        words += ["--embedding", embedding["method"]]
    return words + _changed(datasets.EMBEDDINGS[embedding["method"]], embedding, "embedding-")


def flags(values: Values, prefix: str = "") -> list[str]:
    """The words on the command line that set these hyper-parameters."""
    words = []
    for name, value in values.items():
        if isinstance(value, bool):
            words.append(flag(name, prefix) if value else "--no-" + flag(name, prefix)[2:])
        else:
            words += [flag(name, prefix), params.text(value)]
    return words


def _changed(cls: type, values: Values, prefix: str = "") -> list[str]:
    """Flags for what differs from a dataclass's defaults."""
    specs, values = params.specs(cls), params.renamed(cls, values)
    return flags({spec.name: values[spec.name] for spec in specs
                  if values.get(spec.name, spec.default) != spec.default}, prefix)
