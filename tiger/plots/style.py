"""One look for every figure: transparent, quiet, and told apart by everybody.

Text keeps no colour of its own: the page's theme (or the export's template) gives it, so that figures are
readable in light and dark. Levels are told apart by hue and by dash.
"""

import pandas as pd
import plotly.graph_objects as go

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#A6761D")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "hexagon")
GRID = "rgba(128, 128, 128, 0.22)"
QUIET = "#8C8C8C"
ACCENT = "#D55E00"
SEQUENTIAL = "Cividis"


def colour(place: int) -> str:
    """Colour of the n-th series. Source: Okabe and Ito 2008, those that make readable lines first."""
    return COLOURS[place % len(COLOURS)]


def style(figure: go.Figure, alt: str, height: int = 300) -> go.Figure:
    """Give a figure the common look and its alt text.

    Args:
        alt: the figure's takeaway in one sentence, for those who cannot see it; in ``layout.meta["alt"]``.
        height: pixels.
    """
    figure.update_layout(
        height=height, margin={"l": 12, "r": 12, "t": 32, "b": 12}, paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)", font={"size": 13}, colorway=COLOURS, meta={"alt": alt}, bargap=0.1,
        hovermode="closest", uirevision="keep",
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "xanchor": "left", "x": 0, "title": None})
    figure.update_xaxes(gridcolor=GRID, zeroline=False, automargin=True, title_font_size=13)
    figure.update_yaxes(gridcolor=GRID, zeroline=False, automargin=True, title_font_size=13)
    return figure


def mark_changes(figure: go.Figure, changes: pd.DataFrame | None) -> go.Figure:
    """A dashed line with a label where a hyper-parameter was changed; ``changes`` is ``reports.live_param_frame``."""
    if changes is None:
        return figure
    for row in changes.itertuples():
        figure.add_vline(x=row.step, line={"dash": "dash", "width": 1, "color": QUIET})
        figure.add_annotation(x=row.step, y=1, yref="paper", text=row.label, showarrow=False, textangle=-90,
                              xanchor="right", yanchor="top", xshift=-2, font={"size": 11, "color": QUIET})
    return figure
