"""What pages and commands say of a dataset whose files hold more items than memory: what is a sample, and of what."""

import numpy as np

from tiger import metrics
from tiger.analysis.tree import Branches
from tiger.core import words
from tiger.datasets.catalogue import Catalogue
from tiger.reports.codes import Codes
from tiger.runs import Run, counted, data


def summary(run: Run, cat: Catalogue) -> str:
    """What the numbers of a page are about, where the catalogue is a sample: all items, or the sample; "" otherwise."""
    sampled = cat.sampled
    if sampled is None:
        return ""
    all_items = counted.read(run)
    if all_items is not None:
        return (f"Usage, prefixes and collisions are counted over all {words.counted(all_items.n_items, 'item')}; single items, "
                f"vectors and neighbours are those of {sampled.summary(cat.n_items)}.")
    return (f"These are the numbers of {sampled.summary(cat.n_items)}. To count all items: python -m tiger encode {run.id} "
            "--output FOLDER.")


def collisions_summary(run: Run) -> str:
    """How many of all items share an ID; "" where they were not counted."""
    all_items = counted.read(run)
    if all_items is None:
        return ""
    found = all_items.collisions
    return (f"Of all {words.counted(found.n_items, 'item')}, {found.collided_items:,} share an ID: "
            f"{words.there(found.unique, 'distinct ID')} "
            f"({found.unique / found.n_items:.1%}), and the most frequent one belongs to {words.counted(found.largest, 'item')}.")


def counts_of(codes: Codes) -> np.ndarray:
    """Items of every code, (L, K): of all items where those were counted, else, and at a kept step, of those here."""
    all_items = counted.read(codes.run) if codes.step is None and codes.cat.sampled else None
    return metrics.code_counts(codes.codes_IL, codes.n_codes) if all_items is None else all_items.counts_LK


def counted_levels(codes: Codes) -> int:
    """Levels whose prefixes were counted over all items of a sampled catalogue; 0 where none were."""
    all_items = counted.read(codes.run) if codes.cat.sampled else None
    return 0 if all_items is None else _levels(all_items)


def _levels(all_items: counted.Counted) -> int:
    return 0 if all_items.tree_PC is None else all_items.tree_PC.shape[1] - 2


def tree_of(codes: Codes, depth: int) -> tuple[Branches, str]:
    """A run's tree, with sizes counted over all items where those were counted down to this depth; and what the sizes count."""
    sampled = codes.cat.sampled
    all_items = counted.read(codes.run) if sampled else None
    if all_items is not None and all_items.tree_PC is not None and depth <= _levels(all_items):
        return Branches.counted(all_items.tree_PC, codes.codes_IL), f", all {words.counted(all_items.n_items, 'item')}"
    return Branches.from_codes(codes.codes_IL), f", {words.counted(codes.cat.n_items, 'sampled item')}" if sampled else ""


def learned_summary(run: Run) -> str:
    """What a quantizer learned from, where that is a sample: which, and how often it was passed over; "" otherwise."""
    sample = data.sample_of(run)
    if sample is None or run.config.quantizer is None:
        return ""
    return f"Learned from {sample.summary()}{_passes(run, sample.n_items)}."


def _passes(run: Run, n_items: int) -> str:
    """How often training read each item of the sample."""
    params = run.learner.params
    if "batch_size" in params and "n_steps" in params:
        return f", in {run.status.step * min(params['batch_size'], n_items) / n_items:.3g} passes"
    if "n_iterations" in params:
        return f", in at most {words.counted(params['n_iterations'], 'pass', 'passes')} a level"
    return ""
