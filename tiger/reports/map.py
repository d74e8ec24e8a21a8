"""What the Map page shows: the items' marks in a layout, one item beside its neighbours, the items of a lasso."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tiger.analysis import projection
from tiger.analysis.projection import Layout, UmapParams
from tiger.analysis.tree import Branches
from tiger.datasets.catalogue import Catalogue
from tiger.plots import colours
from tiger.reports.branches import Words, named
from tiger.reports.codes import Codes
from tiger.reports.items import id_text, item_rows, nearby
from tiger.runs import layouts

SAMPLE = 20_000  # marks beside a density
LABELLED = 30_000  # marks that carry their title
LEGEND = 20  # groups of level 1 that a legend can hold


@dataclass(frozen=True)
class MapView:
    """What is asked of the map.

    Args:
        space: key of ``layouts.SPACES``.
        method: "PCA" or "UMAP".
        n_dims: 2 or 3.
        seed: UMAP's.
        by_category: colours stand for the category, else for the semantic ID.
        level: codes (or category levels) that count for the colour.
    """

    space: str
    method: str
    n_dims: int
    seed: int
    by_category: bool
    level: int

    @property
    def umap(self) -> UmapParams:
        return UmapParams(n_dims=self.n_dims, seed=self.seed)


@dataclass(frozen=True)
class Density:
    """How many of all items lie in each cell of their PCA; from ``projection.density``."""

    count_yx: np.ndarray
    x_B: np.ndarray
    y_B: np.ndarray
    summary: str


@dataclass(frozen=True)
class Picture:
    """The map.

    Args:
        view: what is shown: PCA until the UMAP that was asked for is there.
        layout: where the items lie.
        colour_N, shape_N: what every item of the layout looks like, ``colours.Marks``.
        marks: the drawn items, ``rows``.
        summary: the takeaway in a few sentences: alt text and caption.
        density: of all items, where only a sample of them is drawn.
        groups: colour, shape and name of each group of level 1; empty where they are more than a legend holds.
    """

    codes: Codes
    view: MapView
    layout: Layout
    colour_N: np.ndarray
    shape_N: np.ndarray
    marks: pd.DataFrame
    summary: str
    density: Density | None
    groups: pd.DataFrame

    def rows(self, at_N: np.ndarray) -> pd.DataFrame:
        """Items of the layout by their places in it: item, x, y (z), colour, shape, label."""
        rows, place_ND = self.layout.row_N[at_N], self.layout.place_ND[at_N]
        found = pd.DataFrame({"item": rows} | dict(zip("xyz", place_ND.T, strict=False)))
        found = found.assign(colour=self.colour_N[at_N].astype(np.int64), shape=self.shape_N[at_N].astype(np.int64), label="")
        if 0 < len(rows) <= LABELLED:
            titles = self.codes.cat.items["title"].str.slice(0, 44).to_numpy(object)[rows]
            ids = [id_text(row) for row in self.codes.codes_IL[rows].tolist()]
            found["label"] = [f"{title.replace('<', '‹')}<br>{text}" for title, text in zip(titles, ids, strict=True)]
        return found

    def added(self, items: Iterable[int]) -> pd.DataFrame:
        """``rows`` of items that a sample left out; items that the layout has no place for stay out."""
        wanted = np.setdiff1d(np.array(list(items), np.int64), self.marks["item"].to_numpy())
        return self.rows(np.flatnonzero(np.isin(self.layout.row_N, wanted)))

    def table(self, marks: pd.DataFrame) -> pd.DataFrame:
        """Marks for people: item, title, ID and place."""
        at_N = marks["item"].to_numpy()
        found = item_rows(self.codes.cat, at_N, self.codes.codes_IL)[["item", "title", "semantic_id"]]
        return found.assign(**{axis: marks[axis].to_numpy() for axis in "xyz" if axis in marks})

    def missing_summary(self, item: int, group: Iterable[int], added: pd.DataFrame) -> str:
        """What of the chosen items was added to the sample, and what has no place on this map."""
        drawn, extra = set(self.marks["item"].tolist()), set(added["item"].tolist())
        words = f" Added to the sample: {len(extra):,} selected item{'s' * (len(extra) > 1)}." if extra else ""
        if item not in drawn | extra:
            words += " The selected item is not on the map, because UMAP was computed on a sample without it."
        absent = len(set(group) - drawn - extra)
        if absent:
            words += f" Of the lasso, {absent:,} item{'s have' if absent > 1 else ' has'} no position in UMAP's sample."
        return words


def picture(codes: Codes, newest: Codes, category_IL: np.ndarray, words: Words, view: MapView, umap: Layout | None,
            pca: Layout) -> Picture:
    """Draw the map.

    Args:
        codes: those of the chosen step, which colour the marks.
        newest: the run's newest codes: marks of level-1 codes and the sample keep to them, so that steps can be compared.
        category_IL: the categories as codes, for ``view.by_category``.
        words: ``branches.title_words``, for the groups' names.
        umap: the layout that was asked for; None while there is none.
        pca: of all items in ``view.n_dims`` dimensions.
    """
    shown_IL, kept_IL = (category_IL,) * 2 if view.by_category else (codes.codes_IL, newest.codes_IL)
    where = pca if view.method == "PCA" or umap is None else umap
    view = replace(view, method="PCA") if where is pca else view
    rows, flat_N2 = where.row_N, where.place_ND[:, :2]
    marks = colours.marks(shown_IL[rows], view.level, flat_N2, colours.marks(kept_IL[rows], 1, flat_N2).mark_K)
    at_N = np.arange(len(rows))
    if len(at_N) > projection.DRAWN_LIMIT:
        at_N = projection.sample(kept_IL[rows, 0], SAMPLE)
    density = None
    if codes.cat.n_items > projection.DRAWN_LIMIT and view.n_dims == 2:
        said = (f"Density of all {codes.cat.n_items:,} items in the PCA of their {layouts.SPACES[view.space]}; the colours "
                 "are logarithmic.")
        density = Density(*projection.density(pca.place_ND), said)
    n_first = len(np.unique(shown_IL[:, 0][shown_IL[:, 0] >= 0]))
    groups = _groups(codes.cat, shown_IL, words, marks.mark_K) if n_first <= LEGEND else pd.DataFrame()
    bare = Picture(codes, view, where, marks.colour_I.astype(np.uint8), marks.shape_I.astype(np.uint8), pd.DataFrame(), "",
                   density, groups)
    return replace(bare, marks=bare.rows(at_N), summary=_summary(bare, n_first, len(at_N)))


def _groups(cat: Catalogue, shown_IL: np.ndarray, words: Words, mark_K: np.ndarray) -> pd.DataFrame:
    """The legend: each first code's colour and shape, its name and its number of items, fullest first."""
    found = Branches.from_codes(shown_IL[:, :1])
    rows = np.arange(1, len(found))
    names = named(cat, found, rows, words)[0]
    colour_P, shape_P = colours.look(mark_K[found.code_P[rows]])
    frame = pd.DataFrame({"colour": colour_P, "shape": shape_P, "size": found.size_P[rows], "name": [
        f"{code} {name}".strip() for code, name in zip(found.code_P[rows].tolist(), names, strict=True)]})
    return frame.sort_values("size", ascending=False, kind="stable")


