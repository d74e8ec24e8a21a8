"""The tree of codes, LSH splits, numbers, disagreements and matching, by hand and by brute force."""

import tracemalloc
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import normalized_mutual_info_score

from tiger import metrics, quantizers
from tiger.analysis import tree

SIX = np.array([[0, 1], [0, 1], [0, 2], [3, 0], [3, 0], [3, 0]])


def random_codes(seed: int, n_items: int = 60, n_levels: int = 3, n_codes: int = 4) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, n_codes, (n_items, n_levels))


def test_branches_by_hand():
    found = tree.Branches.from_codes(SIX)
    frame = found.frame()
    assert frame["prefix"].tolist() == ["", "0", "3", "0-1", "0-2", "3-0"]
    assert frame["size"].tolist() == [6, 3, 3, 2, 1, 3]
    assert frame["parent"].tolist() == [-1, 0, 0, 1, 1, 2]
    assert frame["children"].tolist() == [2, 2, 1, 0, 0, 0]
    assert frame["share"].tolist() == pytest.approx([1, 0.5, 0.5, 1 / 3, 1 / 6, 0.5])
    assert found.items(found.row_of((0, 1))).tolist() == [0, 1]
    assert found.items(0).tolist() == [0, 1, 2, 3, 4, 5]
    assert found.row_of((0, 7)) is None and found.row_of((9,)) is None and found.row_of(()) == 0


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_branches_agree_with_counting_tuples(seed, n_levels, n_items):
    codes = random_codes(seed, n_items, n_levels)
    codes[np.random.default_rng(seed).random(n_items) < 0.2] = -1
    found = tree.Branches.from_codes(codes)
    counted = {}
    for number, row in enumerate(codes.tolist()):
        for depth in range(n_levels + 1) if row[0] >= 0 else ():
            counted.setdefault(tuple(row[:depth]), []).append(number)
    counted.setdefault((), [])
    assert {found.prefix(row): found.items(row).tolist() for row in range(len(found))} == counted
    for prefix, items in counted.items():
        row = found.row_of(prefix)
        assert found.size_P[row] == len(items)
        assert row == 0 or found.prefix(int(found.parent_P[row])) == prefix[:-1]


@pytest.mark.parametrize("at_most", [1, 5, 12, 1000])
def test_what_is_drawn_adds_up(at_most):
    found = tree.Branches.from_codes(random_codes(1, 200))
    frame = found.drawn(3, at_most)
    below = frame[frame["parent"] >= 0].groupby("parent")["size"].sum()
    sizes = frame.set_index("row")["size"]
    inner = frame.loc[(frame["rest"] == 0) & (frame["children"] > 0), "row"]
    assert (below[inner] == sizes[inner]).all() and set(below.index) == set(inner)
    assert (frame["rest"] == 0).sum() == min(at_most, len(found))
    assert set(frame["parent"]) <= set(frame["row"]) | {-1}
    rest = frame[frame["rest"] > 0]
    children = found.n_children_P[rest["parent"]] - [
        ((frame["parent"] == parent) & (frame["rest"] == 0)).sum() for parent in rest["parent"]]
    assert rest["rest"].tolist() == children.tolist()


def test_drawn_below_one_branch():
    found = tree.Branches.from_codes(SIX)
    assert found.drawn(2, root=found.row_of((0,)))["prefix"].tolist() == ["0", "0-1", "0-2"]


def test_typical_words_and_category_mix_by_hand():
    found = tree.Branches.from_codes(SIX)
    rows = np.array([0, found.row_of((0,)), found.row_of((3,)), -1])
    member = found.membership(rows)
    assert member.toarray().sum(1).tolist() == [6, 3, 3, 0]
    texts = ["red lipstick", "pink lipstick", "blue lipstick", "hair shampoo", "mild shampoo", "hair shampoo"]
    words = tree.typical_words(member, tree.word_counts(texts), k=1)
    assert words == ["", "lipstick", "shampoo", ""]
    assert tree.typical_words(member, tree.word_counts(["red lipstick 5 ml", "pink lipstick", "le rouge", "hair shampoo",
                                                        "hair", "hair pack"]))[1:3] == ["lipstick", "hair"]
    mix = tree.category_mix(member, tree.label_groups(["Lips", "Lips", "Eyes", "Hair", "Hair", "Hair"]))
    assert mix[1:3] == ["Lips 67%, Eyes 33%", "Hair 100%"]


