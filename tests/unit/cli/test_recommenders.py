"""Train, evaluate, recommend and compare from the command line, on a shop small enough to check."""

import json
import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.cli import ask
from tests.support.training import config, workers_here, write_shop
from tiger import datasets, quantizers, runs
from tiger.cli import main as cli
from tiger.core import files
from tiger.runs.train_quantizer import QuantizerTraining
from tiger.runs.worker_context import WorkerContext

SMALL = ["--width", "16", "--n-layers", "1", "--n-heads", "2", "--n-epochs", "1"]


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
        made = quantizers.create("rkmeans", **coded.learner.params)
        list(QuantizerTraining(WorkerContext(coded), made, cat.embedding_IE).steps())
        with workers_here():
            assert cli.main(["train", "rq_transformer", "--ids", coded.id, "--title", "First", *SMALL]) == 0
        first = next(run for run in runs.list_runs() if run.title == "First")
        words = runs.command(first).split()
        assert words[:3] == ["python", "-m", "tiger"]
        with workers_here():
            assert cli.main([*words[3:], "--seed", "1", "--title", "Second"]) == 0
        second = next(run for run in runs.list_runs() if run.title == "Second")
    return folder, cat, coded, first, second


@pytest.fixture
def home(trained, monkeypatch):
    monkeypatch.setenv("TIGER_HOME", str(trained[0] / "home"))
    return trained


@pytest.mark.thorough
def test_train_asks_for_the_same_model_again(home):
    _, _, coded, first, second = home
    assert first.state == second.state == "finished" and first.config.ids_run == coded.id
    assert second.learner.params == first.learner.params | {"seed": 1}
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


def test_lists_of_all_users_are_what_the_model_ranks_for_each(home, tmp_path, capsys):
    """Each after all of their history, in shards of 25; a second call finds all of it done."""
    _, cat, _, first, _ = home
    words = ["recommend", first.id, "--all-users", "--output", str(tmp_path / "lists"), "--k", "4", "--workers", "1", "--json"]
    for _ in range(2):
        code, out, err = ask(capsys, *words, "--shard-size", "25")
        assert code == 0 and json.loads(out)["users"] == cat.n_users, err
    found = [pq.read_table(path) for path in sorted((tmp_path / "lists").glob("*.parquet"))]
    assert [len(set(table["user"].to_pylist())) for table in found] == [25, 25, 10]
    frame, model = pa.concat_tables(found).to_pandas(), first.recommender()
    for user in (0, 31, 59):
        own = frame[frame["user"] == user]
        want = model.recommend(cat.history(user), 4, user=user, exclude_seen=model.excludes_seen(None, cat))
        assert own["item"].tolist() == want["item"].tolist() and own["rank"].tolist() == [1, 2, 3, 4]
        assert set(own["user_id"]) == {cat.user_ids[user]}
        assert own["item_id"].tolist() == cat.items["item_id"].iloc[own["item"]].tolist()
    code, _, err = ask(capsys, *words, "--shard-size", "30")
    assert code == 2 and "was begun with other shard_size" in err
    code, _, err = ask(capsys, "recommend", first.id, "--all-users")
    assert code == 2 and "--all-users and --output FOLDER go together" in err


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
    assert code == 0 and "History: " in out


def test_which_rule_seen_items_follow_is_said_and_can_be_chosen(home, capsys):
    _, cat, _, first, _ = home
    assert cat.has_repeats, "users of this shop come back to items"
    code, out, _ = ask(capsys, "recommend", first.id, "--user", "3", "--k", "5")
    assert code == 0 and "may be recommended; users of this dataset repeat items" in out
    history = cat.history(3)[:-1].tolist()
    code, out, _ = ask(capsys, "recommend", first.id, "--user", "3", "--k", "5", "--exclude-seen", "--json")
    found = json.loads(out)
    assert found["exclude_seen"] is True and not {row["item"] for row in found["recommended"]} & set(history)
    for flag, rule in (("--exclude-seen", True), ("--no-exclude-seen", False)):
        code, out, _ = ask(capsys, "evaluate", first.id, "--users", "10", flag, "--json")
        assert json.loads(out)["exclude_seen"] is rule


