"""Figures of the core lessons."""

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import QUIET, colour, style


def kept(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Explained variance over the codebook's size, a mark a seed.

    Args:
        frame: "codebooks" of ``reports.core_lessons.measure``.
    """
    mean = frame.groupby("n_codes", as_index=False)["kept"].mean()
    figure = go.Figure()
    figure.add_scatter(x=mean["n_codes"], y=mean["kept"], mode="lines", name="Mean of the seeds",
                       line={"color": colour(0), "width": 2}, hovertemplate="%{x} codes: %{y:.1%}<extra></extra>")
    figure.add_scatter(x=frame["n_codes"], y=frame["kept"], mode="markers", name="One seed",
                       marker={"color": colour(0), "size": 7}, customdata=frame["seed"],
                       hovertemplate="%{x} codes, seed %{customdata}: %{y:.1%}<extra></extra>")
    figure.update_xaxes(title="Codes in one codebook", type="log", tickvals=mean["n_codes"])
    figure.update_yaxes(title="Variance kept", tickformat=".0%", range=[0, 1])
    return style(figure, alt, 280)


def names(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Distinct IDs and code vectors over the levels that are used.

    Args:
        frame: "levels" of ``reports.core_lessons.measure``.
    """
    figure = go.Figure()
    for column, title, look in (("distinct", "Distinct IDs", colour(0)), ("vectors", "Code vectors", QUIET)):
        figure.add_bar(x=frame["levels"], y=frame[column], name=title, marker={"color": look}, text=frame[column],
                       texttemplate="%{text:,}", textposition="outside", cliponaxis=False,
                       hovertemplate="%{x} levels: %{y:,}<extra>" + title + "</extra>")
    figure.update_xaxes(title="Levels used", dtick=1)
    figure.update_yaxes(title="Number")
    return style(figure, alt, 280)
