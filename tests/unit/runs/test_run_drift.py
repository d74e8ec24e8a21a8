"""Drift as a study: carried out by real workers, from files, from the command line, and shown half done."""

import json

import numpy as np
import pytest

from tests.support.drift import row
from tests.support.pages import open_page
from tests.support.training import config, warm, workers_here, write_shop
from tiger import datasets, runs
from tiger.cli import main as cli
from tiger.core import files
from tiger.datasets import registry
from tiger.reports import drift as report
from tiger.runs import config as run_config
from tiger.runs import study_artifacts, supervisor, worker
from tiger.runs.executors import local
from tiger.ui.shared import address, pagelist
from tiger.ui.studies import study as study_ui

pytestmark = pytest.mark.thorough

QUICK = {"remedies": "1, 2", "recommender": False}


@pytest.fixture
def shop(tiger_home, tmp_path):
    """A small shop and one finished run of residual k-means."""
    ref = write_shop(tmp_path / "shop", 120)
    parent = runs.new_run(config(ref, "rkmeans", n_codes=8))
    with workers_here():
        assert worker.execute(parent) == 0
        yield ref, parent


def carry_out(shop, values):
    made = runs.new_run(study_artifacts.request("drift", shop[0], shop[1].id, values))
    worker.execute(made)
    return made


