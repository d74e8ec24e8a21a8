"""Items behind codes, on a catalogue small enough to check by eye."""

import numpy as np
import pytest

from tiger import reports
from tiger.analysis import tree

CODES = np.array([[0, 0], [0, 1], [0, 1], [1, 0], [1, 1], [-1, -1]])


def test_neighbours_in_a_space(tiny):
    frame = reports.neighbours(tiny, tiny.embedding_IE, 0, k=2, codes_IL=CODES)
    # by hand: candles 1 and 2 against (1, 0, 0): 0.9 / |(0.9, 0.1)| and 0.8 / |(0.8, 0.2)|
    assert frame["title"].tolist() == ["Blue candle", "Tall candle"]
    assert frame["cosine"].tolist() == pytest.approx([0.9 / 0.82**0.5, 0.8 / 0.68**0.5])
    assert frame["shared"].tolist() == [1, 1]
    assert frame["semantic_id"].tolist() == ["0-1", "0-1"]


def test_shared_codes_stop_at_the_first_difference():
    codes_IL = np.array([[1, 2, 3], [1, 9, 3], [1, 2, 3], [0, 2, 3], [-1, -1, -1]])
    assert reports.shared_codes(codes_IL, 0).tolist() == [3, 1, 3, 0, 0]
    assert reports.shared_codes(codes_IL, 4).tolist() == [0, 0, 0, 0, 0]


def test_neighbours_by_id_come_longest_prefix_first(tiny):
    frame = reports.id_neighbours(tiny, CODES, 1, k=5)
    assert frame["title"].tolist() == ["Tall candle", "Red candle"]
    assert frame["shared"].tolist() == [2, 1]
    assert reports.id_neighbours(tiny, CODES, 1, k=1)["item"].tolist() == [2]
    assert reports.id_neighbours(tiny, CODES, 5).empty


def test_items_of_a_code_and_of_a_prefix_come_typical_first(tiny):
    frame = reports.items_of_code(tiny, CODES, 1, 1)
    assert sorted(frame["item"]) == [1, 2, 4]
    assert frame["typical"].is_monotonic_decreasing
    assert reports.items_of_prefix(tiny, CODES, [0, 1])["item"].tolist() in ([1, 2], [2, 1])
    assert sorted(reports.items_of_prefix(tiny, CODES, [])["item"]) == [0, 1, 2, 3, 4]
    assert reports.items_of_code(tiny, CODES, 0, 7).empty


def test_nearest_codes():
    book_KZ = np.array([[0.0, 0], [3, 4], [0, 1], [10, 0]])
    frame = reports.code_neighbours(book_KZ, 0, np.array([5, 6, 7, 8]), k=2)
    assert frame["code"].tolist() == [2, 1]
    assert frame["distance"].tolist() == [1, 5]
    assert frame["items"].tolist() == [7, 6]


def test_a_walk_worked_by_hand():
    books = [np.array([[3.0, 0], [0, 0], [0, 4]]), np.array([[0.0, 4], [1, 1], [0, 0]])]
    z = np.array([3.0, 4.5])  # level 1: code 2 is nearest (3, 0.5 away); then (3, 0.5) takes (1, 1)
    residual = np.array([z, z - books[0][2], z - books[0][2] - books[1][1]])
    trace = {"codes": np.array([[2, 1]]), "residual": residual[None], "error": (residual**2).sum(1)[None]}
    frame = reports.walk_frame(trace, 0, books, k=3)
    assert frame["before"].tolist() == pytest.approx([29.25**0.5, 9.25**0.5])
    assert frame["after"].tolist() == pytest.approx([9.25**0.5, 4.25**0.5])
    assert frame["explained"].tolist() == pytest.approx([1 - 9.25 / 29.25, 1 - 4.25 / 29.25])
    assert frame["code_2"].tolist() == [0, 2] and frame["code_3"].tolist() == [1, 0]
    assert frame["distance_2"].tolist() == pytest.approx([4.5, 9.25**0.5])
    assert reports.walk_summary(frame) == \
        "The item's codes are 2-1; after each level they account for 68%, 85% of its vector."
    assert list(reports.walk_frame(trace, 0).columns) == ["level", "code", "before", "after", "explained", "distance"]


def test_words_that_set_codes_apart(tiny):
    words = tree.word_counts(tiny.items["title"].tolist())
    found = reports.code_words(words, CODES, 0, n_codes=3, k=1)
    assert found == ["candle", "soap", ""]
