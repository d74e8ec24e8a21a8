"""LSH buckets hyperplane by hyperplane: after h bits, which buckets there are and how full they are."""

import numpy as np
import pandas as pd

from tiger import metrics


def bits_of(codes_IL: np.ndarray, n_codes: int) -> np.ndarray:
    """Codes as bits, each level's lowest bit first: one bit a hyperplane, in the order LSH draws them.

    Args:
        codes_IL: integers 0..K-1; rows of -1 stay -1.
        n_codes: K, a power of two.

    Returns:
        (I, L * log2 K) int64 of 0 and 1, itself a set of codes with two codes a level.

    Raises:
        ValueError: K is no power of two, or a code does not fit.
    """
    width = int(n_codes).bit_length() - 1
    if n_codes < 2 or 1 << width != n_codes:
        raise ValueError(f"n_codes is {n_codes}, but only a power of two is made of whole bits.")
    codes_IL = np.asarray(codes_IL)
    if codes_IL.max(initial=0) >= n_codes:
        raise ValueError(f"code {int(codes_IL.max())} does not fit into {width} bits; n_codes is {n_codes}.")
    shift_H = np.arange(width)
    bits_IH = ((codes_IL[:, :, None] >> shift_H) & 1).reshape(len(codes_IL), -1).astype(np.int64)
    bits_IH[~metrics.has_id(codes_IL)] = -1
    return bits_IH


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
