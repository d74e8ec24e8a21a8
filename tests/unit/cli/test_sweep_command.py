"""``tiger sweep``: the same as the form, its table, and one sentence for what cannot be."""

import csv
import json
import shlex

import pytest

from tests.support.cli import SMALL, ask
from tests.support.training import workers_here, write_shop
from tiger import runs
from tiger.runs import config as run_config


@pytest.fixture
def shop(tiger_home, tmp_path):
    write_shop(tmp_path / "shop", n_items=90)
    return ["--dataset", "recbole", "--data-path", str(tmp_path / "shop")]


def test_a_sweep_from_the_command_line_and_again_by_its_own_command(capsys, shop, tmp_path):
    with workers_here():
        code, said, _ = ask(capsys, "sweep", "--vary", "beta=0.25,4", "rqvae", "--seeds", "0,1", *SMALL, *shop, "--json", "--out",
                            str(tmp_path / "sweep.csv"))
    found = json.loads(said)
    assert code == 0 and found["state"] == "finished" and found["n_steps"] == 4
    assert [(row["Beta"], row["Seed"], row["State"]) for row in found["runs"]] == [
        (0.25, 0, "finished"), (4.0, 0, "finished"), (0.25, 1, "finished"), (4.0, 1, "finished")]
    rows = list(csv.DictReader((tmp_path / "sweep.csv").read_text().splitlines()))
    assert [float(row["Distinct share"]) for row in rows] == pytest.approx([row["Distinct share"] for row in found["runs"]])
    assert "eta" in found["summary"] and sum(row["Share"] for row in found["shares"]) == pytest.approx(1)
    made = runs.find(found["id"])
    assert made.config.trained.params["n_codes"] == 16

    with workers_here():
        code, said, _ = ask(capsys, *shlex.split(run_config.command(made.config))[3:], "--max-runs", "1")
    assert code == 0 and "1 of 1 run begun: 1 finished." in said
    again = next(run for run in runs.list_runs() if run.config.kind == "sweep" and run.id != made.id)
    assert (again.config.sweep.grid, again.config.sweep.seeds) == (made.config.sweep.grid, made.config.sweep.seeds)
    assert again.config.trained == made.config.trained


def test_sweeps_are_listed_by_kind_and_fold_their_runs_into_groups(capsys, shop):
    with workers_here():
        ask(capsys, "sweep", "rqvae", "--vary", "beta=0.25,4", *SMALL, *shop, "--title", "Which beta?")
    code, said, _ = ask(capsys, "runs", "list", "--kind", "Sweeps", "--json")
    line, = json.loads(said)
    assert code == 0 and line["title"] == "Which beta?"
    groups = json.loads(ask(capsys, "runs", "list", "--by", "sweep", "--search", line["id"], "--json")[1])
    assert [(row["Group"], row["Runs"]) for row in groups] == [(f"Which beta? · {line['id'][-6:]}", 2)]
    code, _, err = ask(capsys, "runs", "resume", line["id"])
    assert code == 2 and "is finished" in err


@pytest.mark.parametrize(("words", "said"), [
    (["--vary", "colour=1,2"], "'colour' cannot be varied"), (["--vary", "beta=x"], "beta is 'x', but must be a finite number"),
    (["--vary", "beta"], "--vary is 'beta', but must be a hyper-parameter and its values, such as beta=0.25,1"),
    (["--vary", "beta=1", "--vary", "beta=2"], "--vary names beta twice"),
    (["--vary", "beta=1", "--seeds", "a"], "The seeds are 'a'"), ([], "--vary"),
    (["--vary", "beta=1", "--objective", "valid_ndcg@10"], "a quantizer is judged by")])
def test_what_cannot_be_is_one_sentence(capsys, shop, words, said):
    code, out, err = ask(capsys, "sweep", "rqvae", *words, *shop)
    assert code == 2 and said in err and not out and len(err.strip().splitlines()) == 1
