"""The Playground page: what it hands the browser, what an address can ask for, and that scenarios show what they say."""

import json
from typing import Any

import pytest

from tests.support.javascript import evaluate
from tests.support.pages import open_page
from tiger.core import paths
from tiger.ui.playground import scenarios
from tiger.ui.shared import address

FOLDER = paths.PACKAGE / "ui" / "playground"
RUN = """
const plain = { levels: Number, codes: Number, beta: Number, rate: Number, restart: text => text === '1' }
const value = (name, text) => plain[name] ? plain[name](text) : text
const turns = text => text.split('_').filter(Boolean).map(part => part.split('-'))
  .map(([step, name, to]) => [Number(step), name, value(name, to)])
const settings = Object.fromEntries(Object.entries(given.settings).map(([name, text]) => [name, value(name, text)]))
return given.seeds.map(seed => {
  const all = { ...settings, seed, turns: turns(given.turns) }, lab = begin(all, pointsOf(all)), seen = {}
  for (let step = 0; step <= Math.max(...given.at); step++) {
    if (given.at.includes(step)) seen[step] = { recon: lab.seen.parts.recon, perplexity: lab.seen.counts.map(perplexity),
      ids: distinct(lab.seen.codes, lab.n), dead: lab.seen.counts.map(count => [...count].filter(one => one === 0).length),
      active: lab.trained ? active(lab)[0] : 0 }
    advance(lab)
  }
  return seen
})
"""


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def handed(app: Any) -> dict[str, Any]:
    """What the page hands the browser."""
    parts = [part.proto for part in app.main.get("bidi_component")]
    found = [json.loads(part.json) for part in parts if part.component_name.endswith("playground")]
    assert len(found) == 1
    return found[0]


def trained(key: str, at: list[int], turns: str = "", **changes: str) -> list[dict[str, Any]]:
    """The state of a scenario at these steps, for three seeds."""
    scenario = scenarios.BY_KEY[key]
    settings = {param.name: param.default for param in scenarios.SETTINGS} | dict(scenario.settings) | changes
    given = {"settings": settings, "turns": "_".join(filter(None, [scenario.turns, turns])), "seeds": [0, 1, 2], "at": at}
    return evaluate([FOLDER / "points.js", FOLDER / "maths.js"], RUN, given)


def test_it_opens_on_the_healthy_scenario_and_knows_every_setting():
    given = handed(open_page("playground"))
    assert given["asked"]["scenario"] == "healthy" and given["asked"]["steps"] == 0
    assert given["options"] == {param.name: list(param.options) for param in scenarios.SETTINGS}
    assert all(given["asked"][name] == options[0] for name, options in given["options"].items())
    assert len(set(given["colours"])) == 32
    for name, labels in given["labels"].items():
        assert set(labels) == set(given["options"][name])


def test_the_address_sets_it_and_a_scenario_brings_its_settings():
    app = open_page("playground", points="ring", levels="3", beta="5", steps="40", seed="7", turns="9-rate-0.1")
    asked = handed(app)["asked"]
    set_here = {"points": "ring", "levels": "3", "beta": "5", "steps": 40, "seed": 7, "turns": "9-rate-0.1"}
    assert {name: asked[name] for name in set_here} == set_here
    assert asked["codes"] == "8" and asked["scenario"] == ""
    asked = handed(open_page("playground", scenario="far", steps="12"))["asked"]
    assert (asked["start"], asked["restart"], asked["steps"], asked["scenario"]) == ("far", "0", 12, "far")
    assert handed(open_page("playground", scenario="collapse"))["asked"]["turns"] == scenarios.BY_KEY["collapse"].turns


@pytest.mark.parametrize(("given", "words"), [
    ({"levels": "9"}, "The address asks for levels '9', but here it can only be 2, 1, 3."),
    ({"steps": "5001"}, "The address asks for steps '5001', but here it can only be 0 to 5000."),
    ({"scenario": "storm"}, "There is no scenario 'storm'; there are healthy, collapse,")])
def test_what_an_address_cannot_ask_for_is_said_and_replaced(given, words):
    app = open_page("playground", **given)
    assert any(box.value.replace("\\", "").startswith(words) for box in app.info)
    assert handed(app)["asked"] | {"levels": "2", "steps": 0} == handed(app)["asked"]


