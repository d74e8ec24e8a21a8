"""Colours and shapes of prefixes: level-1 codes differ in hue and shape, deeper codes in shade and tint.

Six hues that the colour-blind tell apart, times seven shapes, make 42 marks for level-1 codes; one mark and the next
differ in both. Where there are more codes, a mark is used again as far away on the map as possible. A level-2 prefix
is a shade of its level-1 hue and a deeper one a tint of its level-2 shade, so the map shows the tree. Shades stay so
narrow that no shade of one hue is taken for another hue (``tests/test_maps.py`` holds it for the whole palette).

Source: Okabe and Ito 2008 (hues); Ottosson 2020, Oklab (shades of equal steps).
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from tiger import metrics

HUES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SHAPES = ("circle", "square", "diamond", "triangle-up", "cross", "star", "triangle-down")
SHADES = np.array([0.0, 0.035, -0.035])  # added to the Oklab lightness; the first child keeps the hue
TINTS = np.array([1.0, 0.8])  # times the Oklab chroma; the first child keeps the shade
PER_HUE = len(SHADES) * len(TINTS)
PLANE_HUES = (*HUES, "#93A31C", "#8C564B")  # where cells side by side have no shape that tells them apart
NONE, NO_SHAPE = "#9A9A9A", "x"  # items without an ID
MAX_CODES = 64  # more codes than this are not told apart by colour
PALE = 0.93  # Oklab lightness that ``paler`` goes towards

_TO_LMS = np.array([[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
                    [0.0883024619, 0.2817188376, 0.6299787005]])
_TO_LAB = np.array([[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
                    [0.0259040371, 0.7827717662, -0.8086757660]])
_FROM_LMS, _FROM_LAB = np.linalg.inv(_TO_LMS), np.linalg.inv(_TO_LAB)


def oklab(colour: str) -> np.ndarray:
    """Lightness, green-red and blue-yellow of "#rrggbb" in Oklab."""
    rgb = np.array([int(colour[at:at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return _TO_LAB @ np.cbrt(_TO_LMS @ linear)


def from_oklab(lab: np.ndarray) -> str:
    """The nearest "#rrggbb" of an Oklab colour."""
    linear = np.clip(_FROM_LMS @ (_FROM_LAB @ lab) ** 3, 0, 1)
    rgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(value * 255):02x}" for value in rgb)


@cache
def palette() -> list[str]:
    """Every colour of the map: each hue in each shade in each tint, in the order of ``place``; then "no ID"."""
    found = [from_oklab(oklab(hue) * [1, tint, tint] + [shade, 0, 0])
             for hue in HUES for shade in SHADES for tint in TINTS]
    return [*found, NONE]


def place(hue: Any, shade: Any = 0, tint: Any = 0) -> Any:
    """Place in ``palette()``: numbers or arrays of them, each counted round and round."""
    return hue % len(HUES) * PER_HUE + shade % len(SHADES) * len(TINTS) + tint % len(TINTS)


def of_codes(n_codes: int) -> list[str]:
    """One colour a code of level 1; none where they are too many to tell apart."""
    if n_codes > MAX_CODES:
        return []
    code_K, n = np.arange(n_codes), len(HUES)
    return [palette()[number] for number in place(code_K, code_K // n, code_K // (n * len(SHADES)))]


def of_cells(n_codes: int) -> list[str]:
    """One colour a cell of the plane: eight hues, then the same ones lighter and darker."""
    code_K, n = np.arange(n_codes), len(PLANE_HUES)
    lighter_K3 = np.outer(np.array([0.0, 0.1, -0.1, 0.18])[code_K // n % 4], [1, 0, 0])
    return [from_oklab(oklab(PLANE_HUES[code % n]) + lighter_3) for code, lighter_3 in zip(code_K, lighter_K3, strict=True)]


@cache
def paler(colour: str) -> str:
    """The colour most of the way to a light grey, its hue still seen."""
    light, *chroma = oklab(colour)
    return from_oklab(np.array([light + 0.6 * (PALE - light), *(0.45 * part for part in chroma)]))


@dataclass(frozen=True)
class Marks:
    """What each item looks like.

    Args:
        colour_I: place in ``palette()``.
        shape_I: place in ``SHAPES``; one more is ``NO_SHAPE``.
        mark_K: mark of each level-1 code (hue times shapes), -1 for codes without items.
    """

    colour_I: np.ndarray
    shape_I: np.ndarray
    mark_K: np.ndarray


def marks(codes_IL: np.ndarray, level: int, place_ID: np.ndarray, mark_K: np.ndarray | None = None) -> Marks:
    """Colour and shape of every item by its prefix.

    Args:
        codes_IL: codes; rows of -1 get the colour and shape for "no ID".
        level: codes that count: 1 colours by the first code, 2 adds shades for the second, more add tints.
        place_ID: where the items lie on the map, so that equal marks are kept far apart.
        mark_K: marks of the level-1 codes from another call, kept as they are (for other steps of one run).
    """
    known_I = metrics.has_id(codes_IL)
    first_I = np.where(known_I, codes_IL[:, 0], 0)
    if mark_K is None or len(mark_K) <= first_I.max(initial=0):
        mark_K = spread_marks(first_I[known_I], place_ID[known_I])
    hue_I, shape_I = _hue_shape(mark_K[first_I])
    shade_I, tint_I = np.zeros((2, len(codes_IL)), np.int64)
    if known_I.any():
        if level > 1:
            shade_I[known_I] = _rank_below(codes_IL[known_I, :2], 1)
        if level > 2:
            tint_I[known_I] = _rank_below(codes_IL[known_I, :level], 2)
    colour_I = np.where(known_I, place(hue_I, shade_I, tint_I), len(HUES) * PER_HUE)
    return Marks(colour_I, np.where(known_I, shape_I, len(SHAPES)), mark_K)


def _hue_shape(mark_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return mark_N % len(HUES), (mark_N % len(HUES) + mark_N // len(HUES)) % len(SHAPES)


def look(mark_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour (place in ``palette()``) and shape of marks, as items coloured by the first code alone have them."""
    hue_N, shape_N = _hue_shape(mark_N)
    return place(hue_N), shape_N


def _rank_below(codes_NL: np.ndarray, depth: int) -> np.ndarray:
    """The how-manieth each row's whole prefix is (N, from 0) among those that begin with its ``depth`` first codes."""
    prefix_NL, n_prefixes_L = metrics.prefix_numbers(codes_NL)
    number_N, depth = prefix_NL[:, -1], min(depth, codes_NL.shape[1])
    above_P = np.zeros(n_prefixes_L[-1], np.int64)
    above_P[number_N] = prefix_NL[:, depth - 1]
    return (np.arange(len(above_P)) - np.searchsorted(above_P, above_P, "left"))[number_N]


def spread_marks(first_N: np.ndarray, place_ND: np.ndarray) -> np.ndarray:
    """Give every level-1 code a mark; a mark used twice lies as far apart as possible.

    Fullest codes first; unused marks first (the next hue with the next shape), then the one whose owners are farthest.
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
