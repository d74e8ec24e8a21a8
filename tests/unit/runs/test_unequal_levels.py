"""A run whose levels have 7, 5 and 3 codes, through everything that looks at it."""

import numpy as np
import pytest
import torch

from tests.support.cli import ask
from tests.support.pages import TRAIN_FORM, numbers_of_level, open_page, unfold
from tests.support.training import config
from tiger import analysis, datasets, quantizers, reports, runs
from tiger.analysis import tree
from tiger.reports.codes import usage_history
from tiger.runs import train_quantizer
from tiger.runs.config import command
from tiger.runs.run import Run
from tiger.runs.worker_context import WorkerContext
from tiger.search.trie import Trie
from tiger.ui.shared import pagelist

REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
SIZES = [7, 5, 3]


@pytest.fixture(scope="module")
def cat():
    return datasets.load("synthetic")


@pytest.fixture(scope="module")
def run(cat, tmp_path_factory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(tmp_path_factory.mktemp("home")))
        made = runs.new_run(config(REF, "rqvae", n_levels=3, n_codes=SIZES, n_steps=60))
        given = made.learner
        for _ in train_quantizer.QuantizerTraining(WorkerContext(made), quantizers.create("rqvae", **given.params),
                                                   cat.embedding_IE).steps():
            pass
        assert made.state == "finished"
    return made


@pytest.fixture(autouse=True)
def home(run, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(run.path.parent.parent))


def test_the_command_and_the_folder_say_one_size_a_level(run):
    assert "--n-codes 7,5,3" in command(run.config)
    assert run.codes_per_level() == SIZES and run.quantizer().codes_per_level == SIZES


def test_snapshots_ids_tokens_and_the_trie_keep_each_levels_size(run):
    codes_IL, ids = run.codes(), run.semantic_ids()
    assert (codes_IL.max(0) + 1).tolist() == SIZES
    assert all(run.snapshot(step)["codes"].max(0).tolist() <= [6, 4, 2] for step in run.snapshots())
    assert ids.n_codes[:3] == SIZES and ids.has_collision_level
    assert ids.offsets_M.tolist() == [0, 7, 12, 15] and ids.n_tokens == 15 + ids.n_codes[3]
    assert (ids.tokens_IM[:, 1] == codes_IL[:, 1] + 7).all()
    trie = Trie(ids.ids_IM, ids.n_codes)
    wanted = {tuple(row) for row in codes_IL[:, :2].tolist()}
    assert trie.n_nodes(1) == len(np.unique(codes_IL[:, 0])) and trie.n_nodes(2) == len(wanted)
    assert trie.mask(1, torch.arange(trie.n_nodes(1))).shape == (trie.n_nodes(1), 5)


def test_tables_count_each_level_by_its_own_size(run, cat):
    codes_IL = run.codes()
    levels = reports.levels_frame(codes_IL, SIZES)
    assert levels["n_codes"].tolist() == SIZES
    assert (levels["used"] + levels["dead"]).tolist() == SIZES and (levels["perplexity"] <= SIZES).all()
    over_time = usage_history(run, tuple(run.codes_per_level())).perplexity()
    assert over_time.groupby("level")["dead"].max().tolist() < SIZES
    last = over_time[over_time["step"] == 60].set_index("level")
    assert last["dead"].tolist() == levels["dead"].tolist()
    assert reports.usage_frame(codes_IL, SIZES, 2)["code"].tolist() == [0, 1, 2]
    branches = tree.Branches.from_codes(codes_IL)
    assert [len(np.unique(codes_IL[:, :depth + 1], axis=0)) for depth in range(3)] == [
        int((branches.frame()["level"] == depth + 1).sum()) for depth in range(3)]


