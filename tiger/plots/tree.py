"""Trees as icicle, treemap and sunburst; sizes and scores of several ID sets as curves."""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.core.words import counted
from tiger.plots import colours
from tiger.plots.style import DASHES, QUIET, SYMBOLS, colour, style

LEAF = {"leaf": {"opacity": 1}}  # Plotly's own 0.7 washes the deepest level out
TILING: dict[str, dict[str, Any]] = {"Treemap": {"tiling": {"pad": 1}}, "Sunburst": LEAF}
MANY = 200  # branches: borders would hide thinner ones, so from here on there are none
DEPTHS = {"Treemap": 6, "Sunburst": 7}  # levels drawn at once
KINDS = {"Treemap": go.Treemap, "Sunburst": go.Sunburst}
HEIGHT = 520


def branches(frame: pd.DataFrame, kind: str, alt: str, fullest_first: bool = True) -> go.Figure:
    """A tree. A click zooms into a branch of a treemap or sunburst; an icicle is zoomed like any chart.

    Args:
        frame: row, level, prefix, parent (row above; -1 for the tops), size, rest, name, words, categories; from
            ``reports.tree.tree_picture``.
        kind: "Icicle", or a key of ``KINDS``.
        fullest_first: sort the branches below each branch by size; else they keep their order.
    """
    frame = labelled(frame)
    if kind == "Icicle":
        return _icicle(frame, alt, fullest_first)
    figure = go.Figure(KINDS[kind](
        ids=frame["row"].astype(str).to_numpy(object), labels=frame["label"].to_numpy(object),
        parents=frame["parent"].astype(str).where(frame["parent"] >= 0, "").to_numpy(object),
        values=frame["size"].to_numpy(), branchvalues="total", text=frame["hover"].to_numpy(object),
        textinfo="label", hovertemplate="%{text}<extra></extra>", maxdepth=DEPTHS[kind], sort=fullest_first,
        customdata=frame["row"].to_numpy(), marker=_marker(frame, kind),
        **(TILING[kind] | ({"tiling": {"pad": 0}} if kind == "Treemap" and len(frame) > MANY else {}))))
    style(figure, alt, HEIGHT)
    return figure.update_layout(margin={"l": 4, "r": 4, "t": 8, "b": 4}, uniformtext={"minsize": 9, "mode": "hide"})


def _icicle(frame: pd.DataFrame, alt: str, fullest_first: bool) -> go.Figure:
    """Levels from left to right, each branch as tall as it has items, so that its name can be read.

    Bars, since Plotly's own icicle keeps a band for a root even where there is none.
    """
    start = _starts(frame, fullest_first)
    level, n_items = frame["level"] - frame["level"].min(), int(frame.loc[frame["parent"] < 0, "size"].sum())
    tall = frame["size"] * HEIGHT >= 13 * n_items  # else its name finds no room
    few = (level == 0) & ((level == 0).sum() <= 64)
    lines = np.where(few | (len(frame) <= MANY), 1, 0)  # borders would hide thin branches
    figure = go.Figure(go.Bar(
        x=level, y=frame["size"], base=start, width=0.985, customdata=frame["row"],
        hovertext=frame["hover"], hovertemplate="%{hovertext}<extra></extra>", text=frame["label"].where(tall, ""),
        textposition="inside", textangle=0, insidetextanchor="middle", textfont={"size": 12},
        marker={"color": frame["colour"].to_numpy(object), "line": {"width": lines, "color": "rgba(255,255,255,.8)"}}))
    style(figure, alt, HEIGHT)
    figure.update_xaxes(visible=False, range=[-0.5, level.max() + 0.5], fixedrange=True)
    figure.update_yaxes(visible=False, range=[n_items, 0])
    return figure.update_layout(margin={"l": 4, "r": 4, "t": 8, "b": 4}, showlegend=False, dragmode="pan", barmode="overlay",
                                uniformtext={"minsize": 9, "mode": "hide"})


def _starts(frame: pd.DataFrame, fullest_first: bool) -> list[int]:
    """Where each branch begins among the items: behind its siblings before it, at its parent's beginning. Parents come first."""
    start: dict[int, int] = {}
    order = frame.assign(last=frame["rest"] > 0, small=-frame["size"] if fullest_first else 0)
    for parent, below in order.sort_values(["level", "last", "small"], kind="stable").groupby("parent", sort=False):
        at = start.get(int(parent), 0)
        for row, size in zip(below["row"], below["size"], strict=True):
            start[row] = at
            at += int(size)
    return [start[row] for row in frame["row"]]


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """What stands in and over each branch, and its colour."""
    name = frame["prefix"]
    last = name.str.rsplit("-", n=1).str[-1].where(frame["level"] > frame["level"].min(), name)
    word = frame["name"].map(lambda text: f" {text}" if text else "")
    hover = [f"<b>{title}</b><br>{counted(size, 'item')}" + "".join(f"<br>{text.replace('> ', '› ')}" for text in more if text)
             for title, size, *more in zip(name, frame["size"], frame["words"], frame["categories"], strict=True)]
    return frame.assign(label=last + word, hover=hover, colour=_colours(frame))