def test_a_branch_is_named_by_its_category_where_one_dominates_else_by_its_words():
    codes = np.array([[0, 0], [0, 1], [0, 2], [3, 4], [3, 4], [3, 5], [5, 0], [5, 1]])
    found = tree.Branches.from_codes(codes)
    rows = np.array([found.row_of(prefix) for prefix in [(0,), (3,), (5,), (3, 4)]])
    category = ["Lips > Stick", "Lips > Gloss", "Eyes", "Hair > Care", "Hair > Care", "Hair > Care", "Hair > Care", ""]
    titles = ["red", "red", "red", "mild shampoo", "mild shampoo", "hair care", "brush for hair", "brush"]
    member, parent = found.membership(rows), np.array([-1, -1, -1, 1])
    words = tree.typical_words(member, tree.word_counts(titles))
    # (0): two of three are Lips (67 %), no half is Stick or Gloss; (5): one of two is Hair, so its words stand there;
    # (3, 4) has its parent's category and adds what tells it apart.
    assert tree.branch_names(member, parent, words, tree.category_groups(category)) == ["Lips", "Care", "brush", "Care, mild"]
    assert tree.branch_names(member, parent, words, []) == ["red", "mild, shampoo", "brush", "mild, shampoo"]


def test_categories_as_codes_keep_the_tree():
    codes = tree.category_codes(["A > X", "A > Y", "B", "", "A > X"])
    assert codes[3].tolist() == [-1, -1]
    frame = tree.Branches.from_codes(codes).frame()
    assert frame.loc[frame["level"] == 1, "size"].tolist() == [3, 1]
    assert frame.loc[frame["level"] == 2, "size"].tolist() == [2, 1, 1]


def test_bits_spell_the_codes_in_binary():
    codes = np.array([[5, 0], [7, 2], [-1, -1]])
    assert tree.bits_of(codes, 8).tolist() == [[1, 0, 1, 0, 0, 0], [1, 1, 1, 0, 1, 0], [-1] * 6]
    with pytest.raises(ValueError, match="power of two"):
        tree.bits_of(codes, 10)
    with pytest.raises(ValueError, match="code 7 does not fit"):
        tree.bits_of(codes, 4)


def test_levels_of_different_sizes_are_cut_from_the_bits_one_after_the_other():
    codes = np.array([[5, 0, 0, 1], [7, 0, 3, 0], [-1, -1, -1, -1]])
    bits = tree.bits_of(codes, [8, 1, 4, 2])  # a level of one code has no bit
    assert bits.tolist() == [[1, 0, 1, 0, 0, 1], [1, 1, 1, 1, 1, 0], [-1] * 6]
    assert tree.codes_of(bits[:2], [3, 0, 2, 1]).tolist() == codes[:2].tolist()
    with pytest.raises(ValueError, match="code 3 does not fit into 1 bit;"):
        tree.bits_of(codes, [8, 1, 2, 2])


def test_bits_are_the_hyperplanes_of_lsh():
    emb = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    lsh = quantizers.create("lsh", n_levels=2, n_codes=8).fit(emb)
    assert (tree.bits_of(lsh.encode(emb), 8) == lsh.bits(emb)).all()


def test_splits_by_hand():
    bits = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    steps = tree.split_steps(bits)
    assert steps["buckets"].tolist() == [1, 2, 3]
    assert steps["largest"].tolist() == [4, 3, 2]
    assert steps["split"].tolist() == [0, 1, 1]
    assert steps["alone"].tolist() == [0, 1, 2]
    assert steps["entropy_bits"].tolist() == pytest.approx([0, 0.75 * np.log2(4 / 3) + 0.5, 1.5])


