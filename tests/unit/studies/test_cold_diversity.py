"""Cold items and diversity against brute force and numbers worked by hand."""

import numpy as np
import pytest
from scipy import stats

from tests.support.drift import catalogue, fitted_baseline
from tiger import models
from tiger.datasets.labels import category_labels
from tiger.plots import studies as plot
from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports.intervals import least_difference, share_ends
from tiger.studies import diversity
from tiger.studies.base import Recipe, recommender_from
from tiger.studies.cold_start import ColdRow, Prefixes, fill, hold_out, nearest_content, warm_ids
from tiger.studies.diversity import DiversityRow, entropies_at, sample

MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 2, "batch_size": 16, "history_length": 6}


@pytest.fixture(scope="module")
def held():
    """A catalogue, what is held out of it, codes, and a model that never saw a cold item."""
    cat = catalogue()
    out = hold_out(cat, 0.2, 0)
    codes_IL = fitted_baseline(cat).codes_IL
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
        recommender_from(Recipe("sasrec", {}), 1, 0)


def test_entropy_of_categories_worked_by_hand():
    label_I = np.array([0, 0, 1, 1, -1])
    ranked_UK = np.array([[0, 2, 1, 3], [0, 1, 4, -1]])
    # user 1: two of each, ln 2; user 2: one category only, 0; item 4 has none, -1 is an empty place
    assert entropies_at(ranked_UK, label_I, 4) == pytest.approx([np.log(2), 0])
    assert entropies_at(ranked_UK, label_I, 1).tolist() == [0, 0]
    assert np.isnan(entropies_at(np.array([[4, -1]]), label_I, 2)).all(), "no category, no entropy"


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


def test_every_temperature_is_measured_at_every_level_alone_and_vectors_are_taken_as_given():
    found = diversity.settings(diversity.STUDY.config({"temperatures": "2, 1, 0.5, 2/1/1, 1.5/1/1/3"}), 4)
    assert [one.temperatures for one in found if one.level == 0] == [None, [0.5] * 4, [1] * 4, [2] * 4]
    for level in range(4):
        alone = [one.temperatures for one in found if one.level == level + 1]
        assert alone == [[value if at == level else 1 for at in range(4)] for value in (0.5, 2)], "1 alone is 1 on all"
    vectors = {one.name: one.temperatures for one in found if one.level == diversity.VECTOR}
    assert vectors == {"T = 2/1/1": [2, 1, 1, 1], "T = 1.5/1/1/3": [1.5, 1, 1, 3]}, "a level not named stays at 1"
    assert len({one.name for one in found}) == len(found) == 1 + 3 + 8 + 2
    with pytest.raises(ValueError, match="2/1/1, which is for 3 levels, but these IDs have 2; give at most 2"):
        diversity.settings(diversity.STUDY.config({"temperatures": "2/1/1"}), 2)
    only = diversity.settings(diversity.STUDY.config({"temperatures": "2/1"}), 2)
    assert [one.name for one in only] == ["beam search", "T = 2/1"]


def test_a_vector_of_one_temperature_draws_as_that_temperature_does(held):
    cat, out, _, model = held
    history = cat.history(0)[:-1]
    history = history[~out.cold_I[history]]
    n_levels = model.trie_.n_levels
    lists = [sample(model, [history], given, 20, np.random.default_rng(5)) for given in (2.0, [2.0] * n_levels)]
    assert lists[0].tolist() == lists[1].tolist()


def test_intervals_are_wilsons_and_students():
    """Newcombe 1998, table I: 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611, 15 of 148 0.0624 to 0.1605."""
    for hits, n, low, high in ((81, 263, 0.2553, 0.3662), (0, 20, 0, 0.1611), (15, 148, 0.0624, 0.1605)):
        assert share_ends(hits / n, n) == pytest.approx((low, high), abs=6e-5)
    assert np.isnan(share_ends(float("nan"), 0)).all()
    rows = [ColdRow("prefix", "cold", 10, 0.1, 81 / 263, 263)]
    assert cold_report.cold_table(cold_report.cold_frame(rows))["Recall, 95 %"].tolist() == ["25.5% to 36.6%"]


