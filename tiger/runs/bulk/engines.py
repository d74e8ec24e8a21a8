"""Who does the stages of a bulk job: processes of this machine, or a Ray cluster. A new engine is one line in ``REGISTRY``.

Both take the shards one by one and leave the same files. A piece whose process or node died is done again, a few times.
"""

import collections
import contextlib
import itertools
import logging
import multiprocessing
import os
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import BaseContext
from typing import Any, Protocol

from tiger.core import paths
from tiger.runs.executors.local import n_cores

log = logging.getLogger(__name__)
TRIES = 3  # times that a piece is done again whose process or node died
AHEAD = 2  # tasks a worker that are handed out at once


class Work(Protocol):
    """A bulk job: stages that are done piece by piece, in any order. It travels to whoever does a piece."""

    def do(self, stage: str, number: int) -> int:
        """Do one stage of one piece, leaving whole files. Returns its rows."""

    def done(self, stage: str, number: int) -> bool:
        """Whether its files are there."""


def do(work: Work, stage: str, number: int) -> int:
    """One stage of one piece on one torch thread, so that sums, and so results, are the same whoever computes them."""
    import torch
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return work.do(stage, number)
    finally:
        torch.set_num_threads(before)


class Engine(Protocol):
    """Does one stage of many shards or ranges."""

    def each(self, work: Work, stage: str, numbers: Sequence[int]) -> Iterator[int]:
        """Do the stage for each number; yields its rows as it is done, in any order.

        Raises:
            ValueError: what the stage says of its input.
            ChildProcessError: whoever did a piece died each time; says which piece, and the way out.
        """

    def close(self) -> None:
        """End the workers that are its own."""


class LocalEngine:
    """Processes of this machine; with one worker, this process.

    Args:
        n_workers: processes; by default as many as there are cores.
    """

    def __init__(self, n_workers: int | None = None):
        self.n_workers = n_workers or n_cores()
        self._pool: ProcessPoolExecutor | None = None

    def each(self, work: Work, stage: str, numbers: Sequence[int]) -> Iterator[int]:
        if self.n_workers == 1 or len(numbers) < 2:
            for number in numbers:
                yield do(work, stage, number)
            return
        waiting, handed_out, deaths = collections.deque(numbers), dict[Future[int], int](), collections.Counter[int]()
        while waiting or handed_out:
            pool = self._pool = self._pool or ProcessPoolExecutor(self.n_workers, _processes())
            try:
                with _nothing_to_run_again():
                    while waiting and len(handed_out) < AHEAD * self.n_workers:
                        future = pool.submit(do, work, stage, waiting[0])
                        handed_out[future] = waiting.popleft()
                for future in wait(handed_out, return_when=FIRST_COMPLETED).done:
                    rows = future.result()
                    del handed_out[future]
                    yield rows
            except BrokenProcessPool:  # nobody says which piece the dead process had: every one that was handed out may be it
                self.close()
                deaths.update(handed_out.values())
                number, n_deaths = deaths.most_common(1)[0] if deaths else (waiting[0], 0)
                if n_deaths > TRIES:
                    raise ChildProcessError(_died(stage, number)) from None
                log.warning("A worker process died; %s of piece %d and its neighbours is done again.", stage, number)
                waiting.extendleft(sorted(handed_out.values(), reverse=True))
                handed_out.clear()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)  # waits, so that no old process writes beside a new one
        self._pool = None


class RayEngine:
    """Tasks of a Ray cluster: the one that ``RAY_ADDRESS`` names, else one that is started here and ends with this process.

    Args:
        n_workers: tasks at the same time, one core each; by default as many as the cluster has cores.

    Raises:
        ValueError: Ray is not installed, or no cluster answers.
    """

    def __init__(self, n_workers: int | None = None):
        try:
            import ray
        except ImportError:
            raise ValueError("--engine ray needs Ray, which is not installed here; pip install 'tiger-lab[ray]', or use "
                             "--engine local.") from None
        address = os.environ.get("RAY_ADDRESS") or None
        if address and address.startswith("http"):
            raise ValueError(f"RAY_ADDRESS is '{address}', a dashboard, but bulk work joins the cluster itself; set it to the "
                             "cluster's own address, such as HEAD:6379, or to auto on one of its machines.")
        os.environ.setdefault("RAY_worker_niceness", "0")  # of a Ray that is started here; else its tasks give way to all others
        begin: dict[str, Any] = {"address": address} if address else {"num_cpus": n_workers or n_cores(),
                                                                       "include_dashboard": False}
        modules = [str(paths.CHECKOUT or ""), os.environ.get("PYTHONPATH", "")]
        places = {"TIGER_HOME": str(paths.home()), "PYTHONPATH": os.pathsep.join(filter(None, modules))}
        try:
            ray.init(**begin, log_to_driver=False, logging_level=logging.WARNING, ignore_reinit_error=True,
                     runtime_env={"env_vars": places})
        except Exception as error:  # Ray raises just that where a machine is too busy to start it in time
            raise ValueError(f"Ray does not answer at {address or 'this machine'} ({str(error).splitlines()[0][:160]}); start a "
                             "cluster with ray start --head, or use --engine local.") from None
        self._ray = ray
        self.n_workers = n_workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._do = ray.remote(num_cpus=1, max_retries=TRIES)(do)

    def each(self, work: Work, stage: str, numbers: Sequence[int]) -> Iterator[int]:
        ray = self._ray
        shared, waiting, handed_out = ray.put(work), iter(numbers), dict[Any, int]()
        while True:
            for number in itertools.islice(waiting, self.n_workers - len(handed_out)):
                handed_out[self._do.remote(shared, stage, number)] = number
            if not handed_out:
                return
            over = ray.wait(list(handed_out), num_returns=1)[0][0]
            number = handed_out.pop(over)
            try:
                yield ray.get(over)
            except ray.exceptions.RayTaskError as error:
                raise error.cause from None
            except ray.exceptions.RayError:  # the task's process or node died, again and again
                raise ChildProcessError(_died(stage, number)) from None

    def close(self) -> None:
        self._ray.shutdown()


def _died(stage: str, number: int) -> str:
    return (f"The worker process died {TRIES + 1} times while it did '{stage}' of piece {number} or of one beside it (memory may "
            "have run out). What is finished is kept: repeat the command with fewer --workers, or into another folder with a "
            "smaller --shard-size.")


@contextlib.contextmanager
def _nothing_to_run_again() -> Iterator[None]:
    """Processes that begin inside the block do not execute the main program again: a page of the app or a script without a guard,
    which is then the reason that they die."""
    main, sys.modules["__main__"] = sys.modules["__main__"], types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _processes() -> BaseContext:
    """How processes begin: forked from one that has torch loaded and computes nothing, where the system can."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "sklearn.cluster", "tiger.runs.bulk.stages"])
    return context


REGISTRY: dict[str, Callable[[int | None], Engine]] = {"local": LocalEngine, "ray": RayEngine}
