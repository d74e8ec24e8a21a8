"""Second opinion: measures against brute force and scikit-learn, intervals against jackknife, SciPy and repeated sampling."""

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from tiger import metrics
from tiger.analysis import opinion
from tiger.analysis.opinion import influence
from tiger.analysis.opinion.influence import Score


def drawn_codes(n: int = 220, seed: int = 0, sizes: tuple[int, ...] = (5, 7, 4)) -> np.ndarray:
    """Uneven codes of levels of different sizes."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.choice(size, n, p=rng.dirichlet(np.ones(size))) for size in sizes], 1)


def jackknife(value_of, n: int) -> np.ndarray:
    """Centred (n - 1) (value - value without the item), one item at a time."""
    whole = value_of(np.arange(n))
    found = np.array([(n - 1) * (whole - value_of(np.delete(np.arange(n), item))) for item in range(n)])
    return found - found.mean()


def test_the_collision_rates_influence_is_its_jackknife():
    codes_IL = drawn_codes()
    found = influence.collision_rate(codes_IL)

    def rate(rows):
        return 1 - len({tuple(row) for row in codes_IL[rows].tolist()}) / len(rows)
    assert found.value == pytest.approx(rate(np.arange(220)))
    assert found.influence_I == pytest.approx(jackknife(rate, 220))


def test_the_rand_indexs_influence_is_scikit_learns_jackknife():
    one_I, other_I = drawn_codes(150, 1)[:, 1], drawn_codes(150, 1)[:, 1].copy()
    other_I[::3] = drawn_codes(150, 2)[::3, 0] + 2
    found = influence.adjusted_rand(one_I, other_I)
    assert found.value == pytest.approx(adjusted_rand_score(one_I, other_I))
    assert found.influence_I == pytest.approx(jackknife(lambda rows: adjusted_rand_score(one_I[rows], other_I[rows]), 150))
    assert influence.adjusted_rand(np.zeros(9, int), np.zeros(9, int)).value == 1


def test_puritys_influence_is_its_jackknife():
    group_N, label_N = drawn_codes(130, 3)[:, 0], drawn_codes(130, 4)[:, 1]

    def pure(rows):
        return contingency_matrix(group_N[rows], label_N[rows]).max(1).sum() / len(rows)
    value, leads_N = influence.purity(group_N, label_N)
    assert value == pytest.approx(pure(np.arange(130))) == metrics.purity(group_N, label_N)
    assert leads_N - leads_N.mean() == pytest.approx(jackknife(pure, 130))


def test_utilisations_influence_is_its_jackknife_to_first_order():
    code_I = drawn_codes(900, 5)[:, 1]
    found = influence.utilisation(code_I, 11)

    def use(rows):
        return float(np.exp(stats.entropy(np.bincount(code_I[rows])))) / 11
    assert found.value == pytest.approx(use(np.arange(900)))
    assert found.influence_I == pytest.approx(jackknife(use, 900), abs=0.02 * np.abs(found.influence_I).max())


def test_purity_above_chance_is_zero_where_groups_say_nothing_and_unlabelled_items_do_not_count():
    rng = np.random.default_rng(6)
    group_I, label_I = rng.integers(0, 9, 4000), rng.integers(0, 5, 4000)
    found, null = influence.purity_above_chance(group_I, label_I)
    assert abs(found.value) < 0.01 and null == pytest.approx(0.22, abs=0.02)
    label_I[::4] = -1
    kept = np.flatnonzero(label_I >= 0)
    found, null = influence.purity_above_chance(group_I, label_I)
    alone, null_alone = influence.purity_above_chance(group_I[kept], label_I[kept])
    assert (found.value, null) == pytest.approx((alone.value, null_alone))
    assert found.influence_I[kept] == pytest.approx(alone.influence_I * 4 / 3) and (found.influence_I[::4] == 0).all()


def test_the_interval_of_a_mean_is_the_ordinary_bootstraps():
    value_N = np.random.default_rng(7).exponential(size=300)
    found = opinion.draw([influence.share(value_N)], 4000, seed=1).interval(0)
    theirs = stats.bootstrap((value_N,), np.mean, method="percentile", n_resamples=4000,
                             rng=np.random.default_rng(2)).confidence_interval
    width = theirs.high - theirs.low
    assert found.mean == pytest.approx(value_N.mean())
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.06 * width)


def test_intervals_are_no_narrower_than_repeated_catalogues_scatter():
    """Catalogues of 400 items from one population of IDs. Recounted resamples would put the collision rate far above its value,
    and bootstrapping each item's share of it would give half of the true spread."""
    rng = np.random.default_rng(8)
    p_P = rng.dirichlet(np.full(1500, 0.7))
    merged_P, label_P = np.arange(1500) // 2, np.arange(1500) // 40 * 3 % 31 + rng.integers(0, 3, 1500)
    seen, spread = [], []
    for number in range(300):
        a_I = rng.choice(1500, 400, p=p_P)
        a_IL, b_IL = (np.stack([one // 40, one % 40], 1) for one in (a_I, merged_P[a_I]))
        scores = [influence.collision_rate(a_IL), influence.collision_rate(b_IL), influence.utilisation(a_IL[:, 1], 40)]
        scores += [scores[1] - scores[0], influence.purity_above_chance(a_IL[:, 0], label_P[a_I], seed=number)[0],
                   influence.adjusted_rand(a_IL[:, 0], label_P[a_I])]
        seen.append([score.value for score in scores])
        if number < 40:
            spread.append(opinion.draw(scores, 400, seed=number).moved_RM.std(0))
    ratio = np.mean(spread, 0) / np.std(seen, 0)
    assert ratio[2] == pytest.approx(1, abs=0.15)
    assert (ratio > 0.93).all() and (ratio < 1.6).all(), ratio


def test_a_set_against_itself_differs_in_nothing_and_renamed_only_as_written():
    codes_IL = drawn_codes(500, 9)
    emb_IE = np.random.default_rng(0).normal(size=(500, 6)).astype(np.float32)
    labels = np.array(["a", "b", ""])[drawn_codes(500, 10)[:, 2] % 3]
    found = opinion.compare(codes_IL, codes_IL, (5, 7, 4), (5, 7, 4), {"": emb_IE}, labels, rounds=200)
    assert {(one.difference.mean, one.difference.low, one.difference.high) for one in found.measures} == {(0, 0, 0)}
    assert [(row.raw.mean, row.relabelled.mean, row.rand.mean) for row in found.churn] == [(0, 0, 1)] * 3
    renamed_IL = np.stack([np.random.default_rng(level).permutation(size)[codes_IL[:, level]]
                           for level, size in enumerate((5, 7, 4))], 1)
    found = opinion.compare(codes_IL, renamed_IL, (5, 7, 4), (5, 7, 4), {"": emb_IE}, labels, rounds=200)
    assert max(abs(one.difference.mean) for one in found.measures) < 1e-12
    assert all(row.relabelled.mean == 0 and row.rand.mean == pytest.approx(1) and row.chance > 0.2 for row in found.churn)
    raw = [(codes_IL[:, :depth] != renamed_IL[:, :depth]).any(1).mean() for depth in (1, 2, 3)]
    assert [row.raw.mean for row in found.churn] == pytest.approx(raw) and raw[0] > 0.5


def test_measures_are_those_that_other_pages_show():
    a_IL, b_IL = drawn_codes(400, 11), drawn_codes(400, 12, (35, 3))
    emb_IE = np.random.default_rng(1).normal(size=(400, 5)).astype(np.float32)
    labels = np.array([f"label {number}" for number in drawn_codes(400, 13)[:, 0]])
    found = opinion.compare(a_IL, b_IL, (5, 7, 4), (35, 3), {"own": emb_IE}, labels, rounds=100, seed=4)
    assert [(one.key, one.level_a, one.level_b) for one in found.measures] == [
        ("collisions", 0, 0), ("utilisation", 0, 0), ("utilisation", 1, 1), ("utilisation", 2, 2), ("neighbours", 2, 1),
        ("purity", 2, 1)]
    assert found.measures[0].b.mean == pytest.approx(metrics.collisions(b_IL).rate)
    near_NK = metrics.nearest(emb_IE, np.arange(400), 10)[0]
    near, pure = found.measures[-2:]
    for codes_IL, side, depth, sizes in ((a_IL, "a", 2, (5, 7, 4)), (b_IL, "b", 1, (35, 3))):
        known = metrics.neighbour_recall(codes_IL, np.arange(400), near_NK)[depth - 1]
        assert getattr(near, side).mean + getattr(near, f"chance_{side}") == pytest.approx(known.recall.mean)
        assert getattr(near, f"chance_{side}") == pytest.approx(known.by_chance)
        score = metrics.label_scores(codes_IL, labels, 40)[depth - 1]
        assert getattr(pure, side).mean + getattr(pure, f"chance_{side}") == pytest.approx(score.purity)
        assert getattr(pure, f"chance_{side}") == pytest.approx(score.purity_null, abs=0.03)
        use = np.mean([np.exp(stats.entropy(np.bincount(codes_IL[:, at]))) / size for at, size in enumerate(sizes)])
        assert getattr(found.measures[1], side).mean == pytest.approx(use)
    assert found.headlines() == [found.measures[at] for at in (0, 1, 4, 5)]
    for one in found.measures:
        assert one.difference.mean == pytest.approx(one.b.mean - one.a.mean)
        assert one.difference.low <= one.difference.mean <= one.difference.high


def test_prefixes_are_compared_where_they_have_as_many_values():
    def pairs(a, b):
        return [(one.a, one.b, one.comparable) for one in opinion.depth_pairs(a, b)]
    assert pairs((256, 256, 256), (256, 256, 256, 256)) == [(1, 1, True), (2, 2, True), (3, 3, True)]
    assert pairs((16,) * 5, (256,) * 3) == [(2, 1, True), (4, 2, True)]
    assert pairs((4, 8, 2), (32, 3)) == [(2, 1, True)]
    assert pairs((5, 7), (6, 3)) == [(1, 1, False)]
    found = opinion.compare(drawn_codes(60), drawn_codes(60, 1, (6, 3)), (5, 7, 4), (6, 3), {
        "": np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)}, rounds=100)
    assert [one.comparable for one in found.measures if one.key == "neighbours"] == [False]


def test_pairing_makes_the_difference_tighter_than_two_intervals():
    rng = np.random.default_rng(14)
    a_IL = drawn_codes(600, 15, (30, 30))
    b_IL = a_IL.copy()
    moved = rng.choice(600, 30, replace=False)
    b_IL[moved, 1] = 31 + np.arange(30)
    one = opinion.compare(a_IL, b_IL, (30, 61), (30, 61), {}, rounds=1000).measures[0]
    assert one.difference.high - one.difference.low < 0.5 * (one.a.high - one.a.low)
    assert one.difference.high < 0


def test_the_same_seed_gives_the_same_intervals():
    a_IL, b_IL = drawn_codes(100, 16), drawn_codes(100, 17)
    found = [opinion.compare(a_IL, b_IL, (5, 7, 4), (5, 7, 4), {}, rounds=150, seed=seed) for seed in (3, 3, 4)]
    assert found[0] == found[1] or str(found[0]) == str(found[1])
    assert str(found[0].measures) != str(found[2].measures)


@pytest.mark.parametrize(("a", "b", "words"), [
    (drawn_codes(50), drawn_codes(49), "one set has 50 items and the other 49"),
    (drawn_codes(9), drawn_codes(9), "there are 9 items"),
    (np.where(np.arange(50)[:, None] == 3, -1, drawn_codes(50)), drawn_codes(50), "no ID in one of the sets")])
def test_what_cannot_be_compared_is_refused(a, b, words):
    with pytest.raises(ValueError, match=words):
        opinion.compare(a, b, (5, 7, 4), (5, 7, 4), {})


def test_too_few_rounds_are_refused():
    with pytest.raises(ValueError, match="rounds is 99"):
        opinion.draw([Score(0.0, np.zeros(5))], 99)
