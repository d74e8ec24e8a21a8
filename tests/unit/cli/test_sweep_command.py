"""``tiger sweep``: the same as the form, its table, and one sentence for what cannot be."""

import csv
import json

import pytest

from tests.support.cli import SMALL, ask
from tests.support.training import workers_here, write_shop
from tiger import runs
from tiger.runs import config as run_config


@pytest.fixture
def shop(tiger_home, tmp_path):
    write_shop(tmp_path / "shop", n_items=90)
    return ["--dataset", "recbole", "--data-path", str(tmp_path / "shop")]


def test_a_sweep_from_the_command_line(capsys, shop, tmp_path):
    with workers_here():
        code, said, _ = ask(capsys, "sweep", "rqvae", "--vary", "beta=0.25,4", "--seeds", "0,1", *SMALL, *shop, "--json", "--out",
                            str(tmp_path / "sweep.csv"))
    found = json.loads(said)
    assert code == 0 and found["state"] == "finished" and found["n_steps"] == 4
    assert [(row["Beta"], row["Seed"], row["State"]) for row in found["runs"]] == [
        (0.25, 0, "finished"), (4.0, 0, "finished"), (0.25, 1, "finished"), (4.0, 1, "finished")]
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [float(row["Distinct share"]) for row in rows] == pytest.approx([row["Distinct share"] for row in found["runs"]])
    made = runs.find(found["id"])
    assert "--vary 'beta=0.25 4.0' --seeds 0,1" in run_config.command(made.config)
    assert made.learner.params["n_codes"] == 16


@pytest.mark.parametrize(("words", "said"), [
    (["--vary", "colour=1,2"], "'colour' cannot be swept"), (["--vary", "beta=x"], "beta is 'x', but must be a finite number"),
    (["--vary", "beta=1", "--seeds", "a"], "the seeds are 'a'"), ([], "--vary"),
    (["--vary", "beta=1", "--objective", "valid_ndcg@10"], "a quantizer is judged by")])
def test_what_cannot_be_is_one_sentence(capsys, shop, words, said):
    code, out, err = ask(capsys, "sweep", "rqvae", *words, *shop)
    assert code == 2 and said in err and not out
