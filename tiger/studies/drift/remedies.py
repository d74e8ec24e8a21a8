"""Seven answers to "the vectors changed, what happens to the IDs?", each from what was known before to new codes."""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np

from tiger import quantizers
from tiger.core import params
from tiger.core.progress import Progress
from tiger.quantizers.base import Quantizer
from tiger.studies.drift.align import align, unmoved
from tiger.studies.drift.baseline import Known, threads
from tiger.studies.drift.match_codes import rename
from tiger.studies.drift.penalised import past_threshold, with_penalty
from tiger.studies.drift.simulate import Version


@dataclass(frozen=True)
class Outcome:
    """What a remedy made.

    Args:
        known: the new codes, the quantizer to use from now on and the vectors it speaks of.
        seen_IE: the new vectors as they were handed to the quantizer (aligned, for one remedy); what its codes
            decode to is compared with these.
        decoded_IL: the codes to decode, where renaming made other names of them.
        seconds: processor time spent on it, all threads together; other work on the machine does not count.
    """

    known: Known
    seen_IE: np.ndarray
    decoded_IL: np.ndarray
    seconds: float = 0.0


@dataclass(frozen=True)
class Effort:
    """How much work the remedies may do.

    Args:
        fine_steps: steps of fine-tuning.
        retrain_steps: steps of a retraining; None: as many as the first fit.
        sticky_mode: which form of remedy 6; a key of ``sticky.MODES``.
        penalty: weight of the squared distance between a new code and the old one.
        threshold: how many times as large an item's error must be before it gets other codes.
    """

    fine_steps: int = 150
    retrain_steps: int | None = None
    sticky_mode: str = "penalty"
    penalty: float = 1.0
    threshold: float = 1.25


Steps = Iterator[Progress]
Retrained = dict[int, tuple[Quantizer, float]]


@dataclass(frozen=True)
class Remedy:
    """One remedy.

    Args:
        number: 1 to 7, as the page counts them.
        key: short name for files and links.
        title: for people.
        summary: what it does.
        apply: generator; its last Progress carries ``metrics["outcome"]``.
    """

    number: int
    key: str
    title: str
    summary: str
    apply: Callable[[Known, Version, Effort, Retrained], Steps]