def work(run, n_threads):
    """Let a worker of its own process carry it out."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(local, "n_cores", lambda: n_threads)
        assert supervisor.launch(run, 1, warm()).wait(300) == 0
    assert run.state == "finished", run.status.message


@pytest.mark.processes
def test_zero_drift_gives_zero_churn_through_workers_with_other_numbers_of_threads(tiger_home, tmp_path):
    """Trained by a worker with two threads, compared by a worker with one, as a server with two workers does it."""
    ref = write_shop(tmp_path / "shop", 900)
    parent = runs.new_run(config(ref, n_codes=32, n_steps=30, batch_size=256, hidden="64"))
    work(parent, 2)
    assert parent.status.n_threads == 2
    made = runs.new_run(study_artifacts.request("drift", ref, parent.id, {"strengths": "0", "remedies": "1, 2, 4, 5, 6, 7",
                                                                  "recommender": False, "penalised_mode": "threshold"}))
    work(made, 1)
    frame = report.drift_frame(study_artifacts.rows(made))
    assert frame["remedy"].tolist() == [1, 2, 4, 5, 6, 7]
    assert (frame["changed"] == 0).all() and (frame["tokens"] == 0).all(), frame[["remedy", "changed"]]


def test_files_are_replayed_period_by_period_and_gone_on_with(shop, tmp_path):
    cat = datasets.load_ref(shop[0])
    folder = tmp_path / "months"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for month in range(3):
        noise_IE = 0.2 * month * rng.standard_normal(cat.embedding_IE.shape)
        np.save(folder / f"{month}.npy", (cat.embedding_IE + noise_IE).astype(np.float32))
    made = carry_out(shop, QUICK | {"source": "file", "path": str(folder)})
    assert made.state == "finished", made.status.message
    frame = report.drift_frame(study_artifacts.rows(made))
    assert list(zip(frame["remedy"], frame["period"], strict=True)) == [(r, p) for r in (1, 2) for p in (1, 2, 3)]
    frozen = frame[frame["remedy"] == 2]["changed"].tolist()
    assert frozen[0] == 0 < frozen[1] < frozen[2]
    assert sum("matched by row order" in note for note in study_artifacts.notes(made)) == 3
    n_lines = len(made.events()[0])
    worker.execute(made)
    assert not [event for event in made.events()[0][n_lines:] if "row" in event], "all periods are there already"


def test_a_refit_after_more_interactions_trains_quantizer_and_recommender_on_the_first(shop):
    made = carry_out(shop, {"source": "history", "remedies": "1, 2", "recommender_epochs": 1, "recommender_users": 10,
                            "regain_steps": 2})
    assert made.state == "finished", made.status.message
    frame = report.drift_frame(study_artifacts.rows(made))
    assert frame["changed"].iloc[0] == 0 < frame["changed"].iloc[1] and frame["recall_after"].notna().all()
    assert any("first 50% of each user's training interactions" in note for note in study_artifacts.notes(made))
    assert "none" not in run_config.command(made.config)


def test_the_command_line_finds_files_from_where_it_was_given(shop, tmp_path, capsys, monkeypatch):
    cat = datasets.load_ref(shop[0])
    np.save(tmp_path / "new.npy", cat.embedding_IE)
    np.save(tmp_path / "newer.npy", cat.embedding_IE)
    (tmp_path / "ids.txt").write_text("\n".join(cat.items["item_id"]))
    monkeypatch.chdir(tmp_path)
    words = ["drift", shop[1].id, "--source", "file", "--remedies", "1,2", "--no-reader", "--json"]
    assert cli.main([*words, "--path", "new.npy, newer.npy", "--ids", "ids.txt"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["state"] == "finished" and [row["period"] for row in found["rows"]] == [1, 2, 1, 2]
    asked = runs.find(found["id"]).study.params
    assert asked["path"] == f"{tmp_path / 'new.npy'}, {tmp_path / 'newer.npy'}" and asked["ids"] == str(tmp_path / "ids.txt")
    n_runs = len(runs.list_runs())
    for more in (["--path", "gone.npy"], ["--path", "new.npy, gone.npy"], ["--path", "new.npy", "--ids", "gone.npy"]):
        assert cli.main([*words, *more]) == 2
        said = capsys.readouterr().err
        assert f"'{tmp_path / 'gone.npy'}', which is not a file" in said and said.count("\n") == 1
    assert len(runs.list_runs()) == n_runs, "no run was made"


@pytest.fixture
def half_done(tiger_home):
    """A study of the demo run: strength 0.5 is done, strength 1 has the first period of its first remedy."""
    made = runs.new_run(study_artifacts.request("drift", registry.bundled().ref, "demo-rqvae",
                                                {"strengths": "0.5, 1", "periods": 2}))
    asked = [(0.5, remedy, period) for remedy in (1, 2, 7) for period in (1, 2)] + [(1.0, 1, 1)]
    rows = [row(strength, remedy, 0.1, period=period, n_periods=2, recall_before=0.3, recall_after=0.2)
            for strength, remedy, period in asked]
    events = [{"step": step, "t_s": 0, "row": one.to_json()} for step, one in enumerate(rows)]
    (made.path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    files.write_json(made.path / "status.json", made.status.to_json() | {"state": "stopped", "pid": None})
    return made


@pytest.mark.parametrize("view", address.DRIFT_VIEW.options)
def test_every_view_of_a_study_that_has_just_begun_a_strength_opens(half_done, view):
    app = open_page(pagelist.BY_KEY["drift"], study=half_done.id, view=view)
    assert not app.exception and not app.error
    if view == address.DRIFT_VIEW.options[0]:
        assert "0 of 3 remedies are measured so far" in app.success[0].value


@pytest.mark.parametrize(("view", "key"), [("Code transitions", "transitions"), ("Old recommender", "recall")])
def test_only_what_was_measured_is_offered(half_done, view, key):
    """Strength 1 has only the first period of one remedy: nothing else is offered there."""
    app = open_page(pagelist.BY_KEY["drift"], study=half_done.id, view=view)
    labels = [control.label for control in app.segmented_control]
    assert "Strength" in labels and "Period" not in labels
    app.segmented_control(key=f"strength:{key}").set_value(0.5).run()
    assert not app.exception and app.segmented_control(key=f"period:{key}:0.5").options == ["1", "2"]
    app.segmented_control(key=f"period:{key}:0.5").set_value(2).run()
    if key == "transitions":
        assert len(app.segmented_control(key="transitions_remedy:0.5:2").options) == 3
    app.segmented_control(key=f"strength:{key}").set_value(1.0).run()
    assert not app.exception and "Period" not in [control.label for control in app.segmented_control]
    if key == "transitions":
        assert app.segmented_control(key="transitions_remedy:1.0:1").options == ["1 Keep all IDs"]


def test_a_list_of_files_cannot_smuggle_one_from_elsewhere(tiger_home, tmp_path, monkeypatch):
    uploads = tiger_home / "uploads" / "x"
    uploads.mkdir(parents=True)
    (uploads / "v.npy").write_bytes(b"1")
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path / "roots"))
    study_ui.check_own_file(f"{uploads / 'v.npy'}, {uploads / 'v.npy'}")
    study_ui.check_own_file(str(uploads))
    for path in (f"{uploads / 'v.npy'}, /etc/passwd", "/etc", f"{uploads}/../../../secret.npy"):
        with pytest.raises(ValueError, match="outside the folders"):
            study_ui.check_own_file(path)
    (uploads / "w.npy").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="outside the folders"):
        study_ui.check_own_file(str(uploads))
