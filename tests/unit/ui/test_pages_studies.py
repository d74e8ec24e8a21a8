"""Drift, Cold items, Diversity and Lessons without a browser: bundled results at first visit, numbers as measured."""

import json

import pytest
from scipy.stats import binomtest

from data import make_studies
from tests.support.drift import row
from tests.support.pages import open_page
from tiger import runs, studies
from tiger.core import files, params, paths
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as report
from tiger.reports import lessons, study_page
from tiger.runs import config as run_config
from tiger.runs import study_artifacts
from tiger.studies.cold_start import ColdRow
from tiger.studies.diversity import DiversityRow
from tiger.studies.drift import DriftRow
from tiger.ui.shared import address, pagelist

PAGE = pagelist.BY_KEY


@pytest.fixture(autouse=True)
def _workspace(tiger_home, unfolded):
    pass


def frame_of(study: str):
    run = runs.find(study)
    return study_page.REPORTS[run.config.kind].frame(study_artifacts.rows(run))


def said(app) -> str:
    blocks = [*app.subheader, *app.markdown, *app.caption, *app.success, *app.info, *app.warning, *app.error]
    return "\n".join(block.value for block in blocks).replace("\\", "")


def test_drift_shows_the_bundled_study_at_first_visit():
    app = open_page(PAGE["drift"])
    frame = report.drift_frame(study_artifacts.rows(runs.find("demo-drift")))
    assert report.winner_summary(frame) in said(app) and not app.error
    assert app.dataframe[0].value["IDs changed"].tolist() == pytest.approx(report.last_periods(frame)["changed"].tolist())


@pytest.mark.parametrize("view", address.DRIFT_VIEW.options)
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


def test_one_users_lists_are_side_by_side_and_can_be_sampled_again():
    app = open_page(PAGE["diversity"], view=address.DIVERSITY_VIEW.options[1], user="5")
    table = app.dataframe[0].value
    assert list(table.columns) == ["Rank", "Beam search", "Temperature 1", "Your temperatures"] and len(table) == 10
    app.button(key="sample_again").click().run()
    again = app.dataframe[0].value
    assert (again["Beam search"] == table["Beam search"]).all() and (again["Temperature 1"] != table["Temperature 1"]).any()


def unfinished(bundled: str, n_rows: int) -> runs.Run:
    """A study of one's own that was stopped behind the first rows of a bundled one."""
    whole = runs.find(bundled)
    config = whole.config
    known = {spec.name for spec in params.specs(studies.find(config.kind).params)}
    given = {name: value for name, value in config.study.params.items() if name in known}
    made = runs.new_run(study_artifacts.request(config.kind, config.dataset, config.parent, given, title="Half"))
    rows = [event for event in whole.events()[0] if "row" in event][:n_rows]
    (made.path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in rows), encoding="utf-8")
    files.write_json(made.path / "study.json", study_artifacts.about(whole).to_json())
    files.write_json(made.path / "status.json", made.status.to_json() | {"state": "stopped", "message": "Stopped.", "pid": 1})
    return made


@pytest.mark.thorough
@pytest.mark.parametrize("n_rows", [1, 2, 3, 5])
@pytest.mark.parametrize("kind", ["drift", "cold", "diversity"])
def test_a_study_that_was_stopped_early_shows_what_it_has(kind, n_rows):
    made = unfinished(f"demo-{kind}", n_rows * (42 if kind == "cold" else 1))
    for view in {"drift": address.DRIFT_VIEW.options, "diversity": address.DIVERSITY_VIEW.options[:1], "cold": [None]}[kind]:
        app = open_page(PAGE[kind], study=made.id, **({"view": view} if view else {}))
        assert not app.error and not app.exception, (view, said(app))
        assert "Half" in said(app) and "nan" not in said(app)
    assert "This study is stopped" in study_page.page(made)
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
    app = open_page(PAGE["diversity"], view=address.DIVERSITY_VIEW.options[1], user="5")
    assert "No item of this user's history has an ID" in said(app) and not app.error


@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_running_a_lesson_here_carries_out_its_bundled_study_again(lesson):
    bundled = runs.find(lesson.study)
    again = run_config.checked(study_artifacts.again(bundled, "Again"))
    assert again.kind == bundled.config.kind and again.preset == bundled.id and again.study.model == bundled.study.model
    assert again.study.params == params.values(study_artifacts.params_of(bundled))
    assert again.parent == bundled.config.parent == "demo-rqvae" and again.dataset == bundled.config.dataset


