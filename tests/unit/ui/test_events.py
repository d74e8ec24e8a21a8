"""What a component tells its page."""

from types import SimpleNamespace

import pytest

from tiger.ui.shared import events


@pytest.mark.parametrize(("state", "heard"), [
    ({"levels": SimpleNamespace(level=2)}, [2]), ({"levels": SimpleNamespace(level=0)}, [0]),
    ({"levels": SimpleNamespace(level=None)}, []), ({"levels": SimpleNamespace(pick=1)}, []), ({}, [])])
def test_an_event_without_its_value_changes_nothing(monkeypatch, state, heard):
    """As when the page was left before the server heard of it."""
    monkeypatch.setattr(events.st, "session_state", state)
    said = []
    events.heard("levels", "level", said.append)()
    assert said == heard
