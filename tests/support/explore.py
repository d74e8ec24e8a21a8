"""Map and Tree opened without a browser, and what their figures hold."""

import base64
import json

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
    """The traces of the figure whose alt text has these words, without those that only make a legend."""
    return [trace for trace in _all_traces(app, words) if not trace.get("showlegend")]


def legend_of(app: AppTest, words: str) -> dict[str, tuple[str, str]]:
    """What the legend of that figure explains: name to symbol and colour."""
    return {trace["name"]: (trace["marker"]["symbol"], trace["marker"]["color"])
            for trace in _all_traces(app, words) if trace.get("showlegend")}


def _all_traces(app: AppTest, words: str) -> list[dict]:
    return next(json.loads(chart.proto.spec)["data"] for chart in app.get("plotly_chart") if words in chart.proto.alt)


def places_of(app: AppTest, words: str) -> dict[int, tuple[float, float]]:
    """Item to place on the map, of all marks (rings lie on marks)."""
    return {int(item): place for trace in traces_of(app, words) for item, *place in zip(
        numbers_in(trace["customdata"]), numbers_in(trace["x"]), numbers_in(trace["y"]), strict=True)}
