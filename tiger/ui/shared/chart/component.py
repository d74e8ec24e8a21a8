"""The chart's component."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from tiger.ui.shared.assets import SYMBOLS, joined
from tiger.ui.shared.chart.packing import Part, packed
from tiger.ui.shared.once import Drawn, once

FOLDER = Path(__file__).parent
CHART = st.components.v2.component("tiger.chart", html=joined(FOLDER, "chart.html"), css=joined(FOLDER, "chart.css"),
                                   js=SYMBOLS + joined(FOLDER, "scales.js", "places.js", "paint.js", "chart.js"))


def show(figure: go.Figure, key: str, config: Mapping[str, Any]) -> None:
    """A figure with its alt text, as tall as it says: drawn by the browser, by Plotly where it holds what that alone can draw.

    Args:
        key: of the chart on the page.
        config: Plotly's settings, which name the file that is saved.
    """
    found = once(packed, figure) if isinstance(figure, Drawn) else packed(figure)
    if found is None:
        st.plotly_chart(figure, key=key, alt=figure.layout.meta["alt"], config=dict(config))
        return
    send(found, key, config)


def send(part: Part, key: str, config: Mapping[str, Any]) -> None:
    """What was ``packed`` before, without the figure that it came from. Arguments as in ``show``."""
    CHART(key=key, data={"chart": part, "file": config["toImageButtonOptions"]["filename"]}, height=int(part["height"]))
