"""A beam search as a tree that grows to the right, and what each history item did for each code."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.core.words import counted, cut
from tiger.plots.style import QUIET, style

LINE_PX = 25
BENDS = np.linspace(0, 1, 9)
RISE = BENDS * BENDS * (3 - 2 * BENDS)  # an edge leaves and arrives level
LABEL_ROOM = 0.72  # of the tree's own width, to its right
DIVERGING = "RdBu"


GLYPHS = {"circle": "●", "circle-open": "○", "triangle-down-open": "▽", "x-thin-open": "✕", "x": "✖", "square-open": "□",
          "triangle-up": "▲", "star": "★", "diamond-open": "◇", "square-x-open": "⊠"}


class Mark(NamedTuple):
    """How branches of one fate look: told apart by colour, shape and line."""

    name: str
    symbol: str
    colour: str
    dash: str

    @property
    def glyph(self) -> str:
        """The shape as a character, for a legend in words."""
        return GLYPHS[self.symbol]


DROPPED = "kept, all its continuations pruned"
MARKS = {
    "kept": Mark("kept", "circle", "#2b8fd0", "solid"),
    DROPPED: Mark("kept, nothing kept below it", "circle-open", "#2b8fd0", "dash"),
    "beam full": Mark("pruned: beam full", "triangle-down-open", "#d98e04", "dash"),
    "already in the history": Mark("pruned: already in the history", "square-x-open", "#8a63d2", "dashdot"),
    "not in the catalogue": Mark("pruned: not in the catalogue", "x-thin-open", QUIET, "dot"),
    "kept, but no such item": Mark("kept, but no such item", "x", "#D55E00", "solid"),
    "in both": Mark("in both", "circle", "#2b8fd0", "solid"),
    "only before": Mark("only before", "square-open", "#D55E00", "dash"),
    "only now": Mark("only now", "triangle-up", "#009E73", "solid"),
}
OVERLAYS = {"target": Mark("the held-out item", "star", "#d6247e", "solid"),
            "exact": Mark("kept by an exact search, not by beam search", "diamond-open", "#d6247e", "solid")}


def share(logp: float) -> str:
    """A log-probability as a percentage."""
    percent = 100 * math.exp(logp)
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.2g} %" if percent >= 0.01 else "< 0.01 %"


def edge_width(step_logp: float) -> float:
    """Pixels of the edge of a code; there are few widths, so that few traces are drawn."""
    return 1.0 + 1.5 * round(10 * math.exp(step_logp) / 1.5)


def looks() -> dict[str, Mark]:
    """Every mark by fate."""
    return MARKS | OVERLAYS


def shown(tree: pd.DataFrame | Mapping[str, Sequence[Any]]) -> dict[str, Mark]:
    """The marks that a tree uses, by fate: its legend, which stands beside the figure so that it can wrap."""
    here = {fate for fate, level in zip(tree["fate"], tree["level"], strict=True) if level}
    here |= {name for name in OVERLAYS if name in tree and any(tree[name])}
    return {fate: look for fate, look in looks().items() if fate in here}


def text(words: str, longest: int) -> str:
    """Text for a figure: short, and nothing in it read as a tag."""
    return cut(words, longest).replace("&", "&amp;").replace("<", "&lt;")


def labelled(frame: pd.DataFrame) -> pd.DataFrame:
    """What stands beside each branch (label), over inner ones (short) and under the pointer (hover)."""
    label, short, hover = [], [], []
    for row in frame.itertuples():
        words, long = text(row.words, 44), text(row.words, 90)
        code = f"<b>{row.code}</b>  " if row.code >= 0 else ""
        label.append(f"{code}{words or 'no item'}  {share(row.total_logp)}")
        short.append(str(row.code))
        hover.append(f"{'-'.join(map(str, row.prefix)) or 'the history'}<br>{long}<br>step log P {row.step_logp:z.3f}, total "
                     f"{row.total_logp:z.3f}<br>{counted(row.n_items_below, 'item')} below, {row.fate}")
    return frame.assign(label=label, short=short, hover=hover)


def tree(frame: pd.DataFrame, alt: str, n_levels: int) -> go.Figure:
    """The tree of a search. An edge is as wide as its code is probable; a branch's mark says what became of it.

    Args:
        frame: from ``reports.beam_tree``, with words (what a branch stands for), and where wanted target and exact (bool).
        n_levels: levels of an ID; the axis has room for all of them from the first step on.
    """
    frame, figure = labelled(frame), go.Figure()
    _edges(figure, frame, looks())
    for fate, look in shown(frame).items():
        part = frame[frame[fate]] if fate in OVERLAYS else frame[(frame["fate"] == fate) & (frame["level"] > 0)]
        if fate not in OVERLAYS:
            _nodes(figure, part, look)
        else:
            figure.add_scatter(x=part["x"], y=part["y"], mode="markers", name=look.name, hoverinfo="skip",
                               marker={"symbol": look.symbol, "size": 17, "color": look.colour,
                                       "line": {"width": 2.2, "color": look.colour}})
    root = frame[frame["level"] == 0]
    figure.add_scatter(x=root["x"], y=root["y"], mode="markers", hovertext=root["hover"], hoverinfo="text",
                       showlegend=False, marker={"symbol": "square", "size": 12, "color": QUIET})
    lines = int(frame["y"].max()) + 1
    style(figure, alt, 12 + LINE_PX * (max(lines, 2) + 1))
    figure.update_layout(margin={"l": 4, "r": 4, "t": 4, "b": 4}, clickmode="event+select", dragmode=False,
                         showlegend=False, uirevision=None)
    for level in range(n_levels + 1):
        header = f"level {level}" if level else "history"
        figure.add_annotation(x=level, y=-1.25, text=header, showarrow=False, font={"size": 12, "color": QUIET},
                              xanchor="center" if level else "left", xshift=0 if level else -6)
    figure.update_xaxes(visible=False, range=[-0.12, n_levels * (1 + LABEL_ROOM)], fixedrange=True)
    figure.update_yaxes(visible=False, range=[max(lines, 2) - 0.4, -1.7], fixedrange=True)
    return figure


def _edges(figure: go.Figure, frame: pd.DataFrame, looks: dict[str, Mark]) -> None:
    """Curves from parent to child, one trace for all of a fate and a width."""
    place = dict(zip(frame["prefix"], zip(frame["x"], frame["y"], strict=True), strict=True))
    below = frame[frame["level"] > 0]
    width_N = [edge_width(logp) for logp in below["step_logp"]]
    for (fate, width), part in below.groupby([below["fate"], pd.Series(width_N, below.index)], sort=False):
        start_N2 = np.array([place[parent] for parent in part["parent"]])
        step_N2 = part[["x", "y"]].to_numpy() - start_N2
        x, y = (np.pad(start_N2[:, [axis]] + step_N2[:, [axis]] * way, ((0, 0), (0, 1)), constant_values=np.nan).ravel()
                for axis, way in ((0, BENDS), (1, RISE)))
        look = looks[str(fate)]
        figure.add_scatter(x=x, y=y, mode="lines", hoverinfo="skip", showlegend=False, opacity=0.68,
                           line={"width": width, "color": look.colour, "dash": look.dash})


def _nodes(figure: go.Figure, part: pd.DataFrame, look: Mark) -> None:
    overlaid = part[[name for name in OVERLAYS if name in part]].any(axis=1)
    inner = part["short"] + np.where(overlaid, "<br> ", "")  # a line higher, above the star
    gap = np.where(overlaid, "\u2003\u2002", "\u2002")  # beside the star
    text = (pd.Series(gap, part.index) + part["label"]).where(part["drawn_last"], inner)
    side = np.where(part["drawn_last"], "middle right", "top center")
    size = 7 + 9 * np.sqrt(np.exp(part["total_logp"].to_numpy(np.float64)))
    figure.add_scatter(x=part["x"], y=part["y"], mode="markers+text", name=look.name, text=text, textposition=side,
                       textfont={"size": 12}, hovertext=part["hover"], hoverinfo="text",
                       customdata=["-".join(map(str, prefix)) for prefix in part["prefix"]],
                       marker={"symbol": look.symbol, "size": size, "color": look.colour,
                               "line": {"width": 2, "color": look.colour}},
                       unselected={"marker": {"opacity": 1}, "textfont": {}}, cliponaxis=False)


def influence(frame: pd.DataFrame, value: str, alt: str, title: str, percent: bool = False) -> go.Figure:
    """What each history item did for each code: items down, codes across, one number a cell.

    Args:
        frame: position, label (the item), code (the code's name) and ``value``; one row a cell.
        percent: shares from 0 to 1, on a scale of one hue; else differences around 0.
    """
    wide = frame.pivot(index="position", columns="column", values=value).sort_index()
    names = frame.drop_duplicates("position").set_index("position")["label"].map(lambda label: text(label, 28)).loc[wide.index]
    heads = frame.drop_duplicates("column").set_index("column")["code"].loc[wide.columns]
    limit = float(np.nanmax(np.abs(wide.to_numpy()))) or 1.0
    low = 0.0 if percent else -limit
    form = ".0%" if percent else "+.2f"
    figure = go.Figure(go.Heatmap(
        z=wide.to_numpy(), y=list(range(len(wide))), x=list(range(len(heads))), zmin=low, zmax=limit, xgap=2, ygap=2,
        colorscale="Blues" if percent else DIVERGING, texttemplate=f"%{{z:{form}}}", showscale=False,
        customdata=np.repeat(names.to_numpy(object)[:, None], len(heads), 1),
        hovertemplate=f"%{{customdata}}: %{{z:{form}}} {title}<extra></extra>"))
    style(figure, alt, 70 + 27 * len(wide))
    figure.update_yaxes(autorange="reversed", showgrid=False, tickvals=list(range(len(wide))), ticktext=names.tolist())
    ticks = heads.str.replace("level ", "L").str.replace(": ", "<br>").str.replace("whole ID", "all")
    figure.update_xaxes(side="top", showgrid=False, tickvals=list(range(len(heads))), ticktext=ticks.tolist(), tickangle=0)
    return figure
