"""What the Map page looks at, cached: vectors, layouts, and the marks of the items."""

import json
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from tiger import colours, maps, projection, runs
from tiger.catalogue import Catalogue
from tiger.metrics.ranking import unit_rows
from tiger.plots import map as plot
from tiger.projection import Layout, UmapParams
from tiger.ui import codebook_data, state
from tiger.ui.codebook_data import Codes

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
    """

    space: str
    method: str
    n_dims: int
    seed: int

    @property
    def umap(self) -> UmapParams:
        return UmapParams(n_dims=self.n_dims, seed=self.seed)


def layout(codes: Codes, view: View) -> tuple[Layout, bool]:
    """Where the items lie, and whether that is what was asked (False: PCA until UMAP is there)."""
    if view.method == "UMAP":
        key = maps.layout_key(state.dataset_ref(), codes.run, view.space, view.umap)
        found = _umap(key) or _look_again(key)
        if found is not None and found.place_ND.shape[1] == view.n_dims and found.row_N.max() < codes.cat.n_items:
            return found, True
    ref = json.dumps(state.dataset_ref(), sort_keys=True)
    found = _pca(ref, codes.run.id if view.space != "input" else "", _when(codes.run), view.space, view.n_dims, codes.cat)
    return found, view.method == "PCA"


def _when(run: runs.Run) -> str:
    status = run.status
    return f"{status['state']}:{status['attempt']}"


@st.cache_resource(max_entries=32, show_spinner=False)
def _umap(key: str) -> Layout | None:
    return maps.find_layout(key)


def _look_again(key: str) -> Layout | None:
    """A layout that was not there at the last look may be there now."""
    if maps.find_layout(key) is not None:
        _umap.clear(key)
    return _umap(key)


@st.cache_resource(max_entries=32, show_spinner=False)
def _pca(ref: str, run_id: str, when: str, space: str, n_dims: int, _cat: Catalogue) -> Layout:
    x_IE = vectors(ref, run_id, when, space, _cat)
    return projection.pca(x_IE, n_dims)


@st.cache_resource(max_entries=6, show_spinner=False)
def vectors(ref: str, run_id: str, when: str, space: str, _cat: Catalogue) -> np.ndarray:
    """The items' vectors in one space."""
    return maps.vectors(_cat, runs.find(run_id) if run_id else None, space)


def latent(codes: Codes) -> np.ndarray | None:
    """The run's latent vectors, or None where it has none."""
    if "latent" not in maps.spaces(codes.run):
        return None
    ref = json.dumps(state.dataset_ref(), sort_keys=True)
    found = vectors(ref, codes.run.id, _when(codes.run), "latent", codes.cat)
    return found if len(found) == codes.cat.n_items else None


def drawn(codes: Codes, where: Layout) -> np.ndarray:
    """Places in the layout that are drawn: all of them, or a stratified sample."""
    if len(where.row_N) <= projection.DRAWN_LIMIT:
        return np.arange(len(where.row_N))
    return projection.sample(codes.codes_IL[where.row_N, 0], SAMPLE)


def frame(codes: Codes, view: View, level: int) -> pd.DataFrame:
    """The drawn items: item, x, y (z), colour, shape, label. Marks keep to the run's newest codes."""
    where, _ = layout(codes, view)
    newest = codebook_data.codes_at(codes.run, codes.cat, None)
    key = f"{codes.key}:{_when(codes.run)}:{view}:{level}:{id(where)}"
    return _frame(key, codes, newest.codes_IL, where, level)


def figure(codes: Codes, view: View, level: int, words: str, marks: pd.DataFrame) -> go.Figure:
    """The map without rings, built once for all visitors; the last few stay in memory."""
    return _figure(f"{codes.key}:{_when(codes.run)}:{view}:{level}:{id(layout(codes, view)[0])}", words, marks)


@st.cache_resource(max_entries=12, show_spinner=False)
def _figure(key: str, words: str, _marks: pd.DataFrame) -> go.Figure:
    return plot.points(_marks, words)


@st.cache_resource(max_entries=32, show_spinner=False)
def _frame(key: str, _codes: Codes, _newest_IL: np.ndarray, _where: Layout, level: int) -> pd.DataFrame:
    at = drawn(_codes, _where)
    rows, place_ND = _where.row_N[at], _where.place_ND[at]
    kept = colours.marks(_newest_IL[rows], 1, place_ND[:, :2]).mark_K
    marks = colours.marks(_codes.codes_IL[rows], level, place_ND[:, :2], kept)
    found = pd.DataFrame({"item": rows} | dict(zip("xyz", place_ND.T, strict=False)))
    found["colour"], found["shape"] = marks.colour_I, marks.shape_I
    found["label"] = ""
    if len(rows) <= LABELLED:
        titles = _codes.cat.items["title"].str.slice(0, 44).to_numpy(object)[rows]
        ids = [maps.id_text(row) for row in _codes.codes_IL[rows].tolist()]
        found["label"] = [f"{title.replace('<', '‹')}<br>{text}" for title, text in zip(titles, ids, strict=True)]
    return found


def table(codes: Codes, frame: pd.DataFrame) -> pd.DataFrame:
    """Drawn items for people: item, title, ID and place."""
    at = frame["item"].to_numpy()
    found = pd.DataFrame({"item": at, "title": codes.cat.items["title"].to_numpy(object)[at],
                          "semantic_id": [maps.id_text(row) for row in codes.codes_IL[at].tolist()]})
    return found.assign(**{axis: frame[axis].to_numpy() for axis in "xyz" if axis in frame})


def n_first_codes(codes: Codes) -> int:
    """How many level-1 codes are in use."""
    return _n_first_codes(f"{codes.key}:{_when(codes.run)}", codes.codes_IL)


@st.cache_data(max_entries=64, show_spinner=False)
def _n_first_codes(key: str, _codes_IL: np.ndarray) -> int:
    return len(np.unique(_codes_IL[:, 0][_codes_IL[:, 0] >= 0]))


def density(where: Layout, words: str) -> go.Figure:
    """How many items lie where, of all items."""
    return _density(id(where), words, where)


@st.cache_resource(max_entries=6, show_spinner=False)
def _density(key: int, words: str, _where: Layout) -> go.Figure:
    return plot.density(*projection.density(_where.place_ND), words)


def unit(cat: Catalogue) -> np.ndarray:
    """The embeddings scaled to length 1, kept for the exact neighbours."""
    return _unit(json.dumps(cat.source, sort_keys=True, default=str), cat)


@st.cache_resource(max_entries=4, show_spinner=False)
def _unit(source: str, _cat: Catalogue) -> np.ndarray:
    return unit_rows(_cat.embedding_IE)