def test_measures_against_brute_force_and_scikit_learn():
    rng = np.random.default_rng(3)
    codes, labels = random_codes(3, 80, 2), rng.choice(["a", "b", "c"], 80)
    emb = rng.normal(size=(80, 5)).astype(np.float32)
    query = np.arange(80)
    neighbours = metrics.nearest(emb, query, 4)[0]
    found = tree.measure(codes, labels, (query, neighbours)).set_index(["measure", "level"])["value"]
    for level in (1, 2):
        groups = np.unique(codes[:, :level], axis=0, return_inverse=True)[1].ravel()
        assert found["nmi", level] == pytest.approx(normalized_mutual_info_score(labels, groups))
        pure = sum(max((labels[groups == g] == c).sum() for c in "abc") for g in set(groups)) / 80
        assert found["purity", level] == pytest.approx(pure)
        together = np.mean([groups[i] == groups[j] for i in query for j in neighbours[i]])
        assert found["recall", level] == pytest.approx(together)
        p = np.bincount(groups) / 80
        assert found["entropy", level] == pytest.approx(-(p * np.log2(p)).sum())


def test_intervals_over_seeds_are_students_t():
    codes = [np.array([[0], [0], [1]]), np.array([[0], [1], [2]]), np.array([[0], [0], [0]])]
    frame = tree.compare([tree.IdSet("one", codes, build_s=[1.0, 2.0, 3.0])]).set_index("measure")
    row = frame.loc["buckets"]
    assert (row["mean"], row["seeds"], row["over"]) == (2.0, 3, "seeds")
    t_from_a_table = 4.302653  # 97.5 %, two degrees of freedom
    assert row["high"] - row["mean"] == pytest.approx(t_from_a_table / np.sqrt(3), abs=1e-5)
    assert frame.loc["build_s", "mean"] == 2.0


def test_compare_says_what_does_not_fit():
    one = np.zeros((3, 1), int)
    with pytest.raises(ValueError, match="two sets are called 'a'"):
        tree.compare([tree.IdSet("a", [one]), tree.IdSet("a", [one])])
    with pytest.raises(ValueError, match="3 and 4 items"):
        tree.compare([tree.IdSet("a", [one]), tree.IdSet("b", [np.zeros((4, 1), int)])])
    with pytest.raises(ValueError, match="has no codes"):
        tree.compare([tree.IdSet("a", [])])


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_disagreement_counts_every_pair(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(-1, 4, 30), rng.integers(-1, 3, 30)
    emb = rng.normal(size=(30, 4)).astype(np.float32)
    found = tree.disagreement(a, b, emb, k=500)
    wanted = {(i, j) for i, j in combinations(range(30), 2)
              if a[i] == a[j] >= 0 and b[i] != b[j] and b[i] >= 0 and b[j] >= 0}
    assert found.n_pairs == len(wanted) == found.n_seen
    assert set(zip(found.pairs["item_a"], found.pairs["item_b"], strict=True)) == wanted
    for i, j, cosine in found.pairs.itertuples(index=False):
        lengths = np.linalg.norm(emb[i]) * np.linalg.norm(emb[j])
        assert cosine == pytest.approx(emb[i] @ emb[j] / lengths, abs=1e-5)
    assert found.pairs["cosine"].is_monotonic_decreasing


def rename(codes: np.ndarray, n_codes: int, rng: np.random.Generator) -> np.ndarray:
    """Other names for the codes below every single prefix."""
    names: dict[tuple[int, ...], np.ndarray] = {}
    out = codes.copy()
    for item, row in enumerate(codes.tolist()):
        for level in range(len(row)):
            out[item, level] = names.setdefault(tuple(row[:level]), rng.permutation(n_codes))[row[level]]
    return out


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 9))
@settings(max_examples=80, deadline=None)
def test_random_renaming_is_undone_entirely(seed, n_levels, n_codes):
    rng = np.random.default_rng(seed)
    codes = random_codes(seed, 70, n_levels, n_codes)
    codes[rng.random(70) < 0.1] = -1
    renamed = codes.copy()
    known = codes[:, 0] >= 0
    renamed[known] = rename(codes[known], n_codes, rng)
    found = tree.match(codes, renamed)
    assert (found.moved_at_I == np.where(known, 0, -1)).all()
    assert (found.renamed_IL == codes).all()


