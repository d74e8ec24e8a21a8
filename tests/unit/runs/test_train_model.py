"""A recommender trained as a run equals a bare fit to the bit, however often it was cut off."""


import numpy as np
import pytest
import torch

from tests.support import tiny_models as shop
from tests.support.training import config, execute, warm, write_shop
from tiger import datasets, metrics, models, runs
from tiger.analysis import evaluation
from tiger.reports import recommenders
from tiger.runs import config as run_config
from tiger.runs import supervisor, train_model, train_quantizer
from tiger.runs.executors import local
from tiger.runs.run import Run
from tiger.runs.worker_context import WorkerContext

REF = {"name": "synthetic", "params": {}}
IDS = {"run": "demo-rqvae"}  # only its name is looked at here


pytestmark = pytest.mark.usefixtures("tiger_home", "one_thread")


@pytest.fixture
def few_searches(monkeypatch):
    """The searches of ten users are measured, free and exact; all of them take longer than the training."""
    monkeypatch.setattr(evaluation, "FREE_USERS", 10)
    monkeypatch.setattr(evaluation, "GAP_USERS", 10)


def new_run(name: str, **params) -> Run:
    return runs.new_run({"kind": "model", "dataset": REF, "ids": IDS,
                         "model": {"name": name, "params": shop.values(name) | params}})


def train(run: Run, n_steps: int | None = None) -> None:
    """Train to the end, or crash after ``n_steps``."""
    given = run.learner
    model = models.create(given.name, **given.params)
    job = train_model.ModelTraining(WorkerContext(run), model, shop.catalogue(), shop.semantic_ids())
    for progress in job.steps():
        if n_steps is not None and progress.step >= n_steps:
            return


def log_of(run: Run) -> list[dict]:
    return [{name: value for name, value in event.items() if name not in ("t_s", "seq")} for event in run.events()[0]]


@pytest.mark.thorough
@pytest.mark.usefixtures("few_searches")
def test_a_model_run_equals_a_bare_fit_and_logs_what_it_measured():
    run = new_run("rq_transformer", n_epochs=12)
    train(run)
    bare = models.create("rq_transformer", **run.learner.params).fit(shop.catalogue(), shop.semantic_ids())
    for name, value in bare.tensors().items():
        assert torch.equal(value, run.recommender().tensors()[name]), name
    events = run.events()[0]
    assert run.state == "finished" and run.has_result()
    assert [event["step"] for event in events] == list(range(1, run.status.n_steps + 1))
    assert {"loss", "learning_rate", "epoch", "level_loss"} <= events[0].keys()
    looks = [event for event in events if "valid_recall@10" in event]
    assert [event["epoch"] for event in looks] == list(range(1, 13))
    cat, expected = shop.catalogue(), bare.evaluate(shop.catalogue(), "valid", (10,), width=10)
    assert looks[-1]["valid_recall@10"] == expected["recall@10"]
    assert looks[-1]["valid_ndcg@10"] == pytest.approx(expected["ndcg@10"])
    scores = run.metrics()
    whole = bare.evaluate(cat, "test", (5, 10))
    assert scores["test"]["recall@5"] == whole["recall@5"] and scores["test"]["n_users"] == cat.n_users
    assert scores["test"]["exclude_seen"] is True, "nobody in this shop has an item twice"
    low, high = scores["test"]["interval"]["ndcg@5"]
    assert low < scores["test"]["ndcg@5"] < high


@pytest.mark.thorough
@pytest.mark.usefixtures("few_searches")
@pytest.mark.parametrize("name", ["rq_transformer", "sasrec"])
def test_crashes_and_a_turned_knob_leave_the_same_result(monkeypatch, name):
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_S", 0)
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_SHARE", 1e9)
    whole, torn = new_run(name, n_epochs=3), new_run(name, n_epochs=3)
    for run in (whole, torn):
        run.control(live_params={"learning_rate": 0.01})
    train(whole)
    train(torn, 2)
    train(torn, 7)
    train(torn)
    assert torn.status.attempt == 3
    one, two = whole.recommender().tensors(), torn.recommender().tensors()
    for key, value in one.items():
        assert torch.equal(value, two[key]), key
    assert log_of(whole) == log_of(torn)
    assert {"step": 0, "live_param": "learning_rate", "value": 0.01} in log_of(torn)
    assert [{**part, "ms_per_user": 0} for part in whole.metrics().values()] == [
        {**part, "ms_per_user": 0} for part in torn.metrics().values()]


def test_a_paused_model_can_be_used_and_one_without_steps_runs_too(monkeypatch):
    monkeypatch.setattr(train_quantizer, "PAUSE_LIMIT_S", 0.1)
    run = new_run("rq_transformer")
    run.control("pause", step_to=3)
    train(run)
    assert (run.state, run.status.step) == ("stopped", 3)
    assert run.recommender().recommend([1, 2], k=3)["rank"].tolist() == [1, 2, 3] and run.metrics() == {}
    popular = new_run("popularity")
    train(popular)
    assert popular.state == "finished" and popular.config.ids_run is None
    assert popular.metrics()["test"]["width"] is None


