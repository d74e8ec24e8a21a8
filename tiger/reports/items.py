"""Items behind codes: which carry a code, and what lies near an item in each space."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.datasets.catalogue import Catalogue


def id_text(codes: Sequence[int]) -> str:
    """An item's codes as people write them: "12-3-200"; a row of -1 is no ID."""
    return "-".join(map(str, codes)) if min(codes) >= 0 else "none"


def item_rows(cat: Catalogue, items_N: np.ndarray, codes_IL: np.ndarray | None = None) -> pd.DataFrame:
    """item, title, category and, with codes, semantic_id."""
    frame = pd.DataFrame({"item": items_N, "title": cat.items["title"].to_numpy()[items_N],
                          "category": cat.items["category"].to_numpy()[items_N]})
    if codes_IL is not None:
        frame["semantic_id"] = [id_text(row) for row in codes_IL[items_N].tolist()]
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


def nearby(cat: Catalogue, codes_IL: np.ndarray, latent_IZ: np.ndarray | None, item: int, k: int = 10,
           unit_IE: np.ndarray | None = None) -> dict[str, pd.DataFrame]:
    """The exact k nearest items of one item in three spaces: "input", "latent" (where given) and "id".

    Input: largest cosine. Latent: smallest Euclidean distance, which is what the quantizer measures. ID: the longest
    shared prefix, ties by cosine; items that share no code are no neighbours, so there may be fewer than k or none.

    Args:
        unit_IE: the embeddings scaled to length 1, where somebody has them already.

    Returns:
        space to the columns of ``item_rows``, value (cosine, distance or codes shared), and ``in_input``: whether the
        item is among the k nearest of the input, too.
    """
    unit_IE = metrics.unit_rows(cat.embedding_IE) if unit_IE is None else unit_IE
    cosine_I = unit_IE @ unit_IE[item]
    found = {"input": _nearest_rows(cat, codes_IL, item, -cosine_I, cosine_I, k)}
    if latent_IZ is not None:
        distance_I = np.linalg.norm(latent_IZ - latent_IZ[item], axis=1)
        found["latent"] = _nearest_rows(cat, codes_IL, item, distance_I, distance_I, k)
    by_id = id_neighbours(cat, codes_IL, item, k)
    found["id"] = by_id.drop(columns=["cosine", "shared"]).assign(value=by_id["shared"])
    near = found["input"]["item"]
    return {space: frame.assign(in_input=frame["item"].isin(near)) for space, frame in found.items()}


def _nearest_rows(cat: Catalogue, codes_IL: np.ndarray, item: int, order_I: np.ndarray, value_I: np.ndarray,
                  k: int) -> pd.DataFrame:
    """The k items of least ``order_I`` beside the item itself; equal ones in the catalogue's order."""
    near = np.arange(len(order_I))
    if k + 1 < len(near):
        near = near[order_I <= np.partition(order_I, k)[k]]
    near = near[near != item]
    near = near[np.argsort(order_I[near], kind="stable")][:k]
    return item_rows(cat, near, codes_IL).assign(value=value_I[near])


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


def items_of_code(cat: Catalogue, codes_IL: np.ndarray, level: int, code: int,
                  at_most: int = 200) -> pd.DataFrame:
    """Items that carry a code at a level (from 0), the most typical (nearest to their mean embedding) first.

    Returns:
        the columns of ``item_rows``, then typical (cosine with the mean embedding, -1..1).
    """
    items_N = np.flatnonzero(codes_IL[:, level] == code)
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
