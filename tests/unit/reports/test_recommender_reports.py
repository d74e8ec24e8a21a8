"""Costs worked by hand, and how rows of several seeds become one."""

import numpy as np
import pandas as pd
import pytest

from tests.support import tiny_models as shop
from tiger import models, runs
from tiger.analysis import costs
from tiger.core import files
from tiger.plots import recommenders as plots
from tiger.reports import published, recommenders
from tiger.runs.records import LearnerConfig

SHAPE = costs.Shape(width=10, n_layers=2, n_depth=1, history=4, n_levels=3, n_codes=7, beams=5, candidates=6)
SHOP = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
OTHER = {"name": "synthetic", "params": {"seed": 5}, "embedding": {"method": "tfidf"}}


def test_costs_worked_by_hand():
    read = 2 * (24 * 100 * 4 + 4 * 10 * 16)
    assert costs.vectors_exact(SHAPE, 50) == (4, read + 2 * 10 * 50)
    assert costs.generative(SHAPE, 50) == costs.generative(SHAPE, 10**9) == (4 + 11, read + 11 * (2400 + 2 * 10 * 7))
    pair, keys, score = 2 * (2000 + 4 * 10 * 4), 2 * 4 * 100 * 4, 2 * 10
    assert costs.pairs(SHAPE, 50) == (54, read + keys + 50 * (pair + score) + 2 * 10 * 50)
    assert costs.cascade(SHAPE, 50) == (10, read + keys + 6 * (pair + score) + 2 * 10 * 50)
    assert costs.vectors_index(SHAPE, 100)[1] == read + 2 * 10 * 10 * 9


def test_unmeasured_sizes_follow_from_the_last_measured_one():
    measured = pd.DataFrame({"kind": ["pair ranker over all items"] * 2, "items": [10, 1000], "ms": [1.0, 9.0]})
    frame = costs.cost_frame(SHAPE, (1000, 10**6), measured).query("kind == 'pair ranker over all items'")
    assert frame["items"].tolist() == [10, 1000, 10**6] and frame["measured"].tolist() == [True, True, False]
    ratio = costs.pairs(SHAPE, 10**6)[1] / costs.pairs(SHAPE, 1000)[1]
    assert frame["ms"].iloc[2] == pytest.approx(9 * ratio)
    assert costs.cost_frame(SHAPE)["ms"].isna().all()
    assert "exact neighbours cost" in costs.cost_summary(costs.cost_frame(SHAPE))


def test_a_request_of_each_kind_is_timed():
    frame = costs.measure(SHAPE, sizes=(100, 200), most_pairs=100, repeats=1)
    assert (frame["ms"] > 0).all()
    assert frame.groupby("kind")["items"].max().to_dict()["pair ranker over all items"] == 100


def row(seed: int, recall: float, **more) -> dict:
    ends = {name: recall + (0.1 if name.endswith("high") else -0.1) for name in recommenders.ENDS}
    return {"dataset": "shop", "model": "sasrec", "ids": "–", "quantizer": "–", "made": "", "ids_seed": 0,
            "settings": "defaults", "seen": "kept", "beyond": "", "seed": seed,
            **dict.fromkeys(recommenders.NAMES, recall), **ends, "n_users": 9, "n_users_all": 9,
            "width": None, "invalid": None, "equal": None} | more


def test_seeds_become_one_row_with_students_interval():
    rows = [row(0, 0.1), row(1, 0.2), row(2, 0.3), row(0, 0.5, model="popularity")]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert table["model"].tolist() == ["popularity", "sasrec"] and table["seeds"].tolist() == [1, 3]
    mine = table.iloc[1]
    half = 4.30265 * np.std([0.1, 0.2, 0.3], ddof=1) / np.sqrt(3)
    for name in recommenders.NAMES:
        assert (mine[f"{name} low"], mine[f"{name} high"]) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-4)
    assert mine["over"] == "seeds"
    assert table.iloc[0]["over"] == "users" and table.iloc[0]["ndcg@5 low"] == pytest.approx(0.4)
    assert recommenders.table_summary(table) == (
        "Popularity finds the held-out item among its first ten for 50.0 % of the users, the most; "
        "SASRec for 20.0 %, the fewest.")
    dots = recommenders.dots_frame(table)
    assert dots["name"].tolist() == ["Popularity", "SASRec"] and not dots["reported"].any()


