"""Spoilt files of a run, file by damage by command and page: one sentence and code 2, no traceback; every page opens."""

import io
import json
import random
import re
import shutil

import numpy as np
import pytest
from safetensors.numpy import save

from tests.support.cli import ask
from tests.support.pages import open_page
from tests.support.training import SMALL, Ended, config, keep_process, write_shop
from tiger import datasets, runs
from tiger.analysis import evaluation
from tiger.core import paths
from tiger.datasets import registry
from tiger.runs import import_run, study_artifacts, supervisor, worker
from tiger.runs.executors.local import LocalJob
from tiger.runs.run import Run
from tiger.semantic_ids import SemanticIds, import_ids
from tiger.ui.shared import pagelist

MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1, "batch_size": 16, "history_length": 6}
QUANTIZER_FILES = ("config.json", "status.json", "control.json", "events.jsonl", "codes.npy", "ids.safetensors", "latent.npy",
                   "recon_error.npy", "quantizer.json", "weights.safetensors", "snapshots/0000030.safetensors",
                   "data.safetensors", "checkpoint/state.safetensors", "log.txt")
MODEL_FILES = ("config.json", "status.json", "events.jsonl", "model.json", "weights.safetensors", "metrics.json",
               "data.safetensors")
IMPORT_FILES = ("config.json", "status.json", "codes.npy", "ids.safetensors", "import.json")
STUDY_FILES = ("config.json", "status.json", "events.jsonl", "study.json", "rows.parquet")
DAMAGES = ("empty", "truncated", "wrong type", "wrong values", "not UTF-8", "a folder", "gone")


def npy(array):
    made = io.BytesIO()
    np.save(made, array)
    return made.getvalue()


def wrong_type(path):
    """A file of the right format that holds something else."""
    if path.suffix == ".npy":
        return npy(np.array(["a", "b", "c"]))
    if path.suffix == ".safetensors":
        return save({"other": np.zeros(3, np.float64)})
    return b"[1, 2]\n"


def wrong_values(path):
    """The right names with the wrong shapes and kinds of values."""
    if path.suffix == ".npy":
        return npy(np.full((7, 2), 999_999, np.int32))
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file
        found = load_file(path)
        return save({name: np.zeros((3, 2), np.float64) for name in found}, metadata={"plain": "[]", "n_levels": "x"})
    if path.suffix == ".jsonl":
        return b'{"step": "one", "loss": {"a": 1}, "perplexity": ["x"], "row": 5}\n{"step": 3, "live_param": 7}\n' * 3
    try:
        return json.dumps(spoilt(json.loads(path.read_text()))).encode()
    except ValueError:
        return b"\0" * 100


def spoilt(value):
    """The same JSON with every number as text and every text as a number."""
    if isinstance(value, dict):
        return {name: value[name] if name in ("id", "kind") else spoilt(part) for name, part in value.items()}
    if isinstance(value, list):
        return [spoilt(part) for part in value]
    return 5 if isinstance(value, str) else "five"


