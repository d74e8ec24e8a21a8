"""An even sample: ends included, no number twice, the same every time."""

import numpy as np
import pytest

from tiger.core.sampling import even_sample


@pytest.mark.parametrize(("n_items", "n", "wanted"), [
    (10, 4, [0, 3, 6, 9]), (7, 3, [0, 3, 6]), (5, 5, [0, 1, 2, 3, 4]), (3, 8, [0, 1, 2]), (9, 1, [0]), (4, 0, []), (0, 3, [])])
def test_samples_worked_by_hand(n_items, n, wanted):
    assert even_sample(n_items, n).tolist() == wanted


def test_large_samples_have_both_ends_and_gaps_that_differ_by_one_at_most():
    found = even_sample(12_101, 500)
    gaps = np.diff(found)
    assert found[0] == 0 and found[-1] == 12_100 and len(found) == 500
    assert gaps.min() == 12_100 // 499 and gaps.max() == gaps.min() + 1
