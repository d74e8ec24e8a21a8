"""``tiger doctor`` as people type it: vectors that explain a run, files, and treatments that are checked."""

import json
import shutil

import numpy as np
import pytest

from tests.support.cli import ask
from tests.support.training import clusters, fit_into
from tiger import datasets, runs
from tiger.cli import train
from tiger.datasets import registry

pytestmark = pytest.mark.thorough

SMALL = {"n_codes": 64, "n_levels": 3, "hidden": "64", "latent_width": 16, "batch_size": 256, "n_steps": 200}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A workspace with a run on embeddings a thousand times too small, trained."""
    folder = tmp_path_factory.mktemp("small")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        np.save(folder / "small.npy", clusters() * np.float32(1e-3))
        ref = registry.vectors_alone(str(folder / "small.npy"))
        run = runs.new_run({"dataset": ref, "title": "Small vectors", "quantizer": {"name": "rqvae", "params": SMALL}})
        fit_into(run, datasets.load_ref(ref).embedding_IE)
    return folder / "home", run.id


@pytest.fixture
def sick(trained, tiger_home):
    """The trained run, in a workspace of the test's own."""
    shutil.copytree(trained[0], tiger_home)
    return runs.find(trained[1])


@pytest.fixture
def in_process(monkeypatch):
    """Runs that ``--treat`` starts are trained here; what a worker does is for other tests."""
    monkeypatch.setattr(train, "watch", lambda made, args: fit_into(
        made, datasets.load_ref(made.config.dataset).embedding_IE))


def test_the_vectors_are_named_and_normalising_is_offered(sick, capsys):
    code, out, _ = ask(capsys, "doctor", sick.id, "--json")
    found = json.loads(out)
    assert code == 0 and found["disease"] == "small_scale" and found["title"] == "Embedding scale too small"
    offered = [remedy["changes"] for remedy in found["remedies"]]
    assert offered[:2] == [{"normalise": "centre"}, {"normalise": "standardise"}]
    code, out, _ = ask(capsys, "doctor", sick.id)
    assert code == 0 and "--normalise standardise" in out and f"python -m tiger doctor {sick.id} --treat" in out


def test_treat_trains_a_remedy_and_says_before_and_after(sick, in_process, capsys):
    code, out, _ = ask(capsys, "doctor", sick.id, "--treat", "--json")
    found = json.loads(out)
    assert code == 0 and found["outcome"] == "healthy" and found["disease"] == "healthy"
    before, after = found["runs"]
    assert (before["id"], before["title"], before["changes"]) == (sick.id, "Embedding scale too small", {})
    assert (after["title"], after["changes"], after["items"]) == ("Healthy", {"normalise": "centre"}, 1500)
    assert after["distinct_ids"] == len(np.unique(runs.find(after["id"]).codes(), axis=0)) > before["distinct_ids"]
    assert runs.find(after["id"]).config.parent == sick.id
    code, out, _ = ask(capsys, "doctor", sick.id, "--treat")  # it is known already, so nothing is trained again
    assert code == 0 and "Before: Embedding scale too small (critical)" in out and "After: Healthy (good)" in out
    assert f"Healthy after 1 remedy: run {after['id']}." in out
    assert len([run for run in runs.list_runs() if run.config.parent == sick.id]) == 1


def test_treat_stops_after_so_many_remedies(sick, in_process, capsys, monkeypatch):
    monkeypatch.setattr(train, "watch", lambda made, args: fit_into(  # a machine on which nothing helps
        made, datasets.load_ref(sick.config.dataset).embedding_IE * np.float32(1e-3)))
    monkeypatch.setattr("tiger.quantizers.normaliser.Normaliser.learn", _no_normaliser())
    code, out, _ = ask(capsys, "doctor", sick.id, "--treat", "--max-remedies", "2")
    assert code == 0 and out.count("After:") == 2
    assert "Not healthy after 2 remedies. Raise --max-remedies above 2 to go on." in out


def _no_normaliser():
    import torch

    from tiger.quantizers.normaliser import Normaliser
    return classmethod(lambda cls, x_NE, kind: Normaliser(torch.zeros(x_NE.shape[1]), torch.ones(x_NE.shape[1]), False))


