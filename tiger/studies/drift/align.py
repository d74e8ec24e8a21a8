"""Align new vectors to old ones: the rotation that brings the same items closest, and equal widths."""

import numpy as np

from tiger.core.sampling import even_sample
from tiger.core.words import counted

SAMPLED = 4096  # items that procrustes_similarity compares


def fit_width(new_IE: np.ndarray, width: int) -> tuple[np.ndarray, str]:
    """The new vectors as wide as the old ones, and one sentence on how ("" where they were).

    Narrower vectors get zeros at the end, which changes no distance. Wider ones are reduced to their first
    principal directions.
    """
    new_IE = np.ascontiguousarray(new_IE, np.float32)
    have = new_IE.shape[1]
    if have == width:
        return new_IE, ""
    if have < width:
        padded_IE = np.zeros((len(new_IE), width), np.float32)
        padded_IE[:, :have] = new_IE
        return padded_IE, (f"The new vectors are {have} wide and the old ones {width}, so "
                           f"{counted(width - have, 'zero was', 'zeros were')} appended to each; distances are unchanged.")
    gram_EE = new_IE.T.astype(np.float64) @ new_IE
    value_E, vector_EE = np.linalg.eigh(gram_EE)
    kept = float(value_E[-width:].sum() / max(value_E.sum(), 1e-12))
    reduced_IE = new_IE @ vector_EE[:, ::-1][:, :width]
    return np.ascontiguousarray(reduced_IE, np.float32), (
        f"The new vectors are {have} wide and the old ones {width}, so they were reduced to their {width} principal "
        f"directions, which hold {kept:.0%} of their squared length.")


def procrustes(new_NE: np.ndarray, old_NE: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The rotation (or reflection) and the two means that align new vectors with old ones best.

    argmin_R sum_i |(new_i - m) R - (old_i - o)|^2 with R orthogonal: R = U V' of the SVD of (new - m)'(old - o).

    Args:
        new_NE, old_NE: the same items in the same order, equally wide.

    Returns:
        R (E, E), m (E,), o (E,), float64.

    Raises:
        ValueError: other shapes; names both.

    Source: Schoenemann 1966, "A generalized solution of the orthogonal Procrustes problem"; for word vectors
    of different years Hamilton et al. 2016, arXiv:1605.09096.
    """
    if new_NE.shape != old_NE.shape or new_NE.ndim != 2 or len(new_NE) == 0:
        raise ValueError(f"the new vectors have shape {new_NE.shape} and the old ones {old_NE.shape}; aligning needs "
                         "the same items, equally wide.")
    new_NE, old_NE = new_NE.astype(np.float64), old_NE.astype(np.float64)
    mean_E, goal_E = new_NE.mean(0), old_NE.mean(0)
    left_EE, _, right_EE = np.linalg.svd((new_NE - mean_E).T @ (old_NE - goal_E))
    return left_EE @ right_EE, mean_E, goal_E


def align(new_IE: np.ndarray, old_IE: np.ndarray, common_I: np.ndarray | None = None) -> np.ndarray:
    """Every new vector, moved by the rotation that fits the common items best, (I, E) float32.

    Args:
        common_I: True for the items that both versions have; all by default. The others move with them.
    """
    rows = slice(None) if common_I is None or not common_I.any() else common_I
    rotation_EE, mean_E, goal_E = procrustes(new_IE[rows], old_IE[rows])
    return ((new_IE.astype(np.float64) - mean_E) @ rotation_EE + goal_E).astype(np.float32)


def unmoved(new_IE: np.ndarray, old_IE: np.ndarray, tolerance: float = 1e-4) -> np.ndarray:
    """True (I,) for the items whose vector is the old one up to rounding.

    A tie or a near tie between two codes may fall either way after an exact rotation back, since float32 rounds, so
    these items are not re-encoded.
    """
    moved_I = np.linalg.norm(new_IE.astype(np.float64) - old_IE, axis=1)
    return moved_I <= tolerance * np.maximum(np.linalg.norm(old_IE.astype(np.float64), axis=1), 1e-12)


def residual(new_IE: np.ndarray, old_IE: np.ndarray) -> float:
    """Squared distance from the old vectors as a share of their variance: 0 the same, 1 and more nothing in common."""
    old_IE = old_IE.astype(np.float64)
    left = float(np.square(new_IE - old_IE).sum())
    return left / max(float(np.square(old_IE - old_IE.mean(0)).sum()), 1e-12)


def procrustes_similarity(new_IE: np.ndarray, old_IE: np.ndarray, n_shuffles: int = 3) -> float:
    """How far two versions agree up to rotation, shift and scale: 1 entirely, 0 no more than by chance.

    (r - r_0) / (1 - r_0), where r = sum of the singular values of A'B / (|A| |B|) and r_0 is its mean when the rows
    of one are shuffled, over an even sample of the items.

    Source: Jackson 1995, "PROTEST: a Procrustean randomization test".
    """
    rows = even_sample(len(new_IE), SAMPLED)
    one_NE, two_NE = (_centred(emb_IE[rows]) for emb_IE in (new_IE, old_IE))
    if not (one_NE.any() and two_NE.any()):
        return 0.0
    rng = np.random.default_rng(0)
    orders = [np.arange(len(rows)), *(rng.permutation(len(rows)) for _ in range(n_shuffles))]
    found, *chance = (float(np.linalg.svd(one_NE[order].T @ two_NE, compute_uv=False).sum()) for order in orders)
    return (found - float(np.mean(chance))) / max(1 - float(np.mean(chance)), 1e-12)


def _centred(emb_NE: np.ndarray) -> np.ndarray:
    moved_NE = emb_NE.astype(np.float64) - emb_NE.astype(np.float64).mean(0)
    return moved_NE / max(float(np.linalg.norm(moved_NE)), 1e-12)