def damage(path, how):
    content = path.read_bytes()
    make = {"truncated": lambda: content[:len(content) // 2], "wrong type": lambda: wrong_type(path),
            "wrong values": lambda: wrong_values(path), "not UTF-8": lambda: b"\xff\xfe\x80{" * 9}
    new = make.get(how, bytes)()
    path.unlink()
    if how == "a folder":
        path.mkdir()
    elif how != "gone":
        path.write_bytes(new)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A quantizer run, a recommender, imported IDs and a study, in a workspace of their own."""
    folder = tmp_path_factory.mktemp("damaged")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        keep_process(patch)
        patch.setattr(evaluation, "FREE_USERS", 8)  # what the searches of so small a recommender find is not looked at
        patch.setattr(supervisor, "launch", lambda run, *_: LocalJob(run, Ended(worker.execute(run))))
        ref = write_shop(folder / "shop", 70)
        cat, load = datasets.load_ref(ref), datasets.load_ref
        patch.setattr(datasets, "load_ref", lambda wanted, **more: cat if wanted == ref else load(wanted, **more))
        found = {"quantizer": runs.new_run(config(ref, n_steps=30, n_codes=8))}
        assert SMALL["n_codes"] == 16 and worker.execute(found["quantizer"]) == 0
        found["quantizer"].control(live_params={"beta": 1.0})
        (found["quantizer"].path / "log.txt").write_text("what a worker said\n")  # this one ran within this process
        found["model"] = runs.new_run({"kind": "model", "dataset": ref, "ids": {"run": found["quantizer"].id},
                                       "model": {"name": "rq_transformer", "params": MODEL}})
        found["study"] = runs.new_run(study_artifacts.request("drift", ref, found["quantizer"].id, {
            "strengths": "0", "remedies": "1", "reader": False}))
        for name in ("model", "study"):
            assert worker.execute(found[name]) == 0, found[name].status.message
        SemanticIds.from_codes(found["quantizer"].codes(), 8).save(folder / "ids.json")
        found["import"] = import_run.keep(import_ids(folder / "ids.json", cat), cat)
        yield found, registry.add(ref, "Shop").id


@pytest.fixture
def spoil(shop):
    """Damages a file of a run; it is whole again when the test is over."""
    kept = []

    def do(kind, name, how):
        run = shop[0][kind]
        kept.append((run.path, run.path.with_name(f".kept-{random.random()}")))
        shutil.copytree(*kept[-1])
        damage(run.path / name, how)
        return Run(run.path)

    yield do
    queue = supervisor.SUPERVISORS.pop(paths.home(), None)
    if queue is not None:  # a status that says "queued" by now is started, which writes into the folder
        queue.close()
    for path, copy in kept:
        shutil.rmtree(path)
        copy.rename(path)


def assert_one_sentence(capsys, *words):
    """The command answers, or refuses with one sentence; whatever it raises fails the test with its trace."""
    code, _, err = ask(capsys, *words)
    assert code in (0, 2), (words, code, err)
    said = [line for line in err.splitlines() if line.startswith("tiger ")]  # the others are progress bars
    if code == 2:
        assert len(said) == 1 and said[0].startswith(f"tiger {words[0]}: ") and len(said[0]) < 700, (words, err)
        assert not re.search(r"Traceback|<class|object at 0x", err), err


COMMANDS = {
    "quantizer": [["doctor", "RUN"], ["encode", "RUN", "--out", "OUT.npy"], ["ids", "export", "RUN", "--out", "OUT.json"],
                  ["ids", "export", "RUN", "--out", "OUT.csv"], ["runs", "show", "RUN"], ["runs", "list"],
                  ["runs", "command", "RUN"], ["runs", "resume", "RUN"],
                  ["drift", "RUN", "--strengths", "0", "--remedies", "1", "--no-reader"],
                  ["train", "rq_transformer", "--ids", "RUN", "--n-epochs", "1", "--width", "16",
                   "--n-layers", "1", "--n-heads", "2"]],
    "model": [["recommend", "RUN", "--user", "0"], ["evaluate", "RUN", "--users", "12"], ["compare", "RUN"],
              ["runs", "show", "RUN"], ["runs", "list"]],
    "import": [["doctor", "RUN"], ["ids", "export", "RUN", "--out", "OUT.json"], ["encode", "RUN", "--out", "OUT.npy"],
               ["runs", "show", "RUN"]],
    "study": [["runs", "show", "RUN"], ["runs", "command", "RUN"], ["runs", "list"]],
}
SPOILT = [(kind, name, how) for kind, names in (("quantizer", QUANTIZER_FILES), ("model", MODEL_FILES),
                                                ("import", IMPORT_FILES), ("study", STUDY_FILES))
          for name in names for how in DAMAGES]
SLOW = ("drift", "train")  # these train: they get each file that they read in one state, the likeliest to be taken for good
READ = ("config.json", "codes.npy", "ids.safetensors", "quantizer.json", "weights.safetensors", "data.safetensors")


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "name", "how"), SPOILT)
def test_every_command_answers_or_refuses_in_one_sentence(shop, spoil, capsys, tmp_path, kind, name, how):
    run = spoil(kind, name, how)
    for command in COMMANDS[kind]:
        if command[0] in SLOW and (name not in READ or how != "wrong values"):
            continue
        assert_one_sentence(capsys, *(word.replace("RUN", run.id).replace("OUT", str(tmp_path / "out"))
                                                for word in command))


SHOWN = {"quantizer": ("home", "codebooks", "map", "tree", "doctor", "train", "catalogue"), "model": ("recommender", "beam"),
         "import": ("home", "exchange"), "study": ("drift",)}
ON_PAGES = [(kind, name, how) for kind, name, how in SPOILT
            if how == ("wrong values" if name.endswith((".json", ".jsonl", ".parquet")) else "empty")
            or (name == "codes.npy" and how in ("wrong values", "a folder"))]


@pytest.mark.thorough
@pytest.mark.parametrize(("kind", "name", "how"), ON_PAGES)
def test_every_page_opens(shop, spoil, monkeypatch, kind, name, how):
    # what a page starts would write into the spoilt folder
    monkeypatch.setattr(supervisor, "launch", lambda run, *_: LocalJob(run, Ended(0)))
    run, dataset = spoil(kind, name, how), shop[1]
    where = {{"quantizer": "run", "import": "run"}.get(kind, kind): run.id}
    for key in SHOWN[kind]:
        page = pagelist.BY_KEY[key]
        app = open_page(page, dataset=dataset, **where)
        assert [title.value for title in app.title] == [page.question]
        said = [box.value for box in app.error]
        assert len(said) <= 2 and not any(re.search(r"\(\w+(Error|Exception)\)\.$", text) for text in said), (key, said)


def test_an_empty_codes_file_names_itself(shop, spoil, capsys):
    run = spoil("quantizer", "codes.npy", "empty")
    code, _, err = ask(capsys, "doctor", run.id)
    assert code == 2 and f"codes.npy of run {run.id} cannot be read" in err and "bring the file back" in err


def test_spoilt_scores_are_not_measured_scores(shop, spoil, capsys):
    run = spoil("model", "metrics.json", "wrong values")
    assert run.metrics() == {}
    code, _, err = ask(capsys, "compare", run.id)
    assert code == 2 and "python -m tiger evaluate" in err
