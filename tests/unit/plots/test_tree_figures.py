"""Trees: borders and fading never hide thin branches, and every colour tells the branch above."""

import numpy as np
import pandas as pd
import pytest

from tiger.analysis import tree
from tiger.plots import colours
from tiger.plots import tree as plot

FULL = tree.Branches.from_codes(np.random.default_rng(0).integers(0, 12, (900, 3)))


def drawn(at_most: int, level: int = 3) -> pd.DataFrame:
    frame = FULL.drawn(level, at_most).assign(words="", categories="", name="")
    frame = frame[frame["level"] > 0]
    return frame.assign(parent=frame["parent"].where(frame["level"] > 1, -1))


@pytest.mark.parametrize("kind", plot.KINDS)
def test_many_branches_have_no_borders_and_keep_their_colours(kind):
    frame = plot.labelled(drawn(500))
    trace = plot.branches(drawn(500), kind, "Even.").data[0]
    assert len(frame) > plot.MANY and trace.marker.line.width == 0
    assert list(trace.marker.colors) == frame["colour"].tolist()
    assert trace.marker.depthfade is False if kind == "Treemap" else trace.leaf.opacity == 1
    assert plot.branches(drawn(20), kind, "Even.").data[0].marker.line.width == 1


def test_the_rest_of_a_branch_is_a_lighter_form_of_its_colour():
    frame = plot.labelled(drawn(100))
    colour = frame.set_index("row")["colour"]
    rest = frame[(frame["rest"] > 0) & (frame["parent"] > 0)]
    assert len(rest) > 10
    for own, parent in zip(rest["colour"], rest["parent"], strict=True):
        light, *hue = colours.oklab(own)
        above, *hue_above = colours.oklab(colour[parent])
        assert light > above + 0.05 and np.hypot(*hue) > 0.02
        turned = np.arctan2(*hue) - np.arctan2(*hue_above)
        assert abs((turned + np.pi) % (2 * np.pi) - np.pi) < 0.3


def test_branches_are_shades_and_tints_of_the_branch_above():
    frame = plot.labelled(drawn(10_000))
    place = frame["colour"].map({name: at for at, name in enumerate(colours.palette())})
    place = dict(zip(frame["row"], place, strict=True))
    for row, parent, level in zip(frame["row"], frame["parent"], frame["level"], strict=True):
        if level >= 2:
            size = colours.PER_HUE if level == 2 else len(colours.TINTS)
            assert place[row] // size == place[parent] // size
    assert len({place[row] for row in frame.loc[frame["level"] == 3, "row"]}) == len(colours.palette()) - 1
