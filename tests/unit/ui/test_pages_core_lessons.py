"""Core lessons: measured on the bundled shop, predicted once, revealed with a why, and kept."""

import json
import urllib.parse
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.pages import open_page
from tiger import metrics, runs
from tiger.reports import core_lessons, lesson_numbers, lessons
from tiger.reports.core_lessons import LESSONS, CoreLesson
from tiger.ui.playground import scenarios

EVERY = pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.key)


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def said(app: Any) -> str:
    return " ".join(block.value for block in [*app.markdown, *app.caption, *app.success, *app.warning])


def picture(app: Any) -> dict[str, Any]:
    """What the lesson hands the browser."""
    parts = [part.proto for part in app.main.get("bidi_component")]
    given = next(json.loads(part.json) for part in parts if part.component_name.endswith(("playground", "beam_lesson")))
    return given.get("lesson", given)


@pytest.mark.thorough
def test_the_bundled_numbers_are_what_is_measured():
    again = lesson_numbers.measure(sizes=(4, 16), n_seeds=1, trainings=(lesson_numbers.RESTARTS,), n_trained=1, n_users=60)
    frame = lesson_numbers.measured("codebooks")
    for row in again["codebooks"]:
        kept = frame.query("n_codes == @row['n_codes'] and seed == @row['seed']")["kept"].item()
        assert kept == pytest.approx(row["kept"], abs=2e-3)
    [trained] = again["trainings"]
    bundled = lesson_numbers.measured("trainings").query("training == @trained['training'] and seed == 0").iloc[0]
    assert bundled["kept"] == pytest.approx(trained["kept"], abs=0.02)
    assert bundled["perplexity"] == pytest.approx(trained["perplexity"], abs=1.5)
    assert lesson_numbers.measured("collisions").to_dict("records") == again["collisions"]
    ids, n_items = np.unique(codes_IL := runs.find("demo-small").codes(), axis=0, return_counts=True)
    assert again["collisions"][0]["sharing"] == n_items[n_items > 1].sum() and again["collisions"][0]["distinct"] == len(ids)
    kept = lesson_numbers.measured("purity")
    for row in again["purity"]:
        assert kept.query("codes == @row['codes'] and seed == @row['seed'] and level == @row['level']")["purity"].item() == \
            pytest.approx(row["purity"], abs=2e-3)
    for row in again["beams"]:  # fewer users here
        bundled = lesson_numbers.measured("beams").query("width == @row['width']")["found"].item()
        assert bundled == pytest.approx(row["found"], abs=0.15)
    assert lesson_numbers.measured("levels").to_dict("records") == again["levels"]
    distinct = [len({tuple(row[:level]) for row in codes_IL.tolist()}) for level in range(1, 6)]
    assert [row["distinct"] for row in again["levels"]] == distinct == list(metrics.prefix_numbers(codes_IL)[1])


@pytest.mark.thorough
@EVERY
def test_a_lesson_is_predicted_once_watched_revealed_and_answered(lesson: CoreLesson):
    frame = lesson_numbers.measured(lesson.measurement)
    right, words = lesson.answer(frame), lesson.reveal(frame)
    wrong = (right + 1) % len(lesson.options)
    app = open_page("lessons", lesson=lesson.key)
    assert app.subheader[0].value == lesson.title and app.button(key=f"lock:{lesson.key}").disabled
    assert not picture(app)["plays"] and words not in said(app) and lesson.why not in said(app)
    app.radio(key=f"predict:{lesson.key}").set_value(lesson.options[wrong]).run()
    app.button(key=f"lock:{lesson.key}").click().run()
    assert picture(app)["plays"] and not picture(app)["controls"]
    assert lesson.look_for in said(app) and words not in said(app)
    app.button(key=f"reveal:{lesson.key}").click().run()
    assert words in said(app).replace("\\", "") and lesson.why in said(app) and lesson.change in said(app)
    assert f"Measured: **{lesson.options[right]}**" in said(app)
    assert picture(app)["controls"] == list(lesson.controls)
    assert [radio.key for radio in app.radio] == [f"check:{lesson.key}"], "a locked prediction cannot be changed"
    kinds = [block.type for block in app.main]
    assert kinds.index("bidi_component") < kinds.index("radio"), "the picture comes before its check, on narrow pages too"
    assert f"You predicted: **{lesson.options[wrong]}**" in said(app)
    app.radio(key=f"check:{lesson.key}").set_value(lesson.check.options[lesson.check.answer]).run()
    assert lesson.check.because in said(app) and not app.radio
    following = next(link.proto for link in app.get("page_link") if link.proto.label.startswith("Next lesson"))
    query = dict(urllib.parse.parse_qsl(following.query_string))
    order = [*core_lessons.BY_KEY, *lessons.BY_KEY]
    assert query["lesson"] == order[order.index(lesson.key) + 1] and query["done"] == lesson.key


