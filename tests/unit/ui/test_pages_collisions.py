"""Codebooks, view Collisions, without a browser: the core's numbers, the chosen group, what cannot be seen, trainings."""

import json

import numpy as np
import pytest

from tests.support.pages import open_page
from tests.support.training import fit_into
from tiger import datasets, metrics, runs
from tiger.core import paths
from tiger.reports import collisions as reports
from tiger.reports.codes import codes_at, quantizer_of
from tiger.runs import import_run
from tiger.semantic_ids import import_ids

SMALL = {"n_codes": 8, "n_levels": 3, "hidden": "32", "latent_width": 8, "batch_size": 512, "n_steps": 30}


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    monkeypatch.chdir(paths.PROJECT)
    monkeypatch.setattr("tiger.runs.supervisor.Supervisor._start_waiting", lambda self: None)


def table(app, *columns):
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def words(app):
    kinds = ("markdown", "caption", "info", "error", "subheader", "success")
    return "\n".join(block.value for kind in kinds for block in getattr(app, kind)).replace("\\", "")


def test_groups_levels_and_remedies_are_the_cores():
    run, cat = runs.find("demo-small"), datasets.load("synthetic")
    codes = codes_at(run, cat)
    geometry, reason = reports.geometry_of(codes, quantizer_of(run))
    found = reports.explain(codes, geometry, reason)
    item = int(found.groups.items(3)[1])
    app = open_page("codebooks", run="demo-small", view="Collisions", item=str(item))
    assert not app.error and found.summary in words(app)
    shown = table(app, "semantic_id", "relative")
    assert shown["relative"].tolist() == pytest.approx(found.frame["relative"].tolist(), nan_ok=True)
    card = reports.group_card(found, item)
    assert f"ID {card.semantic_id}: {len(card.items)} items, too few codes" in words(app) and card.summary in words(app)
    assert item in table(app, "item", "cosine")["item"].tolist()
    measured = table(app, "remedy", "surplus")
    assert measured["surplus"].tolist()[:4] == reports.outcomes_frame(reports.at_once(codes, geometry))["surplus"].tolist()
    assert len(measured) == 7 and measured["note"].tolist()[4:] == ["not trained yet"] * 3


def test_a_remedy_is_queued_by_its_button_and_measured_once_it_is_trained():
    cat = datasets.load("synthetic")
    run = fit_into(runs.new_run({"dataset": cat.source, "title": "few", "quantizer": {"name": "rqvae", "params": SMALL}}),
                   cat.embedding_IE)
    app = open_page("codebooks", run=run.id, view="Collisions")
    button = next(one for one in app.button if one.key == "collision_remedy:1")
    button.click().run()
    made = next(one for one in runs.list_runs() if one.config.parent == run.id)
    assert made.config.quantizer.params == run.config.quantizer.params | {"n_codes": 16} and made.state == "queued"
    assert table(app, "remedy", "surplus")["note"].tolist()[5] == "queued" and not app.error
    fit_into(made, cat.embedding_IE)
    app = open_page("codebooks", run=run.id, view="Collisions")
    left = metrics.collisions(made.codes())
    assert table(app, "remedy", "surplus")["surplus"].tolist()[5] == left.n_items - left.unique


def test_imported_ids_and_earlier_steps_say_what_cannot_be_seen(tmp_path):
    cat = datasets.load("synthetic")
    codes = np.random.default_rng(0).integers(0, 9, (cat.n_items, 3))
    text = {str(item): [f"<{'abc'[at]}_{code}>" for at, code in enumerate(row)] for item, row in enumerate(codes.tolist())}
    (tmp_path / "index.json").write_text(json.dumps(text))
    run = import_run.keep(import_ids(tmp_path / "index.json", cat), cat, "Theirs")
    app = open_page("codebooks", run=run.id, view="Collisions")
    assert "tiger external read codebooks.safetensors" in words(app) and not app.error
    assert "level" not in table(app, "semantic_id", "titles") and not [one for one in app.button if one.label == "Train it"]
    step = runs.find("demo-small").snapshots()[3]
    app = open_page("codebooks", run="demo-small", view="Collisions", step=str(step))
    assert "Codebooks are kept for the newest codes only" in words(app) and not app.error
