"""The Recommender page without a browser: every view, starting a run, its buttons, and what happens without data."""

import json
import os
import shutil
from dataclasses import replace

import numpy as np
import pytest

from tests.support.pages import open_page, values_of
from tiger import datasets, models, runs
from tiger.analysis import costs
from tiger.core import paths
from tiger.datasets import registry
from tiger.runs import presets
from tiger.ui.recommender import costs as cost_view
from tiger.ui.shared import pagelist

PAGE = pagelist.BY_KEY["recommender"]


@pytest.fixture(autouse=True)
def quick(tiger_home, unfolded, monkeypatch):
    """No worker takes a run from the queue, and nothing is measured for seconds."""
    monkeypatch.chdir(paths.PROJECT)
    monkeypatch.setattr("tiger.runs.supervisor.Supervisor._start_waiting", lambda self: None)
    frame = costs.cost_frame(costs.Shape())[["kind", "items", "ms"]].head(2).assign(ms=[1.0, 2.0])
    monkeypatch.setattr(cost_view, "measured", lambda shape: frame)


def said(app) -> str:
    return " ".join(part.value for kind in (app.markdown, app.caption, app.info, app.error, app.subheader) for part in kind)


def buttons(app) -> set[str]:
    return {button.label for button in app.button}


def test_it_opens_with_the_demo_its_scores_and_what_it_recommends():
    app = open_page(PAGE, user="7")
    assert app.title[0].value == PAGE.question
    kept = runs.find("demo-recommender").metrics()["test"]
    assert values_of(app)["Recall@10"] == f"{kept['recall@10']:.4f}"
    assert "Test item of all 4,000 users" in said(app) and "Held-out item" in said(app)
    recommended = next(frame.value for frame in app.dataframe if "held_out" in frame.value)
    assert recommended["rank"].tolist() == list(range(1, 11))
    assert app.query_params["model"] in ("demo-recommender", ["demo-recommender"])
    app.number_input(key="example:demo-recommender").set_value(8).run()
    assert not app.error and app.query_params["user"] in ("8", ["8"])


def test_every_recipe_stands_with_its_line_and_fills_the_command():
    app = open_page(PAGE)
    radio = app.radio(key="model_recipe")
    assert radio.options == [preset.title for preset in presets.MODELS]
    assert list(radio.proto.captions) == [preset.look_for for preset in presets.MODELS]
    assert "train rq_transformer --ids demo-rqvae --width 64" in app.code[0].value
    radio.set_value("sasrec").run()
    assert "train sasrec --dataset synthetic" in app.code[0].value
    assert not [box for box in app.selectbox if box.key == "model_ids"], "it writes no IDs"
    app.radio(key="model_recipe").set_value("sasrec-ids").run()
    assert "train sasrec_ids --ids demo-rqvae" in app.code[0].value and "share vectors" in app.selectbox(key="model_ids").help


def test_start_makes_a_model_run_and_its_buttons_follow_its_state():
    app = open_page(PAGE)
    app.radio(key="model_recipe").set_value("tiger-class").run()
    app.button(key="start_model").click().run()
    made = next(run for run in runs.list_runs() if not run.read_only)
    assert made.learner.name == "encoder_decoder" and made.config.ids_run == "demo-rqvae"
    assert app.query_params["model"] in (made.id, [made.id]) and "Next in the queue" in said(app)
    for state, shown in (("running", {"Pause", "Stop"}), ("paused", {"Resume", "Step one batch", "Stop"}),
                         ("stopped", {"Resume"})):
        about = json.loads((made.path / "status.json").read_text())
        alive = {"pid": os.getpid(), "heartbeat_s": 4e9, "step": 3, "n_steps": 10}
        (made.path / "status.json").write_text(json.dumps(about | alive | {"state": state}))
        app = open_page(PAGE, model=made.id)
        assert shown <= buttons(app), state


def test_the_table_has_every_measured_model_and_the_beam_its_width():
    app = open_page(PAGE, view="Compare")
    recall = json.loads((paths.PROJECT / "data/runs/demo-recommender/metrics.json").read_text())["test"]["recall@10"]
    assert f"finds the held-out item among its first ten for {100 * recall:.1f} %" in said(app)
    assert app.dataframe[0].value["model"].tolist() == ["rq_transformer"]
    assert "paper" not in said(app).lower(), "the paper's rows belong to another dataset"
    app = open_page(PAGE, view="Beam width")
    assert "Without the catalogue's trie" in said(app) and "exact search" in said(app)
    app = open_page(PAGE, view="Cost")
    assert "a generative request costs the same" in said(app)
    assert not app.error


def test_a_dataset_without_runs_and_a_wrong_address(shared_data):
    ref = {"name": "recbole", "params": {"path": str(shared_data / "ml-100k")}, "embedding": {"method": "tfidf"}}
    entry = registry.add(ref, "MovieLens")
    app = open_page(PAGE, dataset=entry.id)
    assert "No recommender of this dataset yet" in said(app) and "No run of this dataset has IDs yet" in said(app)
    for view in ("Compare", "Beam width", "Cost"):
        assert not open_page(PAGE, dataset=entry.id, view=view).error
    app = open_page(PAGE, model="no-such-model")
    assert "This dataset has no recommender 'no-such-model'" in said(app)


