"""Runs side by side: curves with intervals, and parallel coordinates."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.core.words import counted
from tiger.plots.style import COLOURS, DASHES, SEQUENTIAL, colour, style

LINES = [[0.0, "#56B4E9"], [0.5, "#8C8C8C"], [1.0, "#D55E00"]]  # thin lines on white and on black
MAX_TICKS = 8


def run_curves(frame: pd.DataFrame, title: str, alt: str, log: bool = False) -> go.Figure:
    """One line a series, with a band where it is the mean of several runs.

    Args:
        frame: series, step, value, low, high, n.
        title: of the axis of values.
    """
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("series", sort=False)):
        dash = DASHES[place // len(COLOURS) % len(DASHES)]
        if part["low"].notna().any():
            figure.add_scatter(x=[*part["step"], *part["step"][::-1]], y=[*part["high"], *part["low"][::-1]], mode="lines",
                               fill="toself", fillcolor=_faint(colour(place)), line={"width": 0}, hoverinfo="skip",
                               showlegend=False, legendgroup=str(name))
        n = int(part["n"].iloc[0])
        many = f", mean of {counted(n, 'run')}" if n > 1 else ""
        figure.add_scatter(x=part["step"], y=part["value"], mode="lines", name=str(name), legendgroup=str(name),
                           line={"color": colour(place), "width": 2, "dash": dash},
                           hovertemplate=f"step %{{x:,}}: %{{y:.4g}}{many}<extra>%{{fullData.name}}</extra>")
    figure.update_xaxes(title="Step", rangemode="tozero")
    figure.update_yaxes({"type": "log"} if log else {"rangemode": "tozero"}, title=title)
    return style(figure, alt, height=380)


def _faint(text: str) -> str:
    red, green, blue = (int(text[at:at + 2], 16) for at in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.18)"


def parallel_coordinates(frame: pd.DataFrame, settings: Sequence[str], colour_by: str, alt: str) -> go.Figure:
    """One line a run through an axis per column; text columns become evenly spaced categories.

    Args:
        frame: one row a run.
        settings: columns that hold few chosen values, each of which gets its tick; the others are measured.
        colour_by: a column of numbers, which colours the lines.
    """
    dimensions = [_axis(name, frame[name], name in settings) for name in frame]
    line = {"color": frame[colour_by].to_numpy(float), "colorscale": LINES, "showscale": True,
            "colorbar": {"title": {"text": colour_by, "side": "right"}, "thickness": 12}} if colour_by in frame else {}
    figure = go.Figure(go.Parcoords(line=line, dimensions=dimensions, labelangle=0,
                                    tickfont={"size": 12}, labelfont={"size": 13}))
    style(figure, alt, height=380)
    return figure.update_layout(margin={"l": 60, "r": 30, "t": 60, "b": 24})


def _axis(name: str, values: pd.Series, setting: bool) -> dict[str, object]:
    if pd.api.types.is_numeric_dtype(values):
        few = np.unique(values.dropna().to_numpy(float))
        if not setting or not 0 < len(few) <= MAX_TICKS:
            return {"label": name, "values": values.to_numpy(float)}
        place = _log_values if _spans_decades(few) else np.asarray
        return {"label": name, "values": place(values.to_numpy(float)), "tickvals": place(few),
                "ticktext": [f"{value:.4g}" for value in few]}
    kinds = list(dict.fromkeys(values.astype(str)))
    return {"label": name, "values": [kinds.index(str(value)) for value in values], "tickvals": list(range(len(kinds))),
            "ticktext": [kind or "(none)" for kind in kinds]}


def _spans_decades(few: np.ndarray) -> bool:
    """Whether an axis is easier to read in powers of ten: a hyper-parameter such as a learning rate."""
    return len(few) > 2 and float(few.min()) > 0 and float(few.max() / few.min()) >= 30


def _log_values(values: np.ndarray) -> np.ndarray:
    return np.array([math.log10(value) if value > 0 else math.nan for value in values])


def sweep_curve(frame: pd.DataFrame, values: Sequence[str], name: str, objective: str, alt: str, *, form: str = ".4g",
                joined: bool = True) -> go.Figure:
    """The objective by the values of one hyper-parameter, with intervals.

    Args:
        frame: value, mean, low, high, n.
        values: the axis, also those that ``frame`` lacks.
        form: how a mean is written.
        joined: whether the values have an order, so that a line may join them.
    """
    up, down = (frame["high"] - frame["mean"]).fillna(0), (frame["mean"] - frame["low"]).fillna(0)
    figure = go.Figure(go.Scatter(
        x=frame["value"], y=frame["mean"], mode="lines+markers" if joined else "markers", line_color=COLOURS[0], marker_size=9,
        error_y={"type": "data", "array": up, "arrayminus": down, "symmetric": False, "thickness": 1.5},
        customdata=[_interval_text(row, form) for row in frame.itertuples()],
        hovertemplate=f"%{{x}}: %{{y:{form}}} (%{{customdata}})<extra></extra>"))
    figure.update_xaxes(title=name, type="category", categoryorder="array", categoryarray=list(values),
                        range=[-0.5, len(values) - 0.5])
    figure.update_yaxes(title=objective, tickformat=form)
    return style(figure, alt, height=340)


def sweep_heat(frame: pd.DataFrame, columns: Sequence[str], rows: Sequence[str], names: Sequence[str], objective: str,
               alt: str, *, form: str = ".4g") -> go.Figure:
    """The mean of the objective by two hyper-parameters; the interval stands in the hover.

    Args:
        frame: value and other, mean, low, high, n.
        columns, rows: the axes; a cell that ``frame`` lacks stays empty.
        names: of the axes.
        form: how a mean is written.
    """
    cells = {(row.value, row.other): row for row in frame.itertuples()}
    grid = [[cells.get((column, row)) for column in columns] for row in rows]
    mean = [[math.nan if cell is None else cell.mean for cell in line] for line in grid]
    words = [["" if cell is None else f"{cell.mean:{form}}" for cell in line] for line in grid]
    hover = [["not measured" if cell is None else _interval_text(cell, form) for cell in line] for line in grid]
    figure = go.Figure(go.Heatmap(x=list(columns), y=list(rows), z=mean, text=words, texttemplate="%{text}", customdata=hover,
                                  colorscale=SEQUENTIAL, xgap=2, ygap=2,
                                  colorbar={"title": {"text": objective, "side": "right"}, "thickness": 12, "tickformat": form},
                                  hovertemplate=f"%{{x}}, %{{y}}: %{{z:{form}}} (%{{customdata}})<extra></extra>"))
    figure.update_xaxes(title=names[0], type="category", showgrid=False)
    figure.update_yaxes(title=names[1], type="category", showgrid=False)
    return style(figure, alt, height=max(260, 60 + 48 * len(rows)))


def _interval_text(row: Any, form: str) -> str:
    return f"95 % interval {row.low:{form}} to {row.high:{form}}, {counted(row.n, 'run')}" if row.n > 1 else "one run"