def test_compare_joins_seeds_and_shows_the_paper_beside_them(home, capsys):
    _, _, _, first, second = home
    code, out, err = ask(capsys, "compare", first.id, second.id, "--reported", "--json")
    assert code == 0, err
    mine, *paper = json.loads(out)
    values = [run.metrics()["test"]["recall@10"] for run in (first, second)]
    assert mine["seeds"] == 2 and mine["recall@10"] == pytest.approx(np.mean(values))
    assert mine["over"] == "seeds" and mine["recall@10 low"] <= mine["recall@10"] <= mine["recall@10 high"]
    reported = {row["model"]: (row["recall@10"], row["seen"]) for row in paper}
    assert reported["TIGER"] == (0.0648, "not stated") and reported["BSARec"] == (0.1008, "excluded")
    assert mine["seen"] == "kept" and "a vector for every prefix" in mine["beyond"]
    code, out, _ = ask(capsys, "compare", first.id)
    assert code == 0 and "rq_transformer" in out


def test_an_ensemble_of_two_runs_is_trained_measured_and_outlives_them(home, capsys):
    _, cat, _, first, second = home
    gone = copied(second, "second-again")
    with workers_here():
        code, out, err = ask(capsys, "train", "ensemble", "--first", first.id, "--second", gone.id, "--title", "Both")
    assert code == 0, err
    assert "Weight of the second member: " in out and "the best of 21 by NDCG@10" in out
    both = next(run for run in runs.list_runs() if run.title == "Both")
    assert both.config.dataset == first.config.dataset and both.config.ids_run is None
    assert runs.command(both) == f"python -m tiger train ensemble --first {first.id} --second {gone.id}"
    assert [event["step"] for event in both.events()[0] if "valid_recall@10" in event] == [both.status.n_steps]
    rows = strict(ask(capsys, "compare", both.id, first.id, "--json")[1])
    named = {row["model"]: row["ids"] for row in rows}
    assert named["ensemble"] == "RQ-Transformer on Residual k-means + RQ-Transformer on Residual k-means"
    shutil.rmtree(gone.path)
    found = strict(ask(capsys, "evaluate", both.id, "--json")[1])
    assert found["recall@10"] == both.metrics()["test"]["recall@10"]
    shown = strict(ask(capsys, "recommend", both.id, "--user", "3", "--k", "5", "--json")[1])
    want = both.recommender().recommend(cat.history(3)[:-1], 5)["item"].tolist()
    assert [row["item"] for row in shown["recommended"]] == want
    assert "second-again (deleted)" in ask(capsys, "compare", both.id)[1]
    with workers_here():
        code, out, err = ask(capsys, "train", "ensemble", "--first", first.id, "--second", second.id, "--weight", "0.25")
    assert code == 0 and "Weight of the second member: 0.25, as given." in out


def strict(text: str):
    """JSON as the standard has it: without NaN and Infinity."""
    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")
    return json.loads(text, parse_constant=refuse)


def test_json_has_no_nan_where_a_baseline_stands_beside_a_generative_run(home, capsys):
    _, _, _, first, _ = home
    popular = copied(first, "popular-run", model={"name": "popularity", "params": {}}, ids=None)
    scores = first.metrics()
    files.write_json(popular.path / "metrics.json", {"test": scores["test"] | {"width": None}})
    code, out, err = ask(capsys, "compare", first.id, popular.id, "--json")
    assert code == 0, err
    widths = {row["model"]: (row["width"], row["invalid"]) for row in strict(out)}
    assert widths["popularity"] == (None, None)
    invalid = {row["width"]: row["rate"] for row in scores["search"]["invalid"]}
    assert widths["rq_transformer"] == (20, invalid[20])
    shutil.rmtree(popular.path)


def test_everything_that_json_cannot_say_is_null():
    given = {"a": float("nan"), "b": [np.float32("inf"), 1.5, (np.int64(3),)], "c": {"d": np.array([1.0, np.nan])}, "e": "nan"}
    found = json.dumps(cli.plain(given), allow_nan=False)
    assert strict(found) == {"a": None, "b": [None, 1.5, [3]], "c": {"d": [1.0, None]}, "e": "nan"}


