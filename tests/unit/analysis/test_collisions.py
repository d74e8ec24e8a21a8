"""Collisions explained, against numbers worked by hand, brute force, SciPy's distances, scikit-learn and LC-Rec's own loop."""

import itertools

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import cosine_similarity

from tiger import metrics
from tiger.analysis import collisions
from tiger.analysis.collisions import Geometry

SIZES, WIDTH = (5, 7, 4), 3


def drawn(seed: int = 0, n_items: int = 260) -> tuple[np.ndarray, list[np.ndarray]]:
    """Latents, some of them copies, and codebooks of different sizes whose vectors get shorter level by level."""
    rng = np.random.default_rng(seed)
    latent_IZ = rng.normal(size=(n_items, WIDTH)).astype(np.float32)
    latent_IZ[200:230] = latent_IZ[:30]
    books = [(rng.normal(size=(size, WIDTH)) * 0.5**level).astype(np.float32) for level, size in enumerate(SIZES)]
    return latent_IZ, books


def coded(latent_IZ, books, prices=None, cosine=False) -> np.ndarray:
    """Codes one item and one level at a time."""
    found = []
    for row in latent_IZ.astype(np.float64):
        codes = []
        for level, book_KZ in enumerate(books):
            codes.append(int(np.argmin(ranked(row, book_KZ, None if prices is None else prices[level], cosine))))
            row = row - book_KZ[codes[-1]]
        found.append(codes)
    return np.array(found)


def ranked(row, book_KZ, price_K=None, cosine=False) -> np.ndarray:
    if cosine:
        return cdist(row[None], book_KZ.astype(np.float64), "cosine")[0]
    return cdist(row[None], book_KZ.astype(np.float64), "sqeuclidean")[0] + (0 if price_K is None else price_K)


def test_causes_and_surplus_by_hand():
    """Items 0-3 share an ID: 0 and 1 one vector, 2 the text of 0 with capitals, 3 nothing. 4 and 5 one vector; 6 and 7 one text;
    8 and 9 neither; 10 has no ID and 11 its own."""
    codes_IL = np.array([[1, 2]] * 4 + [[0, 2]] * 2 + [[3, 3]] * 2 + [[4, 0]] * 2 + [[-1, -1], [4, 1]])
    emb_IE = np.array([[1, 0], [1, 0], [0, 1], [1, 1], [2, 1], [2, 1], [1, 0], [0, 2], [3, 0], [4, 0], [1, 0], [3, 0]], "f4")
    texts = ["Red  candle", "blue", "red Candle ", "green", "a", "b", "same", "same", "", " ", "red candle", ""]
    found = collisions.group(codes_IL, emb_IE, texts)
    assert [found.items(number).tolist() for number in range(4)] == [[0, 1, 2, 3], [4, 5], [6, 7], [8, 9]]
    assert found.causes == ["copies and too few codes", "identical vectors", "identical text", "too few codes"]
    assert found.n_vectors_G.tolist() == [3, 1, 2, 2] and found.n_apart_G.tolist() == [2, 1, 1, 2]
    assert (found.n_items, found.n_ids, found.surplus) == (11, 5, 6)
    assert found.surplus_by_cause == {"identical vectors": 1 + 1, "identical text": 1 + 1, "too few codes": 1 + 1}
    half = 0.5**0.5  # pairs of the first: 01 is 1, 02 and 12 are 0, 03, 13 and 23 are sqrt(1/2)
    assert found.cosine_mean_G.tolist() == pytest.approx([(1 + 3 * half) / 6, 1, 0, 1])
    assert found.cosine_min_G.tolist() == pytest.approx([0, 1, 0, 1])
    assert found.cosine_max_G.tolist() == pytest.approx([1, 1, 0, 1])
    assert found.group_of(7) == 2 and found.group_of(10) is None and found.group_of(11) is None


