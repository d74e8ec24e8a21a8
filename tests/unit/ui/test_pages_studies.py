"""Drift, Cold items, Diversity and Lessons without a browser: bundled results at first visit, numbers as measured."""

import json

import pytest
from scipy.stats import binomtest

from tests.support.pages import open_page
from tiger import runs
from tiger.core import files, params, paths
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as report
from tiger.reports import lessons, study_page
from tiger.runs import config as run_config
from tiger.runs import study_artifacts
from tiger.ui.shared import pagelist
from tiger.ui.studies import diversity as diversity_view
from tiger.ui.studies import drift as drift_view

PAGE = pagelist.BY_KEY


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def said(app) -> str:
    blocks = [*app.markdown, *app.caption, *app.success, *app.info, *app.warning, *app.error]
    return "\n".join(block.value for block in blocks).replace("\\", "")


def test_drift_shows_the_bundled_study_at_first_visit():
    app = open_page(PAGE["drift"])
    frame = report.drift_frame(study_artifacts.rows(runs.find("demo-drift")))
    assert report.winner_summary(frame) in said(app) and not app.error
    assert app.dataframe[0].value["IDs changed"].tolist() == pytest.approx(report.last_periods(frame)["changed"].tolist())


@pytest.mark.parametrize("view", drift_view.VIEWS)
def test_every_view_of_both_drift_studies_opens(view):
    for study in ("demo-drift", "demo-schedule"):
        app = open_page(PAGE["drift"], study=study, view=view)
        assert not app.error and not app.exception, said(app)


def test_drift_studies_obey_the_laws_that_pages_promise():
    frame = report.drift_frame(study_artifacts.rows(runs.find("demo-drift")))
    none = frame[(frame["strength"] == 0) & frame["remedy"].isin([1, 2, 7])]
    assert len(none) == 3 and (none["changed"] == 0).all() and (none["lost"] == 0).all()
    assert frame["remedy"].nunique() == 7 and (paths.BUNDLED / "runs" / "demo-drift" / "rows.parquet").stat().st_size < 5e5


def test_cold_and_diversity_show_their_bundled_studies():
    app = open_page(PAGE["cold"])
    assert cold_report.cold_summary(cold_report.cold_frame(study_artifacts.rows(runs.find("demo-cold")))) in said(app)
    app = open_page(PAGE["diversity"])
    rows = study_artifacts.rows(runs.find("demo-diversity"))
    words = diversity_report.diversity_summary(diversity_report.diversity_frame(rows))
    assert words in said(app) and not app.error


def test_one_users_lists_stand_side_by_side_and_can_be_drawn_again():
    app = open_page(PAGE["diversity"], view=diversity_view.VIEWS[1], user="5")
    table = app.dataframe[0].value
    assert list(table.columns) == ["Place", "Beam search", "Temperature 1", "Your temperatures"] and len(table) == 10
    app.button(key="draw_again").click().run()
    again = app.dataframe[0].value
    assert (again["Beam search"] == table["Beam search"]).all() and (again["Temperature 1"] != table["Temperature 1"]).any()


def unfinished(bundled: str, n_rows: int) -> runs.Run:
    """A study of one's own that was stopped behind the first rows of a bundled one."""
    whole = runs.find(bundled)
    config = whole.config
    known = {spec.name for spec in params.specs(run_config.study_class(config.kind))}
    given = {name: value for name, value in config.study.params.items() if name in known}
    made = runs.new_run(study_artifacts.request(config.kind, config.dataset, config.parent, given, title="Half"))
    rows = [event for event in whole.events()[0] if "row" in event][:n_rows]
    (made.path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in rows), encoding="utf-8")
    files.write_json(made.path / "study.json", study_artifacts.about(whole))
    files.write_json(made.path / "status.json", made.status.to_json() | {"state": "stopped", "message": "Stopped.", "pid": 1})
    return made


@pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
@pytest.mark.parametrize(("kind", "page"), [("drift", study_page.drift_page), ("cold", study_page.cold_page),
                                            ("diversity", study_page.diversity_page)])
def test_a_study_that_was_stopped_early_shows_what_it_has(kind, page, n_rows):
    made = unfinished(f"demo-{kind}", n_rows * (42 if kind == "cold" else 1))
    for view in {"drift": drift_view.VIEWS, "diversity": diversity_view.VIEWS[:1], "cold": [None]}[kind]:
        app = open_page(PAGE[kind], study=made.id, **({"view": view} if view else {}))
        assert not app.error and not app.exception, (view, said(app))
        assert "Half" in said(app) and "nan" not in said(app)
    assert "This study is stopped" in page(made)
    if (kind, n_rows) == ("diversity", 1):
        assert "No temperature on all levels is measured yet" in said(app)


@pytest.mark.parametrize("study", ["demo-cold", "demo-diversity"])
def test_cold_and_diversity_offer_their_report_and_intervals(study):
    run = runs.find(study)
    app = open_page(PAGE[run.config.kind])
    report_button = [button for button in app.get("download_button") if button.proto.label == "Report as HTML"]
    assert len(report_button) == 1
    table = app.dataframe[-1].value
    heads = {"cold": "Recall, 95 %", "diversity": "Recall@10, 95 %"}
    value = table["Recall" if study == "demo-cold" else "Recall@10"]
    for share, words, n in zip(value, table[heads[run.config.kind]], table["Users"], strict=True):
        low, high = binomtest(round(share * n), int(n)).proportion_ci(0.95, "wilson")
        assert words == (f"{low:.1%} to {high:.1%}" if study == "demo-cold" else f"{low:.2f} to {high:.2f}")


