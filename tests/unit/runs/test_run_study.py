"""Studies as runs: carried out by the worker, stopped and resumed behind the last row, read again, refused in one sentence."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data import make_studies
from tests.support.training import config, workers_here, write_shop
from tiger import datasets, runs
from tiger.cli import main as cli
from tiger.core import files
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as report
from tiger.reports import study_page
from tiger.runs import config as run_config
from tiger.runs import import_run, study_artifacts, worker
from tiger.semantic_ids import import_ids
from tiger.studies import cold_start, diversity

pytestmark = pytest.mark.thorough

DRIFT = {"strengths": "0, 1", "remedies": "1, 2, 7", "fine_steps": 2, "recommender_epochs": 1, "recommender_users": 10,
         "regain_steps": 2}


class Fetched(HTMLParser):
    """Collects every address that a browser would fetch."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        self.found += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "action", "poster")]


def assert_whole(text, words):
    """The page names these, draws something, and fetches nothing."""
    reader = Fetched()
    reader.feed(text)
    assert reader.found == [] and "@import" not in text.split("<body>")[0] and "url(" not in text.split("<body>")[0]
    assert text.startswith("<!doctype html>") and text.count("Plotly.newPlot(") >= 3 and "nan%" not in text
    for word in words:
        assert word in text, word


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A workspace with a small shop and one finished run of residual k-means."""
    folder = tmp_path_factory.mktemp("studies")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        ref = write_shop(folder / "shop", 120)
        parent = runs.new_run(config(ref, "rkmeans", n_codes=8))
        with workers_here():
            assert worker.execute(parent) == 0
            yield ref, parent


def carry_out(kind, shop, values, model=None):
    made = runs.new_run(study_artifacts.request(kind, shop[0], shop[1].id, values, model))
    worker.execute(made)
    return made


def test_a_drift_study_leaves_rows_a_table_and_a_page_of_its_own(shop):
    made = carry_out("drift", shop, DRIFT)
    assert made.state == "finished", made.status.message
    frame = report.drift_frame(study_artifacts.rows(made))
    assert list(zip(frame["strength"], frame["remedy"], strict=True)) == [(s, r) for s in (0.0, 1.0) for r in (1, 2, 7)]
    assert (frame.loc[frame["strength"] == 0, ["changed", "token_share", "lost"]] == 0).all(axis=None)
    assert len(pd.read_parquet(made.path / "rows.parquet")) == 6
    text = study_page.page(made)
    assert text.startswith("<!doctype html>") and "Plotly.newPlot" in text and "At strength" in text
    assert "http" not in text.split("<body>")[0] and 'src="http' not in text, "nothing is fetched"
    assert run_config.command(made.config).startswith(f"python -m tiger drift {shop[1].id} --strengths '0, 1'")


def test_a_stopped_study_goes_on_behind_its_last_row(shop, monkeypatch):
    made = runs.new_run(study_artifacts.request("drift", shop[0], shop[1].id, DRIFT | {"recommender": False}))
    seen = []
    steps = worker.study

    def until_two_rows(context):
        for progress in steps(context):
            seen.append(progress)
            if len(study_artifacts.rows(made)) == 2:
                context.stop_reason = "Stopped by the test."
            yield progress

    monkeypatch.setattr(worker, "study", until_two_rows)
    worker.execute(made)
    assert made.state == "stopped" and len(study_artifacts.rows(made)) == 2
    first = study_artifacts.rows(made)
    monkeypatch.setattr(worker, "study", steps)
    worker.execute(made)
    again = study_artifacts.rows(made)
    assert made.state == "finished" and len(again) == 6 and again[:2] == first
    assert sum("row" in event for event in made.events()[0]) == 6, "nothing was measured twice"


def test_a_second_version_from_a_file_is_compared_and_its_notes_are_kept(shop, tmp_path):
    cat = datasets.load_ref(shop[0])
    np.save(tmp_path / "new.npy", cat.embedding_IE[:, :30])
    made = carry_out("drift", shop, {"source": "file", "path": str(tmp_path / "new.npy"), "remedies": "2,7",
                                      "recommender": False})
    assert made.state == "finished" and "30 wide" in study_artifacts.notes(made)[0]
    broken = carry_out("drift", shop, {"source": "file", "path": str(tmp_path / "gone.npy"), "recommender": False})
    assert broken.state == "failed" and "is not a file" in broken.status.message


def test_a_cold_study_measures_every_method(shop):
    made = carry_out("cold", shop, COLD)
    assert made.state == "finished", made.status.message
    frame = cold_report.cold_frame(study_artifacts.rows(made))
    assert set(frame["method"]) == set(cold_start.METHODS) and frame["recall"].between(0, 1).all()
    for _, part in frame.groupby(["method", "who", "epsilon"]):
        assert (np.diff(part.sort_values("k")["recall"]) >= -1e-12).all(), "recall never falls with K"
    none = frame[(frame["who"] == "cold") & (frame["epsilon"] == 0) & frame["method"].isin(["prefix", "knn"])]
    assert len(none) and (none["recall"] == 0).all(), "epsilon 0 leaves no place for cold items"
    assert "For users whose test item is cold" in cold_report.cold_summary(frame)
    text = study_page.page(made)
    assert_whole(text, ["Recall over epsilon", "Cost for all other users", "Shared prefix, up to epsilon"])
    assert "<details>" in text.split("<h2>All numbers</h2>")[1], "a table of 192 rows is folded away"


COLD = {"share": 0.2, "users": 20, "width": 10, "epochs": 1}


@pytest.mark.parametrize("where", ["after the quantizer", "inside the recommender", "after two groups"])
def test_a_stopped_cold_study_goes_on_and_ends_as_one_that_was_never_stopped(shop, monkeypatch, where):
    whole = study_artifacts.rows(carry_out("cold", shop, COLD))
    made = runs.new_run(study_artifacts.request("cold", shop[0], shop[1].id, COLD))
    steps, seen, fits = worker.study, [], []
    reached = {"after the quantizer": lambda: (made.path / "warm_codes.npy").exists(),
               "inside the recommender": lambda: seen[-1].stage.startswith("recommender"),
               "after two groups": lambda: len(study_artifacts.rows(made)) == 84}[where]

    def until_there(context):
        for progress in steps(context):
            seen.append(progress)
            if reached():
                context.run.control("stop")
                context._looked_s = -1e9  # look at once
            yield progress

    monkeypatch.setattr(worker, "study", until_there)
    worker.execute(made)
    first = study_artifacts.rows(made)
    assert made.state == "stopped" and len(first) == (84 if where == "after two groups" else 0)
    assert ("after the last measured row" in made.status.message) == bool(first)
    assert ("repeats the training" in made.status.message) != bool(first)
    monkeypatch.setattr(worker, "study", lambda context: (fits.append(p.stage) or p for p in steps(context)))
    made.control("run")
    worker.execute(made)
    assert made.state == "finished" and study_artifacts.rows(made) == whole
    assert "quantizer on warm items" not in fits, "the codes were kept"
    assert ("recommender on warm items" in fits) == (not first), "and so was a recommender that was done"
    assert sum("row" in event for event in made.events()[0]) == len(whole), "nothing was measured twice"


def test_a_diversity_study_needs_categories_and_measures_every_level(shop):
    refused = carry_out("diversity", shop, {"users": 5, "epochs": 1})
    assert refused.state == "failed" and "neither categories nor attributes" in refused.status.message
    parent = runs.new_run(config({"name": "synthetic", "params": {"n_items": 60, "n_users": 40}}, "rkmeans", n_codes=8))
    worker.execute(parent)
    made = carry_out("diversity", (parent.config.dataset, parent), {"users": 12, "epochs": 1, "temperatures": "1 2"})
    assert made.state == "finished", made.status.message
    frame = diversity_report.diversity_frame(study_artifacts.rows(made))
    assert frame["name"].tolist()[:3] == ["beam search", "T = 1", "T = 2"] and (frame["level"] > 0).sum() >= 3
    assert frame["entropy10"].between(0, np.log(10)).all()
    beside = diversity_report.beside_the_paper(frame)
    assert beside[beside["temperature"] == 2.0]["reported"].tolist() == list(diversity.REPORTED[2.0])
    assert_whole(study_page.page(made), ["Entropy beside the paper", "level by level", "T = 2 on level 1 only"])


@pytest.mark.parametrize(("kind", "given", "words"), [
    ("drift", {"strengths": "x"}, "strengths is 'x'"), ("cold", {"share": 2}, "share is 2"),
    ("diversity", {"temperatures": "-1"}, "temperatures is '-1'"), ("cold", {"speed": 1}, "not a hyper-parameter")])
def test_nonsense_is_refused_before_anything_starts(shop, kind, given, words):
    with pytest.raises(ValueError, match=words):
        runs.new_run(study_artifacts.request(kind, shop[0], shop[1].id, given))
    with pytest.raises(ValueError, match="needs 'parent'"):
        runs.new_run({"kind": kind, "dataset": shop[0]})


def test_a_study_that_encodes_needs_a_run_that_was_trained_here(shop, tmp_path):
    cat = datasets.load_ref(shop[0])
    np.save(tmp_path / "codes.npy", shop[1].codes())
    imported = import_run.keep(import_ids(tmp_path / "codes.npy", cat, "number", 8), cat, "Theirs")
    before = {run.id for run in runs.list_runs()}
    for kind in ("drift", "cold"):
        with pytest.raises(ValueError, match="'Theirs' is imported, so there is no quantizer"):
            runs.new_run({"kind": kind, "dataset": shop[0], "parent": imported.id})
    assert {run.id for run in runs.list_runs()} == before, "nothing is left behind"
    shutil.rmtree(imported.path)


def test_a_recommender_of_other_ids_is_refused(shop):
    made = carry_out("drift", shop, DRIFT, model="demo-recommender")
    assert made.state == "failed" and "writes the IDs of run demo-rqvae" in made.status.message


def test_the_command_line_compares_and_writes_the_report(shop, capsys, tmp_path):
    code = cli.main(["drift", shop[1].id, "--strengths", "1", "--remedies", "2,7", "--no-reader", "--out",
                     str(tmp_path / "r.html"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0 and found["state"] == "finished" and len(found["rows"]) == 2 and "At strength 1" in found["words"]
    assert (tmp_path / "r.html").stat().st_size > 1e6
    assert cli.main(["drift", shop[1].id, "--out", str(tmp_path / "none" / "r.html")]) == 2
    assert "does not exist" in capsys.readouterr().err


@pytest.mark.parametrize(("kind", "flags"), [
    ("cold", ["--users", "10", "--width", "5", "--epochs", "1", "--share", "0.2"]),
    ("diversity", ["--users", "5", "--epochs", "1", "--temperatures", "1, 2/1"])])
def test_cold_and_diversity_write_their_report_too(shop, kind, flags, capsys, tmp_path):
    parent = shop[1]
    if kind == "diversity":
        parent = runs.new_run(config({"name": "synthetic", "params": {"n_items": 60, "n_users": 40}}, "rkmeans", n_codes=8))
        worker.execute(parent)
    code = cli.main([kind, parent.id, *flags, "--out", str(tmp_path / "r.html"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == 0 and found["state"] == "finished" and found["rows"]
    text = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert f"python -m tiger {kind} {parent.id}" in text and ("T = 2/1" in text or kind == "cold")
    assert cli.main([kind, parent.id, "--out", str(tmp_path / "none" / "r.html")]) == 2
    assert "does not exist" in capsys.readouterr().err


def test_making_the_bundled_studies_goes_on_only_with_one_that_asks_the_same(tiger_home, monkeypatch):
    def finish(words, **_):
        folder = Path(words[-1])
        files.write_json(folder / "status.json", runs.Run(folder).status.to_json() | {"state": "finished"})

    monkeypatch.setattr(make_studies.subprocess, "run", finish)
    first = make_studies.carried_out("cold", "A title", {"users": 20})
    other = make_studies.carried_out("cold", "A title", {"users": 30})
    assert other.id != first.id and other.study.params["users"] == 30
    assert make_studies.carried_out("cold", "A title", {"users": 20}).id == first.id