def test_a_healthy_run_has_nothing_to_treat(tiger_home, in_process, capsys, tmp_path):
    np.save(tmp_path / "vectors.npy", clusters())
    ref = registry.vectors_alone(str(tmp_path / "vectors.npy"))
    run = fit_into(runs.new_run({"dataset": ref, "quantizer": {"name": "rqvae", "params": SMALL}}), clusters())
    found = json.loads(ask(capsys, "doctor", run.id, "--treat", "--json")[1])
    assert found["outcome"] == "healthy" and "nothing to treat" in found["message"] and len(found["runs"]) == 1


@pytest.mark.parametrize(("words", "sentence"), [
    (["{file}", "--treat"], "--treat trains runs, and a file of IDs has no quantizer to train; name a run."),
    (["{run}", "--treat", "--max-remedies", "0"], "--max-remedies is 0, but must be at least 1."),
    (["{run}", "--n-codes", "64"], "--n-codes is for files"),
    (["{file}", "--n-codes", "many"], "'many' must be whole numbers of at least 1"),
])
def test_what_cannot_be_asked_is_one_sentence(sick, capsys, tmp_path, words, sentence):
    np.save(tmp_path / "ids.npy", np.arange(600).reshape(200, 3))
    code, _, err = ask(capsys, "doctor", *[word.format(file=tmp_path / "ids.npy", run=sick.id) for word in words])
    assert code == 2 and sentence in err and "Traceback" not in err


def test_sizes_of_a_file_are_guessed_unless_they_are_given(tiger_home, capsys, tmp_path):
    """Sixty codes a level above an offset, as token numbers have it: a guess of 1,024 is no evidence of 964 dead codes."""
    rng = np.random.default_rng(0)
    np.save(tmp_path / "ids.npy", np.stack([rng.permutation(np.arange(1800) % 60) + 600 for _ in range(3)], 1))
    found = json.loads(ask(capsys, "doctor", str(tmp_path / "ids.npy"), "--json")[1])
    assert found["disease"] == "healthy" and "guessed" in " ".join(found["evidence"])
    found = json.loads(ask(capsys, "doctor", str(tmp_path / "ids.npy"), "--n-codes", "1024", "--json")[1])
    assert found["disease"] == "level_starvation"


def test_items_without_an_id_are_counted(tiger_home, capsys, tmp_path):
    codes_IL = np.random.default_rng(0).integers(0, 16, (400, 3))
    codes_IL[5:12] = -1
    np.save(tmp_path / "ids.npy", codes_IL)
    code, out, _ = ask(capsys, "doctor", str(tmp_path / "ids.npy"), "--n-codes", "16")
    assert code == 0 and out.count("7 of 400 items have no ID") == 1
    codes_IL[6:12] = 1
    np.save(tmp_path / "ids.npy", codes_IL)
    assert "1 of 400 items has no ID" in ask(capsys, "doctor", str(tmp_path / "ids.npy"))[1]
    codes_IL[5] = 1
    np.save(tmp_path / "ids.npy", codes_IL)
    assert "no ID" not in ask(capsys, "doctor", str(tmp_path / "ids.npy"))[1]


def test_a_data_report_says_what_training_will_fail_on_and_the_flag_that_helps(tiger_home, capsys, tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\n" + "".join(f"{item},thing {item}\n" for item in range(1500)))
    np.save(tmp_path / "vectors.npy", clusters() + np.float32(0.5))
    words = ["datasets", "report", "tables", "--data-items", str(tmp_path / "items.csv"), "--embedding", "given",
             "--embedding-path", str(tmp_path / "vectors.npy")]
    code, out, _ = ask(capsys, *words)
    assert code == 0 and "Dominant mean (serious)" in out and "train rqvae --normalise centre" in out
    found = json.loads(ask(capsys, *words, "--json")[1])
    assert [finding["key"] for finding in found["findings"]] == ["dominant_mean"] and found["fix"] == {"normalise": "centre"}
