"""Vectors on their way through the levels: a batch as bars, one item as strips."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import ACCENT, QUIET, style

DIVERGING = "RdBu"


def batch_levels(frame: pd.DataFrame, alt: str, height: int = 250) -> go.Figure:
    """The batch's residual sizes as bars: mean, with the range of the middle 80 %."""
    figure = go.Figure(go.Bar(
        x=frame["residual"], y=frame["mean"], marker_color=ACCENT,
        error_y={"type": "data", "symmetric": False, "array": frame["p90"] - frame["mean"], "thickness": 1.2,
                 "arrayminus": frame["mean"] - frame["p10"], "color": QUIET, "width": 4},
        hovertemplate="%{x}: mean |r|² = %{y:.4g}<extra></extra>"))
    figure.update_yaxes(title_text="|r|²", rangemode="tozero", range=[0, 1.2 * float(frame["p90"].max() or 1.0)])
    return style(figure, alt, height).update_layout(bargap=0.45)


def residual_strip(lines: dict[str, np.ndarray], alt: str) -> go.Figure:
    """Vectors as strips of colour over their dimensions, one line each: residuals, codes, what is left."""
    table = np.stack(list(lines.values()))
    limit = float(np.abs(table).max()) or 1.0
    figure = go.Figure(go.Heatmap(z=table, y=list(lines), zmin=-limit, zmax=limit, ygap=3,
                                  colorscale=DIVERGING, colorbar={"thickness": 12},
                                  hovertemplate="%{y}, dimension %{x}: %{z:.3f}<extra></extra>"))
    figure.update_xaxes(title="Dimension", showgrid=False)
    figure.update_yaxes(autorange="reversed", type="category", showgrid=False)
    return style(figure, alt, height=90 + 34 * len(lines))
