"""Other recommenders' lists for the same history, cached: popularity, and this dataset's other model runs."""

import numpy as np
import streamlit as st

from tiger import models, runs
from tiger.datasets.catalogue import Catalogue
from tiger.reports import recommenders
from tiger.runs import presets
from tiger.ui.beam import data as beam_data
from tiger.ui.beam.data import N_SEARCHED, Scene
from tiger.ui.shared import state


def others(scene: Scene) -> dict[str, runs.Run | None]:
    """What the recommendations can be put beside, by title: popularity (None) and this dataset's other recommenders."""
    found: dict[str, runs.Run | None] = {"Popularity": None}
    for run in state.models_here():
        if run.id != scene.run.id and run.has_result() and run.learner.name != "popularity":
            found.setdefault(run.title if run.title not in (*found, scene.run.title) else f"{run.title} ({run.id[-6:]})", run)
    return found


def untrained() -> list[presets.ModelPreset]:
    """Recipes of the baselines of which this dataset has no run, neither finished nor on its way; one a model."""
    have = {run.learner.name for run in state.models_here()
            if run.has_result() or run.status.active}
    found: dict[str, presets.ModelPreset] = {}
    for preset in presets.MODELS:
        name = preset.model.name
        if name not in have and name != "popularity" and not models.REGISTRY[name].generative:
            found.setdefault(name, preset)
    return list(found.values())


def listed(scene: Scene, run: runs.Run | None) -> np.ndarray:
    """Another recommender's best items for the same history; without a run, the most popular ones.

    Raises:
        ValueError: it learned another catalogue, or cannot read this history.
    """
    learner = _popularity(state.data_key(scene.cat.source), scene.cat) if run is None else _other(beam_data.key_of(run), run.id)
    if learner.n_items != scene.cat.n_items:
        raise ValueError(f"'{run.title if run else 'Popularity'}' learned another catalogue.")
    return _listed("popularity" if run is None else beam_data.key_of(run), scene.ask.items, learner)


@st.cache_resource(max_entries=4, show_spinner=False)
def _popularity(source: str, _cat: Catalogue) -> models.Recommender:
    return models.create("popularity").fit(_cat)


@st.cache_resource(max_entries=6, show_spinner=False)
def _other(key: str, run_id: str) -> models.Recommender:
    return beam_data.loaded(runs.find(run_id))


@st.cache_resource(max_entries=256, show_spinner=False)
def _listed(key: str, items: tuple[int, ...], _learner: models.Recommender) -> np.ndarray:
    k = min(N_SEARCHED, _learner.n_items)
    width = recommenders.fitting_width(_learner, N_SEARCHED)
    return _learner.recommend(_learner.shorten(np.array(items)), k, width=width)["item"].to_numpy(np.int64)
