"""Every figure on every page: its alt text says what is to be seen, and its table, CSV, HTML and PNG stand with it."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from tests.support.pages import open_page
from tiger import runs
from tiger.analysis import costs
from tiger.core import paths
from tiger.reports import core_lessons, lessons
from tiger.ui.recommender import costs as cost_view
from tiger.ui.shared import address, exports, live, pagelist
from tiger.ui.shared.live_feed import Feed

VIEWS = [
    ("catalogue", {"show": "Shape"}), ("train", {}), ("codebooks", {}), ("codebooks", {"step": "1"}),
    ("codebooks", {"view": "One item's walk"}), ("tree", {}), ("tree", {"view": "Numbers"}),
    ("recommender", {}), *(("recommender", {"view": view}) for view in ("Compare", "Beam width", "Cost")),
    ("beam", {"at": "2"}), ("beam", {"look": "Why"}),
    ("beam", {"look": "Before and after", "at": "2", "width": "4", "was": "~~~"}),
    ("doctor", {}), *(("drift", {"view": view}) for view in address.DRIFT_VIEW.options[:3]),
    ("drift", {"view": address.DRIFT_VIEW.options[3], "study": "demo-schedule"}), ("cold", {}),
    ("diversity", {"view": address.DIVERSITY_VIEW.options[0]}),
    *(("lessons", {"lesson": lesson.key}) for lesson in lessons.LESSONS),
    *(("lessons", {"lesson": lesson.key, "told": "0-r"}) for lesson in core_lessons.LESSONS)]
CHARTS = ("plotly_chart", "vega_lite_chart")
DRAWN = ("tiger.beam", "tiger.chart", "tiger.levels", "tiger.trees")  # the browser draws them
NUMBER = re.compile(r"(?<![\w@.])\d")  # one that is no part of a name, as the 10 of Recall@10 is


@pytest.fixture(autouse=True)
def quick(tiger_home, monkeypatch):
    """Nothing is measured for seconds."""
    monkeypatch.chdir(paths.PROJECT)
    frame = costs.cost_frame(costs.Shape())[["kind", "items", "ms"]].head(2).assign(ms=[1.0, 2.0])
    monkeypatch.setattr(cost_view, "measured", lambda shape: frame)


def shown(key: str, address: dict[str, str]) -> list:
    """Everything on one view, in reading order; a lesson's prediction is made, so that it reveals its figure."""
    app = open_page(pagelist.BY_KEY[key], **address)
    if key == "lessons" and "told" not in address:
        radio = next(radio for radio in app.radio if str(radio.key).startswith("predict:"))
        radio.set_value(radio.options[0]).run()
    assert not app.error and not app.exception
    return list(app.main)


def said(app) -> str:
    return " ".join(block.value for block in app.markdown)


def titles(chart) -> set[str]:
    """What a chart and its axes are called."""
    spec = json.loads(chart.proto.spec)
    layout = spec.get("layout", spec)
    axes = [part for name, part in layout.items() if name.startswith(("xaxis", "yaxis"))]
    found = [part.get("title") for part in (layout, *axes)]
    return {title.get("text", "") if isinstance(title, dict) else title for title in found if title}


def alts(chart) -> list[str]:
    """What is said of a figure; of two trees that one component draws, of each at each level."""
    if chart.type in CHARTS:
        return [chart.proto.alt]
    drawn = json.loads(chart.proto.json)
    if "chart" in drawn:
        return [drawn["chart"]["alt"]]
    if "levels" in drawn:
        return [drawn["levels"][drawn["at"]]["alt"]]
    return [drawn[side]["tree"]["pictures"][drawn["level"] - 1]["alt"] for side in ("own", "other")]


def figures(blocks: list) -> list[tuple]:
    """Every figure with what stands between it and the next one."""
    at = [place for place, block in enumerate(blocks)
          if block.type in CHARTS or getattr(block.proto, "component_name", "") in DRAWN]
    return [(blocks[here], blocks[here + 1:there]) for here, there in zip(at, [*at, len(blocks)][1:], strict=True)]