def test_matching_finds_the_one_item_that_moved_and_its_level():
    a = np.array([[0, 0], [0, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 0]])
    b = np.array([[5, 3], [5, 3], [5, 3], [5, 9], [2, 7], [2, 7], [5, 9]])
    found = tree.match(a, b)
    assert found.moved_at_I.tolist() == [0, 0, 2, 0, 0, 0, 1]
    assert found.renamed_IL[2].tolist() == [0, -1] and found.renamed_IL[6].tolist() == [-1, -1]


@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_matching_keeps_as_many_items_as_the_best_of_all_pairings(seed):
    a, b = random_codes(seed, 25, 1, 4), random_codes(seed + 1, 25, 1, 4)
    pairs = list(zip(a[:, 0], b[:, 0], strict=True))
    best = max(sum(order[x] == y for x, y in pairs) for order in permutations(range(4)))
    assert (tree.match(a, b).moved_at_I == 0).sum() == best


@pytest.fixture(params=["filled in", "sparse"])
def _tables(request, monkeypatch):
    """Small tables are filled in, large ones are not; here all of them are one or the other."""
    monkeypatch.setitem(tree.match.__globals__, "TABLE_LIMIT", 1 << 18 if request.param == "filled in" else 0)


@pytest.mark.usefixtures("_tables")
@given(st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 40), st.integers(1, 200))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_matching_keeps_as_many_items_as_the_dense_hungarian_method(seed, n_a, n_b, n_items):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, n_a, n_items), rng.integers(0, n_b, n_items)
    table = np.zeros((n_a, n_b), int)
    np.add.at(table, (a, b), 1)
    best = table[linear_sum_assignment(table, maximize=True)].sum()
    found = tree.match(a[:, None], b[:, None])
    assert (found.moved_at_I == 0).sum() == best == found.pairs["items"].sum()
    assert found.pairs["prefix_a"].is_unique and found.pairs["prefix_b"].is_unique


@pytest.mark.usefixtures("_tables")
def test_matching_below_the_root_is_the_dense_method_inside_every_pair():
    a, b = random_codes(8, 3000, 2, 16), random_codes(9, 3000, 2, 16)
    found = tree.match(a, b)
    first = found.pairs[found.pairs["level"] == 1]
    best = 0
    for x, y in zip(first["prefix_a"], first["prefix_b"], strict=True):
        inside = (a[:, 0] == x) & (b[:, 0] == y)
        table = np.zeros((16, 16), int)
        np.add.at(table, (a[inside, 1], b[inside, 1]), 1)
        best += table[linear_sum_assignment(table, maximize=True)].sum()
    assert (found.moved_at_I == 0).sum() == best


def test_matching_of_many_codes_needs_no_table_of_all_pairs():
    """Two sets of 20,000 codes: the full table alone would be 3.2 GB."""
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 20_000, (2, 30_000))
    tracemalloc.start()
    found = tree.match(a[:, None], b[:, None])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 200 * 2**20
    assert (found.moved_at_I == 0).sum() == found.pairs["items"].sum() > 10_000


def test_summary_tells_a_real_match_from_chance():
    codes = random_codes(5, 400, 2, 8)
    moved = codes.copy()
    moved[:20, 1] = (moved[:20, 1] + 1) % 8
    frame = tree.match_summary(codes, moved)
    assert frame["stayed"].tolist() == [400, 380]
    assert frame["moved"].tolist() == [0, 20]
    assert (frame["chance_share"] < 0.5).all()
    with pytest.raises(ValueError, match="400 items and the other 3"):
        tree.match(codes, codes[:3])


def test_no_items_at_all():
    nobody = np.full((4, 2), -1)
    assert len(tree.Branches.from_codes(nobody)) == 1
    assert tree.match(nobody, nobody).moved_at_I.tolist() == [-1] * 4
    with pytest.raises(ValueError, match="must be"):
        tree.Branches.from_codes(np.zeros(3, int))
