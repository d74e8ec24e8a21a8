"""Pages on a run that is recorded elsewhere: live and read-only, then with its final codes."""

import numpy as np
import pytest

from tests.support import recording
from tests.support.pages import numbers_of_level, open_page
from tiger import runs
from tiger.datasets import registry
from tiger.recording import recorder as recorder_module


@pytest.fixture
def live(tiger_home, monkeypatch):
    """A collapsing training that is being recorded."""
    monkeypatch.setattr(recorder_module, "KEEP_S", 0.0)
    monkeypatch.setattr(recorder_module, "KEEP_SHARE", 1e9)
    rec = recording.recorder(n_steps=100, library="vector-quantize-pytorch",
                             settings={"kmeans_init": False, "threshold_ema_dead_code": 0})
    for step in range(0, 60, 10):
        codes_BL, rows_B = recording.batch(step, used=0.0 if step > 10 else 1.0)
        rec.log(step, codes=codes_BL, rows=rows_B, losses={"loss": 1 / (step + 1)},
                codebooks=lambda: [np.random.default_rng(0).normal(size=(size, 3)) for size in recording.N_CODES])
    return rec


def words(app):
    kinds = ("markdown", "caption", "info", "error", "subheader", "code")
    return " ".join(block.value for kind in kinds for block in getattr(app, kind))


OTHERS = ["home", "catalogue", "recommender", "beam", "exchange", "drift", "cold", "diversity", "lessons"]


def test_train_shows_it_live_and_offers_nothing_that_cannot_work(live):
    app = open_page("train", run=live.run.id)
    assert "Another program trains this run" in words(app) and "latest 90 recorded codes" not in words(app)
    assert "Trained by vector-quantize-pytorch on" in words(app) and "Total collapse" in words(app)
    assert not {"Pause", "Stop", "Resume"} & {button.label for button in app.button}
    live.close(state="stopped")
    app = open_page("train", run=live.run.id)
    assert "The codes of all items were not recorded" in words(app)
    assert not {"Pause", "Stop", "Resume"} & {button.label for button in app.button}


def test_the_doctor_says_what_to_change_there_and_what_it_could_not_see(live):
    app = open_page("doctor", run=live.run.id)
    assert "### Total collapse" in app.error[0].value and "recorded up to step 50" in words(app)
    assert "What to change in vector-quantize-pytorch" in words(app)
    assert app.code[0].value == "kmeans_init=True, threshold_ema_dead_code=2"
    assert "rec.close" not in words(app) and "close(codes=codes)" in words(app)
    assert not [button for button in app.button if button.label == "Start the fixed run"]


def test_codebooks_scrub_the_kept_steps(live):
    app = open_page("codebooks", run=live.run.id, step="0")
    assert int(numbers_of_level(app)["Codes in use"]) > 4
    app = open_page("codebooks", run=live.run.id)
    assert app.select_slider(key="pick_step").value == 50 and "Nearest codes" in words(app)
    assert not app.error
    app = open_page("codebooks", run=live.run.id, view="Collisions")
    assert "is known once the run has ended" in words(app) and "What would help" in words(app) and not app.error


@pytest.mark.parametrize("page", ["map", "tree"])
def test_pages_of_all_items_wait_for_their_codes(live, page):
    app = open_page(page, run=live.run.id)
    assert "was recorded without the codes of all items" in words(app) and not app.error
    live.close(codes=np.stack([np.arange(90) % size for size in recording.N_CODES], 1))
    app = open_page(page, run=live.run.id)
    assert not app.error and "was recorded without" not in words(app)


def test_codes_of_unknown_items_show_usage_and_no_items(live):
    rec = recording.recorder()
    for step in range(3):
        rec.log(step, codes=recording.batch(step)[0])
    app = open_page("codebooks", run=rec.run.id)
    assert "Whose codes these are was not recorded" in words(app) and not app.error
    for view in ("Collisions", "One item's walk"):
        app = open_page("codebooks", run=rec.run.id, view=view)
        assert not app.error and not app.exception


@pytest.mark.parametrize("page", OTHERS)
def test_every_other_page_opens(live, page):
    live.close(codes=np.stack([np.arange(90) % size for size in recording.N_CODES], 1))
    app = open_page(page, run=live.run.id)
    assert not [error.value for error in app.error if "Doctor" not in error.value]


def test_codebooks_of_a_checkpoint_become_a_run_by_the_page(tiger_home, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    vectors, rng = recording.vectors(), np.random.default_rng(0)
    books = vectors[rng.permutation(90)[:18]].reshape(3, 6, 12)
    np.save(tmp_path / "x.npy", vectors)
    np.save(tmp_path / "books.npy", books)
    (tmp_path / "losses.csv").write_text("step,loss\n0,2\n9,1\n")
    ref = registry.vectors_alone(str(tmp_path / "x.npy"))
    entry = registry.add(ref, "theirs")
    app = open_page("exchange", dataset=entry.id)
    app.segmented_control(key="exchange").set_value("Import codebooks").run()
    for key, name in (("books", "books.npy"), ("losses", "losses.csv")):
        app.segmented_control(key=f"how:{key}").set_value("Path on the server").run()
        app.text_input(key=f"path:{key}").set_value(str(tmp_path / name)).run()
    assert not app.error and "90 vectors, 6 × 6 × 6 codes" in app.success[0].value
    app.button(key="keep_books").click().run()
    run = next(run for run in runs.list_runs() if run.external)
    nearest = ((vectors[:, None] - books[0][None]) ** 2).sum(2).argmin(1)
    assert np.array_equal(run.codes()[:, 0], nearest) and [event["loss"] for event in run.events()[0]] == [2, 1]


def test_a_spoilt_checkpoint_is_one_sentence_on_the_page(tiger_home, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    (tmp_path / "books.npz").write_bytes(b"PK spoilt")
    app = open_page("exchange")
    app.segmented_control(key="exchange").set_value("Import codebooks").run()
    app.segmented_control(key="how:books").set_value("Path on the server").run()
    app.text_input(key="path:books").set_value(str(tmp_path / "books.npz")).run()
    assert ["books.npz cannot be read" in error.value for error in app.error] == [True] and not app.exception


def test_recorded_vectors_stand_in_the_picker_under_the_runs_title(live):
    app = open_page("train", run=live.run.id)
    assert "elsewhere (90 items)" in app.selectbox(key="pick_dataset").options
    assert [label.split(" · ")[:2] for label in app.selectbox(key="pick_run").options] == [["elsewhere", "running"]]
