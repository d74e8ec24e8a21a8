"""The levels' component: the browser has every level's codes and switches between them itself."""

import json
from hashlib import blake2b
from pathlib import Path
from typing import Any, TypedDict

import streamlit as st

from tiger.core.words import counted
from tiger.reports.codebooks import LevelCounts
from tiger.ui.shared import address
from tiger.ui.shared.assets import ADDRESS, joined
from tiger.ui.shared.chart.component import FOLDER as CHART
from tiger.ui.shared.events import heard
from tiger.ui.shared.once import once

FOLDER, KEY = Path(__file__).parent, "levels"
LEVELS = st.components.v2.component("tiger.levels", html=joined(FOLDER, "levels.html"), css=joined(FOLDER, "levels.css"),
                                    js=ADDRESS + joined(CHART, "scales.js") + "\n" + joined(FOLDER, "levels.js"))
HELP = {"Perplexity": "The number of uniformly used codes that would have the same entropy.",
        "Dead codes": "Codes without items.", "Most used code": "Its share of the items."}


class Level(TypedDict):
    """One level as the browser draws it.

    Args:
        items: of every code; order: the codes, most used first; full: items at which a cell's colour is full.
    """

    findings: list[str]
    numbers: list[tuple[str, str]]
    alt: str
    items: list[int]
    order: list[int]
    full: int


class Levels(TypedDict):
    """All of them; ``id`` names everything in them."""

    id: str
    levels: list[Level]


def packed(counts: tuple[LevelCounts, ...], n_items: int) -> Levels:
    """What the browser draws.

    Args:
        n_items: that have codes, so that colours can be compared from step to step.
    """
    found = [_level(one, n_items) for one in counts]
    return {"id": blake2b(json.dumps(found).encode(), digest_size=9).hexdigest(), "levels": found}


def _level(one: LevelCounts, n_items: int) -> Level:
    items = one.codes["items"]
    full = 4 * max(n_items, int(items.sum())) // one.n_codes
    return {"findings": [f"Level {one.level + 1} uses {one.used:,} of {counted(one.n_codes, 'code')}",
                         f"The most used code holds {one.largest_share:.1%} of the items"],
            "numbers": [("Perplexity", f"{one.perplexity:.0f} of {one.n_codes:,}"), ("Codes in use", f"{one.used:,}"),
                        ("Dead codes", f"{one.dead:,}"), ("Most used code", f"{one.largest_share:.1%}")],
            "alt": one.codes_summary, "items": items.tolist(), "order": one.codes.sort_values("rank")["code"].tolist(),
            "full": max(full, 1)}


def show(counts: tuple[LevelCounts, ...], n_items: int, level: int, code: int | None) -> None:
    """The levels, of which one is shown, from 0, and one of its codes; None: the one that most items carry."""
    LEVELS(key=KEY, data={**once(packed, counts, n_items), "at": level, "code": code, "help": HELP},
           on_level_change=heard(KEY, "level", _shown), on_pick_change=heard(KEY, "pick", _picked))


def _shown(level: Any) -> None:
    address.write(address.LEVEL, int(level))


def _picked(chosen: Any) -> None:
    address.write(address.LEVEL, int(chosen["level"]))
    address.write(address.CODE, int(chosen["code"]))
