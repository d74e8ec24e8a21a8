"""What the commands for recommenders share: finding a model run, its catalogue, and a history."""

import argparse
from typing import Any

import numpy as np

from tiger import datasets, runs
from tiger.cli import flags
from tiger.datasets.catalogue import Catalogue
from tiger.reports import recommenders
from tiger.runs import data
from tiger.runs.run import Run


def pick_model(run_id: str) -> Run:
    """A model run by id, or the newest one of this workspace for "last".

    Raises:
        ValueError: no such run, or one of another kind.
    """
    if run_id == "last":
        own = [found for found in runs.list_runs() if not found.read_only and found.config.kind == "model"]
        if not own:
            raise ValueError("No recommender has been trained here yet; python -m tiger train rq_transformer --ids RUN.")
        return own[0]
    found = runs.find(run_id)
    if found.config.kind != "model":
        raise ValueError(f"'{found.title}' is not a recommender but a run of kind {found.config.kind}; "
                         "python -m tiger runs lists all.")
    return found


def catalogue_of(run: Run, args: argparse.Namespace, histories: bool = False) -> Catalogue:
    """The catalogue that a run was made from, under the run's numbers for items; says where these were matched by id.

    Args:
        histories: the histories must be those that the run learned from.

    Raises:
        ValueError: the data changed since, in a way that matters here.
    """
    cat = datasets.load_ref(run.config.dataset)
    found = data.catalogue_for(run, cat, histories=histories)
    changed = data.changes(run, cat)
    if changed is not None:
        matched = " Item numbers are the run's; items are matched by their ids." if changed.was_I is not None else ""
        flags.say(args, data.sentence(run, changed) + matched)
    return found


def history_of(cat: Catalogue, user: int | None, text: str | None) -> tuple[np.ndarray, int | None]:
    """A history to read, and the held-out item where a user with enough items was named.

    Raises:
        ValueError: neither or both were given, no such user, or not item numbers.
    """
    if (user is None) == (text is None):
        raise ValueError("Choose a history: --user N, or --history 3,17,5 (item numbers, oldest first).")
    if user is not None:
        return recommenders.history_for_test(cat, user)
    try:
        return np.array([int(word) for word in str(text).split(",") if word.strip()], np.int64), None
    except ValueError:
        raise ValueError(f"'{text}' is not a list of item numbers; write for example 3,17,5.") from None


def round_scores(scores: dict[str, Any]) -> flags.Output:
    """The scores without their intervals, short enough to read."""
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in scores.items()
            if name != "interval"}
