"""A sweep: one quantizer or recommender trained with many settings and seeds, each as an ordinary run.

The sweep is itself a run, whose folder names its members in ``points.jsonl``. This module says how the members stand and hands
out what is trained next; ``sweep_plan`` says which runs there are, and ``run_sweep`` trains them.
"""

import json
import math
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tiger.core import files, params
from tiger.datasets.reference import Values
from tiger.runs import index, store, supervisor, sweep_plan
from tiger.runs.records import RESUMABLE, LearnerConfig, RunConfig, SweepRequest
from tiger.runs.run import Run
from tiger.runs.sweep_plan import Point

FILE = "points.jsonl"


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


@dataclass(frozen=True)
class Counts:
    """How the members stand.

    Args:
        finished, failed: runs that are over; a run that was deleted since counts as finished.
        ended: stopped by somebody, or interrupted, so that they can go on.
        done: runs done, with the trained part of those that train.
    """

    finished: int
    failed: int
    ended: int
    done: float

    @property
    def over(self) -> int:
        """Runs that need no more training."""
        return self.finished + self.failed


def run_config_of(base: RunConfig, request: SweepRequest) -> RunConfig:
    """The configuration of a sweep; hand it to the supervisor or to ``runs.new_run``.

    Args:
        base: what a single run with the settings that all members share would be asked.
    """
    title = base.title or f"Sweep of {', '.join(params.plain_name(name) for name in request.grid)}"
    return replace(base, kind="sweep", title=title, sweep=request)


def member_config(sweep: Run, point: Point) -> RunConfig:
    """What the run at a point is asked."""
    config = sweep.config
    assert config.trained is not None
    name, title = config.trained.name, sweep_plan.setting_text(point.setting)
    given = {**config.trained.params, **point.setting}
    if sweep_plan.has_seed(name):
        given, title = given | {"seed": point.seed}, f"{title}, seed {point.seed}"
    member = RunConfig(sweep_plan.kind_of(name), config.dataset, title[:120], ids_run=config.ids_run, schedule=config.schedule,
                       sweep_id=sweep.id)
    part = LearnerConfig(name, given)
    return replace(member, model=part) if member.kind == "model" else replace(member, quantizer=part)


def request_of(sweep: Run) -> SweepRequest:
    """What a sweep was asked.

    Raises:
        ValueError: the run is no sweep, or its configuration was spoilt.
    """
    request = sweep.config.sweep
    if request is None or sweep.config.kind != "sweep":
        raise ValueError(f"'{sweep.title}' is a run of kind {sweep.config.kind}, not a sweep.")
    lists = all(isinstance(values, list) and values for values in request.grid.values())
    if not request.grid or not lists or not request.seeds or request.objective not in sweep_plan.OBJECTIVES \
            or sweep.config.trained is None:
        raise ValueError(f"The configuration of the sweep '{sweep.title}' is not whole; start the sweep anew.")
    return request


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


def _lines(sweep: Run) -> list[Values]:
    try:
        text = (sweep.path / FILE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    found = []
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):  # torn by a crash
            continue
        if isinstance(value, dict):
            found.append(value)
    return found


def _append(sweep: Run, line: Values) -> None:
    files.cut_to_whole_lines(sweep.path / FILE)
    with (sweep.path / FILE).open("ab", buffering=0) as file:
        files.append(file, json.dumps(line).encode() + b"\n")


def note(sweep: Run, point: Point, run_id: str, attempt: int) -> None:
    """Note that an attempt took a point, and which run it is."""
    _append(sweep, {"setting": point.setting, "seed": point.seed, "run": run_id, "attempt": attempt})


def begin(sweep: Run, attempt: int, before_s: float) -> None:
    """Note that an attempt begins, and how many seconds the earlier ones took.

    A run that was made, but whose line a crash tore, is noted again, so that its point is not trained twice.
    """
    _append(sweep, {"attempt": attempt, "began_s": time.time(), "before_s": before_s})
    noted = {member.run_id for member in members(sweep)}
    for entry in index.entries():
        if entry.config.sweep_id == sweep.id and entry.id not in noted and entry.config.learner is not None:
            given = entry.config.learner.params
            setting = {name: given[name] for name in request_of(sweep).grid if name in given}
            note(sweep, Point(setting, int(given.get("seed", 0))), entry.id, attempt - 1)


def used_s(sweep: Run) -> float:
    """Seconds that the sweep has taken, over all attempts."""
    starts = [line for line in _lines(sweep) if "began_s" in line]
    return float(starts[-1]["before_s"]) + time.time() - float(starts[-1]["began_s"]) if starts else 0.0


def entry_of(member: Member) -> index.Entry | None:
    """A member's run as its small files describe it; None where it was deleted."""
    try:
        return index.of(store.find(member.run_id))
    except ValueError:
        return None


def counts(entries: Iterable[index.Entry | None]) -> Counts:
    """How the members stand.

    Args:
        entries: of each; None for one that was deleted.
    """
    finished, failed, ended, part = 0, 0, 0, 0.0
    for entry in entries:
        state = entry.status.state if entry is not None else "finished"
        finished, failed = finished + (state == "finished"), failed + (state == "failed")
        ended += state in ("stopped", "interrupted")
        if entry is not None and entry.status.active and entry.status.n_steps:
            part += min(1.0, entry.status.step / entry.status.n_steps)
    return Counts(finished, failed, ended, finished + failed + part)


def value_of(entry: index.Entry | None, objective: str) -> float | None:
    """What a finished member came to; None where it is not finished, or that was not measured."""
    if entry is None or entry.status.state != "finished":
        return None
    if objective.startswith("valid_"):
        scores = entry.run.metrics().get("valid") or {}
        found = scores.get(objective.removeprefix("valid_"))
    else:
        found = getattr(entry.outcome, objective, None)
    return float(found) if isinstance(found, int | float) and math.isfinite(found) else None


def take(sweep: Run, attempt: int) -> Run | None:
    """The next run to train, noted in the sweep's folder so that nobody else takes it; None where nothing is left.

    First what an earlier attempt left unfinished or failed at, then the next point, unless the time is used up.
    """
    request = request_of(sweep)
    if request.sampler == "optuna":
        sweep_plan.load_optuna()  # takes seconds, and others wait for the lock
    with files.Lock(sweep.path / ".points.lock"):
        known = members(sweep)
        for member in known:
            entry = entry_of(member) if member.attempt < attempt else None
            if entry is not None and entry.status.state in ("queued", *RESUMABLE):
                note(sweep, member.point, entry.id, attempt)
                return entry.run
        if request.max_minutes is not None and used_s(sweep) > 60 * request.max_minutes:
            return None
        values = [value_of(entry_of(member), request.objective) if request.sampler == "optuna" else None for member in known]
        point = sweep_plan.next_point(request, [member.point for member in known], values)
        if point is None:
            return None
        run = store.new_run(member_config(sweep, point), supervisor.taken())
        note(sweep, point, run.id, attempt)
        return run
