"""Names on the Map: they stand where their group's marks are, and over no other name."""

import numpy as np

from tests.support.javascript import evaluate
from tiger.core import paths

NAMES = [paths.PACKAGE / "ui" / "map" / "names.js"]
FULL = 65535


def test_a_name_stands_where_its_group_is_densest():
    """Group 0: a crowd around one place and as many others all over the plane; group 1: few marks in a corner; 2: none at all."""
    rng = np.random.default_rng(0)
    crowd, corner = np.array([14_000.0, 51_000.0]), np.array([FULL - 300.0, 200.0])
    place_N2 = np.concatenate([crowd + rng.normal(0, 1500, (80, 2)), rng.uniform(0, FULL, (80, 2)),
                               corner + rng.uniform(-200, 200, (9, 2)), rng.uniform(0, FULL, (30, 2))]).clip(0, FULL).round()
    group_N = np.repeat([0, 0, 1, 255], [80, 80, 9, 30])  # 255: in no group
    order = rng.permutation(len(group_N))
    found = evaluate(NAMES, "return spotsOf(given.at, given.group, 3, given.full)",
                     {"at": place_N2[order].T.tolist(), "group": group_N[order].tolist(), "full": FULL})
    assert np.hypot(found[0]["x"] - crowd[0], found[0]["y"] - crowd[1]) < 1000
    assert np.allclose([found[1]["x"], found[1]["y"]], place_N2[160:169].mean(0)) and found[2] is None


def test_no_name_stands_over_one_before_it_and_none_is_left_out_without_reason():
    """Each takes the first of its boxes that is free; one has no box at all, as a name outside of the window."""
    rng = np.random.default_rng(1)
    at_N2, width_N = rng.uniform(0, [500, 300], (60, 2)).tolist(), rng.uniform(20, 160, 60).tolist()
    names = [[{"left": x + right, "top": y + down, "width": width, "height": 19} for right, down in ((0, 0), (0, 31), (90, 0))]
             for (x, y), width in zip(at_N2, width_N, strict=True)]
    names[7] = []
    placed = evaluate(NAMES, "return apart(given)", names)

    def touch(a: dict, b: dict) -> bool:
        return (a["left"] < b["left"] + b["width"] and b["left"] < a["left"] + a["width"]
                and a["top"] < b["top"] + b["height"] and b["top"] < a["top"] + a["height"])

    want: list[dict | None] = []
    for boxes in names:
        want.append(next((box for box in boxes if not any(other and touch(box, other) for other in want)), None))
    assert placed == want
    chosen = [None if box is None else boxes.index(box) for boxes, box in zip(names, placed, strict=True)]
    assert {0, 1, 2, None} == set(chosen) and chosen[7] is None