def test_runs_of_two_datasets_are_ranked_apart(home, capsys):
    _, _, _, first, _ = home
    other = copied(first, "other-shop", dataset={"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}})
    code, out, err = ask(capsys, "compare", first.id, other.id)
    assert code == 0, err
    head, *rows = out.splitlines()[:3]
    assert head.split()[0] == "dataset" and rows[0].startswith("recbole-") and rows[1].startswith("synthetic ")
    assert "synthetic: RQ-Transformer on " in out
    rows = strict(ask(capsys, "compare", first.id, other.id, "--json")[1])
    assert len({row["dataset"] for row in rows}) == 2 and all(row["seeds"] == 1 for row in rows)
    shutil.rmtree(other.path)


def copied(run: runs.Run, name: str, **config) -> runs.Run:
    """The same run under another id, with another configuration."""
    path = run.path.with_name(name)
    shutil.copytree(run.path, path)
    files.write_json(path / "config.json", run.config.to_json() | {"id": name, "title": name} | config)
    return runs.find(name)


def test_an_item_that_training_saw_is_not_marked(home, capsys, tmp_path):
    """A user with two items: training read both, so none is held out; with three, the last one is."""
    _, _, _, first, _ = home
    ref = write_shop(tmp_path / "shop")
    lines = [f"new{n}\ti{item}\t{when}\n" for n in (2, 3) for when, item in enumerate(range(n))]
    with (tmp_path / "shop" / "shop.inter").open("a") as file:
        file.writelines(lines)
    short = copied(first, "short-users", dataset=ref)
    cat = datasets.load_ref(ref)
    numbers = {name: cat.user_ids.index(name) for name in ("new2", "new3")}
    found = {name: strict(ask(capsys, "recommend", short.id, "--user", str(user), "--json")[1])
             for name, user in numbers.items()}
    assert found["new2"]["held_out"] is None and len(found["new2"]["history"]) == 2
    assert not any(row["held_out"] for row in found["new2"]["recommended"])
    assert found["new3"]["held_out"] == cat.history(numbers["new3"])[-1] and len(found["new3"]["history"]) == 2
    said = ask(capsys, "recommend", short.id, "--user", str(numbers["new2"]))[1]
    assert "has fewer than 3 items, so none was held out" in said
    shutil.rmtree(short.path)


@pytest.mark.parametrize(("words", "sentence"), [
    (["train", "rq_transformer"], "writes semantic IDs; say which: --ids RUN"),
    (["train", "rq_transformer", "--ids", "no-such-run"], "No run 'no-such-run'"),
    (["train", "rq_transformer", "--preset", "sasrec"], "is for sasrec, not rq_transformer"),
    (["train", "sasrec", "--dropout", "2"], "dropout is 2.0, but must be between"),
    (["train", "ensemble"], "combines two different trained recommenders"),
    (["train", "ensemble", "--first", "{first}", "--second", "{first}"], "combines two different trained recommenders"),
    (["train", "ensemble", "--first", "{first}", "--second", "demo-rqvae"], "is not a recommender but a run of kind quantizer"),
    (["train", "ensemble", "--first", "{first}", "--second", "no-such-run"], "No run 'no-such-run'"),
    (["evaluate", "demo-rqvae"], "is not a recommender but a run of kind quantizer"),
    (["evaluate", "no-such-run"], "No run 'no-such-run'"),
    (["evaluate", "{first}", "--users", "-5"], "users is -5, but must be at least 1"),
    (["evaluate", "{first}", "--users", "0"], "users is 0, but must be at least 1"),
    (["evaluate", "{first}", "--gap", "-1"], "gap is -1, but must be at least 0"),
    (["compare", "demo-small", "demo-rqvae", "--seed", "-1"], "seed is -1, but must be at least 0"),
    (["recommend", "{first}"], "Choose a history"),
    (["recommend", "{first}", "--user", "9999"], "user 9999 does not exist"),
    (["recommend", "{first}", "--history", "one,two"], "is not a list of item numbers"),
    (["recommend", "{first}", "--history", ","], "the history is empty"),
    (["recommend", "{first}", "--history", "99999"], "item 99999 is unknown"),
    (["recommend", "{first}", "--user", "0", "--k", "0"], "k is 0, but must be between 1 and"),
    (["recommend", "{first}", "--user", "0", "--width", "0"], "beam width is"),
    (["compare", "--dataset", "movielens"], "There is no evaluated recommender"),
])
def test_bad_input_is_one_sentence_and_code_2(home, capsys, words, sentence):
    code, out, err = ask(capsys, *[word.format(first=home[3].id) for word in words])
    assert code == 2 and sentence in err and len(err.strip().splitlines()) == 1, (out, err)
