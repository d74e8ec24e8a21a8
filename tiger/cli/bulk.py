"""What the commands for bulk work share: who does it, and a progress bar over its pieces."""

import argparse
import contextlib
import sys
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

from tqdm import tqdm

from tiger.core.progress import Progress, result_of
from tiger.runs.bulk import engines
from tiger.runs.bulk.engines import Engine

T = TypeVar("T")


def add_engine(group: Any, what: str, shard_size: int) -> None:
    """``--engine``, ``--workers`` and ``--shard-size``.

    Args:
        group: a parser, or a group of its flags.
        what: a shard's rows.
        shard_size: by default.
    """
    group.add_argument("--engine", choices=list(engines.REGISTRY), default="local",
                       help="processes of this machine, or tasks of a Ray cluster (default local)")
    group.add_argument("--workers", type=int, metavar="N", help="shards at the same time (default all cores)")
    group.add_argument("--shard-size", type=int, default=shard_size, metavar="N",
                       help=f"{what} of a shard (default {shard_size:,})")


@contextlib.contextmanager
def engine_of(args: argparse.Namespace) -> Iterator[Engine]:
    """The engine that the flags name; its workers end with the block, in which only errors' stream is written to.

    Ray writes to the standard output what its daemon says of a process that died, which a script would read as the answer.

    Raises:
        ValueError: fewer than one worker, or an engine that cannot be used here.
    """
    if args.workers is not None and args.workers < 1:
        raise ValueError(f"--workers is {args.workers}, but must be at least 1.")
    engine = engines.REGISTRY[args.engine](args.workers)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield engine
    finally:
        engine.close()


def follow(steps: Generator[Progress, None, T], silent: bool) -> T:
    """What the steps return, behind a progress bar."""
    with tqdm(unit="shard", disable=silent) as bar:
        def show(step: Progress) -> None:
            bar.total, bar.n = step.n_steps, step.step
            bar.set_description(step.stage)

        return result_of(steps, show)
