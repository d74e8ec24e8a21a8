"""The window of latest codes, against counting them anew."""

from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiger.recording.window import Window


def test_perplexity_is_that_of_all_batches_in_the_window():
    window = Window([4, 2], size=4)
    window.add(np.array([[0, 0], [0, 0]], np.int32))
    window.add(np.array([[1, 0], [2, 1]], np.int32))
    assert window.perplexity() == pytest.approx([2 * 2**0.5, np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))])
    assert window.dead() == [1, 0]
    window.add(np.array([[3, 1], [3, 1]], np.int32))  # the first batch leaves: 1, 2, 3, 3 are left
    assert window.n == 4 and window.dead() == [1, 0] and window.count_LK[0, 1:].tolist() == [0, 1, 1, 2]


@settings(max_examples=60)
@given(sizes=st.lists(st.integers(0, 7), min_size=1, max_size=12), room=st.integers(1, 15), seed=st.integers(0, 99))
def test_the_counts_are_those_of_the_fewest_latest_batches_that_fill_it(sizes, room, seed):
    rng = np.random.default_rng(seed)
    batches = [np.stack([rng.integers(-1, 5, n), rng.integers(-1, 3, n)], 1).astype(np.int32) for n in sizes]
    window = Window([5, 3], room)
    for codes_BL in batches:
        window.add(codes_BL)
    behind = list(accumulate(sizes[::-1]))  # codes in the last batch, the last two ...
    n_batches = next((n + 1 for n, total in enumerate(behind) if total >= room), len(sizes))
    kept = np.concatenate(batches[-n_batches:])
    for level, size in enumerate((5, 3)):
        assert window.count_LK[level, 1:size + 1].tolist() == [int((kept[:, level] == code).sum()) for code in range(size)]
    assert window.n == len(kept)


def test_an_item_counts_with_its_newest_codes():
    window = Window([9, 7], size=100)
    window.add(np.array([[1, 1], [2, 2], [3, 3]], np.int32), np.array([5, 7, 5]))
    window.add(np.array([[4, 4]], np.int32), np.array([7]))
    codes_NL, rows_N = window.codes()
    assert rows_N.tolist() == [5, 7] and codes_NL.tolist() == [[3, 3], [4, 4]]


def test_one_batch_of_unknown_items_makes_all_unknown():
    window = Window([9], size=100)
    window.add(np.array([[1]], np.int32), np.array([5]))
    window.add(np.array([[2]], np.int32))
    codes_NL, rows_N = window.codes()
    assert rows_N is None and codes_NL.tolist() == [[1], [2]]
