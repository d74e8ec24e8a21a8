"""LSH buckets hyperplane by hyperplane: after h bits, which buckets there are and how full they are."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.core.words import counted


def bits_of(codes_IL: np.ndarray, n_codes: int | Sequence[int]) -> np.ndarray:
    """Codes as bits, each level's lowest bit first: one bit a hyperplane, in the order LSH draws them.

    Args:
        codes_IL: integers 0..K-1; rows of -1 stay -1.
        n_codes: K, a power of two, or one K per level; a level of one code has no bit.

    Returns:
        (I, sum of log2 K over the levels) int64 of 0 and 1, itself a set of codes with two codes a level.

    Raises:
        ValueError: K is no power of two, or a code does not fit.
    """
    codes_IL = np.asarray(codes_IL)
    bits = []
    for size, code_I in zip(metrics.level_sizes(n_codes, codes_IL.shape[1]), codes_IL.T, strict=True):
        width = size.bit_length() - 1
        if size < 1 or 1 << width != size:
            raise ValueError(f"n_codes is {size}, but must be a power of two to consist of whole bits.")
        if code_I.max(initial=0) >= size:
            raise ValueError(f"code {int(code_I.max())} does not fit into {counted(width, 'bit')}; n_codes is {size}.")
        bits.append((code_I[:, None] >> np.arange(width)) & 1)
    bits_IH = np.concatenate(bits, 1).astype(np.int64)
    bits_IH[~metrics.has_id(codes_IL)] = -1
    return bits_IH


def codes_of(bits_IH: np.ndarray, widths: Sequence[int]) -> np.ndarray:
    """Bits as codes (I, L), the way back from ``bits_of``: level l takes the next ``widths[l]`` bits, lowest first."""
    starts = np.cumsum([0, *widths])
    return np.stack([bits_IH[:, start:start + width] @ (1 << np.arange(width, dtype=np.int64))
                     for start, width in zip(starts, widths, strict=False)], 1)


def split_steps(bits_IH: np.ndarray) -> pd.DataFrame:
    """What each further hyperplane does to the buckets.

    Returns:
        One row a number of bits: bits (0..H), buckets, possible (2^bits), largest, median, alone (items that
        are the only one in their bucket), entropy_bits, most_bits (log2 of the items: the entropy that
        telling every item apart takes), split (buckets that this bit cut in two).
    """
    sizes = metrics.bucket_sizes(bits_IH)
    n_items = int(sizes[0].sum()) if sizes else 0
    rows, before = [], 1
    for bits, size_P in enumerate([np.array([n_items]), *sizes]):
        rows.append({
            "bits": bits, "buckets": len(size_P), "possible": 2.0 ** bits,
            "largest": int(size_P.max(initial=0)), "median": float(np.median(size_P)) if len(size_P) else 0.0,
            "alone": int((size_P == 1).sum()), "entropy_bits": float(metrics.entropy(size_P)) / np.log(2),
            "most_bits": float(np.log2(max(n_items, 1))), "split": len(size_P) - before if bits else 0})
        before = len(size_P)
    return pd.DataFrame(rows)
