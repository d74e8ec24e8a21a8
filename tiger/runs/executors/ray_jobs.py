"""Workers as jobs of a Ray cluster: the very same command, submitted through Ray Jobs with its cores and GPUs declared.

``RAY_ADDRESS`` names the cluster, as Ray's own commands read it (``http://HEAD:8265``, or ``auto`` for one on this machine).
Every node needs the lab under the same path and the same Python, and the workspace on a file system that all of them share:
a run is its folder, wherever its worker runs. One thread speaks with the cluster, so that neither the queue nor a page ever
waits for it.

    TIGER_JOB_CPUS   cores of a run, and so its torch threads (default 1)
    TIGER_JOB_GPUS   GPUs of a run whose device is not the processor, or a share of one such as 0.5 (default 1)
"""

import contextlib
import logging
import os
import queue
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from tiger.core import files, paths
from tiger.runs.executors.base import environment
from tiger.runs.records import Status
from tiger.runs.run import Run

log = logging.getLogger(__name__)
LOOK_S = 0.5  # between two questions to the cluster about a job
ROOM_S = 10.0  # how long an answer about the cluster's size holds
STOP_PATIENCE_S = 10  # from asking a worker to end until Ray kills it; its last checkpoint is whole
LOCK_PATIENCE_S = 120  # a file server keeps the lock of a machine that died for about a minute and a half
PASSED_ON = ("TIGER_", "OMP_", "MKL_", "OPENBLAS_")  # variables that a worker computes by
PENDING = "waiting for the cluster"


class RayJob:
    """A worker that Ray starts on some node.

    Args:
        run: what it executes.
        id: its submission ID in Ray.
        n_cpus, n_gpus: what it asks the cluster for.
        variables: environment variables beside the node's own.
    """

    def __init__(self, run: Run, id: str, n_cpus: int, n_gpus: float, variables: dict[str, str]):
        self.run, self.id, self.n_cpus, self.n_gpus, self.variables = run, id, n_cpus, n_gpus, variables
        self.reason, self.lost, self.node = "", False, ""
        self.sent = self.stop_sent = False
        self.stop_asked, self.over = threading.Event(), threading.Event()
        self.returncode: int | None = None

    def owns(self, status: Status) -> bool:
        return status.job == self.id or (not status.job and status.pid == os.getpid() and status.host == socket.gethostname())

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if not self.over.wait(timeout):
            assert timeout is not None
            raise subprocess.TimeoutExpired(f"Ray job {self.id}", timeout)
        assert self.returncode is not None
        return self.returncode

    def terminate(self) -> None:
        self.stop_asked.set()

    kill = terminate  # Ray has one way to end a job: it asks, and kills after STOP_PATIENCE_S

    def logs(self, n_lines: int = 200) -> str:
        return "\n".join(filter(None, [self.run.log(n_lines), self.reason]))

    def entrypoint(self) -> str:
        """The worker's command for the node's shell; ``exec``, so that the worker's exit code and signals are its own."""
        words = [sys.executable, "-m", "tiger.runs.worker", str(self.run.path)]
        said = shlex.quote(str(self.run.path / "log.txt"))
        return f"cd {shlex.quote(str(paths.PROJECT))} && exec {shlex.join(words)} >> {said} 2>&1"

    def end(self, code: int, reason: str = "", lost: bool = False) -> None:
        """Take note of how it ended."""
        self.reason, self.lost, self.returncode = reason, lost, code
        self.over.set()


