"""What a file of codes takes for granted and does not say: tokens with an offset a level, and a last token that only counts.

TIGER, GRID and others append one token to the codes of items that share them all, so that IDs become unique. Read as a
level, it hides every collision. Both conventions show in the codes themselves; what is assumed is reported.
"""

from dataclasses import dataclass, replace

import numpy as np

from tiger import metrics
from tiger.core.sampling import even_sample
from tiger.core.words import counted
from tiger.semantic_ids.raw import RawIds

COLLISION_TOKEN = ("auto", "yes", "no")
FEW_ROWS = 20  # up to here ranges and counts are what chance gives
FEWEST = 4  # rows below which nothing counts
MIN_STRIDE = 16
ENOUGH = 10  # codes in the file for each one of a codebook, so that none is missing by chance
POOL, QUERIES, NEAREST, NEIGHBOURS = 20_000, 4000, 200, 10
FEW_PAIRS = 5000  # pairs of neighbours below which a level may tell more than they show
TELLS = 1.25  # times chance: what neighbours share at a level that tells anything of them
INFORMS = 2.0  # times chance: what they share at the first level where items are matched rightly

WHY = {"counts": "counts 0, 1, 2 .. the items that share all codes before it",
       "uninformative": "makes the IDs unique, and similar items share it no more often than by chance"}


@dataclass(frozen=True)
class Assumed:
    """What was assumed of a file's codes.

    Args:
        offset_L: what was subtracted at each level; all 0 where nothing was.
        collision: "counts" (0..n-1 within each shared prefix), "uninformative" (unique only with it, and neighbours share
            it no more often than by chance), "asked", or empty: the last code is a code.
    """

    offset_L: tuple[int, ...]
    collision: str = ""

    def sentences(self) -> list[str]:
        """Each assumption with the setting that changes it."""
        said = []
        if any(self.offset_L):
            starts = ", ".join(map(str, self.offset_L))
            said.append(f"The codes are tokens with an offset a level ({starts}), which was subtracted.")
        n_levels = len(self.offset_L)
        why = WHY.get(self.collision)
        if why:
            said.append(f"The last of {counted(n_levels, 'code')} {why}: it was taken for the collision token, so the IDs have "
                        f"{counted(n_levels - 1, 'code')}. Is it a code? Read it as one with collision_token='no'.")
        elif self.collision:
            said.append(f"The last of {counted(n_levels, 'code')} was taken for the collision token, as asked.")
        return said


def offsets(codes_NL: np.ndarray) -> tuple[int, ...]:
    """What each level's codes were shifted by, where they are tokens of one vocabulary; zeros where they are not.

    Such codes lie in ranges of their own, level after level; or every level begins at 1.

    Args:
        codes_NL: int64, rows of -1 have no ID.
    """
    known_NL = codes_NL[metrics.has_id(codes_NL)]
    n_levels = codes_NL.shape[1]
    none = (0,) * n_levels
    if len(known_NL) <= FEW_ROWS:
        return none
    low_L, high_L = known_NL.min(axis=0), known_NL.max(axis=0)
    if n_levels > 1 and (low_L[1:] > high_L[:-1]).all():
        stride = _stride(low_L, high_L)
        if stride is not None:
            return stride
        if (high_L > low_L).all():
            return tuple(int(low) for low in low_L)
    low_L, high_L = low_L[:max(1, n_levels - 1)], high_L[:max(1, n_levels - 1)]  # a last token may only count
    largest = int(high_L.max())
    full = largest >= 4 and largest & (largest - 1) == 0  # 256 of 1..256
    enough = known_NL.size >= ENOUGH * largest  # code 0 would have come up
    if enough and (((low_L == 1).all() and (high_L > 2).all()) or ((low_L >= 1).all() and full)):
        last = int(known_NL[:, -1].min() >= 1)
        return (*(1,) * (n_levels - 1), last) if n_levels > 1 else (1,)
    return none


