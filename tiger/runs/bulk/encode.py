"""Vectors of any number to semantic IDs that are unique over all of them, in memory that does not grow with their number.

``manifest.json`` in the output says what was asked and, at the end, what came out; ``tree.npy`` has items and distinct IDs of
each prefix of the first levels. A run whose own dataset was encoded keeps both (``tiger.runs.counted``). What a broken-off call
has done stays, and the same call goes on after it. Output and numbers do not depend on the engine, nor on how often it was
broken off.
"""

import shutil
from collections.abc import Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from tiger import metrics
from tiger.core import disk, files
from tiger.core.progress import Progress
from tiger.datasets.io import shards
from tiger.datasets.reference import Values
from tiger.metrics import Collisions
from tiger.runs import counted
from tiger.runs.bulk import folder, stages
from tiger.runs.bulk.engines import Engine
from tiger.runs.bulk.stages import Job
from tiger.runs.run import Run

FORMAT = "tiger-encoded-shards"
SHARD_SIZE = 262_144
RANGE_SIZE = 2_097_152  # distinct IDs, counted once for every shard that has them, that are numbered together: about 200 MB


@dataclass(frozen=True)
class Encoded:
    """What came out.

    Args:
        collisions: items, distinct IDs and who shares one, over all shards.
        n_codes: codes of each level of the unique IDs; with the collision level, where one is needed.
        prefixes: distinct prefixes of every depth, without the collision level.
        usage: items of each code, a list a level.
    """

    collisions: Collisions
    n_codes: list[int]
    prefixes: list[int]
    usage: list[list[int]]

    @property
    def perplexity(self) -> list[float]:
        """How evenly each level's codes are used: K at best, 1 where all items have one code."""
        return [float(metrics.perplexity(np.array([counts]))[0]) for counts in self.usage]


def encode(run: Run, source: Path | str, output: Path, engine: Engine, *, shard_size: int = SHARD_SIZE,
           range_size: int = RANGE_SIZE, column: str = shards.COLUMN) -> Generator[Progress, None, Encoded]:
    """Encode every vector of a file, a folder or an address of fsspec into Parquet files of IDs, ``part-000000.parquet`` and on.

    The collision level counts the items of an ID in input order, as ``SemanticIds.from_codes`` does.

    Args:
        output: folder, made where it is missing; a call that was broken off goes on there.
        shard_size: rows of a shard of IDs, 1..
        range_size: rows that are numbered together, 1..

    Raises:
        ValueError: vectors that cannot be read or encoded, or an output folder that holds something else.
    """
    if shard_size < 1:
        raise ValueError(f"The shard size is {shard_size}, but must be at least 1 row.")
    output = output.resolve()  # tasks run elsewhere
    found, quantizer = shards.sources(source, column), run.quantizer()
    job = Job(str(run.path), output / ".work", output, column, tuple(quantizer.codes_per_level),
              tuple(shards.cut(found, shard_size)))
    inputs = [asdict(one) | {"path": one.name} for one in found]
    asked = {"format": FORMAT, "run": run.id, "fingerprint": folder.fingerprint(run, "quantizer.json"),
             "sizes": list(job.sizes), "column": column, "shard_size": shard_size, "inputs": inputs}
    with folder.opened(output, asked) as manifest:
        if "encoded" in manifest:
            shutil.rmtree(job.work, ignore_errors=True)
            counted.keep(run, found, output)
            return _encoded(manifest["encoded"])
        disk.check_space(output)
        job.work.mkdir(exist_ok=True)
        yield from folder.each(engine, job, "encode", len(job.shards), "encoding shards")
        if not (job.work / "ranges.npy").exists():
            stages.save(job.work / "ranges.npy", _ranges(job, range_size))
        n_ranges = np.load(job.work / "ranges.npy").shape[1] - 1
        yield from folder.each(engine, job, "number", n_ranges, "numbering collisions")
        yield from folder.each(engine, job, "write", len(job.shards), "writing shards")
        made = _summary(job, n_ranges)
        tree = [np.load(job.part("tree", part), allow_pickle=False) for part in range(n_ranges)]
        stages.save(output / counted.TREE, stages.merged(np.concatenate(tree)))
        files.write_json(output / "manifest.json", asked | {"encoded": asdict(made)}, durable=True)
        shutil.rmtree(job.work)
        counted.keep(run, found, output)
        return made


def _ranges(job: Job, range_size: int) -> np.ndarray:
    """Where each range of IDs begins among every shard's sorted keys: (S, P + 1) row numbers, P ranges of about equal size."""
    samples = [np.load(job.part("sample", shard.number)) for shard in job.shards]
    counts = [np.load(job.part("keys", shard.number), mmap_mode="r") for shard in job.shards]
    sample_N = np.sort(np.concatenate(samples))
    n_ranges = max(1, -(-sum(map(len, counts)) // range_size))
    cut_P = np.unique(sample_N[np.arange(1, n_ranges) * len(sample_N) // n_ranges])
    return np.array([[0, *np.searchsorted(key_D, cut_P), len(key_D)] for key_D in counts], np.int64)


def _summary(job: Job, n_ranges: int) -> Encoded:
    """The ranges' numbers put together; a prefix that two neighbours share is counted once."""
    known = np.array([np.load(job.part("ids", part)) for part in range(n_ranges)])
    unique, shared, groups = (int(number) for number in known[:, :3].sum(0))
    largest, prefixes_L = int(known[:, 3].max()), known[:, 4:].sum(0)
    last_L = None
    for part in range(n_ranges):
        ends_2L = np.load(job.part("ends", part))
        if len(ends_2L):
            if last_L is not None:
                prefixes_L -= np.logical_and.accumulate(ends_2L[0] == last_L)
            last_L = ends_2L[1]
    usage = sum((np.load(job.part("usage", part)) for part in range(1, n_ranges)), np.load(job.part("usage", 0)))
    n_items = sum(shard.n_rows for shard in job.shards)
    return Encoded(Collisions(n_items, unique, shared, groups, largest), [*job.sizes, *([largest] if largest > 1 else [])],
                   prefixes_L.tolist(), [level.tolist() for level in np.split(usage, np.cumsum(job.sizes)[:-1])])


def _encoded(found: Values) -> Encoded:
    return Encoded(**found | {"collisions": Collisions(**found["collisions"])})
