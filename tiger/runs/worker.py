"""The one entry point that executes a run: ``python -m tiger.runs.worker RUN_DIR``.

Starts small, so that the first sign of life comes before torch is loaded, and ends with a state in
``status.json`` whatever happens, short of being killed.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from tiger.core import access, disk, files, logs
from tiger.core.progress import Progress
from tiger.runs.run import Run
from tiger.runs.worker_context import WorkerContext

if TYPE_CHECKING:
    from tiger.datasets.catalogue import Catalogue

log = logging.getLogger("tiger.runs.worker")  # by name: as a process this module is __main__
STOP_PATIENCE_S = 0.7
NICE = 5  # of a worker, beside the server
STOPPED = "Stopped; resume it to continue."
TERMINATED = "Terminated by a signal; resume the run to continue."
TAKEN = 3  # exit code: another worker has the run


class Heartbeat(threading.Thread):
    """Says every second that the worker lives, and ends it where "stop" is not heard.

    Args:
        context: the run, opened.
        ends_process: False for a run whose process trains others, too.

    A stop during one long call (reading a dataset, the k-means start) cannot wait for that call. Ending the
    process there is safe for the same reason that ``kill -9`` is: the last checkpoint is whole.
    """

    def __init__(self, context: WorkerContext, ends_process: bool = True):
        super().__init__(daemon=True)
        self.context, self.ended, self.ends_process = context, threading.Event(), ends_process

    def run(self) -> None:
        stopping_s: float | None = None
        while not self.ended.wait(0.2):
            try:
                self.context.beat()
                stop = self.context.run.read_control().action == "stop" or self.context.stop_reason
                stopping_s = (stopping_s or time.monotonic()) if stop else None
            except OSError as error:  # the next beat tries again; one that never succeeds shows as interrupted
                log.warning("no sign of life could be written: %s", error)
            if not stopping_s or not self.ends_process or self.context.stop_acknowledged:
                continue
            if time.monotonic() - stopping_s > STOP_PATIENCE_S:
                self.context.update_status(state="stopped", message=self.context.stop_reason or STOPPED)
                os._exit(0)


def load_data(run: Run) -> "Catalogue":
    """The catalogue that a run names."""
    from tiger import datasets
    return datasets.load_ref(run.config.dataset)


def train_quantizer(context: WorkerContext, load: "Callable[[Run], Catalogue]" = load_data) -> Iterator[Progress]:
    """Load the run's catalogue and train its quantizer."""
    context.update_status(stage="loading the dataset")
    from tiger import quantizers
    from tiger.runs import data
    from tiger.runs.train_quantizer import QuantizerTraining
    given = context.run.learner
    catalogue = data.begin(context.run, load(context.run))
    quantizer = quantizers.create(given.name, **given.params)
    context.update_status(stage="starting")
    yield from QuantizerTraining(context, quantizer, catalogue.embedding_IE).steps()


def train_model(context: WorkerContext, load: "Callable[[Run], Catalogue]" = load_data) -> Iterator[Progress]:
    """Load the run's catalogue and semantic IDs, and train its recommender."""
    context.update_status(stage="loading the dataset")
    from tiger import models
    from tiger.runs import data, store
    from tiger.runs.train_model import ModelTraining
    given, ids_run = context.run.learner, context.run.config.ids_run
    catalogue = data.begin(context.run, load(context.run))
    semantic_ids = data.ids_for(store.find(ids_run), catalogue) if ids_run else None
    model = models.create(given.name, **given.params)
    if isinstance(model, models.Ensemble):
        model.join([data.member_for(store.find(given.params[name]), catalogue) for name in model.member_params])
    context.update_status(stage="starting")
    yield from ModelTraining(context, model, catalogue, semantic_ids).steps()


def project(context: WorkerContext) -> Iterator[Progress]:
    """Compute a map of the items; see ``tiger.runs.layouts``."""
    from tiger.runs import layouts
    yield from layouts.execute(context)


def sweep(context: WorkerContext) -> Iterator[Progress]:
    """Many runs of one learner; see ``tiger.runs.run_sweep``."""
    context.update_status(stage="starting")
    from tiger.runs import run_sweep
    yield from run_sweep.execute(context)


