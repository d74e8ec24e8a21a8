"""The Present page without a browser: what it hands the stage, what an address and a browser can ask for."""

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import open_page
from tiger import datasets, runs
from tiger.reports import beam_page
from tiger.reports.stage import stories
from tiger.reports.stage.stories import Frame
from tiger.ui.present import component

USER = 77


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


@pytest.fixture(scope="module")
def cat():
    return datasets.load("synthetic")


def handed(app: AppTest) -> dict[str, Any]:
    """What the page hands the stage."""
    found = [part.proto for part in app.main.get("bidi_component") if part.proto.component_name.endswith("stage")]
    assert len(found) == 1 and not app.error
    return json.loads(found[0].json)


def test_it_shows_a_user_as_the_address_says(cat):
    given = handed(open_page("present", user=str(USER), scene="2", width="6"))
    own = cat.history(USER).tolist()
    assert (given["user"], given["at"], given["was"], given["playing"]) == (USER, 2, None, None)
    assert given["scene"]["history"] == own[:-1] and given["scene"]["target"] == own[-1]
    writer = beam_page.writer(runs.find("demo-recommender"))
    found = beam_page.trace(writer, beam_page.SearchRequest(tuple(own[:-1]), 6, (1.0,) * 4), None)
    assert [one["item"] for one in given["scene"]["suggestions"]] == found.items["item"].head(5).tolist()


def test_somebody_new_has_what_the_address_gives_them_and_no_held_out_item():
    given = handed(open_page("present", who="new", items="3-5"))
    assert given["user"] is None and given["scene"]["history"] == [3, 5] and given["scene"]["target"] is None
    assert given["scene"]["person"] == "Somebody new"
    assert handed(open_page("present", who="new"))["scene"]["steps"] == ["Start"]


@pytest.mark.parametrize(("params", "words"), [
    ({"user": "99999"}, "user '99999', but here it can only be 0 to 3999"), ({"items": "3-99999"}, "item '99999' is unknown"),
    ({"who": "me"}, "who 'me', but here it can only be user, new"), ({"scene": "100"}, "scene '100', but")])
def test_nonsense_in_the_address_is_said_and_replaced(params, words):
    app = open_page("present", **params)
    assert any(words in box.value.replace("\\", "") for box in app.info) and handed(app)["scene"]["suggestions"]


def _ask() -> None:
    """A script that answers what a browser sent."""
    import streamlit as st

    from tiger.ui.present import component
    from tiger.ui.shared import address

    component.answer(st.session_state["asks"])
    st.session_state["now"] = {param.name: address.text_of(param) for param in (address.USER, address.HISTORY, address.WHO)}


def asked(*asks: Any) -> AppTest:
    app = AppTest.from_function(_ask, default_timeout=60)
    app.session_state["asks"] = [ask | {"number": at} if isinstance(ask, dict) else ask for at, ask in enumerate(asks, start=1)]
    return app.run()


def test_what_a_browser_asks_for_is_done():
    app = asked({"do": "show", "user": 5, "items": [7, 9], "was": [7, 8, 9]}, {"do": "why", "item": 12.0}, {"do": "beside"})
    assert app.session_state["now"] == {"user": "5", "items": "7-9", "who": ""}
    assert app.session_state["present_was"] == ((7, 9), (7, 8, 9))
    assert app.session_state[component.WHY] == 12 and app.session_state[component.BESIDE]
    frame = {"model": "demo-recommender", "user": None, "items": [1], "at": 1}
    app = asked({"do": "save", "name": "Tents", "frames": [frame]})
    kept = stories.stories("synthetic")
    assert [(one.name, one.frames) for one in kept] == [("Tents", (Frame("demo-recommender", None, (1,), at=1),))]
    assert asked({"do": "play", "id": kept[0].id}).session_state[component.PLAYING] == kept[0].id


@pytest.mark.parametrize("ask", [
    None, 7, [], {}, {"do": "drop table"}, {"do": "show"}, {"do": "show", "user": 4000, "items": None},
    {"do": "show", "user": 1, "items": [2000]}, {"do": "show", "user": 1, "items": [0] * 501}, {"do": "show", "user": True},
    {"do": "show", "user": 1, "items": "12"}, {"do": "why", "item": -1}, {"do": "why", "item": 1e308}, {"do": "save"},
    {"do": "save", "name": "", "frames": [{"model": "m", "user": 1, "items": []}]},
    {"do": "save", "name": "x", "frames": [5]}, {"do": "save", "name": "x", "frames": "abc"},
    {"do": "play", "id": "../../x"}, {"do": "play", "id": None}])
def test_whatever_else_a_browser_sends_changes_nothing(ask):
    app = asked(ask)
    assert not app.exception and app.session_state["now"] == {"user": "", "items": "", "who": ""}
    assert component.PLAYING not in app.session_state and component.WHY not in app.session_state
    assert stories.stories("synthetic") == []


def test_a_question_that_comes_twice_is_answered_once():
    save = {"do": "save", "name": "Once", "frames": [{"model": "m", "user": 1, "items": [2]}], "number": 7}
    app = AppTest.from_function(_ask, default_timeout=60)
    app.session_state["asks"] = [save]
    app.run()
    stories.delete(stories.stories("synthetic")[0])
    app.session_state["asks"] = [save, {"do": "beside", "number": 8}, {"do": "why", "item": 3, "number": "9"}]
    app.run()
    assert stories.stories("synthetic") == [] and app.session_state[component.BESIDE]
    assert component.WHY not in app.session_state


def test_a_browser_that_still_sends_its_former_address_takes_nothing_back():
    app = open_page("present", user="5")
    app.session_state["present_asked"] = 7, (2, 3), True  # as a question leaves it
    app.query_params["user"] = "5"
    assert handed(app.run())["scene"]["history"] == [2, 3]
    app.query_params.clear()
    app.query_params["user"] = "9"  # a link: the page is drawn from its start
    assert handed(app.run())["user"] == 9 and "present_asked" not in app.session_state


def test_saved_stories_are_listed_played_and_deleted():
    view = Frame("demo-recommender", USER, (1, 2), was=(1, 2, 3), at=4)
    story = stories.save(stories.new("Two things", "synthetic", (view, view)))
    gone = stories.save(stories.new("Old", "synthetic", (Frame("no-such-run", 1, (1,)),)))
    app = open_page("present")
    app.button(key=f"play:{story.id}").click().run()
    playing = handed(app)["playing"]
    assert playing["name"] == "Two things" and [frame["scene"] for frame in playing["frames"]] == [0, 0]
    told = playing["scenes"][0]
    assert told["history"] == [1, 2] and told["change"]["said"].startswith("Without") and len(told["causes"]) == 5
    app.button(key=f"play:{gone.id}").click().run()
    given = handed(app)
    assert given["playing"] is None and "not there any more" in given["word"]
    app.button(key=f"delete:{gone.id}").click().run()
    assert [one["name"] for one in handed(app)["stories"]] == ["Two things"]
