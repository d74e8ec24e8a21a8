"""Cold items and diversity against brute force and numbers worked by hand."""

import numpy as np
import pytest

from tests.drift_help import catalogue, known
from tiger import cold, diversity, models
from tiger.cold import Prefixes, fill, hold_out, nearest_content, warm_ids
from tiger.diversity import category_labels, diversity_params, entropy_at, sample

MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 2, "batch_size": 16, "history_length": 6}


@pytest.fixture(scope="module")
def held():
    """A catalogue, what is held out of it, codes, and a model that never saw a cold item."""
    cat = catalogue()
    out = hold_out(cat, 0.2, 0)
    codes_IL = known(cat).codes_IL
    model = models.create("rq_transformer", **MODEL).fit(out.train, warm_ids(codes_IL, 8, out.cold_I))
    return cat, out, codes_IL, model


def test_nothing_to_learn_from_holds_a_cold_item_or_anybodys_test_item(held):
    cat, out, _, _ = held
    parts, trained = cat.split(), out.train.split()
    for user in range(cat.n_users):
        row, allowed = trained.train_history(user), parts.train_history(user)
        assert row.tolist() == allowed[~out.cold_I[allowed]].tolist()
    targets = set(parts.test_U.tolist())
    assert out.cold_I.sum() == round(0.2 * len(targets)) and set(np.flatnonzero(out.cold_I)) <= targets
    assert out.cold_I[parts.test_U[out.cold_users]].all() and not out.cold_I[parts.test_U[out.warm_users]].any()
    assert len(out.cold_users) + len(out.warm_users) == len(parts.user_U)


def test_a_user_whose_whole_training_history_is_cold_teaches_nothing():
    cat = catalogue(n_items=12, n_users=6)
    out = hold_out(cat, 0.5, 1)
    for user in range(cat.n_users):
        assert not out.cold_I[out.train.split().train_history(user)].any()


def test_epsilon_caps_the_cold_share_worked_by_hand():
    cold_I = np.array([True, True, True, False, False, False])
    order = np.array([0, 3, 1, 4, 2, 5])
    assert fill(order, cold_I, 4, 0.0).tolist() == [3, 4, 5]
    assert fill(order, cold_I, 4, 0.25).tolist() == [0, 3, 4, 5]
    assert fill(order, cold_I, 4, 0.5).tolist() == [0, 3, 1, 4]
    assert fill(order, cold_I, 4, 1.0).tolist() == [0, 3, 1, 4]
    assert fill(order, cold_I, 3, 0.3).tolist() == [3, 4, 5], "a third of three is needed for one place"


def test_a_beam_as_wide_as_all_prefixes_ranks_as_the_exact_scores_do(held):
    cat, out, codes_IL, model = held
    search = Prefixes(model, codes_IL, np.ones(cat.n_items, bool), out.cold_I)
    history = cat.history(0)[:-1]
    history = history[~out.cold_I[history]]
    got = search.ranked([history], 500)[0]
    assert sorted(got.tolist()) == list(range(cat.n_items)), "every item once"
    place = {tuple(codes): at for at, codes in reversed(list(enumerate(codes_IL[got].tolist())))}
    assert len(place) == len({tuple(codes) for codes in codes_IL.tolist()})
    for codes in place:  # items of equal codes lie together, the warm ones first
        items = [item for item in got.tolist() if tuple(codes_IL[item]) == codes]
        assert got[place[codes]:place[codes] + len(items)].tolist() == items
        assert out.cold_I[items].tolist() == sorted(out.cold_I[items].tolist())
    only = Prefixes(model, codes_IL, out.cold_I, out.cold_I).ranked([history], 500)[0]
    assert sorted(only.tolist()) == np.flatnonzero(out.cold_I).tolist()
    cold_order = [tuple(codes_IL[item].tolist()) for item in got if out.cold_I[item]]
    assert [tuple(row) for row in codes_IL[only].tolist()] == cold_order, "the same order, warm items left out"


def test_nearest_content_is_the_brute_force_order(held):
    cat, out, _, _ = held
    unit_IE = cat.embedding_IE / np.linalg.norm(cat.embedding_IE, axis=1, keepdims=True)
    found = nearest_content(unit_IE, [np.array([7, 3])], out.cold_I, 5)[0]
    by_hand = sorted((i for i in range(cat.n_items) if out.cold_I[i] and i != 3), key=lambda i: -float(unit_IE[i] @ unit_IE[3]))
    assert found.tolist() == by_hand[:5]


def test_warm_ids_leave_cold_items_without_one(held):
    _, out, codes_IL, model = held
    ids = warm_ids(codes_IL, 8, out.cold_I)
    assert (ids.has_id_I == ~out.cold_I).all() and model.trie_.n_items == (~out.cold_I).sum()
    with pytest.raises(ValueError, match="writes no semantic IDs"):
        cold.fresh({"name": "sasrec", "params": {}}, cold.ColdParams())


def test_entropy_of_categories_worked_by_hand():
    label_I = np.array([0, 0, 1, 1, -1])
    ranked_UK = np.array([[0, 2, 1, 3], [0, 1, 4, -1]])
    # user 1: two of each, ln 2; user 2: one category only, 0; item 4 has none, -1 is an empty place
    assert entropy_at(ranked_UK, label_I, 4) == pytest.approx(np.log(2) / 2)
    assert entropy_at(ranked_UK, label_I, 1) == 0


def test_draws_follow_the_models_own_probabilities(held):
    """The first item of many draws is an item as often as its exact probability says."""
    cat, _, codes_IL, _ = held
    model = models.create("rq_transformer", **MODEL).fit(cat, warm_ids(codes_IL, 8, np.zeros(cat.n_items, bool)))
    history, rng = cat.history(0)[:-1], np.random.default_rng(0)
    p_I = np.exp(model.score_all(history).astype(np.float64))
    p_I /= p_I.sum()
    first = np.concatenate([sample(model, [history] * 50, 1.0, 1, rng)[:, 0] for _ in range(30)])
    share_I = np.bincount(first, minlength=cat.n_items) / len(first)
    top = np.argsort(-p_I)[:3]
    assert share_I[top] == pytest.approx(p_I[top], abs=4 * np.sqrt(p_I[top].max() / len(first)))
    row = sample(model, [history], 2.0, cat.n_items, rng)[0]
    assert sorted(row.tolist()) == list(range(cat.n_items)), "without replacement"


def test_labels_are_categories_or_else_attributes():
    cat = catalogue(12)
    cat.items["category"] = ["Home > Candles > Red"] * 6 + ["Bath > Soap"] * 6
    label_I, what = category_labels(cat)
    assert label_I[0].strip() == "Home > Candles" and "category" in what
    cat.items["category"], cat.items["attributes"] = "", "a b"
    assert category_labels(cat)[0][0] in ("a", "b")
    del cat.items["attributes"]
    assert category_labels(cat) == (None, "")


@pytest.mark.parametrize("text", ["", "hot", "0", "1 2 3 4 5 6 7 8 9", "-1"])
def test_bad_temperatures_are_one_sentence(text):
    with pytest.raises(ValueError, match="must be 1 to 8 numbers"):
        diversity_params({"temperatures": text})
    assert diversity.settings(diversity_params({}), 3)[0]["name"] == "beam search"
