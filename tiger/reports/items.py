"""Items behind codes: who carries a code, what lies near, one item's walk, typical words."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import sparse

from tiger import metrics
from tiger.analysis import tree
from tiger.datasets.catalogue import Catalogue


def item_rows(cat: Catalogue, items_N: np.ndarray, codes_IL: np.ndarray | None = None) -> pd.DataFrame:
    """item, title, category and, with codes, semantic_id."""
    frame = pd.DataFrame({"item": items_N, "title": cat.items["title"].to_numpy()[items_N],
                          "category": cat.items["category"].to_numpy()[items_N]})
    if codes_IL is not None:
        rows = codes_IL[items_N].tolist()
        frame["semantic_id"] = ["-".join(map(str, row)) if min(row) >= 0 else "" for row in rows]
    return frame


def neighbours(cat: Catalogue, emb_IE: np.ndarray, item: int, k: int = 10,
               codes_IL: np.ndarray | None = None) -> pd.DataFrame:
    """The exact k nearest items by cosine in any space with one row an item (embedding, latent ..).

    Returns:
        the columns of ``item_rows``, then cosine and, with codes, shared (leading codes in common).
    """
    found_1k, cosine_1k = metrics.nearest(emb_IE, np.array([item]), k)
    frame = item_rows(cat, found_1k[0], codes_IL)
    frame["cosine"] = cosine_1k[0]
    if codes_IL is not None:
        frame["shared"] = shared_codes(codes_IL, item)[found_1k[0]]
    return frame


def shared_codes(codes_IL: np.ndarray, item: int) -> np.ndarray:
    """How many leading codes every item has in common with one item (I,); 0 where either has no ID."""
    same_IL = (codes_IL == codes_IL[item]) & (codes_IL >= 0)
    return np.cumprod(same_IL, axis=1).sum(1)


def id_neighbours(cat: Catalogue, codes_IL: np.ndarray, item: int, k: int = 10) -> pd.DataFrame:
    """Items that share the longest prefix with one item; among equals the nearest embedding comes first.

    Returns:
        the columns of ``neighbours``. Items that share no code are left out, so there may be fewer than k.
    """
    shared_I = shared_codes(codes_IL, item)
    shared_I[item] = 0
    depth = np.sort(shared_I)[::-1][:k].min(initial=codes_IL.shape[1])
    candidates = np.flatnonzero(shared_I >= max(int(depth), 1))
    unit_E = metrics.unit_rows(cat.embedding_IE[[item]])[0]
    cosine_N = metrics.unit_rows(cat.embedding_IE[candidates]) @ unit_E
    order = np.lexsort((-cosine_N, -shared_I[candidates]))[:k]
    frame = item_rows(cat, candidates[order], codes_IL)
    frame["cosine"], frame["shared"] = cosine_N[order], shared_I[candidates[order]]
    return frame


def items_of_prefix(cat: Catalogue, codes_IL: np.ndarray, prefix: Sequence[int],
                    at_most: int = 200) -> pd.DataFrame:
    """Items below a prefix, the most typical (nearest to their mean embedding) first.

    Returns:
        the columns of ``item_rows``, then typical (cosine with the mean embedding, -1..1).
    """
    mask_I = (codes_IL[:, :len(prefix)] == np.array(prefix, np.int64)).all(1) & metrics.has_id(codes_IL)
    return _typical_first(cat, codes_IL, np.flatnonzero(mask_I), at_most)


def items_of_code(cat: Catalogue, codes_IL: np.ndarray, level: int, code: int,
                  at_most: int = 200) -> pd.DataFrame:
    """Items that carry a code at a level (from 0), whatever their other codes; like ``items_of_prefix``."""
    return _typical_first(cat, codes_IL, np.flatnonzero(codes_IL[:, level] == code), at_most)


def _typical_first(cat: Catalogue, codes_IL: np.ndarray, items_N: np.ndarray, at_most: int) -> pd.DataFrame:
    emb_NE = metrics.unit_rows(cat.embedding_IE[items_N])
    mean_E = emb_NE.sum(0)
    typical_N = emb_NE @ (mean_E / (np.linalg.norm(mean_E) or 1.0))
    order = np.argsort(-typical_N, kind="stable")[:at_most]
    frame = item_rows(cat, items_N[order], codes_IL)
    frame["typical"] = typical_N[order]
    return frame


def code_neighbours(codebook_KZ: np.ndarray, code: int, counts_K: np.ndarray, k: int = 5) -> pd.DataFrame:
    """The codes whose vectors lie nearest to a code's: code, distance (Euclidean), items."""
    distance_K = np.linalg.norm(codebook_KZ - codebook_KZ[code], axis=1)
    order = np.argsort(distance_K, kind="stable")
    order = order[order != code][:k]
    return pd.DataFrame({"code": order, "distance": distance_K[order], "items": counts_K[order]})


def walk_frame(trace: Mapping[str, np.ndarray], row: int, codebooks: Sequence[np.ndarray] | None = None,
               k: int = 3) -> pd.DataFrame:
    """One item's walk through the levels.

    Args:
        trace: what ``Quantizer.trace`` gives: codes (N, L), residual (N, L+1, Z), error (N, L+1).
        row: row of the trace.
        codebooks: one (K, Z) array a level, for the next-best codes.
        k: codes to compare, the chosen one first.

    Returns:
        level (from 1), code, before and after (norms of the residual), explained (share of |z|^2 that all
        codes so far account for), distance (to the code), and with codebooks code_2, distance_2 .. up to k.
    """
    error_M, codes_L = np.asarray(trace["error"][row], np.float64), trace["codes"][row]
    norm_M = np.sqrt(np.maximum(error_M, 0))
    frame = pd.DataFrame({"level": np.arange(1, len(codes_L) + 1), "code": codes_L, "before": norm_M[:-1],
                          "after": norm_M[1:], "explained": 1 - error_M[1:] / (error_M[0] or 1.0)})
    frame["distance"] = frame["after"]
    for level, book_KZ in enumerate(codebooks or []):
        distance_K = np.linalg.norm(np.asarray(book_KZ) - trace["residual"][row, level], axis=1)
        order = np.argsort(distance_K, kind="stable")
        for place, code in enumerate(order[order != codes_L[level]][:k - 1], start=2):
            frame.loc[level, [f"code_{place}", f"distance_{place}"]] = [int(code), distance_K[code]]
    for place in range(2, k + 1):
        if f"code_{place}" in frame:
            frame[f"code_{place}"] = frame[f"code_{place}"].astype("Int64")
    return frame


def walk_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``walk_frame`` in one sentence."""
    codes = "-".join(map(str, frame["code"]))
    near_all = (frame["explained"] > 0.95).any()  # whole per cents would hide what the last levels add
    shares = ", ".join(f"{share:.1%}" if near_all else f"{share:.0%}" for share in frame["explained"])
    return f"The item's codes are {codes}; after each level they account for {shares} of its vector."


def code_words(words: tuple[sparse.csr_matrix, np.ndarray], codes_IL: np.ndarray, level: int, n_codes: int,
               k: int = 4) -> list[str]:
    """The words that set the items of each code apart, one string a code; empty for a dead code.

    Args:
        words: from ``tree.word_counts`` over the titles; made once per catalogue.
    """
    known = np.flatnonzero(codes_IL[:, level] >= 0)
    member_KI = sparse.csr_matrix((np.ones(len(known), np.float32), (codes_IL[known, level], known)),
                                  shape=(n_codes, len(codes_IL)))
    return tree.typical_words(member_KI, words, k)
