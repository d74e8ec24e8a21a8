"""The way into a class: who may come in, with what, and what a forged or missing token gets."""

import html
import json

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from tests.support.made_runs import finished
from tests.support.pages import html_of, open_page
from tests.support.training import config
from tiger import runs
from tiger.core import access, paths
from tiger.core.access import Visitor
from tiger.reports import classroom as report
from tiger.reports import core_lessons, lab_report, lesson_numbers, lessons, study_page, study_report
from tiger.runs import index
from tiger.ui.classroom import tiles, view
from tiger.ui.shared import door, membership
from tiger.ui.shared.membership import MAX_VISITORS, Classroom


@pytest.fixture
def classroom(tmp_path):
    return Classroom(tmp_path)


@pytest.fixture
def browser(classroom):
    """Makes browsers in front of an app that says who asks."""
    async def who(request):
        visitor = classroom.visitor(request.cookies.get(door.COOKIE))
        return PlainTextResponse(f"{visitor.name}, {visitor.teacher}" if visitor else "nobody")

    async def talk(socket):
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    app = Starlette(routes=[*door.routes(classroom), Route("/{rest:path}", who, methods=["GET", "POST"]),
                            WebSocketRoute("/_stcore/stream", talk)],
                    middleware=[Middleware(door.Door, classroom=classroom)])
    return lambda: TestClient(app, follow_redirects=False)


def test_a_visitor_joins_with_code_and_name_and_lands_where_the_link_led(browser, classroom):
    ada = browser()
    sent = ada.get("/tree?run=demo-small&prefix=3")
    assert sent.status_code == 303 and sent.headers["location"] == "/join?next=%2Ftree%3Frun%3Ddemo-small%26prefix%3D3"
    form = ada.get(sent.headers["location"])
    assert form.status_code == 200 and 'value="/tree?run=demo-small&amp;prefix=3"' in form.text
    assert "default-src 'none'" in form.headers["content-security-policy"]
    entered = ada.post("/join", data={"name": "  Ada   L. ", "code": classroom.code.lower(),
                                      "next": "/tree?run=demo-small&prefix=3"})
    assert entered.status_code == 303 and entered.headers["location"] == "/tree?run=demo-small&prefix=3"
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    assert ada.get("/tree").text == "Ada L., False"
    with ada.websocket_connect("/_stcore/stream") as socket:
        assert socket.receive_text() == "hello"


@pytest.mark.parametrize("where", ["//evil.example/x", "https://evil.example", "/\\evil.example", "", "javascript:alert(1)"])
def test_no_link_leads_elsewhere(browser, classroom, where):
    assert browser().post("/join", data={"name": "Eve", "code": classroom.code, "next": where}).headers["location"] == "/"


@pytest.mark.parametrize(("name", "code", "sentence"), [
    ("Ada", "WRONG2", "not this class"), ("", None, "1 to 40 characters, but this one has 0"), ("x" * 41, None, "has 41"),
    ("Ada", "", "not this class"), ("Ada", "é", "not this class")])
def test_a_wrong_code_or_name_is_one_sentence_and_nobody_is_in(browser, classroom, name, code, sentence):
    visitor = browser()
    answer = visitor.post("/join", data={"name": name, "code": classroom.code if code is None else code})
    assert answer.status_code == 400 and sentence in answer.text and "set-cookie" not in answer.headers
    assert not classroom.members() and visitor.get("/").status_code == 303


def test_what_is_typed_is_text(browser, classroom):
    answer = browser().post("/join", data={"name": '"><script>1</script>', "code": "<b>", "next": '"><i>'})
    assert "<script>1" not in answer.text and "<b>" not in answer.text and "<i>" not in answer.text


def test_who_did_not_join_reaches_nothing(browser):
    stranger = browser()
    assert stranger.post("/_stcore/upload_file/1/2", content=b"x").status_code == 401
    assert stranger.get("/_stcore/host-config").status_code == 401
    stranger.cookies.set(door.COOKIE, "a token of nobody")
    assert stranger.get("/map").status_code == 303
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect("/_stcore/stream"):
        pass
    assert browser().post("/join", content=b"x" * 9000).status_code == 413


def test_the_teachers_link_and_two_of_one_name(browser, classroom):
    teacher = browser()
    assert teacher.get("/teach/wrong").status_code == 403
    assert teacher.get(f"/teach/{classroom.key}").status_code == 303
    assert teacher.get("/").text == "Teacher, True"
    assert teacher.get(f"/teach/{classroom.key}").status_code == 303 and len(classroom.members()) == 1, "not a second one"
    for expected in ("Sam, False", "Sam (2), False", "Sam (3), False"):
        sam = browser()
        sam.post("/join", data={"name": "Sam", "code": classroom.code})
        assert sam.get("/").text == expected


