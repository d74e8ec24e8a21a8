"""What follows from a cached answer is made once, and never handed to whoever asks about something else."""

import json

import pandas as pd
import plotly.graph_objects as go
import plotly.io
import pytest

from tiger.ui.shared import once as shared
from tiger.ui.shared.once import once


@pytest.fixture(autouse=True)
def _nothing_kept(monkeypatch):
    shared._kept.clear()
    monkeypatch.setattr(shared, "LIMIT", 3)


def test_a_result_is_made_once_for_one_object_and_anew_for_an_equal_one():
    made = []

    def total(frame: pd.DataFrame, times: int) -> int:
        made.append(times)
        return int(frame["a"].sum()) * times

    one, other = pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": [1, 2]})
    assert [once(total, one, 2), once(total, one, 2), once(total, one, 3), once(total, other, 2)] == [6, 6, 9, 6]
    assert made == [2, 3, 2]


def test_numbers_that_are_equal_but_of_another_kind_are_told_apart():
    assert [once(str, value) for value in (1, True, 1.0)] == ["1", "True", "1.0"]


def test_the_oldest_result_is_forgotten_and_no_new_object_takes_its_place():
    """Python gives a new object the address of one that is gone; while a result is kept, its arguments live."""
    def first(frame: pd.DataFrame) -> int:
        return int(frame["a"].iloc[0])

    answers = [once(first, pd.DataFrame({"a": [number]})) for number in range(50)]
    assert answers == list(range(50)) and len(shared._kept) == 3


def test_a_figure_is_sent_as_plotly_would_send_it():
    def draw(frame: pd.DataFrame, name: str) -> go.Figure:
        return go.Figure(go.Scatter(x=frame["a"], y=frame["a"], name=name)).update_layout(meta={"alt": "Both rise."})

    frame = pd.DataFrame({"a": [1.5, 2.5, 4.0]})
    kept = once(draw, frame, "both")
    assert kept is once(draw, frame, "both") and kept.layout.meta["alt"] == "Both rise."
    assert json.loads(plotly.io.to_json(kept.to_dict(), validate=False)) == json.loads(draw(frame, "both").to_json())
    copy = go.Figure(kept).update_layout(title="Another")
    assert "title" not in kept.to_dict()["layout"] and copy.layout.title.text == "Another"
