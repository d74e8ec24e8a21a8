"""The folder of a bulk job's results: one call at a time, taken up again where it broke off, never mixed with another's."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tiger.core import files
from tiger.core.progress import Progress
from tiger.datasets.reference import Values
from tiger.runs.bulk.engines import Engine, Work
from tiger.runs.run import Run

MANIFEST = "manifest.json"


@contextlib.contextmanager
def opened(output: Path, asked: Values) -> Iterator[Values]:
    """The folder, made where it is missing, and its manifest: what was asked, and what came out once it is finished.

    Raises:
        ValueError: another call writes there, or it holds something else than a job that was asked the same.
    """
    output.mkdir(parents=True, exist_ok=True)
    lock = files.Lock(output / ".lock")
    if not lock.acquire():
        raise ValueError(f"Another call writes to {output}; wait for it, or name another folder.")
    try:
        yield _begin(output, asked)
    finally:
        lock.release()


def _begin(output: Path, asked: Values) -> Values:
    path = output / MANIFEST
    found = files.read_json(path)
    if found is None and any(one.name != ".lock" for one in output.iterdir()):
        raise ValueError(f"{output} is not empty and holds no {MANIFEST} of a bulk job; name another folder.")
    if found is None:
        files.write_json(path, asked, durable=True)
        return asked
    other = [name for name in asked if found.get(name) != asked[name]]
    if other:
        raise ValueError(f"{output} was begun with other {' and '.join(other)}; name another folder, or delete this one.")
    return found


def each(engine: Engine, work: Work, stage: str, n_pieces: int, words: str) -> Iterator[Progress]:
    """A stage of all pieces that do not have it behind them."""
    left = [number for number in range(n_pieces) if not work.done(stage, number)]
    n_done = n_pieces - len(left)
    yield Progress(words, n_done, n_pieces)
    for _ in engine.each(work, stage, left):
        n_done += 1
        yield Progress(words, n_done, n_pieces)


def fingerprint(run: Run, about: str) -> str:
    """What the run's learner is made of, its description and its weights; others give other results."""
    content = hashlib.blake2b(digest_size=16)
    for name in (about, "weights.safetensors"):
        content.update((run.path / name).read_bytes())
    return content.hexdigest()


def shard(output: Path, number: int) -> Path:
    """A shard of results."""
    return output / f"part-{number:06d}.parquet"


def write_shard(path: Path, columns: dict[str, Any]) -> None:
    """A table as Parquet, whole or not at all."""
    part = path.with_name(f".{path.name}")
    pq.write_table(pa.table(columns), part, compression="zstd")
    files.replace(part, path)
