"""What the old recommender gets back: a schedule over exactly the steps asked for, and how sure a recall is."""

import numpy as np
import pytest
from scipy import stats

from tests.support.drift import catalogue, fitted_baseline
from tiger import metrics, models
from tiger.core.progress import result_of
from tiger.studies.drift import RecommenderProbe, ids_of
from tiger.studies.drift.recommender_probe import fine_tune_recommender

MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1, "batch_size": 16, "history_length": 6}


@pytest.fixture(scope="module")
def cat():
    return catalogue()


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "more"), [("rq_transformer", {}), ("encoder_decoder", {"head": 8, "ff": 32,
                                                                                         "n_user_tokens": 8})])
@pytest.mark.parametrize("n_steps", [1, 7, 40])
def test_the_step_size_rises_and_falls_within_exactly_these_steps(cat, name, more, n_steps, monkeypatch):
    """40 users in batches of 16 are 3 steps an epoch: neither 7 nor 40 is a multiple."""
    model = models.create(name, **MODEL, **more).fit(cat, ids_of(fitted_baseline(cat).codes_IL, 8))
    taken = []
    step = type(model)._train_step

    def spy(self, rows, number, rate):
        taken.append((rows, rate))
        return step(self, rows, number, rate)

    monkeypatch.setattr(type(model), "_train_step", spy)
    result_of(fine_tune_recommender(model, cat, ids_of(fitted_baseline(cat).codes_IL, 8), n_steps, 0.5))
    assert len(taken) == n_steps
    rates = [rate for _, rate in taken]
    assert max(rates) == pytest.approx(0.5 * model.learning_rate)
    if n_steps == 40:
        assert rates[-1] < 0.02 * max(rates), "the cosine has fallen"
        n_rows = len(model.examples(cat))
        drawn = sum(len(rows) for rows, _ in taken)
        assert all(len(rows) == 16 for rows, _ in taken)
        counts = np.unique([row.tobytes() for rows, _ in taken for row in rows], return_counts=True)[1]
        assert drawn == 640 and counts.sum() == 640 and len(counts) > 0.9 * min(n_rows, 640)


def test_more_rows_than_a_batch_can_hold_are_no_trouble(cat):
    model = models.create("rq_transformer", **MODEL | {"batch_size": 500}).fit(cat, ids_of(fitted_baseline(cat).codes_IL, 8))
    *_, last = fine_tune_recommender(model, cat, ids_of(fitted_baseline(cat).codes_IL, 8), 5, 0.5)
    assert last.step == last.n_steps == 5


def test_a_recall_has_the_interval_that_scipy_gives(cat):
    ids = ids_of(fitted_baseline(cat).codes_IL, 8)
    model = models.create("rq_transformer", **MODEL | {"n_epochs": 8}).fit(cat, ids)
    probe = RecommenderProbe(cat, model, ids, n_users=30, regain_steps=2)
    found = probe.recall(model)
    ranked, target = model.ranked(cat, "test", 10, 20, probe.users())
    hits = metrics.recall_at_k(ranked, target, 10)
    low, high = stats.t.interval(0.95, 29, hits.mean(), stats.sem(hits))
    assert 0 < hits.mean() < 1, "or else there is nothing to be unsure of"
    assert found.value == pytest.approx(hits.mean()) and found.half_width == pytest.approx((high - low) / 2)
    probed = result_of(probe.measure(ids))
    assert probed.after == found and probed.regained is not None
    assert result_of(RecommenderProbe(cat, model, ids, n_users=30, regain_steps=0).measure(ids)).regained is None
    assert RecommenderProbe(cat, model, ids, n_users=1).recall(model).half_width is None, "JSON has no nan"