def test_ids_that_were_deleted_are_said_in_the_table():
    copy = paths.subfolder("runs") / "copied-recommender"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-recommender", copy)
    config = runs.find("demo-recommender").config.to_json() | {"id": copy.name, "title": "Copy", "ids": {"run": "gone-run"}}
    (copy / "config.json").write_text(json.dumps(config))
    app = open_page(PAGE, view="Compare")
    assert "gone-run (deleted)" in app.dataframe[0].value["ids"].tolist()
    app = open_page(PAGE, view="Cost", model=copy.name)
    assert "No run 'gone-run'" in said(app)


def model_run(name: str, ids: str | None = "demo-rqvae", **given) -> runs.Run:
    """A run of the demo's dataset that was only asked for."""
    config = {"kind": "model", "dataset": runs.find("demo-recommender").config.dataset,
              "ids": {"run": ids} if ids else None, "model": {"name": name, "params": given}}
    return runs.new_run(config)


@pytest.mark.parametrize(("name", "given", "words"), [
    ("rq_transformer", {"width": 64}, "It has a vector for every prefix of the catalogue, 256 bytes each"),
    ("encoder_decoder", {}, "The generative line is for Encoder-decoder (the paper)."),
    ("vector_regression", {}, "Vector regression compares vectors of E = {} numbers")])
def test_the_cost_is_the_chosen_runs(name, given, words):
    run = model_run(name, "demo-rqvae" if models.REGISTRY[name].generative else None, **given)
    app = open_page(PAGE, view="Cost", model=run.id)
    cat = datasets.load_ref(runs.find("demo-recommender").config.dataset)
    assert words.format(cat.embedding_IE.shape[1]) in said(app).replace("\\", "") and not app.error
    assert ("costs the same" in said(app)) == (name != "rq_transformer")
    table = next(frame.value for frame in app.dataframe if "models" in frame.value.columns)
    shape = cost_view.shape_of(run, cat)
    ours = table[table["models"] == "rq_transformer, encoder_decoder"].set_index("items")
    assert ours.loc[10**6, "flops"] == costs.generative(shape, 10**6)[1]
    assert table["models"].str.contains("vector_regression").any()


def test_an_ensemble_takes_two_trained_recommenders_of_this_dataset():
    app = open_page(PAGE, recipe="ensemble")
    assert "train two first" in said(app) and not app.error, "only the demo is there"
    copy = paths.subfolder("runs") / "copied-recommender"
    shutil.copytree(paths.BUNDLED / "runs" / "demo-recommender", copy)
    config = runs.find("demo-recommender").config.to_json() | {"id": copy.name, "title": "Copy"}
    (copy / "config.json").write_text(json.dumps(config))
    app = open_page(PAGE, recipe="ensemble")
    first, second = app.selectbox(key="member:first"), app.selectbox(key="member:second")
    assert first.value != second.value and first.value not in second.options
    assert f"train ensemble --first {first.value} --second {second.value}" in app.code[0].value
    app.button(key="start_model").click().run()
    made = next(run for run in runs.list_runs() if not run.read_only and run.id != copy.name)
    assert {made.learner.params[name] for name in ("first", "second")} == {"demo-recommender", copy.name}
    member = runs.find("demo-recommender").recommender()
    cat = datasets.load_ref(made.config.dataset)
    fitted = models.create("ensemble", choice_users=64).join([member, runs.find(copy.name).recommender()]).fit(cat)
    fitted.save(made.path)
    kept = runs.find("demo-recommender").metrics()
    (made.path / "metrics.json").write_text(json.dumps({"test": kept["test"]}))
    about = json.loads((made.path / "status.json").read_text())
    (made.path / "status.json").write_text(json.dumps(about | {"state": "finished"}))
    app = open_page(PAGE, model=made.id)
    assert "combines RQ-Transformer on RQ-VAE + RQ-Transformer on RQ-VAE" in said(app)
    words = said(app).replace("\\", "")
    assert "Weight of the second member: 0.5, the best of 21" in words and not app.error, "the middle, where all are alike"
    assert not open_page(PAGE, view="Cost", model=made.id).error


def test_a_link_may_name_a_recipe():
    app = open_page(PAGE, recipe="cascade")
    assert app.radio(key="model_recipe").value == "cascade" and "train cascade" in app.code[0].value
    assert [box.proto.expanded for box in app.expander if box.label == "Train a recommender"] == [True]
    app.button(key="start_model").click().run()
    assert "recipe" not in app.query_params
    app = open_page(PAGE, recipe="nonsense")
    assert "There is no recommender preset 'nonsense'" in said(app) and not app.error


def test_a_user_with_two_items_has_none_held_out(monkeypatch):
    cat = datasets.load_ref(runs.find("demo-recommender").config.dataset)
    short = replace(cat, indptr_U1=np.concatenate([[0, 2], cat.indptr_U1[2:]]))
    monkeypatch.setattr("tiger.ui.shared.state.catalogue", lambda: short)
    monkeypatch.setattr("tiger.ui.shared.state.catalogue_of", lambda run: short)
    app = open_page(PAGE, user="0")
    assert "User 0 has too few items for one to be held out of training" in said(app)
    assert said(app).count("Held-out item") == 1  # among the page's terms
    shown = next(frame.value for frame in app.dataframe if "held_out" in frame.value.columns)
    assert set(shown["held_out"]) == {""} and not app.error
