"""The Map's marks as pixels: each is blended over those before it, as by hand with real numbers."""

import numpy as np
import pytest

from tests.support.javascript import evaluate
from tiger.core import paths

MARKS = [paths.PACKAGE / "ui" / "map" / "marks.js"]
WIDE, TALL, N = 31, 19, 220
STAMP = [(-1, 0, 90), (0, 0, 255), (1, 0, 255), (0, 1, 140)]  # right, down, how much of the pixel
BODY = """
const [right, down, cover] = [0, 1, 2].map(part => Int32Array.from(given.stamp, one => one[part]))
for (let shape = 0; shape < 8; shape++) stamps.set(`${shape}:1`, { half: 1, right, down, cover })
const pixels = new Uint8ClampedArray(4 * given.wide * given.tall)
stampAll({ pixels, width: given.wide, height: given.tall, radius: 1, ...given.marks })
return [...pixels]
"""


@pytest.mark.parametrize("ordered", [False, True])
def test_marks_are_blended_over_each_other(ordered):
    rng = np.random.default_rng(0)
    x_N, y_N = rng.uniform(-2, WIDE + 1, N), rng.uniform(-2, TALL + 1, N)
    palette, colour_N = rng.integers(0, 256, (5, 3)), rng.integers(0, 5, N)
    order = rng.permutation(N) if ordered else np.arange(N)
    opacity_N = rng.choice([26, 110, 230], N) if ordered else np.full(N, 217)
    marks = {"x": x_N.tolist(), "y": y_N.tolist(), "colour": colour_N.tolist(), "shape": [3] * N, "palette": palette.tolist(),
             "order": order.tolist() if ordered else None, "opacity": opacity_N.tolist() if ordered else None}
    found = np.array(evaluate(MARKS, BODY, {"stamp": STAMP, "wide": WIDE, "tall": TALL, "marks": marks})).reshape(TALL, WIDE, 4)
    ink, alpha = np.zeros((TALL, WIDE, 3)), np.zeros((TALL, WIDE))  # ink: colour times alpha
    for i in order:
        for right, down, cover in STAMP:
            px, py = int(np.floor(x_N[i] + 0.5)) + right, int(np.floor(y_N[i] + 0.5)) + down
            if 0 <= px < WIDE and 0 <= py < TALL:
                a = cover / 255 * opacity_N[i] / 255
                ink[py, px] = palette[colour_N[i]] * a + ink[py, px] * (1 - a)
                alpha[py, px] = a + alpha[py, px] * (1 - a)
    assert (alpha > 0.98).any() and (alpha == 0).any()
    np.testing.assert_allclose(found[..., 3], 255 * alpha, atol=6)  # what is covered to 250 of 255 is left as it is
    np.testing.assert_allclose(found[..., :3] * found[..., 3:] / 255, ink, atol=8)