@pytest.mark.parametrize("seed", range(3))
def test_groups_equal_brute_force(seed):
    rng = np.random.default_rng(seed)
    codes_IL = rng.integers(0, [3, 4, 2], (300, 3))
    emb_IE = rng.normal(size=(300, 9)).astype(np.float32)
    emb_IE[150:] = emb_IE[rng.integers(0, 150, 150)]
    emb_IE[5] = 0
    texts = [f"text {number}" if number else "" for number in rng.integers(0, 60, 300)]
    by_id: dict[tuple, list[int]] = {}
    for item, codes in enumerate(map(tuple, codes_IL.tolist())):
        by_id.setdefault(codes, []).append(item)
    found = collisions.group(codes_IL, emb_IE, texts)
    assert sorted(found.size_G.tolist()) == sorted(len(items) for items in by_id.values() if len(items) > 1)
    for number in range(len(found)):
        items = by_id[tuple(codes_IL[found.items(number)[0]].tolist())]
        assert found.items(number).tolist() == items
        assert found.n_vectors_G[number] == len({emb_IE[item].tobytes() for item in items})
        assert found.n_apart_G[number] == len(apart(items, emb_IE, texts))
        pairs = cosine_similarity(emb_IE[items])[np.triu_indices(len(items), 1)]
        assert found.cosine_mean_G[number] == pytest.approx(pairs.mean(), abs=1e-6)
        assert (found.cosine_min_G[number], found.cosine_max_G[number]) == pytest.approx((pairs.min(), pairs.max()), abs=1e-6)
    assert sum(found.surplus_by_cause.values()) == found.surplus == 300 - len(by_id)


def apart(items: list[int], emb_IE: np.ndarray, texts: list[str]) -> list[set[int]]:
    """Merge items until no two parts hold an equal vector or text."""
    parts = [{item} for item in items]
    for one, other in itertools.combinations(items, 2):
        if (emb_IE[one] == emb_IE[other]).all() or (texts[one] and texts[one] == texts[other]):
            joined = [part for part in parts if one in part or other in part]
            parts = [part for part in parts if part not in joined] + [set().union(*joined)]
    return parts


def test_the_extremes_of_a_very_full_group_come_from_a_sample_and_its_mean_from_all():
    rng = np.random.default_rng(0)
    emb_IE = rng.normal(size=(1500, 6)).astype(np.float32) + 1
    found = collisions.group(np.zeros((1500, 2), np.int64), emb_IE, [""] * 1500)
    pairs = cosine_similarity(emb_IE)[np.triu_indices(1500, 1)]
    assert found.cosine_mean_G[0] == pytest.approx(pairs.mean(), abs=1e-6)
    assert pairs.min() <= found.cosine_min_G[0] < found.cosine_max_G[0] <= pairs.max() + 1e-6


def test_unequal_numbers_of_items_are_refused():
    with pytest.raises(ValueError, match="codes of 3 items, embeddings of 2 and texts of 3"):
        collisions.group(np.zeros((3, 1), int), np.ones((2, 4)), ["a"] * 3)


def test_parting_by_hand():
    """On a line: level 1 has codes at 0 and 10, level 2 at -1, 0 and 2. Items at 4 and 4.5 get code 0, then 2."""
    geometry = Geometry(np.array([[4.0], [4.5], [9.0]], np.float32), [np.array([[0.0], [10.0]], np.float32),
                                                                      np.array([[-1.0], [0.0], [2.0]], np.float32)])
    codes_IL = np.array([[0, 2], [0, 2], [1, 0]])
    found = collisions.part(codes_IL, np.array([0, 1]), geometry)
    assert found.residual_NM.tolist() == [[16, 16, 4], [20.25, 20.25, 6.25]]
    assert found.second_NL.tolist() == [[1, 1], [1, 1]]
    assert found.cost_NL.tolist() == [[36 - 16, 16 - 4], [30.25 - 20.25, 20.25 - 6.25]]
    # at 4 with code 1 the rest is -6, so level 2 takes -1 and leaves -5; with code (0, 1) it leaves 4
    assert found.added_NL.tolist() == [[25 - 4, 16 - 4], [4.5**2 - 6.25, 20.25 - 6.25]]
    assert found.free_NL.tolist() == [[False, True], [False, True]]  # (1, 0) is the third item's
    assert found.cheapest(slice(0, 2)) == (1, 1)  # 14 of 20.25 at level 2, since level 1's 10 of 20.25 leads to a taken ID
    assert found.relative_NL[1].tolist() == [10 / 20.25, 14 / 20.25]


