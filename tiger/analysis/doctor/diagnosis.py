"""What the doctor says: a diagnosis with its evidence, and remedies as changes of hyper-parameters."""

from dataclasses import dataclass, field
from typing import Any

from tiger.analysis.doctor.signs import Signs


@dataclass(frozen=True)
class Remedy:
    """One way to help: what to change in the quantizer's hyper-parameters, and why."""

    title: str
    why: str
    changes: dict[str, Any]

    def helps(self, params: dict[str, Any]) -> bool:
        """Whether the quantizer has all these hyper-parameters and at least one would change.

        Without hyper-parameters (imported codes) every remedy is worth reading.
        """
        known = not params or all(name in params for name in self.changes)
        return known and any(params.get(name) != value for name, value in self.changes.items())


@dataclass(frozen=True)
class Diagnosis:
    """What ails the codes.

    Args:
        disease: key: untrained, over_strong_commitment, total_collapse, level_starvation, collision_storm
            or healthy.
        title: its name for people.
        severity: "good", "mild", "serious" or "critical".
        evidence: sentences with the numbers and the thresholds they were held against.
        explanation: what happens inside, and why it matters.
        remedies: best first; only those that change something.
        signs: all the numbers.
        also: titles of further diseases that fit and do not simply follow from this one.
    """

    disease: str
    title: str
    severity: str
    evidence: list[str]
    explanation: str
    remedies: list[Remedy]
    signs: Signs
    also: list[str] = field(default_factory=list)
