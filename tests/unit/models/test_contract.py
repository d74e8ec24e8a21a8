"""What every recommender promises."""

import dataclasses

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import datasets, models
from tiger.analysis import attribution

GENERATIVE = [name for name, kind in models.REGISTRY.items() if kind.generative]


@pytest.fixture(scope="module", params=list(models.REGISTRY))
def fitted(request):
    torch.set_num_threads(1)
    model = models.create(request.param, **tiny.values(request.param))
    return model.fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.mark.thorough
def test_scores_are_finite_and_the_same_seed_gives_the_same(fitted):
    again = models.create(fitted.name, **tiny.values(fitted.name)).fit(tiny.catalogue(), tiny.semantic_ids())
    scores_I = fitted.score_all([3, 4, 5])
    assert scores_I.shape == (tiny.N_ITEMS,) and np.isfinite(scores_I).all()
    assert (scores_I == again.score_all([3, 4, 5])).all()


def test_recommendations_are_the_best_scores(fitted):
    scores_I = fitted.score_all([3, 4, 5])
    table = fitted.recommend([3, 4, 5], k=5, width=tiny.N_ITEMS, exclude_seen=False)
    assert table["rank"].tolist() == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(table["score"], np.sort(scores_I)[::-1][:5], atol=1e-4)
    np.testing.assert_allclose(scores_I[table["item"]], table["score"], atol=1e-4)


def test_padding_changes_nothing(fitted):
    rows = [np.array([1]), np.array([2, 3, 4, 5]), np.array([7, 8])]
    alone = np.concatenate([fitted.score_batch([row]) for row in rows])
    np.testing.assert_allclose(fitted.score_batch(rows), alone, atol=1e-4)


@pytest.mark.thorough
def test_evaluate_equals_ranks_counted_by_hand(fitted):
    cat = tiny.catalogue()
    got = fitted.evaluate(cat, "valid", k=(1, 5), width=tiny.N_ITEMS, exclude_seen=False)
    places = []
    for user in range(cat.n_users):
        history = cat.history(user)
        scores_I = fitted.score_batch([fitted.shorten(history[:-2])])[0]
        target = scores_I[history[-2]]
        places.append([(scores_I > target + 1e-5).sum(), (scores_I >= target - 1e-5).sum() - 1])  # ties fall either way
    first_U, last_U = np.array(places).T
    assert np.mean(last_U < 5) <= got["recall@5"] <= np.mean(first_U < 5)
    gain_low, gain_high = (np.where(place_U < 5, 1 / np.log2(place_U + 2), 0).mean() for place_U in (last_U, first_U))
    assert gain_low - 1e-9 <= got["ndcg@5"] <= gain_high + 1e-9
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


AS_PUBLISHED = {"optimizer": "adafactor", "lr_schedule": "inverse_sqrt", "n_user_tokens": 7, "max_steps": 9}


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "more"), [*((name, {}) for name, kind in models.REGISTRY.items() if kind.steppable),
                                            ("encoder_decoder", AS_PUBLISHED)])
def test_a_resumed_fit_is_bit_identical(name, more):
    values = tiny.values(name) | {"average": 0.9, "drop_items": 0.2} | more
    cat, ids = tiny.catalogue(), tiny.semantic_ids()
    whole = models.create(name, **values)
    for progress in whole.fit_steps(cat, ids):
        if progress.step == 3:
            state = whole.training_state()
    rest = models.create(name, **values)
    steps = [progress.step for progress in rest.fit_steps(cat, ids, state=state)]
    assert steps[0] == 4 and steps[-1] == progress.n_steps == more.get("max_steps", progress.n_steps)
    for key, value in whole.tensors().items():
        assert torch.equal(value, rest.tensors()[key]), key


@pytest.mark.thorough
@pytest.mark.parametrize(("name", "n_epochs"), [("rq_transformer", 10), ("encoder_decoder", 10), ("sasrec", 10), ("cascade", 20)])
def test_a_rule_is_learned(name, n_epochs):
    """The best of 24 items is the next one for most users; by chance it would be for one in 24, which is 0.04."""
    values = tiny.values(name) | {"n_epochs": n_epochs, "width": 32, "dropout": 0.0, "learning_rate": 1e-2}
    model = models.create(name, **values).fit(tiny.catalogue(), tiny.semantic_ids())
    assert model.evaluate(tiny.catalogue(), "test", k=(1,), width=10)["recall@1"] > 0.6


