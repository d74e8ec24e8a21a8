"""A sentence of one's own is told from a library's; remedies are worded for whoever reads them."""

import io

import numpy as np
import pandas as pd
import pytest

from tiger.core import errors, remedies, tables
from tiger.semantic_ids import SemanticIds
from tiger.ui.shared import layout


def caught(call):
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


def test_whose_sentence_it_is():
    assert errors.ours(caught(lambda: SemanticIds.from_codes(np.zeros(3), 4)))
    assert not errors.ours(caught(lambda: pd.read_csv(io.BytesIO(b""))))
    exec_globals = {"__name__": "tiger.pretended", "np": np}  # C code leaves no frame of its own in its caller's
    exec("def inside(): return np.array([[1], [2, 3]])\ndef own(): raise ValueError('one sentence')\n"
         "def parse(): return int('x')", exec_globals)
    assert [errors.ours(caught(exec_globals[name])) for name in ("inside", "own", "parse")] == [False, True, False]
    assert not errors.ours(ValueError("never raised"))


@pytest.mark.parametrize(("call", "kind"), [(lambda: pd.read_csv(io.BytesIO(b"")), "EmptyDataError"),
                                            (lambda: np.array([[1], [2, 3]], dtype=int), "ValueError")])
def test_a_librarys_words_say_what_failed(call, kind):
    said = layout.sentence(caught(call), "The import")
    assert said.startswith("The import failed: ") and kind in said


def test_remedies_in_three_languages():
    text = "i.csv is not UTF-8; load it with encoding='latin-1' or say item_column='sku'; torch.load('a', map_location='cpu')."
    assert layout.worded(text) == ("i.csv is not UTF-8; load it with Encoding set to latin-1 or say Item column set to sku; "
                                   "torch.load('a', map_location='cpu').")
    assert remedies.worded(text, lambda name, value: None) == text


def test_csv_quotes_returns_and_disarms_names():
    frame = pd.DataFrame({"=cmd|calc": ["a\rb", "c\nd", 'e"f'], "title": ["@SUM(A1)", "x", "y"], "n": [1, -2, 3]})
    data = tables.csv_bytes(frame)
    back = pd.read_csv(io.BytesIO(data))
    assert list(back) == ["'=cmd|calc", "title", "n"] and back["n"].tolist() == [1, -2, 3]
    assert back["'=cmd|calc"].tolist() == ["a\rb", "c\nd", 'e"f'] and back["title"][0] == "'@SUM(A1)"
    assert data.count(b"\r\n") == 4 and b'"a\rb"' in data
    assert list(pd.read_csv(io.BytesIO(tables.csv_bytes(frame, disarm=False)))) == ["=cmd|calc", "title", "n"]
