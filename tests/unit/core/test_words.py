"""Numbers in sentences."""

import pytest

from tiger.core.words import counted


@pytest.mark.parametrize(("n", "words", "want"), [
    (0, ("item",), "0 items"), (1, ("item",), "1 item"), (2, ("item",), "2 items"), (12_101, ("item",), "12,101 items"),
    (1, ("branch", "branches"), "1 branch"), (3, ("branch", "branches"), "3 branches")])
def test_a_noun_follows_its_number(n, words, want):
    assert counted(n, *words) == want
