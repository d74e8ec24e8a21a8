"""How codes are used: squares per level and sorted bars."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from tiger.plots.style import ACCENT, QUIET, SEQUENTIAL, colour, style


def usage_heat(frame: pd.DataFrame, alt: str, height: int = 320) -> go.Figure:
    """One square of codes per level, brighter where more items are, hollow where none; from ``reports.usage_frame``.

    Every code can be clicked: invisible markers lie over the squares; they carry level (from 1), code, items.
    """
    levels = list(frame.groupby("level"))
    titles = [f"Level {level}" for level, _ in levels]
    figure = make_subplots(1, max(len(levels), 1), subplot_titles=titles, horizontal_spacing=0.03)
    top = max(int(frame["items"].max()), 1) if len(frame) else 1
    for at, (_, part) in enumerate(levels, start=1):
        width = int(np.ceil(np.sqrt(len(part))))
        square = np.full(width * width, np.nan)
        square[:len(part)] = part["items"].where(~part["dead"])
        figure.add_heatmap(z=square.reshape(width, width), zmin=0, zmax=top, xgap=1, ygap=1, hoverinfo="skip",
                           coloraxis="coloraxis", row=1, col=at)
        figure.add_scatter(x=part["code"] % width, y=part["code"] // width, mode="markers", row=1, col=at,
                           customdata=part[["level", "code", "items", "rank"]].to_numpy(), showlegend=False,
                           marker={"symbol": "square-open", "size": 11, "color": ACCENT, "opacity": 0,
                                   "line": {"width": 3}},
                           selected={"marker": {"opacity": 1}}, unselected={"marker": {"opacity": 0}},
                           hovertemplate="level %{customdata[0]}, code %{customdata[1]}, items: %{customdata[2]:,}, "
                                         "rank %{customdata[3]}<extra></extra>")
    figure.update_layout(coloraxis={"colorscale": SEQUENTIAL, "cmin": 0, "cmax": top,
                                    "colorbar": {"title": "Items", "thickness": 12}})
    style(figure, alt, height)
    figure.update_xaxes(visible=False, constrain="domain")
    figure.update_yaxes(visible=False, autorange="reversed", constrain="domain")
    for at in range(1, len(levels) + 1):
        figure.update_yaxes(scaleanchor=f"x{at if at > 1 else ''}", row=1, col=at)
    return figure


def usage_bars(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Codes of one level, most used first, and the line of uniform use, from ``reports.usage_frame``."""
    ranked = frame.sort_values("rank")
    place = int(ranked["level"].iloc[0]) - 1 if len(ranked) else 0
    figure = go.Figure(go.Bar(x=ranked["rank"], y=ranked["share"],
                              marker={"color": colour(place), "line_width": 0},
                              customdata=ranked[["level", "code", "items"]].to_numpy(),
                              hovertemplate="code %{customdata[1]}, items: %{customdata[2]:,} (%{y:.2%})"
                                            "<extra></extra>"))
    if len(ranked):
        figure.add_hline(y=float(ranked["even_share"].iloc[0]), annotation_text="uniform use",
                         line={"dash": "dash", "width": 1.5, "color": QUIET}, annotation_font_size=12)
    figure.update_xaxes(title="Codes, most used first")
    figure.update_yaxes(title="Share of the items", tickformat=".1%", rangemode="tozero")
    style(figure, alt)
    return figure.update_layout(bargap=0)
