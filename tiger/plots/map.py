"""The map of the items as a figure to keep: one mark an item, in a plane or in space, or as a density where they are many."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from tiger.plots import colours
from tiger.plots.style import SEQUENTIAL, style

SHAPES_2D = (*colours.SHAPES, colours.NO_SHAPE)
SHAPES_3D = ("circle", "square", "diamond", "circle-open", "cross", "x", "square-open", "diamond-open")
HEIGHT = 620
RING = "#E3175B"


def _scale() -> list[tuple[float, str]]:
    """The palette as a stepped colour scale: place n of N covers n - 1/2 .. n + 1/2."""
    names = colours.palette()
    edges = np.linspace(0, 1, len(names) + 1)
    return [(float(edge), name) for name, low, high in zip(names, edges, edges[1:], strict=False)
            for edge in (low, high)]


SCALE = _scale()


def points(frame: pd.DataFrame, alt: str, groups: pd.DataFrame | None = None) -> go.Figure:
    """Every item as a mark.

    Args:
        frame: item, x, y (and z: then in space), colour (place in ``colours.palette()``), shape (place in
            ``SHAPES_2D``), label (for the pointer; may be empty).
        groups: colour, shape and name of what a legend below the map explains; nothing or none for no legend.
    """
    figure, solid = go.Figure(), "z" in frame
    _add_marks(figure, frame, _size(len(frame)))
    n_groups = 0 if groups is None else len(groups)
    for group in groups.itertuples() if groups is not None else ():
        kind, shapes = (go.Scatter3d, SHAPES_3D) if solid else (go.Scattergl, SHAPES_2D)
        figure.add_trace(kind(x=[None], y=[None], **({"z": [None]} if solid else {}), mode="markers", name=group.name,
                              showlegend=True, hoverinfo="skip",
                              marker={"color": colours.palette()[group.colour], "symbol": shapes[group.shape], "size": 9}))
    style(figure, alt, HEIGHT)
    bare = {"visible": False, "showgrid": False}
    figure.update_layout(showlegend=n_groups > 0, dragmode="turntable" if solid else "pan",
                         margin={"l": 0, "r": 0, "t": 0, "b": 0}, scene={"xaxis": bare, "yaxis": bare, "zaxis": bare})
    if n_groups:  # a click on an entry would hide a group of nothing
        figure.update_layout(height=HEIGHT + 60, legend={"yanchor": "top", "y": 0, "itemclick": False, "itemdoubleclick": False})
    figure.update_xaxes(**bare)
    figure.update_yaxes(**bare)
    return figure


def _add_marks(figure: go.Figure, frame: pd.DataFrame, size: float) -> None:
    solid = "z" in frame
    for shape, part in frame.groupby("shape", sort=True):
        figure.add_trace(_trace(part, solid, {
            "color": part["colour"].to_numpy(np.uint8), "colorscale": SCALE, "cmin": -0.5,
            "cmax": len(colours.palette()) - 0.5, "size": 3.5 if solid else size,
            "symbol": (SHAPES_3D if solid else SHAPES_2D)[int(str(shape))], "line": {"width": 0}, "opacity": 0.85}))


def ringed(figure: go.Figure, chosen: pd.DataFrame, group: pd.DataFrame) -> go.Figure:
    """``points`` with rings around the chosen item (large) and the items of the lasso (small): rows of its frame."""
    for rings, size, width in ((group, 12, 2), (chosen, 24, 4)):
        if len(rings):
            figure.add_trace(_trace(rings, "z" in rings, {"symbol": "circle-open", "size": size, "opacity": 1,
                                                          "color": RING, "line": {"width": width, "color": RING}}))
    return figure


def _trace(part: pd.DataFrame, solid: bool, marker: dict) -> go.Scattergl | go.Scatter3d:
    label = {"text": part["label"].to_numpy(object), "hovertemplate": "%{text}<extra></extra>"}
    if not part["label"].astype(bool).any():
        label = {"hovertemplate": "item %{customdata}<extra></extra>"}
    place = {axis: part[axis].to_numpy(np.float32) for axis in ("xyz" if solid else "xy")}
    kind = go.Scatter3d if solid else go.Scattergl
    return kind(mode="markers", showlegend=False, marker=marker, customdata=part["item"].to_numpy(), **place, **label)


def _size(n: int) -> float:
    """Marks shrink as they become many."""
    return 8 if n < 3000 else 6 if n < 20_000 else 4


def density(count_yx: np.ndarray, x_B: np.ndarray, y_B: np.ndarray, alt: str) -> go.Figure:
    """How many items lie where, from ``projection.density``; the scale is logarithmic."""
    shown = np.where(count_yx > 0, np.log10(np.maximum(count_yx, 1)), np.nan)
    figure = go.Figure(go.Heatmap(z=shown, x=x_B, y=y_B, colorscale=SEQUENTIAL, customdata=count_yx,
                                  colorbar={"title": "items", "tickvals": [0, 1, 2, 3, 4],
                                            "ticktext": ["1", "10", "100", "1,000", "10,000"], "thickness": 12},
                                  hovertemplate="items: %{customdata:,}<extra></extra>"))
    style(figure, alt, HEIGHT)
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return figure