def test_a_restarted_server_knows_everybody_and_its_file_gives_nobody_away(tmp_path, classroom):
    token, teacher = classroom.join(classroom.code, "Ada"), classroom.teach(classroom.key)
    again = Classroom(tmp_path)
    assert again.code == classroom.code and again.visitor(token).name == "Ada" and again.visitor(teacher).teacher
    assert again.teach(classroom.key) is None, "an old teacher's link ends with its server"
    said = (tmp_path / "class.json").read_text()
    assert not any(secret in said for secret in (token, teacher, classroom.key, again.key))
    assert len(json.loads(said)["members"]) == 2


def test_a_full_class_says_so(classroom):
    for number in range(MAX_VISITORS):
        classroom._members[str(number)] = None
    with pytest.raises(ValueError, match=f"has {MAX_VISITORS} visitors, which is the limit"):
        classroom.join(classroom.code, "One more")


@pytest.fixture
def lecture(tiger_home):
    """An open class with a teacher, Ada and Bob, and a way to say who acts."""
    room = membership.open_class(paths.home())
    token = {name: room.join(room.code, name) for name in ("Ada", "Bob")} | {"Teacher": room.teach(room.key)}
    people = {name: room.visitor(one) for name, one in token.items()}
    now = [people["Teacher"]]
    access.identify_by(lambda: now[0])
    yield room, people, lambda name: now.__setitem__(0, people[name])
    access.identify_by(None)
    membership._opened.clear()


def board(app):
    return next(frame.value for frame in app.dataframe if "Newest run" in frame.value)


def test_the_teachers_board_shows_where_everybody_is_and_how_their_runs_went(lecture):
    room, people, act = lecture
    act("Ada")
    made = finished("Ada's try", beta=0.25, seed=0)
    (made.path / "events.jsonl").write_text("".join(
        json.dumps({"step": step, "t_s": 1.0, "perplexity": [k, 16.0, 16.0]}) + "\n" for step, k in ((1, 4.0), (2, 10.0))))
    room.note_page(people["Ada"], "Doctor")
    act("Bob")
    room.predict(people["Bob"], core_lessons.LESSONS[0].key, 1)
    room.predict(people["Bob"], core_lessons.LESSONS[0].key, 0)  # too late
    with pytest.raises(ValueError, match="Could not find a navigation page"):
        open_page("classroom")
    act("Teacher")
    app = open_page("classroom", view="Table")
    table = board(app).set_index("Name")
    assert table.index.tolist() == ["Ada", "Bob"]
    assert table.loc["Ada", ["Page", "Runs", "Newest run", "State"]].tolist() == ["Doctor", 1, "Ada's try", "finished"]
    sizes = made.codes_per_level()
    by_hand = [round(float(np.mean([k / sizes[0], *(16 / size for size in sizes[1:3])])), 3) for k in (4.0, 10.0)]
    assert list(table.loc["Ada", "Perplexity"]) == by_hand
    assert table["Here"].tolist() == [True, True] and not table.loc["Bob", "Newest run"]
    assert {metric.label: metric.value for metric in app.metric} == {"Here now": "2 of 2", "Training": "0", "Waiting": "0",
                                                                   "Code to join": room.code}
    assert not app.error
    pictures = html_of(app := open_page("classroom"))
    assert pictures.count('class="tc-tile"') == 2 and "Ada&#x27;s try" in pictures and "no run yet" in pictures
    share = [f"{value:.0%}" for value in by_hand]
    assert f'alt="Perplexity: {share[0]} of the codes at first, {share[1]} at last."' in pictures
    app.selectbox(key="class_pick").set_value(made.id).run()
    assert app.button(key="class_show") and not app.error


def test_the_projector_shows_large_bars_and_marks_the_answer_when_asked(lecture):
    room, people, act = lecture
    lesson = core_lessons.LESSONS[0]
    right = lesson.answer(lesson_numbers.measured(lesson.measurement))
    for name, place in (("Ada", right), ("Bob", (right + 1) % 3)):
        room.predict(people[name], lesson.key, place)
    act("Teacher")
    app = open_page("classroom", view="Predictions")
    bars = html_of(app)
    assert html.escape(lesson.question) in bars and bars.count("1 of 2") == 2 and bars.count("0 of 2") == 1
    assert bars.count("width:50.0%") == 2 and "tc-right\"" not in bars and "✓" not in bars
    app.toggle(key=f"class_measured:{lesson.key}").set_value(True).run()
    assert f"✓ {html.escape(lesson.options[right])}" in html_of(app) and not app.error