def study(context: WorkerContext) -> Iterator[Progress]:
    """Drift, cold items or diversity; see ``tiger.runs.study_artifacts``."""
    context.update_status(stage="starting")
    from tiger.runs import run_study
    yield from run_study.execute(context)


TASKS: dict[str, Callable[[WorkerContext], Iterator[Progress]]] = {
    "quantizer": train_quantizer,
    "model": train_model,
    "projection": project,
    "sweep": sweep,
}
"""What executes each kind of run. A new kind is one line here; every kind of study is executed by ``study``."""


def act_for_owner(run: Run) -> None:
    """What this process makes from now on belongs to the run's visitor, and what they may not see it cannot read."""
    if run.owner:
        owner = access.Visitor(run.owner, run.config.owner_name)
        access.identify_by(lambda: owner)


def execute(run: Run) -> int:
    """Execute a run to its end, whatever that is. Returns the exit code."""
    lock = files.Lock(run.path / ".lock")
    patience = os.environ.get("TIGER_LOCK_S", "")
    if not lock.acquire(float(patience) if patience.isdigit() else 0.0):
        log.error("Another worker has run %s.", run.id)
        return TAKEN
    context = WorkerContext(run)
    act_for_owner(run)
    context.update_status(state="running", stage="starting", message="", rate=0.0, left_s=None)
    log.info("attempt %d at run %s", context.status.attempt + 1, run.id)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(context, "stop_reason", TERMINATED))
    heartbeat = Heartbeat(context)
    heartbeat.start()
    try:
        disk.check_space(run.path)
        context.wait_for_slot()
        _use_little()
        for _ in _task(run)(context):
            pass
        log.info("%s after step %d", context.status.state, context.status.step)
        return 0
    except Exception as error:
        log.exception("the run failed")
        context.update_status(state="failed", message=sentence(error, run), rate=0.0, left_s=None)
        return 1
    finally:
        heartbeat.ended.set()
        context.slot.free()
        lock.release()


def _task(run: Run) -> Callable[[WorkerContext], Iterator[Progress]]:
    kind = run.config.kind
    if kind in TASKS:
        return TASKS[kind]
    if run.config.study is None:
        raise ValueError(f"A run of kind '{kind}' has nothing to execute; those that have are {', '.join(TASKS)} and "
                         "studies.")
    return study


def lower_priority() -> None:
    """Let other programs go first.

    Where Linux shares the processor out by session (autogroups, sched(7)), niceness counts within a session only, so workers
    stay in the server's. A session of their own that is nicer than the server's starves: beside busy programs that often
    sleep for a moment, as browsers do, Linux 6.18 gave it nothing for minutes.
    """
    if not hasattr(os, "nice"):
        return
    try:
        os.nice(NICE)
    except OSError as error:
        log.info("the worker keeps its priority: %s", error)


def _use_little() -> None:
    """Leave the page the right of way, and use only this worker's share of the cores.

    A job has its cores from the cluster, where nobody's page waits for them: low in priority beside other programs of its
    node, it was measured to get 2 % of a core.
    """
    if not os.environ.get("TIGER_JOB"):
        lower_priority()
    import torch
    threads = os.environ.get("TIGER_THREADS", "")
    if threads.isdigit() and int(threads) > 0:
        torch.set_num_threads(int(threads))


def sentence(error: Exception, run: Run) -> str:
    """The error as one sentence for people."""
    if disk.is_full(error):
        return disk.full_sentence(run.path)
    if isinstance(error, (ValueError, OSError)) and str(error):
        return " ".join(str(error).split())[:500]
    if isinstance(error, MemoryError):
        return "The machine ran out of memory; use a smaller batch or fewer codes."
    words = " ".join(str(error).split())[:300]
    return f"Failed: {type(error).__name__}: {words}. The log has the details."


def main() -> int:
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "config.json").is_file():
        print("Usage: python -m tiger.runs.worker RUN_DIR (a run's folder, with config.json)", file=sys.stderr)
        return 2
    logs.to_stderr()
    return execute(Run(Path(sys.argv[1]).resolve()))


def leave(code: int) -> NoReturn:
    """End this process now: taking torch apart module by module costs a second, and all that matters is in files."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
