"""Semantic IDs: unique whatever the codes, found again whatever the file."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tiger.semantic_ids import SemanticIds, first_appearance, id_table, index_json, parquet_bytes, projector_tsv

CODES = hnp.arrays(np.int64, st.tuples(st.integers(1, 60), st.integers(1, 4)), elements=st.integers(0, 4))


@settings(deadline=None)
@given(CODES, st.sampled_from([None, True]))
def test_ids_are_unique_and_keep_the_codes(codes_IL, collision_level):
    ids = SemanticIds.from_codes(codes_IL, 5, collision_level)
    rows = list(map(tuple, ids.ids_IM.tolist()))
    assert len(set(rows)) == len(rows)
    assert (ids.codes_IL == codes_IL).all()
    assert all(0 <= code < size for row in rows for code, size in zip(row, ids.n_codes, strict=True))


@settings(deadline=None)
@given(CODES)
def test_the_extra_level_counts_in_item_order(codes_IL):
    seen: dict[tuple[int, ...], int] = {}
    expected = []
    for row in map(tuple, codes_IL.tolist()):
        expected.append(seen.get(row, 0))
        seen[row] = seen.get(row, 0) + 1
    ids = SemanticIds.from_codes(codes_IL, 5, collision_level=True)
    assert ids.ids_IM[:, -1].tolist() == expected


@settings(deadline=None)
@given(CODES)
def test_the_extra_level_exists_only_where_items_collide(codes_IL):
    collide = len(set(map(tuple, codes_IL.tolist()))) < len(codes_IL)
    assert SemanticIds.from_codes(codes_IL, 5).has_collision_level == collide


@settings(deadline=None)
@given(CODES)
def test_tokens_never_share_a_level(codes_IL):
    ids = SemanticIds.from_codes(codes_IL, 5)
    by_level = [set(column) for column in ids.tokens_IM.T.tolist()]
    assert sum(map(len, by_level)) == len(set().union(*by_level))
    assert ids.tokens_IM.max() < ids.n_tokens
    assert (ids.tokens_IM - ids.offsets_M == ids.ids_IM).all()


@settings(deadline=None)
@given(CODES, st.data())
def test_items_below_a_prefix_equal_a_search_through_all(codes_IL, data):
    ids = SemanticIds.from_codes(codes_IL, 5)
    depth = data.draw(st.integers(0, len(ids.n_codes)))
    prefix = data.draw(st.lists(st.integers(0, 4), min_size=depth, max_size=depth))
    rows = list(map(tuple, ids.ids_IM.tolist()))
    expected = sorted((row, item) for item, row in enumerate(rows) if row[:depth] == tuple(prefix))
    assert ids.prefix_items(prefix).tolist() == [item for _, item in expected]


@settings(deadline=None)
@given(CODES)
def test_every_item_is_found_by_its_id(codes_IL):
    ids = SemanticIds.from_codes(codes_IL, 5)
    assert [ids.item_of(row) for row in ids.ids_IM.tolist()] == list(range(len(ids)))
    assert ids.item_of([9] * len(ids.n_codes)) is None


@settings(max_examples=25, deadline=None)
@given(codes_IL=CODES, suffix=st.sampled_from([".json", ".safetensors"]))
def test_saved_ids_come_back_the_same(tmp_path_factory, codes_IL, suffix):
    ids = SemanticIds.from_codes(codes_IL, 5)
    back = SemanticIds.load(ids.save(tmp_path_factory.mktemp("ids") / f"ids{suffix}"))
    assert (back.ids_IM == ids.ids_IM).all()
    assert (back.n_codes, back.n_levels) == (ids.n_codes, ids.n_levels)


def test_saving_over_a_file_leaves_nothing_else_behind(tmp_path: Path):
    ids = SemanticIds.from_codes(np.array([[1, 2]]), 4)
    for _ in range(2):
        ids.save(tmp_path / "ids.json")
    assert [path.name for path in tmp_path.iterdir()] == ["ids.json"]
    with pytest.raises(ValueError, match=r"'ids.txt' ends in '.txt', but IDs are saved as .safetensors or .json"):
        ids.save(tmp_path / "ids.txt")


def test_items_without_an_id_stay_without():
    ids = SemanticIds.from_codes(np.array([[1, 2], [-1, -1], [1, 2]]), 4)
    assert ids.ids_IM.tolist() == [[1, 2, 0], [-1, -1, -1], [1, 2, 1]]
    assert ids.tokens_IM.tolist() == [[1, 6, 8], [-1, -1, -1], [1, 6, 9]]
    assert ids.prefix_items([]).tolist() == [0, 2]
    assert ids.text(0) == "1-2-0" and ids.text(1) == "none"
    assert list(json.loads(index_json(ids))) == ["0", "2"]


@pytest.mark.parametrize(("codes", "n_codes", "words"), [
    ([[0, 4]], 4, r"item 0 has code 4 at level 2, but codes there run from 0 to 3"),
    ([[0, -1]], 4, r"item 0 has codes \[0, -1\], but codes start at 0"),
    ([[0, -2]], 4, r"codes start at 0"),
    ([[0.5, 1.0]], 4, r"of type float64, but must be whole numbers"),
    ([0, 1], 4, r"shape \(2,\), but must be \(items, levels\)"),
    ([[0, 1]], [4], r"lists 1 level, but the codes have 2"),
])
def test_bad_codes_are_named(codes, n_codes, words):
    with pytest.raises(ValueError, match=words):
        SemanticIds.from_codes(np.array(codes), n_codes)


def test_a_forbidden_collision_level_is_an_error_only_where_it_is_needed():
    assert not SemanticIds.from_codes(np.array([[0], [1]]), 2, collision_level=False).has_collision_level
    with pytest.raises(ValueError, match=r"2 items share one ID"):
        SemanticIds.from_codes(np.array([[0], [0]]), 2, collision_level=False)


def test_the_constructor_insists_on_unique_ids():
    with pytest.raises(ValueError, match=r"only 1 of 2 IDs differ"):
        SemanticIds(np.array([[0], [0]]), [2], 1)
    with pytest.raises(ValueError, match=r"n_levels is 3, but the IDs have 1 level"):
        SemanticIds(np.array([[0], [1]]), [2], 3)


def test_asking_for_an_id_of_the_wrong_length_says_so():
    ids = SemanticIds.from_codes(np.array([[0, 1]]), 2)
    with pytest.raises(ValueError, match=r"has 1 code, but IDs have 2; use prefix_items"):
        ids.item_of([0])
    with pytest.raises(ValueError, match=r"the prefix has 3 codes, but IDs have 2"):
        ids.prefix_items([0, 1, 0])


def test_exports_hold_every_item_with_its_id(tiny):
    import io

    import pyarrow.parquet as pq

    ids = SemanticIds.from_codes(np.array([[0, 0], [0, 0], [0, 1], [1, 0], [1, 1], [-1, -1]]), 2)
    tokens = json.loads(index_json(ids, tiny.items["item_id"].tolist()))
    assert tokens["c2"] == ["<a_0>", "<b_0>", "<c_1>"] and "s3" not in tokens
    table = id_table(ids, tiny)
    assert table["semantic_id"].tolist() == ["0-0-0", "0-0-1", "0-1-0", "1-0-0", "1-1-0"]
    assert table["title"].tolist() == tiny.items["title"].tolist()[:5]
    back = pq.read_table(io.BytesIO(parquet_bytes(ids, tiny, embedding=True))).to_pandas()
    assert np.stack(back["embedding"]).tolist() == tiny.embedding_IE[:5].tolist()
    vectors, metadata = projector_tsv(ids, tiny)
    assert np.loadtxt(vectors.splitlines(), delimiter="\t") == pytest.approx(tiny.embedding_IE[:5], abs=1e-5)
    assert [line.split("\t")[2] for line in metadata.splitlines()] == ["title", *table["title"]]


def test_an_index_by_first_appearance_counts_as_the_histories_name_the_items(tiny):
    tiny.history_items, tiny.indptr_U1 = np.array([4, 2, 4, 5, 0, 2]), np.array([0, 3, 6])
    ids = SemanticIds.from_codes(np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [-1, -1]]), 3)
    seen: dict[int, int] = {}
    for item in tiny.history_items.tolist():  # as LC-Rec numbers items
        seen.setdefault(item, len(seen))
    expected = {str(number): [f"<a_{ids.ids_IM[item, 0]}>", f"<b_{ids.ids_IM[item, 1]}>"]
                for item, number in seen.items() if ids.has_id_I[item]}
    assert json.loads(index_json(ids, order_N=first_appearance(tiny))) == expected
    assert list(expected) == ["0", "1", "3"]  # item 5 has no ID, items 1 and 3 no user


def test_exports_refuse_another_catalogue(tiny):
    with pytest.raises(ValueError, match=r"there is 1 ID for 6 items"):
        id_table(SemanticIds.from_codes(np.array([[0]]), 2), tiny)
