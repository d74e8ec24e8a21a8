"""Seven remedies for IDs whose vectors changed, each from the baseline and the new vectors to new codes."""

import time
from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass, replace

import numpy as np

from tiger import quantizers
from tiger.core import params
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer
from tiger.studies.base import under
from tiger.studies.drift.align import align, unmoved
from tiger.studies.drift.baseline import Baseline, threads
from tiger.studies.drift.match_codes import match_codes
from tiger.studies.drift.penalised import past_threshold, with_penalty
from tiger.studies.drift.simulate import Version


@dataclass(frozen=True)
class Outcome:
    """What a remedy gives.

    Args:
        baseline: the new codes, the quantizer to use from now on and the vectors that it encodes.
        seen_IE: the new vectors as the quantizer encoded them (aligned, for one remedy); what its codes decode to is
            compared with these.
        decoded_IL: the codes to decode, where matching renumbered them.
        seconds: processor time spent on it, all threads together; other work on the machine does not count.
    """

    baseline: Baseline
    seen_IE: np.ndarray
    decoded_IL: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True)
class TrainingBudget:
    """How much training the remedies get.

    Args:
        fine_steps: steps of fine-tuning.
        retrain_steps: steps of a retraining; None: as many as the first fit.
        penalised_mode: which form of remedy 6; a key of ``penalised.MODES``.
        penalty: weight of the squared distance between a new code and the old one.
        threshold: how many times as large as before an item's error must be for it to get other codes.
    """

    fine_steps: int = 150
    retrain_steps: int | None = None
    penalised_mode: str = "penalty"
    penalty: float = 1.0
    threshold: float = 1.25


Steps = Generator[Progress, None, Outcome]
Retrained = dict[int, tuple[Quantizer, float]]


@dataclass(frozen=True)
class Remedy:
    """One remedy.

    Args:
        number: 1 to 7, as the page counts them.
        title: for people.
        summary: what it does.
        apply: generator; returns the outcome.
    """

    number: int
    title: str
    summary: str
    apply: Callable[[Baseline, Version, TrainingBudget, Retrained], Steps]


