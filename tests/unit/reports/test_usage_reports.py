"""Usage and collisions as tables, against counts worked by hand."""

import numpy as np
import pytest

from tiger import reports
from tiger.reports.usage import UsageHistory

CODES = np.array([[0, 2], [0, 2], [0, 1], [3, 1], [-1, -1]])


def test_one_row_a_code():
    frame = reports.usage_frame(CODES, 4, 0)
    assert frame["items"].tolist() == [3, 0, 0, 1]
    assert frame["share"].tolist() == [0.75, 0, 0, 0.25]
    assert frame["rank"].tolist() == [1, 3, 4, 2]
    assert frame["dead"].tolist() == [False, True, True, False]
    assert set(frame["even_share"]) == {0.25}
    assert len(reports.usage_frame(CODES, [4, 3])) == 7
    assert reports.usage_summary(frame) == "Code usage: level 1 uses 2 of 4 codes, the most used one for 75% of the items."
    with pytest.raises(ValueError, match=r"level 3 does not exist; these IDs have levels 1 to 2"):
        reports.usage_frame(CODES, 4, 2)


def test_one_row_a_level():
    frame = reports.levels_frame(CODES, [4, 3])
    assert frame["used"].tolist() == [2, 2] and frame["dead"].tolist() == [2, 1]
    assert frame["perplexity"].tolist() == pytest.approx([4 / 3**0.75, 2])  # p = 3/4, 1/4 and p = 1/2, 1/2
    assert frame["largest_share"].tolist() == [0.75, 0.5]
    assert frame["prefixes"].tolist() == [2, 3]
    assert frame["alone"].tolist() == [0.25, 0.5]


SNAPSHOTS = [(0, np.zeros((4, 1), int)), (10, np.array([[0], [0], [1], [2]]))]


def test_the_history_counts_each_kept_step():
    history = UsageHistory.of(SNAPSHOTS, 3)
    code = history.code(0, 2)
    assert code["step"].tolist() == [0, 10] and code["items"].tolist() == [0, 1] and code["share"].tolist() == [0, 0.25]
    over = history.perplexity()
    assert over["perplexity"].tolist() == pytest.approx([1, 2 * 2**0.5])  # H = 1/2 ln 2 + 1/2 ln 4
    assert over["dead"].tolist() == [2, 0]
    assert UsageHistory.of([], 3).perplexity().empty


def test_dead_codes_of_uneven_levels_count_only_codes_that_exist():
    codes_NL = np.array([[0, 1], [4, 1], [2, 0], [-1, -1]])
    assert UsageHistory.of([(7, codes_NL)], [5, 2]).perplexity()["dead"].tolist() == [2, 0]
    assert UsageHistory.of([(7, codes_NL)], [5, 2]).code(1, 1)["share"].tolist() == [2 / 3]


def test_collisions_in_one_sentence():
    codes_IL = np.array([[1, 1], [0, 1], [1, 1], [0, 1], [1, 1], [2, 2]])
    assert reports.collisions_summary(codes_IL) == \
        "3 distinct IDs for 6 items: 5 items share theirs, the most frequent ID belongs to 3."
    assert reports.collisions_summary(np.arange(3)[:, None]) == "All 3 items have a unique ID."
