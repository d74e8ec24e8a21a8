"""Two ID sets: every difference with its interval, turned so that right is better for the second."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import QUIET, SYMBOLS, colour, style

SETTLED = {"B": ("B is better", colour(0)), "A": ("A is better", colour(1)), "": ("no difference shown", QUIET)}


def advantages(frame: pd.DataFrame, alt: str) -> go.Figure:
    """One line a measure: the advantage of B in percentage points, with its 95 % interval.

    Args:
        frame: label, advantage, low, high (points), better ("A", "B" or "").
    """
    figure = go.Figure()
    for place, (better, (words, hue)) in enumerate(SETTLED.items()):
        part = frame[frame["better"] == better]
        if len(part):
            figure.add_scatter(
                x=part["advantage"], y=part["label"], mode="markers", name=words,
                marker={"size": 10, "symbol": SYMBOLS[place], "color": hue},
                error_x={"type": "data", "symmetric": False, "array": part["high"] - part["advantage"],
                         "arrayminus": part["advantage"] - part["low"], "color": hue, "thickness": 1.6},
                customdata=part[["low", "high"]],
                hovertemplate="%{y}: %{x:.1f} points, %{customdata[0]:.1f} to %{customdata[1]:.1f}<extra></extra>")
    figure.add_vline(x=0, line={"dash": "dot", "color": QUIET})
    figure.update_xaxes(title="Advantage of B (percentage points)")
    figure.update_yaxes(categoryorder="array", categoryarray=frame["label"].tolist()[::-1])
    return style(figure, alt, 90 + 30 * len(frame))
