"""Import, export without a browser; and every page on imported IDs, which have no quantizer."""

import json

import numpy as np
import pytest

from tests.support.pages import open_page
from tiger import datasets, runs
from tiger.core import paths
from tiger.runs import import_run
from tiger.semantic_ids import import_ids, index_json
from tiger.ui.shared import pagelist

EXCHANGE = pagelist.BY_KEY["exchange"]


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch, tmp_path):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))


@pytest.fixture
def file(tmp_path):
    """The demo run's IDs as another system would write them, without the last hundred items."""
    path = tmp_path / "theirs.index.json"
    known = json.loads(index_json(runs.find("demo-rqvae").semantic_ids()))
    path.write_text(json.dumps(dict(list(known.items())[:-100])))
    return path


def bring(path, **params):
    app = open_page(EXCHANGE, **params)
    app.segmented_control(key="how:ids").set_value("Path on the server").run()
    return app.text_input(key="path:ids").set_value(str(path)).run()


def test_a_file_is_examined_kept_and_chosen(file):
    app = bring(file)
    assert not app.error and "1,900 of 2,000 items have an ID" in app.success[0].value
    fits = next(frame.value for frame in app.dataframe if "Matched by" in frame.value)
    assert fits["Items without"].tolist()[0] == 100
    assert fits["Neighbours with equal codes"][0] > 3 * fits["By chance"][0]
    app.button(key="keep_ids").click().run()
    run = runs.list_runs()[0]
    assert run.config.kind == "import" and app.query_params["run"] in (run.id, [run.id])
    assert any("was imported" in block.value for block in app.markdown)


def test_a_wrong_numbering_is_no_success(file):
    theirs = json.loads(file.read_text())
    numbers = np.random.default_rng(0).permutation(len(theirs)).tolist()
    file.write_text(json.dumps(dict(zip(map(str, numbers), theirs.values(), strict=True))))
    app = bring(file)
    assert not app.success and "these items are numbered differently" in app.warning[0].value
    app.button(key="keep_ids").click().run()
    kept = json.loads((runs.list_runs()[0].path / "import.json").read_text())
    assert {way["align"] for way in kept["tried"]} == {"number", "first_appearance"} and kept["doubt"]


def test_a_way_that_fits_worse_is_no_success(file):
    app = bring(file)
    app.selectbox(key=f"align:{file}").set_value("first_appearance").run()
    assert not app.success and "match them so" in app.warning[0].value


@pytest.mark.parametrize(("text", "words"), [
    ('{"0": ["<a_1>", "<b_2>"], "7": ["<a_1>"]}', "gives item 7 1 code and the first item 2"),
    ('{"0": ["<a_1>"], "0": ["<a_2>"]}', "gives item 0 two IDs"),
    ('{"99999": ["<a_1>"]}', "not even the only item"), ("{", "damaged or not JSON")])
def test_a_broken_file_is_one_sentence_and_nothing_is_kept(tmp_path, text, words):
    path = tmp_path / "bad.json"
    path.write_text(text)
    app = bring(path)
    assert len(app.error) == 1 and words in app.error[0].value.replace("\\", "")
    assert not list(paths.subfolder("runs").iterdir())


def test_codes_out_of_range_are_refused(file):
    app = bring(file)
    box = next(field for field in app.text_input if field.label == "Codes per level")
    box.set_value("2").run()
    assert "but codes there run from 0 to 1" in app.error[0].value


@pytest.mark.thorough
def test_embeddings_alone_become_a_dataset(tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))
    app = open_page(EXCHANGE, exchange="Import vectors")
    app.segmented_control(key="how:vectors").set_value("Path on the server").run()
    app.text_input(key="path:vectors").set_value(str(tmp_path / "mine.npy")).run()
    app.button(key="load_vectors").click().run()
    assert not app.error and any("50 items, 0 users" in box.value for box in app.info)
    for page in pagelist.PAGES:
        assert not open_page(page, dataset=app.query_params["dataset"][0]).error, page.key


def test_without_a_file_nothing_is_loaded():
    app = open_page(EXCHANGE, exchange="Import vectors")
    app.button(key="load_vectors").click().run()
    assert "No file was chosen" in app.error[0].value


@pytest.mark.thorough
@pytest.mark.parametrize("page", pagelist.PAGES, ids=lambda page: page.key)
def test_every_page_works_on_imported_ids(page, file):
    cat = datasets.load("synthetic")
    run = import_run.keep(import_ids(file, cat), cat)
    for params in ({}, {"item": "1999"}):  # an item without an ID
        app = open_page(page, run=run.id, **params)
        assert not app.error, [box.value for box in app.error]


def test_every_format_is_offered():
    app = open_page(EXCHANGE, exchange="Export")
    names = {button.proto.label for button in app.get("download_button")}
    assert {"JSON", "PARQUET", "CSV", "Vectors", "Metadata", "SAFETENSORS"} <= names
    lines = [block.value for block in app.markdown if block.value.startswith("**index.json")]
    theirs = [line for line in lines if "LC-Rec" in line]
    assert len(lines) == 3 and len(theirs) == 1 and theirs[0].startswith("**index.json by first appearance**")


def test_a_collision_token_is_seen_and_can_be_a_code(tmp_path):
    codes_IL = np.random.default_rng(0).integers(0, 9, (2000, 2))
    seen: dict[tuple[int, ...], int] = {}
    rows = {}
    for item, row in enumerate(map(tuple, codes_IL.tolist())):
        seen[row] = seen.get(row, -1) + 1
        rows[str(item)] = [f"<a_{row[0]}>", f"<b_{row[1]}>", f"<c_{seen[row]}>"]
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(rows))
    app = bring(path)
    box = app.checkbox(key=f"collision:{path}")
    assert box.value and any("Collision token set to no" in block.value for block in app.markdown)
    assert any("an ID of 2 codes" in note.value for note in [*app.success, *app.warning])
    box.uncheck().run()
    assert any("an ID of 3 codes" in note.value for note in [*app.success, *app.warning])
    app.button(key="keep_ids").click().run()
    assert runs.list_runs()[0].codes().shape == (2000, 3)


def test_vectors_alone_are_reached_from_load_own_data(tmp_path):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(51, 8)).astype(np.float32))
    app = open_page(pagelist.BY_KEY["catalogue"], show="Load own data")
    app.button_group(key="source").set_value("vectors").run()
    app.segmented_control(key="how:vectors").set_value("Path on the server").run()
    app.text_input(key="path:vectors").set_value(str(tmp_path / "mine.npy")).run()
    app.button(key="load_vectors").click().run()
    assert not app.error and any("51 items, 0 users" in box.value for box in app.info)
