"""Workers that start at once: a process that has torch loaded, and forks one worker a run.

A worker spends seconds on importing torch and scikit-learn before its first step. The fork server imports them once, and a
fork of it has them. It computes nothing itself, so no thread of a numerical library is alive when it forks; what a forked
worker computes is what one that was started anew computes. Linux only: elsewhere a fork is unsafe, or does not exist.

The server and its owner speak JSON over a socket that keeps messages whole. When the owner is gone, the fork server ends and
the workers go on, as workers do.
"""

import contextlib
import importlib
import json
import logging
import os
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tiger.core import files, logs, paths

log = logging.getLogger(__name__)
PRELOADED = ("torch", "sklearn.cluster", "pyarrow.dataset", "filelock", "tiger.datasets.loading", "tiger.quantizers",
             "tiger.models", "tiger.runs.data", "tiger.runs.train_quantizer", "tiger.runs.train_model", "tiger.runs.worker")
LONGEST = 2**20  # bytes of a message; a worker's environment is the longest there is
ANSWER_S = 10.0


def is_available() -> bool:
    """Whether workers can be forked on this system."""
    return sys.platform == "linux"


class ForkedWorker:
    """A worker that was forked; behaves as ``subprocess.Popen`` does for one that was started anew.

    Attributes:
        pid: of the worker.
        returncode: its exit code, minus the signal that ended it; None while it runs.
    """

    def __init__(self, server: "ForkServer", pid: int):
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, None while it runs."""
        if self.returncode is None:
            self.returncode = self._server.exit_code(self.pid)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end.

        Raises:
            subprocess.TimeoutExpired: it still runs after ``timeout`` seconds.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if end is not None and time.monotonic() > end:
                assert timeout is not None
                raise subprocess.TimeoutExpired(f"the worker with process number {self.pid}", timeout)
            time.sleep(0.02)
        return code

    def terminate(self) -> None:
        """Ask it to save and end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):  # it ended just now
                os.kill(self.pid, number)


class ForkServer:
    """The owner's side. The process starts at once and is ready some seconds later.

    Args:
        environment: of the process. A library that reads a variable when it is loaded reads it there.
    """

    def __init__(self, environment: Mapping[str, str] | None = None):
        self._mutex = threading.Lock()
        self._codes: dict[int, int] = {}  # exit codes of workers, by process number
        self._ready = self._gone = False
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            command = [sys.executable, "-m", "tiger.runs.fork_server", str(theirs.fileno())]
            self._process = subprocess.Popen(command, cwd=paths.PROJECT, stdin=subprocess.DEVNULL, process_group=0,
                                             pass_fds=[theirs.fileno()], env=os.environ if environment is None else environment)

    def is_ready(self) -> bool:
        """Whether it has imported everything and still runs."""
        with self._mutex:
            self._hear(0.0)
            return self._ready and not self._gone

    def is_gone(self) -> bool:
        """Whether the process has ended."""
        with self._mutex:
            self._hear(0.0)
            return self._gone

    def launch(self, run_path: Path, environment: Mapping[str, str]) -> ForkedWorker:
        """Fork a worker that executes a run; what it prints goes to the run's ``log.txt``.

        Args:
            environment: all of the worker's environment.

        Raises:
            OSError: the fork server does not run or could not fork.
        """
        with self._mutex:
            message = {"run": str(run_path), "environment": dict(environment)}
            self._channel.send(json.dumps(message).encode())
            end = time.monotonic() + ANSWER_S
            while not self._gone and (left := end - time.monotonic()) > 0:
                if (started := self._hear(left)) is not None:
                    return ForkedWorker(self, started)
        raise OSError("the fork server gave no worker")

    def exit_code(self, pid: int) -> int | None:
        """How a worker ended; None while it runs. Known once: the next worker may get the same number."""
        with self._mutex:
            self._hear(0.0)
            if pid not in self._codes and self._gone and not files.pid_alive(pid):
                return -signal.SIGKILL  # nobody is left who could tell; what ends both is the system that ran out of memory
            return self._codes.pop(pid, None)

    def close(self) -> None:
        """End the process; its workers go on."""
        with self._mutex:
            self._channel.close()
            self._gone = True
        self._process.wait()

    def _hear(self, patience_s: float) -> int | None:
        """Take in what the process says until nothing more comes; the number of a worker that started, if one did."""
        while not self._gone and select.select([self._channel], [], [], patience_s)[0]:
            try:
                said = self._channel.recv(LONGEST)
            except ConnectionError:
                said = b""
            if not said:
                self._gone = True
                break
            message = json.loads(said)
            self._ready = self._ready or message["is"] == "ready"
            if message["is"] == "started":
                return int(message["pid"])
            if message["is"] == "ended":
                self._codes[message["pid"]] = message["code"]
            patience_s = 0.0
        return None


class _Process:
    """The process's side: forks on request, says who ended how, and ends with its owner."""

    def __init__(self, channel: socket.socket):
        self.channel = channel

    def serve(self) -> None:
        for name in PRELOADED:
            importlib.import_module(name)
        woken, wake = os.pipe()
        for end in (woken, wake):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # only so that the pipe is written to
        signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        self._say({"is": "ready"})
        while True:
            heard = select.select([self.channel.fileno(), woken], [], [])[0]
            if woken in heard:
                os.read(woken, 4096)
                self._report()
            if self.channel.fileno() in heard:
                request = self.channel.recv(LONGEST)
                if not request:
                    return
                self._fork(json.loads(request))

    def _fork(self, request: dict[str, Any]) -> None:
        pid = os.fork()
        if pid == 0:
            self.channel.close()
            _work(Path(request["run"]), request["environment"])
        self._say({"is": "started", "pid": pid})

    def _report(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:  # there is none
                return
            if pid == 0:
                return
            self._say({"is": "ended", "pid": pid, "code": os.waitstatus_to_exitcode(status)})

    def _say(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(ConnectionError):  # the owner is gone; the next look at the channel ends this process
            self.channel.send(json.dumps(message).encode())


def _work(run_path: Path, environment: dict[str, str]) -> NoReturn:
    """Be the worker of a run, as ``python -m tiger.runs.worker`` would be."""
    import numpy as np

    from tiger.runs import worker
    from tiger.runs.run import Run
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setpgid(0, 0)
        with (run_path / "log.txt").open("ab") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
        os.environ.clear()
        os.environ.update(environment)
        random.seed()
        np.random.seed()
        logs.to_stderr()
        code = worker.execute(Run(run_path))
    except BaseException:
        log.exception("the worker failed")
    finally:
        worker.leave(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as owner:
        _Process(owner).serve()
