"""What the Beam page looks at, cached: the recommender, its searches, the exact ones, other recommenders' lists."""

import contextlib
import threading
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import streamlit as st
from safetensors import SafetensorError
from scipy import sparse

from tiger import models, runs
from tiger.analysis import attribution, tree
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.models.generative import GenerativeRecommender
from tiger.reports import beam as report
from tiger.reports.beam import Prefix
from tiger.search import beam, exact
from tiger.semantic_ids import SemanticIds
from tiger.ui.beam.state import Ask
from tiger.ui.shared import sources, state

NARROW = 60  # beams; wider searches hold so many candidates that only a few of them stay in memory
N_LISTED = 10
_explaining = threading.Lock()  # attention is recorded by hooks on the shared network
N_SEARCHED = 50  # items a list holds, so that the held-out item's place is known further down


@dataclass(frozen=True)
class Scene:
    """One recommender, one user, one search, one level.

    Args:
        target: the held-out item; None for users with too few items.
        own: the user's own history, as the model reads it for the test item.
        before: the search to compare with, if any.
        level: the level reached, 0 to the number of levels.
    """

    run: runs.Run
    model: GenerativeRecommender
    ids: SemanticIds
    cat: Catalogue
    user: int
    own: tuple[int, ...]
    target: int | None
    ask: Ask
    before: Ask | None
    level: int

    @property
    def n_levels(self) -> int:
        return len(self.ids.n_codes)

    @property
    def key(self) -> str:
        """Names the recommender in caches."""
        return key_of(self.run)

    @property
    def target_id(self) -> Prefix:
        """The held-out item's ID; empty where there is none."""
        known = self.target is not None and self.ids.has_id_I[self.target]
        return tuple(self.ids.ids_IM[self.target].tolist()) if known else ()

    def reader(self, ask: Ask) -> int | None:
        """Whose history a model that knows users reads: nobody known, once the history was changed."""
        knows_users = getattr(self.model, "n_user_tokens", 0) and ask.items == self.own
        return self.user if knows_users else None

    def title(self, item: int) -> str:
        return str(self.cat.items["title"].iloc[item]) or f"item {item}"


def usable() -> list[runs.Run]:
    """This dataset's finished or stopped recommenders that write IDs, newest first."""
    return [run for run in state.models_here() if run.has_result() and _writes_ids(run)]


def _writes_ids(run: runs.Run) -> bool:
    learner = models.REGISTRY.get(run.learner.name)
    return bool(learner and learner.generative)


def key_of(run: runs.Run) -> str:
    """Names a run's weights in caches."""
    try:
        return f"{run.id}:{(run.path / 'weights.safetensors').stat().st_mtime_ns}"
    except OSError:
        return run.id


def model(run: runs.Run, cat: Catalogue) -> tuple[GenerativeRecommender, SemanticIds]:
    """The run's recommender and the IDs it writes.

    Raises:
        ValueError: no weights yet, or it learned another catalogue.
    """
    found, ids = _model(key_of(run), run.id)
    if found.n_items != cat.n_items:
        raise ValueError(f"'{run.title}' learned {found.n_items:,} items, but this dataset has {cat.n_items:,}; "
                         "choose its own dataset or train a recommender on this one.")
    return found, ids


@st.cache_resource(max_entries=4, show_spinner="Loading the recommender …")
def _model(key: str, run_id: str) -> tuple[GenerativeRecommender, SemanticIds]:
    found = loaded(runs.find(run_id))
    if not isinstance(found, GenerativeRecommender):
        raise ValueError(f"{found.title} writes no IDs, so it has no beam.")
    n_codes, named = found.metadata_["n_codes"].tolist(), runs.find(run_id).config.ids_run
    n_levels = len(n_codes)
    with contextlib.suppress(ValueError):  # the run that made the IDs may be gone
        n_levels = min(n_levels, max(n_levels - 1, runs.find(str(named)).semantic_ids().n_levels))
    return found, SemanticIds(found.metadata_["ids"].numpy(), n_codes, n_levels)


def loaded(run: runs.Run) -> models.Recommender:
    """The run's recommender. Raises ValueError where it cannot be read."""
    try:
        return run.recommender()
    except (RuntimeError, KeyError, TypeError, SafetensorError) as error:  # weights of another shape than today's network
        raise ValueError(f"'{run.title}' was saved by another version of its model and cannot be loaded; "
                         "train it again.") from error


def changed_ids(scene: Scene) -> str:
    """A sentence where the run that made the IDs has other ones by now; else empty."""
    named = str(scene.run.config.ids_run or "")
    try:
        run = runs.find(named)
        return _changed_ids(scene.key, named, (run.path / "ids.safetensors").stat().st_mtime_ns, scene.ids)
    except (ValueError, OSError):
        return f"The run '{named[:60]}' that made the IDs is gone; shown are the IDs that the recommender learned."


@st.cache_data(max_entries=32, show_spinner=False)
def _changed_ids(key: str, named: str, when: int, _ids: SemanticIds) -> str:
    run = runs.find(named)
    if np.array_equal(run.semantic_ids().ids_IM, _ids.ids_IM):
        return ""
    return (f"'{run.title}' has other IDs by now than this recommender learned; shown are those that it learned. Train a "
            "recommender on the new ones to see them here.")


