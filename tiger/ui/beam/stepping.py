"""Stepping through a search: the browser has every level's tree and draws it without the server, which is told afterwards."""

import math
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

from tiger.core.words import counted
from tiger.plots import beam as plot
from tiger.reports import beam as report
from tiger.reports.beam_page import BeamRequest, Picture
from tiger.ui.beam import request
from tiger.ui.beam.steps import SCORE
from tiger.ui.shared import address, state
from tiger.ui.shared.assets import ADDRESS, SYMBOLS, joined
from tiger.ui.shared.events import heard
from tiger.ui.shared.once import once

FOLDER, KEY = Path(__file__).parent, "beam_tree"
HTML, CSS, JS = (joined(FOLDER, f"stepping.{kind}") for kind in ("html", "css", "js"))
TREE = st.components.v2.component("tiger.beam", html=HTML, css=CSS, js=ADDRESS + SYMBOLS + JS)


class Node(TypedDict):
    """A branch: its place, its looks, and what is said of it."""

    key: str
    parent: str | None
    level: int
    y: float
    code: int
    fate: str
    last: bool
    over: list[str]
    words: str
    part: float
    share: str
    wide: float
    said: str


class Level(TypedDict):
    """The tree after one level."""

    summary: str
    alt: str
    hidden: str
    nodes: list[Node]
    marks: dict[str, dict[str, str | float]]


def show(req: BeamRequest, pictures: tuple[Picture, ...]) -> None:
    """The steps and the tree; a click on a branch explains it below."""
    def stepped(level: Any) -> None:
        if isinstance(level, int | float) and 0 <= level <= req.n_levels:
            request.go(int(level))

    def picked(chosen: dict[str, Any]) -> None:
        if chosen["at"] != req.level:  # a step that the server was not told of yet
            stepped(chosen["at"])
        prefix = report.prefix_of(str(chosen["branch"])[:80], req.ids.n_codes)
        if prefix:
            address.write(address.PICK, report.text(prefix))
            state.set_widget(SCORE, True)

    TREE(key=KEY, data={"at": req.level, "usual": address.AT.default, "levels": once(packed, pictures)},
         on_at_change=heard(KEY, "at", stepped), on_pick_change=heard(KEY, "pick", picked))


def packed(pictures: tuple[Picture, ...]) -> list[Level]:
    """What the browser draws, by level: sentence, branches and the marks that they use."""
    return [{"summary": one.summary, "alt": one.alt, "hidden": one.hidden, "nodes": _nodes(one),
             "marks": {fate: look._asdict() | {"glyph": look.glyph} for fate, look in plot.shown(one.branches).items()}}
            for one in pictures]


def _nodes(shown: Picture) -> list[Node]:
    """Branches, parents first: where each lies, how it looks, and what is said of it."""
    rows = [dict(zip(shown.branches, row, strict=True)) for row in zip(*shown.branches.values(), strict=True)]
    return [{"key": report.text(row["prefix"]), "parent": report.text(row["parent"]) if row["level"] else None,
             "level": row["level"], "y": row["y"], "code": row["code"], "fate": row["fate"], "last": row["drawn_last"],
             "over": [name for name in plot.OVERLAYS if row[name]], "words": row["words"],
             "part": round(math.exp(row["total_logp"]), 4), "share": plot.share(row["total_logp"]),
             "wide": plot.edge_width(row["step_logp"]),
             "said": f"{row['words']}\nstep log P {row['step_logp']:z.3f}, total {row['total_logp']:z.3f}\n"
                     f"{counted(row['n_items_below'], 'item')} below, {row['fate']}"} for row in rows]
