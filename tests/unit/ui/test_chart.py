"""Charts as the browser draws them: what is sent is the figure, and places, labels and words are those worked by hand."""

import json
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from tests.support.javascript import evaluate
from tiger.core import paths
from tiger.plots import recommenders, studies
from tiger.plots.style import COLOURS, style
from tiger.ui.shared.chart import packed

SHARED = paths.PACKAGE / "ui" / "shared"
FILES = [SHARED / "chart" / name for name in ("scales.js", "places.js")]
LAID = """
const laid = laidOut(given.chart, given.chart.traces, given.view, 500, 300, text => 6 * `${text}`.length)
return { ...laid, x: null, y: null, traces: laid.traces.map(one => one.points),
  hit: given.at ? hit(laid, ...given.at)?.point.i ?? null : null }
"""


def laid(figure: go.Figure, **given: Any) -> dict[str, Any]:
    """Where everything lies in 500 x 300 pixels, with letters of six pixels."""
    return evaluate(FILES, LAID, {"chart": packed(figure), "view": None} | given)


def text(template: str, **values: Any) -> str:
    """A template filled in."""
    return evaluate(FILES[:1], "return said(given.template, given.values)", {"template": template, "values": values})


def drawn(*traces: Any, height: int = 300) -> go.Figure:
    return style(go.Figure(list(traces)), "Two of three are high.", height)


def test_what_is_sent_is_the_figure():
    frame = pd.DataFrame({"series": ["a", "a", "b"], "width": [1, 10, 10], "share": [0.1, np.nan, 0.5]})
    found = packed(recommenders.width_lines(frame, "Half of b.", "Share"))
    assert found is not None and found["alt"] == "Half of b." and found["x"]["type"] == "log"
    assert found["x"]["values"] == [1, 10] and found["y"]["form"] == ".0%" and found["y"]["zero"]
    first, second = found["traces"]
    assert (first["name"], first["x"], first["y"]) == ("a", [1, 10], [0.1, None]) and second["y"] == [0.5]
    assert first["lines"] and first["marks"] and first["colour"] == COLOURS[0] != second["colour"]
    assert json.loads(json.dumps(found)) == found, "it is JSON"
    assert found["id"] == packed(recommenders.width_lines(frame, "Half of b.", "Share"))["id"]
    assert found["id"] != packed(recommenders.width_lines(frame, "None of b.", "Share"))["id"]


@pytest.mark.parametrize("figure", [
    go.Figure(go.Heatmap(z=[[1, 2]])), go.Figure(go.Sankey()), go.Figure(),
    go.Figure(go.Scatter(x=[1], y=[1], marker={"color": [1.0]})), go.Figure(go.Bar(x=[1], y=[1], yaxis="y2")),
    go.Figure(go.Scatter(x=[1], y=[1])).update_xaxes(visible=False)])
def test_what_the_browser_cannot_draw_is_left_to_plotly(figure):
    assert packed(style(figure, "Nothing.")) is None


def test_a_line_lies_where_its_numbers_are_on_both_kinds_of_axes():
    line = go.Scatter(x=[0, 5, 10], y=[1, 10, 1000], mode="lines")
    found = laid(drawn(line).update_yaxes(type="log", dtick=1).update_xaxes(range=[0, 10]))
    first, middle, last = found["traces"][0]
    assert (first["x"], last["x"]) == (found["left"], found["right"])
    assert middle["x"] == pytest.approx((first["x"] + last["x"]) / 2)
    assert middle["y"] == pytest.approx(first["y"] + (last["y"] - first["y"]) / 3), "10 is a third of the way from 1 to 1,000"
    assert [words for _, words in found["up"]] == [["1"], ["10"], ["100"], ["1,000"]]
    assert {words[0] for _, words in found["across"]} >= {"0", "2", "10"}
    assert all(found["top"] <= place <= found["down"] for place, _ in found["up"])


def test_bars_of_one_place_stand_side_by_side_and_start_at_zero():
    figure = drawn(go.Bar(x=["a", "b"], y=[2, 4], name="one"), go.Bar(x=["a", "b"], y=[1, 3], name="two"))
    found = laid(figure)
    one, two = ([point["box"] for point in points] for points in found["traces"])
    assert one[0]["x"] + one[0]["w"] == pytest.approx(two[0]["x"]) and one[0]["w"] == pytest.approx(two[0]["w"])
    assert [one[1]["h"] / one[0]["h"], two[1]["h"] / one[0]["h"]] == pytest.approx([2, 1.5])
    assert {round(box["y"] + box["h"], 6) for box in [*one, *two]} == {found["down"]}
    assert [words for _, words in found["across"]] == [["a"], ["b"]]