def test_a_link_opens_a_lesson_as_far_as_it_was_told_and_nonsense_at_its_start():
    right = LESSONS[0].answer(lesson_numbers.measured("codebooks"))
    assert "As you predicted" in said(open_page("lessons", lesson="code", told=f"{right}-r"))
    for told in ("7-r", "x", "0-r-9", "-1"):
        app = open_page("lessons", lesson="code", told=told)
        assert not app.radio(key="predict:code").disabled and not app.error
    ticked = open_page("lessons", done="residuals.nothing")
    [pills] = [group for group in ticked.get("button_group") if group.key == "lesson_pick"]
    assert [option for option in pills.options if option.endswith("✓")] == ["Why residuals ✓"]


@EVERY
def test_a_lessons_picture_has_the_playgrounds_settings_and_controls(lesson: CoreLesson):
    options = {param.name: param.options for param in scenarios.SETTINGS}
    if not lesson.planes:  # beam search on a tree
        assert set(lesson.settings) == {"seed", "width"} and lesson.controls == ("width",)
        return
    assert all(value in options[name] for name, value in lesson.settings.items() if name != "speed")
    assert set(lesson.controls) <= set(options) and set(lesson.planes) <= {"one", "two", "three"}
    assert 0 <= lesson.check.answer < len(lesson.check.options)


@pytest.mark.parametrize(("kept", "place"), [(0.1, 0), (0.4, 1), (0.6, 2)])
def test_the_answer_follows_from_the_rows(kept, place):
    frame = pd.DataFrame({"n_codes": [16, 16, 256], "seed": [0, 1, 0], "kept": [kept, kept, 0.9]})
    assert LESSONS[0].answer(frame) == place
    rows = [{"training": name, "seed": 0, "kept": 1.0, "perplexity": 15.0, "distinct": 9} for name in lesson_numbers.TRAININGS]
    trained = pd.DataFrame(rows).set_index("training", drop=False)
    trained.loc[[lesson_numbers.BLOCKED, lesson_numbers.RESTARTS], "kept"] = (0.1, 0.5, 0.9)[place]
    trained.loc[lesson_numbers.NEITHER, "perplexity"] = (1.0, 8.0, 15.0)[place]
    assert [core_lessons.BY_KEY[key].answer(trained) for key in ("estimator", "collapse", "restarts")] == [place] * 3
    purity = pd.DataFrame({"codes": ["Learned codes", "LSH"], "seed": 0, "level": 1, "purity": [(0.3, 0.4, 0.9)[place], 0.3]})
    assert core_lessons.BY_KEY["lsh"].answer(purity) == place
    assert core_lessons.BY_KEY["collisions"].answer(pd.DataFrame({"sharing": [(0, 200, 201)[place], 9]})) == place
    beams = pd.DataFrame({"width": [1, 5], "found": [(0.4, 0.6, 0.95)[place], 1.0]})
    assert core_lessons.BY_KEY["beam"].answer(beams) == place
    levels = pd.DataFrame({"levels": [1, 2], "vectors": [16, 32], "distinct": [16, (50, 700, 1900)[place]], "items": 2000})
    assert LESSONS[1].answer(levels) == place