@pytest.mark.parametrize("name", make_studies.STUDIES)
def test_a_bundled_study_is_what_its_script_makes(name):
    kind, title, values = make_studies.STUDIES[name]
    bundled = runs.find(name)
    assert study_artifacts.params_of(bundled) == studies.find(kind).config(values) and bundled.state == "finished"
    assert (bundled.config.kind, bundled.title) == (kind, title)
    assert bundled.study.model == (None if kind == "cold" else "demo-recommender")


def diverse(level: int, entropy: float, half: float = 0.05) -> DiversityRow:
    return DiversityRow(f"T = 2 on level {level} only", level, 2.0, 0.1, 9, 60, entropy, entropy, entropy,
                        entropy10_low=entropy - half, entropy10_high=entropy + half)


def cold(prefix: float, knn: float, only: float, n_users: int = 1000) -> list[ColdRow]:
    found = {"prefix": (prefix, 0.1), "knn": (knn, 0.1), "cold": (only, 1.0), "knn_cold": (0.0, 1.0)}
    return [ColdRow(method, "cold", 10, epsilon, recall, n_users) for method, (recall, epsilon) in found.items()]


def drifted(remedy: int, changed: float, period: int = 1, **more: float) -> DriftRow:
    return row(1.0, remedy, changed, period=period, **more)


@pytest.mark.parametrize(("key", "rows", "words"), [
    ("temperature", [diverse(1, 2.0), diverse(2, 1.0)], "selects the neighbourhood"),
    ("temperature", [diverse(1, 1.0), diverse(3, 2.0)], "Here level 3"),
    ("temperature", [diverse(1, 1.9, 0.3), diverse(3, 2.0, 0.3)], "no level stands out"),
    ("cold", cold(0.3, 0.1, 0.4), "shared prefixes find more"), ("cold", cold(0.0, 0.1, 0.05), "nearest content finds more"),
    ("cold", cold(0.3, 0.1, 0.4, n_users=10), "no method finds clearly more"),
    ("cold", cold(0.0, 0.1, 0.05), "does not clearly find more of them"), ("cold", cold(0.0, 0.0, 0.4), "finds more of them"),
    ("rotation", [drifted(2, 0.9), drifted(7, 0.0)], "Align new embeddings"),
    ("rotation", [drifted(2, 0.1), drifted(7, 0.0)], "changed few IDs"),
    ("rotation", [drifted(2, 0.9), drifted(7, 0.8)], "did not restore them"),
    ("matching", [drifted(4, 0.9), drifted(5, 0.85)], "Little of this"),
    ("matching", [drifted(4, 0.9), drifted(5, 0.2)], "Most of this"),
    ("matching", [drifted(4, 0.9), drifted(5, 0.6)], "Part of a retraining's churn"),
    ("matching", [drifted(4, 0.0), drifted(5, 0.0)], "nothing to match"),
    ("recommender", [drifted(4, 0.9, recall_before=0.2, recall_after=0.0)], "cannot read IDs"),
    ("recommender", [drifted(4, 0.1, recall_before=0.2, recall_after=0.19)], "keeps most of its recall"),
    ("seasons", [drifted(2, 0.0, 4), drifted(3, 0.4, 4)], "A frozen codebook has no memory"),
    ("seasons", [drifted(2, 0.0, 4), drifted(3, 0.0, 4)], "both have their first IDs again"),
    ("seasons", [drifted(2, 0.3, 4), drifted(3, 0.0, 4)], "the frozen one has not"),
    ("seasons", [drifted(2, 0.3, 4), drifted(3, 0.4, 4)], "do not restore every ID")])
def test_a_lessons_moral_follows_from_its_rows(key, rows, words):
    lesson = lessons.BY_KEY[key]
    frame = study_page.REPORTS[runs.find(lesson.study).config.kind].frame(rows)
    assert words in lesson.moral(frame) and 0 <= lesson.answer(frame) < len(lesson.options)


@pytest.mark.thorough
@pytest.mark.parametrize("lesson", lessons.LESSONS, ids=lambda lesson: lesson.key)
def test_a_lesson_asks_first_and_then_shows_what_was_measured(lesson):
    frame = frame_of(lesson.study)
    right, words = lesson.answer(frame), lesson.reveal(frame)
    assert 0 <= right < len(lesson.options) and words and "nan" not in words
    app = open_page(PAGE["lessons"], lesson=lesson.key)
    assert "Predict first" in said(app) and words not in said(app)
    app.radio(key=f"predict:{lesson.key}").set_value(lesson.options[right]).run()
    assert words in said(app) and f"As you predicted: **{lesson.options[right]}**" in said(app)
    assert f"**Remember:** {lesson.moral(frame)}" in said(app)
    assert not app.radio and f"You predicted: **{lesson.options[right]}**" in said(app), "it cannot be changed after the reveal"
    wrong = (right + 1) % len(lesson.options)
    app = open_page(PAGE["lessons"], lesson=lesson.key, told=f"{wrong}-r")
    assert f"You predicted: **{lesson.options[wrong]}**" in said(app)
    assert f"Measured: **{lesson.options[right]}**" in said(app)
    following = [link.proto.label for link in app.get("page_link") if link.proto.label.startswith("Next lesson")]
    assert following == [f"Next lesson: {after.title}" for after in lessons.LESSONS[lessons.LESSONS.index(lesson) + 1:][:1]]


