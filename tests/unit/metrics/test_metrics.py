"""Metrics against hand-worked numbers, scikit-learn and brute force."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn.metrics import normalized_mutual_info_score
from sklearn.neighbors import NearestNeighbors

from tiger import metrics

SMALL_CODES = hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.integers(1, 4)), elements=st.integers(0, 3))


def test_counts_are_what_a_hand_counts():
    codes_IL = np.array([[0, 2], [0, 1], [3, 1]])
    assert metrics.code_counts(codes_IL, 4).tolist() == [[2, 0, 0, 1], [0, 2, 1, 0]]
    assert metrics.code_counts(codes_IL, [4, 3]).tolist() == [[2, 0, 0, 1], [0, 2, 1, 0]]


def test_items_without_an_id_are_not_counted():
    codes_IL = np.array([[0, 1], [-1, -1], [0, 1]])
    assert metrics.code_counts(codes_IL, 2).tolist() == [[2, 0], [0, 2]]
    found = metrics.collisions(codes_IL)
    assert (found.n_items, found.unique, found.collided_items) == (2, 1, 2)


def test_a_code_out_of_range_names_level_code_and_limit():
    with pytest.raises(ValueError, match=r"level 2 holds code 9, but n_codes is 8"):
        metrics.code_counts(np.array([[1, 9]]), 8)
    with pytest.raises(ValueError, match=r"lists 3 levels, but the codes have 2"):
        metrics.code_counts(np.array([[1, 1]]), [4, 4, 4])


def test_perplexity_of_known_distributions():
    assert metrics.perplexity(np.array([5, 5, 5, 5])) == pytest.approx(4)
    assert metrics.perplexity(np.array([9, 0, 0])) == pytest.approx(1)
    # p = 3/4, 1/4: H = 2 ln 2 - 3/4 ln 3, exp(H) = 4 / 3^0.75
    assert metrics.perplexity(np.array([3, 1])) == pytest.approx(4 / 3**0.75)
    assert metrics.perplexity(np.zeros(4)) == pytest.approx(1)


@given(hnp.arrays(np.int64, st.integers(1, 30), elements=st.integers(0, 1000)))
def test_entropy_equals_scipy(counts_K):
    expected = stats.entropy(counts_K) if counts_K.sum() else 0.0
    assert metrics.entropy(counts_K) == pytest.approx(expected, abs=1e-9)


def test_usage_and_dead_codes():
    counts_LK = np.array([[3, 0, 1, 0], [1, 1, 1, 1]])
    assert metrics.dead_codes(counts_LK).tolist() == [2, 0]


@given(SMALL_CODES)
def test_collisions_equal_a_counter(codes_IL):
    bucket = Counter(map(tuple, codes_IL.tolist()))
    found = metrics.collisions(codes_IL)
    assert found.unique == len(bucket)
    assert found.collided_items == sum(n for n in bucket.values() if n > 1)
    assert found.groups == sum(n > 1 for n in bucket.values())
    assert found.largest == max(bucket.values())
    assert found.rate == pytest.approx(1 - len(bucket) / len(codes_IL))


@given(SMALL_CODES, st.booleans())
def test_prefix_numbers_follow_the_order_of_the_prefixes(codes_IL, sparse):
    if sparse:
        codes_IL = codes_IL * 1_000_003  # too many keys for the lookup table
    prefix_IL, n_prefixes_L = metrics.prefix_numbers(codes_IL)
    for depth in range(codes_IL.shape[1]):
        prefixes = list(map(tuple, codes_IL[:, :depth + 1].tolist()))
        ordered = sorted(set(prefixes))
        assert n_prefixes_L[depth] == len(ordered)
        assert prefix_IL[:, depth].tolist() == [ordered.index(prefix) for prefix in prefixes]


def test_prefix_numbers_leave_gaps_out():
    prefix_IL, n_prefixes_L = metrics.prefix_numbers(np.array([[5, 1], [-1, -1], [2, 9]]))
    assert prefix_IL.tolist() == [[1, 1], [-1, -1], [0, 0]]
    assert n_prefixes_L.tolist() == [2, 2]
    assert [sizes.tolist() for sizes in metrics.bucket_sizes(np.array([[5, 1], [-1, -1], [2, 9]]))] == [[1, 1]] * 2


def test_purity_of_the_textbook_example():
    # Manning, Raghavan, Schuetze 2008, figure 16.4: clusters x5 o1 | x1 o4 d1 | x2 d3; purity (5 + 4 + 3) / 17
    groups = np.repeat([0, 1, 2], [6, 6, 5])
    labels = metrics.label_numbers(list("xxxxxo" "xoooo" "d" "xxddd"))
    assert metrics.purity(groups, labels) == pytest.approx(12 / 17)


@given(hnp.arrays(np.int64, st.tuples(st.integers(2, 60), st.just(2)), elements=st.integers(0, 5)))
def test_mutual_information_equals_scikit_learn(pairs):
    groups = np.unique(pairs[:, 0], return_inverse=True)[1]
    expected = normalized_mutual_info_score(pairs[:, 1], groups)
    assert metrics.normalised_mutual_information(groups, pairs[:, 1]) == pytest.approx(expected, abs=1e-9)


def test_sorting_and_counting_agree_on_the_contingency_table():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 400, 500), rng.integers(0, 300, 500)  # 120,000 cells: the sorting way
    assert metrics.normalised_mutual_information(groups, labels) == pytest.approx(
        normalized_mutual_info_score(labels, groups))


def test_label_numbers_take_blanks_out():
    assert metrics.label_numbers(["b", " ", "a", None, "b"]).tolist() == [0, -1, 1, -1, 0]


def test_meaningful_prefixes_stand_out_from_shuffled_labels_and_random_ones_do_not():
    rng = np.random.default_rng(1)
    labels = rng.integers(0, 4, 400)
    telling = np.stack([labels, rng.integers(0, 50, 400)], 1)
    by_luck = rng.integers(0, 4, (400, 2))
    first, second = metrics.label_scores(telling, labels, n_shuffles=20)
    assert first.purity == 1 and first.nmi == pytest.approx(1)
    assert first.purity > first.purity_null + 10 * first.purity_null_sd and first.nmi > first.nmi_null + 10 * first.nmi_null_sd
    # fine random prefixes look pure whatever they mean: the null says so
    assert second.purity_null > 0.5 and second.n_prefixes > 150
    luck = metrics.label_scores(by_luck, labels, n_shuffles=20)[0]
    assert abs(luck.nmi - luck.nmi_null) < 4 * luck.nmi_null_sd


def test_label_scores_say_what_is_wrong():
    with pytest.raises(ValueError, match=r"3 labels for 2 items"):
        metrics.label_scores(np.zeros((2, 1), int), np.zeros(3))
    with pytest.raises(ValueError, match=r"no item has both a label and an ID"):
        metrics.label_scores(np.zeros((2, 1), int), np.array(["", ""]))
    with pytest.raises(ValueError, match=r"n_shuffles is 0"):
        metrics.label_scores(np.zeros((2, 1), int), np.array(["a", "b"]), n_shuffles=0)


RANKED = np.array([[7, 3, 5], [1, 2, 9], [4, -1, -1]])


def test_recall_and_ndcg_worked_by_hand():
    target = np.array([3, 8, 4])  # second place, missing, first place
    assert metrics.recall_at_k(RANKED, target, 1).tolist() == [0, 0, 1]
    assert metrics.recall_at_k(RANKED, target, 2).tolist() == [1, 0, 1]
    assert metrics.ndcg_at_k(RANKED, target, 3) == pytest.approx([1 / np.log2(3), 0, 1])
    assert metrics.ranking_scores(RANKED, target, k=(1, 3)) == pytest.approx(
        {"recall@1": 1 / 3, "ndcg@1": 1 / 3, "recall@3": 2 / 3, "ndcg@3": (1 / np.log2(3) + 1) / 3})


def test_padding_never_counts_as_a_hit():
    assert metrics.recall_at_k(np.array([[-1, -1]]), np.array([-1]), 2).tolist() == [0]


def test_ranking_errors_name_the_numbers():
    with pytest.raises(ValueError, match=r"k is 5, but the ranked lists hold 3 items"):
        metrics.recall_at_k(RANKED, np.array([3, 8, 4]), 5)
    with pytest.raises(ValueError, match=r"shape \(3, 3\) and there are 2 targets"):
        metrics.recall_at_k(RANKED, np.array([3, 8]), 1)


def test_nearest_equals_scikit_learn():
    emb_IE = np.random.default_rng(2).normal(size=(300, 8)).astype(np.float32)
    query = np.arange(0, 300, 7)
    found, cosine = metrics.nearest(emb_IE, query, 5, batch_size=16)
    oracle = NearestNeighbors(n_neighbors=6, metric="cosine", algorithm="brute").fit(emb_IE)
    distance, expected = oracle.kneighbors(emb_IE[query])
    assert found.tolist() == expected[:, 1:].tolist()
    assert cosine == pytest.approx(1 - distance[:, 1:], abs=1e-5)


@pytest.mark.parametrize("size", [1e-30, 1e25])
def test_nearest_neighbours_do_not_depend_on_the_scale(size):
    rng = np.random.default_rng(6)
    emb_IE = rng.normal(size=(80, 9)).astype(np.float32)
    query = np.arange(40)
    expected = NearestNeighbors(n_neighbors=6, metric="cosine").fit(emb_IE).kneighbors(emb_IE[query], return_distance=False)
    scaled_IE = emb_IE * np.float32(size)
    scaled_IE[40:] *= np.float32(0.5)
    np.testing.assert_array_equal(metrics.nearest(scaled_IE, query, 5)[0], expected[:, 1:])


def test_nearest_copes_with_few_items_and_zero_vectors():
    assert metrics.nearest(np.eye(3, dtype=np.float32), np.array([0]), 10)[0].shape == (1, 2)
    assert metrics.nearest(np.ones((1, 2), np.float32), np.array([0]), 3)[0].shape == (1, 0)
    assert np.isfinite(metrics.nearest(np.zeros((4, 2), np.float32), np.array([1]), 2)[1]).all()


def test_neighbour_recall_worked_by_hand():
    codes_IL = np.array([[0, 0], [0, 0], [0, 1], [1, 0], [-1, -1]])
    found = metrics.neighbour_recall(codes_IL, np.array([0, 3]), np.array([[1, 2], [2, 4]]))
    # item 0: both neighbours share code 0, one shares both codes. Item 3: its only known neighbour shares nothing.
    assert [row.recall.mean for row in found] == [0.5, 0.25]
    # by chance: item 0 has 2 of 3 others below its first code and 1 of 3 below both; item 3 has none
    assert [row.by_chance for row in found] == pytest.approx([1 / 3, 1 / 6])


def test_t_interval_equals_scipy():
    values = np.array([0.31, 0.28, 0.35, 0.30, 0.29])
    found = metrics.mean_interval(values)
    low, high = stats.t.interval(0.95, 4, values.mean(), stats.sem(values))
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((values.mean(), low, high, 5))


def test_bootstrap_interval_agrees_with_t_for_many_values():
    values = np.random.default_rng(3).exponential(size=2000)
    boot, student = metrics.mean_interval(values, method="bootstrap"), metrics.mean_interval(values)
    assert boot.low == pytest.approx(student.low, abs=0.01)
    assert boot.high == pytest.approx(student.high, abs=0.01)


def test_intervals_of_next_to_nothing():
    assert metrics.mean_interval([]).n == 0
    single = metrics.mean_interval([2.0, np.nan])
    assert single.mean == 2 and np.isnan(single.low) and str(single) == "2"
    with pytest.raises(ValueError, match=r"method is 'z'"):
        metrics.mean_interval([1.0], method="z")
    with pytest.raises(ValueError, match=r"confidence is 95"):
        metrics.mean_interval([1.0], confidence=95)
