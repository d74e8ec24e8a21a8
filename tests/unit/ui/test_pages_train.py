"""Train, Codebooks and Doctor without a browser: every state of a run, and numbers that agree with the core's."""

import json
import os
import shutil

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from tests.support.pages import TRAIN_FORM, charts_of, levels_of, numbers_of_level, open_page, unfold
from tests.support.training import SMALL, execute
from tiger import datasets, quantizers, runs
from tiger.core import paths
from tiger.datasets import registry
from tiger.runs import presets
from tiger.ui.shared import pagelist


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with two small runs of the bundled shop that really trained: one healthy, one collapsed."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(home))
        patch.chdir(paths.PROJECT)
        found = {}
        for name, changes in (("healthy", {}), ("sick", {"kmeans_init": False, "restart_threshold": 0.0})):
            run = runs.new_run({"dataset": registry.bundled().ref, "title": f"A {name} one",
                                "quantizer": {"name": "rqvae", "params": SMALL | changes}})
            execute(run)
            found[name] = run.id
        yield home, found


@pytest.fixture
def ids(trained, tmp_path, monkeypatch):
    """The trained runs' ids, in a workspace of the test's own."""
    home, found = trained
    shutil.copytree(home, tmp_path / "home")
    monkeypatch.setenv("TIGER_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(paths.PROJECT)
    return found


def said(app: AppTest) -> str:
    """Every text on the page, with nothing escaped."""
    parts = [*app.markdown, *app.caption, *app.info, *app.warning, *app.error, *app.success, *app.subheader]
    return "\n".join(part.value for part in parts).replace("\\", "")


def table(app: AppTest, *columns: str):
    """The first table that has these columns."""
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def buttons(app: AppTest) -> set[str]:
    return {button.label for button in app.main.button}


def pretend(run_id: str, **status) -> runs.Run:
    """Make a copy's status say something else; the worker that would say so is this very process."""
    run = runs.find(run_id)
    about = json.loads((run.path / "status.json").read_text())
    alive = {"pid": os.getpid(), "heartbeat_s": 4e9}
    (run.path / "status.json").write_text(json.dumps(about | alive | status))
    return run


def test_a_dataset_without_runs_offers_the_first_one(tiger_home, monkeypatch, shared_data):
    monkeypatch.chdir(paths.PROJECT)
    ref = {"name": "recbole", "params": {"path": str(shared_data / "ml-100k")}, "embedding": {"method": "tfidf"}}
    entry = registry.add(ref, "MovieLens")
    for key in ("train", "codebooks", "doctor"):
        app = open_page(key, dataset=entry.id)
        assert "No run of this dataset yet" in said(app)
        assert not app.error


def test_every_recipe_stands_with_its_line_and_fills_the_command(ids):
    app = unfold(open_page("train", run=ids["healthy"]), *TRAIN_FORM)
    known = {preset.key: preset for preset in presets.quantizer_presets()}
    first = app.radio(key="presets:main")
    assert list(first.options) == ["Healthy", "Watch it collapse", "Too few codes"] and first.value == "healthy"
    others = [radio for radio in app.radio if radio.key != "presets:main"]
    folded = [preset for key, preset in known.items() if key not in ("healthy", "watch-collapse", "tiny-codebook")]
    assert {option for radio in others for option in radio.options} == {preset.title for preset in folded}
    assert {caption for radio in others for caption in radio.proto.captions} == {preset.look_for for preset in folded}
    assert known["healthy"].look_for in said(app)
    shown = {preset.title for preset in known.values()}
    offered = {preset.quantizer.name for preset in presets.quantizer_presets()}
    assert offered == set(quantizers.REGISTRY) and {"VQ-VAE", "Random codes"} <= shown
    app.radio(key="presets:main").set_value("tiny-codebook").run()
    assert "--n-codes 8" in app.code[0].value and known["tiny-codebook"].look_for in said(app)
    app.radio(key="presets:True").set_value("untrained").run()
    assert "--n-steps 5" in app.code[0].value
    assert app.radio(key="presets:main").value is None and app.radio(key="presets:False").value is None


def test_start_makes_a_run_puts_it_in_the_address_and_says_where_it_stands(ids, monkeypatch):
    monkeypatch.setattr("tiger.runs.supervisor.Supervisor._start_waiting", lambda self: None)  # nobody takes it from the queue
    app = open_page("train", run=ids["healthy"])
    app.radio(key="presets:main").set_value("tiny-codebook").run()
    app.button(key="start").click().run()
    made = runs.find(app.query_params["run"])
    assert made.learner.params["n_codes"] == 8
    assert made.config.preset == "tiny-codebook"
    assert "Next in the queue" in said(app)
    assert {"Stop"} <= buttons(app)
    app.button(key="do:Stop").click().run()
    assert made.state == "stopped"


@pytest.mark.parametrize(("state", "shown", "hidden"), [
    ("running", {"Pause", "Stop"}, {"Resume"}),
    ("paused", {"Resume", "Step one batch", "Stop"}, {"Pause"}),
    ("stopped", {"Resume"}, {"Pause", "Stop"}),
    ("failed", {"Resume"}, {"Pause", "Stop"}),
    ("finished", set(), {"Resume", "Pause", "Stop"}),
])
def test_each_state_has_its_buttons(ids, state, shown, hidden):
    pretend(ids["healthy"], state=state, step=30, message="It broke." if state == "failed" else "")
    app = open_page("train", run=ids["healthy"])
    assert shown <= buttons(app)
    assert not hidden & buttons(app)
    assert not [box for box in app.error if "It broke." not in box.value]


def test_a_dead_worker_is_said_and_can_be_resumed(ids):
    pretend(ids["healthy"], state="running", step=30, pid=2**22 + 1)
    app = open_page("train", run=ids["healthy"])
    assert "up to the last checkpoint is lost" in said(app)
    assert "Resume" in buttons(app)


def test_a_knob_acts_at_once_and_shows_what_others_turned(ids):
    run = pretend(ids["healthy"], state="running", step=30)
    app = open_page("train", run=run.id)
    key = f"live_param:{run.id}:beta:0"
    assert app.number_input(key=key).value == run.learner.params["beta"]
    app.number_input(key=key).set_value(1.5).run()
    assert run.live_params() == {"learning_rate": 1e-3, "beta": 1.5, "restart_threshold": 1.0}
    run.control(live_params={"beta": 0.7})
    app.run()
    assert app.number_input(key=f"live_param:{run.id}:beta:1").value == 0.7
    assert run.live_params()["beta"] == 0.7


def test_buttons_ask_the_worker(ids):
    run = pretend(ids["healthy"], state="running", step=30)
    app = open_page("train", run=run.id)
    app.button(key="do:Pause").click().run()
    assert run.read_control().action == "pause"
    pretend(run.id, state="paused")
    app.run()
    app.button(key="do:Step one batch").click().run()
    assert run.read_control().step_to == 31
    app.button(key="do:Stop").click().run()
    assert run.read_control().action == "stop"


def test_a_finished_run_ends_with_the_doctors_sentence(ids):
    app = open_page("train", run=ids["sick"])
    assert "Total collapse" in said(app)
    assert len(charts_of(app)) >= 3


@pytest.mark.usefixtures("unfolded")
def test_a_run_of_an_rqvae_shows_the_gradient_that_was_derived_and_one_without_shows_none(ids):
    app = open_page("train", run=ids["healthy"])
    assert r"\frac{\partial \mathcal{L}}{\partial z}" in "".join(block.value for block in app.get("latex"))
    assert any("def gradient(z_BZ" in block.value for block in app.code)
    assert not quantizers.REGISTRY["rkmeans"].gradient_formula


def test_the_bundled_run_can_only_be_looked_at(ids):
    app = open_page("train", run="demo-rqvae")
    assert not buttons(app) & {"Pause", "Stop", "Resume"}


def test_codebooks_shows_the_numbers_of_every_level(ids):
    codes_IL = runs.find(ids["healthy"]).codes()
    app = open_page("codebooks", run=ids["healthy"], level="2")
    shown, used = levels_of(app), [len(set(column.tolist())) for column in codes_IL.T]
    assert shown["at"] == 1 and shown["code"] is None
    for level, (one, column) in enumerate(zip(shown["levels"], codes_IL.T, strict=True)):
        numbers = dict(one["numbers"])
        assert numbers["Codes in use"] == str(used[level])
        assert numbers["Dead codes"] == str(SMALL["n_codes"] - used[level])
        assert one["items"] == np.bincount(column, minlength=SMALL["n_codes"]).tolist()
        assert [one["items"][code] for code in one["order"]] == sorted(one["items"], reverse=True)


def test_codebooks_shows_the_items_of_the_code_in_the_address(ids):
    cat, codes_IL = datasets.load("synthetic"), runs.find(ids["healthy"]).codes()
    code = int(codes_IL[17, 0])
    app = open_page("codebooks", run=ids["healthy"], level="1", code=str(code))
    shown = table(app, "title", "typical")
    assert set(shown["title"]) <= set(cat.items["title"].to_numpy()[codes_IL[:, 0] == code])
    assert len(shown) == min(200, int((codes_IL[:, 0] == code).sum()))
    assert not app.error


def test_codebooks_scrubs_to_a_kept_step(ids):
    run = runs.find(ids["healthy"])
    step = run.snapshots()[1]
    app = open_page("codebooks", run=run.id, step=str(step))
    assert app.select_slider(key="pick_step").value == step
    used = len(set(run.snapshot(step)["codes"][:, 0].tolist()))
    assert numbers_of_level(app, 0)["Codes in use"] == str(used)


def test_collisions_lists_ids_that_several_items_share(ids):
    codes_IL = runs.find(ids["sick"]).codes()
    _, count = np.unique(codes_IL, axis=0, return_counts=True)
    frame = table(open_page("codebooks", run=ids["sick"], view="Collisions"), "semantic_id", "titles")
    assert frame["items"].tolist() == sorted(count[count > 1].tolist(), reverse=True)[:200]


def test_the_walk_subtracts_one_code_after_another(ids):
    cat, run = datasets.load("synthetic"), runs.find(ids["healthy"])
    quantizer = run.quantizer()
    left_Z = quantizer.latent(cat.embedding_IE[[5]])[0]
    app = open_page("codebooks", run=run.id, view="One item's walk", item="5")
    frame = table(app, "code", "before", "after")
    for level, book_KZ in enumerate(quantizer.codebooks()):
        distance_K = np.linalg.norm(book_KZ - left_Z, axis=1)
        assert frame["code"].iloc[level] == distance_K.argmin()
        assert frame["before"].iloc[level] == pytest.approx(np.linalg.norm(left_Z), rel=1e-4)
        left_Z = left_Z - book_KZ[distance_K.argmin()]
        assert frame["after"].iloc[level] == pytest.approx(np.linalg.norm(left_Z), rel=1e-3)
    assert len(app.latex) == 1 + len(frame)


def test_codes_without_vectors_hide_what_cannot_be_shown(ids):
    run = runs.new_run({"dataset": registry.bundled().ref, "quantizer": {"name": "random_codes", "params": {}}})
    execute(run)
    app = open_page("codebooks", run=run.id)
    assert "these codes have no vectors" in said(app)
    app = open_page("codebooks", run=run.id, view="One item's walk")
    assert "The walk is hidden" in said(app)
    assert not app.error


@pytest.mark.parametrize("address", [{"level": "9"}, {"level": "x"}, {"code": "999"}, {"step": "-3"}, {"item": "1e9"},
                                     {"step": "99999999"}, {"view": "Nothing"}])
def test_nonsense_in_the_address_does_no_harm(ids, address):
    app = open_page("codebooks", run=ids["healthy"], **address)
    assert not app.error
    assert app.title[0].value == pagelist.BY_KEY["codebooks"].question


def test_watch_it_collapse_is_started_with_its_schedule(ids, monkeypatch):
    monkeypatch.setattr("tiger.runs.supervisor.Supervisor._start_waiting", lambda self: None)
    app = unfold(open_page("train", run=ids["healthy"], recipe="watch-collapse", path="2"), *TRAIN_FORM)
    assert app.radio(key="presets:main").value == "watch-collapse" and "--schedule 150:learning_rate=0.03" in app.code[0].value
    app.button(key="start").click().run()
    made = runs.find(app.query_params["run"])
    assert [(change.step, change.params) for change in made.config.schedule] == [
        (150, {"learning_rate": 0.03, "restart_threshold": 0.0})]
    assert (made.learner.params["n_levels"], made.learner.params["n_codes"]) == (5, 16)  # what fits two thousand items
    app.button(key="do:Stop").click().run()


def test_a_run_that_ended_names_the_next_step(ids):
    def links(run: str) -> set[str]:
        return {link.proto.label for link in open_page("train", run=run).main.get("page_link")}

    assert "Sick: ask the doctor" in links(ids["sick"])
    assert "Healthy: see which codes mean what" in links("demo-small")
