"""Search, histories and tails of a five-item shop, worked by hand."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from tiger.datasets.catalogue import Catalogue
from tiger.reports import shop


@pytest.fixture
def cat() -> Catalogue:
    items = pd.DataFrame({
        "item_id": ["a", "b", "c", "d", "e"],
        "title": ["Green Tea", "Black Tea", "Tea Pot", "Mug", "Spoon (large)"],
        "text": ["leaves", "leaves, strong", "holds a litre", "holds tea", ""],
        "category": ["Food > Tea", "Food > Tea", "Kitchen > Pots", "Kitchen", "Kitchenware"]})
    histories = [[0, 1, 2], [1, 2], [1, 0, 3, 1]]
    emb_IE = np.array([[1, 0], [2, 0], [1, 1], [0, 3], [0, 0]], np.float32)
    return Catalogue("tea", items, np.array([0, 3, 5, 9]), np.concatenate(histories).astype(np.int64),
                     ["u", "v", "w"], emb_IE, {}, {"duplicates_dropped": 4})


def test_browse_orders_by_popularity_and_searches_every_text(cat):
    frame = shop.browse(cat)
    assert frame["item"].tolist() == [1, 0, 2, 3, 4]
    assert frame["interactions"].tolist() == [4, 2, 2, 1, 0]
    assert shop.browse(cat, "TEA")["item"].tolist() == [1, 0, 2, 3]  # the mug by its text
    assert shop.browse(cat, "tea strong")["item"].tolist() == [1]
    assert shop.browse(cat, "(large)")["item"].tolist() == [4]  # no regular expression
    assert shop.browse(cat, "coffee").empty


@pytest.mark.parametrize(("lengths", "user"), [((30, 4, 12, 6), 2), ((30, 4, 20, 25), 2), ((3, 4, 2, 1), 0)])
def test_what_is_shown_first_has_a_history_that_can_be_seen_whole(cat, lengths, user):
    """The first with 5 to 12 items; else the shortest of at least 5; else the first who has the most popular item."""
    indptr_U1, rows = np.cumsum([0, *lengths]), np.concatenate([np.resize([3, 3, 1], n) for n in lengths])
    assert shop.example(dataclasses.replace(cat, indptr_U1=indptr_U1, history_items=rows, user_ids=list("uvwx"))) == (3, user)


def test_a_category_holds_what_lies_below_it_but_not_its_namesakes(cat):
    assert shop.browse(cat, category="Kitchen")["item"].tolist() == [2, 3]
    assert shop.browse(cat, "pot", "Food").empty
    assert shop.categories(cat) == ["Food", "Food > Tea", "Kitchen", "Kitchen > Pots", "Kitchenware"]
    assert shop.categories(cat, at_most=1) in (["Food"], ["Food > Tea"], ["Kitchen"])


def test_browse_shows_semantic_ids(cat):
    codes_IL = np.array([[0, 1], [0, 2], [1, 1], [1, 0], [2, 2]])
    assert shop.browse(cat, codes_IL=codes_IL)["semantic_id"].tolist() == ["0-2", "0-1", "1-1", "1-0", "2-2"]
    assert shop.history(cat, 1, codes_IL)["semantic_id"].tolist() == ["0-2", "1-1"]


def test_history_marks_the_split(cat):
    assert shop.history(cat, 2)["part"].tolist() == ["train", "train", "valid", "test"]
    assert shop.history(cat, 2)["title"].tolist() == ["Black Tea", "Green Tea", "Mug", "Black Tea"]
    assert shop.history(cat, 1)["part"].tolist() == ["train", "train"]


def test_users_of_an_item_and_tails(cat):
    assert shop.users_of(cat, 1).tolist() == [0, 1, 2]
    assert shop.users_of(cat, 4).tolist() == []
    assert shop.length_histogram(cat)["users"].tolist() == [0, 0, 1, 1, 1]
    assert shop.length_histogram(cat, longest=3)["users"].tolist() == [0, 0, 1, 2]
    assert shop.length_summary(shop.length_histogram(cat)) == \
        "The most common history holds 2 items (1 of 3 users)."
    long = dataclasses.replace(cat, indptr_U1=np.array([0, 120, 160]), user_ids=["a", "b"],
                               history_items=np.zeros(160, np.int64))
    frame = shop.length_histogram(long, longest=100)
    assert frame[frame["users"] > 0].to_numpy().tolist() == [[40, 1], [100, 1]]
    tail = shop.popularity_tail(cat)
    assert shop.tail_summary(tail) == "The most popular tenth of the items has 44% of all interactions."
    assert tail["interactions"].tolist() == [4, 2, 2, 1, 0]
    assert tail["share"].tolist() == pytest.approx([4 / 9, 6 / 9, 8 / 9, 1, 1])


def test_report_counts_what_it_says(cat):
    rows = {label: value for label, value, _ in shop.report_rows(cat)}
    assert rows == {"Items": "5", "Users": "3", "Interactions": "9", "Length 10 · 50 · 90 %": "2 · 3 · 3",
                    "Cold items": "1", "Duplicates dropped": "4"}


def test_somebody_else_comes_to_everybody(cat):
    seen, user = [], 0
    for _ in range(3):
        user = shop.somebody_else(cat, user)
        seen.append(user)
    assert sorted(seen) == [0, 1, 2]
