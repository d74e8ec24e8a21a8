"""A run's codes at one step: what every page about codes starts from."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tiger.datasets.catalogue import Catalogue
from tiger.reports import usage
from tiger.runs import Run, data

if TYPE_CHECKING:
    from tiger.quantizers import Quantizer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Codes:
    """A run's codes at one step.

    Args:
        run: where they come from.
        cat: whose items carry them.
        step: a kept step, or None for the newest codes of all items.
        codes_IL: one row an item, integers from 0; -1 where the kept step left the item out or the item has no ID.
        n_codes: K of each level.
        matched: whether rows are items; else they are recorded codes, and nobody knows whose.
    """

    run: Run
    cat: Catalogue
    step: int | None
    codes_IL: np.ndarray
    n_codes: tuple[int, ...]
    matched: bool = True

    @property
    def n_levels(self) -> int:
        return self.codes_IL.shape[1]


def codes_at(run: Run, cat: Catalogue, step: int | None = None) -> Codes:
    """The run's codes at a kept step, or the newest ones.

    Raises:
        ValueError: no codes yet, or codes for other items.
    """
    if step is None:
        codes_IL = data.codes_for(run, cat)
    else:
        kept = run.snapshot(step)
        rows_N = kept["rows"]
        if "unmatched" in kept:
            return Codes(run, cat, step, kept["codes"], tuple(run.codes_per_level()), matched=False)
        n_items = run.config.recording.n_items if run.config.recording else cat.n_items
        at_I = np.full((max(n_items, int(rows_N.max(initial=-1)) + 1), kept["codes"].shape[1]), -1, np.int64)
        at_I[rows_N] = kept["codes"]
        codes_IL = at_I[data.rows_for(run, cat, len(at_I))]
    return Codes(run, cat, step, codes_IL, tuple(run.codes_per_level()))


def is_ordered(run: Run) -> bool:
    """Whether each level of the run's codes refines the level before; taken for granted where the quantizer is not known."""
    from tiger import quantizers  # here, so that listing runs does not load torch
    learner = run.config.quantizer
    return learner is None or learner.name not in quantizers.REGISTRY or quantizers.REGISTRY[learner.name].residual


def order_summary(run: Run) -> str:
    """What a tree of codes without order means; "" where level 1 is the coarsest."""
    if is_ordered(run):
        return ""
    return ("The levels of this quantizer are independent: level 1 is no coarser than the others. A branch holds the items that "
            "agree in its levels, and another order of the levels would draw another tree of the same IDs.")


def usage_history(run: Run, n_codes: tuple[int, ...]) -> usage.UsageHistory:
    """How many items carried each code at every kept step of a run."""
    kept = []
    for step in run.snapshots():
        try:
            kept.append((step, run.snapshot(step)["codes"]))
        except ValueError as error:  # one spoilt step does not take the others away
            log.warning("%s", error)
    return usage.UsageHistory.of(kept, n_codes)


def quantizer_of(run: Run) -> "Quantizer | None":
    """The trained quantizer, or None where there is none (imported IDs, nothing saved yet)."""
    try:
        return run.quantizer()
    except ValueError:
        return None