def keep_ids(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 1: nothing changes except that new items get codes from the old codebooks."""
    yield from ()
    codes_IL = baseline.codes_IL.copy()
    fresh_I = new.new_I | (codes_IL < 0).any(1)
    if fresh_I.any():
        codes_IL[fresh_I] = baseline.quantizer.encode(new.emb_IE[fresh_I])
    return _outcome(replace(baseline, codes_IL=codes_IL), new.emb_IE)


def frozen(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 2: the old quantizer encodes the new vectors."""
    yield from ()
    codes_IL = baseline.quantizer.encode(new.emb_IE)
    return _outcome(replace(baseline, codes_IL=codes_IL), new.emb_IE)


def fine_tune(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 3: a short training from the old weights."""
    made = yield from baseline.quantizer.fine_tune_steps(new.emb_IE, budget.fine_steps)
    return _outcome(replace(baseline, quantizer=made, codes_IL=made.encode(new.emb_IE), emb_IE=new.emb_IE), new.emb_IE)


def _retrained(baseline: Baseline, new: Version, budget: TrainingBudget,
               retrained: Retrained) -> Generator[Progress, None, tuple[Quantizer, float]]:
    """A quantizer trained from scratch with the same hyper-parameters and seed, and its processor seconds.

    Remedies 4 and 5 share it.
    """
    key = id(new)
    if key not in retrained:
        values = params.values(baseline.quantizer)
        if budget.retrain_steps is not None and "n_steps" in values:
            values["n_steps"] = budget.retrain_steps
        start_s = time.process_time()
        made = quantizers.create(baseline.quantizer.name, **values)
        yield from under("retraining", made.fit_steps(new.emb_IE))
        retrained[key] = made, time.process_time() - start_s
    return retrained[key]


def retrain(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 4: a new quantizer, its codes numbered as they come."""
    made, spent_s = yield from _retrained(baseline, new, budget, retrained)
    found = replace(baseline, quantizer=made, codes_IL=made.encode(new.emb_IE), emb_IE=new.emb_IE)
    return _outcome(found, new.emb_IE, spent_s)


def retrain_matched(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 5: the same new quantizer, its codes matched to the old tree branch by branch."""
    made, spent_s = yield from _retrained(baseline, new, budget, retrained)
    codes_IL = made.encode(new.emb_IE)
    matched_IL = match_codes(codes_IL, baseline.codes_IL, made.codes_per_level, ~new.new_I)
    found = replace(baseline, quantizer=made, codes_IL=matched_IL, emb_IE=new.emb_IE)
    return _outcome(found, new.emb_IE, spent_s, codes_IL)


def penalised(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 6: fine-tune with a penalty on changed codes, or re-assign only items whose error exceeds a threshold."""
    if budget.penalised_mode == "threshold":
        return _outcome(past_threshold(baseline, new, budget.threshold), new.emb_IE)
    return _outcome((yield from with_penalty(baseline, new, budget.fine_steps, budget.penalty)), new.emb_IE)


def aligned(baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained) -> Steps:
    """Remedy 7: rotate the new vectors onto the old ones, then encode them with the old quantizer."""
    yield from ()
    seen_IE = align(new.emb_IE, baseline.emb_IE, ~new.new_I)
    codes_IL = baseline.quantizer.encode(seen_IE)
    same_I = unmoved(seen_IE, baseline.emb_IE) & ~new.new_I & (baseline.codes_IL >= 0).all(1)
    codes_IL = np.where(same_I[:, None], baseline.codes_IL, codes_IL)
    return _outcome(replace(baseline, codes_IL=codes_IL, emb_IE=seen_IE), seen_IE)


def _outcome(baseline: Baseline, seen_IE: np.ndarray, seconds: float = 0.0, decoded_IL: np.ndarray | None = None) -> Outcome:
    return Outcome(baseline, seen_IE, baseline.codes_IL if decoded_IL is None else decoded_IL, seconds)


REMEDIES = (
    Remedy(1, "Keep all IDs", "Old items keep their IDs; only new items are encoded.", keep_ids),
    Remedy(2, "Frozen codebooks", "The old quantizer encodes the new vectors.", frozen),
    Remedy(3, "Fine-tune", "A short training that starts from the old weights.", fine_tune),
    Remedy(4, "Retrain", "A new quantizer from scratch, same hyper-parameters and seed.", retrain),
    Remedy(5, "Retrain and match codes", "Retrain, then renumber the codes to agree with the old tree, branch by branch.",
           retrain_matched),
    Remedy(6, "Penalised changes", "Fine-tune with a penalty on changed codes; or, without training, re-assign only the items "
                                   "whose error exceeds a threshold.", penalised),
    Remedy(7, "Align, then frozen", "Rotate the new vectors onto the old ones, then use the old quantizer.", aligned),
)
TRAIN_ON = (3, 6)  # they continue training, so that they need not compute with as many threads as the first fit
BY_NUMBER = {remedy.number: remedy for remedy in REMEDIES}


def fine_tunes(number: int, budget: TrainingBudget) -> bool:
    """Whether this remedy fine-tunes the quantizer."""
    return number == 3 or (number == 6 and budget.penalised_mode == "penalty")


def check_can(quantizer: Quantizer, numbers: Collection[int], budget: TrainingBudget) -> None:
    """Refuse remedies that this quantizer does not offer, before anything is computed.

    Raises:
        ValueError: it cannot be fine-tuned; names the remedies that need it and those that do not.
    """
    refused = [number for number in numbers if fine_tunes(number, budget)]
    if not refused or quantizer.can_fine_tune:
        return
    left = ", ".join(str(number) for number in BY_NUMBER if not fine_tunes(number, budget))
    names = " and ".join(f"{number} ({BY_NUMBER[number].title})" for number in refused)
    raise ValueError(f"{quantizer.title} cannot be fine-tuned, which remedy {names} would do; choose among remedies {left}"
                     + (", or the threshold form of remedy 6." if 6 in refused else "."))


def apply(remedy: Remedy, baseline: Baseline, new: Version, budget: TrainingBudget, retrained: Retrained | None = None) -> Steps:
    """Carry out a remedy; returns its outcome with the seconds it took.

    All but those that continue training compute with as many threads as the first fit, so that the same seed gives the
    same codes.

    Args:
        retrained: shared between remedies 4 and 5 of one version, so that the same retraining is done once; its
            seconds count for both.
    """
    check_can(baseline.quantizer, [remedy.number], budget)
    start_s, waited_s = time.process_time(), 0.0
    retrained = {} if retrained is None else retrained
    shared = id(new) in retrained
    with threads(None if remedy.number in TRAIN_ON else baseline.n_threads):
        steps = remedy.apply(baseline, new, budget, retrained)
        while True:
            try:
                progress = next(steps)
            except StopIteration as end:
                outcome: Outcome = end.value
                break
            handed_s = time.process_time()
            yield progress
            waited_s += time.process_time() - handed_s
    spent_s = time.process_time() - start_s - waited_s + (outcome.seconds if shared else 0.0)
    return replace(outcome, seconds=spent_s)
