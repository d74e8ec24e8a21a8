"""Which remedy to try next: one at a time, each in a run of its own, judged by the diagnosis of that run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiger.analysis.doctor.diagnosis import SEVERITIES, Diagnosis, Remedy
from tiger.analysis.doctor.signs import Params


@dataclass(frozen=True)
class Attempt:
    """One run of a treatment: what it was trained with, and what came out.

    Args:
        params: all hyper-parameters.
        diagnosis: None where the run failed without codes and its embeddings do not tell why.
    """

    params: Params
    diagnosis: Diagnosis | None


@dataclass(frozen=True)
class Treatment:
    """What to train next.

    Args:
        base: place of the attempt that it starts from.
        remedy: what to change.
        params: all hyper-parameters, the remedy's changes among them.
    """

    base: int
    remedy: Remedy
    params: dict[str, Any]


def rank(diagnosis: Diagnosis | None) -> tuple[float, float]:
    """Smaller is better: how bad the codes are, then how few distinct IDs they give."""
    if diagnosis is None:
        return len(SEVERITIES), 0.0
    return SEVERITIES.index(diagnosis.severity), 0.0 if diagnosis.signs is None else -diagnosis.signs.unique


def best(attempts: Sequence[Attempt]) -> int:
    """Place of the best attempt; of equally good ones the earliest."""
    return min(range(len(attempts)), key=lambda place: rank(attempts[place].diagnosis))


def next_treatment(attempts: Sequence[Attempt]) -> Treatment | None:
    """The first remedy of the best attempt that was not tried yet; None where that is healthy or has none left.

    A remedy that made things worse is left out of what follows, one that helped but did not cure stays in.

    Args:
        attempts: the run to be treated first, then every treated one.
    """
    base = best(attempts)
    start, found = attempts[base].params, attempts[base].diagnosis
    if found is None or found.healthy:
        return None
    for remedy in found.remedies:
        known = {name: value for name, value in remedy.changes.items() if name in start}
        params = {**start, **known}
        if known and all(dict(attempt.params) != params for attempt in attempts):
            return Treatment(base, remedy, params)
    return None
