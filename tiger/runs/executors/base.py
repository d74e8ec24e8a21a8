"""The contract between the queue and what executes runs, after submitit's split into executor and job.

One contract test runs over every executor. A job is one worker, ``python -m tiger.runs.worker FOLDER``, from its submission
to its end. Pause, step, live parameters and stop are no matter of the executor: they go through the run's folder.
"""

import os
from typing import Protocol

from tiger.runs.records import Status
from tiger.runs.run import Run

# A training step asks for the memory that the step before gave back. By default glibc hands large pieces to the kernel at
# once, which clears every page before it comes back: up to a tenth of a recommender's step. Only glibc reads these, at start.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(512 * 2**20)}


class Job(Protocol):
    """One worker that was submitted; it outlives the process that submitted it."""

    @property
    def reason(self) -> str:
        """Why it ended, where the exit code does not say; empty otherwise."""

    @property
    def lost(self) -> bool:
        """Whether it ended because its machine did, so that its run should go on elsewhere."""

    def owns(self, status: Status) -> bool:
        """Whether this worker wrote the status, or is expected to write the next one."""

    def poll(self) -> int | None:
        """The exit code, minus the signal that ended it; None while it waits for its place or runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code.

        Raises:
            subprocess.TimeoutExpired: it is still there after ``timeout`` seconds.
        """

    def terminate(self) -> None:
        """Ask it to save a checkpoint and end."""

    def kill(self) -> None:
        """End it without asking, at once or as soon as the executor can."""

    def logs(self, n_lines: int = 200) -> str:
        """The end of what it printed, and of what the executor says about it."""


class Executor(Protocol):
    """Starts workers somewhere."""

    def n_places(self) -> int:
        """Runs that it executes at the same time, where ``TIGER_WORKERS`` does not say."""

    def warm_up(self) -> None:
        """Prepare, in the background, that workers start sooner; for servers."""

    def submit(self, run: Run, n_at_once: int) -> Job:
        """Have a run's worker started. Returns at once; what goes wrong later ends the job with a code and a reason.

        Args:
            n_at_once: runs that may compute at the same time, this one among them.
        """

    def close(self) -> None:
        """Free what the executor itself uses; its jobs go on."""


def environment(run: Run, n_threads: int, n_at_once: int) -> dict[str, str]:
    """What every worker finds in its environment beside its machine's own.

    Args:
        n_threads: torch's threads; sums, and so codes, depend on it.
        n_at_once: as ``Executor.submit`` takes it.
    """
    kept = {name: os.environ.get(name, value) for name, value in KEEP_MEMORY.items()}
    return kept | {"TIGER_THREADS": str(n_threads), "TIGER_WORKERS": str(n_at_once), "TIGER_JOB": "",
                   "TIGER_HOME": str(run.path.parent.parent), "PYTHONUNBUFFERED": "1"}
