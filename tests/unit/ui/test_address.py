"""What lives in the address: declared once, checked when read, said when it cannot be."""

import re

import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import open_page
from tiger.ui.shared import address, pagelist


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def reading() -> None:
    """Three parameters, one with an older name and older values; ``sought`` shows what was read."""
    import streamlit as st

    from tiger.ui.shared import address

    address.begin("here")
    width = address.Number("width", "how wide", default=10, low=1, old_names=("wide",))
    colour = address.Choice("colour", "which colour", options=("red", "blue"), old_values={"azure": "blue"})
    place = address.Number("place", "where", remembered=True)
    st.session_state["sought"] = address.read(width.below(50)), address.read(colour), address.read(place.below(9))
    st.session_state["said"] = address.take_notices()


def opened(app: AppTest, **params: str) -> tuple:
    """What is read where the address has these parameters, and what the address says afterwards."""
    app.query_params.clear()
    for name, value in params.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app.session_state["sought"], {name: app.query_params[name] for name in app.query_params}, app.session_state["said"]


@pytest.fixture
def app() -> AppTest:
    """A session whose first run is over, so that the address is written at once."""
    return AppTest.from_function(reading, default_timeout=60).run()


def single(params: dict) -> dict[str, str]:
    return {name: value if isinstance(value, str) else value[-1] for name, value in params.items()}


@pytest.mark.parametrize(("given", "found", "left"), [
    ({}, (10, "red", None), {}),
    ({"width": "49", "colour": "blue", "place": "8"}, (49, "blue", 8), {"width": "49", "colour": "blue", "place": "8"}),
    ({"width": "10", "colour": "red"}, (10, "red", None), {}),
    ({"wide": "7", "colour": "azure"}, (7, "blue", None), {"width": "7", "colour": "blue"})])
def test_values_are_read_and_defaults_and_old_words_leave_the_address(app, given, found, left):
    read, after, said = opened(app, **given)
    assert read == found and single(after) == left and said == []


@pytest.mark.parametrize(("given", "words"), [
    ({"width": "50"}, "The address asks for width '50', but here it can only be 1 to 49."),
    ({"width": "0"}, "The address asks for width '0', but here it can only be 1 to 49."),
    ({"width": "٣"}, "The address asks for width '٣', but"),
    ({"colour": "<script>"}, "The address asks for colour '<script>', but here it can only be red, blue."),
    ({"place": "9"}, "The address asks for place '9', but here it can only be 0 to 8.")])
def test_what_cannot_be_is_said_once_and_replaced(app, given, words):
    read, after, said = opened(app, **given)
    assert read == (10, "red", None) and after == {}
    assert len(said) == 1 and said[0].startswith(words)
    app.run()
    assert app.session_state["said"] == []


def test_only_remembered_parameters_outlive_their_address(app):
    opened(app, width="20", colour="blue", place="4")
    read, after, _ = opened(app)
    assert read == (10, "red", 4) and single(after) == {"place": "4"}


def test_every_parameter_is_declared_once_and_reads_what_it_writes():
    values = {address.Number: 3, address.Text: "1-2", address.Items: (5, 0, 5), address.PerLevel: (0.7,)}
    for param in address.SCHEMA:
        value = param.options[-1] if isinstance(param, address.Choice) else values[type(param)]
        assert param.parse(param.format(value)) == value
        assert param.about
    names = [param.name for param in address.SCHEMA]
    assert {name for name in names if names.count(name) > 1} == {"view"}  # one a page
    assert all(isinstance(param, address.Choice) for param in address.SCHEMA if param.name == "view")


def test_items_and_numbers_a_level_as_the_address_carries_them():
    items = address.HISTORY.below(6)
    assert items.parse("5-0-5") == (5, 0, 5) and items.parse("none") == () and items.format(()) == "none"
    for text, words in (("6", "item '6' is unknown; this dataset has items 0 to 5"), ("1--2", "item '1--2' is unknown"),
                        ("٣", "is unknown"), ("-".join("1" * 501), "501 items, but a history may have at most 500")):
        with pytest.raises(ValueError, match=re.escape(words)):
            items.parse(text)
    levels = address.TEMPERATURE.of(3)
    assert levels.parse("0.7") == (0.7,) * 3 and levels.parse("1-0.5-99") == (1.0, 0.5, 3.0)
    assert levels.format((1.0, 1.0, 1.0)) == "1" and levels.format((1.0, 0.25, 1.0)) == "1-0.25-1"
    for text, words in (("1-2", "the IDs have 3 levels"), ("inf", "finite"), ("-1", "one number"), ("0", "above 0")):
        with pytest.raises(ValueError, match=words):
            levels.parse(text)


def test_the_first_run_writes_nothing_before_the_browser_is_ready():
    app = AppTest.from_function(reading, default_timeout=60)
    app.query_params["width"] = "99"
    app.run()
    assert single(dict(app.query_params)) == {"width": "99"} and len(app.session_state["said"]) == 1
    app.run()
    assert "width" not in app.query_params and app.session_state["said"] == []


def test_a_run_that_was_stopped_is_shown_only_where_none_finished():
    from tiger import runs
    from tiger.core import files

    ref = {"name": "synthetic", "params": {"n_items": 60, "n_users": 30}, "embedding": {"method": "tfidf", "dim": 16}}
    made = []
    for title, state in (("Whole", "finished"), ("Three steps", "stopped")):
        run = runs.new_run({"dataset": ref, "quantizer": {"name": "random_codes", "params": {}}, "title": title})
        config = run.config.to_json() | {"created_s": float(len(made))}  # the stopped one is the newest
        files.write_json(run.path / "config.json", config)
        files.write_json(run.path / "status.json", run.status.to_json() | {"state": state, "step": 3, "n_steps": 3000})
        made.append(runs.find(run.id))
    from tiger.datasets import registry
    app = open_page(pagelist.BY_KEY["catalogue"], dataset=registry.add(ref, "Sixty").id)
    assert single(dict(app.query_params))["run"] == made[0].id
    options = app.selectbox(key="pick_run").options
    assert options[0].startswith("Three steps · stopped after 3 of 3,000 steps · 1 Jan ") or "31 Dec" in options[0]
    assert options[0].endswith(made[1].id[-6:]) and options[1] == "Whole · finished"


def writing() -> None:
    """The page writes which run it shows; ``shows`` says which."""
    import streamlit as st

    from tiger.ui.shared import address

    address.begin("here")
    address.write(address.DATASET, "shop")
    address.write(address.RUN, st.session_state.get("shows", "one"))


def test_only_a_link_to_the_same_page_has_the_address_written_again(monkeypatch):
    """What the server wrote itself is in the browser already: to send it again would undo what the browser wrote since."""
    from streamlit.runtime.state.query_params import QueryParams
    sent: list[str] = []
    send = QueryParams._send_query_param_msg
    monkeypatch.setattr(QueryParams, "_send_query_param_msg", lambda params: (sent.append(str(params.to_dict())), send(params)))
    app = AppTest.from_function(writing, default_timeout=60).run().run()
    for shows, n_sent in (("two", 1), ("two", 0), ("two", 0)):
        app.session_state["shows"] = shows
        sent.clear()
        app.run()
        assert len(sent) == n_sent and not app.exception, sent
    app.query_params["run"] = "three"  # a link
    app.session_state["shows"] = "three"
    sent.clear()
    app.run()
    assert len(sent) == 1, "Streamlit does not show such an address by itself"