@pytest.mark.parametrize(("priced", "cosine"), [(False, False), (True, False), (False, True)])
def test_parting_equals_brute_force(priced, cosine):
    latent_IZ, books = drawn(1)
    rng = np.random.default_rng(5)
    prices = [rng.uniform(0, 1, len(book)).astype(np.float32) for book in books] if priced else None
    codes_IL = coded(latent_IZ, books, prices, cosine)
    codes_IL[7] = -1
    taken = {tuple(row) for row in codes_IL.tolist()}
    item_N = np.delete(np.arange(len(codes_IL)), 7)[::4]
    found = collisions.part(codes_IL, item_N, Geometry(latent_IZ, books, prices, "cosine" if cosine else "squared"))
    for at, item in enumerate(item_N):
        left = latent_IZ[item].astype(np.float64)
        whole = left - sum(book[code].astype(np.float64) for book, code in zip(books, codes_IL[item], strict=True))
        for level, own in enumerate(codes_IL[item]):
            rank_K = ranked(left, books[level], None if prices is None else prices[level], cosine)
            second = min((code for code in range(SIZES[level]) if code != own), key=lambda code: rank_K[code])
            square_K = ranked(left, books[level])
            assert found.second_NL[at, level] == second
            assert found.residual_NM[at, level] == pytest.approx(left @ left)
            assert found.cost_NL[at, level] == pytest.approx(square_K[second] - square_K[own], abs=1e-9)
            made, rest = [*codes_IL[item][:level], second], left - books[level][second]
            for deeper in range(level + 1, len(books)):
                made.append(int(np.argmin(ranked(rest, books[deeper], None if prices is None else prices[deeper], cosine))))
                rest = rest - books[deeper][made[-1]]
            assert found.added_NL[at, level] == pytest.approx(rest @ rest - whole @ whole, abs=1e-9)
            assert found.free_NL[at, level] == (tuple(made) not in taken)
            left = left - books[level][own]


def test_a_level_of_one_code_has_no_second():
    latent_IZ, books = drawn()
    books = [books[0][:1], books[1]]
    found = collisions.part(coded(latent_IZ, books), np.arange(6), Geometry(latent_IZ, books))
    assert (found.second_NL[:, 0] == -1).all() and np.isnan(found.cost_NL[:, 0]).all() and not found.free_NL[:, 0].any()
    assert found.cheapest(slice(2, 5))[1] == 1


def test_codebooks_of_another_width_are_refused():
    with pytest.raises(ValueError, match="codebooks are 3 wide and what they quantise is 4"):
        Geometry(np.zeros((2, 4), np.float32), drawn()[1])


def test_the_extra_level_equals_scikit_learns_clusters_of_what_is_left():
    latent_IZ, books = drawn(2)
    codes_IL = coded(latent_IZ, books)
    left_IZ = latent_IZ - sum(book[codes_IL[:, level]] for level, book in enumerate(books))
    fitted = KMeans(SIZES[-1], n_init=1, max_iter=25, random_state=0).fit(left_IZ)
    square_IK = cdist(left_IZ, fitted.cluster_centers_, "sqeuclidean")
    found = collisions.extra_level(codes_IL, Geometry(latent_IZ, books))
    assert found.collisions.unique == len(np.unique(np.column_stack([codes_IL, square_IK.argmin(1)]), axis=0))
    assert found.error == pytest.approx(square_IK.min(1).mean() / np.square(latent_IZ).sum(1).mean(), rel=1e-5)
    before = collisions.left_of(codes_IL, Geometry(latent_IZ, books))
    assert found.collisions.unique > before.collisions.unique and found.error < before.error
    assert before.error == pytest.approx(np.square(left_IZ).sum() / np.square(latent_IZ).sum(), rel=1e-5)


def test_with_as_many_codes_as_items_an_extra_level_leaves_only_copies():
    latent_IZ, books = drawn(3, n_items=240)
    books[-1] = np.resize(books[-1], (400, WIDTH))
    found = collisions.extra_level(coded(latent_IZ, books), Geometry(latent_IZ, books))
    assert found.collisions.n_items - found.collisions.unique == 30 and found.error == pytest.approx(0, abs=1e-10)


