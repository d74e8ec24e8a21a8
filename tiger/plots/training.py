"""Curves of a run: losses, and one line per level for perplexity and dead codes."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import ACCENT, DASHES, QUIET, colour, mark_changes, style

WORDS = {"loss": "loss", "recon_loss": "reconstruction", "commit_loss": "commitment", "learning_rate": "rate"}


def loss_lines(frame: pd.DataFrame, alt: str, changes: pd.DataFrame | None = None,
               log: bool = False) -> go.Figure:
    """One line per metric over the steps, from ``reports.training_frame``."""
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("metric", sort=False)):
        figure.add_scattergl(x=part["step"], y=part["value"], mode="lines",
                             line={"color": colour(place), "width": 2},
                             name=WORDS.get(str(name), str(name).replace("_", " ")),
                             hovertemplate="step %{x:,}: %{y:.4g}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Step", rangemode="tozero")
    figure.update_yaxes({"type": "log"} if log else {"rangemode": "tozero"}, title="Loss")
    return mark_changes(style(figure, alt), changes)


def level_lines(frame: pd.DataFrame, alt: str, changes: pd.DataFrame | None = None, title: str = "Perplexity",
                limit: float | None = None) -> go.Figure:
    """One line per level, from ``reports.training_frame`` of a metric that has levels.

    Args:
        frame: columns level, step, value.
        limit: a quiet line at the best possible value, such as K.
    """
    figure = go.Figure()
    for level, part in frame.groupby("level"):
        place = int(level) - 1  # type: ignore[call-overload]
        figure.add_scattergl(x=part["step"], y=part["value"], mode="lines", name=f"level {level}",
                             line={"color": colour(place), "width": 2, "dash": DASHES[place % len(DASHES)]},
                             hovertemplate="step %{x:,}: %{y:.4g}<extra>%{fullData.name}</extra>")
    if limit is not None:
        figure.add_hline(y=limit, line={"width": 1, "color": QUIET, "dash": "dot"})
    figure.update_xaxes(title="Step", rangemode="tozero")
    figure.update_yaxes(title=title, rangemode="tozero")
    return mark_changes(style(figure, alt), changes)


def code_history(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Items of one code at the kept steps, from ``reports.code_history``."""
    figure = go.Figure(go.Scatter(x=frame["step"], y=frame["items"], mode="lines+markers", line_color=ACCENT,
                                  hovertemplate="step %{x:,}, items: %{y:,}<extra></extra>"))
    figure.update_xaxes(title="Step", rangemode="tozero")
    figure.update_yaxes(title="Items", rangemode="tozero")
    return style(figure, alt, height=220)
