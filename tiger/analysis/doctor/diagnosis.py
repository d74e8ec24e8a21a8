"""What the doctor says: a diagnosis with its evidence, and remedies as changes of hyper-parameters."""

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from tiger.analysis.doctor.signs import Params, Settings, Signs
from tiger.core.params import Values

Severity: TypeAlias = Literal["good", "mild", "serious", "critical"]
SEVERITIES: tuple[Severity, ...] = ("good", "mild", "serious", "critical")
START = {"kmeans_init": True, "restart_threshold": 1.0}


@dataclass(frozen=True)
class Remedy:
    """One way to help: what to change in the quantizer's hyper-parameters, and why.

    ``how`` says the same in the words of another library, where that trains; see ``libraries``.
    """

    title: str
    why: str
    changes: Values
    how: str = ""

    def helps(self, params: Params) -> bool:
        """Whether the quantizer has all these hyper-parameters and at least one would change.

        Without hyper-parameters (imported codes) every remedy is worth reading.
        """
        known = not params or all(name in params for name in self.changes)
        return known and any(params.get(name) != value for name, value in self.changes.items())

    def and_start(self, settings: Settings) -> "Remedy":
        """The same with the usual start of the codebooks, where that is switched off: without it, few runs work."""
        if not settings.starts_badly:
            return self
        return replace(self, title=f"{self.title}, k-means initialisation and restarts of dead codes",
                       why=f"{self.why} k-means and restarts assign items to every code.", changes=self.changes | START)


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong with the codes.

    Args:
        disease: a key of ``TITLES``.
        severity: how bad it is.
        evidence: sentences with the numbers and the thresholds they were held against.
        explanation: what happens inside, and why it matters.
        remedies: best first; only those that change something.
        signs: all the numbers; None where a run left no codes and the vectors alone tell why.
        also: titles of further problems that do not simply follow from this one.
        unseen: what could not be measured, and what to record to see it.
        title: its name for people.
    """

    disease: str
    severity: Severity
    evidence: list[str]
    explanation: str
    remedies: list[Remedy]
    signs: Signs | None
    also: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        return TITLES[self.disease]

    @property
    def healthy(self) -> bool:
        return self.disease == "healthy"

    @property
    def is_cause(self) -> bool:
        """Whether other problems of the codes follow from this one."""
        return self.disease in CAUSES


TITLES = {
    "not_finite": "Non-finite numbers", "untrained": "Untrained", "over_strong_commitment": "Over-strong commitment",
    "high_learning_rate": "Learning rate too high", "no_gradient": "No gradient to the encoder",
    "dominant_mean": "Dominant mean", "small_scale": "Embedding scale too small",
    "large_scale": "Embedding scale too large", "dominant_column": "Dominant column", "total_collapse": "Total collapse",
    "at_chance": "Codes at chance level", "level_starvation": "Level starvation", "collision_storm": "Collision storm",
    "duplicates": "Duplicate vectors", "healthy": "Healthy"}
CAUSES = ("untrained", "over_strong_commitment", "high_learning_rate", "no_gradient", "dominant_mean", "small_scale",
          "large_scale", "total_collapse")
