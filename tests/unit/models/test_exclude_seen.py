"""Items that a user already has are recommended only where the data say that people come back to them."""

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import metrics, models
from tiger.datasets.catalogue import Catalogue


def with_repeats() -> Catalogue:
    """The same walks, each with its first item once more at the end."""
    cat = tiny.catalogue()
    rows = [np.append(cat.history(user), cat.history(user)[0]) for user in range(cat.n_users)]
    indptr_U1 = np.concatenate([[0], np.cumsum([len(row) for row in rows])])
    return Catalogue("again", cat.items, indptr_U1, np.concatenate(rows), cat.user_ids, cat.embedding_IE)


@pytest.fixture(scope="module", params=list(models.REGISTRY))
def fitted(request):
    torch.set_num_threads(1)
    return models.create(request.param, **tiny.values(request.param)).fit(tiny.catalogue(), tiny.semantic_ids())


def test_repeats_are_counted_within_users():
    assert not tiny.catalogue().has_repeats and with_repeats().has_repeats


def test_no_seen_item_is_recommended_and_the_list_stays_full(fitted):
    history = np.argsort(-fitted.score_all([3, 4, 5]))[:9].tolist()  # what it likes best
    table = fitted.recommend(history, k=10, width=10)
    assert len(table) == 10 and not set(table["item"]) & set(history)
    assert set(fitted.recommend(history, k=tiny.N_ITEMS, width=tiny.N_ITEMS, exclude_seen=False)["item"]) >= set(history)


def test_the_whole_history_counts_not_only_what_the_model_reads(fitted):
    history = list(range(12))  # longer than the models read
    assert not set(fitted.recommend(history, k=12, width=12)["item"]) & set(history)


def test_the_rule_follows_the_data_unless_it_is_given(fitted):
    assert fitted.excludes_seen() and fitted.excludes_seen(None, tiny.catalogue())
    assert not fitted.excludes_seen(None, with_repeats()) and not fitted.excludes_seen(False) and fitted.excludes_seen(True)
    again = models.create(fitted.name, **tiny.values(fitted.name)).fit(with_repeats(), tiny.semantic_ids())
    assert not again.excludes_seen() and again.learned_repeats is True


def test_saved_and_loaded_it_keeps_the_rule(fitted, tmp_path):
    fitted.save(tmp_path)
    assert models.load(tmp_path).learned_repeats is False


@pytest.mark.thorough
def test_lists_of_an_evaluation_equal_all_scores_without_the_seen_ones(fitted):
    cat = tiny.catalogue()
    split = cat.split()
    kept_UR, target_U = fitted.ranked(cat, "test", 5, tiny.N_ITEMS)
    for user, items in zip(split.user_U, kept_UR, strict=True):
        history = split.history_before(int(user), "test")
        scores_I = fitted.score_batch([fitted.readable_history(history)])[0].copy()
        scores_I[history] = -np.inf
        np.testing.assert_allclose(scores_I[items], np.sort(scores_I)[::-1][:5], atol=1e-4)
    scores = fitted.evaluate(cat, "test", 5, tiny.N_ITEMS)
    assert scores["exclude_seen"] == 1 and scores["recall@5"] == pytest.approx(metrics.recall_at_k(kept_UR, target_U, 5).mean())
    kept = fitted.evaluate(cat, "test", 5, tiny.N_ITEMS, exclude_seen=False)
    assert kept["exclude_seen"] == 0 and kept["recall@5"] <= scores["recall@5"] + 1e-9, "nobody's held-out item was seen"


@pytest.mark.parametrize("name", ["sasrec", "sasrec_ids", "vector_regression"])
def test_a_neighbour_index_finds_the_same(name):
    pytest.importorskip("faiss")
    exact = models.create(name, **tiny.values(name)).fit(tiny.catalogue(), tiny.semantic_ids())
    index = models.create(name, **tiny.values(name), index="faiss").fit(tiny.catalogue(), tiny.semantic_ids())
    one, two = exact.recommend([3, 4, 5], 8), index.recommend([3, 4, 5], 8)
    assert one["item"].tolist() == two["item"].tolist() and not set(two["item"]) & {3, 4, 5}