def test_settings_of_scenarios_are_options():
    options = {param.name: param.options for param in scenarios.SETTINGS}
    for scenario in scenarios.SCENARIOS:
        assert all(value in options[name] for name, value in scenario.settings.items()), scenario.key
        cures = [f"0-{turn}" for turn in scenario.cure.turns.split("_")] if scenario.cure else []
        for turn in [*filter(None, scenario.turns.split("_")), *cures]:
            step, name, value = turn.split("-")
            assert step.isdigit() and (name == "anew" or value in options[name])
        assert len(scenario.key) <= address.SCENARIO.max_chars


def test_healthy_fills_its_codes_and_reconstructs_the_points():
    for seen in trained("healthy", [0, 300]):
        assert min(seen["300"]["perplexity"]) > 6 and seen["300"]["dead"] == [0, 0]
        assert seen["300"]["recon"] < 0.01 < 0.5 < seen["0"]["recon"]


def test_watch_it_collapse_is_healthy_until_its_settings_turn():
    for seen in trained("collapse", [120, 240]):
        assert min(seen["120"]["perplexity"]) > 6 and seen["120"]["recon"] < 0.02
        assert max(seen["240"]["perplexity"]) < 2 and seen["240"]["recon"] > 0.5


def test_a_collapsed_encoder_is_dead_so_restarts_do_not_help_and_new_weights_do():
    cure = scenarios.BY_KEY["collapse"].cure
    settings = "_".join(f"170-{turn}" for turn in cure.turns.split("_"))
    for alone, cured in zip(trained("collapse", [170, 420], "170-rate-0.01_170-restart-1"),
                            trained("collapse", [120, 170, 420], settings), strict=True):
        assert cured["120"]["active"] > 8 and cured["170"]["active"] <= 1 and alone["420"]["recon"] > 0.5
        assert min(cured["420"]["perplexity"]) > 5 and cured["420"]["recon"] < 0.03 and cured["420"]["active"] > 8


def test_weights_that_start_anew_take_adams_first_step():
    """Whose length is the learning rate for every weight with a gradient, whatever that is; and the settings stay."""
    body = """const lab = begin({ ...given, turns: [[60, 'rate', 0.003], [60, ANEW, '1']] }, pointsOf(given))
      while (lab.step < 60) advance(lab)
      turn(lab, ANEW, '1')
      const before = weights(lab).map(array => [...array]), { ofWeights } = gradients(lab, lab.seen)
      advance(lab)
      return weights(lab).flatMap((array, which) =>
        [...array].map((value, at) => [ofWeights[which][at], value - before[which][at]]))
    """
    given = {"method": "rqvae", "points": "blobs", "levels": 2, "codes": 5, "beta": 0.25, "rate": 0.01, "restart": False,
             "start": "random", "estimator": "ste", "seed": 3, "drawn": ""}
    moved = [(slope, step) for slope, step in evaluate([FOLDER / "points.js", FOLDER / "maths.js"], body, given)
             if abs(slope) > 1e-3]
    assert len(moved) > 50 and all(step == pytest.approx(-0.003 if slope > 0 else 0.003, rel=1e-3) for slope, step in moved)


@pytest.mark.parametrize(("key", "cure"), [("far", "80-restart-1"), ("beta", "80-beta-0.25_80-restart-1")])
def test_what_collapses_from_the_start_is_cured_as_its_text_says(key, cure):
    for seen in trained(key, [80], cure):
        assert seen["80"]["perplexity"][0] < 3 and seen["80"]["recon"] > 0.3
    for seen in trained(key, [450], cure):
        assert min(seen["450"]["perplexity"]) > 5 and seen["450"]["recon"] < 0.1


def test_too_few_codes_share_ids_and_residuals_make_sixteen_of_eight():
    for seen in trained("few", [300]):
        assert seen["300"]["ids"] == 4
    for two, one in zip(trained("residuals", [300]), trained("residuals", [300], levels="1"), strict=True):
        assert two["300"]["ids"] == 16 and one["300"]["ids"] == 4 and two["300"]["recon"] < 0.3 * one["300"]["recon"]


def test_without_an_estimator_the_error_stays_until_one_is_chosen():
    for seen in trained("blocked", [150, 500], "150-estimator-ste"):
        assert seen["150"]["recon"] > 0.3 and seen["500"]["recon"] < 0.05
