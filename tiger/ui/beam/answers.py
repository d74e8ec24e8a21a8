"""What the Beam page shows, made once for all visitors."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from tiger import models, runs
from tiger.reports import beam_page as reports
from tiger.reports import prefixes
from tiger.reports.beam_page import BeamRequest, Branch, Change, Comparison, Lists, Picture, SearchRequest, Step, Why, Writer
from tiger.reports.prefixes import About
from tiger.runs import presets
from tiger.search import beam, exact
from tiger.ui.shared import address, caching, searches, sources, state
from tiger.ui.shared.searches import trace


@caching.resource(128)
def _best(writer: Writer, search: SearchRequest, reader: int | None, _known: Callable[[], beam.Trace]) -> exact.ExactTopK:
    return reports.best(writer, search, search.width, reader, _known())


def best(req: BeamRequest, at_least: int = 0) -> exact.ExactTopK:
    """The exact search's best items, as many as there are beams."""
    search = replace(req.search, width=max(req.search.width, at_least), free=False)
    return _best(req.writer, search, req.reader(search), partial(trace, req))


def about(req: BeamRequest) -> About:
    """What says what prefixes stand for."""
    return partial(prefixes.about, req.ids, req.cat, sources.texts(req.cat))


@caching.resource(8)
def changed_ids(writer: Writer) -> str:
    """A sentence where the run that made the IDs has other ones by now; else empty."""
    return reports.changed_ids(writer)


def pictures(req: BeamRequest) -> tuple[Picture, ...]:
    """The tree at every level, from 0; the same object whatever level was asked for."""
    return _pictures(replace(req, level=0, before=None))


@caching.resource(64)
def _pictures(req: BeamRequest) -> tuple[Picture, ...]:
    return reports.pictures(req, trace(req), best(req), about(req))


@caching.resource(128)
def step(req: BeamRequest) -> Step:
    """The level that was reached, from 1."""
    return reports.step(req, trace(req), best(req))


@caching.resource(128)
def _branch(req: BeamRequest, written: str) -> Branch:
    return reports.branch(req, trace(req), about(req), written)


def branch(req: BeamRequest) -> Branch:
    """The branch that the address names by now, or the likeliest one."""
    return _branch(req, address.read(address.PICK))


@caching.resource(128)
def kept_exact(req: BeamRequest) -> pd.DataFrame:
    """The prefixes of the level that an exact search would keep."""
    return reports.kept_exact(req, trace(req), best(req))


@caching.resource(128)
def candidates(req: BeamRequest, fate: str | None) -> pd.DataFrame:
    """The level's best candidates of one fate; None: of any."""
    return reports.candidates(req, trace(req), best(req), about(req), fate)


def all_candidates(req: BeamRequest) -> pd.DataFrame:
    """Every candidate of the level."""
    return reports.all_candidates(req, trace(req), about(req))


def explainable(req: BeamRequest) -> dict[int, str]:
    """Items that can be explained, with their labels."""
    return reports.explainable(req, trace(req))


@caching.resource(128)
def why(req: BeamRequest, item: int) -> Why:
    """Which items of the history drove each code of an item's ID."""
    return reports.why(req, item)


def change(req: BeamRequest) -> Change | None:
    """What the search before a change and the one after it share; None without both, or where a history is empty."""
    if req.before is None or not (req.before.items and req.search.items):
        return None
    return _change(replace(req, level=0))


@caching.resource(64)
def _change(req: BeamRequest) -> Change:
    return reports.change(req, trace(req, req.before), trace(req))


def comparison(req: BeamRequest) -> Comparison | None:
    """Both searches together, where there is a ``change``."""
    return None if change(req) is None else _comparison(req)


@caching.resource(64)
def _comparison(req: BeamRequest) -> Comparison:
    changed = change(req)
    assert changed is not None
    return reports.comparison(req, trace(req, req.before), trace(req), changed, about(req))


class Numbers(NamedTuple):
    """What stands under the tree of a level, made once somebody unfolds it.

    Args:
        step: makes the numbers of the level that was reached.
        branch: makes the branch whose score is shown.
        candidates: makes the table of the best candidates of one fate; None: of any.
        all_candidates: makes the table of every candidate.
        kept_exact: makes the table of the prefixes that an exact search would keep.
    """

    step: Callable[[], Step]
    branch: Callable[[], Branch]
    candidates: Callable[[str | None], pd.DataFrame]
    all_candidates: Callable[[], pd.DataFrame]
    kept_exact: Callable[[], pd.DataFrame]


def numbers(req: BeamRequest) -> Numbers:
    """What stands under the tree of the level that was reached, from 1."""
    return Numbers(partial(step, req), partial(branch, req), partial(candidates, req), partial(all_candidates, req),
                   partial(kept_exact, req))


def others(req: BeamRequest) -> dict[str, runs.Run | None]:
    """What the recommendations can be put beside, by title; ``searches.others``."""
    return searches.others(req.writer.run)


def untrained() -> list[presets.ModelPreset]:
    """Presets of the baselines of which this dataset has no run, neither finished nor on its way; one a model."""
    have = {run.learner.name for run in state.models_here() if run.has_result() or run.status.active}
    found: dict[str, presets.ModelPreset] = {}
    for preset in presets.MODELS:
        name = preset.model.name
        learner = models.REGISTRY[name]
        if name not in have and name != "popularity" and not learner.generative and not learner.member_params:
            found.setdefault(name, preset)
    return list(found.values())


def beside(req: BeamRequest, names: Sequence[str]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Other recommenders' best items for the same history, and a sentence for each that cannot read it."""
    known, found, left_out = others(req), {}, []
    for name in names:
        try:
            found[name] = searches.listed(known[name], req.cat, req.search.items, req.search.exclude_seen)
        except ValueError as error:
            left_out.append(f"{name} is left out: {error}")
    return found, left_out


def lists(req: BeamRequest, beside: dict[str, np.ndarray]) -> Lists:
    """The beam's recommendations, the exact search's, and others'."""
    return reports.lists(req, trace(req), best(req, reports.N_SEARCHED), beside)