class RayExecutor:
    """Submits workers to the cluster that ``RAY_ADDRESS`` names.

    Raises:
        ValueError: Ray is not installed, its cluster does not answer, or ``TIGER_JOB_CPUS`` or ``TIGER_JOB_GPUS`` is no such
            number.
    """

    def __init__(self) -> None:
        try:
            from ray.job_submission import JobSubmissionClient
        except ImportError:
            raise ValueError("TIGER_EXECUTOR is 'ray', but Ray is not installed here; pip install 'tiger-lab[ray]', or unset "
                             "TIGER_EXECUTOR to train on this machine.") from None
        self.n_cpus = max(1, int(_number("TIGER_JOB_CPUS", 1)))
        self.gpus_asked = _number("TIGER_JOB_GPUS", 1)
        address = os.environ.get("RAY_ADDRESS", "")
        try:
            self._client = JobSubmissionClient(address or None)
        except Exception as error:  # Ray's own errors have no common kind with those of HTTP
            raise ValueError(f"No Ray cluster answers at {address or 'this machine'} ({_first_line(error)}); start one with ray "
                             "start --head, or set RAY_ADDRESS to its dashboard, such as http://HEAD:8265. A cluster with tokens "
                             "also wants RAY_AUTH_MODE=token.") from None
        self._jobs: list[RayJob] = []
        self._added: queue.SimpleQueue[RayJob] = queue.SimpleQueue()
        self._wake, self._closed = threading.Event(), False
        self._room: tuple[float, int, float] = self._look_for_room()
        self._thread = threading.Thread(target=self._work, name="tiger-ray", daemon=True)
        self._thread.start()

    def n_places(self) -> int:
        """As many as the cluster's living nodes have cores for, by a count that is up to ten seconds old."""
        return self._room[1]

    def warm_up(self) -> None:
        """Nothing: the nodes start a new Python for every run."""

    def submit(self, run: Run, n_at_once: int) -> RayJob:
        kept = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON) and name != "TIGER_EXECUTOR"}
        id = f"{run.id}-{secrets.token_hex(4)}"
        job = RayJob(run, id, self.n_cpus, self._n_gpus(run), kept | environment(run, self.n_cpus, n_at_once) | {
            "TIGER_JOB": id, "TIGER_LOCK_S": str(LOCK_PATIENCE_S), "RAY_JOB_STOP_WAIT_TIME_S": str(STOP_PATIENCE_S)})
        self._added.put(job)
        self._wake.set()
        return job

    def close(self) -> None:
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _n_gpus(self, run: Run) -> float:
        """GPUs to ask for: none for a run on the processor, and for ``auto`` only where the cluster has some."""
        trained = run.config.trained
        device = trained.params.get("device", "cpu") if trained is not None else "cpu"
        return self.gpus_asked if device == "cuda" or (device == "auto" and self._room[2] > 0) else 0.0

    def _look_for_room(self) -> tuple[float, int, float]:
        """When it was counted, for how many runs the cluster has cores, and its GPUs."""
        from ray.util.state import list_nodes
        nodes = list_nodes(address=self._client.get_address(), filters=[("state", "=", "ALIVE")], timeout=10, detail=False,
                           raise_on_missing_output=False)
        have: list[dict[str, Any]] = [node.resources_total or {} for node in nodes]
        n_places = sum(int(total.get("CPU", 0)) // self.n_cpus for total in have)
        return time.monotonic(), max(1, n_places), float(sum(total.get("GPU", 0) for total in have))

    def _work(self) -> None:
        """The one thread that speaks with the cluster."""
        said = ""
        while not self._closed:
            with contextlib.suppress(queue.Empty):  # until there is none
                while True:
                    self._jobs.append(self._added.get_nowait())
            try:
                for job in self._jobs:
                    self._attend(job)
                if time.monotonic() - self._room[0] > ROOM_S:
                    self._room = self._look_for_room()
                said = ""
            except Exception as error:  # a cluster that does not answer now may answer again; what lasts is said once
                if _first_line(error) != said:
                    said = _first_line(error)
                    log.warning("Ray does not answer: %s", said)
            self._jobs = [job for job in self._jobs if job.returncode is None]
            self._wake.wait(LOOK_S if self._jobs else ROOM_S)
            self._wake.clear()

    def _attend(self, job: RayJob) -> None:
        """Submit a job that is new, stop one that should end, and ask how it is."""
        if not job.sent:
            return job.end(-signal.SIGTERM) if job.stop_asked.is_set() else self._send(job)
        if job.stop_asked.is_set() and not job.stop_sent:
            self._client.stop_job(job.id)
            job.stop_sent = True
        try:
            info = self._client.get_job_info(job.id)
        except RuntimeError as error:
            if "404" not in str(error):
                raise
            return job.end(-signal.SIGKILL, "the Ray cluster was started anew", lost=True)
        job.node = info.driver_node_id or ""
        if info.status in ("PENDING", "RUNNING"):
            self._beat_for(job, PENDING if info.status == "PENDING" else "starting")
        elif info.status == "SUCCEEDED":
            job.end(0)
        elif info.status == "STOPPED":
            job.end(-signal.SIGTERM)
        elif info.status == "FAILED" and info.driver_exit_code is not None:
            job.end(info.driver_exit_code, "" if info.driver_exit_code < 0 else _first_line(info.message))
        elif info.status == "FAILED":
            job.end(-signal.SIGKILL, f"Ray lost it: {_first_line(info.message)}", lost=True)
        return None

    def _send(self, job: RayJob) -> None:
        try:
            self._client.submit_job(entrypoint=job.entrypoint(), submission_id=job.id, metadata={"run": job.run.id},
                                    runtime_env={"env_vars": job.variables}, entrypoint_num_cpus=job.n_cpus,
                                    entrypoint_num_gpus=job.n_gpus or None)
        except (OSError, RuntimeError, ValueError) as error:
            job.end(-signal.SIGTERM, f"Ray did not take it: {_first_line(error)}")
        job.sent = True

    def _beat_for(self, job: RayJob, stage: str) -> None:
        """Speak for a worker that has no place in the cluster yet, or waits for the lock of a machine that died."""
        path = job.run.path / "status.json"
        status = Status.from_json(files.read_json(path) or {})
        if status.busy and not status.job and job.owns(status):
            files.rewrite_json(path, status.but(stage=stage, heartbeat_s=time.time()).to_json())


def _number(name: str, default: float) -> float:
    """A variable of the environment that is a number, 0 or more."""
    given = os.environ.get(name, "")
    try:
        found = float(given) if given else default
    except ValueError:
        found = -1.0
    if not 0 <= found < 100_000:
        raise ValueError(f"{name} is '{given[:40]}', but must be a number of at least 0.")
    return found


def _first_line(error: object) -> str:
    """The start of what Ray says, which may be pages long."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")[:200].rstrip(".:")