def _summary(shown: Picture, n_first: int, n_drawn: int) -> str:
    """What is drawn, what is a sample of what, and where places and colours come from."""
    codes, view, where = shown.codes, shown.view, shown.layout
    n_items, n_placed = codes.cat.n_items, len(where.row_N)
    what = "top categories" if view.by_category else "codes of level 1"
    words = (f"{view.method} of the {layouts.SPACES[view.space]} of {n_items:,} items; hue and shape stand for the "
             f"{n_first} {what}" + (", shades for level 2" if view.level > 1 else "")
             + (f", tints for level {view.level}." if view.level > 2 else "."))
    if where.explained_D is not None and view.method == "PCA":
        words += f" The axes explain {where.explained_D.sum():.0%} of the variance."
    if n_placed < n_items:
        kept = layouts.sampled_by(codes.run if view.space != "input" else None, codes.cat)
        words += f" UMAP was computed on a sample of {n_placed:,} items, "
        words += f"stratified by {kept}." if kept else "drawn at random."
    if n_drawn < n_placed:
        words += f" Shown is a sample of {n_drawn:,} items, stratified by {'category' if view.by_category else 'first code'}."
    if n_drawn < n_items and shown.density is not None:
        words += " The density above counts all items" + ("." if view.method == "PCA" else ", in their PCA.")
    return words + _step_summary(codes, view)


def _step_summary(codes: Codes, view: MapView) -> str:
    """Where the places come from while the colours come from a step on the way."""
    if codes.step is None or view.by_category:
        return ""
    places = "the same at every step" if view.space == "input" else "those of the finished run"
    words = f" Positions are {places}; colours are step {codes.step:,}'s."
    missing = int((codes.codes_IL[:, 0] < 0).sum())
    return words + (f" At that step {missing:,} items have no saved codes; they are grey." if missing else "")


@dataclass(frozen=True)
class ChosenItem:
    """One item on the map.

    Args:
        codes_L: its codes.
        shared: other items that share its first code, its first two codes ..
        without_id: why it has no codes; "" where it has.
        near: its nearest items in each space, ``items.nearby``.
    """

    item: int
    codes_L: tuple[int, ...]
    shared: tuple[int, ...]
    without_id: str
    near: dict[str, pd.DataFrame]


def chosen_item(codes: Codes, item: int, latent_IZ: np.ndarray | None, unit_IE: np.ndarray) -> ChosenItem:
    """An item, how many items share its prefixes, and its neighbours in each space."""
    own_L = codes.codes_IL[item]
    same_L = (codes.codes_IL == own_L).cumprod(axis=1).sum(axis=0) - 1
    without = ""
    if (own_L < 0).any():
        without = "This item has no ID." if codes.step is None else f"Step {codes.step:,} has no saved codes of this item."
    return ChosenItem(item, tuple(own_L.tolist()), tuple(same_L.tolist()), without,
                      nearby(codes.cat, codes.codes_IL, latent_IZ, item, unit_IE=unit_IE))


def group_rows(cat: Catalogue, codes: Codes, items: list[int]) -> pd.DataFrame:
    """The items of a lasso: the columns of ``item_rows``."""
    return item_rows(cat, np.array(items, np.int64), codes.codes_IL)
