"""The command line as people type it: results, JSON, and one sentence with code 2 on bad input."""

import contextlib
import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.cli import SMALL, ask, tiger
from tests.support.training import config, workers_here, write_shop
from tiger import runs
from tiger.cli import main as cli
from tiger.core import files, paths


@pytest.fixture
def shop(tiger_home, tmp_path):
    write_shop(tmp_path / "shop")
    return ["--dataset", "recbole", "--data-path", str(tmp_path / "shop")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """One small run in a workspace of its own, made by the command itself inside this process."""
    folder = tmp_path_factory.mktemp("trained")
    write_shop(folder / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        with workers_here(), contextlib.redirect_stdout(io.StringIO()) as said:
            assert cli.main(["train", "rqvae", "--dataset", "recbole", "--data-path", str(folder / "shop"), *SMALL,
                             "--title", "My run", "--json"]) == 0
    return folder, json.loads(said.getvalue())


def test_train_makes_a_run_that_the_app_would_list(trained, monkeypatch):
    folder, result = trained
    monkeypatch.setenv("TIGER_HOME", str(folder / "home"))
    run = runs.find(result["id"])
    assert result["state"] == run.state == "finished" and run.title == "My run"
    assert (result["step"], result["items"]) == (40, 300)
    assert result["unique"] == len({tuple(row) for row in run.codes().tolist()})
    assert all(1 <= value <= 16 for value in result["perplexity"])


@pytest.mark.processes
def test_the_command_of_a_run_makes_the_same_run_again(trained, monkeypatch, capsys):
    """As processes: the command, and the worker that it starts."""
    folder, result = trained
    monkeypatch.setenv("TIGER_HOME", str(folder / "home"))
    first = runs.find(result["id"])
    code, line, _ = ask(capsys, "runs", "command", first.id)
    assert code == 0
    words = line.split()
    assert words[:4] == ["python", "-m", "tiger", "train"]
    again = tiger(*words[3:], "--json")
    assert again.returncode == 0, again.stderr
    second = runs.find(json.loads(again.stdout)["id"])
    assert second.learner == first.learner
    np.testing.assert_array_equal(second.codes(), first.codes())


def test_encode_writes_what_the_run_itself_has(trained, monkeypatch, capsys, tmp_path):
    folder, result = trained
    monkeypatch.setenv("TIGER_HOME", str(folder / "home"))
    run = runs.find(result["id"])
    for name in ("codes.npy", "ids.safetensors", "index.json"):
        code, out, err = ask(capsys, "encode", run.id, "--out", str(tmp_path / name), "--json")
        assert code == 0, err
        assert json.loads(out)["items"] == 300
    np.testing.assert_array_equal(np.load(tmp_path / "codes.npy"), run.codes())
    index = json.loads((tmp_path / "index.json").read_text())
    assert len(index) == 300 and len({tuple(tokens) for tokens in index.values()}) == 300
    some = tmp_path / "some.npy"
    width = run.quantizer().tensors()["encoder.0.weight"].shape[1]
    np.save(some, np.random.default_rng(0).normal(size=(7, width)).astype(np.float32))
    code, _, _ = ask(capsys, "encode", "last", "--embeddings", str(some), "--out",
                     str(tmp_path / "some-codes.npy"))
    assert code == 0 and np.load(tmp_path / "some-codes.npy").shape == (7, 3)
    save_file({"emb": np.load(some), "other": np.zeros((2, 2), np.float32)}, tmp_path / "some.safetensors")
    code, _, err = ask(capsys, "encode", "last", "--embeddings", str(tmp_path / "some.safetensors"), "--tensor", "emb",
                       "--out", str(tmp_path / "again.npy"))
    assert code == 0, err
    np.testing.assert_array_equal(np.load(tmp_path / "again.npy"), np.load(tmp_path / "some-codes.npy"))
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["codes.npy", "ids.safetensors", "index.json", "some.npy", "some-codes.npy", "some.safetensors",
         "again.npy"]), "no part is left behind"


@pytest.mark.parametrize(("words", "sentence"), [
    (["encode", "{run}", "--out", "x.txt"], "must end in one of .npy, .safetensors, .json"),
    (["encode", "{run}", "--out", "/nowhere/x.npy"], "The folder /nowhere does not exist"),
    (["encode", "{run}", "--out", "x.npy", "--embeddings", "/nowhere.npy"], "'/nowhere.npy' is not a file"),
    (["encode", "{run}", "--out", "x.npy", "--embeddings", "{narrow}"], "3 wide"),
    (["encode", "{run}", "--out", "x.npy", "--embeddings", "{objects}"], "holds Python objects, which can run code"),
    (["encode", "{run}", "--out", "x.npy", "--embeddings", "{torn}"], "2,000,000,000 rows, but at most 5,000,000 items"),
    (["encode", "{run}", "--out", "x.npy", "--embeddings", "{two}"], "holds 2 tensors, only a, b; name one of them"),
    (["encode", "../../etc", "--out", "x.npy"], "No run '../../etc'"),
    (["doctor", "nothing.json"], "nothing.json"),
    (["doctor", "no-such-run"], "No run 'no-such-run'"),
    (["runs", "explode"], "invalid choice"),
    (["runs", "show"], "Name a run"),
    (["runs", "resume", "{run}"], "is finished; only a run that"),
    (["runs", "stop", "{run}"], "is finished already"),
    (["train", "--n-codes", "3.5"], "n_codes is '3.5', but must be a whole number"),
    (["train", "--beta", "-1"], "beta is -1.0, but must be between"),
    (["train", "--ema", "--simvq"], "turn one off"),
    (["train", "--n-code=8"], "unrecognized arguments"),
    (["train", "--no-ema", "lsh"], "unrecognized arguments: --no-ema"),
    (["train", "--dataset=synthetic", "rkmeans", "--n-iterations", "0"], "n_iterations is 0, but must be between"),
    (["train", "magic"], "magic"),
    (["train", "--preset", "no-such"], "no-such"),
    (["train", "--dataset", "no-such"], "no-such"),
    (["train", "--dataset", "recbole"], "The run ended as failed. '' does not exist"),
    (["datasets", "report", "no-such"], "'no-such' is not a dataset"),
    (["datasets", "download", "everything"], "'everything' cannot be downloaded"),
    (["datasets", "download", "ml-1m"], "Nothing was downloaded"),
    (["dance"], "there is no command 'dance'"),
])
def test_bad_input_is_one_sentence_and_code_2(trained, monkeypatch, capsys, tmp_path, words, sentence):
    folder, result = trained
    monkeypatch.setenv("TIGER_HOME", str(folder / "home"))
    np.save(tmp_path / "narrow.npy", np.zeros((2, 3), np.float32))
    np.save(tmp_path / "objects.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    whole = (tmp_path / "narrow.npy").read_bytes()
    (tmp_path / "torn.npy").write_bytes(whole.replace(b"(2, 3), }" + b" " * 9, b"(2000000000, 3), }"))
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros((2, 3), np.float32)}, tmp_path / "two.safetensors")
    names = {"run": result["id"], "narrow": tmp_path / "narrow.npy", "objects": tmp_path / "objects.npy",
             "torn": tmp_path / "torn.npy", "two": tmp_path / "two.safetensors"}
    before = {run.id for run in runs.list_runs()}
    with workers_here():
        code, out, err = ask(capsys, *[word.format(**names) for word in words])
    if words == ["train", "--dataset", "recbole"]:  # only the worker finds out that there is no path
        before = {run.id for run in runs.list_runs()}
    assert code == 2
    assert sentence in err and err.count("\n") <= 2 and "Traceback" not in err + out
    assert {run.id for run in runs.list_runs()} == before


