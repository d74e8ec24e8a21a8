"""The trees' component: the browser draws both, and cuts their levels without the server, which is told what was chosen."""

import json
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

import pandas as pd
import streamlit as st

from tiger.plots import tree as plot
from tiger.reports.tree import TreePicture
from tiger.ui.shared import address
from tiger.ui.shared.assets import ADDRESS, joined
from tiger.ui.shared.events import heard
from tiger.ui.shared.once import once
from tiger.ui.shared.sent import forget, unsent

FOLDER, KEY = Path(__file__).parent, "trees"


TREES = st.components.v2.component("tiger.trees", html=joined(FOLDER, "trees.html"), css=joined(FOLDER, "trees.css"),
                                   js=ADDRESS + joined(FOLDER, "layouts.js", "paint.js", "trees.js"))


@dataclass(frozen=True)
class Side:
    """One of the two trees.

    Args:
        file: name of what is saved of it.
        pictures: of level 1, 2 ..; the last one stands for all deeper levels.
        below: it is drawn below a chosen branch.
        fullest_first: the branches below each branch are sorted by size; else they keep their order.
    """

    file: str
    title: str
    pictures: tuple[TreePicture, ...]
    below: bool = False
    fullest_first: bool = True

    def at(self, level: int) -> TreePicture:
        """What is shown of it down to a level."""
        return self.pictures[min(level, len(self.pictures)) - 1]


class Picture(TypedDict):
    """A tree down to one level, a column a property; ``code`` .. ``colour`` are places in ``Tree.texts``."""

    finding: str
    reading: str
    alt: str
    above: list[int]
    size: list[int]
    rest: list[int]
    code: list[int]
    name: list[int]
    words: list[int]
    categories: list[int]
    colour: list[int]


class Tree(TypedDict):
    """A tree as the browser takes it; ``id`` names all the rest."""

    id: str
    title: str
    file: str
    below: bool
    fullest_first: bool
    texts: list[str]
    pictures: list[Picture]


def packed(pictures: tuple[TreePicture, ...], title: str, file: str, below: bool, fullest_first: bool) -> Tree:
    """A tree's pictures for the browser; a text that several branches or levels share is sent once."""
    texts: dict[str, int] = {}
    found: Tree = {"id": "", "title": title[:1].upper() + title[1:], "file": file, "below": below, "fullest_first": fullest_first,
                   "texts": [], "pictures": [_picture(one, texts) for one in pictures]}
    found["texts"] = list(texts)
    found["id"] = blake2b(json.dumps(found).encode(), digest_size=9).hexdigest()
    return found


def _picture(shown: TreePicture, texts: dict[str, int]) -> Picture:
    frame = plot.labelled(shown.frame)
    place = {row: at for at, row in enumerate(frame["row"]) if row >= 0}  # a "…" has no branch below it, and its row may be -1
    top = frame["parent"] < 0  # its whole prefix is its name; below stands the last code alone
    code = frame["prefix"].where(top, frame["prefix"].str.rsplit("-", n=1).str[-1])

    def column(of: pd.Series) -> list[int]:
        return [texts.setdefault(text, len(texts)) for text in of]

    return {"finding": f"{shown.finding}.", "reading": shown.reading, "alt": shown.summary,
            "above": [place.get(parent, -1) for parent in frame["parent"]], "size": frame["size"].tolist(),
            "rest": frame["rest"].tolist(), "code": column(code), "name": column(frame["name"]), "words": column(frame["words"]),
            "categories": column(frame["categories"]), "colour": column(frame["colour"])}


def show(own: Side, other: Side, level: int, n_levels: int) -> str:
    """Both trees; those that the browser has already are not sent again. Returns the chart type."""
    drawn, side_of = address.read(address.DRAWN), {"own": own, "other": other}
    sides = {name: once(packed, side.pictures, side.title, side.file, side.below, side.fullest_first)
             for name, side in side_of.items()}
    TREES(key=KEY, data={
        **{name: {"id": tree["id"], "tree": unsent(f"tree:{name}", tree["id"], tree)} for name, tree in sides.items()},
        "level": level, "n_levels": n_levels, "drawn": drawn, "kinds": address.DRAWN.options},
        on_shown_change=heard(KEY, "shown", _shown), on_branch_change=heard(KEY, "branch", _opened),
        on_missing_change=lambda: forget("tree:own", "tree:other"))
    return str(drawn)


def _shown(chosen: Any) -> None:
    """Other levels, or another chart type, were chosen in the browser."""
    address.write(address.LEVEL, int(chosen["level"]))
    if chosen["drawn"] in address.DRAWN.options:
        address.write(address.DRAWN, chosen["drawn"])


def _opened(prefix: Any) -> None:
    """A branch of the run's tree was clicked; "" stands for the whole tree."""
    address.write(address.BRANCH, str(prefix)[:address.BRANCH.max_chars])