@pytest.mark.parametrize("metric", recommenders.NAMES)
def test_every_score_has_its_interval_in_the_figure(metric):
    table = recommenders.table_frame(pd.DataFrame([row(0, 0.2) | {f"{metric} low": 0.15, f"{metric} high": 0.31}]))
    both = pd.concat([table, published.reported_frame()], ignore_index=True)
    bars = plots.score_dots(recommenders.dots_frame(both, metric), "Words.", metric).data[0].error_x
    assert (bars.array[0], bars.arrayminus[0]) == pytest.approx((0.11, 0.05))


def test_scores_under_two_rules_are_never_one_row():
    rows = [row(0, 0.1), row(1, 0.3, seen="excluded")]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert table["seen"].tolist() == ["excluded", "kept"] and table["seeds"].tolist() == [1, 1]


def test_reported_rows_say_their_rule_and_what_measured_rows_have_beyond_them():
    for dataset in set(published.SIZES.values()):
        frame = published.reported_frame(dataset)
        assert set(frame["seen"]) <= {"excluded", "kept", "not stated"} and frame["recall@10"].is_monotonic_decreasing
        assert (frame["ndcg@10"] < frame["recall@10"]).all(), "one held-out item: NDCG is at most recall"
        empty = dict.fromkeys((*recommenders.ENDS, "n_users", "n_users_all"), np.nan)
        dots = recommenders.dots_frame(frame.assign(**empty), "recall@5")
        assert len(dots) == frame["recall@5"].notna().sum()
    beyond = pd.Series(["a vector for every prefix, IDs from co-occurrence besides text", "", "the full softmax", float("nan")])
    assert published.beyond_summary(beyond).endswith(
        "kind: a vector for every prefix, IDs from co-occurrence besides text, the full softmax.")
    assert published.beyond_summary(pd.Series([""])) == ""


@pytest.mark.parametrize(("name", "values", "method", "want"), [
    ("rq_transformer", {}, "cooccurrence", "a vector for every prefix, IDs from co-occurrence besides text"),
    ("rq_transformer", {"prefix_vectors": False}, "tfidf", ""), ("sasrec", {}, "cooccurrence", "the full softmax"),
    ("sasrec_ids", {}, "cooccurrence", "IDs from co-occurrence besides text, the full softmax, vectors shared through IDs"),
    ("encoder_decoder", {}, "cooccurrence", "IDs from co-occurrence besides text"), ("popularity", {}, "tfidf", "")])
def test_what_a_run_has_beyond_the_papers(name, values, method, want):
    ref = {"name": "recbole", "params": {}, "embedding": {"method": method}}
    assert recommenders.beyond_paper(LearnerConfig(name, values), ref) == want


def test_no_run_vanishes_without_a_word():
    coded = {"model": "rq_transformer", "ids": "RQ-VAE: Mine", "quantizer": "RQ-VAE"}
    rows = [row(0, 0.3, **coded, made="defaults"), row(0, 0.1, **coded, made="n_codes 8"),
            row(0, 0.2, **coded, made="defaults", ids_seed=1), row(0, 0.9, **coded, made="defaults", ids_seed=1)]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert table["ids"].tolist() == ["RQ-VAE: Mine (defaults)", "RQ-VAE: Mine (n_codes 8)"]
    assert table["recall@10"].tolist() == [pytest.approx(0.25), 0.1]
    assert table["seeds"].tolist() == [2, 1] and table["repeats"].tolist() == [1, 0]
    assert "1 run repeats both seeds of another run and is not counted again." in recommenders.table_summary(table)
    assert table["seeds"].sum() + table["repeats"].sum() == len(rows)


def test_each_dataset_is_ranked_by_itself():
    rows = [row(0, 0.1, dataset="b"), row(0, 0.9, dataset="a"), row(0, 0.2, dataset="b", model="popularity")]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert table[["dataset", "recall@10"]].values.tolist() == [["b", 0.2], ["b", 0.1], ["a", 0.9]]


