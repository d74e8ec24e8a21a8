"""What the Map page looks at, cached: vectors, layouts, and the marks of the items."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger import runs
from tiger.analysis import projection
from tiger.analysis.projection import Layout, UmapParams
from tiger.datasets import registry
from tiger.datasets.catalogue import Catalogue
from tiger.metrics.ranking import unit_rows
from tiger.plots import colours
from tiger.plots import map as plot
from tiger.reports.codes import Codes
from tiger.reports.items import id_text
from tiger.runs import layouts
from tiger.ui.shared import sources, state
from tiger.ui.tree import data as tree_data

SPACES = {"Input": "input", "Latent": "latent", "Reconstruction": "reconstruction"}
SAMPLE = 20_000  # points beside a density
LABELLED = 30_000  # points that carry their title


@dataclass(frozen=True)
class View:
    """What is asked of the map.

    Args:
        space: key of ``maps.SPACES``.
        method: "PCA" or "UMAP".
        n_dims: 2 or 3.
        seed: UMAP's.
        colour: "ID prefix" or "Category".
    """

    space: str
    method: str
    n_dims: int
    seed: int
    colour: str = "ID prefix"

    @property
    def umap(self) -> UmapParams:
        return UmapParams(n_dims=self.n_dims, seed=self.seed)


def layout(codes: Codes, view: View) -> tuple[Layout, bool]:
    """Where the items lie, and whether that is what was asked (False: PCA until UMAP is there)."""
    if view.method == "UMAP":
        key = layouts.layout_key(state.dataset_ref(), codes.run, view.space, view.umap)
        found = _umap(key) or _look_again(key)
        if found is not None and found.place_ND.shape[1] == view.n_dims and found.row_N.max() < codes.cat.n_items:
            return found, True
    return pca(codes, view.space, view.n_dims), view.method == "PCA"


def pca(codes: Codes, space: str, n_dims: int) -> Layout:
    """The PCA of all items in one space."""
    return _pca(*_source(codes, space), space, n_dims, codes.cat)


def _source(codes: Codes, space: str) -> tuple[str, str, str]:
    """Names where a space's vectors come from in caches: dataset, run ("" for the input) and its attempt."""
    ref = json.dumps(state.dataset_ref(), sort_keys=True)
    return ref, codes.run.id if space != "input" else "", _when(codes.run)


def _when(run: runs.Run) -> str:
    status = run.status
    return f"{status.state}:{status.attempt}"


@st.cache_resource(max_entries=32, show_spinner=False)
def _umap(key: str) -> Layout | None:
    return layouts.find_layout(key)