def lc_rec(latent_IZ: np.ndarray, books: list[np.ndarray], codes_IL: np.ndarray) -> np.ndarray:
    """LC-Rec's generate_indices.py with its Sinkhorn, as published, on the last level; of equal shares the nearest code
    that no other item with the prefix has."""
    codes_IL, best, idle = codes_IL.copy(), 0, 0
    for _ in range(20):
        groups: dict[tuple, list[int]] = {}
        for item, row in enumerate(map(tuple, codes_IL.tolist())):
            groups.setdefault(row, []).append(item)
        shared = [items for _, items in sorted(groups.items()) if len(items) > 1]
        idle = 0 if len(groups) > best else idle + 1
        best = max(best, len(groups))
        if not shared or idle == 3:
            break
        was_IL = codes_IL.copy()
        for items in shared:
            others = (was_IL[:, :-1] == was_IL[items[0], :-1]).all(1) & (was_IL[:, -1] != was_IL[items[0], -1])
            free_K = ~np.isin(np.arange(len(books[-1])), was_IL[others, -1])
            left = latent_IZ[items].astype(np.float64) - sum(book[codes_IL[items, level]].astype(np.float64)
                                                             for level, book in enumerate(books[:-1]))
            square = cdist(left, books[-1].astype(np.float64), "sqeuclidean")
            middle, half = (square.max() + square.min()) / 2, (square.max() - square.min()) / 2 + 1e-5
            plan = np.exp(-((square - middle) / half) / 0.003)
            plan /= plan.sum()
            for _ in range(50):
                plan /= plan.sum(1, keepdims=True) * len(plan)
                plan /= plan.sum(0, keepdims=True) * plan.shape[1]
            for item, plan_K, square_K in zip(items, plan, square, strict=True):
                tied = [code for code in range(len(plan_K)) if plan_K[code] >= plan_K.max() * (1 - 1e-6)]
                tied = [code for code in tied if free_K[code]] or tied
                codes_IL[item, -1] = min(tied, key=square_K.__getitem__)
    return codes_IL


@pytest.mark.parametrize("seed", range(3))
def test_sinkhorn_on_the_last_level_leaves_what_lc_recs_loop_leaves(seed):
    latent_IZ, books = drawn(seed)
    books = [books[0] * 2, books[1] * 2, np.random.default_rng(9).normal(size=(24, WIDTH)).astype(np.float32)]
    codes_IL = coded(latent_IZ, books)
    theirs = lc_rec(latent_IZ, books, codes_IL)
    found = collisions.sinkhorn_last(codes_IL, Geometry(latent_IZ, books))
    before, after = metrics.collisions(codes_IL), metrics.collisions(theirs)
    assert found.collisions.unique == after.unique > before.unique
    assert found.collisions.n_items - found.collisions.unique >= 30  # copies stay together
    assert found.n_changed == (theirs != codes_IL).any(1).sum()
    left_IZ = latent_IZ - sum(book[theirs[:, level]] for level, book in enumerate(books))
    assert found.error == pytest.approx(np.square(left_IZ).sum() / np.square(latent_IZ).sum(), rel=1e-5)


def test_sinkhorn_refuses_a_group_that_does_not_fit_into_memory(monkeypatch):
    monkeypatch.setattr("tiger.analysis.collisions.remedies.MAX_CELLS", 100)
    latent_IZ, books = drawn()
    with pytest.raises(ValueError, match=r"one ID has 260 items; spreading them over 4 codes takes 1,040 cells, at most 100"):
        collisions.sinkhorn_last(np.zeros((260, 3), np.int64), Geometry(latent_IZ, books))


def test_a_counter_leaves_none_and_says_how_many_codes_it_needs():
    found = collisions.counted(np.array([[1, 1], [1, 1], [1, 1], [0, 2], [-1, -1]]))
    assert found.collisions.unique == found.collisions.n_items == 4 and found.note.startswith("needs 3 codes")
