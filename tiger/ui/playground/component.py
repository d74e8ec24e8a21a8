"""The Playground's component: everything moves in the browser, and the server is asked nothing while it does."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from tiger.plots import colours
from tiger.ui.playground import scenarios
from tiger.ui.shared import address
from tiger.ui.shared.assets import joined

FOLDER = Path(__file__).parent
SCRIPTS = ("points.js", "maths.js", "draw.js", "controls.js", "facts.js", "planes.js", "replay.js", "playground.js",
           "mount.js")


PLAYGROUND = st.components.v2.component("tiger.playground", html=joined(FOLDER, "playground.html"),
                                        css=joined(FOLDER, "playground.css"), js=joined(FOLDER, *SCRIPTS))

BEAM = st.components.v2.component("tiger.beam_lesson", html=joined(FOLDER, "beam.html"), css=joined(FOLDER, "playground.css"),
                                  js=joined(FOLDER, "points.js", "draw.js", "beam.js"))


def show() -> None:
    """The Playground, opened as the address says; from then on the browser keeps the address."""
    PLAYGROUND(key="playground", data=_data(scenarios.asked()))


def show_lesson(key: str, settings: Mapping[str, str], planes: tuple[str, ...], controls: tuple[str, ...], plays: bool) -> None:
    """The same in a lesson: a part of its planes, no address.

    Args:
        key: of the lesson; another one starts anew.
        settings: where they differ from the defaults.
        planes: "one", "two", "three".
        controls: settings that can be changed.
        plays: it begins to play, and can be stepped; before that it rests.
    """
    asked = {**{param.name: param.default for param in scenarios.SETTINGS}, **settings}
    PLAYGROUND(key=f"plane:{key}", data=_data(asked) | {"lesson": {
        "key": key, "planes": planes, "controls": controls, "plays": plays}})


def show_tree(key: str, settings: Mapping[str, str], controls: tuple[str, ...], plays: bool) -> None:
    """Beam search on a small tree, in a lesson.

    Args:
        key: of the lesson.
        settings: "seed" of the tree's probabilities, and the beam "width".
        controls: "width" where it can be changed.
        plays: it begins to play.
    """
    BEAM(key=f"tree:{key}", data={"seed": int(settings["seed"]), "width": int(settings["width"]), "controls": controls,
                                  "plays": plays})


def _data(asked: dict[str, Any]) -> dict[str, Any]:
    """What the browser needs to know: settings, their options and labels, scenarios, colours of codes."""
    options = {param.name: list(param.options) for param in scenarios.SETTINGS}
    return {"asked": asked, "options": options, "labels": scenarios.LABELS, "max_steps": address.PLAY_STEPS.high,
            "colours": colours.of_cells(max(map(int, address.PLAY_CODES.options))),
            "scenarios": [{"key": scenario.key, "title": scenario.title, "look_for": scenario.look_for,
                           "settings": scenario.settings, "turns": scenario.turns,
                           "cure": asdict(scenario.cure) if scenario.cure else None} for scenario in scenarios.SCENARIOS]}