def test_doctor_reads_runs_and_files(trained, monkeypatch, capsys, tmp_path):
    folder, result = trained
    monkeypatch.setenv("TIGER_HOME", str(folder / "home"))
    code, out, _ = ask(capsys, "doctor", result["id"], "--json")
    assert code == 0 and json.loads(out)["disease"] and json.loads(out)["evidence"]
    np.save(tmp_path / "sick.npy", np.zeros((500, 3), np.int64))
    code, out, _ = ask(capsys, "doctor", str(tmp_path / "sick.npy"), "--json")
    assert code == 0 and json.loads(out)["severity"] == "critical"
    code, out, _ = ask(capsys, "doctor", str(tmp_path / "sick.npy"))
    assert code == 0 and "collapse" in out.lower()


def test_runs_are_listed_shown_and_deleted(tiger_home, capsys):
    run = runs.new_run(config({"name": "synthetic", "params": {}}) | {"title": "Old one"})
    files.write_json(run.path / "status.json", run.status.to_json() | {"state": "finished"})
    (run.path / "events.jsonl").write_text('{"step": 1, "t_s": 0.1, "loss": 2.5}\n')
    assert run.id in ask(capsys, "runs")[1]
    assert json.loads(ask(capsys, "runs", "show", run.id, "--json")[1])["newest"]["loss"] == 2.5
    assert "2.5" in ask(capsys, "runs", "show", run.id)[1]
    assert ask(capsys, "runs", "delete", "last")[0] == 0
    assert not run.path.exists()


def test_help_names_every_command(capsys):
    code, out, _ = ask(capsys, "--help")
    assert code == 0 and all(name in out for name in cli.COMMANDS)
    for name in cli.COMMANDS:
        assert ask(capsys, name, "--help")[0] == 0


def test_datasets_are_listed_and_reported(tiger_home, shop, capsys):
    listed = json.loads(ask(capsys, "datasets", "--json")[1])
    assert {"synthetic", "recbole"} <= {source["name"] for source in listed}
    code, out, err = ask(capsys, "datasets", "report", "recbole", *shop[2:], "--embedding-dim", "16",
                         "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["n_items"], report["n_users"], report["n_interactions"]) == (300, 60, 360)
    assert report["embedding_shape"] == [300, 16]


@pytest.mark.processes
def test_a_closed_pipe_is_no_error(tiger_home):
    if os.name == "nt":
        pytest.skip("Windows has no such pipes")
    child = subprocess.Popen([sys.executable, "-m", "tiger", "datasets", "list"], cwd=paths.PROJECT,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout and child.stderr
    child.stdout.close()
    assert "Traceback" not in child.stderr.read()
    child.wait(timeout=60)
