"""What a drift study measures: one row a strength, remedy and period."""

from dataclasses import dataclass
from typing import ClassVar

from tiger.studies.base import About, Row
from tiger.studies.drift.measure import Measures


@dataclass(frozen=True)
class DriftRow(Row, Measures):
    """``Measures`` of one remedy against today's IDs, and what the recommender makes of the new ones.

    Args:
        strength, remedy, period: what was measured.
        mode: form of remedy 6; "" for the others.
        churn_before: share of the items whose ID changed since the period before.
        code_transitions: rows of old level-1 code, new one, items; see ``measure.code_transitions``.
        moved_degrees: median angle between an item's old and new vector.
        n_remedies, n_periods: how many there will be at this strength; None in studies of older labs.
        recall_before, recall_after, recall_regained: recall@10 of the old recommender before the drift, on the new IDs,
            and after some training steps on them; None where not measured. ``_pm``: half the 95 % confidence interval.
    """

    identity: ClassVar[tuple[str, ...]] = ("strength", "remedy", "period")
    nested: ClassVar[tuple[str, ...]] = ("code_transitions",)
    former_names: ClassVar[dict[str, str]] = {"flows": "code_transitions"}
    strength: float
    remedy: int
    period: int
    churn_before: float
    code_transitions: list[list[int]]
    moved_degrees: float
    mode: str = ""
    n_remedies: int | None = None
    n_periods: int | None = None
    recall_before: float | None = None
    recall_before_pm: float | None = None
    recall_after: float | None = None
    recall_after_pm: float | None = None
    recall_regained: float | None = None
    recall_regained_pm: float | None = None


@dataclass(frozen=True)
class DriftAbout(About):
    """``n_levels``: levels of the codes; ``n_interactions``: interactions in all histories."""

    n_interactions: int = 0
    n_levels: int = 0
