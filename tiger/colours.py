"""Colours and shapes of prefixes: level-1 codes differ in hue and shape, deeper codes in shade.

Six hues that the colour-blind tell apart, times seven shapes, make 42 marks for level-1 codes. Where there
are more codes, a mark is used again as far away on the map as possible. A level-2 prefix is a shade of its
level-1 hue, so the map shows the tree.

Source: Okabe and Ito 2008 (hues); Ottosson 2020, Oklab (shades of equal steps).
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from tiger import metrics

HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "star", "triangle-down")
SHADES = np.array([0.0, 0.11, -0.11, 0.055, -0.055])  # Oklab lightness; the first child keeps the hue
NONE = "#9A9A9A"  # items without an ID

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])


def oklab(colour: str) -> np.ndarray:
    """Lightness, green-red and blue-yellow of "#rrggbb" in Oklab."""
    rgb = np.array([int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return _TO_LAB @ np.cbrt(_TO_LMS @ linear)


def from_oklab(lab: np.ndarray) -> str:
    """The nearest "#rrggbb" of an Oklab colour."""
    linear = np.clip(np.linalg.inv(_TO_LMS) @ (np.linalg.inv(_TO_LAB) @ lab) ** 3, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb)


@cache
def palette() -> list[str]:
    """Every colour of the map: each hue in each shade (hue-major), then the one for "no ID"."""
    found = [from_oklab(oklab(hue) + [shade, 0, 0]) for hue in HUES for shade in SHADES]  # noqa: RUF005
    return [*found, NONE]


@dataclass(frozen=True)
class Marks:
    """What each item looks like.

    Args:
        colour_I: place in ``palette()``.
        shape_I: place in ``SHAPES``.
        mark_K: mark of each level-1 code (hue times shapes), -1 for codes without items.
    """

    colour_I: np.ndarray
    shape_I: np.ndarray
    mark_K: np.ndarray


def marks(codes_IL: np.ndarray, level: int, place_ID: np.ndarray, mark_K: np.ndarray | None = None) -> Marks:
    """Colour and shape of every item by its prefix.

    Args:
        codes_IL: codes; rows of -1 get the colour for "no ID".
        level: codes that count: 1 colours by the first code, 2 adds shades for the second ...
        place_ID: where the items lie on the map, so that equal marks are kept far apart.
        mark_K: marks of the level-1 codes from another call, kept as they are (for other steps of one run).
    """
    known_I = metrics.has_id(codes_IL)
    first_I = np.where(known_I, codes_IL[:, 0], 0)
    if mark_K is None or len(mark_K) <= first_I.max(initial=0):
        mark_K = spread_marks(first_I[known_I], place_ID[known_I])
    mark_I = mark_K[first_I]
    hue_I, shape_I = mark_I % len(HUES), mark_I // len(HUES)
    shade_I = np.zeros(len(codes_IL), np.int64)
    if level > 1 and known_I.any():
        prefix_IL, n_prefixes_L = metrics.prefix_numbers(codes_IL[:, :level])
        number_N = prefix_IL[known_I, -1]
        first_P = np.zeros(n_prefixes_L[-1], np.int64)
        first_P[number_N] = prefix_IL[known_I, 0]
        start_P = np.searchsorted(first_P, first_P, "left")
        shade_I[known_I] = ((np.arange(len(first_P)) - start_P) % len(SHADES))[number_N]
    colour_I = np.where(known_I, hue_I * len(SHADES) + shade_I, len(HUES) * len(SHADES))
    return Marks(colour_I, np.where(known_I, shape_I, 0), mark_K)


def spread_marks(first_N: np.ndarray, place_ND: np.ndarray) -> np.ndarray:
    """Give every level-1 code a mark; a mark used twice lies as far apart as possible.

    Fullest codes first; unused marks first (hues before shapes), then the one whose owners are farthest.
    """
    n_codes, n_marks = int(first_N.max(initial=0)) + 1, len(HUES) * len(SHAPES)
    size_K = np.bincount(first_N, minlength=n_codes)
    total_KD = np.stack([np.bincount(first_N, axis, n_codes) for axis in place_ND.T], 1)
    centre_KD = total_KD / np.maximum(size_K, 1)[:, None]
    mark_K, gap_M = np.full(n_codes, -1), np.full((n_codes, n_marks), np.inf)
    for rank, code in enumerate(np.argsort(-size_K, kind="stable")):
        if size_K[code] == 0:
            break
        mark = rank if rank < n_marks else int(gap_M[code].argmax())
        mark_K[code] = mark
        distance_K = np.linalg.norm(centre_KD - centre_KD[code], axis=1)
        gap_M[:, mark] = np.minimum(gap_M[:, mark], distance_K)
    return mark_K
