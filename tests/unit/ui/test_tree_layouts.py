"""Trees as the browser lays them out: the icicle of the figure that is saved, room by items, and the branch under a point."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.support.javascript import evaluate
from tiger.analysis.tree import Branches
from tiger.core import paths
from tiger.plots import tree as plot
from tiger.reports.tree import TreePicture
from tiger.ui.tree.component import packed

LAYOUTS = [paths.PACKAGE / "ui" / "tree" / "layouts.js"]
WIDE, TALL = 600, 480
BODY = """
const tree = grow(given.sent.pictures[0], given.sent.texts, given.sent.fullest_first)
const view = inside(tree, tree.nodes.find(node => node.prefix === given.root))
place(given.kind, view, given.wide, given.tall)
return view.shown.map(node => ({ prefix: node.prefix, start: node.start, depth: node.depth, size: node.size, box: node.box,
  above: node.above?.prefix ?? null, hit: hit(view, ...middle(node)).prefix, at: middle(node) }))
"""


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    """Twelve items: branch 4 with seven (4-1 has two, 4-6 has four, one more is not drawn), branch 9 with five (9-0 all)."""
    return pd.DataFrame({
        "row": [1, 2, 3, 4, 5, -2], "level": [1, 1, 2, 2, 2, 2], "prefix": ["9", "4", "4-1", "4-6", "9-0", "4-…"],
        "parent": [-1, -1, 2, 2, 1, 2], "size": [5, 7, 2, 4, 5, 1], "rest": [0, 0, 0, 0, 0, 1],
        "name": ["Soap", "Tea", "Green tea", "Black tea", "Soap", ""], "words": [""] * 6, "categories": [""] * 6})


def laid(frame: pd.DataFrame, kind: str, fullest_first: bool = True, root: str = "") -> dict[str, dict[str, Any]]:
    """Every drawn branch by its prefix."""
    sent = packed((TreePicture(frame, "finding", "summary"),), "title", "file", False, fullest_first)
    found = evaluate(LAYOUTS, BODY, {"sent": sent, "kind": kind, "root": root, "wide": WIDE, "tall": TALL})
    return {node["prefix"]: node for node in found}


@pytest.mark.parametrize("fullest_first", [True, False])
def test_the_icicle_is_the_saved_figures(frame, fullest_first):
    saved = plot.branches(frame, "Icicle", "alt", fullest_first).data[0]
    prefix_of = dict(zip(frame["row"], frame["prefix"], strict=True))
    want = {prefix_of[int(row)]: (int(x), int(base)) for row, x, base in zip(saved.customdata, saved.x, saved.base, strict=True)}
    found = laid(frame, "Icicle", fullest_first)
    assert {prefix: (node["depth"], node["start"]) for prefix, node in found.items()} == want
    for node in found.values():
        assert node["box"]["h"] == pytest.approx(node["size"] / 12 * TALL)
        assert node["box"]["y"] == pytest.approx(node["start"] / 12 * TALL)


def test_below_a_branch_it_alone_fills_the_picture(frame):
    found = laid(frame, "Icicle", root="4")
    assert set(found) == {"4-1", "4-6", "4-…"} and {node["box"]["x"] for node in found.values()} == {0}
    assert sum(node["box"]["h"] for node in found.values()) == pytest.approx(TALL)
    assert set(laid(frame, "Icicle", root="9-0")) == {"9-0"}  # with nothing below it


def test_a_sunbursts_angles_are_shares_of_the_items(frame):
    for node in laid(frame, "Sunburst").values():
        box = node["box"]
        assert box["to"] - box["from"] == pytest.approx(2 * np.pi * node["size"] / 12)
        assert box["from"] == pytest.approx(2 * np.pi * node["start"] / 12 - np.pi / 2)


def test_a_treemaps_areas_are_shares_of_what_is_above_and_lie_inside_it(frame):
    found = laid(frame, "Treemap")
    below = {above: [node for node in found.values() if node["above"] == above] for above in {n["above"] for n in found.values()}}
    for above, nodes in below.items():
        area = np.array([node["box"]["w"] * node["box"]["h"] for node in nodes])
        size = np.array([node["size"] for node in nodes])
        np.testing.assert_allclose(area / area.sum(), size / size.sum(), rtol=1e-9)
        outer = found[above]["box"] if above else {"x": 0, "y": 0, "w": WIDE, "h": TALL}
        for node in nodes:
            box = node["box"]
            assert outer["x"] <= box["x"] and box["x"] + box["w"] <= outer["x"] + outer["w"] + 1e-9
            assert outer["y"] <= box["y"] and box["y"] + box["h"] <= outer["y"] + outer["h"] + 1e-9
    assert sum(node["box"]["w"] * node["box"]["h"] for node in below[None]) == pytest.approx(WIDE * TALL)


@pytest.mark.parametrize("kind", ["Icicle", "Sunburst", "Treemap"])
def test_a_point_hits_the_deepest_branch_there(frame, kind):
    found = laid(frame, kind)
    for prefix, node in found.items():
        hit = node["hit"]
        assert hit == prefix or (kind == "Treemap" and hit.startswith(f"{prefix}-"))


@pytest.mark.parametrize("at_most", [3, 9, 40, 1000])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_whatever_is_cut_every_item_lies_somewhere_at_every_level(seed, at_most):
    """Branches that are not drawn are in a "…" beside their siblings, also at the top."""
    tree = Branches.from_codes(np.random.default_rng(seed).integers(0, (12, 5, 4), (300, 3)))
    frame = tree.drawn(3, at_most).query("row != 0").assign(name="", words="", categories="")
    frame.loc[frame["parent"] == 0, "parent"] = -1
    found = laid(frame, "Icicle")
    assert len(found) == len(frame) and all(node["box"]["h"] > 0 for node in found.values())
    sizes = {above: sum(node["size"] for node in found.values() if node["above"] == above)
             for above in {node["above"] for node in found.values()}}
    assert sizes.pop(None) == 300
    assert sizes == {above: found[above]["size"] for above in sizes}