def search(scene: Scene, ask: Ask | None = None) -> beam.Trace:
    """The beam search of this scene, or another one of the same recommender.

    Raises:
        ValueError: an empty history, or none of its items has an ID.
    """
    ask = ask or scene.ask
    if not ask.items:
        raise ValueError("The history is empty; add at least one item, or go back to the user's own.")
    cached = _narrow if ask.width <= NARROW else _wide
    return cached(scene.key, ask, scene.reader(ask), scene.model)


@st.cache_resource(max_entries=64, show_spinner=False)
def _narrow(key: str, ask: Ask, user: int | None, _model: GenerativeRecommender) -> beam.Trace:
    return _model.beam_search(np.array(ask.items), ask.width, list(ask.heat), not ask.free, user)


@st.cache_resource(max_entries=6, show_spinner="Searching …")
def _wide(key: str, ask: Ask, user: int | None, _model: GenerativeRecommender) -> beam.Trace:
    return _model.beam_search(np.array(ask.items), ask.width, list(ask.heat), not ask.free, user)


def best(scene: Scene, k: int | None = None) -> exact.ExactTopK:
    """The exact search's best items, as many as there are beams."""
    k = min(max(k or scene.ask.width, N_LISTED), scene.ids.n_ids, beam.MAX_WIDTH)
    return _best(scene.key, replace(scene.ask, width=k, free=False), scene.reader(scene.ask), scene.model)


@st.cache_resource(max_entries=128, show_spinner=False)
def _best(key: str, ask: Ask, user: int | None, _model: GenerativeRecommender) -> exact.ExactTopK:
    return _model.best_items(np.array(ask.items), ask.width, list(ask.heat), user)


def influence(scene: Scene, item: int) -> attribution.Influence:
    """Which items of the history drove each code of an item's ID."""
    return _influence(scene.key, scene.ask.items, scene.ask.heat, item, scene.reader(scene.ask), scene.model, scene.ids)


def read_places(scene: Scene) -> np.ndarray:
    """Places in the history, from 1, of the items that the model reads: the last ones, and those with an ID."""
    has_id_T = scene.ids.has_id_I[np.array(scene.ask.items)]
    return scene.model.shorten(np.flatnonzero(has_id_T)) + 1


@st.cache_resource(max_entries=128, show_spinner=False)
def _influence(key: str, items: tuple[int, ...], heat: tuple[float, ...], item: int, user: int | None,
               _model: GenerativeRecommender, _ids: SemanticIds) -> attribution.Influence:
    with _explaining:
        return attribution.influence(_model, np.array(items), _ids.ids_IM[item].tolist(), list(heat), user)


def about(scene: Scene, prefixes: list[Prefix]) -> pd.DataFrame:
    """What prefixes stand for: words (typical of their items, or the title of the only one), mix (of categories)."""
    return _about(scene.key, tuple(prefixes), scene.ids, scene.cat)


@st.cache_resource(max_entries=512, show_spinner=False)
def _about(key: str, prefixes: tuple[Prefix, ...], _ids: SemanticIds, _cat: Catalogue) -> pd.DataFrame:
    below = [_ids.prefix_items(prefix) for prefix in prefixes]
    starts = np.cumsum([0, *map(len, below)])
    items = np.concatenate([*below, np.empty(0, np.int64)]).astype(np.int64)
    member = sparse.csr_matrix((np.ones(len(items), np.float32), items, starts), (len(prefixes), _cat.n_items))
    words = tree.typical_words(member, _words(registry.key(_cat.source), _cat))
    label_I, _ = sources.labels(_cat)
    mix = [""] * len(below) if label_I is None else tree.category_mix(member, list(label_I))
    titles = _cat.items["title"].to_numpy(object)
    said = [str(titles[only[0]]) if len(only) == 1 else word for only, word in zip(below, words, strict=True)]
    return pd.DataFrame({"words": said, "mix": [text if len(some) else "" for text, some in zip(mix, below, strict=True)]})


@st.cache_resource(max_entries=4, show_spinner=False)
def _words(source: str, _cat: Catalogue) -> tuple:
    return tree.word_counts(_cat.items["title"].astype(str).to_numpy(object))


def lost(scene: Scene, found: beam.Trace) -> pd.DataFrame:
    """What an exact search finds and the beam lost; see ``reports.beam.lost_items``."""
    return _lost(scene.key, scene.ask, 0, found, best(scene), scene.ids)


def beginnings(scene: Scene, found: beam.Trace) -> pd.DataFrame:
    """What an exact search would have kept at this level; see ``reports.beam.exact_beginnings``."""
    return _lost(scene.key, scene.ask, scene.level, found, best(scene), scene.ids)


@st.cache_resource(max_entries=256, show_spinner=False)
def _lost(key: str, ask: Ask, level: int, _found: beam.Trace, _best: exact.ExactTopK, _ids: SemanticIds) -> pd.DataFrame:
    k = min(ask.width, len(_best.item_K))
    if level:
        return report.exact_beginnings(_found, level, _best.item_K[:k], _best.logp_K[:k], _ids.ids_IM)
    return report.lost_items(_found, _best.item_K[:k], _best.logp_K[:k], _ids.ids_IM)