def test_the_interval_of_a_difference_is_newcombes():
    """Newcombe 1998, table II, method 10: 56 of 70 less 48 of 80 is 0.0524 to 0.3339, 9 of 10 less 3 of 10 0.1705 to 0.8090."""
    for one, n_one, other, n_other, low in ((56, 70, 48, 80, 0.0524), (9, 10, 3, 10, 0.1705)):
        ends = share_ends(one / n_one, n_one)[0], share_ends(other / n_other, n_other)[1]
        assert least_difference(one / n_one, ends[0], other / n_other, ends[1]) == pytest.approx(low, abs=6e-5)


def test_the_entropys_interval_is_students_over_the_users(held):
    """Against scipy's own interval of the mean of each user's entropy."""
    cat, _, codes_IL, _ = held
    model = models.create("rq_transformer", **MODEL).fit(cat, warm_ids(codes_IL, 8, np.zeros(cat.n_items, bool)))
    config = diversity.STUDY.config({"temperatures": "1", "users": 12, "each_level": False})
    rows = [event for event in diversity.measure(cat, model, config) if isinstance(event, DiversityRow)]
    beam = rows[0]
    parts = cat.split()
    places = np.unique(np.linspace(0, len(parts.user_U) - 1, 12).astype(int))
    lists = [model.recommend(parts.history_before(int(parts.user_U[at]), "test"), 50, 50)["item"].to_numpy() for at in places]
    label_I = cat.items["category"].to_numpy()
    each = [stats.entropy(np.unique(label_I[items[:10]], return_counts=True)[1]) for items in lists]
    low, high = stats.t.interval(0.95, len(each) - 1, np.mean(each), stats.sem(each))
    assert (beam.entropy10, beam.entropy10_high) == pytest.approx((np.mean(each), high), rel=1e-6)
    assert beam.entropy10_low == pytest.approx(max(low, 0), abs=1e-6)
    table = diversity_report.diversity_table(diversity_report.diversity_frame(rows))
    assert table["Entropy@10, 95 %"][0] == f"{max(low, 0):.2f} to {high:.2f}"


def test_nobody_with_a_readable_history_is_one_sentence(held, monkeypatch):
    cat, _, _, model = held
    monkeypatch.setattr(type(model), "readable_history", lambda self, history: history[:0])
    with pytest.raises(ValueError, match="none of these users has an item with an ID"):
        list(diversity.measure(cat, model, diversity.STUDY.config({"users": 5})))


def test_no_label_of_the_recall_entropy_figure_covers_another_or_a_mark():
    """Boxes worked out from the figure itself as a reader's page draws it: 420 x 230 pixels, 6 a letter, 13 a line."""
    rng = np.random.default_rng(0)
    for n, spread in ((1, 1.0), (3, 0.05), (6, 0.3)):
        config = diversity.STUDY.config({"temperatures": ", ".join(str(1 + 0.5 * at) for at in range(n)) + ", 2/1/1"})
        rows = [DiversityRow(one.name, one.level, one.temperature, 0.1 + spread * 0.05 * rng.random(), 9, 100,
                             2 + spread * rng.random(), 2.0, 2.0) for one in diversity.settings(config, 4)]
        figure = plot.recall_entropy(diversity_report.diversity_frame(rows), "alt")
        (x0, x1), (y0, y1) = figure.layout.xaxis.range, figure.layout.yaxis.range
        boxes, marks = [], []
        for trace in figure.data:
            for x, y, text, where in zip(trace.x, trace.y, trace.text, trace.textposition, strict=True):
                at_x, at_y = (x - x0) / (x1 - x0) * 420, (y - y0) / (y1 - y0) * 230
                marks.append((at_x - 5, at_y - 5, at_x + 5, at_y + 5))
                right, up = ("right" in where) - ("left" in where), ("top" in where) - ("bottom" in where)
                mid_x, mid_y = at_x + right * (8 + 3 * len(text)), at_y + up * (8 + 6.5)
                boxes += [(mid_x - 3 * len(text), mid_y - 6.5, mid_x + 3 * len(text), mid_y + 6.5)] if text else []
        assert boxes and not [1 for at, one in enumerate(boxes) for other in boxes[at + 1:] + marks if meet(one, other)]


def meet(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize("text", ["", "hot", "0", "1 2 3 4 5 6 7 8 9", "-1", "2/0/1", "2//1", "1, 2/x"])
def test_bad_temperatures_are_one_sentence(text):
    with pytest.raises(ValueError, match="must be 1 to 8 numbers"):
        diversity.STUDY.config({"temperatures": text})
    assert diversity.settings(diversity.STUDY.config({}), 3)[0].name == "beam search"
