"""Two recommenders combined: scores worked by hand, lists and weights against brute force, and what is stored."""

import shutil
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.models.base import Recommender
from tiger.models.ensemble import WEIGHTS, merged


@dataclass
class Table(Recommender):
    """Scores that depend on the last item only, given as a table."""

    name = "table"

    def set(self, score_II: np.ndarray) -> "Table":
        self.score_II_ = score_II.astype(np.float32)
        return self

    def fit_steps(self, cat, ids=None, *, state=None, live_params=None):
        raise NotImplementedError

    def score_batch(self, histories):
        return np.stack([self.score_II_[row[-1]] for row in histories])

    @property
    def n_items(self):
        return len(self.score_II_)

    def tensors(self):
        return {}

    def load_tensors(self, tensors):
        raise NotImplementedError


def joined(first_II: np.ndarray, second_II: np.ndarray, **given) -> models.Ensemble:
    made = models.create("ensemble", **given)
    return made.join([Table().set(first_II), Table().set(second_II)])


def test_sum_and_reciprocal_ranks_are_those_worked_by_hand():
    first_II, second_II = np.log([[0.5, 0.3, 0.2]] * 3), np.log([[0.1, 0.6, 0.3]] * 3)
    cat = tiny.catalogue(6)
    cat = type(cat)("three", cat.items.iloc[:3], np.array([0, 3, 6]), np.array([0, 1, 2, 2, 1, 0]), ["a", "b"],
                    cat.embedding_IE[:3])
    model = joined(first_II, second_II, weight=0.25).fit(cat)
    want = [0.75 * np.log(0.5) + 0.25 * np.log(0.1), 0.75 * np.log(0.3) + 0.25 * np.log(0.6),
            0.75 * np.log(0.2) + 0.25 * np.log(0.3)]  # -1.0955, -1.0307, -1.5081
    np.testing.assert_allclose(model.score_all([0]), want, atol=1e-6)
    assert model.recommend([0], 3, exclude_seen=False)["item"].tolist() == [1, 0, 2]
    model = joined(first_II, second_II, weight=0.25, fusion="rank", rank_constant=1).fit(cat)
    want = [0.75 / 2 + 0.25 / 4, 0.75 / 3 + 0.25 / 2, 0.75 / 4 + 0.25 / 3]  # ranks 1, 2, 3 and 3, 1, 2
    np.testing.assert_allclose(model.score_all([0]), want, atol=1e-6)
    model = joined(first_II, second_II, weight=0.25, fusion="rank", rank_constant=1, n_candidates=1).fit(cat)
    np.testing.assert_allclose(model.score_all([0]), [0.75 / 2, 0.25 / 2, 0], atol=1e-6)


def test_an_ensemble_as_a_member_gives_the_mean_of_three():
    """0.5 of (first + second) and a third: what three members with equal weights give, for all items and for some."""
    cat, rng = tiny.catalogue(6), np.random.default_rng(4)
    tables = [torch.from_numpy(rng.normal(size=(cat.n_items, cat.n_items))).log_softmax(1).numpy() for _ in range(3)]
    pair = joined(tables[0], tables[1], weight=0.5).fit(cat)
    model = models.create("ensemble", weight=1 / 3, n_candidates=cat.n_items).join([pair, Table().set(tables[2])]).fit(cat)
    histories, item_BC = [np.array([2]), np.array([1, 4])], np.array([[3, -1, 0], [5, 2, 2]])
    want_BI = np.mean(tables, 0)[[2, 4]]
    np.testing.assert_allclose(model.score_batch(histories), want_BI, atol=1e-5)
    some_BC = model.item_log_probabilities(histories, item_BC)
    np.testing.assert_allclose(some_BC, np.where(item_BC < 0, -np.inf, np.take_along_axis(want_BI, item_BC, 1)), atol=1e-5)
    assert model.recommend([2], 3, exclude_seen=False)["item"].tolist() == np.argsort(-want_BI[0])[:3].tolist()


def test_two_lists_are_merged_as_dictionaries_would():
    rng = np.random.default_rng(3)
    lists = [np.stack([rng.permutation(12)[:5] for _ in range(40)]) for _ in range(2)]
    for one in lists:
        one[rng.random(one.shape) < 0.2] = -1
    found = merged(*lists)
    for row in range(40):
        places = [{int(item): at for at, item in enumerate(one[row]) if item >= 0} for one in lists]
        kept = found.item_BC[row] >= 0
        items = found.item_BC[row][kept].tolist()
        assert sorted(items) == sorted({*places[0], *places[1]})
        for side in (0, 1):
            assert found.place_2BC[side, row, kept].tolist() == [places[side].get(item, -1) for item in items]
        assert (found.place_2BC[:, row, ~kept] == -1).all()