def test_scores_of_a_sample_of_the_users_say_so():
    rows = [row(0, 0.3, n_users=300, n_users_all=22363), row(0, 0.1, model="popularity", n_users=22363, n_users_all=22363)]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert "on a sample of users, so less comparable: SASRec (300 of 22,363 users)." in recommenders.table_summary(table)
    dots = recommenders.dots_frame(pd.concat([table, published.reported_frame()], ignore_index=True))
    assert dots.loc[dots["some"], "name"].tolist() == ["SASRec (300 of 22,363 users)"]
    marks = {trace.name: trace.marker.symbol for trace in plots.score_dots(dots, "Words.").data}
    assert marks == {"measured here": "circle", "measured here, on a sample of the users": "circle-open",
                     "as reported": "diamond-open"}


def test_runs_whose_ids_differ_stand_apart(tiger_home):
    """Runs in folders: same title, other codes, other seeds, an unfinished quantizer, another dataset."""
    def coded(state="finished", **params):
        given = {"dataset": SHOP, "title": "Mine", "quantizer": {"name": "rkmeans", "params": params}}
        return runs.new_run(given, runs.Status(state))

    def measured(ids, dataset=SHOP, state="finished", **params):
        model = {"name": "rq_transformer", "params": params}
        run = runs.new_run({"kind": "model", "dataset": dataset, "ids": {"run": ids.id}, "model": model},
                           runs.Status(state, step=7))
        part = dict.fromkeys(recommenders.NAMES, 0.1)
        scores = part | {"interval": {name: [0.0, 0.2] for name in part}, "n_users": 9, "n_users_all": 9, "width": 20,
                         "ms_per_user": 0.1}
        files.write_json(run.path / "metrics.json", {"test": scores})
        return run

    wide, again, few = coded(), coded(seed=1), coded(n_codes=8)
    scores = recommenders.scores_frame([measured(wide), measured(again), measured(few), measured(few, seed=1)])
    table = recommenders.table_frame(scores)
    assert sorted(table["ids"]) == ["Residual k-means: Mine (defaults)", "Residual k-means: Mine (n_codes 8)"]
    assert table["seeds"].tolist() == [2, 2] and table["repeats"].tolist() == [0, 0]
    broken = coded("stopped")
    more = [measured(wide), measured(broken), measured(wide, state="stopped"), measured(wide, OTHER)]
    table = recommenders.table_frame(recommenders.scores_frame(more))
    assert len(table) == 4 and table["dataset"].nunique() == 2
    assert any(f"run {broken.id}" in ids for ids in table["ids"])
    assert "defaults, ended after step 7" in table["settings"].tolist()


def test_what_training_saw_is_not_called_held_out(tiny):
    history, held_out = recommenders.history_for_test(tiny, 3)  # two items: training reads both
    assert history.tolist() == tiny.split().train_history(3).tolist() == [2, 0] and held_out is None
    history, held_out = recommenders.history_for_test(tiny, 1)
    assert (history.tolist(), held_out) == ([1, 0], 1)
    with pytest.raises(ValueError, match="user 9 does not exist"):
        recommenders.history_for_test(tiny, 9)


def test_a_beam_is_no_wider_than_there_are_ids():
    cat, ids = shop.catalogue(), shop.semantic_ids()
    ids.ids_IM[7:] = -1  # seven items have one
    model = models.create("rq_transformer", **shop.SMALL).fit(cat, ids)
    assert recommenders.fitting_width(model, 20) == 7 and recommenders.fitting_width(model, 5) == 5
    with pytest.raises(ValueError, match="beam width is 20"):
        model.recommend([1, 2], 10, 20)
    fitting = recommenders.fitting_width(model, 20)
    assert set(model.recommend([1, 2], 10, fitting)["item"]) == {0, 3, 4, 5, 6}  # the two in the history are left out
    assert set(model.recommend([1, 2], 10, fitting, exclude_seen=False)["item"]) == set(range(7))
    assert recommenders.best_items(model, [1, 2], 20, exclude_seen=True).tolist() == \
        [item for item in recommenders.best_items(model, [1, 2], 20, exclude_seen=False).tolist() if item not in (1, 2)]
    assert recommenders.fitting_width(models.create("popularity").fit(cat), 20) == 20
