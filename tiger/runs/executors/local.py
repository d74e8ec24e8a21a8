"""Workers as processes of this machine, forked from one that has torch loaded where that is ready."""

import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tiger.core import paths
from tiger.runs import fork_server
from tiger.runs.executors.base import KEEP_MEMORY, environment
from tiger.runs.fork_server import ForkedWorker, ForkServer
from tiger.runs.records import Status
from tiger.runs.run import Run

log = logging.getLogger(__name__)


def n_cores() -> int:
    """Cores that this process may use."""
    n = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:  # a container's share
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        n = min(n, max(1, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no such file outside of containers, "max" without a limit: all cores are ours
        pass
    return n


class LocalJob:
    """A worker on this machine.

    Args:
        run: what it executes.
        process: the worker, started anew or forked.
    """

    reason, lost = "", False

    def __init__(self, run: Run, process: subprocess.Popen[bytes] | ForkedWorker):
        self.run, self.process = run, process

    @property
    def pid(self) -> int:
        return self.process.pid

    def owns(self, status: Status) -> bool:
        return status.pid in (self.process.pid, os.getpid())

    def poll(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)

    def terminate(self) -> None:
        self.process.terminate()

    def kill(self) -> None:
        self.process.kill()

    def logs(self, n_lines: int = 200) -> str:
        return self.run.log(n_lines)


class LocalExecutor:
    """Starts workers here, which share the cores.

    Args:
        server: forks workers where it is ready; otherwise a new Python is started.
    """

    def __init__(self, server: ForkServer | None = None):
        self.fork_server = server

    def n_places(self) -> int:
        """One or two, at most half the cores."""
        return max(1, min(2, n_cores() // 2))

    def warm_up(self) -> None:
        """Have workers start at once, forked from a process that has torch loaded (300 MB).

        It takes some seconds to get ready; runs that start before get a new process, as they do on other systems than Linux.
        """
        if fork_server.is_available() and self.fork_server is None:
            self.fork_server = ForkServer(KEEP_MEMORY | os.environ)

    def submit(self, run: Run, n_at_once: int) -> LocalJob:
        if self.fork_server is not None and self.fork_server.is_gone():
            log.warning("the fork server ended; another is started")
            self.fork_server = None
            self.warm_up()
        variables = os.environ | environment(run, max(1, n_cores() // n_at_once), n_at_once)
        if self.fork_server is not None and self.fork_server.is_ready():
            try:
                return LocalJob(run, self.fork_server.launch(run.path, variables))
            except OSError as error:
                log.warning("run %s gets a new process: %s", run.id, error)
        flags: dict[str, Any] = {"process_group": 0}  # an interrupt from the terminal is for the server alone
        if sys.platform == "win32":
            flags = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
        with (run.path / "log.txt").open("ab") as said:
            return LocalJob(run, subprocess.Popen([sys.executable, "-m", "tiger.runs.worker", str(run.path)], cwd=paths.PROJECT,
                                                  stdin=subprocess.DEVNULL, stdout=said, stderr=said, env=variables, **flags))

    def close(self) -> None:
        if self.fork_server is not None:
            self.fork_server.close()