def test_the_doctor_measures_and_prescribes_by_level(run, cat):
    found = reports.diagnose(run, cat)
    assert found.signs.n_codes == SIZES and found.signs.capacity == 105
    assert found.signs.reach == SIZES and all(0 <= use <= 1 for use in found.signs.use)
    even_IL = np.stack([np.random.default_rng(level).integers(size, size=900) for level, size in enumerate(SIZES)], 1)
    found = reports.examine(even_IL, SIZES, params=run.learner.params)
    assert found.disease == "collision_storm", "105 IDs for 900 items"
    deeper = next(remedy for remedy in found.remedies if "n_levels" in remedy.changes)
    assert deeper.changes == {"n_levels": 4, "n_codes": [7, 5, 3, 3]}
    quantizers.create("rqvae", **run.learner.params | deeper.changes).check_params()
    wider = next(remedy for remedy in found.remedies if remedy.changes == {"n_codes": 256})
    quantizers.create("rqvae", **run.learner.params | wider.changes).check_params()
    assert analysis.doctor.remedies.shallower(2, SIZES).changes == {"n_levels": 2, "n_codes": [7, 5]}
    assert analysis.doctor.remedies.shallower(2, [8, 8, 8]).changes == {"n_levels": 2}


@pytest.mark.parametrize("key", ["home", "train", "codebooks", "tree", "map", "doctor"])
def test_every_page_about_codes_opens(run, key):
    app = open_page(pagelist.BY_KEY[key], run=run.id)
    assert not app.exception and not app.error
    if key == "train":
        assert any("3 levels of 7 · 5 · 3 codes" in caption.value for caption in app.caption)
        assert any("of 7 · 5 · 3" in caption.value for caption in app.caption), "the newest perplexities and their most"
    if key == "codebooks":
        app.query_params["level"] = "3"
        app.run()
        assert not app.exception and not app.error
        assert numbers_of_level(app)["Perplexity"].endswith("of 3")
    if key == "home":
        assert any("7 + 5 + 3 codes" in block.proto.body for block in app.get("html"))


def test_the_form_takes_and_shows_sizes_with_commas():
    app = unfold(open_page(pagelist.BY_KEY["train"]), *TRAIN_FORM)
    fields = [field for field in app.text_input if field.label == "Codes"]
    fields[0].set_value("32, 16,8").run()
    assert "--n-codes 32,16,8" in app.code[0].value
    fields = [field for field in app.text_input if field.label == "Codes"]
    fields[0].set_value("32;16").run()
    assert any("n_codes is '32;16', but must be a whole number, or several separated by commas" in box.value.replace("\\", "")
               for box in [*app.error, *app.warning])


@pytest.mark.parametrize(("words", "said"), [
    (["--n-codes", "8,x"], "n_codes is 'x', but must be a whole number"),
    (["--n-codes", "8,4"], "n_codes lists 2 levels (8,4), but n_levels is 3; make them agree")])
def test_the_command_line_refuses_in_one_sentence(words, said, capsys):
    code, _, err = ask(capsys, "train", "rkmeans", *words)
    assert code == 2 or code == 1
    assert said in err and "Traceback" not in err


def test_imported_codes_keep_one_size_a_level(run, tmp_path, capsys):
    np.save(tmp_path / "codes.npy", run.codes())
    code, _, err = ask(capsys, "ids", "import", str(tmp_path / "codes.npy"), "--n-codes", "7,6,3", "--align", "number")
    assert code == 0, err
    found = next(one for one in runs.list_runs() if one.config.kind == "import")
    assert found.codes_per_level() == [7, 6, 3] and np.array_equal(found.codes(), run.codes())
    assert found.semantic_ids().offsets_M.tolist()[:4] == [0, 7, 13, 16]
    assert reports.levels_frame(found.codes(), found.codes_per_level())["dead"].tolist() == [
        size - len(set(column)) for size, column in zip([7, 6, 3], run.codes().T.tolist(), strict=True)]
    for words, said in (("7,5", "n_codes lists 2 levels, but the codes have 3"), ("7,4,3", "codes there run from 0 to 3")):
        code, _, err = ask(capsys, "ids", "import", str(tmp_path / "codes.npy"), "--n-codes", words, "--align", "number")
        assert code and said in err and "Traceback" not in err