@pytest.mark.parametrize("name", GENERATIVE)
def test_items_without_an_id_are_passed_over_and_who_has_no_other_counts_as_a_miss(name):
    cat, ids = tiny.catalogue(), tiny.semantic_ids_with_gaps()
    model = models.create(name, **tiny.values(name)).fit(cat, ids)
    histories = [cat.history(user)[:-1] for user in range(cat.n_users)]
    blind = sum(bool((history < 6).all()) for history in histories)
    got = model.evaluate(cat, "test", k=5, width=10)
    assert got["n_unreadable"] == blind > 0 and got["n_users"] == cat.n_users
    targets = [cat.history(user)[-1] for user in range(cat.n_users)]
    lists = [model.recommend(history, 5, 10)["item"].tolist() if (history >= 6).any() else [] for history in histories]
    assert got["recall@5"] == pytest.approx(np.mean([target in found for target, found in zip(targets, lists, strict=True)]))
    assert (model.score_all([10, *[2, 3, 4] * 7]) == model.score_all([10])).all(), "the last items that have an ID"
    with pytest.raises(ValueError, match="no item of the history has a semantic ID"):
        model.beam_search([0, 1])


@pytest.mark.parametrize("name", list(models.REGISTRY))
def test_an_unfitted_model_says_so(name):
    model = models.create(name)
    for ask in (lambda: model.recommend([1]), lambda: model.score_all([1]), lambda: model.evaluate(tiny.catalogue())):
        with pytest.raises(ValueError, match=f"{name} is not fitted; call fit"):
            ask()


def test_another_catalogue_of_the_same_size_is_refused(fitted, tmp_path):
    cat = tiny.catalogue()
    turned = dataclasses.replace(cat, items=cat.items.iloc[::-1].reset_index(drop=True))
    fitted.save(str(tmp_path))
    for model in (fitted, models.load(str(tmp_path))):
        with pytest.raises(ValueError, match="different ones or in another order"):
            model.evaluate(turned)


@pytest.mark.parametrize("k", [0, -1, 2.5, "5"])
def test_a_list_of_no_length_is_refused(fitted, k):
    with pytest.raises(ValueError, match=r"but must be a whole number of at least 1"):
        fitted.recommend([1], k=k)
    with pytest.raises(ValueError, match=r"but must be a whole number of at least 1"):
        fitted.evaluate(tiny.catalogue(), k=(5, k))


def test_one_cut_may_be_a_number(fitted):
    assert fitted.evaluate(tiny.catalogue(), k=3)["recall@3"] == fitted.evaluate(tiny.catalogue(), k=(3, 1))["recall@3"]


def test_user_tokens_tell_users_apart_and_an_unknown_user_is_read_too(tmp_path):
    values = tiny.values("encoder_decoder") | {"n_user_tokens": 7}
    cat = tiny.catalogue()
    model = models.create("encoder_decoder", **values).fit(cat, tiny.semantic_ids())
    unknown_I, first_I, second_I = (model.score_all([3, 4], user=user) for user in (None, 0, 1))
    assert not np.allclose(first_I, second_I) and not np.allclose(first_I, unknown_I)
    found = model.beam_search([3, 4], width=tiny.N_ITEMS, user=1).items
    np.testing.assert_allclose(found["logp"], second_I[found["item"]], atol=1e-4)
    rows = [cat.history(user)[:-1] for user in range(cat.n_users)]
    lists = [model.recommend(row, 5, 10, user=user)["item"].tolist() for user, row in enumerate(rows)]
    hits = [cat.history(user)[-1] in found for user, found in enumerate(lists)]
    assert model.evaluate(cat, "test", k=5, width=10)["recall@5"] == pytest.approx(np.mean(hits))
    model.save(tmp_path)
    assert (models.load(tmp_path).score_all([3, 4], user=1) == second_I).all()
    codes_M = tiny.semantic_ids().ids_IM[9]
    assert attribution.attention(model, np.array([3, 4]), codes_M).sum(1) == pytest.approx(1)


def test_ids_of_another_catalogue_are_refused():
    ids = tiny.semantic_ids()
    short = type(ids)(ids.ids_IM[:5], ids.n_codes, 3)
    with pytest.raises(ValueError, match="there are 5 IDs, but the catalogue has 24 items"):
        models.create("rq_transformer").fit(tiny.catalogue(), short)
    with pytest.raises(ValueError, match="as SemanticIds, not as ndarray"):
        models.create("rq_transformer").fit(tiny.catalogue(), ids.ids_IM)
    with pytest.raises(ValueError, match="pass some"):
        models.create("rq_transformer").fit(tiny.catalogue())
    with pytest.raises(ValueError, match="multiple of n_heads"):
        models.create("sasrec", width=10).fit(tiny.catalogue())
    with pytest.raises(ValueError, match="'gpt' is not a model; choose from "):
        models.create("gpt")


def test_popularity_says_that_there_is_nothing_to_count(tmp_path):
    (tmp_path / "items.csv").write_text("item_id,title\na,red tea\nb,green tea\nc,red cup\n")
    cat = datasets.load("tables", items=str(tmp_path / "items.csv"))
    with pytest.raises(ValueError, match="has no histories, but popularity counts them"):
        models.create("popularity").fit(cat)
