"""Imported IDs are a run like any other: kept whole or not at all, listed, examined, exported."""

import json

import numpy as np
import pandas as pd
import pytest

from tests.support.cli import ask
from tests.support.pages import open_page
from tiger import datasets, reports, runs
from tiger.cli import main as cli
from tiger.core import paths
from tiger.runs import import_run
from tiger.semantic_ids import Fit, import_ids

CODES = np.random.default_rng(0).integers(0, 8, (2000, 3))


@pytest.fixture
def file(tiger_home, tmp_path):
    """An index.json for all but the last of the bundled shop's items."""
    path = tmp_path / "index.json"
    path.write_text(json.dumps({str(item): [f"<{level}_{code}>" for level, code in zip("abc", row, strict=True)]
                                for item, row in enumerate(CODES[:-1].tolist())}))
    return path


def test_an_import_is_a_finished_run(file):
    cat = datasets.load("synthetic")
    run = import_run.keep(import_ids(file, cat), cat, "Theirs", "/some/index.json")
    assert (run.state, run.title, run.config.kind) == ("finished", "Theirs", "import")
    assert run.codes()[:-1].tolist() == CODES[:-1].tolist() and run.codes()[-1].tolist() == [-1, -1, -1]
    assert run.semantic_ids().n_codes[:3] == [8, 8, 8]
    assert runs.list_runs()[0].id == run.id
    assert import_run.sentences(run)[0].startswith("1,999 of 2,000 items have an ID of 3 codes")
    assert import_run.sentences(runs.find("demo-rqvae")) == []
    assert runs.command(run) == "python -m tiger ids import /some/index.json --align number --dataset synthetic"
    assert reports.diagnose(run, cat).signs.n_items == 1999
    with pytest.raises(ValueError, match="'Theirs' is imported, so there is no quantizer"):
        run.quantizer()


@pytest.mark.parametrize(("words", "instead"), [
    (("encode", "{run}", "--out", "{folder}/x.npy"), "python -m tiger ids export {run} --out FILE"),
    (("encode", "{run}", "--output", "{folder}/ids"), "python -m tiger ids export {run} --out FILE"),
    (("encode", "{run}", "--input", "{folder}", "--output", "{folder}/ids"), "train one on the same dataset"),
    (("drift", "{run}"), "train one on the same dataset"), (("cold", "{run}"), "choose a run that was trained here"),
    (("doctor", "{run}", "--treat"), "Train a run on the same dataset instead")])
def test_commands_that_need_a_quantizer_say_that_an_import_never_gets_one(file, tmp_path, capsys, words, instead):
    cat = datasets.load("synthetic")
    run = import_run.keep(import_ids(file, cat), cat, "Theirs")
    code, _, err = ask(capsys, *(word.format(run=run.id, folder=tmp_path) for word in words))
    assert code == 2 and "import" in err and instead.format(run=run.id) in err and " yet" not in err, err
    assert not [one for one in runs.list_runs() if not one.read_only and one.id != run.id], "no run was begun"


def test_pages_and_commands_say_how_many_items_have_no_id(file, capsys):
    cat = datasets.load("synthetic")
    run = import_run.keep(import_ids(file, cat), cat, "Theirs")
    said = "1 of 2,000 items has no ID"
    assert ask(capsys, "doctor", run.id)[1].count(said) == 1
    app = open_page("doctor", run=run.id)
    assert "\n".join(part.value for part in app.markdown).count(said) == 1


def test_the_evidence_is_kept_with_the_run(file):
    cat = datasets.load("synthetic")  # the codes are random, so no numbering can fit
    found = import_ids(file, cat)
    kept = json.loads((import_run.keep(found, cat).path / "import.json").read_text(), parse_constant=pytest.fail)
    assert kept["align"] == "number" and kept["doubt"] == found.report.doubt != ""
    assert [way["align"] for way in kept["tried"]] == [fit.align for fit in found.report.tried]
    assert kept["tried"][0]["n_matched"] == 1999 and kept["tried"][0]["recall"] == found.report.tried[0].recall
    few = import_ids(file, cat, tried=[Fit("number", 1999, 1, 0)])  # nothing is known of how it fits
    assert json.loads((import_run.keep(few, cat).path / "import.json").read_text())["tried"][0]["recall"] is None