def test_lessons_that_read_a_study_are_tallied_too(lecture):
    room, people, act = lecture
    lesson = lessons.LESSONS[0]
    act("Bob")
    app = open_page("lessons", lesson=lesson.key)
    app.radio(key=f"predict:{lesson.key}").set_value(lesson.options[1]).run()
    assert not app.error and room.predictions_of(people["Bob"]) == {lesson.key: 1}
    tally, = report.tallies(room.predictions)
    frame = study_page.REPORTS[runs.find(lesson.study).config.kind].frame(study_report.read(runs.find(lesson.study)).rows)
    assert (tally.title, tally.counts[1], tally.n, tally.right) == (lesson.title, 1, 1, lesson.answer(frame))
    assert lab_report.predictions_frame(room.predictions_of(people["Bob"]))["Predicted"].tolist() == [lesson.options[1]]


def test_what_a_visitor_is_called_is_text_in_the_pictures():
    table = report.class_page([report.Person("a", "<b>Eve</b>", '"><i>')], [], {}).table
    assert "&lt;b&gt;Eve" in tiles.grid(table) and "<b>Eve" not in tiles.grid(table) and "<i>" not in tiles.grid(table)


def test_a_teacher_shows_a_run_to_all_and_clears_the_class(lecture):
    room, _, act = lecture
    act("Ada")
    made = finished("Ada's try", beta=0.25, seed=0)
    room.predict(access.current(), core_lessons.LESSONS[0].key, 1)
    act("Bob")
    assert not any("The teacher shows" in link.proto.label for link in open_page("train").sidebar.get("page_link"))
    act("Teacher")
    view.show_run(room, made.id)
    act("Bob")
    assert runs.find(made.id).read_only
    assert any(link.proto.label == "The teacher shows: Ada's try" for link in open_page("train").sidebar.get("page_link"))
    act("Teacher")
    text = report.report(view.answer(room), "today")
    assert "Ada&#x27;s try" in text or "Ada's try" in text
    view.clear_all(room)
    assert not made.path.exists() and room.predictions == {} and room.shown == "" and len(room.members()) == 3
    act("Bob")
    assert not any("The teacher shows" in link.proto.label for link in open_page("train").sidebar.get("page_link"))


def test_a_lab_report_holds_ones_own_predictions_and_runs_and_nobody_elses(lecture):
    room, _, act = lecture
    lesson = core_lessons.LESSONS[0]
    right = lesson.answer(lesson_numbers.measured(lesson.measurement))
    wrong = (right + 1) % len(lesson.options)
    act("Bob")
    finished("Bob's try", beta=0.25, seed=0)
    room.predict(access.current(), lesson.key, right)
    act("Ada")
    finished("Ada's first", beta=25.0, seed=0)
    finished("Ada's second", beta=0.25, seed=0)
    room.predict(access.current(), lesson.key, wrong)
    app = open_page("lessons")
    assert not app.error and any(one.proto.label == "Lab report" for one in app.get("download_button"))
    mine = [entry for entry in index.entries() if entry.config.owner]
    text = lab_report.report("Ada", mine, room.predictions_of(access.current()), "today")
    assert "Lab report of Ada" in text and "Bob" not in text and "0 of 1 prediction matched what was measured" in text
    for run in ("Ada&#x27;s first", "Ada&#x27;s second"):
        assert run in text or run.replace("&#x27;", "'") in text
    assert "python -m tiger train" in text
    frame = lab_report.predictions_frame({lesson.key: right, "unknown": 1, core_lessons.LESSONS[1].key: 99})
    assert frame["Right"].tolist() == ["yes"] and frame["Predicted"].tolist() == frame["Measured"].tolist()
    assert "Nothing was predicted or trained yet" in lab_report.report("", [], {}, "today")


def test_pages_show_each_visitor_their_own(tiger_home, monkeypatch):
    now = [Visitor("a1", "Ada")]
    access.identify_by(lambda: now[0])
    try:
        runs.new_run(config({"name": "synthetic", "params": {}}) | {"title": "Ada's try"})
        app = open_page("train")
        assert any("You are Ada" in one.value for one in app.sidebar.caption)
        assert any("Ada's try" in label for label in app.sidebar.selectbox(key="pick_run").options)
        now[0] = Visitor("b2", "Bob")
        app = open_page("train")
        assert not any("Ada's try" in label for label in app.sidebar.selectbox(key="pick_run").options)
        now[0] = Visitor("t3", "Teacher", teacher=True)
        app = open_page("train")
        assert any(label.startswith("Ada's try · Ada · ") for label in app.sidebar.selectbox(key="pick_run").options)
    finally:
        access.identify_by(None)
