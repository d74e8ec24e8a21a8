"""Which remedy to try next: one at a time, each in a run of its own, judged by the diagnosis of that run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tiger.analysis.doctor.diagnosis import SEVERITIES, TITLES, Diagnosis, Remedy
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


def rank(diagnosis: Diagnosis | None) -> tuple[float, float, float]:
    """Smaller is better: how bad the codes are; how early their problem stands in the order of causes; distinct IDs."""
    if diagnosis is None:
        return len(SEVERITIES), 0.0, 0.0
    unique = 0.0 if diagnosis.signs is None else diagnosis.signs.unique
    return SEVERITIES.index(diagnosis.severity), -list(TITLES).index(diagnosis.disease), -unique


def next_treatment(attempts: Sequence[Attempt]) -> Treatment | None:
    """The first remedy of the best attempt that was not tried yet; None where one is healthy, or none is left.

    A remedy that removed a cause stays in what follows, even where another cause still makes the codes bad; one that made
    things worse is left out.

    Args:
        attempts: the run to be treated first, then every treated one.
    """
    if any(attempt.diagnosis and attempt.diagnosis.healthy for attempt in attempts):
        return None
    for base in sorted(range(len(attempts)), key=lambda place: rank(attempts[place].diagnosis)):
        start, found = attempts[base].params, attempts[base].diagnosis
        if found is not None and not found.remedies:  # no setting helps, as with copies: this is as good as it gets
            return None
        for remedy in found.remedies if found else []:
            known = {name: value for name, value in remedy.changes.items() if name in start}
            params = {**start, **known}
            if known and all(dict(attempt.params) != params for attempt in attempts):
                return Treatment(base, remedy, params)
    return None
