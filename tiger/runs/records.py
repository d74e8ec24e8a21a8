"""What stands in a run's JSON files, each written down once: configuration, status, control.

A file of an older lab reads as one of today: unknown entries are kept where they belong to the configuration and
left out elsewhere, missing ones have their defaults, and what is of the wrong kind counts as missing.
"""

import functools
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args, get_type_hints

from tiger.core.typed import fits
from tiger.datasets.reference import DatasetRef, Values

State = Literal["queued", "running", "paused", "stopped", "interrupted", "finished", "failed"]
Action = Literal["run", "pause", "stop"]
ACTIONS: tuple[Action, ...] = get_args(Action)
BUSY: tuple[State, ...] = ("running", "paused")  # a worker has the folder
RESUMABLE: tuple[State, ...] = ("stopped", "interrupted", "failed")
WAITING = "waiting for a free worker"  # the stage of a run that was resumed, or started, while all workers are busy

STATE_SUMMARY: dict[State, str] = {
    "queued": "waiting", "running": "running", "paused": "paused", "stopped": "stopped",
    "interrupted": "interrupted", "finished": "finished", "failed": "failed"}
"""The word for each state on pages and at the command line."""


@dataclass(frozen=True)
class Status:
    """How a run goes (``status.json``); the worker replaces it about five times a second.

    Args:
        stage: what is going on, in plain words.
        step, n_steps: steps done, and in all.
        rate: steps a second; 0 while unknown.
        left_s: seconds left at this rate; None while unknown.
        pid: process that has the run; None before its first start.
        heartbeat_s: seconds since 1970 at the last sign of life.
        message: one sentence on how it ended; empty otherwise.
        attempt: starts so far; a resume cuts the log back, so readers that keep an offset begin again at 0.
        queued_s: seconds since 1970 when it was last resumed; None before.
        n_threads: torch's threads of the last attempt; sums, and so codes, depend on it.
        host: machine of that process; empty where it is the server's own.
        job: the worker's name in the cluster that executes it; empty for workers that the server started itself.
    """

    state: State = "queued"
    stage: str = ""
    step: int = 0
    n_steps: int = 0
    rate: float = 0.0
    left_s: float | None = None
    pid: int | None = None
    heartbeat_s: float = 0.0
    message: str = ""
    attempt: int = 0
    queued_s: float | None = None
    n_threads: int | None = None
    host: str = ""
    job: str = ""

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """A status from the file's object."""
        return cls(**_fitting(cls, found))

    def to_json(self) -> Values:
        """The file's object."""
        return asdict(self)

    def but(self, **changes: Any) -> Self:
        """The same with some changes."""
        return replace(self, **changes)

    @property
    def busy(self) -> bool:
        """Whether a worker has the folder."""
        return self.state in BUSY

    @property
    def active(self) -> bool:
        """Whether it waits or has a worker."""
        return self.busy or self.state == "queued"


@dataclass(frozen=True)
class Control:
    """What a worker is asked to do (``control.json``); pages and the command line write it.

    Args:
        action: run, pause or stop.
        step_to: train until this many steps are done, then pause; None: no such limit.
        live_params: live hyper-parameters to use from the next step on.
        seq: counts requests, so that a worker notices new ones.
    """

    action: Action = "run"
    step_to: int | None = None
    live_params: Values = field(default_factory=dict)
    seq: int = 0

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """A request from the file's object; ``knobs`` is what live parameters were called until November 2026."""
        given = {"live_params": found.get("knobs"), **found}
        return cls(**_fitting(cls, given))

    def to_json(self) -> Values:
        """The file's object."""
        return asdict(self)


@dataclass(frozen=True)
class LearnerConfig:
    """A quantizer or recommender by name, with its hyper-parameters."""

    name: str
    params: Values = field(default_factory=dict)


@dataclass(frozen=True)
class StudyRequest:
    """Parameters of a study, and the model run whose recommendations it measures (None: it trains a small one)."""

    params: Values = field(default_factory=dict)
    model: str | None = None


@dataclass(frozen=True)
class ProjectionRequest:
    """A map to compute: of which space, with which UMAP parameters, stored under which key."""

    space: str
    params: Values
    key: str


@dataclass(frozen=True)
class ImportRequest:
    """Where imported IDs came from: the file, how its rows were matched to items, codes a level.

    ``sizes_guessed`` says that the file does not tell ``n_codes``: they are powers of two that hold the largest codes.
    """

    file: str
    align: str = "auto"
    n_codes: list[int] | None = None
    sizes_guessed: bool = False


@dataclass(frozen=True)
class Recording:
    """What is known of a training that another program does.

    Args:
        n_codes: codes of each level.
        n_items: items of the dataset.
        library: what trains, a key of ``analysis.doctor.libraries``; empty for code of one's own.
        settings: its hyper-parameters, by the names that they have there.
    """

    n_codes: list[int]
    n_items: int
    library: str = ""
    settings: Values = field(default_factory=dict)


@dataclass(frozen=True)
class ScheduledChange:
    """Live hyper-parameters that take new values once this many steps are done."""

    step: int
    params: Values


@dataclass(frozen=True)
class SweepRequest:
    """Settings and seeds to train.

    Args:
        grid: hyper-parameters, each with the values to try.
        seeds: every setting is trained with each.
        sampler: grid (all settings), random (some of them) or optuna (each after what is known by then).
        max_runs, max_minutes: the budget; None: no limit.
        objective: what settings are judged by, a key of ``sweep.OBJECTIVES``.
    """

    grid: Values
    seeds: list[int] = field(default_factory=lambda: [0])
    sampler: str = "grid"
    max_runs: int | None = None
    max_minutes: float | None = None
    objective: str = ""


