"""Numbers just below zero read as zero where they are rounded: no "-0.0%"."""

import re
from types import SimpleNamespace

import pandas as pd
import pytest

from tests.support.javascript import evaluate
from tiger.cli import flags
from tiger.core import paths
from tiger.reports import html, opinion, runs_rows, sweeps, tree

BELOW = (-1e-9, -3e-5, -0.0004, -0.0)
MINUS_ZERO = re.compile(r"(?<![\d.])[-\u2212]0+(\.0+)?(?![\d.]*[1-9])")


def ranges(value: float, form: str) -> str:
    frame = pd.DataFrame({"raw": [value], "raw_low": [value], "raw_high": [value]})
    return opinion._ranges(frame, "raw", form)[0]


@pytest.mark.parametrize(("said", "zero"), [
    (opinion.points, "0.0"), (tree._share, "0%"), (lambda value: ranges(value, ".1%"), "0.0% (0.0% to 0.0%)"),
    (lambda value: ranges(value, ".2f"), "0.00 (0.00 to 0.00)"),
    (lambda value: sweeps._share(SimpleNamespace(share=value, low=value, high=value)), "0% (95 % interval 0% to 0%)")])
def test_a_rounded_number_below_zero_is_zero(said, zero):
    for value in BELOW:
        found = said(value)
        assert found == zero or not MINUS_ZERO.search(found), (value, found)
    assert said(-0.0) == zero


def test_cells_of_tables_have_no_negative_zero():
    for write in (flags._cell, html._short, runs_rows.short):
        assert write(-0.0) == "0"


def test_the_browser_writes_zero_too():
    file = paths.PACKAGE / "ui" / "shared" / "chart" / "scales.js"
    body = "return given.flatMap(value => ['.1%', '.0%', '.2f', ',', '', '.3g'].map(form => [value, form, written(value, form)]))"
    for value, form, text in evaluate([file], body, BELOW):
        assert not MINUS_ZERO.search(text), (value, form, text)