@pytest.mark.thorough
@pytest.mark.parametrize(("key", "address"), VIEWS,
                         ids=lambda value: value if isinstance(value, str) else "-".join(value.values()))
@pytest.mark.usefixtures("unfolded")
def test_every_figure_says_its_takeaway_and_has_its_numbers_with_it(key, address):
    found = figures(shown(key, address))
    assert found, "this view draws something"
    for chart, below in found:
        takeaways = alts(chart)
        for said in takeaways:
            assert NUMBER.search(said) and len(said.split()) > 4, f"{said!r} is no takeaway"
            assert chart.type not in CHARTS or said.strip(" .") not in titles(chart), f"{said!r} is only the title"
        files = {block.proto.label for block in below if block.type == "download_button"}
        assert sum(block.type == "dataframe" for block in below) >= len(takeaways), f"no table under {said!r}"
        assert "Figure as HTML" in files and any("CSV" in label for label in files), f"{files} under {said!r}"
        if chart.type == "plotly_chart":
            assert "toImage" in str(json.loads(chart.proto.config)["modeBarButtons"]), f"no camera on {said!r}"


def test_a_live_charts_numbers_are_made_once_somebody_looks():
    app = open_page(pagelist.BY_KEY["train"])
    assert not app.dataframe
    app.session_state["under:live:demo-rqvae:Perplexity of each level"] = True
    app.run()
    events, _ = runs.find("demo-rqvae").events(0)
    want = {event["step"]: event["perplexity"] for event in events if event.get("perplexity")}
    table = app.dataframe[0].value.set_index("step")
    assert set(table.index) == set(want)
    np.testing.assert_allclose(table.to_numpy(), [want[step] for step in table.index], rtol=1e-5)
    labels = {button.proto.label for button in app.get("download_button")}
    assert {"Table as CSV", "Figure as HTML"} <= labels


def test_a_charts_alt_text_stays_the_same_while_it_trains_and_then_says_what_happened():
    feed = Feed(runs.find("demo-rqvae"))
    feed.points = {"loss": [(1, 8.0), (2, 2.0)]}
    assert "step 2, loss goes from 8 to 2" in live.takeaway(live.LOSS, feed, "finished")
    first = live.takeaway(live.LOSS, feed, "running")
    feed.points["loss"].append((3, 1.0))
    assert live.takeaway(live.LOSS, feed, "running") == first


def test_a_chart_drawn_with_vega_is_saved_as_a_page_with_the_same_numbers():
    feed = Feed(runs.find("demo-rqvae")).update(1)
    figure = live.lines(live.PERPLEXITY, feed, [256] * 3, "Perplexity rises.")
    assert [list(line.x) for line in figure.data] == [[step for step, _ in feed.points["perplexity"]]] * len(figure.data)
    assert [line.y[-1] for line in figure.data] == pytest.approx(feed.last("perplexity"))
    page = exports.html_bytes(figure, "perplexity").decode()
    assert "<title>Perplexity rises.</title>" in page and "<script src=" not in page


def test_what_rounds_to_nothing_has_no_sign():
    frame = pd.DataFrame({"logp": [-4e-4, -6e-4, 1e-4, np.nan, -0.0], "n": range(5), "title": list("abcde")})
    shown = exports.unsigned_zeros(frame)
    assert [f"{value:.3f}" for value in shown["logp"]] == ["0.000", "-0.001", "0.000", "nan", "0.000"]
    assert shown["logp"][2] == 1e-4 and frame["logp"][0] == -4e-4
    pd.testing.assert_frame_equal(shown[["n", "title"]], frame[["n", "title"]])


def test_a_branch_of_the_beam_is_chosen_without_a_mouse():
    app = open_page(pagelist.BY_KEY["beam"], at="2")
    app.session_state["beam_score"] = True
    app.run()
    box = app.selectbox(key="beam_branch")
    other = box.options[3]
    assert other != box.value and f"**Score of {other}**" not in said(app)
    box.set_value(other).run()
    assert f"**Score of {other}**" in said(app) and app.query_params["pick"] in (other, [other])