PARTS = {"quantizer": LearnerConfig, "model": LearnerConfig, "study": StudyRequest, "projection": ProjectionRequest,
         "import": ImportRequest, "recording": Recording, "sweep": SweepRequest}


@dataclass(frozen=True)
class RunConfig:
    """What a run was asked to do (``config.json``); it never changes.

    Args:
        kind: quantizer, model, projection, import, external, sweep, or a kind of study.
        dataset: recipe of the catalogue.
        id: made by the server; empty until then.
        parent: id of the run it goes out from.
        preset: key of the recipe.
        schedule: changes of live hyper-parameters while it trains, by step.
        ids_run: id of the run whose semantic IDs a model writes; None for models that write none.
        sweep: of a sweep: what its runs vary.
        sweep_id: id of the sweep that the run belongs to.
        owner, owner_name: id and name of the visitor of a class whose run it is; "": of whoever runs the server.
        more: entries that this version does not know.
    """

    kind: str
    dataset: DatasetRef
    title: str = ""
    id: str = ""
    created_s: float = 0.0
    parent: str | None = None
    preset: str | None = None
    quantizer: LearnerConfig | None = None
    model: LearnerConfig | None = None
    ids_run: str | None = None
    study: StudyRequest | None = None
    projection: ProjectionRequest | None = None
    imported: ImportRequest | None = None
    recording: Recording | None = None
    schedule: tuple[ScheduledChange, ...] = ()
    sweep: SweepRequest | None = None
    sweep_id: str | None = None
    owner: str = ""
    owner_name: str = ""
    more: Values = field(default_factory=dict)

    @property
    def learner(self) -> LearnerConfig | None:
        """The quantizer or model that trains; None for other kinds of run."""
        return None if self.kind == "sweep" else self.trained

    @property
    def trained(self) -> LearnerConfig | None:
        """The quantizer or model that trains, here or in the runs of this sweep."""
        return self.model or self.quantizer

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """A configuration from the file's object.

        Raises:
            ValueError: the kind or the dataset is missing, or a part is of the wrong kind.
        """
        given = dict(found)
        ref = given.get("dataset")
        if not isinstance(given.get("kind"), str) or not isinstance(ref, dict) or not isinstance(ref.get("name"), str):
            raise ValueError("a run's config.json needs 'kind' and 'dataset', and a dataset needs a 'name'.")
        if any(not isinstance(ref.get(name), dict | None) for name in ("params", "embedding")):
            raise ValueError("'params' and 'embedding' of a dataset in a run's config.json must be objects.")
        parts = {name: _part(given.pop(name), name) for name in PARTS if given.get(name) is not None}
        ids, schedule = given.pop("ids", None), given.pop("schedule", None)
        own = {entry.name for entry in fields(cls)} - {"more", "ids_run", "imported"}
        known = {name: given.pop(name) for name in own & set(given)}
        return cls(**_fitting(cls, known), quantizer=parts.get("quantizer"), model=parts.get("model"),
                   study=parts.get("study"), projection=parts.get("projection"), imported=parts.get("import"),
                   recording=parts.get("recording"), sweep=parts.get("sweep"),
                   schedule=_schedule(schedule), ids_run=str(ids["run"]) if isinstance(ids, dict) and ids.get("run") else None,
                   more={name: value for name, value in given.items() if name not in PARTS})

    def to_json(self) -> Values:
        """The file's object, parts that it has not left out."""
        found: Values = {name: getattr(self, name) for name in ("kind", "title", "parent", "preset")}
        parts = {"quantizer": self.quantizer, "model": self.model, "study": self.study, "projection": self.projection,
                 "import": self.imported, "recording": self.recording, "sweep": self.sweep}
        found |= {name: asdict(part) for name, part in parts.items() if part is not None}
        if self.sweep_id:
            found["sweep_id"] = self.sweep_id
        if self.owner:
            found |= {"owner": self.owner, "owner_name": self.owner_name}
        if self.schedule:
            found["schedule"] = [asdict(change) for change in self.schedule]
        if self.model is not None:
            found["ids"] = {"run": self.ids_run} if self.ids_run else None
        return found | {"dataset": dict(self.dataset), "id": self.id, "created_s": self.created_s} | self.more


@functools.cache
def _hints(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields, by name; read once, since that takes longer than reading a run's file."""
    found = get_type_hints(cls)
    return {entry.name: found[entry.name] for entry in fields(cls)}


def _part(given: Any, name: str) -> Any:
    if not isinstance(given, dict):
        raise ValueError(f"'{name}' of a run's config.json must be an object.")
    cls: Any = PARTS[name]
    try:
        return cls(**_fitting(cls, given))
    except TypeError:
        raise ValueError(f"'{name}' of a run's config.json lacks an entry; it has {', '.join(given) or 'none'}.") from None


def _schedule(given: Any) -> tuple[ScheduledChange, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(one, dict) and isinstance(one.get("step"), int)
                                              and isinstance(one.get("params"), dict) for one in given):
        raise ValueError("'schedule' of a run's config.json must be a list of objects with 'step' and 'params'.")
    return tuple(ScheduledChange(one["step"], one["params"]) for one in given)


def _fitting(cls: type, found: Mapping[str, Any]) -> Values:
    """The entries that the dataclass knows and whose kind is right."""
    return {name: found[name] for name, kind in _hints(cls).items() if name in found and fits(found[name], kind)}
