"""Forms come from the hyper-parameters: their defaults, bounds and words, and nothing else. CSVs are harmless."""

import io
from dataclasses import dataclass

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from tiger.core import params
from tiger.core.params import param
from tiger.ui.shared import exports, forms


@dataclass
class Every:
    """One hyper-parameter of each kind."""

    n_levels: int = param(3, "How many.", low=1, high=8)
    learning_rate: float = param(1e-3, "How fast.", low=1e-6, high=1.0, log=True)
    ema: bool = param(False, "Running means.")
    estimator: str = param("straight", "Which gradient.", choices=("straight", "rotation"))
    limit: int | None = param(None, "May be missing.", low=1)
    name: str = param("", "Any text.", group="labels")


def script() -> None:
    import streamlit as st

    from tests.unit.ui.test_forms import Every
    from tiger.core import params
    from tiger.ui.shared import forms

    st.session_state["got"] = forms.fields(params.specs(Every), "form", {"n_levels": 4})


@pytest.fixture
def app() -> AppTest:
    return AppTest.from_function(script).run()


def test_a_form_starts_at_the_defaults_and_the_given_values(app):
    assert not app.exception
    assert app.session_state["got"] == {"n_levels": 4, "learning_rate": 1e-3, "ema": False,
                                        "estimator": "straight", "limit": None, "name": ""}
    assert params.build(Every, app.session_state["got"]) == Every(n_levels=4)


def test_a_form_gives_back_what_is_set_as_the_right_kind(app):
    app.number_input(key="form:n_levels").set_value(8)
    app.number_input(key="form:learning_rate").set_value(0.02)
    app.toggle(key="form:ema").set_value(True)
    app.selectbox(key="form:estimator").set_value("rotation")
    app.number_input(key="form:limit").set_value(7)
    app.text_input(key="form:name").set_value("x").run()
    assert app.session_state["got"] == {"n_levels": 8, "learning_rate": 0.02, "ema": True,
                                        "estimator": "rotation", "limit": 7, "name": "x"}


def test_bounds_and_help_come_from_the_hyper_parameter(app):
    levels = app.number_input(key="form:n_levels")
    assert (levels.min, levels.max, levels.label) == (1, 8, "Levels")
    assert levels.help == "How many. (at least 1, at most 8)"
    assert [box.label for box in app.expander] == ["Labels"]


def test_words_of_names():
    assert [forms.words(name) for name in ("n_codes", "learning_rate", "beta")] == ["Codes", "Learning rate", "Beta"]
    assert forms.words("ema") == "EMA codebooks" and forms.words("simvq") == "SimVQ"


def test_csv_keeps_the_numbers_and_disarms_formulas():
    frame = pd.DataFrame({"item": [1, -2], "title": ['=HYPERLINK("http://x")', "Kettle, 1 l \"new\"\nred"],
                          "note": ["+1", None]})
    back = pd.read_csv(io.BytesIO(exports.csv_bytes(frame)))
    assert back["item"].tolist() == [1, -2]
    assert back["title"].tolist() == ['\'=HYPERLINK("http://x")', "Kettle, 1 l \"new\"\nred"]
    assert back["note"].iloc[0] == "'+1"
    assert frame["title"].iloc[0].startswith("=")