def test_a_user_nothing_of_whom_can_be_read_is_said(monkeypatch):
    monkeypatch.setattr("tiger.models.generative.GenerativeRecommender._has_id", lambda self, row: row < 0)
    app = open_page(PAGE["diversity"], view=diversity_view.VIEWS[1], user="5")
    assert "No item of this user's history has an ID" in said(app) and not app.error


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_a_lessons_bundled_study_is_what_running_it_here_asks(lesson):
    bundled = runs.find(lesson.study)
    asked = params.values(params.build(run_config.study_class(lesson.kind), lesson.values))
    assert bundled.study.params == asked and bundled.config.kind == lesson.kind
    assert bundled.study.model == (None if lesson.kind == "cold" else "demo-recommender")
    assert bundled.config.parent == "demo-rqvae" and bundled.state == "finished"


def heat(level: int, entropy: float) -> dict:
    return {"name": f"T = 2 on level {level} only", "level": level, "heat": 2.0, "recall": 0.1, "n_users": 60, "different": 9,
            "entropy10": entropy, "entropy20": entropy, "entropy50": entropy}


def cold(prefix: float, knn: float, only: float) -> list[dict]:
    found = {"prefix": (prefix, 0.1), "knn": (knn, 0.1), "cold": (only, 1.0), "knn_cold": (0.0, 1.0)}
    return [{"method": method, "who": "cold", "k": 10, "epsilon": epsilon, "recall": recall, "n_users": 50}
            for method, (recall, epsilon) in found.items()]


def drift(remedy: int, changed: float, period: int = 1, **more: float) -> dict:
    return {"strength": 1.0, "remedy": remedy, "period": period, "changed": changed, "moved_degrees": 1.0, "churn_before": 0.0,
            "error": 0.1, "collided": 0, "tokens": 0, "token_share": 0.0, "seconds": 1.0, "churn": [0.0], "survival": [0.0],
            "neighbours": [0.0], "chance": [0.0]} | more


@pytest.mark.parametrize(("key", "rows", "words"), [
    ("heat", [heat(1, 2.0), heat(2, 1.0)], "chooses the neighbourhood"), ("heat", [heat(1, 1.0), heat(3, 2.0)], "Here level 3"),
    ("cold", cold(0.3, 0.1, 0.4), "codes are the better way"), ("cold", cold(0.0, 0.1, 0.05), "plain content is the better"),
    ("cold", cold(0.0, 0.1, 0.05), "reaches no more of them"), ("cold", cold(0.0, 0.0, 0.4), "do not get in here"),
    ("turn", [drift(2, 0.9), drift(7, 0.0)], "Align before you encode"),
    ("turn", [drift(2, 0.1), drift(7, 0.0)], "left most IDs"),
    ("turn", [drift(2, 0.9), drift(7, 0.8)], "did not give them back"),
    ("names", [drift(4, 0.9), drift(5, 0.85)], "Little of this"), ("names", [drift(4, 0.9), drift(5, 0.2)], "Most of this"),
    ("names", [drift(4, 0.9), drift(5, 0.6)], "Part of the churn"),
    ("names", [drift(4, 0.0), drift(5, 0.0)], "nothing to rename"),
    ("reader", [drift(4, 0.9, recall_before=0.2, recall_after=0.0)], "another language"),
    ("reader", [drift(4, 0.1, recall_before=0.2, recall_after=0.19)], "can read most"),
    ("seasons", [drift(2, 0.0, 4), drift(3, 0.4, 4)], "A frozen codebook has no memory"),
    ("seasons", [drift(2, 0.0, 4), drift(3, 0.0, 4)], "both came back"),
    ("seasons", [drift(2, 0.3, 4), drift(3, 0.0, 4)], "the frozen one did not"),
    ("seasons", [drift(2, 0.3, 4), drift(3, 0.4, 4)], "do not bring every ID back")])
def test_a_lessons_moral_follows_from_its_rows(key, rows, words):
    assert words in lessons.BY_KEY[key].moral(rows)


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_a_lesson_asks_first_and_then_shows_what_was_measured(lesson):
    rows = study_artifacts.rows(runs.find(lesson.study))
    right, words = lesson.answer(rows), lesson.reveal(rows)
    assert 0 <= right < len(lesson.options) and words and "nan" not in words
    app = open_page(PAGE["lessons"], lesson=lesson.key)
    assert "Predict first" in said(app) and words not in said(app)
    app.radio(key=f"predict:{lesson.key}").set_value(lesson.options[right]).run()
    assert words in said(app) and f"As you predicted: **{lesson.options[right]}**" in said(app)
    assert f"**Remember:** {lesson.moral(rows)}" in said(app)
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
    queue = type("Fake", (), {"submit": lambda self, config: asked.append(config) or runs.new_run(config)})
    monkeypatch.setattr("tiger.runs.supervisor.current", queue)
    app = open_page(PAGE["drift"])
    app.text_input(key="study:drift:strengths").set_value("0, 2").run()
    app.button(key="start:drift").click().run()
    assert asked[0].study.params["strengths"] == "0, 2" and asked[0].study.model == "demo-recommender"
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
    made = runs.new_run(study_artifacts.request("drift", runs.find("demo-drift").config.dataset, "demo-rqvae", {}))
    files.write_json(made.path / "status.json", made.status.but(state="failed", message="It was too hot.", pid=1).to_json())
    app = open_page(PAGE["drift"], study=made.id)
    assert "It was too hot." in said(app) and app.button(key="study:resume")
    with pytest.raises(ValueError, match="measured nothing yet"):
        study_page.drift_page(made)
