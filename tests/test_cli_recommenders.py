"""Train, evaluate, recommend and compare from the command line, on a shop small enough to check."""

import json

import numpy as np
import pytest

from tests.training_help import config, write_shop
from tiger import cli, datasets, quantizers, runs
from tiger.session import Session
from tiger.training import QuantizerTraining

SMALL = ["--width", "16", "--n-layers", "1", "--n-heads", "2", "--n-epochs", "1"]


def ask(capsys, *words: str) -> tuple[int, str, str]:
    try:
        code = cli.main(list(words))
    except SystemExit as end:
        code = int(end.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A quantizer run and two seeds of a model on its IDs, the second from the first one's own command line."""
    folder = tmp_path_factory.mktemp("trained")
    ref = write_shop(folder / "shop")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(folder / "home"))
        patch.setenv("TIGER_THREADS", "1")
        coded = runs.new_run(config(ref, "rkmeans", n_codes=8))
        cat = datasets.load_ref(ref)
        made = quantizers.create("rkmeans", **coded.config["quantizer"]["params"])
        list(QuantizerTraining(Session(coded), made, cat.embedding_IE).steps())
        assert cli.main(["train", "rq_transformer", "--ids", coded.id, "--title", "First", *SMALL]) == 0
        first = next(run for run in runs.list_runs() if run.title == "First")
        words = runs.command(first).split()
        assert words[:3] == ["python", "-m", "tiger"]
        assert cli.main([*words[3:], "--seed", "1", "--title", "Second"]) == 0
        second = next(run for run in runs.list_runs() if run.title == "Second")
    return folder, cat, coded, first, second


@pytest.fixture
def home(trained, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(trained[0] / "home"))
    return trained


def test_train_asks_for_the_same_model_again(home):
    _, _, coded, first, second = home
    assert first.state == second.state == "finished" and first.config["ids"] == {"run": coded.id}
    assert second.config["model"]["params"] == first.config["model"]["params"] | {"seed": 1}
    assert {"invalid", "gap"} <= first.metrics()["search"].keys()


def test_evaluate_says_what_the_run_measured(home, capsys):
    _, _, _, first, _ = home
    code, out, err = ask(capsys, "evaluate", first.id, "--json", "--gap", "5")
    assert code == 0, err
    found, kept = json.loads(out), first.metrics()["test"]
    assert found["recall@10"] == kept["recall@10"] and found["interval"] == kept["interval"]
    assert 0 <= found["invalid_rate"] <= 1 and found["gap"]["n_users"] == 5
    code, out, _ = ask(capsys, "evaluate", "last", "--users", "20", "--split", "valid")
    assert code == 0 and "of 20 of 60 users, over all 300 items" in out


def test_recommend_is_what_the_model_ranks(home, capsys):
    _, cat, _, first, _ = home
    code, out, err = ask(capsys, "recommend", first.id, "--user", "3", "--k", "5", "--json")
    assert code == 0, err
    found = json.loads(out)
    assert found["history"] == cat.history(3)[:-1].tolist() and found["held_out"] == cat.history(3)[-1]
    want = first.recommender().recommend(cat.history(3)[:-1], 5)
    assert [row["item"] for row in found["recommended"]] == want["item"].tolist()
    assert found["recommended"][0]["title"] == cat.items["title"].iloc[want["item"][0]]
    code, out, _ = ask(capsys, "recommend", first.id, "--history", "1,2,3", "--k", "2")
    assert code == 0 and "Bought: " in out


def test_compare_joins_seeds_and_shows_the_paper_beside_them(home, capsys):
    _, _, _, first, second = home
    code, out, err = ask(capsys, "compare", first.id, second.id, "--reported", "--json")
    assert code == 0, err
    mine, *paper = json.loads(out)
    values = [run.metrics()["test"]["recall@10"] for run in (first, second)]
    assert mine["seeds"] == 2 and mine["recall@10"] == pytest.approx(np.mean(values))
    assert mine["over"] == "seeds" and mine["low"] <= mine["recall@10"] <= mine["high"]
    assert {row["model"]: row["recall@10"] for row in paper} == {"TIGER": 0.0648, "S3-Rec": 0.0647, "SASRec": 0.0605}
    code, out, _ = ask(capsys, "compare", first.id)
    assert code == 0 and "rq_transformer" in out


@pytest.mark.parametrize(("words", "sentence"), [
    (["train", "rq_transformer"], "writes semantic IDs; say which: --ids RUN"),
    (["train", "rq_transformer", "--ids", "no-such-run"], "No run 'no-such-run'"),
    (["train", "rq_transformer", "--preset", "sasrec"], "is for sasrec, not rq_transformer"),
    (["train", "sasrec", "--dropout", "2"], "dropout is 2.0, but must be between"),
    (["evaluate", "demo-rqvae"], "is no recommender but a run of kind quantizer"),
    (["evaluate", "no-such-run"], "No run 'no-such-run'"),
    (["recommend", "{first}"], "Say whose history it is"),
    (["recommend", "{first}", "--user", "9999"], "user 9999 does not exist"),
    (["recommend", "{first}", "--history", "one,two"], "is no list of item numbers"),
    (["recommend", "{first}", "--history", ","], "the history is empty"),
    (["recommend", "{first}", "--history", "99999"], "item 99999 is unknown"),
    (["recommend", "{first}", "--user", "0", "--k", "0"], "k is 0, but must be between 1 and"),
    (["recommend", "{first}", "--user", "0", "--width", "0"], "beam width is"),
    (["compare", "--dataset", "movielens"], "No measured recommender"),
])
def test_bad_input_is_one_sentence_and_code_2(home, capsys, words, sentence):
    code, out, err = ask(capsys, *[word.format(first=home[3].id) for word in words])
    assert code == 2 and sentence in err and len(err.strip().splitlines()) == 1, (out, err)
