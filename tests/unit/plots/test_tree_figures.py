"""The icicle: every branch lies inside its parent and is as tall as it has items."""

import numpy as np
import pandas as pd
import pytest

from tiger.plots import tree as plot


@pytest.fixture
def frame() -> pd.DataFrame:
    """Twelve items: branch 4 with seven (4-1 has two, 4-6 has four, one more is not drawn), branch 9 with five (9-0 all)."""
    return pd.DataFrame({
        "row": [1, 2, 3, 4, 5, -2], "level": [1, 1, 2, 2, 2, 2], "prefix": ["9", "4", "4-1", "4-6", "9-0", "4-…"],
        "parent": [-1, -1, 2, 2, 1, 2], "size": [5, 7, 2, 4, 5, 1], "rest": [0, 0, 0, 0, 0, 1],
        "name": ["Soap", "Tea", "Green tea", "Black tea", "Soap", ""], "words": [""] * 6, "categories": [""] * 6})


def spans(figure) -> dict[int, tuple[int, int, int]]:
    """Row to level and first and last item's place."""
    bar = figure.data[0]
    return {int(row): (int(x), int(base), int(base + y)) for row, x, y, base in zip(
        bar.customdata, bar.x, bar.y, bar.base, strict=True)}


def test_the_fullest_branch_comes_first_and_what_is_not_drawn_last(frame):
    assert spans(plot.branches(frame, "Icicle", "alt")) == {
        2: (0, 0, 7), 1: (0, 7, 12), 4: (1, 0, 4), 3: (1, 4, 6), -2: (1, 6, 7), 5: (1, 7, 12)}


def test_buckets_keep_their_order(frame):
    found = spans(plot.branches(frame, "Icicle", "alt", fullest_first=False))
    assert found[1] == (0, 0, 5) and found[2] == (0, 5, 12) and found[5] == (1, 0, 5) and found[3] == (1, 5, 7)


def test_only_branches_with_room_for_it_have_their_name(frame):
    frame = frame.assign(size=frame["size"] * np.array([100, 1, 1, 1, 100, 1]))  # 507 items in 520 pixels
    assert list(plot.branches(frame, "Icicle", "alt").data[0].text) == ["9 Soap", "", "", "", "0 Soap", ""]


@pytest.mark.parametrize("kind", ["Icicle", "Treemap", "Sunburst"])
def test_every_kind_says_which_branch_a_click_hits(frame, kind):
    assert list(plot.branches(frame, kind, "alt").data[0].customdata) == frame["row"].tolist()
