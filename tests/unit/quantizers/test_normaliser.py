"""What the encoder reads: shift and scale worked by hand, at every size that float32 can hold."""

import numpy as np
import pytest
import torch

from tiger.quantizers.normaliser import Normaliser

ROWS_NE = np.array([[1, 10, 5], [3, 10, 5], [5, 40, 5], [7, 40, 5]], np.float32)  # deviations sqrt(5), 15, 0; means 4, 25, 5


@pytest.mark.parametrize("size", [1, 1e-3, 1e-9, 1e-20, 1e12, 1e30])
@pytest.mark.parametrize(("kind", "scale"), [("standardise", [np.sqrt(5), 15, 0]), ("centre", [np.sqrt(230)] * 3)])
def test_shift_and_scale_follow_the_size_of_the_vectors(kind, scale, size):
    found = Normaliser.learn(torch.from_numpy(ROWS_NE * np.float32(size)), kind)
    np.testing.assert_allclose(found.shift_E, np.array([4, 25, 5]) * size, rtol=1e-5)
    expected = np.array(scale) * size
    expected[expected == 0] = 1  # a constant column stays as it is
    np.testing.assert_allclose(found.scale_E, expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["standardise", "centre"])
def test_a_constant_columns_rounding_is_not_blown_up(kind):
    rows_NE = np.column_stack([np.full(999, 0.1), np.linspace(0, 1, 999)]).astype(np.float32)
    found = Normaliser.learn(torch.from_numpy(rows_NE), kind)
    assert float(found.apply(torch.from_numpy(rows_NE))[:, 0].abs().max()) < 1e-5


def test_equal_rows_are_left_at_zero():
    rows_NE = torch.full((7, 3), 2.5)
    for kind in ("standardise", "centre"):
        found = Normaliser.learn(rows_NE, kind)
        assert found.apply(rows_NE).abs().max() == 0 and (found.scale_E == 1).all()


@pytest.mark.parametrize("size", [1e-9, 1, 1e30])
def test_rows_come_to_length_one_and_rows_of_zeros_stay(size):
    rows_NE = torch.tensor([[3, 4], [0, 0], [6, 8]], dtype=torch.float32) * size
    found = Normaliser.learn(rows_NE, "l2")
    torch.testing.assert_close(found.apply(rows_NE), torch.tensor([[0.6, 0.8], [0, 0], [0.6, 0.8]]))
