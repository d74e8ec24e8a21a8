"""Whose run is next, and how long the others wait."""

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
    taken = Counter(run.owner for run, status in active if status.busy)
    turns = []
    for number, (run, status) in enumerate(active):
        if status.state == "queued":
            turns.append((taken[run.owner], number, run))
            taken[run.owner] += 1
    return [run for _, _, run in sorted(turns, key=lambda turn: turn[:2])]


def left_s(active: Sequence[tuple[Run, Status]], run: Run, n_workers: int) -> float | None:
    """Seconds until a waiting run starts, from what those before it have left.

    Those that train say it themselves; for those that wait it is what the newest finished run of the same method took, per
    step. None where one of them is unknown.

    Args:
        active: as ``fair_order`` takes it; holds ``run``.
        n_workers: runs that train at the same time.
    """
    free_s = [status.left_s for _, status in active if status.state == "running"]
    if any(one is None for one in free_s):
        return None
    places = sorted(float(one or 0.0) for one in free_s)[-n_workers:]
    places += [0.0] * (n_workers - len(places))
    for before in fair_order(active):
        if before.id == run.id:
            return min(places)
        took_s = expected_s(before.config)
        if took_s is None:
            return None
        places[places.index(min(places))] += took_s
    return None


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
