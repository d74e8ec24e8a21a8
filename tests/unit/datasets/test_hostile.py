"""The light part of the hostile corpus (``tests/hostile.py`` reads it all, with limits on time and memory)."""

import random

import pytest

from tests import hostile
from tests.hostile import Case

LIGHT = [case for case in hostile.cases() if not case.heavy]
CHOSEN = sorted(random.Random(0).sample(LIGHT, 240), key=lambda case: case.name)  # the same ones every time


def test_the_corpus_is_large_and_names_each_file_once():
    names = [case.name for case in hostile.cases()]
    assert len(names) >= 380 and len(set(names)) == len(names)
    assert {case.reader for case in hostile.cases()} == set(hostile.READERS)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: case.name)
def test_a_hostile_file_is_one_sentence_or_does_no_harm(case: Case, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_DATA_ROOTS", str(tmp_path))
    monkeypatch.setenv("TIGER_HOME", str(tmp_path / "home"))
    assert hostile.problem(case, case.make(tmp_path)) == ""
