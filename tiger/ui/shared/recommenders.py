"""Recommenders as several pages start from them, cached for all visitors: those that write IDs, and any other."""

from tiger import models, runs
from tiger.datasets.catalogue import Catalogue
from tiger.reports import beam_page as reports
from tiger.reports.beam_page import Writer
from tiger.ui.shared import caching, state


def usable() -> list[runs.Run]:
    """This dataset's finished or stopped recommenders that write IDs, newest first."""
    return [run for run in state.models_here() if run.has_result() and _writes_ids(run)]


def _writes_ids(run: runs.Run) -> bool:
    learner = models.REGISTRY.get(run.learner.name)
    return bool(learner and learner.generative)


def current() -> runs.Run | None:
    """The chosen recommender that writes IDs, else this dataset's newest one; None without any."""
    found, chosen = usable(), state.current_model()
    return next((run for run in found if chosen is not None and run.id == chosen.id), next(iter(found), None))


def writer(run: runs.Run, cat: Catalogue) -> Writer:
    """The run's recommender and the IDs that it learned. Raises ValueError where it learned another catalogue."""
    return reports.check_catalogue(_writer(run), cat)


@caching.resource(4, "Loading the recommender …")
def _writer(run: runs.Run) -> Writer:
    return reports.writer(run)


@caching.resource(8, "Loading the recommender …")
def recommender(run: runs.Run) -> models.Recommender:
    """Any run's recommender. Raises ValueError where it cannot be read."""
    return reports.loaded(run)
