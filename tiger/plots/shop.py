"""How long histories are, and how unequally items are picked."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import COLOURS, style


def lengths(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Bars: users per history length, from ``reports.shop.length_histogram``."""
    figure = go.Figure(go.Bar(x=frame["length"], y=frame["users"], marker_color=COLOURS[0],
                              hovertemplate="from %{x} items: %{y:,} users<extra></extra>"))
    figure.update_xaxes(title="Items in a history")
    figure.update_yaxes(title="Users")
    return style(figure, alt, height=340)


def tail(frame: pd.DataFrame, alt: str) -> go.Figure:
    """How often people pick the n-th most picked item on two log axes, from ``reports.shop.popularity_tail``."""
    picked = frame[frame["picked"] > 0]
    figure = go.Figure(go.Scatter(
        x=picked["rank"], y=picked["picked"], customdata=picked["share"], mode="lines", fill="tozeroy",
        line={"color": COLOURS[0], "width": 2.5}, hovertemplate="item no. %{x:,}: picked %{y:,} times<br>"
        "items up to here: %{customdata:.0%} of all<extra></extra>"))
    figure.update_xaxes(title="Items, most picked first", type="log", dtick=1)
    figure.update_yaxes(title="Times picked", type="log", dtick=1)
    return style(figure, alt, height=340)
