"""Training on a sample of shards: the run says what was sampled, and a sample of everything is training in memory."""

import json

import numpy as np
import pytest

from tests.support.training import SMALL, clusters, config, execute, workers_here
from tiger import quantizers, runs
from tiger.cli import main as cli
from tiger.reports import at_scale

N_ITEMS = 400
LEARNERS = {"rqvae": SMALL, "rkmeans": {"n_levels": 2, "n_codes": [9, 7], "minibatch": 100}}


@pytest.fixture
def folder(tmp_path):
    emb_IE = clusters(N_ITEMS, 16)
    np.save(tmp_path / "0.npy", emb_IE[:150])
    np.save(tmp_path / "1.npy", emb_IE[150:])
    return tmp_path


@pytest.mark.parametrize("name", LEARNERS)
def test_a_sample_of_all_rows_trains_as_the_vectors_in_memory_do(name, folder, tiger_home):
    run = runs.new_run(config({"name": "shards", "params": {"path": str(folder)}}, name, **LEARNERS[name]))
    execute(run)
    emb_IE = clusters(N_ITEMS, 16)
    alone = quantizers.create(name, **LEARNERS[name]).fit(emb_IE)
    np.testing.assert_array_equal(run.codes(), alone.encode(emb_IE))
    assert at_scale.learned_summary(run) == ""


def test_the_command_says_what_was_sampled_and_in_how_many_passes(folder, tiger_home, capsys):
    """60 batches of 64 over 150 items are 25.6 passes; the same seed gives the same codes."""
    found = []
    for seed in (1, 1, 2):
        words = ["train", "rqvae", "--dataset", "shards", "--data-path", str(folder), "--data-n-sample", "150"]
        words += ["--data-seed", str(seed)]
        for flag, value in SMALL.items():
            words += [f"--{flag.replace('_', '-')}", str(value)]
        with workers_here():
            assert cli.main([*words, "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0]["sampled"] == ("Learned from a sample of 150 of 400 items, drawn evenly over 2 files (seed 1), in 25.6 "
                                   "passes.")
    codes = [runs.find(one["id"]).codes() for one in found]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert (codes[0] != codes[2]).any()
    run = runs.new_run(config({"name": "shards", "params": {"path": str(folder), "n_sample": 150}}, "rkmeans", n_codes=8))
    execute(run)
    assert at_scale.learned_summary(run).endswith("(seed 0), in at most 25 passes a level.")
