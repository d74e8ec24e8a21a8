"""Searches and lists of recommenders as several pages show them, made once for all visitors."""

import numpy as np

from tiger import models, runs
from tiger.datasets.catalogue import Catalogue
from tiger.reports import beam_page as reports
from tiger.reports import recommenders as model_reports
from tiger.reports.beam_page import BeamRequest, SearchRequest, Writer
from tiger.runs import data
from tiger.search import beam
from tiger.ui.shared import caching, recommenders, state

NARROW = 60  # beams; wider searches hold so many candidates that only a few of them stay in memory


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


def others(own: runs.Run) -> dict[str, runs.Run | None]:
    """What a recommender can be put beside, by title: popularity (None) and this dataset's other recommenders."""
    found: dict[str, runs.Run | None] = {"Popularity": None}
    for run in state.models_here():
        if run.id != own.id and run.has_result() and run.learner.name != "popularity":
            found.setdefault(run.title if run.title not in (*found, own.title) else f"{run.title} ({run.id[-6:]})", run)
    return found


def learner(run: runs.Run | None, cat: Catalogue) -> models.Recommender:
    """A run's recommender, or popularity. Raises ValueError where it learned other items or another order of them."""
    found = _popularity(cat) if run is None else recommenders.recommender(run)
    if found.n_items != cat.n_items or (run is not None and data.catalogue_for(run, cat) is not cat):
        raise ValueError(f"'{run.title if run else 'Popularity'}' was trained on another catalogue, or one in another order.")
    return found


@caching.resource(256)
def listed(run: runs.Run | None, cat: Catalogue, items: tuple[int, ...], exclude_seen: bool) -> np.ndarray:
    """Another recommender's best items; without a run, the most popular ones. Raises ValueError where it cannot read them."""
    return model_reports.best_items(learner(run, cat), items, reports.N_SEARCHED, exclude_seen)


@caching.resource(4)
def _popularity(cat: Catalogue) -> models.Recommender:
    return models.create("popularity").fit(cat)
