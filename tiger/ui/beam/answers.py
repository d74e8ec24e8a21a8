"""What the Beam page shows, made once for all visitors."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from tiger import models, runs
from tiger.analysis import tree
from tiger.datasets.catalogue import Catalogue
from tiger.reports import beam_page as reports
from tiger.reports import recommenders as model_reports
from tiger.reports.beam import Prefix
from tiger.reports.beam_page import About, BeamRequest, Comparison, Lists, Room, SearchRequest, Step, Why, Writer
from tiger.runs import data, presets
from tiger.search import beam, exact
from tiger.ui.shared import caching, recommenders, sources, state

NARROW = 60  # beams; wider searches hold so many candidates that only a few of them stay in memory
N_SUGGESTED = 5  # cards of the presenter's view
_explaining = threading.Lock()  # attention is recorded by hooks on the shared network


@caching.resource(64)
def _narrow(writer: Writer, search: SearchRequest, reader: int | None) -> beam.Trace:
    return reports.trace(writer, search, reader)


@caching.resource(6, "Searching …")
def _wide(writer: Writer, search: SearchRequest, reader: int | None) -> beam.Trace:
    return reports.trace(writer, search, reader)


def trace(req: BeamRequest, search: SearchRequest | None = None) -> beam.Trace:
    """The beam search that is asked for, or another one of the same recommender."""
    search = search or req.search
    return (_narrow if search.width <= NARROW else _wide)(req.writer, search, req.reader(search))


@caching.resource(128)
def _best(writer: Writer, search: SearchRequest, reader: int | None) -> exact.ExactTopK:
    return reports.best(writer, search, search.width, reader)


def best(req: BeamRequest, at_least: int = 0) -> exact.ExactTopK:
    """The exact search's best items, as many as there are beams."""
    search = replace(req.search, width=max(req.search.width, at_least), free=False)
    return _best(req.writer, search, req.reader(search))


@caching.resource(4)
def words(cat: Catalogue) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Which word occurs in which title."""
    return tree.word_counts(cat.items["title"].astype(str).to_numpy(object))


@caching.resource(512)
def _about(writer: Writer, cat: Catalogue, prefixes: tuple[Prefix, ...]) -> pd.DataFrame:
    return reports.about(writer.ids, cat, words(cat), sources.labels(cat)[0], prefixes)


def about(req: BeamRequest) -> About:
    """What says what prefixes stand for."""
    def describe(prefixes: Sequence[Prefix]) -> pd.DataFrame:
        return _about(req.writer, req.cat, tuple(prefixes))

    return describe


@caching.resource(8)
def changed_ids(writer: Writer) -> str:
    """A sentence where the run that made the IDs has other ones by now; else empty."""
    return reports.changed_ids(writer)


@caching.resource(128)
def step(req: BeamRequest, branch: str, fate: str | None) -> Step:
    """The level that was reached, from 1."""
    return reports.step(req, trace(req), best(req), about(req), branch, fate)


def all_candidates(req: BeamRequest) -> pd.DataFrame:
    """Every candidate of the level."""
    return reports.all_candidates(req, trace(req), about(req))


def explainable(req: BeamRequest) -> dict[int, str]:
    """Items that can be explained, with their labels."""
    return reports.explainable(req, trace(req))


@caching.resource(128)
def why(req: BeamRequest, item: int) -> Why:
    """Which items of the history drove each code of an item's ID."""
    with _explaining:
        return reports.why(req, item)


def comparison(req: BeamRequest) -> Comparison | None:
    """The search before a change and the one after it; None without both, or where a history is empty."""
    if req.before is None or not (req.before.items and req.search.items):
        return None
    return _comparison(req)


@caching.resource(64)
def _comparison(req: BeamRequest) -> Comparison:
    assert req.before is not None
    return reports.comparison(req, trace(req, req.before), trace(req), about(req))


@caching.resource(64)
def room(req: BeamRequest) -> Room:
    """The search for a room, without jargon."""
    return reports.room(req, trace(req), about(req), N_SUGGESTED)


def others(req: BeamRequest) -> dict[str, runs.Run | None]:
    """What the recommendations can be put beside, by title: popularity (None) and this dataset's other recommenders."""
    own = req.writer.run
    found: dict[str, runs.Run | None] = {"Popularity": None}
    for run in state.models_here():
        if run.id != own.id and run.has_result() and run.learner.name != "popularity":
            found.setdefault(run.title if run.title not in (*found, own.title) else f"{run.title} ({run.id[-6:]})", run)
    return found


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
            found[name] = listed(req, known[name])
        except ValueError as error:
            left_out.append(f"{name} is left out: {error}")
    return found, left_out


def listed(req: BeamRequest, run: runs.Run | None) -> np.ndarray:
    """Another recommender's best items; without a run, the most popular ones. Raises ValueError where it cannot read them."""
    return _listed(run, req.cat, req.search.items, req.search.exclude_seen)


def popular(req: BeamRequest) -> list[int]:
    """The most popular items, for a few cards."""
    return [int(item) for item in listed(req, None)[:N_SUGGESTED]]


@caching.resource(256)
def _listed(run: runs.Run | None, cat: Catalogue, items: tuple[int, ...], exclude_seen: bool) -> np.ndarray:
    learner = _popularity(cat) if run is None else recommenders.recommender(run)
    if learner.n_items != cat.n_items or (run is not None and data.catalogue_for(run, cat) is not cat):
        raise ValueError(f"'{run.title if run else 'Popularity'}' was trained on another catalogue, or one in another order.")
    return model_reports.best_items(learner, items, reports.N_SEARCHED, exclude_seen)


@caching.resource(4)
def _popularity(cat: Catalogue) -> models.Recommender:
    return models.create("popularity").fit(cat)


def lists(req: BeamRequest, beside: dict[str, np.ndarray]) -> Lists:
    """The beam's recommendations, the exact search's, and others'."""
    return reports.lists(req, trace(req), best(req, reports.N_SEARCHED), beside)


def whole(req: BeamRequest) -> partial[pd.DataFrame]:
    """What makes the table of every candidate, once somebody asks for it."""
    return partial(all_candidates, req)
