"""Recommenders side by side, what a beam loses by its width, and what a request costs as catalogues grow."""

import textwrap

import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import COLOURS, DASHES, QUIET, SYMBOLS, colour, style

NAME_WIDTH = 30  # characters of a row's name on one line


def score_dots(table: pd.DataFrame, alt: str, metric: str = "recall@10") -> go.Figure:
    """One row a model and its IDs, best on top; bars are 95 % intervals.

    Hollow circles are measured on a sample of the users, hollow diamonds are reported by a paper.

    Args:
        table: columns name, value, low, high (nan: none), reported (bool), some (bool: of the users); best first.
    """
    figure = go.Figure()
    for reported, some, words, symbol in ((False, False, "measured here", "circle"),
                                          (False, True, "measured here, on a sample of the users", "circle-open"),
                                          (True, False, "as reported", "diamond-open")):
        part = table[(table["reported"] == reported) & (table["some"] == some)]
        if part.empty:
            continue
        up, down = (part["high"] - part["value"]).fillna(0), (part["value"] - part["low"]).fillna(0)
        figure.add_scatter(x=part["value"], y=part["name"], mode="markers", name=words,
                           marker={"size": 11, "symbol": symbol, "color": QUIET if reported else COLOURS[0]},
                           error_x=None if reported else {"array": up, "arrayminus": down, "thickness": 1.5},
                           hovertemplate="%{y}: %{x:.4f}<extra>" + words + "</extra>")
    lines_N = [textwrap.wrap(text, NAME_WIDTH) or [""] for text in table["name"]]
    figure.update_xaxes(title=metric.replace("ndcg", "NDCG").replace("recall", "Recall"), rangemode="tozero")
    figure.update_yaxes(categoryorder="array", categoryarray=table["name"].tolist()[::-1], tickvals=table["name"].tolist(),
                        ticktext=["<br>".join(lines) for lines in lines_N])
    return style(figure, alt, height=110 + sum(max(34, 6 + 18 * len(lines)) for lines in lines_N))


def width_lines(frame: pd.DataFrame, alt: str, title: str) -> go.Figure:
    """Shares over the beam width; one line a series.

    Args:
        frame: columns series, width, share (0..1).
    """
    figure = _lines(frame, "width", "share", "width %{x}: %{y:.1%}", marks=9)
    widths = sorted(frame["width"].unique().tolist())
    figure.update_xaxes(title="Beam width", type="log", tickvals=widths, ticktext=[str(width) for width in widths])
    figure.update_yaxes(title=title, tickformat=".0%", rangemode="tozero")
    return style(figure, alt)


def _lines(frame: pd.DataFrame, x: str, y: str, hover: str, marks: int) -> go.Figure:
    """One marked line for each value of the column ``series``."""
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("series", sort=False)):
        figure.add_scatter(x=part[x], y=part[y], mode="lines+markers", name=str(name),
                           line={"color": colour(place), "width": 2, "dash": DASHES[place]},
                           marker={"symbol": SYMBOLS[place], "size": marks},
                           hovertemplate=f"{hover}<extra>%{{fullData.name}}</extra>")
    return figure


def weight_lines(frame: pd.DataFrame, alt: str, chosen: float) -> go.Figure:
    """Scores over the weight of an ensemble's second member; a vertical line marks the chosen weight.

    Args:
        frame: columns series, weight (0..1), value.
    """
    figure = _lines(frame, "weight", "value", "weight %{x:.2f}: %{y:.4f}", marks=7)
    figure.add_vline(x=chosen, line={"color": QUIET, "dash": "dot", "width": 1.5})
    figure.update_xaxes(title="Weight of the second member (0: first alone, 1: second alone)")
    figure.update_yaxes(title="Validation score")
    return style(figure, alt)


def cost_lines(frame: pd.DataFrame, alt: str, value: str, title: str) -> go.Figure:
    """Cost of one request over the catalogue's size, both logarithmic; filled marks are measured, lines are not.

    Args:
        frame: columns kind, items, the value, measured (bool).
    """
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("kind", sort=False)):
        line = {"color": colour(place), "width": 2, "dash": DASHES[place % len(DASHES)]}
        measured = part["measured"]
        figure.add_scatter(x=part["items"], y=part[value], mode="lines+markers", name=str(name), line=line,
                           marker={"symbol": [SYMBOLS[place % len(SYMBOLS)] + ("" if seen else "-open")
                                              for seen in measured], "size": 9, "color": colour(place)},
                           customdata=["measured" if seen else "computed" for seen in measured],
                           hovertemplate="%{x:,} items: %{y:.3g} (%{customdata})<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Items in the catalogue", type="log", dtick=1, exponentformat="power")
    figure.update_yaxes(title=title, type="log", exponentformat="power")
    return style(figure, alt, height=420)
