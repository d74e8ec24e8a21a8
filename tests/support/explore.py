"""Map and Tree opened without a browser, and what their figures hold."""

import base64
import json
from dataclasses import dataclass

import numpy as np
from streamlit.testing.v1 import AppTest

from tests.support import pages


def open_page(name: str, **params: str) -> AppTest:
    """A page by its key, without errors."""
    app = pages.open_page(name, **params)
    assert not app.error, [box.value for box in app.error]
    return app


def text_of(app: AppTest) -> str:
    return "\n".join(block.value for block in [*app.markdown, *app.caption, *app.subheader]).replace("\\", "")


def figures_of(app: AppTest) -> list[str]:
    return [chart.proto.alt for chart in app.get("plotly_chart")]


def numbers_in(array) -> np.ndarray:
    """An array of a figure's JSON, however Plotly wrote it."""
    if isinstance(array, dict):
        found = np.frombuffer(base64.b64decode(array["bdata"]), array["dtype"])
        return found.reshape([int(n) for n in array["shape"].split(",")]) if "shape" in array else found
    return np.array(array)


def traces_of(app: AppTest, words: str) -> list[dict]:
    """The traces of the figure whose alt text has these words."""
    return next(json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart") if words in chart.proto.alt)


@dataclass(frozen=True)
class Seen:
    """What the map's component was sent: the caption, each item's place (0 to 1 on every axis), its mark, and the legend."""

    said: str
    places: dict[int, tuple[float, ...]]
    marks: dict[int, tuple[int, int]]
    legend: dict[str, tuple[int, int]]
    by: list[str]


def sent_to_trees(app: AppTest) -> dict:
    """What the component of the two trees is given where the browser has nothing yet."""
    app.session_state["sent"] = {}
    app.run()
    parts = [part.proto for part in app.main.get("bidi_component")]
    return next(json.loads(part.json) for part in parts if part.component_name == "tiger.trees")


def sent_to_map(app: AppTest) -> dict:
    """What the map's component was given last."""
    parts = [part.proto for part in app.main.get("bidi_component")]
    return next(json.loads(part.json) for part in parts if part.component_name == "tiger.map")


def seen_on(app: AppTest) -> Seen:
    """The map as a browser that has nothing yet draws it; marks are places in the palette and in the list of shapes."""
    app.session_state["sent"] = {}
    app.run()
    data = sent_to_map(app)
    points, now = data["points"], data["now"]
    look = next(look for look in points["looks"] if (look["by"], look["level"]) == (now["by"], now["level"]))

    def whole(text: str, kind: str) -> list[int]:
        return np.frombuffer(base64.b64decode(text), kind).tolist()

    item = whole(points["item"], "<u4")
    place = np.array(whole(points["place"], "<u2")).reshape(points["n_dims"], -1).T / 65535
    marks = zip(whole(look["colour"], "<u1"), whole(look["shape"], "<u1"), strict=True)
    legend = {group["name"]: (group["colour"], group["shape"]) for group in look["groups"]}
    return Seen(look["summary"] + now["more"], dict(zip(item, map(tuple, place.tolist()), strict=True)),
                dict(zip(item, marks, strict=True)), legend, data["by"])
