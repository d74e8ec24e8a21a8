"""Items behind codes, on a catalogue small enough to check by eye."""

import numpy as np
import pandas as pd
import pytest

from tiger import reports
from tiger.datasets.catalogue import Catalogue
from tiger.reports.items import nearby

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


def test_items_of_a_code_come_typical_first(tiny):
    frame = reports.items_of_code(tiny, CODES, 1, 1)
    assert sorted(frame["item"]) == [1, 2, 4]
    assert frame["typical"].is_monotonic_decreasing
    assert reports.items_of_code(tiny, CODES, 0, 7).empty


def test_nearest_codes():
    book_KZ = np.array([[0.0, 0], [3, 4], [0, 1], [10, 0]])
    frame = reports.code_neighbours(book_KZ, 0, np.array([5, 6, 7, 8]), k=2)
    assert frame["code"].tolist() == [2, 1]
    assert frame["distance"].tolist() == [1, 5]
    assert frame["items"].tolist() == [7, 6]


def four() -> Catalogue:
    items = pd.DataFrame({"item_id": list("abcd"), "text": "", "title": list("ABCD"), "category": ""})
    emb_IE = np.random.default_rng(0).normal(size=(4, 6)).astype(np.float32)
    return Catalogue("four", items, np.zeros(1, np.int64), np.empty(0, np.int64), [], emb_IE)


def test_nearby_by_hand():
    cat = four()
    cat.embedding_IE = np.array([[1, 0], [0.9, 0.1], [0, 1], [-1, 0]], np.float32)
    latent = np.array([[0, 0], [5, 0], [1, 0], [2, 0]], np.float32)
    codes = np.array([[1, 1], [0, 0], [1, 0], [1, 1]])
    found = nearby(cat, codes, latent, 0, k=3)
    assert found["input"]["item"].tolist() == [1, 2, 3]
    assert found["input"]["value"].iloc[0] == pytest.approx(0.9 / np.hypot(0.9, 0.1))
    assert found["latent"]["item"].tolist() == [2, 3, 1] and found["latent"]["value"].tolist() == [1, 2, 5]
    assert found["id"]["item"].tolist() == [3, 2] and found["id"]["value"].tolist() == [2, 1]  # item 1 shares none
    assert nearby(cat, codes, latent, 0, k=1)["latent"]["in_input"].tolist() == [False]


def test_an_item_without_an_id_has_no_neighbours_by_id():
    codes = np.array([[-1, -1], [-1, -1], [0, 0], [0, 1]])
    found = nearby(four(), codes, None, 0, k=3)
    assert found["id"].empty and len(found["input"]) == 3 and "latent" not in found
    assert nearby(four(), codes, None, 2, k=3)["id"]["item"].tolist() == [3]
