"""The live curves as Vega-Lite: a plain dict each, which never changes while its data grow.

Why not Plotly here: Streamlit 1.67 gives a Plotly chart a new identity whenever its figure changes, so the
browser tears it down and builds it anew at every tick, and a zoom is lost. A Vega-Lite chart whose
specification stays the same only takes the new rows. The interval parameter "zoom" is announced to Streamlit
as a selection, because it resets every other zoom when data arrive.
"""

from typing import Any

VegaSpec = dict[str, Any]
"""A Vega-Lite specification, or a part of one."""

PLAIN = "datum.value < 1000 ? format(datum.value, '.3~g') : format(datum.value, '~s')"  # "~s" makes 0.25 "250m"
STEP_WORDS = "(datum.index == 0 ? 'step ' : '') + format(datum.value, ',')"
NO_LABEL, LABEL = "datum.label == null", "datum.label != null"
DECADES = {"gridOpacity": {"condition": {"test": "abs(log(datum.value) / LN10 - round(log(datum.value) / LN10)) < 1e-6",
                                         "value": 1}, "value": 0}}
ZOOM = {"name": "zoom", "select": {"type": "interval", "encodings": ["x"], "zoom": "wheel![event.shiftKey]"},
        "bind": "scales", "views": ["lines"]}


HEIGHT = 250  # pixels


def curves(*, height: int = HEIGHT, log: bool = False, top: float | None = None,
           last: int | None = None) -> VegaSpec:
    """Lines over steps, one a series, with a dashed rule at each change of a live parameter.

    Args:
        height: pixels.
        log: logarithmic values.
        top: fixed upper end of the axis; the lower end is then 0.
        last: fixed last step of the axis, for charts that are compared.
    """
    scale: VegaSpec = {"type": "log", "nice": False} if log else {"zero": top is not None}
    if top is not None:
        scale |= {"domain": [0, top], "nice": False}
    steps = {"nice": False} | ({"domain": [0, last]} if last else {})
    step = {"field": "step", "type": "quantitative", "title": None, "scale": steps,
            "axis": {"tickCount": 5, "grid": False, "labelFlush": True, "labelExpr": STEP_WORDS}}
    value = {"field": "value", "type": "quantitative", "title": None, "scale": scale,
             "axis": {"tickCount": 5} | ({"format": ".2~g"} | DECADES if log else {"labelExpr": PLAIN})}
    color = {"field": "series", "type": "nominal", "sort": None,
             "legend": {"orient": "top", "title": None, "offset": 2, "symbolType": "stroke", "symbolStrokeWidth": 3,
                        "columns": {"expr": "max(2, floor(width / 64))"}}}  # a narrow chart would cut its last entries
    tooltip = [{"field": "step"}, {"field": "series"}, {"field": "value", "format": ".4~g"}]
    return {
        "height": height, "padding": {"left": 2, "right": 10, "top": 2, "bottom": 2},
        "usermeta": {"embedOptions": {"renderer": "canvas"}}, "params": [ZOOM],
        "layer": [
            {"name": "lines", "transform": [{"filter": NO_LABEL}], "mark": {"type": "line", "clip": True},
             "encoding": {"x": step, "y": value, "color": color}},
            {"transform": [{"filter": NO_LABEL}], "mark": {"type": "point", "opacity": 0, "size": 90, "clip": True},
             "encoding": {"x": step, "y": value, "color": color, "tooltip": tooltip}},
            {"transform": [{"filter": LABEL}], "mark": {"type": "rule", "strokeDash": [4, 3], "clip": True,
                                                        "color": "#8a8580"},
             "encoding": {"x": step, "tooltip": [{"field": "label", "title": "changed"}, {"field": "step"}]}},
            _labels(step, "!datum.late", "left", 4), _labels(step, "datum.late", "right", -4),
        ],
    }


def _labels(step: VegaSpec, where: str, align: str, dx: int) -> VegaSpec:
    """The names and values of turned knobs, beside their rules."""
    return {"transform": [{"filter": f"{LABEL} && {where}"}],
            "encoding": {"x": step, "text": {"field": "label"}},
            "mark": {"type": "text", "lineBreak": "\n", "align": align, "baseline": "top", "dx": dx, "y": 2,
                     "fontSize": 11, "clip": True, "color": "#8a8580"}}
