"""All remedies at all drift strengths, or period after period: one generator that yields a row for each."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tiger import metrics
from tiger.catalogue import Catalogue
from tiger.drift.measure import Truth, flows, ids_of, measure, truth
from tiger.drift.reader import Reader
from tiger.drift.remedies import BY_NUMBER, REMEDIES, Effort, Known, Outcome, Retrained, apply
from tiger.drift.simulate import Knobs, Version, simulate
from tiger.drift.versions import from_file, refit
from tiger.params import build, param, values
from tiger.progress import Progress
from tiger.semantic_ids import SemanticIds

SOURCES = {"simulated": "a simulated drift", "titles": "TF-IDF of the titles alone",
           "history": "TF-IDF with the titles that are bought together", "sentence": "a sentence model",
           "file": "a file of your own"}
MAX_STRENGTHS, MAX_PERIODS = 8, 12


@dataclass
class DriftParams(Knobs):
    """What a drift comparison is asked: where the new vectors come from, how strong, and how hard to try."""

    source: str = param("simulated", "Where the second version of the vectors comes from.", choices=tuple(SOURCES))
    strengths: str = param("0, 0.25, 0.5, 1", "Drift strengths to compare, each from today's vectors (simulated only).")
    periods: int = param(1, "Periods played one after the other, each remedy going on from its own last result.",
                         low=1, high=MAX_PERIODS)
    remedies: str = param("1, 2, 3, 4, 5, 6, 7", "Remedies to compare, by number.")
    fine_steps: int = param(150, "Training steps of remedies 3 and 6.", low=1, high=100_000, group="effort")
    retrain_steps: int | None = param(None, "Training steps of remedies 4 and 5; none: as many as the first training.",
                                      low=1, high=1_000_000, group="effort")
    slack: float = param(0.5, "Remedy 6: how much worse (squared error) a kept code may become.", low=0.0, high=100.0,
                         group="effort")
    reader: bool = param(True, "Ask the old recommender to read the new IDs.", group="recommender")
    reader_epochs: int = param(4, "Epochs of the small recommender that is trained where no model run is chosen.",
                               low=1, high=100, group="recommender")
    reader_users: int = param(300, "Users it is asked about.", low=10, high=100_000, group="recommender")
    regain_steps: int = param(60, "Training steps on the new IDs before it is asked again; 0: never.", low=0, high=10_000,
                              group="recommender")
    path: str = param("", "The file: npy, safetensors, csv or parquet.", group="file")
    ids: str = param("", "File with the item id of each row, for npy and safetensors.", group="file")
    tensor: str = param("", "Name of the tensor, where a safetensors file holds several.", group="file")

    def strength_list(self) -> list[float]:
        """The strengths as numbers.

        Raises:
            ValueError: not numbers of at least 0, none, or too many.
        """
        if self.source != "simulated":
            return [1.0]
        found = sorted(set(_numbers(self.strengths, "strengths")))
        if not 1 <= len(found) <= MAX_STRENGTHS or not all(0 <= value <= 10 for value in found):
            raise ValueError(f"strengths is '{self.strengths}', but must be 1 to {MAX_STRENGTHS} numbers from 0 to 10, "
                             "such as 0, 0.5, 1.")
        return found

    def remedy_list(self) -> list[int]:
        """The remedies' numbers.

        Raises:
            ValueError: not numbers from 1 to 7.
        """
        found = sorted(set(_numbers(self.remedies, "remedies")))
        if not found or not all(value in BY_NUMBER for value in found):
            raise ValueError(f"remedies is '{self.remedies}', but must be numbers from 1 to {len(REMEDIES)}, such as 2, 5, 7.")
        return [int(value) for value in found]

    def check(self) -> "DriftParams":
        """Refuse what cannot be run, before anything starts. Returns self."""
        self.strength_list()
        self.remedy_list()
        if self.source == "file" and not self.path:
            raise ValueError("The source is a file of your own, but no path was given; name the file.")
        if self.source != "simulated" and self.periods > 1:
            raise ValueError(f"periods is {self.periods}, but {SOURCES[self.source]} is one version only; choose the "
                             "simulated drift for a schedule.")
        return self


def _numbers(text: str, name: str) -> list[float]:
    try:
        found = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        found = [math.nan]
    if not all(math.isfinite(value) for value in found):
        raise ValueError(f"{name} is '{text}', but must be numbers with commas between them.")
    return found


@dataclass
class Comparison:
    """One comparison: a catalogue, what is in use, and what was asked.

    Args:
        reader: the old recommender; None where nobody reads the IDs.
        done: units (strength, remedy) that need not be done again.
    """

    cat: Catalogue
    known: Known
    asked: DriftParams
    labels_I: np.ndarray | None = None
    reader: Reader | None = None
    done: set[tuple[float, int]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.old_ids = self.reader.ids if self.reader is not None else ids_of(self.known.codes_IL, self.known.quantizer.n_codes)
        self.truths: dict[int, Truth] = {}

    def versions(self, strength: float) -> list[Version]:
        """The new vectors, one version a period."""
        asked = self.asked
        if asked.source == "simulated":
            return simulate(self.cat.embedding_IE, self.labels_I, asked, strength, asked.periods)
        if asked.source == "file":
            return [from_file(self.cat, asked.path, asked.ids, asked.tensor)]
        return [refit(self.cat, asked.source)]

    def steps(self) -> Iterator[Progress]:
        """Carry out everything; a Progress with ``metrics["row"]`` closes each remedy's period.

        A row holds strength, period, remedy, what ``measure`` gives, churn_before (against the period before),
        flows, moved_degrees, and with a reader recall_before, recall_after and recall_regained.
        """
        strengths, numbers = self.asked.strength_list(), self.asked.remedy_list()
        n_units, unit = len(strengths) * len(numbers) * self.asked.periods, 0
        effort = Effort(self.asked.fine_steps, self.asked.retrain_steps, self.asked.slack)
        base = self.reader.recall(self.reader.model) if self.reader is not None else None
        for strength in strengths:
            if all((strength, number) in self.done for number in numbers):
                unit += len(numbers) * self.asked.periods
                continue
            yield Progress("moving the vectors", unit, n_units)
            versions, retrained = self.versions(strength), Retrained()
            self.notes = [note for version in versions for note in version.notes]
            for number in numbers:
                if (strength, number) in self.done:
                    unit += len(versions)
                    continue
                before, ever_I = self.known, np.zeros(self.cat.n_items, bool)
                for period, version in enumerate(versions, 1):
                    ever_I = ever_I | version.new_I
                    title, outcome = BY_NUMBER[number].title, None
                    for progress in apply(BY_NUMBER[number], before, version, effort, retrained):
                        outcome = progress.metrics.get("outcome", outcome)
                        yield Progress(f"{title}: {progress.stage} ({progress.step} of {progress.n_steps})", unit, n_units)
                    assert isinstance(outcome, Outcome)
                    row, ids = self._row(before, outcome, version, ever_I)
                    row |= {"strength": strength, "period": period, "remedy": number, "recall_before": base}
                    for progress in self._judged(ids):
                        row |= progress.metrics
                        yield Progress(f"{title}: {progress.stage}", unit, n_units)
                    unit, before = unit + 1, outcome.known
                    yield Progress(title, unit, n_units, {"row": row})

    def _row(self, before: Known, outcome: Outcome, version: Version,
             ever_I: np.ndarray) -> tuple[dict[str, Any], SemanticIds]:
        """Numbers against today's IDs, and the churn against the period before.

        Args:
            ever_I: True for the items whose place a new product took in this period or an earlier one.
        """
        key = id(version)
        self.truths[key] = self.truths.get(key) or truth(version.emb_IE)
        row, ids = measure(self.cat, self.known, self.old_ids, outcome, replace(version, new_I=ever_I), self.truths[key])
        changed_I = (outcome.known.codes_IL != before.codes_IL).any(1)
        row["churn_before"] = float(changed_I[~version.new_I].mean()) if not version.new_I.all() else 0.0
        stays_I = ~ever_I
        old_I, new_I = self.known.codes_IL[stays_I, 0], outcome.known.codes_IL[stays_I, 0]
        row["flows"] = flows(old_I[old_I >= 0], new_I[old_I >= 0])
        row["moved_degrees"] = turned(self.cat.embedding_IE[stays_I], version.emb_IE[stays_I])
        return row, ids

    def _judged(self, ids: SemanticIds) -> Iterator[Progress]:
        if self.reader is None:
            return
        for progress in self.reader.judge(ids):
            found = {f"recall_{name}": value for name, value in progress.metrics.items() if name in ("after", "regained")}
            yield Progress(progress.stage, progress.step, progress.n_steps, found)


def turned(old_NE: np.ndarray, new_NE: np.ndarray) -> float:
    """Median angle in degrees between the old and the new vector of an item."""
    if len(old_NE) == 0:
        return 0.0
    cosine_N = np.einsum("ne,ne->n", metrics.unit_rows(old_NE), metrics.unit_rows(new_NE))
    return float(np.degrees(np.arccos(np.clip(np.median(cosine_N), -1, 1))))


def drift_params(given: dict[str, Any]) -> DriftParams:
    """Checked parameters from plain values. Raises ValueError as ``params.build`` and ``DriftParams.check``."""
    made: DriftParams = build(DriftParams, given)
    return made.check()


def plain(asked: DriftParams) -> dict[str, Any]:
    """The parameters as plain values."""
    return values(asked)