def _look_again(key: str) -> Layout | None:
    """A layout that was not there at the last look may be there now."""
    if layouts.find_layout(key) is not None:
        _umap.clear(key)
    return _umap(key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _pca(ref: str, run_id: str, when: str, space: str, n_dims: int, _cat: Catalogue) -> Layout:
    x_IE = vectors(ref, run_id, when, space, _cat)
    return projection.pca(x_IE, n_dims)


@st.cache_resource(max_entries=6, show_spinner=False)
def vectors(ref: str, run_id: str, when: str, space: str, _cat: Catalogue) -> np.ndarray:
    """The items' vectors in one space."""
    return layouts.vectors(_cat, runs.find(run_id) if run_id else None, space)


def latent(codes: Codes) -> np.ndarray | None:
    """The run's latent vectors, or None where it has none."""
    if "latent" not in layouts.spaces(codes.run):
        return None
    found = vectors(*_source(codes, "latent"), "latent", codes.cat)
    return found if len(found) == codes.cat.n_items else None


def prefixes(codes: Codes, view: View) -> tuple[np.ndarray, np.ndarray]:
    """What the marks stand for, one row an item: the IDs at this step and the newest ones, or twice the categories."""
    if view.colour == "Category":
        return (tree_data.categories(codes.cat).codes_IL,) * 2
    return codes.codes_IL, sources.codes_at(codes.run, codes.cat).codes_IL


def frame(codes: Codes, view: View, level: int) -> pd.DataFrame:
    """The drawn items: item, x, y (z), colour, shape, label. Marks keep to the run's newest codes."""
    where, _ = layout(codes, view)
    return _frame(_key(codes, view, level), codes, _marks_of(codes, view, level), where, prefixes(codes, view)[1])


def more(codes: Codes, view: View, level: int, shown: pd.DataFrame, items: tuple[int, ...]) -> pd.DataFrame:
    """``frame``'s rows of items that a sample left out; items that the layout has no place for stay out."""
    where, _ = layout(codes, view)
    at = np.flatnonzero(np.isin(where.row_N, np.setdiff1d(np.array(items, np.int64), shown["item"].to_numpy())))
    return _rows(codes, _marks_of(codes, view, level), where, at)


def figure(codes: Codes, view: View, level: int, words: str, marks: pd.DataFrame) -> go.Figure:
    """The map without rings, built once for all visitors; the last few stay in memory."""
    return _figure(_key(codes, view, level), words, marks)


def _key(codes: Codes, view: View, level: int) -> str:
    as_asked = layout(codes, view)[1]
    return f"{registry.key(state.dataset_ref())}:{codes.run.id}:{codes.step}:{_when(codes.run)}:{view}:{level}:{as_asked}"


@st.cache_resource(max_entries=12, show_spinner=False)
def _figure(key: str, words: str, _marks: pd.DataFrame) -> go.Figure:
    return plot.points(_marks, words)


def _marks_of(codes: Codes, view: View, level: int) -> np.ndarray:
    where, _ = layout(codes, view)
    shown_IL, newest_IL = prefixes(codes, view)
    return _marks(_key(codes, view, level), shown_IL, newest_IL, where, level)


@st.cache_resource(max_entries=32, show_spinner=False)
def _marks(key: str, _shown_IL: np.ndarray, _newest_IL: np.ndarray, _where: Layout, level: int) -> np.ndarray:
    """Colour and shape (2, N) of everything in the layout."""
    rows, flat_N2 = _where.row_N, _where.place_ND[:, :2]
    kept = colours.marks(_newest_IL[rows], 1, flat_N2).mark_K
    found = colours.marks(_shown_IL[rows], level, flat_N2, kept)
    return np.stack([found.colour_I, found.shape_I]).astype(np.uint8)


@st.cache_resource(max_entries=32, show_spinner=False)
def _frame(key: str, _codes: Codes, _marks_2N: np.ndarray, _where: Layout, _newest_IL: np.ndarray) -> pd.DataFrame:
    at = np.arange(len(_where.row_N))
    if len(at) > projection.DRAWN_LIMIT:  # by the newest codes, so that no step draws other items than the next
        at = projection.sample(_newest_IL[_where.row_N, 0], SAMPLE)
    return _rows(_codes, _marks_2N, _where, at)


def _rows(codes: Codes, marks_2N: np.ndarray, where: Layout, at: np.ndarray) -> pd.DataFrame:
    rows, place_ND = where.row_N[at], where.place_ND[at]
    found = pd.DataFrame({"item": rows} | dict(zip("xyz", place_ND.T, strict=False)))
    found["colour"], found["shape"], found["label"] = *marks_2N[:, at].astype(np.int64), ""
    if 0 < len(rows) <= LABELLED:
        titles = codes.cat.items["title"].str.slice(0, 44).to_numpy(object)[rows]
        ids = [id_text(row) for row in codes.codes_IL[rows].tolist()]
        found["label"] = [f"{title.replace('<', '‹')}<br>{text}" for title, text in zip(titles, ids, strict=True)]
    return found


def table(codes: Codes, frame: pd.DataFrame) -> pd.DataFrame:
    """Drawn items for people: item, title, ID and place."""
    at = frame["item"].to_numpy()
    found = pd.DataFrame({"item": at, "title": codes.cat.items["title"].to_numpy(object)[at],
                          "semantic_id": [id_text(row) for row in codes.codes_IL[at].tolist()]})
    return found.assign(**{axis: frame[axis].to_numpy() for axis in "xyz" if axis in frame})


def n_first(codes: Codes, view: View) -> int:
    """How many level-1 codes (or top categories) are in use."""
    key = f"{registry.key(state.dataset_ref())}:{codes.run.id}:{codes.step}:{_when(codes.run)}:{view.colour}"
    return _n_first(key, prefixes(codes, view)[0])


@st.cache_data(max_entries=64, show_spinner=False)
def _n_first(key: str, _codes_IL: np.ndarray) -> int:
    return len(np.unique(_codes_IL[:, 0][_codes_IL[:, 0] >= 0]))


def shows_density(n_items: int, n_dims: int) -> bool:
    """Whether a density of all items stands above the map: where only a sample of them is drawn as marks."""
    return n_items > projection.DRAWN_LIMIT and n_dims == 2


def density(codes: Codes, space: str, words: str) -> go.Figure:
    """How many of all items lie where in their PCA."""
    return _density(*_source(codes, space), space, words, pca(codes, space, 2))


@st.cache_resource(max_entries=6, show_spinner=False)
def _density(ref: str, run_id: str, when: str, space: str, words: str, _where: Layout) -> go.Figure:
    return plot.density(*projection.density(_where.place_ND), words)


def unit(cat: Catalogue) -> np.ndarray:
    """The embeddings scaled to length 1, kept for the exact neighbours."""
    return _unit(json.dumps(cat.source, sort_keys=True, default=str), cat)


@st.cache_resource(max_entries=4, show_spinner=False)
def _unit(source: str, _cat: Catalogue) -> np.ndarray:
    return unit_rows(_cat.embedding_IE)
