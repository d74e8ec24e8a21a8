"""A vector's walk through the levels, against numbers worked by hand."""

import numpy as np
import pytest

from tiger.reports.walk import walk_frame, walk_summary


def test_a_walk_worked_by_hand():
    books = [np.array([[3.0, 0], [0, 0], [0, 4]]), np.array([[0.0, 4], [1, 1], [0, 0]])]
    z = np.array([3.0, 4.5])  # level 1: code 2 is nearest (3, 0.5 away); then (3, 0.5) takes (1, 1)
    residual = np.array([z, z - books[0][2], z - books[0][2] - books[1][1]])
    trace = {"codes": np.array([[2, 1]]), "residual": residual[None], "error": (residual**2).sum(1)[None]}
    frame = walk_frame(trace, 0, books, k=3)
    assert frame["before"].tolist() == pytest.approx([29.25**0.5, 9.25**0.5])
    assert frame["after"].tolist() == pytest.approx([9.25**0.5, 4.25**0.5])
    assert frame["explained"].tolist() == pytest.approx([1 - 9.25 / 29.25, 1 - 4.25 / 29.25])
    assert frame["code_2"].tolist() == [0, 2] and frame["code_3"].tolist() == [1, 0]
    assert frame["distance_2"].tolist() == pytest.approx([4.5, 9.25**0.5])
    assert walk_summary(frame) == \
        "The item's codes are 2-1; after each level they explain 68%, 85% of its vector."
    priced = walk_frame(trace, 0, books, [np.array([99.0, 0, 0]), np.zeros(3)])
    assert priced["code_2"].tolist() == [1, 2], "29.25 for code 1 is now less than 4.5^2 + 99 for code 0"
    assert list(walk_frame(trace, 0).columns) == ["level", "code", "before", "after", "explained", "distance"]
