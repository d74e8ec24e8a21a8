"""What the Map page shows: the items' marks in a layout, one item beside its neighbours, the items of a lasso."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import projection
from tiger.analysis.projection import Layout, UmapParams
from tiger.analysis.tree import Branches
from tiger.core.sampling import even_sample
from tiger.core.words import counted, cut
from tiger.datasets.catalogue import Catalogue
from tiger.plots import colours
from tiger.reports.branches import Texts, named
from tiger.reports.codes import Codes
from tiger.reports.items import id_text, item_rows, nearby
from tiger.runs import layouts

SAMPLE = 20_000  # marks beside a density
LABELLED = 30_000  # marks that carry their title
LEGEND = 20  # groups of level 1 that a legend can hold
NO_GROUP = 255
N_QUERIES, N_NEAR = 300, 10  # items asked for their nearest ones, for ``finding``


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
class Look:
    """One way to colour the map.

    Args:
        by_category, level: as in ``MapView``.
        colour_N, shape_N: what every item of the layout looks like, ``colours.Marks``.
        group_N: each item's row of ``groups``; ``NO_GROUP`` where it has none.
        groups: colour, shape and name of each group of level 1; empty where they are more than a legend holds.
        summary: the takeaway in a few sentences: alt text and caption.
    """

    by_category: bool
    level: int
    colour_N: np.ndarray
    shape_N: np.ndarray
    group_N: np.ndarray
    groups: pd.DataFrame
    summary: str


@dataclass(frozen=True)
class Picture:
    """The map.

    Args:
        view: what is shown: PCA until the UMAP that was asked for is there.
        layout: where the items lie.
        drawn_N: places in the layout of the drawn items.
        looks: every way to colour it, so that the browser changes colours by itself.
        density: of all items, where only a sample of them is drawn.
    """

    codes: Codes
    view: MapView
    layout: Layout
    drawn_N: np.ndarray
    looks: tuple[Look, ...]
    density: Density | None

    def look(self, view: MapView) -> Look:
        """How a view colours it; the deepest level where the view names one that is not there."""
        alike = [look for look in self.looks if look.by_category == view.by_category] or list(self.looks)
        return next((look for look in alike if look.level == view.level), alike[-1])

    def added(self, items: Iterable[int]) -> np.ndarray:
        """Places in the layout of items that a sample left out; items that the layout has no place for stay out."""
        wanted = np.setdiff1d(np.array(list(items), np.int64), self.layout.row_N[self.drawn_N])
        return np.flatnonzero(np.isin(self.layout.row_N, wanted))

    def labels(self, at_N: np.ndarray) -> list[str]:
        """Title and ID of items, a line each, by their places in the layout; none where they are too many."""
        if len(at_N) > LABELLED:
            return []
        rows = self.layout.row_N[at_N]
        titles = [cut(str(title), 44) for title in self.codes.cat.items["title"].to_numpy(object)[rows]]
        return [f"{title}\n{id_text(row)}" for title, row in zip(titles, self.codes.codes_IL[rows].tolist(), strict=True)]

    def rows(self, at_N: np.ndarray, look: Look) -> pd.DataFrame:
        """Items of the layout by their places in it: item, x, y (z), colour, shape, label."""
        found = pd.DataFrame({"item": self.layout.row_N[at_N]} | dict(zip("xyz", self.layout.place_ND[at_N].T, strict=False)))
        found = found.assign(colour=look.colour_N[at_N].astype(np.int64), shape=look.shape_N[at_N].astype(np.int64), label="")
        if labels := self.labels(at_N):
            found["label"] = [label.replace("<", "‹").replace("\n", "<br>") for label in labels]
        return found

    def table(self, marks: pd.DataFrame) -> pd.DataFrame:
        """Marks for people: item, title, ID and place."""
        at_N = marks["item"].to_numpy()
        found = item_rows(self.codes.cat, at_N, self.codes.codes_IL)[["item", "title", "semantic_id"]]
        return found.assign(**{axis: marks[axis].to_numpy() for axis in "xyz" if axis in marks})

    def missing_summary(self, item: int, group: Iterable[int], added_N: np.ndarray) -> str:
        """What of the chosen items was added to the sample (``added``), and what has no place on this map."""
        drawn, extra = set(self.layout.row_N[self.drawn_N].tolist()), set(self.layout.row_N[added_N].tolist())
        words = f" Added to the sample: {len(extra):,} selected item{'s' * (len(extra) > 1)}." if extra else ""
        if item not in drawn | extra:
            words += " The selected item is not on the map, because UMAP was computed on a sample without it."
        absent = len(set(group) - drawn - extra)
        if absent:
            words += f" Of the lasso, {absent:,} item{'s have' if absent > 1 else ' has'} no position in UMAP's sample."
        return words


def picture(codes: Codes, newest: Codes, category_IL: np.ndarray, texts: Texts, view: MapView, umap: Layout | None,
            pca: Layout) -> Picture:
    """Draw the map in every way to colour it.

    Args:
        codes: those of the chosen step, which colour the marks.
        newest: the run's newest codes: marks of level-1 codes and the sample keep to them, so that steps can be compared.
        category_IL: the categories as codes.
        texts: for the groups' names.
        umap: the layout that was asked for; None while there is none.
        pca: of all items in ``view.n_dims`` dimensions.
    """
    where = pca if view.method == "PCA" or umap is None else umap
    view = replace(view, method="PCA") if where is pca else view
    at_N = np.arange(len(where.row_N))
    if len(at_N) > projection.DRAWN_LIMIT:
        at_N = projection.sample(newest.codes_IL[where.row_N, 0], SAMPLE)
    density = None
    if codes.cat.n_items > projection.DRAWN_LIMIT and view.n_dims == 2:
        said = (f"Density of all {counted(codes.cat.n_items, 'item')} in the PCA of their {layouts.SPACES[view.space]}; "
                "the colours are logarithmic.")
        density = Density(*projection.density(pca.place_ND), said)
    bare = Picture(codes, view, where, at_N, (), density)
    looks = _looks(bare, texts, codes.codes_IL, newest.codes_IL, False)
    if (category_IL >= 0).any():
        looks += _looks(bare, texts, category_IL, category_IL, True)
    return replace(bare, looks=tuple(looks))


def _looks(bare: Picture, texts: Texts, shown_IL: np.ndarray, kept_IL: np.ndarray, by_category: bool) -> list[Look]:
    """One look a level of ``shown_IL``; marks of level-1 codes are those that ``kept_IL`` would have."""
    rows, flat_N2 = bare.layout.row_N, bare.layout.place_ND[:, :2]
    mark_K = colours.marks(kept_IL[rows], 1, flat_N2).mark_K
    first_I = shown_IL[:, 0]
    n_first = len(np.unique(first_I[first_I >= 0]))
    mark_K = colours.marks(shown_IL[rows], 1, flat_N2, mark_K).mark_K  # with those of codes that only a step on the way has
    groups = _groups(shown_IL, texts, mark_K) if n_first <= LEGEND else pd.DataFrame()
    group_N = np.full(len(rows), NO_GROUP, np.uint8)
    for place, code in enumerate(groups["code"] if len(groups) else ()):
        group_N[first_I[rows] == code] = place
    found = []
    for level in range(1, shown_IL.shape[1] + 1):
        marks = colours.marks(shown_IL[rows], level, flat_N2, mark_K)
        view = replace(bare.view, by_category=by_category, level=level)
        found.append(Look(by_category, level, marks.colour_I.astype(np.uint8), marks.shape_I.astype(np.uint8), group_N, groups,
                          _summary(bare, view, n_first)))
    return found


def _groups(shown_IL: np.ndarray, texts: Texts, mark_K: np.ndarray) -> pd.DataFrame:
    """The legend: each first code, its colour and shape, its name and its number of items, fullest first."""
    found = Branches.from_codes(shown_IL[:, :1])
    rows = np.arange(1, len(found))
    names = named(found, rows, texts)[0]
    colour_P, shape_P = colours.look(mark_K[found.code_P[rows]])
    frame = pd.DataFrame({"colour": colour_P, "shape": shape_P, "size": found.size_P[rows], "code": found.code_P[rows], "name": [
        f"{code} {name}".strip() for code, name in zip(found.code_P[rows].tolist(), names, strict=True)]})
    return frame.sort_values("size", ascending=False, kind="stable")


def _summary(shown: Picture, view: MapView, n_first: int) -> str:
    """What is drawn, what is a sample of what, and where places and colours come from."""
    codes, where, n_drawn = shown.codes, shown.layout, len(shown.drawn_N)
    n_items, n_placed = codes.cat.n_items, len(where.row_N)
    what = "top categories" if view.by_category else "codes of level 1"
    words = (f"{view.method} of the {layouts.SPACES[view.space]} of {counted(n_items, 'item')}; hue and shape stand for the "
             f"{n_first} {what}" + (", shades for level 2" if view.level > 1 else "")
             + (f", tints for level {view.level}." if view.level > 2 else "."))
    if where.explained_D is not None and view.method == "PCA":
        words += f" The axes explain {where.explained_D.sum():.0%} of the variance."
    if n_placed < n_items:
        kept = layouts.sampled_by(codes.run if view.space != "input" else None, codes.cat)
        words += f" UMAP was computed on a sample of {counted(n_placed, 'item')}, "
        words += f"stratified by {kept}." if kept else "drawn at random."
    if n_drawn < n_placed:
        words += f" Shown is a sample of {counted(n_drawn, 'item')}, stratified by first code."
    if n_drawn < n_items and shown.density is not None:
        words += " The density above counts all items" + ("." if view.method == "PCA" else ", in their PCA.")
    return words + _step_summary(codes, view)


def finding(codes: Codes) -> str:
    """How often nearest neighbours share their first code, beside chance; "" where fewer than two items have codes."""
    known_N = np.flatnonzero(metrics.has_id(codes.codes_IL))
    if len(known_N) < 2:
        return ""
    first_N = codes.codes_IL[known_N, 0]
    query_N = even_sample(len(known_N), N_QUERIES)
    near_NK = metrics.nearest(codes.cat.embedding_IE[known_N], query_N, min(N_NEAR, len(known_N) - 1))[0]
    shared = float((first_N[near_NK] == first_N[query_N][:, None]).mean())
    with_N = np.bincount(first_N)[first_N] - 1  # others with each item's first code, of all others
    luck = float((with_N / (len(first_N) - 1)).mean())
    return f"{shared:.0%} of nearest neighbours share their first code ({luck:.0%} by chance)"


def _step_summary(codes: Codes, view: MapView) -> str:
    """Where the places come from while the colours come from a step on the way."""
    if codes.step is None or view.by_category:
        return ""
    places = "the same at every step" if view.space == "input" else "those of the finished run"
    words = f" Positions are {places}; colours are step {codes.step:,}'s."
    missing = int((codes.codes_IL[:, 0] < 0).sum())
    grey = counted(missing, "item has no saved codes; it is", "items have no saved codes; they are")
    return words + (f" At that step {grey} grey." if missing else "")


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