def test_stacked_bars_stand_on_one_another():
    found = laid(drawn(go.Bar(y=["run"], x=[3], orientation="h"), go.Bar(y=["run"], x=[1], orientation="h")).update_layout(
        barmode="stack"))
    first, second = (points[0]["box"] for points in found["traces"])
    assert second["x"] == pytest.approx(first["x"] + first["w"]) and first["w"] == pytest.approx(3 * second["w"])
    assert first["y"] == second["y"]


def test_the_pointer_finds_the_nearest_mark_and_nothing_far_away():
    marks = drawn(go.Scatter(x=[0, 1, 2], y=[0, 1, 0], mode="markers", hovertemplate="%{y}"))
    place = laid(marks)["traces"][0][1]
    assert laid(marks, at=[place["x"] + 4, place["y"] - 3])["hit"] == 1
    assert laid(marks, at=[place["x"], place["y"] + 120])["hit"] is None
    skipped = drawn(go.Scatter(x=[0, 1, 2], y=[0, 1, 0], mode="markers", hoverinfo="skip"))
    assert laid(skipped, at=[place["x"], place["y"]])["hit"] is None


def test_a_part_that_was_zoomed_into_fills_the_plot():
    found = laid(drawn(go.Scatter(x=list(range(11)), y=list(range(11)), mode="lines")), view={"x": [4, 6], "y": None})
    inside = [point for point in found["traces"][0] if found["left"] <= point["x"] <= found["right"]]
    assert [point["i"] for point in inside] == [4, 5, 6]


def test_long_names_are_wrapped_and_leave_the_plot_its_room():
    name = "RQ-Transformer on IDs of an autoencoder with a very long name that nobody can shorten"
    found = laid(drawn(go.Scatter(x=[0.1], y=[name], mode="markers")))
    (_, lines), = found["up"]
    assert len(lines) > 1 and " ".join(lines) == name and found["left"] < 0.5 * 500


@pytest.mark.parametrize(("form", "value", "want"), [
    ("", 12345, "12,345"), ("", 0.1, "0.1"), ("", 1234567, "1,234,567"), (",", 2000, "2,000"), (".1%", 0.1234, "12.3%"),
    (".0%", 1, "100%"), ("+.2f", 3.14159, "+3.14"), ("+.2f", -0.001, "+0.00"), (".4g", 0.00012345678, "0.0001235"),
    (".2f", -2.5, "\N{MINUS SIGN}2.50"), ("", None, ""), ("", "words", "words")])
def test_numbers_are_written_as_the_template_asks(form, value, want):
    assert text("%{x" + (f":{form}" if form else "") + "}", x=value) == want


def test_a_template_is_filled_with_the_points_own_values():
    frame = pd.DataFrame({"k": [5], "recall": [0.25], "low": [0.2], "high": [0.3], "title": ["Beam"]})
    figure = studies.cold_lines(frame, "k", "K", "Alt.")
    trace = packed(figure)["traces"][0]
    assert text(trace["said"], x=trace["x"][0], y=trace["y"][0], customdata=trace["more"][0], name=trace["name"]) == (
        "Beam\n5: 25.0%, 95 % 20.0% to 30.0%")


@pytest.mark.parametrize(("n", "marked"), [(19, True), (20, False)])
def test_a_line_that_does_not_say_is_marked_where_plotly_would(n, marked):
    """Plotly's rule for ``mode``: markers with lines below 20 points."""
    part = packed(style(go.Figure(go.Scatter(x=list(range(n)), y=list(range(n)))), "words"))
    assert (part["traces"][0]["lines"], part["traces"][0]["marks"]) == (True, marked)


def test_an_axis_of_one_number_is_drawn():
    """As the sizes of a tree's single branch: a line whose points have one x, and no room beside it."""
    found = laid(drawn(go.Scatter(x=[7.0, 7.0], y=[3.0, 3.0], mode="lines")))
    assert all(np.isfinite([point["x"], point["y"]]).all() for point in found["traces"][0])


@pytest.mark.parametrize("form", ["", ".2%"])
def test_numbers_that_cannot_be_told_apart_have_one_label(form):
    body = "return scale(given.axis, [given.low, given.high], 0, 400, 46).ticks.length"
    axis = {"type": "linear", "values": [], "texts": [], "names": [], "step": None, "form": form}
    for low, high in ((5000.0, 5000.0), (5000.0, np.nextafter(5000.0, 6000.0)), (-3.0, -3.0)):
        assert evaluate(FILES[:1], body, {"axis": axis, "low": low, "high": high}) == 1
