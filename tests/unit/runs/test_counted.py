"""Counts over all items of a dataset of which a run knows a sample: kept by the run, read by reports and pages."""

import json
import shutil

import numpy as np
import pytest

from tests.support.pages import html_of, numbers_of_level, open_page
from tests.support.training import clusters, config, execute
from tiger import datasets, metrics, reports, runs
from tiger.analysis import tree
from tiger.cli import main as cli
from tiger.core.progress import result_of
from tiger.reports import at_scale
from tiger.reports.codes import codes_at
from tiger.runs import artifacts, counted
from tiger.runs.bulk import encode, stages
from tiger.runs.bulk.engines import LocalEngine

N_ITEMS, N_SAMPLE, SIZES = 1200, 300, [8, 6, 5]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A workspace with a run that learned from a quarter of the items, all of which were encoded then."""
    home, vectors = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("vectors")
    emb_IE = clusters(N_ITEMS, 16)
    np.save(vectors / "0.npy", emb_IE[:500])
    np.save(vectors / "1.npy", emb_IE[500:])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(home))
        ref = {"name": "shards", "params": {"path": str(vectors), "n_sample": N_SAMPLE}}
        execute(run := runs.new_run(config(ref, "rkmeans", n_codes=SIZES)))
        assert cli.main(["encode", run.id, "--output", str(home / "ids"), "--workers", "1", "--shard-size", "200", "--json"]) == 0
    return home


@pytest.fixture
def run(home, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(home))
    return next(run for run in runs.list_runs() if not run.bundled)


@pytest.fixture
def codes_IL(run):
    """The codes of all items."""
    return run.quantizer().encode(clusters(N_ITEMS, 16))


@pytest.mark.parametrize(("prefixes", "depth"), [(2**20, 3), (48, 2), (2, 1)])
def test_the_tree_counts_items_and_ids_of_every_prefix(run, codes_IL, tmp_path, monkeypatch, prefixes, depth):
    """Whatever ranges the IDs were numbered in; against counting rows."""
    monkeypatch.setattr(stages, "TREE_PREFIXES", prefixes)
    copy = runs.Run(shutil.copytree(run.path, tmp_path / run.id))  # it keeps the counts
    result_of(encode.encode(copy, run.config.dataset["params"]["path"], tmp_path / "ids", LocalEngine(1), shard_size=200,
                            range_size=60))
    found = np.load(tmp_path / "ids" / "tree.npy")
    prefix_PD, count_P = np.unique(codes_IL[:, :depth], axis=0, return_counts=True)
    np.testing.assert_array_equal(found[:, :-2], prefix_PD)
    np.testing.assert_array_equal(found[:, -2], count_P)
    ids_DL = np.unique(codes_IL, axis=0)
    assert found[:, -1].tolist() == [int((ids_DL[:, :depth] == prefix).all(1).sum()) for prefix in prefix_PD]


def test_reports_are_about_all_items_and_say_so(run, codes_IL):
    cat = datasets.load_ref(run.config.dataset)
    codes = codes_at(run, cat)
    np.testing.assert_array_equal(at_scale.counts_of(codes), metrics.code_counts(codes_IL, SIZES))
    branches, words = at_scale.tree_of(codes, 3)
    whole = tree.Branches.from_codes(codes_IL)
    assert words == ", all 1,200 items" and branches.frame().equals(whole.frame())
    top = int(branches.size_P[1:].argmax()) + 1
    assert branches.items(top).tolist() == np.flatnonzero(codes.codes_IL[:, 0] == branches.code_P[top]).tolist()
    found = reports.diagnose(run, cat)
    assert found.signs is not None and found.signs.collisions == metrics.collisions(codes_IL)
    assert found.signs.prefixes == metrics.prefix_numbers(codes_IL)[1].tolist() and found.signs.n_items == N_ITEMS
    assert found.signs.perplexity == pytest.approx(metrics.perplexity(metrics.code_counts(codes_IL, SIZES)).tolist())
    assert found.evidence[-1].startswith("Usage, prefixes and collisions are counted over all 1,200 items; single items, vectors "
                                         "and neighbours are those of a sample of 300 of 1,200 items")


@pytest.mark.parametrize(("page", "said"), [
    ("codebooks", "are counted over all 1,200 items"), ("tree", "are counted over all 1,200 items"),
    ("doctor", "are counted over all 1,200 items"), ("map", "The map shows a sample of 300 of 1,200 items"),
    ("catalogue", ""), ("home", "")])
def test_pages_say_what_is_counted_and_what_is_a_sample(run, codes_IL, page, said):
    app = open_page(page, run=run.id)
    words = " ".join(block.value for kind in ("markdown", "caption") for block in getattr(app, kind))
    assert said in words
    shown = {metric.label: metric.value for metric in app.metric}
    if page == "catalogue":
        assert (shown["Items"], shown["Items in all files"]) == ("300", "1,200")
    if page == "codebooks":
        largest = np.bincount(codes_IL[:, 0]).max() / N_ITEMS
        assert numbers_of_level(app)["Most used code"] == f"{largest:.1%}"
    if page == "home":
        assert "A sample of 1,200 items." in html_of(app)
    if page == "tree":
        assert "all 1,200 items" in words


def test_counts_that_do_not_fit_are_not_shown_and_do_not_outlive_the_codes(run, home, tmp_path, caplog):
    copy = runs.Run(shutil.copytree(run.path, tmp_path / run.id))
    cat = datasets.load_ref(run.config.dataset)
    assert (before := counted.read(copy)) is not None and before.n_files == 2
    about = json.loads((copy.path / "counted.json").read_text())
    (copy.path / "counted.json").write_text(json.dumps(about | {"usage": [[1, 2], [3]]}))
    assert counted.read(copy) is None and "so the sample alone is shown" in caplog.text
    assert at_scale.summary(copy, cat).endswith(f"To count all items: python -m tiger encode {run.id} --output FOLDER.")
    artifacts.clear(copy, 0)
    assert not list(copy.path.glob("counted*"))