@pytest.mark.parametrize("fusion", ["logp", "rank"])
def test_lists_equal_brute_force_and_the_weight_is_the_best_of_all_that_were_tried(fusion):
    rng, cat = np.random.default_rng(0), tiny.catalogue(150)
    right_II = np.roll(np.eye(tiny.N_ITEMS), 1, axis=1) * 3  # the item after the last one comes next
    even = np.arange(tiny.N_ITEMS)[:, None] % 2 == 0
    noise_2II = rng.normal(0, 1.5, (2, tiny.N_ITEMS, tiny.N_ITEMS))
    tables = [noise_2II[0] + right_II * even, noise_2II[1] + right_II * ~even]  # each is right where the other only guesses
    given = {"fusion": fusion, "n_candidates": tiny.N_ITEMS}
    model = joined(*tables, **given).fit(cat)
    history = [3, 4]
    logp_2I = np.stack([table[4] - np.log(np.exp(table[4]).sum()) for table in tables])
    logp_2I[:, history] = -np.inf  # left out before ranks are given
    rank_2I = np.argsort(np.argsort(-logp_2I, 1), 1) + 1.0
    value_2I = logp_2I if fusion == "logp" else 1 / (60 + rank_2I)
    want_I = (1 - model.weight_) * value_2I[0] + model.weight_ * value_2I[1]
    found = model.recommend(history, 7)
    assert found["item"].tolist() == [item for item in np.argsort(-want_I) if item not in history][:7]
    ndcg_G = []
    for weight in WEIGHTS:
        fixed = joined(*tables, weight=float(weight), **given).fit(cat)
        scores = fixed.evaluate(cat, "valid", 10)
        ndcg_G.append(scores["ndcg@10"])
    np.testing.assert_allclose(model.tried_GN[:, 2], ndcg_G, atol=1e-6)
    assert 0 < model.weight_ < 1 and ndcg_G[int(np.argmin(abs(WEIGHTS - model.weight_)))] == max(ndcg_G)


def test_few_candidates_give_the_exact_list_wherever_two_short_lists_prove_it():
    """No item outside both lists can score more than both lists' last ones do together (Fagin's threshold)."""
    rng, cat, k = np.random.default_rng(1), tiny.catalogue(), 3
    common_II = rng.normal(0, 2, (tiny.N_ITEMS, tiny.N_ITEMS))
    tables = [common_II + rng.normal(0, 1, common_II.shape) for _ in range(2)]
    model = joined(*tables, weight=0.5, n_candidates=6).fit(cat)
    proved = 0
    for item in range(tiny.N_ITEMS):
        exact_I = model.score_all([item])
        found = model.recommend([item], k, exclude_seen=False)
        last = [np.sort(member.log_probabilities([np.array([item])])[0])[-6] for member in model.members_]
        if found["score"].iloc[-1] >= 0.5 * sum(last):
            proved += 1
            assert found["item"].tolist() == np.argsort(-exact_I)[:k].tolist()
    assert proved > tiny.N_ITEMS / 3


def test_who_only_one_member_can_read_gets_that_ones_list():
    cat, gaps = tiny.catalogue(), tiny.semantic_ids_with_gaps()
    written = models.create("rq_transformer", **tiny.values("rq_transformer")).fit(cat, gaps)
    dense = models.load(tiny.saved("sasrec"))
    model = models.create("ensemble", weight=0.5, n_candidates=tiny.N_ITEMS).join([written, dense]).fit(cat)
    assert model.recommend([0, 1], 5)["item"].tolist() == dense.recommend([0, 1], 5)["item"].tolist()
    together = model.score_batch([np.array([1, 2]), np.array([7, 8])])
    assert np.isfinite(together).all() and together[1, 3] < together[1, 6:].min(), "item 3 has no ID"
    assert model.evaluate(cat, "test", 5)["n_users"] == cat.n_users


def test_a_member_with_user_tokens_gets_its_own():
    cat, values = tiny.catalogue(), tiny.values("encoder_decoder") | {"n_user_tokens": 7}
    written = models.create("encoder_decoder", **values).fit(cat, tiny.semantic_ids())
    model = models.create("ensemble", weight=0.0).join([written, models.load(tiny.saved("sasrec"))]).fit(cat)
    for user in (None, 3):
        np.testing.assert_allclose(model.score_all([3, 4], user=user), written.score_all([3, 4], user=user), atol=1e-6)
    assert model.evaluate(cat, "test", 5)["recall@5"] == written.evaluate(cat, "test", 5, width=tiny.N_ITEMS)["recall@5"]


def test_it_opens_when_its_members_are_gone(tmp_path):
    torch.set_num_threads(1)
    for name in ("rq_transformer", "sasrec"):
        shutil.copytree(tiny.saved(name), tmp_path / name)
    inner = models.create("ensemble", first=str(tmp_path / "rq_transformer"), second=str(tmp_path / "sasrec"), weight=0.3)
    inner.fit(tiny.catalogue()).save(tmp_path / "inner")
    outer = models.create("ensemble", first=str(tmp_path / "inner"), second=str(tmp_path / "sasrec"), fusion="rank")
    outer.fit(tiny.catalogue()).save(tmp_path / "outer")
    for name in ("rq_transformer", "sasrec", "inner"):
        shutil.rmtree(tmp_path / name)
    again = models.load(tmp_path / "outer")
    assert (again.score_all([3, 4]) == outer.score_all([3, 4])).all() and again.weight_ == outer.weight_
    assert (again.tried_GN == outer.tried_GN).all() and len(again.tried_GN) == len(WEIGHTS)


def test_what_cannot_be_combined_is_said(tmp_path):
    with pytest.raises(ValueError, match="combines two different trained recommenders, but first is '' and second is ''"):
        models.create("ensemble").fit(tiny.catalogue())
    with pytest.raises(ValueError, match="first is 'a' and second is 'a'"):
        models.create("ensemble", first="a", second="a").check_params()
    other = joined(np.zeros((5, 5)), np.zeros((5, 5)))
    with pytest.raises(ValueError, match="24 items, but this model was fitted on 5"):
        other.fit(tiny.catalogue())
    lone = tiny.catalogue()
    nobody = type(lone)("nobody", lone.items, np.array([0, 2]), np.array([0, 1]), ["a"], lone.embedding_IE)
    with pytest.raises(ValueError, match="no user has a validation item"):
        models.create("ensemble", **tiny.values("ensemble")).fit(nobody)

