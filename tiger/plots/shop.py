"""How long histories are, and how unequal the popularity of items is."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import COLOURS, style


def lengths(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Bars: users per history length, from ``reports.shop.length_histogram``."""
    figure = go.Figure(go.Bar(x=frame["length"], y=frame["users"], marker_color=COLOURS[0],
                              hovertemplate="items from: %{x}, users: %{y:,}<extra></extra>"))
    figure.update_xaxes(title="Items in a history")
    figure.update_yaxes(title="Users")
    return style(figure, alt, height=340)


def tail(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Interactions of the n-th most popular item on two log axes, from ``reports.shop.popularity_tail``."""
    known = frame[frame["interactions"] > 0]
    figure = go.Figure(go.Scatter(
        x=known["rank"], y=known["interactions"], customdata=known["share"], mode="lines", fill="tozeroy",
        line={"color": COLOURS[0], "width": 2.5}, hovertemplate="rank %{x:,}, interactions: %{y:,}<br>"
        "items up to here: %{customdata:.0%} of all<extra></extra>"))
    figure.update_xaxes(title="Items, most popular first", type="log", dtick=1)
    figure.update_yaxes(title="Interactions", type="log", dtick=1)
    return style(figure, alt, height=340)