@pytest.mark.processes
def test_the_worker_trains_a_model_on_the_ids_of_a_run(tmp_path):
    ref = write_shop(tmp_path / "shop")
    quantizer = runs.new_run(config(ref, "rkmeans", n_codes=8))
    small = shop.SMALL | {"n_epochs": 1}
    model = runs.new_run({"kind": "model", "dataset": ref, "ids": {"run": quantizer.id}, "title": "A model",
                          "model": {"name": "rq_transformer", "params": small}})
    execute(quantizer)
    assert supervisor.launch(model, local.n_cores(), warm()).wait(240) == 0, model.log()
    assert model.state == "finished"
    ids, fitted = quantizer.semantic_ids(), model.recommender()
    np.testing.assert_array_equal(fitted.metadata_["ids"].numpy(), ids.ids_IM)
    words = runs.command(model)
    assert words.startswith(f"python -m tiger train rq_transformer --ids {quantizer.id} --width 16")


@pytest.mark.parametrize(("limit_s", "expected"), [(60.0, 60), (0.0, 10)])
def test_all_users_are_measured_where_that_is_fast(monkeypatch, limit_s, expected):
    monkeypatch.setattr(models.REGISTRY["popularity"], "max_eval_users", 10)
    monkeypatch.setattr(train_model, "MEASURE_S", limit_s)
    run = new_run("popularity")
    train(run)
    kept = run.metrics()["test"]
    assert (kept["n_users"], kept["n_users_all"]) == (expected, shop.catalogue().n_users) == (expected, 60)
    words = recommenders.table_summary(recommenders.table_frame(recommenders.scores_frame([run])))
    assert ("on a sample of users, so less comparable: Popularity (10 of 60 users)" in words) == (expected == 10)


@pytest.mark.parametrize(("n_steps", "n_epochs"), [(240, 20), (5, 5), (1000, 4), (40_000, 400), (1, 1)])
def test_the_validation_sample_is_measured_a_bounded_number_of_times(n_steps, n_epochs):
    steps = train_model.look_steps(n_steps, n_epochs)
    assert max(steps) == n_steps and min(steps) >= 1 and len(steps) <= 30
    if n_epochs == 20:
        assert steps == set(range(12, 241, 12))


@pytest.mark.parametrize("name", [name for name, cls in models.REGISTRY.items() if cls.ids_verb])
def test_a_model_without_ids_is_refused_with_its_own_verb(name, monkeypatch):
    """A verb that no model has: whoever says it has read it from the model."""
    monkeypatch.setattr(models.REGISTRY[name], "ids_verb", "sings")
    with pytest.raises(ValueError, match=f"{name} sings semantic IDs; name the run"):
        runs.new_run({"kind": "model", "dataset": REF, "model": {"name": name}})
    with pytest.raises(ValueError, match=f"{name} sings semantic IDs; pass some"):
        models.create(name).fit(datasets.load("synthetic"))


def test_what_cannot_train_is_refused_in_one_sentence():
    with pytest.raises(ValueError, match="rq_transformer writes semantic IDs; name the run"):
        runs.new_run({"kind": "model", "dataset": REF, "model": {"name": "rq_transformer"}})
    with pytest.raises(ValueError, match="A model run needs 'model'"):
        runs.new_run({"kind": "model", "dataset": REF})
    with pytest.raises(ValueError, match="'gpt' is neither a quantizer nor a model; choose from rqvae"):
        run_config.live_specs("gpt")
    with pytest.raises(ValueError, match="'width' cannot change while sasrec trains; what can: learning_rate"):
        run_config.check_live_params("sasrec", {"width": 3})
    with pytest.raises(ValueError, match="has no fitted recommender yet; it is queued"):
        new_run("sasrec").recommender()


def test_measured_scores_equal_the_ranking_metrics_on_all_users():
    cat = shop.catalogue()
    model = models.create("popularity").fit(cat)
    users = evaluation.sample_users(cat, 20)
    assert len(users) == 20 and users[0] == 0 and users[-1] == cat.n_users - 1
    got = evaluation.measure(model, cat, "test", users, cuts=(3,))
    ranked_UR, target_U = model.ranked(cat, "test", 3, users=users)
    assert got["recall@3"] == np.mean([goal in row for row, goal in zip(ranked_UR, target_U, strict=True)])
    assert got["ndcg@3"] == pytest.approx(metrics.ranking_scores(ranked_UR, target_U, (3,))["ndcg@3"])
    assert (got["n_users"], got["n_users_all"]) == (20, cat.n_users)


def test_the_gap_to_an_exact_search_is_what_all_scores_say():
    cat = shop.catalogue()
    model = models.create("rq_transformer", **shop.values("rq_transformer")).fit(cat, shop.semantic_ids())
    users = np.arange(12)
    gap = evaluation.beam_gap(model, cat, "test", users, width=4, k=4)
    lost = []
    for user in users:
        history = cat.history(user)[:-1]
        best = set(np.argsort(-model.score_all(history))[:4].tolist())
        lost.append(len(best - set(model.recommend(history, 4, width=4, exclude_seen=False)["item"])))
    assert gap["lost"] == np.mean(lost) and gap["equal"] == np.mean(np.array(lost) == 0)
    assert sum(gap["lost_at"]) == sum(lost) > 0
    whole = evaluation.beam_gap(model, cat, "test", users, width=24, k=4)
    assert (whole["equal"], whole["lost"], whole["lost_at"]) == (1.0, 0.0, [0, 0, 0])
    assert "100 % of 12 users get the same 4 items" in evaluation.gap_summary(whole)
    assert "better items are lost, most of them at level" in evaluation.gap_summary(gap)
