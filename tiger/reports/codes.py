"""A run's codes at one step: what every page about codes starts from."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tiger.datasets.catalogue import Catalogue
from tiger.reports import usage
from tiger.runs import Run

if TYPE_CHECKING:
    from tiger.quantizers import Quantizer


@dataclass(frozen=True)
class Codes:
    """A run's codes at one step.

    Args:
        run: where they come from.
        cat: whose items carry them.
        step: a kept step, or None for the newest codes of all items.
        codes_IL: one row an item, integers from 0; -1 where the kept step left the item out or the item has no ID.
        n_codes: K of each level.
    """

    run: Run
    cat: Catalogue
    step: int | None
    codes_IL: np.ndarray
    n_codes: tuple[int, ...]

    @property
    def n_levels(self) -> int:
        return self.codes_IL.shape[1]


def codes_at(run: Run, cat: Catalogue, step: int | None = None) -> Codes:
    """The run's codes at a kept step, or the newest ones.

    Raises:
        ValueError: no codes yet, or codes for another number of items.
    """
    if step is None:
        codes_IL = run.codes()
    else:
        kept = run.snapshot(step)
        codes_IL = np.full((cat.n_items, kept["codes"].shape[1]), -1, np.int64)
        codes_IL[kept["rows"]] = kept["codes"]
    if len(codes_IL) != cat.n_items:
        raise ValueError(f"Run '{run.title}' has codes for {len(codes_IL):,} items, but this dataset has "
                         f"{cat.n_items:,}; train a run on it.")
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
    steps = run.snapshots()
    return usage.UsageHistory.of([(step, run.snapshot(step)["codes"]) for step in steps], n_codes)


def quantizer_of(run: Run) -> "Quantizer | None":
    """The trained quantizer, or None where there is none (imported IDs, nothing saved yet)."""
    try:
        return run.quantizer()
    except ValueError:
        return None