def _stride(low_L: np.ndarray, high_L: np.ndarray) -> tuple[int, ...] | None:
    """First offset and power of two between levels that hold all codes; the smallest there is."""
    level_L = np.arange(len(low_L))
    size = MIN_STRIDE
    while size <= high_L.max():
        first = max(0, int((high_L - (level_L + 1) * size).max()) + 1)
        if first <= (low_L - level_L * size).min():
            return tuple((first + level_L * size).tolist())
        size *= 2
    return None


def counts_collisions(codes_NL: np.ndarray) -> bool:
    """Whether the last code counts 0..n-1 (or 1..n) within each shared prefix, and some or many items have one."""
    known_NL = codes_NL[metrics.has_id(codes_NL)]
    if known_NL.shape[1] < 2 or len(known_NL) < FEWEST:
        return False
    last_N = known_NL[:, -1] - known_NL[:, -1].min()
    if known_NL[:, -1].min() > 1:
        return False
    prefix_N = metrics.prefix_numbers(known_NL[:, :-1])[0][:, -1]
    order_N = np.lexsort((last_N, prefix_N))
    starts_N = np.r_[True, prefix_N[order_N][1:] != prefix_N[order_N][:-1]]
    place_N = np.arange(len(known_NL)) - np.maximum.accumulate(np.where(starts_N, np.arange(len(known_NL)), 0))
    if (place_N != last_N[order_N]).any():
        return False
    return not starts_N.all() or len(known_NL) > FEW_ROWS


def tells_nothing(codes_IL: np.ndarray, emb_IE: np.ndarray) -> bool:
    """Whether the IDs are unique only with their last code, and neighbours share that no more often than by chance.

    Args:
        codes_IL: codes of the items, rows of -1 have no ID.
        emb_IE: the items' embeddings.
    """
    has_I = metrics.has_id(codes_IL)
    if codes_IL.shape[1] < 2 or metrics.collisions(codes_IL).collided_items \
            or not metrics.collisions(codes_IL[:, :-1]).collided_items:
        return False
    pool_N = np.flatnonzero(has_I)[even_sample(int(has_I.sum()), POOL)]
    if len(pool_N) <= NEAREST:
        return False
    query_N = even_sample(len(pool_N), QUERIES)
    near_Nk, _ = metrics.nearest(emb_IE[pool_N], query_N, NEAREST)
    codes_NL = codes_IL[pool_N]
    first = _lift(codes_NL[:, 0], query_N, near_Nk[:, :NEIGHBOURS], np.ones((len(query_N), NEIGHBOURS), bool))
    prefix_N = metrics.prefix_numbers(codes_NL[:, :-1])[0][:, -1]
    apart_Nk = prefix_N[query_N][:, None] != prefix_N[near_Nk]  # items of one prefix differ there by design
    apart_Nk &= apart_Nk.cumsum(axis=1) <= NEIGHBOURS
    if apart_Nk.sum() < FEW_PAIRS or first < INFORMS:
        return False
    return _lift(codes_NL[:, -1], query_N, near_Nk, apart_Nk) < TELLS


def _lift(code_N: np.ndarray, query_N: np.ndarray, near_Nk: np.ndarray, counted_Nk: np.ndarray) -> float:
    """How often neighbours share a code, in multiples of chance; two standard errors are added, so that doubt says "tells"."""
    same_Nk = code_N[query_N][:, None] == code_N[near_Nk]
    share = np.bincount(code_N) / len(code_N)
    chance = float((share ** 2).sum())
    found, n = float(same_Nk[counted_Nk].mean()), int(counted_Nk.sum())
    return (found + 2 * float(np.sqrt(chance * (1 - chance) / n))) / chance


def shifted(raw: RawIds, offset_L: tuple[int, ...]) -> RawIds:
    """The same file with offsets subtracted; rows without an ID stay."""
    if not any(offset_L):
        return raw
    has_N1 = metrics.has_id(raw.codes_NL)[:, None]
    return replace(raw, codes_NL=np.where(has_N1, raw.codes_NL - np.array(offset_L), raw.codes_NL))
