"""Whose run is next, and how long the others wait."""

import math
from collections import Counter
from collections.abc import Sequence

from tiger.runs import index
from tiger.runs.records import RunConfig, Status
from tiger.runs.run import Run


def fair_order(active: Sequence[tuple[Run, Status]]) -> list[Run]:
    """Waiting runs, the next one first: round robin over their owners.

    Everybody's first run comes before anybody's second, and a run that trains counts as its owner's first. Among equals the
    one that was queued first is first; where all runs have one owner, that is the order.

    Args:
        active: runs that wait or have a worker, in the order in which they were queued.
    """
    waiting = [run for run, status in active if status.state == "queued"]
    if len(waiting) < 2:
        return waiting
    taken = Counter(run.owner for run, status in active if status.busy)
    turns = []
    for number, run in enumerate(waiting):
        owner = run.owner
        turns.append((taken[owner], number, run))
        taken[owner] += 1
    return [run for _, _, run in sorted(turns, key=lambda turn: turn[:2])]


def starts(active: Sequence[tuple[Run, Status]], n_workers: int) -> dict[str, float | None]:
    """Seconds until each waiting run starts, by its id, in fair order; from what those before it have left.

    Those that train say it themselves; for those that wait it is what the newest finished run of the same method took, per
    step. None where one of them is unknown.

    Args:
        active: as ``fair_order`` takes it.
        n_workers: runs that train at the same time.
    """
    order = fair_order(active)
    busy_s = [status.left_s for _, status in active if status.state == "running"]
    known_s = [left_s for left_s in busy_s if left_s is not None]
    if len(known_s) < len(busy_s):
        return {run.id: None for run in order}
    places_s = [0.0] * max(0, n_workers - len(known_s)) + sorted(known_s)[-n_workers:]
    found: dict[str, float | None] = {}
    took: dict[str, float | None] = {}
    for run in order:
        next_s = min(places_s)
        found[run.id] = None if math.isinf(next_s) else next_s
        config = run.config
        like = repr((config.learner, config.dataset))
        if like not in took:
            took[like] = expected_s(config)
        lasts_s = took[like]
        places_s[places_s.index(next_s)] = math.inf if lasts_s is None else next_s + lasts_s
    return found


def expected_s(config: RunConfig) -> float | None:
    """Seconds that a run will train, by the newest finished run of the same method and dataset; None without one."""
    if config.learner is None:
        return None
    for entry in index.entries():
        if entry.config.learner is not None and entry.method == config.learner.name and entry.status.state == "finished" \
                and entry.config.dataset == config.dataset and entry.trained_s is not None and entry.status.n_steps:
            n_steps = config.learner.params.get("n_steps", entry.status.n_steps)
            return entry.trained_s / entry.status.n_steps * float(n_steps)
    return None
