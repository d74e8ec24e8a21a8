"""A semantic ID as one number, so that a billion of them can be sorted and counted in little memory.

Keys sort as their codes do, level by level. They are 64-bit numbers where those can tell all IDs apart, else byte strings.
"""

import math
from collections.abc import Sequence

import numpy as np


def of_codes(codes_NL: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """Keys (N) of codes.

    Args:
        codes_NL: integers 0..K-1.
        sizes: codes to choose from at each level.
    """
    if math.prod(sizes) >= 2**63:
        return np.ascontiguousarray(codes_NL, ">u4").view(f"S{4 * len(sizes)}")[:, 0]
    key_N = np.zeros(len(codes_NL), np.uint64)
    for level, size in enumerate(sizes):
        key_N = key_N * np.uint64(size) + codes_NL[:, level].astype(np.uint64)
    return key_N


def to_codes(key_N: np.ndarray, sizes: Sequence[int]) -> np.ndarray:
    """The codes (N, L) int64 of keys."""
    if key_N.dtype.kind == "S":
        return np.ascontiguousarray(key_N).view(">u4").reshape(-1, len(sizes)).astype(np.int64)
    codes_NL, rest_N = np.empty((len(key_N), len(sizes)), np.int64), key_N
    for level in range(len(sizes) - 1, -1, -1):
        rest_N, code_N = np.divmod(rest_N, np.uint64(sizes[level]))
        codes_NL[:, level] = code_N
    return codes_NL


def places(key_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Where equal keys meet.

    Returns:
        Distinct keys ascending (D) and how often each is there (D); for every row which of them it has (N), and its place,
        0.., among the rows with the same key, in row order (N).
    """
    distinct_D, which_N, count_D = np.unique(key_N, return_inverse=True, return_counts=True)
    order_N = np.argsort(which_N, kind="stable")
    place_N = np.empty(len(key_N), np.int64)
    place_N[order_N] = np.arange(len(key_N)) - np.repeat(np.cumsum(count_D) - count_D, count_D)
    return distinct_D, count_D, which_N, place_N