def keep_ids(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 1: nothing changes but that new items get codes from the old codebooks."""
    codes_IL = known.codes_IL.copy()
    fresh_I = new.new_I | (codes_IL < 0).any(1)
    if fresh_I.any():
        codes_IL[fresh_I] = known.quantizer.encode(new.emb_IE[fresh_I])
    yield _done(replace(known, codes_IL=codes_IL), new.emb_IE)


def frozen(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 2: the old codebooks read the new vectors."""
    codes_IL = known.quantizer.encode(new.emb_IE)
    yield _done(replace(known, codes_IL=codes_IL), new.emb_IE)


def tune(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 3: a short training from the old weights."""
    made = yield from known.quantizer.fine_tune_steps(new.emb_IE, effort.fine_steps)
    yield _done(replace(known, quantizer=made, codes_IL=made.encode(new.emb_IE), emb_IE=new.emb_IE), new.emb_IE)


def _retrain(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Train afresh with the same hyper-parameters and seed; remedies 4 and 5 share the result."""
    key = id(new)
    if key not in retrained:
        values = params.values(known.quantizer)
        if effort.retrain_steps is not None and "n_steps" in values:
            values["n_steps"] = effort.retrain_steps
        start_s = time.process_time()
        made = quantizers.create(known.quantizer.name, **values)
        for progress in made.fit_steps(new.emb_IE):
            yield Progress("retraining", progress.step, progress.n_steps)
        retrained[key] = made, time.process_time() - start_s


def retrain(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 4: a new quantizer, with whatever names its codes get."""
    yield from _retrain(known, new, effort, retrained)
    made, spent_s = retrained[id(new)]
    found = replace(known, quantizer=made, codes_IL=made.encode(new.emb_IE), emb_IE=new.emb_IE)
    yield _done(found, new.emb_IE, spent_s)


def retrain_renamed(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 5: the same new quantizer, its codes renamed branch by branch to match the old tree."""
    yield from _retrain(known, new, effort, retrained)
    made, spent_s = retrained[id(new)]
    codes_IL = made.encode(new.emb_IE)
    named_IL = rename(codes_IL, known.codes_IL, made.codes_per_level, ~new.new_I)
    found = replace(known, quantizer=made, codes_IL=named_IL, emb_IE=new.emb_IE)
    yield _done(found, new.emb_IE, spent_s, codes_IL)


def sticky(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 6: fine-tune with a penalty on changed codes, or re-assign only items whose error passes a threshold."""
    if effort.sticky_mode == "threshold":
        yield _done(past_threshold(known, new, effort.threshold), new.emb_IE)
        return
    for progress in with_penalty(known, new, effort.fine_steps, effort.penalty):
        if "known" in progress.metrics:
            progress = _done(progress.metrics["known"], new.emb_IE)
        yield progress


def aligned(known: Known, new: Version, effort: Effort, retrained: Retrained) -> Steps:
    """Remedy 7: turn the new vectors into the old space, then let the old codebooks read them."""
    seen_IE = align(new.emb_IE, known.emb_IE, ~new.new_I)
    codes_IL = known.quantizer.encode(seen_IE)
    same_I = unmoved(seen_IE, known.emb_IE) & ~new.new_I & (known.codes_IL >= 0).all(1)
    codes_IL = np.where(same_I[:, None], known.codes_IL, codes_IL)
    yield _done(replace(known, codes_IL=codes_IL, emb_IE=seen_IE), seen_IE)


def _done(known: Known, seen_IE: np.ndarray, seconds: float = 0.0, decoded_IL: np.ndarray | None = None) -> Progress:
    decoded_IL = known.codes_IL if decoded_IL is None else decoded_IL
    return Progress("codes", 1, 1, {"outcome": Outcome(known, seen_IE, decoded_IL, seconds)})


REMEDIES = (
    Remedy(1, "keep", "Keep all IDs", "Old items keep their IDs; only new items are encoded.", keep_ids),
    Remedy(2, "frozen", "Frozen codebooks", "The old quantizer reads the new vectors.", frozen),
    Remedy(3, "tune", "Fine-tune", "A short training that starts from the old weights.", tune),
    Remedy(4, "retrain", "Retrain", "A new quantizer from scratch, same settings and seed.", retrain),
    Remedy(5, "rename", "Retrain and rename", "Retrain, then give the codes their best old names, branch by branch.",
           retrain_renamed),
    Remedy(6, "sticky", "Sticky codes", "Fine-tune with a penalty on changed codes; or, without training, re-assign only "
                                        "the items whose error passes a threshold.", sticky),
    Remedy(7, "align", "Align, then frozen", "Turn the new vectors back onto the old ones, then use the old quantizer.",
           aligned),
)
TRAIN_ON = (3, 6)  # what they give without drift is no law, so they need not compute as the first fit did
BY_NUMBER = {remedy.number: remedy for remedy in REMEDIES}


def fine_tunes(number: int, effort: Effort) -> bool:
    """Whether this remedy fine-tunes the quantizer."""
    return number == 3 or (number == 6 and effort.sticky_mode == "penalty")


def check_can(quantizer: Quantizer, numbers: Collection[int], effort: Effort) -> None:
    """Refuse remedies that this quantizer does not offer, before anything is computed.

    Raises:
        ValueError: it cannot be fine-tuned; names the remedies that need it and those that do not.
    """
    refused = [number for number in numbers if fine_tunes(number, effort)]
    if not refused or quantizer.can_fine_tune:
        return
    left = ", ".join(str(number) for number in BY_NUMBER if not fine_tunes(number, effort))
    names = " and ".join(f"{number} ({BY_NUMBER[number].title})" for number in refused)
    raise ValueError(f"{quantizer.title} cannot be fine-tuned, which remedy {names} would do; choose among remedies {left}"
                     + (", or the threshold form of remedy 6." if 6 in refused else "."))


def apply(remedy: Remedy, known: Known, new: Version, effort: Effort, retrained: Retrained | None = None) -> Steps:
    """Carry out a remedy; the last Progress holds its ``Outcome`` with the seconds it took.

    All but those that only train on compute with as many threads as the first fit did, so that the same seed gives the
    same codes.

    Args:
        retrained: shared between remedies 4 and 5 of one version, so that the same retraining is done once; its
            seconds count for both.
    """
    check_can(known.quantizer, [remedy.number], effort)
    start_s, waited_s = time.process_time(), 0.0
    retrained = {} if retrained is None else retrained
    shared = id(new) in retrained
    with threads(None if remedy.number in TRAIN_ON else known.n_threads):
        for progress in remedy.apply(known, new, effort, retrained):
            outcome = progress.metrics.get("outcome")
            if outcome is not None:
                spent_s = time.process_time() - start_s - waited_s + (outcome.seconds if shared else 0.0)
                progress = Progress(progress.stage, progress.step, progress.n_steps,
                                    {"outcome": replace(outcome, seconds=spent_s)})
            handed_s = time.process_time()
            yield progress
            waited_s += time.process_time() - handed_s


def outcome_of(steps: Steps) -> Outcome:
    """Run a remedy to its end."""
    found = None
    for progress in steps:
        found = progress.metrics.get("outcome", found)
    assert isinstance(found, Outcome)
    return found
