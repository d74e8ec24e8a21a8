"""Cold start and diversity: recall over K and epsilon, entropy beside the paper's, recall against entropy."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.plots.style import DASHES, SYMBOLS, colour, style

Box: TypeAlias = "tuple[float, float, float, float]"
PLOT_WIDTH, PLOT_HEIGHT = 420, 230  # pixels that the marks of ``recall_entropy`` have in half a page
MARK, LETTER, LINE, GAP = 12, 6.5, 15, 2  # pixels: a mark, a letter's width, a line's height, between the two
SIDES = {"middle right": (1, 0), "top center": (0, 1), "bottom center": (0, -1), "middle left": (-1, 0),
         "top right": (1, 1), "bottom right": (1, -1), "top left": (-1, 1), "bottom left": (-1, -1)}
"""Plotly's places for a label: to the right and upwards of the mark."""


def cold_lines(frame: pd.DataFrame, x: str, title: str, alt: str) -> go.Figure:
    """Recall of cold test items, one line a method.

    Args:
        frame: ``reports.cold.over_k`` or ``over_epsilon``.
        x: "k" or "epsilon".
    """
    figure = go.Figure()
    for place, (method, part) in enumerate(frame.sort_values(x).groupby("title", sort=False)):
        figure.add_scatter(x=part[x], y=part["recall"], mode="lines+markers", name=str(method),
                           line={"color": colour(place), "dash": DASHES[place], "width": 2},
                           marker={"symbol": SYMBOLS[place], "size": 9},
                           customdata=part[["low", "high"]].to_numpy(),
                           hovertemplate="%{x:g}: %{y:.1%}, 95 % %{customdata[0]:.1%} to %{customdata[1]:.1%}"
                                         "<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="Recall", tickformat=".0%", rangemode="tozero")
    style(figure, alt, 340)
    return figure.update_layout(legend={"y": -0.28, "yanchor": "top"})


def entropy_bars(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Entropy@K at every temperature: ours in colour, the paper's as hollow bars; from ``beside_the_paper``."""
    figure = go.Figure()
    for place, (k, part) in enumerate(frame.groupby("k")):
        names = [f"T = {temperature:g}" for temperature in part["temperature"]]
        figure.add_bar(x=names, y=part["ours"], name=f"Entropy@{k}, here", marker={"color": colour(place)},
                       hovertemplate="%{x}: %{y:.2f} nats<extra>%{fullData.name}</extra>", offsetgroup=f"{k}")
        figure.add_bar(x=names, y=part["reported"], name=f"Entropy@{k}, as reported", offsetgroup=f"{k}p",
                       marker={"color": "rgba(0,0,0,0)", "line": {"width": 2, "color": colour(place)}},
                       hovertemplate="%{x}: %{y:.2f} as reported<extra>%{fullData.name}</extra>")
    figure.update_yaxes(title="Entropy of the categories (nats)", rangemode="tozero")
    style(figure, alt, 360)
    return figure.update_layout(barmode="group", bargap=0.25, legend={"y": -0.15, "yanchor": "top"})


def recall_entropy(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Recall@10 against Entropy@10, one mark a setting; from ``reports.diversity.diversity_frame``.

    Of one level alone only the highest temperature is labelled; the pointer names every mark.
    """
    figure, alone = go.Figure(), frame[frame["level"] > 0]
    shown = alone["temperature"] == alone["temperature"].max()
    groups = {"beam search": (frame[(frame["level"] == 0) & frame["temperature"].isna()], "beam search"),
              "all levels": (all_at_once := frame[(frame["level"] == 0) & frame["temperature"].notna()], all_at_once["name"]),
              "one level alone": (alone, [f"L{level}" if on else "" for level, on in zip(alone["level"], shown, strict=True)]),
              "one temperature a level": (each := frame[frame["level"] < 0], each["name"])}
    marks = pd.concat([part.assign(short=short, place=place) for place, (part, short) in enumerate(groups.values())])
    x_range, y_range = _range(marks["entropy10"]), [0.0, 1.25 * max(float(marks["recall"].max()), 0.01)]
    marks["where"] = label_places(_pixels(marks["entropy10"], x_range, PLOT_WIDTH),
                                  _pixels(marks["recall"], y_range, PLOT_HEIGHT), list(marks["short"]),
                                  (marks["place"] == 1).to_numpy())
    for place, name in enumerate(groups):
        part = marks[marks["place"] == place]
        if not len(part):
            continue
        text = part["short"].where(part["where"] != "", "")
        figure.add_scatter(x=part["entropy10"], y=part["recall"], name=name, text=text,
                           textposition=part["where"].replace("", "top center"),
                           mode="lines+markers+text" if name == "all levels" else "markers+text", textfont={"size": 11},
                           line={"color": colour(place), "width": 1.5}, customdata=part["name"],
                           marker={"symbol": SYMBOLS[place], "size": MARK, "color": colour(place)},
                           hovertemplate="%{customdata}: Entropy@10 %{x:.2f}, recall@10 %{y:.3f}<extra></extra>")
    figure.update_xaxes(title="Entropy@10 of the categories (nats)", range=x_range)
    figure.update_yaxes(title="Recall@10", range=y_range)
    style(figure, alt, 360)
    return figure.update_layout(legend={"y": -0.2, "yanchor": "top"})


def level_curves(frame: pd.DataFrame, value: str, title: str, alt: str) -> go.Figure:
    """A number over temperature: one line for all levels at once, one for each level alone.

    Args:
        frame: ``reports.diversity.per_level``, whose ``value``_low and ``value``_high are shown beside the pointer.
        value: its column.
    """
    figure = go.Figure()
    for place, (level, part) in enumerate(frame.groupby("level")):
        figure.add_scatter(x=part["temperature"], y=part[value], mode="lines+markers",
                           name=f"level {level} alone" if level else "all levels",
                           line={"color": colour(place), "dash": DASHES[place % len(DASHES)], "width": 3 if level == 0 else 2},
                           marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 9},
                           customdata=part[[f"{value}_low", f"{value}_high"]].to_numpy(),
                           hovertemplate="T = %{x:g}: %{y:.3f}, 95 % %{customdata[0]:.3f} to %{customdata[1]:.3f}"
                                         "<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Temperature")
    figure.update_yaxes(title=title, rangemode="tozero" if value == "recall" else "normal")
    style(figure, alt, 340)
    return figure.update_layout(legend={"y": -0.28, "yanchor": "top"})


def label_places(x_N: np.ndarray, y_N: np.ndarray, texts: Sequence[str], line_N: np.ndarray) -> list[str]:
    """Where each mark's label stands so that it covers no mark and no other label; "" where it fits nowhere.

    Args:
        x_N, y_N: the marks in pixels, y upwards.
        texts: labels, "" for a mark without one; those that come first choose first.
        line_N: True for the marks that a line joins; labels keep off it where they can.
    """
    half = MARK / 2
    taken = [(x - half, y - half, x + half, y + half) for x, y in zip(x_N, y_N, strict=True)]
    steps = np.linspace(0, max(line_N.sum() - 1, 0), 40 * int(line_N.sum()))  # points along the line
    along = [np.interp(steps, np.arange(line_N.sum()), values[line_N]) for values in (x_N, y_N)] if len(steps) else [[], []]
    line = [(x, y, x + 1, y + 1) for x, y in zip(*along, strict=True)]
    found = []
    for x, y, text in zip(x_N, y_N, texts, strict=True):
        boxes = _boxes(x, y, LETTER * len(text)) if text else {}
        name = next((name for keep_off in ([*taken, *line], taken) for name, box in boxes.items()
                     if not any(overlap(box, other) for other in keep_off)), "")
        taken += [boxes[name]] if name else []
        found.append(name)
    return found


def _boxes(x: float, y: float, width: float) -> dict[str, Box]:
    """What a label covers at each side of a mark, as far as that lies within the figure."""
    found = {}
    for name, (right, up) in SIDES.items():
        left = x - width / 2 + right * (width / 2 + MARK / 2 + GAP)
        low = y - LINE / 2 + up * (LINE / 2 + MARK / 2 + GAP)
        if left >= 0 and low >= 0 and left + width <= PLOT_WIDTH and low + LINE <= PLOT_HEIGHT:
            found[name] = (left, low, left + width, low + LINE)
    return found


def overlap(one: Box, other: Box) -> bool:
    """Whether two boxes (left, low, right, high) share any area."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _range(values: pd.Series) -> list[float]:
    low, high = float(values.min()), float(values.max())
    pad = 0.2 * (high - low) or 0.5
    return [low - pad, high + pad]


def _pixels(values: pd.Series, ends: list[float], size: float) -> np.ndarray:
    return np.asarray((values - ends[0]) / (ends[1] - ends[0]) * size, float)
