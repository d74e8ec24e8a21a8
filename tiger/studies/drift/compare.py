"""All remedies at all drift strengths, or period after period: one generator that yields a row for each."""

from collections.abc import Collection, Generator, Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np

from tiger import metrics
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.studies.base import Note, mapped
from tiger.studies.drift.baseline import Baseline
from tiger.studies.drift.config import DriftParams
from tiger.studies.drift.measure import TrueNeighbours, code_transitions, ids_of, measure, true_neighbours
from tiger.studies.drift.recommender_probe import Recall, RecommenderProbe
from tiger.studies.drift.remedies import BY_NUMBER, Retrained, apply, check_can
from tiger.studies.drift.rows import DriftRow
from tiger.studies.drift.simulate import Version, simulate
from tiger.studies.drift.versions import align_first, from_files, refit


@dataclass
class Comparison:
    """One comparison of remedies.

    Args:
        baseline: what is in use before the drift.
        labels_I: one category an item; None: simulated drift shifts all items together.
        probe: the old recommender; None: recall is not measured.
        done: strength and remedy of what need not be measured again.
    """

    cat: Catalogue
    baseline: Baseline
    config: DriftParams
    labels_I: np.ndarray | None = None
    probe: RecommenderProbe | None = None
    done: Collection[tuple[float, int]] = ()
    near: dict[tuple[float, int], TrueNeighbours] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.old_ids = self.probe.ids if self.probe is not None else \
            ids_of(self.baseline.codes_IL, self.baseline.quantizer.n_codes)

    def versions(self, strength: float) -> list[Version]:
        """The new vectors, one version a period."""
        config, old_IE = self.config, self.baseline.emb_IE
        if config.source == "simulated":
            found = simulate(old_IE, self.labels_I, config, strength, config.periods)
        elif config.source == "file":
            found = from_files(self.cat, config.path, config.ids, config.tensor)
        else:
            found = [refit(self.cat, config.source)]
        return [align_first(version, old_IE, config.align_first, config.source) for version in found]

    def steps(self) -> Iterator[Progress | DriftRow | Note]:
        """Carry out everything: notes on the new vectors, then a row for each remedy's period."""
        strengths, numbers, n_periods = self.config.strength_list(), self.config.remedy_list(), self.config.n_periods()
        check_can(self.baseline.quantizer, numbers, self.config.budget())
        n_units, unit = len(strengths) * len(numbers) * n_periods, 0
        before = None if self.probe is None else self.probe.recall(self.probe.model)
        for strength in strengths:
            if all((strength, number) in self.done for number in numbers):
                unit += len(numbers) * n_periods
                continue
            yield Progress("computing the new vectors", unit, n_units)
            versions, retrained = self.versions(strength), Retrained()
            yield from [Note(text) for version in versions for text in version.notes]
            for number in numbers:
                if (strength, number) in self.done:
                    unit += len(versions)
                    continue
                now, ever_I = self.baseline, np.zeros(self.cat.n_items, bool)
                for period, version in enumerate(versions, 1):
                    ever_I = ever_I | version.new_I
                    row, now = yield from mapped(partial(_at, unit, n_units), self._unit(
                        number, strength, period, now, version, ever_I, retrained))
                    unit += 1
                    yield replace(row, **_recalls("before", before))
                    yield Progress(BY_NUMBER[number].title, unit, n_units)

    def _unit(self, number: int, strength: float, period: int, now: Baseline, version: Version, ever_I: np.ndarray,
              retrained: Retrained) -> Generator[Progress, None, tuple[DriftRow, Baseline]]:
        """One remedy in one period; returns its row and what is in use from now on.

        Args:
            now: what is in use before this period.
            ever_I: True for the items whose place a new product took in this period or an earlier one.
        """
        title = BY_NUMBER[number].title
        outcome = yield from mapped(
            lambda progress: Progress(f"{title}: {progress.stage} ({progress.step} of {progress.n_steps})", 0, 1),
            apply(BY_NUMBER[number], now, version, self.config.budget(), retrained))
        key = (strength, period)
        if key not in self.near:
            self.near[key] = true_neighbours(version.emb_IE)
        measures, ids = measure(self.cat, self.baseline, self.old_ids, outcome, replace(version, new_I=ever_I), self.near[key])
        changed_I, stays_I = (outcome.baseline.codes_IL != now.codes_IL).any(1), ~ever_I
        old_I, new_I = self.baseline.codes_IL[stays_I, 0], outcome.baseline.codes_IL[stays_I, 0]
        row = DriftRow(
            **asdict(measures), strength=strength, remedy=number, period=period,
            mode=self.config.penalised_mode if number == 6 else "", n_remedies=len(self.config.remedy_list()),
            n_periods=self.config.n_periods(),
            churn_before=float(changed_I[~version.new_I].mean()) if not version.new_I.all() else 0.0,
            code_transitions=code_transitions(old_I[old_I >= 0], new_I[old_I >= 0]),
            moved_degrees=median_degrees(self.baseline.emb_IE[stays_I], version.emb_IE[stays_I]))
        if self.probe is not None:
            found = yield from mapped(lambda progress: Progress(f"{title}: {progress.stage}", 0, 1), self.probe.measure(ids))
            row = replace(row, **_recalls("after", found.after), **_recalls("regained", found.regained))
        return row, outcome.baseline


def _at(unit: int, n_units: int, progress: Progress) -> Progress:
    """What a part of the comparison is doing, after so many rows of all."""
    return Progress(progress.stage, unit, n_units)


def _recalls(name: str, recall: Recall | None) -> dict[str, Any]:
    """The fields of a row that hold a recall."""
    return {} if recall is None else {f"recall_{name}": recall.value, f"recall_{name}_pm": recall.half_width}


def median_degrees(old_NE: np.ndarray, new_NE: np.ndarray) -> float:
    """Median angle in degrees between the old and the new vector of an item."""
    if len(old_NE) == 0:
        return 0.0
    cosine_N = np.einsum("ne,ne->n", metrics.unit_rows(old_NE), metrics.unit_rows(new_NE))
    return float(np.degrees(np.arccos(np.clip(np.median(cosine_N), -1, 1))))
