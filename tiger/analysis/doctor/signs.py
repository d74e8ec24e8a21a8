"""What the doctor measures before naming anything: plain numbers from codes, training events, parameters and vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self, TypeAlias

import numpy as np

from tiger import metrics
from tiger.analysis.doctor.vectors import Geometry, VectorSigns
from tiger.core.events import Event, changed_param
from tiger.core.words import counted, none_of

Params: TypeAlias = Mapping[str, Any]
"""A quantizer's hyper-parameters by name."""
MANY_COPIES = 0.05  # from this share of copies on, codebook use is judged on one item for each distinct vector


@dataclass(frozen=True)
class Settings:
    """The hyper-parameters that diagnoses depend on; None where the quantizer has none of that name.

    ``names`` holds all names that the quantizer has; it is empty where there is no quantizer (imported codes).
    """

    names: frozenset[str] = frozenset()
    n_steps: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    beta: float | None = None
    normalise: str | None = None
    kmeans_init: bool | None = None
    restart_threshold: float | None = None
    estimator: str | None = None
    ema: bool | None = None
    ema_decay: float | None = None
    sinkhorn: bool | None = None
    latent_width: int | None = None
    centre: str | None = None
    recorded: bool | None = None

    @classmethod
    def of(cls, params: Params, events: Sequence[Event] = ()) -> Self:
        """From hyper-parameters, and the log where it tells what they were changed to."""
        now = as_last_set(params, events)
        read = {field.name: now.get(field.name) for field in fields(cls) if field.name != "names"}
        since = max((place for place, event in enumerate(events) if changed_param(event) == "learning_rate"), default=0)
        rates = [event["learning_rate"] for event in events[since:] if event.get("learning_rate") is not None]
        if rates and (not params or "learning_rate" in params):  # what is fitted in one go logs a step a level
            read["learning_rate"] = float(np.median(rates))
        return cls(names=frozenset(params), **read)

    @property
    def trained(self) -> bool:
        """Whether the quantizer learns by gradient steps; what is recorded elsewhere does."""
        return self.learning_rate is not None or bool(self.recorded)

    @property
    def starts_badly(self) -> bool:
        """Whether codebooks start as noise, or dead codes are never restarted."""
        return self.kmeans_init is False or self.restart_threshold == 0


def as_last_set(params: Params, events: Sequence[Event]) -> Params:
    """Hyper-parameters with what the log says they were changed to while training."""
    return {**params, **{name: event["value"] for event in events if (name := changed_param(event)) is not None}}


@dataclass(frozen=True)
class Fall:
    """Perplexity that fell after live hyper-parameters were changed.

    Args:
        step: the step of the change.
        values: what was changed, to what.
        before, after: mean perplexity of the levels in the log, before the change and at the end of training.
    """

    step: int
    values: dict[str, float]
    before: float
    after: float


@dataclass(frozen=True)
class Counts:
    """What was counted over all items, where the codes at hand are those of a sample.

    Args:
        counts_LK: items of every code; levels with fewer codes than the widest end in zeros.
        prefixes: distinct prefixes down to each level.
        collisions: how many items share an ID.
    """

    counts_LK: np.ndarray
    prefixes: Sequence[int]
    collisions: metrics.Collisions


@dataclass(frozen=True)
class Signs:
    """The numbers that a diagnosis rests on; None where nothing tells.

    Args:
        n_items: items that have an ID.
        n_codes: K of each level.
        perplexity: effective number of codes in use, per level.
        dead: codes that no item carries, per level.
        reach: the most codes a level could use with this many items: min(K, items).
        capacity: distinct IDs that the levels can spell.
        prefixes: distinct prefixes down to each level.
        collisions: how many items share an ID.
        n_distinct: distinct vectors among the items with an ID, which no number of distinct IDs exceeds; the number of
            items where the vectors are not known.
        n_judged: items that perplexity, dead codes and prefixes were counted on: all, or one a distinct vector where
            there are many copies.
        ordered: whether each level refines the level before; codes of LSH and OPQ are independent of each other.
        sizes_guessed: whether K was guessed from the largest codes, so that dead codes cannot be counted.
        matched: whether each row is an item of its own. Codes that were recorded without saying whose they are may count an
            item several times, so that collisions are not known.
        explained: share of the embeddings' variance that decoding the codes gives back, 1 at best.
        neighbours: recall of true neighbours by shared-prefix depth (by level where codes are unordered), beside chance.
        n_steps: training steps done.
        budget: the sum of the learning rates of all steps; with Adam no weight can have moved further.
        beta: weight of the commitment loss, as it was last set.
        fall: the first change of live hyper-parameters after which perplexity fell to less than half, for good; None: none did.
        vectors: what was measured on the embeddings.
        read: geometry of the vectors as the quantizer reads them, after its ``normalise``.
    """

    n_items: int
    n_codes: list[int]
    perplexity: list[float]
    dead: list[int]
    reach: list[int]
    capacity: float
    prefixes: list[int]
    collisions: metrics.Collisions
    n_distinct: int
    n_judged: int
    ordered: bool = True
    sizes_guessed: bool = False
    matched: bool = True
    explained: float | None = None
    neighbours: list[metrics.NeighbourRecall] | None = None
    n_steps: int | None = None
    budget: float | None = None
    beta: float | None = None
    fall: Fall | None = None
    vectors: VectorSigns | None = None
    read: Geometry | None = None

    @property
    def use(self) -> list[float]:
        """Perplexity as a share of the codes within reach, per level."""
        return [value / reach for value, reach in zip(self.perplexity, self.reach, strict=True)]

    @property
    def unique(self) -> float:
        """Distinct IDs as a share of the distinct vectors, 1 at best; 1 where collisions are not known."""
        if not self.matched:
            return 1.0
        return min(1.0, self.collisions.unique / max(self.n_distinct, 1))

    @property
    def n_copies(self) -> int:
        """Items whose vector another item has already."""
        return self.n_items - self.n_distinct


