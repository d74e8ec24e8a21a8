"""All remedies at all drift strengths, or period after period: one generator that yields a row for each."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tiger import metrics
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import SemanticIds
from tiger.studies.drift.baseline import Known
from tiger.studies.drift.config import DriftParams
from tiger.studies.drift.measure import Truth, flows, ids_of, measure, truth
from tiger.studies.drift.recommender_probe import Reader
from tiger.studies.drift.remedies import BY_NUMBER, Effort, Outcome, Retrained, apply, check_can
from tiger.studies.drift.simulate import Version, simulate
from tiger.studies.drift.versions import align_first, from_files, refit


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
        self.truths: dict[tuple[float, int], Truth] = {}

    def versions(self, strength: float) -> list[Version]:
        """The new vectors, one version a period."""
        asked, old_IE = self.asked, self.known.emb_IE
        if asked.source == "simulated":
            found = simulate(old_IE, self.labels_I, asked, strength, asked.periods)
        elif asked.source == "file":
            found = from_files(self.cat, asked.path, asked.ids, asked.tensor)
        else:
            found = [refit(self.cat, asked.source)]
        return [align_first(version, old_IE, asked.align_first, asked.source) for version in found]

    def steps(self) -> Iterator[Progress]:
        """Carry out everything; a Progress with ``metrics["row"]`` closes each remedy's period.

        A row holds strength, period, remedy, mode (of remedy 6), n_remedies and n_periods (how many there will be at
        this strength), what ``measure`` gives, churn_before (against the period before), flows, moved_degrees, and
        with a reader recall_before, recall_after and recall_regained, each with its 95 % interval's half width as
        recall_before_pm and so on.
        """
        strengths, numbers, n_periods = self.asked.strength_list(), self.asked.remedy_list(), self.asked.n_periods()
        check_can(self.known.quantizer, numbers, self._effort())
        n_units, unit = len(strengths) * len(numbers) * n_periods, 0
        self.base = {} if self.reader is None else self.reader.recall("before", self.reader.model)
        for strength in strengths:
            if all((strength, number) in self.done for number in numbers):
                unit += len(numbers) * n_periods
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
                    for progress in self._unit(number, strength, period, before, version, ever_I, retrained):
                        before = progress.metrics.get("known", before)
                        kept = {key: value for key, value in progress.metrics.items() if key == "row"}
                        unit += len(kept)
                        yield Progress(progress.stage, unit, n_units, kept)

    def _effort(self) -> Effort:
        asked = self.asked
        return Effort(asked.fine_steps, asked.retrain_steps, asked.sticky_mode, asked.penalty, asked.threshold)

    def _unit(self, number: int, strength: float, period: int, before: Known, version: Version, ever_I: np.ndarray,
              retrained: Retrained) -> Iterator[Progress]:
        """One remedy in one period; the last Progress holds ``row`` and ``known``, what is in use from now on.

        Args:
            ever_I: True for the items whose place a new product took in this period or an earlier one.
        """
        asked, title, outcome = self.asked, BY_NUMBER[number].title, None
        for progress in apply(BY_NUMBER[number], before, version, self._effort(), retrained):
            outcome = progress.metrics.get("outcome", outcome)
            yield Progress(f"{title}: {progress.stage} ({progress.step} of {progress.n_steps})", 0, 1)
        assert isinstance(outcome, Outcome)
        key = (strength, period)
        if key not in self.truths:
            self.truths[key] = truth(version.emb_IE)
        row, ids = self._row(before, outcome, version, ever_I, self.truths[key])
        row |= {"strength": strength, "period": period, "remedy": number, "n_remedies": len(asked.remedy_list()),
                "n_periods": asked.n_periods(), "mode": asked.sticky_mode if number == 6 else ""}
        for progress in () if self.reader is None else self.reader.judge(ids):
            row |= progress.metrics
            yield Progress(f"{title}: {progress.stage}", 0, 1)
        yield Progress(title, 1, 1, {"row": row | {"recall_before": None} | self.base, "known": outcome.known})

    def _row(self, before: Known, outcome: Outcome, version: Version, ever_I: np.ndarray,
             near: Truth) -> tuple[dict[str, Any], SemanticIds]:
        """Numbers against today's IDs, and the churn against the period before."""
        row, ids = measure(self.cat, self.known, self.old_ids, outcome, replace(version, new_I=ever_I), near)
        changed_I = (outcome.known.codes_IL != before.codes_IL).any(1)
        row["churn_before"] = float(changed_I[~version.new_I].mean()) if not version.new_I.all() else 0.0
        stays_I = ~ever_I
        old_I, new_I = self.known.codes_IL[stays_I, 0], outcome.known.codes_IL[stays_I, 0]
        row["flows"] = flows(old_I[old_I >= 0], new_I[old_I >= 0])
        row["moved_degrees"] = turned(self.known.emb_IE[stays_I], version.emb_IE[stays_I])
        return row, ids



def turned(old_NE: np.ndarray, new_NE: np.ndarray) -> float:
    """Median angle in degrees between the old and the new vector of an item."""
    if len(old_NE) == 0:
        return 0.0
    cosine_N = np.einsum("ne,ne->n", metrics.unit_rows(old_NE), metrics.unit_rows(new_NE))
    return float(np.degrees(np.arccos(np.clip(np.median(cosine_N), -1, 1))))
