"""Drift, Cold items, Diversity and Lessons without a browser: bundled results at first visit, numbers as measured."""

import pytest

from tests.pages_help import open_page
from tiger import files, lessons, paths, runs, studies, studypage
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as report
from tiger.ui import diversity_view, drift_view, pagelist

PAGE = pagelist.BY_KEY


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def said(app) -> str:
    blocks = [*app.markdown, *app.caption, *app.success, *app.info, *app.warning, *app.error]
    return "\n".join(block.value for block in blocks).replace("\\", "")


def test_drift_shows_the_bundled_study_at_first_visit():
    app = open_page(PAGE["drift"])
    frame = report.drift_frame(studies.rows(runs.find("demo-drift")))
    assert report.winner_words(frame) in said(app) and not app.error
    assert app.dataframe[0].value["IDs changed"].tolist() == pytest.approx(report.last_periods(frame)["changed"].tolist())


@pytest.mark.parametrize("view", drift_view.VIEWS)
def test_every_view_of_both_drift_studies_opens(view):
    for study in ("demo-drift", "demo-schedule"):
        app = open_page(PAGE["drift"], study=study, view=view)
        assert not app.error and not app.exception, said(app)


def test_drift_studies_obey_the_laws_that_pages_promise():
    frame = report.drift_frame(studies.rows(runs.find("demo-drift")))
    none = frame[(frame["strength"] == 0) & frame["remedy"].isin([1, 2, 7])]
    assert len(none) == 3 and (none["changed"] == 0).all() and (none["lost"] == 0).all()
    assert frame["remedy"].nunique() == 7 and (paths.BUNDLED / "runs" / "demo-drift" / "rows.parquet").stat().st_size < 5e5


def test_cold_and_diversity_show_their_bundled_studies():
    app = open_page(PAGE["cold"])
    assert cold_report.cold_words(cold_report.cold_frame(studies.rows(runs.find("demo-cold")))) in said(app)
    app = open_page(PAGE["diversity"])
    words = diversity_report.diversity_words(diversity_report.diversity_frame(studies.rows(runs.find("demo-diversity"))))
    assert words in said(app) and not app.error


def test_one_users_lists_stand_side_by_side_and_can_be_drawn_again():
    app = open_page(PAGE["diversity"], view=diversity_view.VIEWS[1], user="5")
    table = app.dataframe[0].value
    assert list(table.columns) == ["Place", "Beam search", "Temperature 1", "Your temperatures"] and len(table) == 10
    app.button(key="draw_again").click().run()
    again = app.dataframe[0].value
    assert (again["Beam search"] == table["Beam search"]).all() and (again["Temperature 1"] != table["Temperature 1"]).any()


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_a_lesson_asks_first_and_then_shows_what_was_measured(lesson):
    rows = studies.rows(runs.find(lesson.study))
    right, words = lesson.answer(rows), lesson.reveal(rows)
    assert 0 <= right < len(lesson.options) and words and "nan" not in words
    app = open_page(PAGE["lessons"], lesson=lesson.key)
    assert "Predict first" in said(app) and words not in said(app)
    app.radio(key=f"predict:{lesson.key}").set_value(lesson.options[right]).run()
    assert words in said(app) and f"As you predicted: **{lesson.options[right]}**" in said(app)
    wrong = lesson.options[(right + 1) % len(lesson.options)]
    app.radio(key=f"predict:{lesson.key}").set_value(wrong).run()
    assert f"Measured: **{lesson.options[right]}**" in said(app)


@pytest.mark.parametrize(("key", "address", "words"), [
    ("drift", {"study": "gone"}, "No drift study 'gone'"), ("cold", {"study": "<b>"}, "No cold study"),
    ("lessons", {"lesson": "gone"}, "no lesson 'gone'"), ("drift", {"view": "nonsense"}, "")])
def test_nonsense_in_the_address_does_no_harm(key, address, words):
    app = open_page(PAGE[key], **address)
    assert words in said(app) and not app.exception


def test_the_form_starts_a_study_and_refuses_nonsense(monkeypatch):
    asked = []
    monkeypatch.setattr("tiger.jobs.supervisor", lambda: type("Fake", (), {"submit": lambda self, config: asked.append(config)
                                                                          or runs.new_run(config)})())
    app = open_page(PAGE["drift"])
    app.text_input(key="study:drift:strengths").set_value("0, 2").run()
    app.button(key="start:drift").click().run()
    assert asked[0]["study"]["params"]["strengths"] == "0, 2" and asked[0]["study"]["model"] == "demo-recommender"
    assert "first remedy's numbers appear here" in said(app), "the new study is shown, waiting"
    app.text_input(key="study:drift:strengths").set_value("many").run()
    app.button(key="start:drift").click().run()
    assert "strengths is 'many'" in said(app) and len(asked) == 2


def test_a_file_outside_what_the_server_may_read_is_refused():
    app = open_page(PAGE["drift"])
    app.selectbox(key="study:drift:source").set_value("file").run()
    app.text_input(key="study:drift:path").set_value("/etc/passwd").run()
    app.button(key="start:drift").click().run()
    assert "outside the folders this server may read" in said(app)
    assert not [run for run in runs.list_runs() if not run.read_only]


def test_a_failed_study_says_why_and_can_be_resumed():
    made = runs.new_run(studies.request("drift", runs.find("demo-drift").config["dataset"], "demo-rqvae", {}))
    files.write_json(made.path / "status.json", made.status | {"state": "failed", "message": "It was too hot.", "pid": 1})
    app = open_page(PAGE["drift"], study=made.id)
    assert "It was too hot." in said(app) and app.button(key="study:resume")
    with pytest.raises(ValueError, match="measured nothing yet"):
        studypage.drift_page(made)
