"""What is done to one shard, or to one range of IDs, by whichever process or machine takes it.

1. ``encode`` turns a shard's vectors into codes, and counts its distinct IDs.
2. ``number`` takes one range of IDs over all shards: how many items of each ID stand in earlier shards is where a shard begins
   to count. That is the group-by; an ID that a million items share is one row a shard here, so no range is out of proportion.
3. ``write`` puts codes and collision level of a shard together.

Every stage leaves whole files only, moved into their place when they are done.
"""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiger.core import files
from tiger.datasets.io import shards
from tiger.datasets.io.shards import Shard
from tiger.quantizers import Quantizer
from tiger.runs.bulk import folder, keys
from tiger.runs.run import Run

TREE_PREFIXES = 2**20
SAMPLED = 512  # distinct IDs of a shard from which the ranges are made


@dataclass(frozen=True)
class Job:
    """What all stages of one encoding share.

    Args:
        run: folder of the run whose quantizer encodes.
        work: folder for what lies between two stages.
        output: folder of the shards of IDs.
        column: name of the vectors' column in Parquet files.
        sizes: codes of each level.
        shards: all shards.
    """

    run: str
    work: Path
    output: Path
    column: str
    sizes: tuple[int, ...]
    shards: tuple[Shard, ...]

    def part(self, name: str, number: int) -> Path:
        """A file between two stages."""
        return self.work / f"{name}-{number:06d}.npy"

    def result(self, number: int) -> Path:
        """A shard of IDs."""
        return folder.shard(self.output, number)

    def do(self, stage: str, number: int) -> int:
        return STAGES[stage](self, number)

    def done(self, stage: str, number: int) -> bool:
        return (self.result(number) if stage == "write" else self.part(LAST[stage], number)).exists()


@functools.lru_cache(maxsize=1)
def _quantizer(run: str) -> Quantizer:
    return Run(Path(run)).quantizer()


def encode(job: Job, number: int) -> int:
    """Codes (N, L), distinct keys (D), their counts (D) and a sample of the keys of one shard."""
    shard, quantizer = job.shards[number], _quantizer(job.run)
    codes = []
    for first, emb_NE in shards.batches(shard, job.column):
        try:
            codes.append(quantizer.encode(emb_NE))
        except ValueError as error:
            raise ValueError(f"{shard.source.name}: {error}" + f" (rows count from {first})" * (first > 0)) from None
    codes_NL = np.concatenate(codes)
    key_D, count_D, _, _ = keys.places(keys.of_codes(codes_NL, job.sizes))
    save(job.part("codes", number), codes_NL.astype(np.int32))
    save(job.part("counts", number), count_D)
    save(job.part("sample", number), key_D[:: max(1, len(key_D) // SAMPLED)])
    save(job.part("keys", number), key_D)
    return len(codes_NL)


def number(job: Job, part: int) -> int:
    """For the IDs of one range: of every shard, where it begins to count; and what is known of the range's IDs."""
    rows_SP = np.load(job.work / "ranges.npy")
    which, counts = [], []
    for shard in job.shards:
        rows = slice(rows_SP[shard.number, part], rows_SP[shard.number, part + 1])
        which.append(_slice(job.part("keys", shard.number), rows))
        counts.append(_slice(job.part("counts", shard.number), rows))
    key_N, count_N = np.concatenate(which), np.concatenate(counts)
    distinct_D, which_N = np.unique(key_N, return_inverse=True)
    order_N = np.argsort(which_N, kind="stable")  # ID by ID, and of one ID in the order of the shards
    before_N = np.cumsum(count_N[order_N]) - count_N[order_N]
    n_items_D = np.bincount(which_N, weights=count_N, minlength=len(distinct_D)).astype(np.int64)
    first_D = np.cumsum(n_items_D) - n_items_D
    begin_N = np.empty(len(key_N), np.int64)
    begin_N[order_N] = before_N - first_D[which_N[order_N]]
    save(job.part("begin", part), begin_N)
    codes_DL = keys.to_codes(distinct_D, job.sizes)
    usage = [np.bincount(codes_DL[:, level], n_items_D, size) for level, size in enumerate(job.sizes)]
    save(job.part("usage", part), np.concatenate(usage).astype(np.int64))
    save(job.part("ends", part), codes_DL[[0, -1]] if len(codes_DL) else codes_DL)
    shared_D = n_items_D[n_items_D > 1]
    save(job.part("ids", part), np.array([len(distinct_D), shared_D.sum(), len(shared_D), n_items_D.max(initial=0),
                                          *_n_prefixes(codes_DL)], np.int64))
    depth = tree_depth(job.sizes)
    save(job.part("tree", part), merged(np.column_stack([codes_DL[:, :depth], n_items_D, np.ones_like(n_items_D)])))
    return len(key_N)


def tree_depth(sizes: Sequence[int]) -> int:
    """Levels whose prefixes are counted one by one: as many as can have ``TREE_PREFIXES`` at most, and one at least."""
    return max(1, int((np.cumprod(np.array(sizes, np.float64)) <= TREE_PREFIXES).sum()))


def merged(tree_PC: np.ndarray) -> np.ndarray:
    """Neighbouring rows of one prefix as one row.

    Args:
        tree_PC: (P, depth + 2) int64 in tree order: a prefix, its items, and its distinct IDs.
    """
    if not len(tree_PC):
        return tree_PC
    first_P = np.flatnonzero(np.concatenate([[True], (np.diff(tree_PC[:, :-2], axis=0) != 0).any(1)]))
    return np.column_stack([tree_PC[first_P, :-2], np.add.reduceat(tree_PC[:, -2:], first_P)])


def write(job: Job, number: int) -> int:
    """One shard of IDs: item, item_id where the input has ids, code_1.., collision."""
    shard, codes_NL = job.shards[number], np.load(job.part("codes", number))
    rows_SP = np.load(job.work / "ranges.npy")
    n_SP = np.diff(rows_SP, axis=1)
    first_P = n_SP[:number].sum(0)
    begin_D = np.concatenate([_slice(job.part("begin", part), slice(first, first + n)) for part, (first, n) in
                              enumerate(zip(first_P, n_SP[number], strict=True))])
    _, _, which_N, place_N = keys.places(keys.of_codes(codes_NL, job.sizes))
    columns: dict[str, Any] = {"item": np.arange(shard.item, shard.item + len(codes_NL))}
    if shard.source.has_ids:
        columns["item_id"] = shards.item_ids(shard)
    columns |= {f"code_{level + 1}": codes_NL[:, level] for level in range(codes_NL.shape[1])}
    columns["collision"] = (place_N + begin_D[which_N]).astype(np.int32)
    folder.write_shard(job.result(number), columns)
    return len(codes_NL)


def save(path: Path, array: np.ndarray) -> None:
    """An npy file, whole or not at all."""
    part = path.with_name(f".{path.name}")
    with part.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    files.replace(part, path)


def _slice(path: Path, rows: slice) -> np.ndarray:
    return np.array(np.load(path, mmap_mode="r", allow_pickle=False)[rows])


def _n_prefixes(codes_DL: np.ndarray) -> list[int]:
    """Distinct prefixes of every depth among distinct IDs in tree order: where a code changes, all that follow do."""
    changed_DL = np.logical_or.accumulate(np.diff(codes_DL, axis=0) != 0, axis=1)
    return (changed_DL.sum(0) + min(1, len(codes_DL))).tolist()


STAGES = {"encode": encode, "number": number, "write": write}
LAST = {"encode": "keys", "number": "tree"}
