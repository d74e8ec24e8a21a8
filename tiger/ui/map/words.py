"""What the map says about itself: what is drawn, what is a sample of what, and what is not on it."""

import pandas as pd

from tiger.analysis.projection import Layout
from tiger.reports.codes import Codes
from tiger.runs import layouts
from tiger.ui.map import data as map_data
from tiger.ui.map.data import View


def picture(codes: Codes, view: View, level: int, n_drawn: int, where: Layout) -> str:
    """The map's takeaway in a few sentences: its alt text and its caption.

    Args:
        view: what is shown, which is PCA until UMAP is there.
        n_drawn: items drawn as marks.
    """
    n_items, n_placed, by_id = codes.cat.n_items, len(where.row_N), view.colour != "Category"
    what = "codes of level 1" if by_id else "top categories"
    words = (f"{view.method} of the {layouts.SPACES[view.space]} of {n_items:,} items; hue and shape stand for the "
             f"{map_data.n_first(codes, view)} {what}" + (", shades for level 2" if level > 1 else "")
             + (f", tints for level {level}." if level > 2 else "."))
    if where.explained_D is not None and view.method == "PCA":
        words += f" The axes hold {where.explained_D.sum():.0%} of the variance."
    if n_placed < n_items:
        kept = layouts.sampled_by(codes.run if view.space != "input" else None, codes.cat)
        words += f" UMAP placed a sample of {n_placed:,} items, " + (f"of every {kept} about its share." if kept
                                                                    else "drawn at random.")
    if n_drawn < n_placed:
        words += f" Drawn is a sample of {n_drawn:,} items, of every {'first code' if by_id else 'category'} about its share."
    if n_drawn < n_items and map_data.shows_density(n_items, view.n_dims):
        words += " The density above counts all items" + ("." if view.method == "PCA" else ", in their PCA.")
    return words + _step_summary(codes, view)


def _step_summary(codes: Codes, view: View) -> str:
    """Where the places come from while the colours come from a step on the way."""
    if codes.step is None or view.colour == "Category":
        return ""
    places = "the same at every step" if view.space == "input" else "those of the finished run"
    words = f" Places are {places}; colours are step {codes.step:,}'s."
    missing = int((codes.codes_IL[:, 0] < 0).sum())
    return words + (f" Of {missing:,} items that step kept no codes; they are grey." if missing else "")


def about_chosen(item: int, group: list[int], frame: pd.DataFrame, more: pd.DataFrame) -> str:
    """What of the chosen items was added to the sample, and what has no place on this map."""
    drawn, added = set(frame["item"].tolist()), set(more["item"].tolist())
    words = f" Added to the sample: {len(added):,} chosen item{'s' * (len(added) > 1)}." if added else ""
    if item not in drawn | added:
        words += " The chosen item is not on the map, because UMAP placed only a sample without it."
    absent = len(set(group) - drawn - added)
    if absent:
        words += f" Of the lasso, {absent:,} item{'s have' if absent > 1 else ' has'} no place in UMAP's sample."
    return words
