"""Charts of one level's codes that can be clicked: Vega-Lite dicts that stay the same while their data change.

Marks say nothing to a screen reader one by one; the chart's alt text speaks for them all.
Scrubbing through the steps then only recolours the cells; see ``live_charts`` for why this is not Plotly.
"""

import math

import pandas as pd

from tiger.ui.shared.live_charts import VegaSpec

PICK = {"name": "pick", "select": {"type": "point", "fields": ["code"], "clear": "dblclick"}}
PADDING = {"left": 2, "right": 8, "top": 2, "bottom": 2}
TOOLTIP = [{"field": "code"}, {"field": "items", "format": ","}, {"field": "share", "format": ".2%"}]


def cells(frame: pd.DataFrame, chosen: int | None) -> pd.DataFrame:
    """Put each code of a level into a square: adds row, column and whether it is the chosen one.

    Args:
        frame: ``reports.usage_frame`` of one level.
    """
    side = math.ceil(math.sqrt(len(frame)))
    keep = frame[["code", "items", "share", "rank"]].reset_index(drop=True)
    return keep.assign(row=keep["code"] // side, column=keep["code"] % side, chosen=keep["code"] == chosen)


def heat_map(top: int, height: int = 330) -> VegaSpec:
    """Every code of a level as a cell, stronger the more items carry it; a dead code is a hollow cell.

    Args:
        top: items at which the colour is full; the same for all steps, so that colours can be compared.
    """
    place = {"type": "ordinal", "axis": None, "scale": {"paddingInner": 0.12, "paddingOuter": 0.02}}
    return {
        "height": height, "padding": PADDING, "params": [PICK],
        "mark": {"type": "rect", "aria": False, "cornerRadius": 2, "cursor": "pointer"},
        "encoding": {
            "x": {"field": "column", **place}, "y": {"field": "row", **place},
            "color": {"field": "items", "type": "quantitative", "title": "items",
                      "scale": {"domain": [0, max(top, 1)], "type": "sqrt", "clamp": True},
                      "legend": {"orient": "bottom", "direction": "horizontal", "gradientLength": 180, "offset": 4,
                                 "titleOrient": "left", "tickCount": 4}},
            "fillOpacity": {"condition": {"test": "datum.items == 0", "value": 0}, "value": 1},
            "stroke": {"condition": [{"test": "datum.chosen", "value": "#1f6fa8"},
                                     {"test": "datum.items == 0", "value": "#8a858066"}], "value": None},
            "strokeWidth": {"condition": {"test": "datum.chosen", "value": 3.5}, "value": 1},
            "tooltip": TOOLTIP,
        },
    }


def sorted_bars(even: float, n_codes: int, height: int = 200) -> VegaSpec:
    """Items per code, most used first; the dashed line is where all bars would end if codes were used evenly."""
    quarters = sorted({1, *(max(n_codes * part // 4, 1) for part in (1, 2, 3, 4))})
    rank = {"field": "rank", "type": "quantitative", "title": "Codes, most used first",
            "axis": {"grid": False, "tickCount": 6}, "scale": {"zero": False, "nice": False}}
    items = {"field": "items", "type": "quantitative", "title": "items", "axis": {"tickCount": 4}}
    return {
        "height": height, "padding": PADDING,
        "params": [PICK | {"views": ["bars"]}],
        "layer": [
            {"name": "bars", "mark": {"type": "bar", "aria": False, "cursor": "pointer", "width": {"band": 0.9}},
             "encoding": {"x": {**rank, "type": "ordinal", "axis": {"values": quarters, "labelAngle": 0}},
                          "y": items, "tooltip": TOOLTIP,
                          "color": {"condition": {"test": "datum.chosen", "value": "#1f6fa8"}, "value": "#cf7a24"}}},
            {"mark": {"type": "rule", "aria": False, "strokeDash": [5, 4], "color": "#8a8580"},
             "encoding": {"y": {"datum": even}}},
        ],
    }