def test_what_cannot_be_kept_leaves_nothing(file, monkeypatch, tiny):
    cat = datasets.load("synthetic")
    found = import_ids(file, cat)
    with pytest.raises(ValueError, match=r"2,000 IDs for the 6 items of 'Tiny'"):
        import_run.keep(found, tiny)

    def full_disk(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        import_run.keep(found, cat)
    assert not list(paths.subfolder("runs").iterdir())


def test_from_the_command_line_and_back(file, tmp_path, capsys):
    assert cli.main(["ids", "import", str(file), "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["gaps"] == 1 and not list(paths.subfolder("runs").iterdir())
    assert cli.main(["ids", "import", str(file), "--title", "Theirs", "--json"]) == 0
    run_id = json.loads(capsys.readouterr().out)["run"]
    assert cli.main(["doctor", run_id]) == 0
    for suffix in ("json", "parquet", "tsv", "csv", "safetensors"):
        assert cli.main(["ids", "export", run_id, "--out", str(tmp_path / f"out.{suffix}")]) == 0
    cat = datasets.load("synthetic")
    for suffix in ("json", "parquet", "csv", "safetensors"):
        assert (import_ids(tmp_path / f"out.{suffix}", cat).ids.codes_IL[:-1, :3] == CODES[:-1]).all()
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert np.allclose(np.stack(table["embedding"]), cat.embedding_IE[:-1])
    assert table["projection_x"].var() > table["projection_y"].var() > 0  # PCA: widest first
    vectors = np.loadtxt(tmp_path / "out.tsv", delimiter="\t")
    metadata = pd.read_csv(tmp_path / "out-metadata.tsv", sep="\t")
    assert np.allclose(vectors, cat.embedding_IE[:-1], atol=1e-4) and len(metadata) == 1999
    assert cli.main(["ids", "export", run_id, "--keys", "id", "--out", str(tmp_path / "ids.json")]) == 0
    assert list(json.loads((tmp_path / "ids.json").read_text()))[7] == cat.items["item_id"][7]
    assert cli.main(["ids", "export", run_id, "--keys", "first_appearance", "--out", str(tmp_path / "seen.json")]) == 0
    first = int(cat.history(0)[0])
    tokens = json.loads((tmp_path / "seen.json").read_text())["0"]
    assert tokens[:3] == [f"<{level}_{code}>" for level, code in zip("abc", CODES[first], strict=False)]


def test_a_forced_numbering_that_tells_nothing_is_doubted(tiger_home, tmp_path, capsys):
    codes_I2 = runs.find("demo-rqvae").codes()[:-1, :2].tolist()
    (tmp_path / "shifted.json").write_text(json.dumps(
        {str(item + 1): [f"<a_{a}>", f"<b_{b}>"] for item, (a, b) in enumerate(codes_I2)}))
    assert cli.main(["ids", "import", str(tmp_path / "shifted.json"), "--align", "number", "--dry-run", "--json"]) == 0
    assert any("by chance" in line and "number" in line for line in json.loads(capsys.readouterr().out)["sentences"])


@pytest.mark.parametrize(("arguments", "words"), [
    (["import", "none.json"], "'none.json' does not exist"),
    (["export", "demo-rqvae"], "Name the output"),
    (["export", "demo-rqvae", "--out", "ids.pkl"], "must end in one of"),
    (["export", "demo-rqvae", "--out", "/no/such/folder/ids.json"], "does not exist; make it first"),
    (["export", "nobody-1234", "--out", "ids.json"], "No run 'nobody-1234'")])
def test_bad_commands_end_with_one_sentence(tiger_home, capsys, arguments, words):
    assert cli.main(["ids", *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said and said.count("\n") == 0
