"""The Map's component: the browser draws, colours, zooms and points without the server, which is told what was chosen."""

from base64 import b64encode
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from tiger.plots import colours
from tiger.reports.map import MapView, Picture
from tiger.ui.shared import address
from tiger.ui.shared.assets import ADDRESS, joined
from tiger.ui.shared.events import heard
from tiger.ui.shared.sent import forget, unsent

FOLDER = Path(__file__).parent
FULL = 65535  # places are sent as whole numbers up to here
BY_ID, BY_CATEGORY = address.COLOUR.options
WORDS = {BY_ID: "Coloured by the first … codes", BY_CATEGORY: "Coloured by the first … category levels"}


MAP = st.components.v2.component("tiger.map", html=joined(FOLDER, "map.html"), css=joined(FOLDER, "map.css"),
                                 js=ADDRESS + joined(FOLDER, "marks.js", "names.js", "map.js"))


def packed(shown: Picture, at_N: np.ndarray) -> dict[str, Any]:
    """The marks as the browser takes them: little-endian numbers in base64.

    Args:
        at_N: places in the layout of the items to draw.

    Returns:
        ``frame`` names what must be the same for the zoom to stay; ``id`` names everything.
    """
    place_ND = shown.layout.place_ND[at_N]
    low_D, high_D = shown.layout.place_ND.min(axis=0), shown.layout.place_ND.max(axis=0)
    range_D = np.maximum(high_D - low_D, 1e-9)
    whole_ND = np.rint((place_ND - low_D) / range_D * FULL)
    points = {"n_dims": place_ND.shape[1], "aspect": (range_D / range_D.max()).tolist(), "place": _base64(whole_ND.T, "<u2"),
              "item": _base64(shown.layout.row_N[at_N], "<u4"), "labels": shown.labels(at_N), "palette": colours.palette(),
              "looks": [{"by": BY_CATEGORY if look.by_category else BY_ID, "level": look.level, "summary": look.summary,
                         "words": WORDS[BY_CATEGORY if look.by_category else BY_ID],
                         "colour": _base64(look.colour_N[at_N], "<u1"), "shape": _base64(look.shape_N[at_N], "<u1"),
                         "group": _base64(look.group_N[at_N], "<u1"),
                         "groups": look.groups[["name", "colour", "shape"]].to_dict("records") if len(look.groups) else []}
                        for look in shown.looks]}
    frame = _name(points["place"] + points["item"])
    return points | {"frame": frame, "id": _name(frame + str(points["looks"]) + "".join(points["labels"]))}


def _base64(array: np.ndarray, kind: str) -> str:
    return b64encode(np.ascontiguousarray(array).astype(kind).tobytes()).decode()


def _name(text: str) -> str:
    return blake2b(text.encode(), digest_size=9).hexdigest()


def show(points: dict[str, Any], view: MapView, now: dict[str, Any], name: str, picked: Callable[[int], None],
         lassoed: Callable[[list[int]], None]) -> None:
    """The map; marks that the browser has already are not sent again.

    Args:
        points: from ``packed``.
        view: whose colours are shown, unless the visitor has just chosen others.
        now: item, group (numbers of items), finding (the title) and more (what the caption says of the items).
        name: of the PNG.
        picked, lassoed: told the item, or the items, that were chosen.
    """
    def coloured(chosen: dict[str, Any]) -> None:
        address.write(address.COLOUR, chosen["by"])
        address.write(address.LEVEL, int(chosen["level"]))

    by = [name for name in (BY_ID, BY_CATEGORY) if any(look["by"] == name for look in points["looks"])]
    MAP(key="map", data={
        "id": points["id"], "points": unsent("map", points["id"], points), "by": by, "name": name,
        "now": now | {"by": BY_CATEGORY if view.by_category else BY_ID, "level": view.level}},
        on_picked_change=heard("map", "picked", picked), on_lassoed_change=heard("map", "lassoed", lassoed),
        on_coloured_change=heard("map", "coloured", coloured), on_missing_change=lambda: forget("map"))
