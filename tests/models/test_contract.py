"""What every recommender promises."""

import numpy as np
import pytest
import torch

from tests.models import tiny
from tiger import models


@pytest.fixture(scope="module", params=list(models.REGISTRY))
def fitted(request):
    torch.set_num_threads(1)
    model = models.create(request.param, **tiny.values(request.param))
    return model.fit(tiny.catalogue(), tiny.semantic_ids())


def test_scores_are_finite_and_the_same_seed_gives_the_same(fitted):
    again = models.create(fitted.name, **tiny.values(fitted.name)).fit(tiny.catalogue(), tiny.semantic_ids())
    scores_I = fitted.score_all([3, 4, 5])
    assert scores_I.shape == (tiny.N_ITEMS,) and np.isfinite(scores_I).all()
    assert (scores_I == again.score_all([3, 4, 5])).all()


def test_recommendations_are_the_best_scores(fitted):
    scores_I = fitted.score_all([3, 4, 5])
    table = fitted.recommend([3, 4, 5], k=5, width=tiny.N_ITEMS)
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(table["score"], np.sort(scores_I)[::-1][:5], atol=1e-4)
    np.testing.assert_allclose(scores_I[table["item"]], table["score"], atol=1e-4)


def test_padding_changes_nothing(fitted):
    rows = [np.array([1]), np.array([2, 3, 4, 5]), np.array([7, 8])]
    alone = np.concatenate([fitted.score_batch([row]) for row in rows])
    np.testing.assert_allclose(fitted.score_batch(rows), alone, atol=1e-4)


def test_evaluate_equals_ranks_counted_by_hand(fitted):
    cat = tiny.catalogue()
    got = fitted.evaluate(cat, "valid", k=(1, 5), width=tiny.N_ITEMS)
    places = []
    for user in range(cat.n_users):
        history = cat.history(user)
        scores_I = fitted.score_batch([fitted.shorten(history[:-2])])[0]
        places.append(int((scores_I > scores_I[history[-2]]).sum()))
    if len(np.unique(np.round(scores_I, 5))) == tiny.N_ITEMS:  # ties may fall either way
        assert got["recall@5"] == pytest.approx(np.mean(np.array(places) < 5), abs=0.02)
        gains = [1 / np.log2(place + 2) if place < 5 else 0 for place in places]
        assert got["ndcg@5"] == pytest.approx(np.mean(gains), abs=0.02)
    assert got["n_users"] == cat.n_users


def test_saved_and_loaded_again_scores_the_same(fitted, tmp_path):
    fitted.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.json", "weights.safetensors"}
    assert (models.load(tmp_path).score_all([3, 4]) == fitted.score_all([3, 4])).all()


@pytest.mark.parametrize(("history", "text"), [([], "history is empty"), ([99], "item 99 is unknown"),
                                               ([0.5], "whole item numbers")])
def test_bad_histories_are_refused_in_one_sentence(fitted, history, text):
    with pytest.raises(ValueError, match=text):
        fitted.recommend(history)


def test_a_long_history_keeps_the_last_items_and_says_so(fitted, caplog):
    if fitted.max_items is None:
        pytest.skip("reads histories of any length")
    long = list(range(15))
    assert (fitted.score_all(long) == fitted.score_all(long[-6:])).all()
    assert "the last 6 are kept" in caplog.text


@pytest.mark.parametrize("name", [name for name, kind in models.REGISTRY.items() if kind.steppable])
def test_a_resumed_fit_is_bit_identical(name):
    values = tiny.values(name) | {"average": 0.9, "drop_items": 0.2}
    cat, ids = tiny.catalogue(), tiny.semantic_ids()
    whole = models.create(name, **values)
    for progress in whole.fit_steps(cat, ids):
        if progress.step == 3:
            state = whole.training_state()
    rest = models.create(name, **values)
    steps = [progress.step for progress in rest.fit_steps(cat, ids, state=state)]
    assert steps[0] == 4 and steps[-1] == progress.n_steps
    for key, value in whole.tensors().items():
        assert torch.equal(value, rest.tensors()[key]), key


@pytest.mark.parametrize("name", ["rq_transformer", "encoder_decoder", "sasrec", "cascade"])
def test_a_rule_is_learned(name):
    values = tiny.values(name) | {"n_epochs": 40, "width": 32, "dropout": 0.0, "learning_rate": 1e-2}
    model = models.create(name, **values).fit(tiny.catalogue(), tiny.semantic_ids())
    assert model.evaluate(tiny.catalogue(), "test", k=(1,), width=10)["recall@1"] > 0.9


def test_ids_of_another_catalogue_are_refused():
    ids = tiny.semantic_ids()
    short = type(ids)(ids.ids_IM[:5], ids.n_codes, 3)
    with pytest.raises(ValueError, match="there are 5 IDs, but the catalogue has 24 items"):
        models.create("rq_transformer").fit(tiny.catalogue(), short)
    with pytest.raises(ValueError, match="give it some"):
        models.create("rq_transformer").fit(tiny.catalogue())
    with pytest.raises(ValueError, match="multiple of n_heads"):
        models.create("sasrec", width=10).fit(tiny.catalogue())
    with pytest.raises(ValueError, match="'gpt' is no model; known are"):
        models.create("gpt")
