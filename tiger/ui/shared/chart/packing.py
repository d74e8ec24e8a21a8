"""A Plotly figure of lines, marks and bars as the browser takes it; None for one that ``chart.js`` cannot draw."""

import json
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any

import numpy as np
import plotly.graph_objects as go

from tiger.plots.style import COLOURS

Part = dict[str, Any]
FEW = 20  # Plotly marks each point of a line that has fewer and says nothing of it
FILLS = ("none", "tozeroy", "toself")


def packed(figure: go.Figure) -> Part | None:
    """What is drawn: axes, traces, rules (lines across the plot) and notes; ``id`` names all of it."""
    layout = figure.layout
    if not figure.data or not all(_known(trace) for trace in figure.data):
        return None
    if layout.xaxis.visible is False or layout.yaxis.visible is False or any(shape.type != "line" for shape in layout.shapes):
        return None
    found = {"alt": layout.meta["alt"], "height": layout.height or 300, "below": (layout.legend.y or 0) < 0,
             "stacked": layout.barmode == "stack", "gap": layout.bargap or 0.0,
             "x": _axis(layout.xaxis, [trace.x for trace in figure.data]),
             "y": _axis(layout.yaxis, [trace.y for trace in figure.data]),
             "traces": [_trace(trace, place) for place, trace in enumerate(figure.data)],
             "rules": [_rule(shape) for shape in layout.shapes], "notes": [_note(one) for one in layout.annotations]}
    found["id"] = blake2b(json.dumps(found).encode(), digest_size=9).hexdigest()
    return found


def _known(trace: Any) -> bool:
    if trace.type not in ("scatter", "scattergl", "bar") or trace.xaxis not in (None, "x") or trace.yaxis not in (None, "y"):
        return False
    return isinstance(trace.marker.color, str | None) and (trace.type == "bar" or (trace.fill or "none") in FILLS)


def _axis(axis: Any, values: list[Any]) -> Part:
    words = list(dict.fromkeys(value for column in values for value in _plain(column) if isinstance(value, str)))
    kind = axis.type if axis.type not in (None, "-") else "category" if words else "linear"
    named = list(axis.categoryarray) if axis.categoryarray is not None else words
    return {"title": axis.title.text or "", "type": kind, "range": _plain(axis.range), "form": axis.tickformat or "",
            "zero": axis.rangemode == "tozero", "step": axis.dtick if isinstance(axis.dtick, int | float) else None,
            "values": _plain(axis.tickvals), "texts": _plain(axis.ticktext), "power": axis.exponentformat == "power",
            "names": named if kind == "category" else [], "reversed": axis.autorange == "reversed"}


def _trace(trace: Any, place: int) -> Part:
    usual = COLOURS[place % len(COLOURS)]
    wrong, upright = (trace.error_x, False) if trace.error_x.array is not None else (trace.error_y, True)
    look = _bars(trace, place, usual) if trace.type == "bar" else _points(trace, usual)
    return {"name": trace.name or "", "listed": trace.showlegend is not False and bool(trace.name),
            "group": trace.legendgroup or "", "x": _plain(trace.x), "y": _plain(trace.y), "template": trace.texttemplate or "",
            "where": _one_or_many(trace.textposition) or "", "more": _rows(trace.customdata),
            "said": "" if trace.hoverinfo == "skip" else trace.hovertemplate or "%{x}, %{y}<extra>%{fullData.name}</extra>",
            "errors": _errors(wrong, upright, trace.marker.color or look["colour"])} | look


def _bars(trace: Any, place: int, usual: str) -> Part:
    colour, line = trace.marker.color or usual, trace.marker.line
    return {"bars": True, "across": trace.orientation == "h", "lines": False, "marks": False, "fill": "none", "colour": colour,
            "paint": colour, "outline": line.color, "width": line.width, "slot": trace.offsetgroup or f"{place}",
            "text": _plain(trace.text) or [None] * len(trace.x) * bool(trace.texttemplate)}


def _points(trace: Any, usual: str) -> Part:
    mode, marker = trace.mode or ("lines+markers" if np.size(trace.x) < FEW else "lines"), trace.marker
    colour = trace.line.color or marker.color or usual
    return {"bars": False, "across": False, "lines": "lines" in mode, "marks": "markers" in mode, "colour": colour,
            "paint": marker.color or colour, "dash": trace.line.dash, "width": trace.line.width, "fill": trace.fill or "none",
            "fillcolour": trace.fillcolor or "", "symbol": _one_or_many(marker.symbol) or "circle",
            "size": _one_or_many(marker.size) or 6, "text": _plain(trace.text) if "text" in mode else []}


def _errors(errors: Any, upright: bool, colour: str) -> Part | None:
    if errors.array is None or errors.visible is False:
        return None
    return {"upright": upright, "up": _plain(errors.array), "colour": errors.color or colour, "width": errors.thickness or 2,
            "down": _plain(errors.arrayminus if errors.arrayminus is not None else errors.array)}


def _rule(shape: Any) -> Part:
    upright = shape.x0 == shape.x1
    return {"upright": upright, "at": shape.x0 if upright else shape.y0, "colour": shape.line.color, "dash": shape.line.dash,
            "width": shape.line.width or 1}


def _note(note: Any) -> Part:
    return {"text": note.text or "", "x": note.x, "y": note.y, "across": "domain" in (note.xref or "") or note.xref == "paper",
            "along": "domain" in (note.yref or "") or note.yref == "paper", "turned": note.textangle == -90,
            "right": note.xanchor == "right", "top": note.yanchor == "top"}


def _one_or_many(value: Any) -> Any:
    return value if isinstance(value, str | int | float | None) else _plain(value)


def _rows(values: Any) -> list[Any]:
    """Rows of custom data, or one value a point."""
    if values is None or np.ndim(values) < 2:
        return _plain(values)
    return [_plain(row) for row in np.asarray(values, object)]


def _plain(values: Iterable[Any] | None) -> list[Any]:
    """Values as JSON has them; what is missing or no number is None."""
    if values is None:
        return []
    array = np.asarray(values)
    if array.dtype.kind in "iub":
        return array.tolist()
    return [None if value is None or value != value or (isinstance(value, float) and not np.isfinite(value)) else
            value.item() if isinstance(value, np.generic) else value for value in array.astype(object).tolist()]
