"""What was counted over all items of a dataset of which a run knows a sample: usage of codes, prefixes, collisions.

``tiger encode`` leaves the counts beside its IDs; where it encoded the dataset that the run learned from, the run keeps them:

    counted.json   items, files, collisions, distinct prefixes of every depth, items of every code
    counted.npy    (P, depth + 2) int64, in tree order: a prefix of the first levels, its items, its distinct IDs
"""

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tiger.core import files
from tiger.core.typed import fits
from tiger.datasets.io import shards
from tiger.datasets.sources.shards import Shards
from tiger.metrics import Collisions
from tiger.runs.run import Run

log = logging.getLogger(__name__)
COUNTED, COUNTED_TREE, TREE = "counted.json", "counted.npy", "tree.npy"


@dataclass(frozen=True)
class Counted:
    """Counts over all items.

    Args:
        n_files: files of vectors that they stood in.
        collisions: items, distinct IDs and who shares one.
        prefixes: distinct prefixes of every depth.
        counts_LK: items of every code; levels with fewer codes than the widest end in zeros.
        tree_PC: what ``counted.npy`` holds; None where it was not counted.
    """

    n_files: int
    collisions: Collisions
    prefixes: tuple[int, ...]
    counts_LK: np.ndarray
    tree_PC: np.ndarray | None

    @property
    def n_items(self) -> int:
        return self.collisions.n_items


def keep(run: Run, encoded: list[shards.Source], output: Path) -> None:
    """Keep an encoding's counts in the run's folder, where the files that were encoded are those that it learned from.

    Args:
        encoded: the files.
        output: the folder of the IDs, finished.
    """
    if run.read_only or not _learned_from(run, encoded):
        return
    found = files.read_json(output / "manifest.json") or {}
    part = run.path / f".{COUNTED_TREE}.part"
    if (output / TREE).exists():
        shutil.copyfile(output / TREE, part)
        files.replace(part, run.path / COUNTED_TREE)
    files.write_json(run.path / COUNTED, {"n_files": len(encoded), **found["encoded"]})


def shards_of(run: Run) -> Shards | None:
    """The shards that a run's dataset is a sample of; None where it is another kind of dataset."""
    ref = run.config.dataset
    return Shards(**(ref.get("params") or {})) if ref["name"] == "shards" else None


def _learned_from(run: Run, encoded: list[shards.Source]) -> bool:
    try:
        place = shards_of(run)
        if place is None:
            return False
        own = place.files()
    except (ValueError, TypeError) as error:
        log.warning("the vectors of run %s are not looked at: %s", run.id, error)
        return False
    return [(one.path, one.n_rows) for one in own] == [(one.path, one.n_rows) for one in encoded]


def read(run: Run) -> Counted | None:
    """The run's counts over all items; None where there are none, or they cannot be read."""
    found = files.read_json(run.path / COUNTED)
    if found is None:
        return None
    try:
        return _checked(found, run)
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s of run %s cannot be read, so the sample alone is shown: %s", COUNTED, run.id, error)
        return None


def _checked(found: dict[str, Any], run: Run) -> Counted:
    """The counts from a file; ValueError where they do not fit to the run."""
    sizes, usage = run.codes_per_level(), found["usage"]
    shaped = fits(usage, list[list[int]]) and [len(level) for level in usage] == sizes and fits(found["prefixes"], list[int])
    if not shaped or len(found["prefixes"]) != len(sizes) or not fits(list(found["collisions"].values()), list[int]):
        raise ValueError("its counts are not those of the run's levels")
    counts_LK = np.zeros((len(sizes), max(sizes)), np.int64)
    for level, counts in enumerate(usage):
        counts_LK[level, :len(counts)] = counts
    tree_PC = None
    if (run.path / COUNTED_TREE).exists():
        tree_PC = np.array(np.load(run.path / COUNTED_TREE, mmap_mode="r", allow_pickle=False))
        if tree_PC.ndim != 2 or tree_PC.dtype != np.int64 or not 3 <= tree_PC.shape[1] <= len(sizes) + 2 or not len(tree_PC):
            raise ValueError(f"its tree is {tree_PC.dtype} of shape {tree_PC.shape}")
    return Counted(int(found["n_files"]), Collisions(**found["collisions"]), tuple(found["prefixes"]), counts_LK, tree_PC)
