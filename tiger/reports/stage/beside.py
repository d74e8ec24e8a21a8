"""What stands beside the suggestions: other recommenders' lists, what a request costs, and made-up numbers."""

import statistics
import time
from collections.abc import Mapping, Sequence

import numpy as np

from tiger import models
from tiger.reports import recommenders
from tiger.reports.beam_page import BeamRequest
from tiger.reports.stage.scene import N_SUGGESTED, Beside, Column
from tiger.search import beam

REPEATS = 5


def beside(req: BeamRequest, found: beam.Trace, lists: Mapping[str, Sequence[int]], ms: Mapping[str, float], own_ms: float,
           free: beam.Trace) -> Beside:
    """Other recommenders' suggestions for the same history.

    Args:
        lists: items by recommender, best first, more than are shown, so that the held-out item's place is known.
        ms: milliseconds of one request, by recommender; own_ms: of this one.
        free: the search that may write any number.
    """
    own = found.items["item"].astype(int).tolist()
    columns = [Column(name, tuple(map(int, items[:N_SUGGESTED])), _place(req, list(items)), cost_text(ms[name]))
               for name, items in lists.items()]
    n_written = len(free.invalid) + len(free.items)
    invalid = ("Free to write any number, it would still name only things that exist." if not len(free.invalid) else
               f"Free to write any number, {len(free.invalid)} of {n_written} would name nothing that exists.")
    return Beside(tuple(columns), Column(req.writer.run.title, tuple(own[:N_SUGGESTED]), _place(req, own), cost_text(own_ms)),
                  invalid)


def _place(req: BeamRequest, items: Sequence[int]) -> str:
    if req.target is None:
        return ""
    return (f"What came next is in place {items.index(req.target) + 1}." if req.target in items else
            f"What came next is not among its first {len(items)}.")


def cost_text(ms: float) -> str:
    """What a thousand requests take, one after another: milliseconds of one are seconds of a thousand."""
    amount = f"{ms:,.0f} s" if ms >= 10 else f"{ms:.1f} s" if ms >= 0.1 else "under 0.1 s"
    return f"1,000 requests: {amount}"


def request_ms(model: models.Recommender, items: Sequence[int], width: int, exclude_seen: bool) -> float:
    """Milliseconds of one request on this machine: the median of five, after one that does not count."""
    history, width = np.array(items, np.int64), recommenders.fitting_width(model, width)
    times = []
    for _ in range(REPEATS + 1):
        begun = time.perf_counter()
        model.recommend(history, min(N_SUGGESTED, model.n_items), width, exclude_seen=exclude_seen)
        times.append(1000 * (time.perf_counter() - begun))
    return statistics.median(times[1:])
