"""Pages on a run that is recorded elsewhere: live and read-only, then with its final codes."""

import numpy as np
import pytest

from tests.support import recording
from tests.support.pages import open_page
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
    used = {metric.label: metric.value for metric in app.metric}
    assert int(used["Codes in use"]) > 4
    app = open_page("codebooks", run=live.run.id)
    assert app.select_slider(key="pick_step").value == 50 and "Nearest codes" in words(app)
    assert not app.error


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