@pytest.mark.parametrize("key", ["cold", "temperature"])
def test_a_lesson_and_its_study_page_give_the_same_numbers(key):
    lesson = lessons.BY_KEY[key]
    frame, kind = frame_of(lesson.study), runs.find(lesson.study).config.kind
    assert lesson.reveal(frame) in said(open_page(PAGE[kind]))
    app = open_page(PAGE["lessons"], lesson=key)
    app.radio(key=f"predict:{key}").set_value(lesson.options[0]).run()
    assert lesson.reveal(frame) in said(app)
    link = next(link.proto for link in app.get("page_link") if "whole study" in link.proto.label)
    assert f"study={lesson.study}" in link.query_string


@pytest.mark.parametrize("key", ["cold", "temperature"])
def test_the_bundled_study_has_enough_users_for_its_lessons_answer(key):
    lesson = lessons.BY_KEY[key]
    assert lesson.options[lesson.answer(frame_of(lesson.study))] != "No clear difference"


@pytest.mark.parametrize(("old", "new"), [("heat", "temperature"), ("turn", "rotation"), ("names", "matching"),
                                          ("reader", "recommender")])
def test_links_to_lessons_of_older_labs_open_them(old, new):
    app = open_page(PAGE["lessons"], lesson=old)
    assert app.subheader[0].value == lessons.BY_KEY[new].title and not app.info


def queue_of(monkeypatch) -> list:
    """What pages ask the queue for; each makes a run that waits."""
    asked: list = []
    fake = type("Fake", (), {"submit": lambda self, config: asked.append(config) or runs.new_run(config),
                             "starts": lambda self: {}})
    monkeypatch.setattr("tiger.runs.supervisor.current", fake)
    return asked


def test_running_a_lesson_here_queues_one_study_shows_it_and_leaves_the_study_page_alone(monkeypatch):
    asked = queue_of(monkeypatch)
    lesson = lessons.BY_KEY["rotation"]
    app = open_page(PAGE["lessons"], lesson="rotation")
    app.radio(key="predict:rotation").set_value(lesson.options[0]).run()
    app.button(key="run:rotation").click().run()
    again = app.button(key="run:rotation")
    again.proto.disabled = False  # a second click that comes before the page was drawn again
    again.click().run()
    assert len(asked) == 1 and asked[0].preset == lesson.study
    made = next(run for run in runs.list_runs() if not run.read_only)
    assert app.button(key="run:rotation").disabled and app.button(key="do:Stop")
    assert app.query_params["study"] in (made.id, [made.id]), "a reload finds it again"
    other = open_page(PAGE["lessons"], lesson="rotation")
    other.radio(key="predict:rotation").set_value(lesson.options[0]).run()
    assert other.button(key="run:rotation").disabled, "a class shares one measurement"
    assert open_page(PAGE["drift"]).query_params["study"] in ("demo-drift", ["demo-drift"])
    assert open_page(PAGE["drift"], study=made.id).query_params["study"] in (made.id, [made.id])


@pytest.mark.parametrize(("key", "address", "words"), [
    ("drift", {"study": "gone"}, "No drift study 'gone'"), ("cold", {"study": "<b>"}, "No cold study"),
    ("lessons", {"lesson": "gone"}, "no lesson 'gone'"), ("drift", {"view": "nonsense"}, "")])
def test_nonsense_in_the_address_does_no_harm(key, address, words):
    app = open_page(PAGE[key], **address)
    assert words in said(app) and not app.exception


def test_the_form_starts_a_study_and_refuses_nonsense(monkeypatch):
    asked = queue_of(monkeypatch)
    app = open_page(PAGE["drift"])
    app.text_input(key="study:drift:strengths").set_value("0, 2").run()
    app.button(key="start:drift").click().run()
    assert asked[0].study.params["strengths"] == "0, 2" and asked[0].study.model == "demo-recommender"
    assert "Results for the first remedy appear here" in said(app), "the new study is shown, waiting"
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
    assert "It was too hot." in said(app) and app.button(key="do:Resume")
    with pytest.raises(ValueError, match="no results yet"):
        study_page.page(made)
