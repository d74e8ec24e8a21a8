"""``tiger collisions`` as people type it: the page's numbers, the table as a file, and remedies that are trained."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from tests.support.cli import ask
from tests.support.training import clusters, fit_into
from tiger import datasets, metrics, runs
from tiger.cli import train
from tiger.datasets import registry

SMALL = {"n_codes": 8, "n_levels": 2, "hidden": "16", "latent_width": 6, "batch_size": 256, "n_steps": 80}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collisions")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        np.save(folder / "x.npy", clusters(300, 10))
        run = runs.new_run({"dataset": registry.vectors_alone(str(folder / "x.npy")), "title": "Few codes",
                            "quantizer": {"name": "rqvae", "params": SMALL}})
        fit_into(run, clusters(300, 10))
    return folder / "home", run.id


@pytest.fixture
def run(trained, tiger_home):
    shutil.copytree(trained[0], tiger_home)
    return runs.find(trained[1])


def test_groups_causes_and_remedies_are_printed_and_written(run, tmp_path, capsys):
    code, out, _ = ask(capsys, "collisions", run.id, "--json")
    found = json.loads(out)
    _, count = np.unique(run.codes(), axis=0, return_counts=True)
    assert code == 0 and [row["items"] for row in found["groups"]] == sorted(count[count > 1].tolist(), reverse=True)
    assert found["causes"][0]["cause"] == "too few codes" and found["unseen"] == []
    left = {row["remedy"]: row["surplus"] for row in found["remedies"]}
    assert left["As it is"] == 300 - len(count) and left["A counter as the last code"] == 0
    assert 0 <= left["An extra level"] < left["As it is"] and left["Use 3 levels"] is None
    code, out, _ = ask(capsys, "collisions", run.id, "--show", "2", "--out", str(tmp_path / "all.csv"))
    assert code == 0 and f"… {len(found['groups']) - 2} more; --out FILE writes all of them." in out
    assert "not trained yet" in out and f"python -m tiger collisions {run.id} --train" in out
    table = pd.read_csv(tmp_path / "all.csv")
    assert table["items"].tolist() == [row["items"] for row in found["groups"]]
    assert table["cost"].tolist() == pytest.approx([row["cost"] for row in found["groups"]], nan_ok=True)


def test_train_trains_what_is_missing_and_measures_it(run, capsys, monkeypatch):
    monkeypatch.setattr(train, "watch", lambda made, args: fit_into(made, datasets.load_ref(made.config.dataset).embedding_IE))
    code, out, _ = ask(capsys, "collisions", run.id, "--train", "--json")
    made = [one for one in runs.list_runs() if one.config.parent == run.id]
    left = {row["remedy"]: row["surplus"] for row in json.loads(out)["remedies"]}
    assert code == 0 and len(made) == 3
    wide = next(one for one in made if one.config.quantizer.params["n_codes"] == 16)
    counted = metrics.collisions(wide.codes())
    assert left["Use 16 codes per level"] == counted.n_items - counted.unique
    code, out, _ = ask(capsys, "collisions", run.id, "--train")  # nothing is trained twice
    assert code == 0 and "not trained yet" not in out
    assert len([one for one in runs.list_runs() if one.config.parent == run.id]) == 3


def test_an_unknown_run_and_an_unknown_folder_end_with_a_sentence(run, capsys):
    code, _, err = ask(capsys, "collisions", "nothing")
    assert code == 2 and "nothing" in err
    code, _, err = ask(capsys, "collisions", run.id, "--out", "/nowhere/at/all.csv")
    assert code == 2 and "does not exist" in err