def _colours(frame: pd.DataFrame) -> list[str]:
    """Hues at the top, their shades below those, tints deeper down; a "…" is a pale form of its parent."""
    names = colours.palette()
    found: dict[int, str] = {}
    look: dict[int, tuple[int, ...]] = {}
    rank = frame.groupby("parent").cumcount()
    for row, parent, place, rest in zip(frame["row"], frame["parent"], rank, frame["rest"], strict=True):
        if rest:
            found[row] = colours.paler(found.get(parent, colours.NONE))
        elif parent < 0:  # parents come before their children
            look[row] = (place,)
            found[row] = names[colours.place(place)]
        else:
            look[row] = (*look[parent][:2], place)
            found[row] = names[colours.place(*look[row])]
    return [found[row] for row in frame["row"]]


def _marker(frame: pd.DataFrame, kind: str) -> dict[str, Any]:
    many = len(frame) > MANY
    marker = {"colors": frame["colour"].to_numpy(object), "line": {"width": 0 if many else 1}}
    if kind == "Treemap":  # as little room as possible around many branches, and no fading with depth
        marker |= {"depthfade": False} | ({"pad": {"t": 4, "l": 1, "r": 1, "b": 1}} if many else {})
    return marker


def sizes(frame: pd.DataFrame, alt: str) -> go.Figure:
    """Branch sizes from the fullest down, one line a set, on two logarithmic axes; from ``tree.sizes_frame``."""
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("set", sort=False)):
        figure.add_scatter(x=part["rank"], y=part["size"], mode="lines", name=str(name),
                           line={"color": colour(place), "dash": DASHES[place], "width": 2.5},
                           hovertemplate="branch rank %{x:,}, items: %{y:,}<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Branches, largest first", type="log", dtick=1)
    figure.update_yaxes(title="Items", type="log", dtick=1)
    return style(figure, alt)


def by_level(frame: pd.DataFrame, value: str, null: str, alt: str) -> go.Figure:
    """A score by level: one line a set with its interval, and dotted what chance gives.

    Args:
        frame: from ``tree.compare``.
        value, null: measures of the score and of its null.
    """
    figure = go.Figure()
    for place, (name, part) in enumerate(frame.groupby("set", sort=False)):
        score, luck = part[part["measure"] == value], part[part["measure"] == null]
        figure.add_scatter(x=score["level"], y=score["mean"], mode="lines+markers", name=str(name),
                           line={"color": colour(place), "dash": DASHES[place], "width": 2.5},
                           marker={"symbol": SYMBOLS[place], "size": 9},
                           error_y={"type": "data", "symmetric": False, "thickness": 1.3,
                                    "array": score["high"] - score["mean"],
                                    "arrayminus": score["mean"] - score["low"]},
                           hovertemplate="level %{x}: %{y:.1%}<extra>%{fullData.name}</extra>")
        figure.add_scatter(x=luck["level"], y=luck["mean"], mode="lines", name=f"{name}, by chance", showlegend=False,
                           line={"color": colour(place), "dash": "dot", "width": 1.3},
                           hovertemplate="level %{x}: %{y:.1%} by chance<extra>%{fullData.name}</extra>")
    figure.update_xaxes(title="Level", dtick=1)
    figure.update_yaxes(tickformat=".0%", rangemode="tozero")
    return style(figure, alt)


def splits(frame: pd.DataFrame, bits: int, alt: str) -> go.Figure:
    """Buckets after each hyperplane, beside the most there could be; from ``tree.split_steps``."""
    figure = go.Figure(go.Scatter(x=frame["bits"], y=frame["buckets"], mode="lines+markers", name="buckets",
                                  line={"color": colour(0), "width": 2.5},
                                  hovertemplate="planes: %{x}, buckets: %{y:,}<extra></extra>"))
    figure.add_scatter(x=frame["bits"], y=frame["largest"], mode="lines+markers", name="items in the largest bucket",
                       line={"color": colour(1), "dash": "dash", "width": 2.5},
                       hovertemplate="planes: %{x}, items in the largest: %{y:,}<extra></extra>")
    figure.add_vline(x=bits, line={"dash": "dot", "color": QUIET})
    figure.update_xaxes(title="Hyperplanes")
    figure.update_yaxes(type="log", dtick=1)
    return style(figure, alt, 240)
