"""An identity provider instead of names: who logs in gives the code once and is the same visitor wherever they come back."""

import pytest
import streamlit as st
from starlette.applications import Starlette
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest

from tests.support.pages import APP
from tiger.core import access, paths
from tiger.ui.shared import door, identity, membership

ONE = {"redirect_uri": "http://127.0.0.1/oauth2callback", "client_id": "lab", "client_secret": "x", "cookie_secret": "y",
       "server_metadata_url": "http://127.0.0.1/conf"}


class Somebody(dict):
    """Stands for ``st.user``: what a provider says of a person."""

    @property
    def is_logged_in(self):
        return bool(self)


@pytest.fixture
def lecture(tiger_home, monkeypatch):
    """An open class with an identity provider, and a way to say who has logged in at it; returns both."""
    monkeypatch.setattr(st, "secrets", {"auth": ONE})
    room = membership.open_class(paths.home())
    access.identify_by(lambda: room.visitor(identity.token()) or door.NOBODY)
    yield room, lambda **claims: monkeypatch.setattr(st, "user", Somebody(claims))
    access.identify_by(None)
    membership._opened.clear()


def visit():
    return AppTest.from_file(APP, default_timeout=120).run()


def join(app, code):
    app.text_input(key="join_code").set_value(code)
    return next(button for button in app.button if button.label == "Join").click().run()


def test_who_has_not_logged_in_sees_one_button(lecture):
    _, log_in = lecture
    log_in()
    app = visit()
    assert [title.value for title in app.title] == ["Join the class"] and not app.exception and not app.sidebar.caption
    assert [button.label for button in app.button] == ["Log in"]


def test_the_code_is_asked_for_once_and_the_visitor_is_the_same_from_every_device(lecture):
    room, log_in = lecture
    log_in(iss="https://id.example", sub="1", name="  Ada   Lovelace ")
    app = join(visit(), "WRONG2")
    assert "not this class" in app.error[0].value and not room.members()
    app = join(app, room.code.lower())
    assert any("You are Ada Lovelace" in caption.value for caption in app.sidebar.caption)
    first = room.members()[0].visitor
    assert any("You are Ada Lovelace" in caption.value for caption in visit().sidebar.caption)  # another browser, no code
    assert [member.visitor for member in room.members()] == [first] and first.id and not first.teacher
    assert "https://id.example" not in room.path.read_text()


@pytest.mark.parametrize("other", [{"iss": "https://id.example", "sub": "2"}, {"iss": "https://other.example", "sub": "1"}])
def test_another_person_or_provider_is_another_visitor(lecture, other):
    room, log_in = lecture
    log_in(iss="https://id.example", sub="1", name="Ada")
    join(visit(), room.code)
    log_in(**other, email="ada@other.example")
    assert [title.value for title in visit().title] == ["Join the class"]
    join(visit(), room.code)
    assert [member.visitor.name for member in room.members()] == ["Ada", "ada@other.example"]


def test_nobody_comes_in_by_a_name_alone(lecture):
    room, _ = lecture
    browser = TestClient(Starlette(routes=door.routes(room)), follow_redirects=False)
    assert browser.post("/join", data={"name": "Eve", "code": room.code}).status_code == 405 and not room.members()
    assert browser.get(f"/join?code={room.code}").headers["location"] == f"/?code={room.code}"


def test_several_providers_are_offered_by_name(monkeypatch):
    monkeypatch.setattr(st, "secrets", {"auth": {"redirect_uri": "x", "cookie_secret": "y", "microsoft": {}, "google": {}}})
    assert identity.providers() == ["google", "microsoft"]
