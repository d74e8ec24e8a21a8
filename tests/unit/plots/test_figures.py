"""Figures: what they draw is what the frame holds, and each says its takeaway to those who cannot see it."""

import numpy as np
import pytest

from tiger import plots, reports
from tiger.reports.usage import UsageHistory
from tiger.reports.walk import batch_levels

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 20, (300, 2))
USAGE = reports.usage_frame(CODES, 24)
LEVEL = reports.usage_frame(CODES, 24, 1)
EVENTS = [{"step": step, "loss": 5 / step, "recon_loss": 4 / step, "perplexity": [step, step / 2]}
          for step in range(10, 60, 10)] + [{"step": 25, "live_param": "beta", "value": 0.5}]
LOSS = reports.training_frame(EVENTS, ["loss", "recon_loss"])
PERPLEXITY = reports.training_frame(EVENTS, ["perplexity"])
KNOBS = reports.live_param_frame(EVENTS)
SNAPSHOTS = [(step, np.minimum(CODES, step)) for step in (1, 5, 19)]
TRACE = {"codes": np.array([[3, 1]]), "residual": RNG.normal(size=(1, 3, 4)), "error": np.array([[9.0, 4.0, 1.0]])}

FIGURES = {
    "batch_levels": lambda: plots.batch_levels(batch_levels(TRACE), "Shrinks."),
    "loss_lines": lambda: plots.loss_lines(LOSS, "Falls.", KNOBS),
    "loss_lines_log": lambda: plots.loss_lines(LOSS, "Falls.", log=True),
    "level_lines": lambda: plots.level_lines(PERPLEXITY, "Rises.", KNOBS, limit=24),
    "code_history": lambda: plots.code_history(UsageHistory.of(SNAPSHOTS, 24).code(0, 1), "Shrinks."),
    "usage_heat": lambda: plots.usage_heat(USAGE, "Even."),
    "usage_bars": lambda: plots.usage_bars(LEVEL, "Even."),
    "residual_strip": lambda: plots.residual_strip({"z": TRACE["residual"][0, 0], "left": TRACE["residual"][0, 1]}, "Fades."),
}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_alt_text_the_common_look_and_valid_json(name):
    figure = FIGURES[name]()
    assert figure.layout.meta["alt"].endswith(".")
    assert figure.layout.paper_bgcolor == figure.layout.plot_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.uirevision and figure.layout.height <= 420
    assert len(figure.to_json()) < 200_000
    assert figure.layout.font.color is None  # the page's theme decides, light or dark


@pytest.mark.parametrize("empty", [
    lambda: plots.loss_lines(reports.training_frame([]), "Nothing yet."),
    lambda: plots.level_lines(reports.training_frame([]), "Nothing yet."),
    lambda: plots.usage_bars(LEVEL.head(0), "Nothing yet."),
    lambda: plots.usage_heat(USAGE.head(0), "Nothing yet."),
])
def test_empty_frames_draw_empty_figures(empty):
    assert empty().layout.meta["alt"] == "Nothing yet."


def test_lines_hold_the_frames_numbers_and_the_knobs():
    figure = FIGURES["loss_lines"]()
    assert [trace.name for trace in figure.data] == ["loss", "reconstruction"]
    assert figure.data[0].type == "scattergl" and list(figure.data[0].y) == [5 / step for step in range(10, 60, 10)]
    assert [(shape.x0, shape.line.dash) for shape in figure.layout.shapes] == [(25, "dash")]
    assert [note.text for note in figure.layout.annotations] == ["beta 0.5"]
    assert FIGURES["loss_lines_log"]().layout.yaxis.type == "log"


def test_levels_differ_by_colour_and_by_dash():
    lines = [trace.line for trace in FIGURES["level_lines"]().data]
    assert len({line.color for line in lines}) == len({line.dash for line in lines}) == 2


def test_the_squares_hold_every_code_of_every_level():
    figure = FIGURES["usage_heat"]()
    counts = [np.bincount(CODES[:, level], minlength=24) for level in range(2)]
    squares = [trace for trace in figure.data if trace.type == "heatmap"]
    for square, count in zip(squares, counts, strict=True):
        flat = np.asarray(square.z, float).ravel()
        assert np.nan_to_num(flat[:24]).tolist() == count.tolist() and np.isnan(flat[24:]).all()
        assert np.isnan(flat[:24]).tolist() == (count == 0).tolist()  # dead codes are hollow
    clickable = [trace for trace in figure.data if trace.type == "scatter"]
    level, code, items, _ = clickable[1].customdata[7]
    assert (level, code, items) == (2, 7, counts[1][7])


def test_bars_fall_and_end_at_the_dead_codes():
    figure = FIGURES["usage_bars"]()
    assert list(figure.data[0].y) == sorted(figure.data[0].y, reverse=True)
    assert figure.layout.shapes[0].y0 == pytest.approx(1 / 24)


def test_colours_are_far_enough_from_white_and_from_the_dark_page():
    def luminance(colour: str) -> float:
        parts = np.array([int(colour[at:at + 2], 16) for at in (1, 3, 5)]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    for colour in plots.COLOURS[:4]:  # the levels of a usual ID; WCAG 2.1 asks 3:1 of graphics
        assert 1.05 / (luminance(colour) + 0.05) >= 2.9, colour
        assert (luminance(colour) + 0.05) / (luminance("#16171a") + 0.05) >= 3, colour