def take(codes_IL: np.ndarray, n_codes: int | Sequence[int], events: Sequence[Event] = (), settings: Settings | None = None,
         explained: float | None = None, neighbours: list[metrics.NeighbourRecall] | None = None,
         vectors: VectorSigns | None = None, ordered: bool = True, sizes_guessed: bool = False, matched: bool = True,
         counts: Counts | None = None) -> Signs:
    """Measure everything that the given facts allow; see ``Signs``.

    Args:
        counts: of all items, where ``codes_IL`` and ``vectors`` are a sample's; which of them are copies is not known then.

    Raises:
        ValueError: no item has an ID, a code is out of range, or the vectors belong to another number of items.
    """
    codes_IL, settings = np.asarray(codes_IL), settings or Settings()
    known = np.flatnonzero(metrics.has_id(codes_IL))
    if not len(known):
        raise ValueError(f"{none_of(len(codes_IL), 'item')} has an ID; import or train codes first.")
    distinct = _distinct(known, codes_IL, vectors)
    judged_NL = codes_IL[distinct if len(distinct) < (1 - MANY_COPIES) * len(known) else known]
    n_items, n_distinct, n_judged = len(known), len(distinct), len(judged_NL)
    if counts is None:
        counts = Counts(metrics.code_counts(judged_NL, n_codes), metrics.prefix_numbers(judged_NL)[1].tolist(),
                        metrics.collisions(codes_IL))
    else:
        n_items = n_distinct = n_judged = counts.collisions.n_items
    sizes = metrics.level_sizes(n_codes, len(counts.counts_LK))
    n_steps, budget = _trained(events, settings)
    return Signs(
        n_items=n_items, n_codes=sizes, perplexity=metrics.perplexity(counts.counts_LK).tolist(),
        dead=metrics.dead_codes(counts.counts_LK, sizes).tolist(), reach=[min(size, n_judged) for size in sizes],
        capacity=float(np.prod(np.array(sizes, np.float64))), prefixes=list(counts.prefixes),
        collisions=counts.collisions, n_distinct=n_distinct, n_judged=n_judged,
        ordered=ordered, sizes_guessed=sizes_guessed, matched=matched, explained=explained, neighbours=neighbours,
        n_steps=n_steps, budget=budget, beta=settings.beta, fall=_fall(events), vectors=vectors,
        read=None if vectors is None else vectors.as_read(settings.normalise or "none"))


def _distinct(known: np.ndarray, codes_IL: np.ndarray, vectors: VectorSigns | None) -> np.ndarray:
    """The first item of each distinct vector among those that have an ID; all of them where vectors are not known."""
    if vectors is None or vectors.copy_of_I is None:
        return known
    if vectors.n_items != len(codes_IL):
        raise ValueError(f"there are codes of {counted(len(codes_IL), 'item')}, but vectors of {vectors.n_items:,}; pass codes "
                         "and vectors of the same items.")
    return known[np.unique(vectors.copy_of_I[known], return_index=True)[1]]


def _trained(events: Sequence[Event], settings: Settings) -> tuple[int | None, float | None]:
    """Steps done, and the sum of their learning rates."""
    steps = [event["step"] for event in events if isinstance(event.get("step"), int)]
    if not steps or (settings.names and not settings.trained):  # k-means and LSH are done in a step a level
        return None, None
    logged = [event for event in events if "recon_loss" in event]
    return max(steps), _budget(logged, max(steps), settings.learning_rate)


def _budget(logged: Sequence[Event], n_steps: int, learning_rate: float | None) -> float | None:
    """Sum of the learning rates over all steps, each logged rate standing for the steps since the one before."""
    if not logged:
        return None
    rates = [event.get("learning_rate", learning_rate) for event in logged]
    if any(rate is None for rate in rates):
        return None
    steps = np.array([0, *(event["step"] for event in logged)], float)
    steps[-1] = max(steps[-1], n_steps)
    return float((np.diff(steps) * np.array(rates, float)).sum())


def _fall(events: Sequence[Event]) -> Fall | None:
    """The first change after which perplexity stayed below half of what it was."""
    known = [(event["step"], float(np.mean(event["perplexity"]))) for event in events if event.get("perplexity")]
    for step in dict.fromkeys(event["step"] for event in events if changed_param(event) is not None):
        earlier, later = ([value for at, value in known if (at <= step) == past] for past in (True, False))
        if earlier and later and max(later[-1], later[len(later) // 2]) < earlier[-1] / 2:
            values = {name: event["value"] for event in events if event["step"] == step and (name := changed_param(event))}
            return Fall(step, values, earlier[-1], later[-1])
    return None
