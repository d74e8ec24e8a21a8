"""One item's walk through the levels."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import QUIET, colour, style

DIVERGING = "RdBu"


def walk(frame: pd.DataFrame, alt: str) -> go.Figure:
    """How the residual shrinks level by level, from ``reports.walk_frame``."""
    names = ["vector", *(f"after level {level}" for level in frame["level"])]
    norms = [*frame["before"].head(1), *frame["after"]]
    labels = ["", *(f"− code {code}" for code in frame["code"])]
    figure = go.Figure(go.Bar(x=norms, y=names, orientation="h", text=labels, textposition="auto",
                              marker={"color": [QUIET, *(colour(level - 1) for level in frame["level"])]},
                              hovertemplate="%{y}: length %{x:.4g}<extra></extra>"))
    figure.update_xaxes(title="Length of what is left", rangemode="tozero")
    figure.update_yaxes(autorange="reversed", type="category")
    return style(figure, alt, height=90 + 42 * len(names))


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
