"""The server as a process: for this machine alone, deaf to foreign names, with a supervisor from the start, gone when told."""

import http.client
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.support.training import wait_for
from tiger import runs
from tiger.core import files, paths


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(port: int) -> bool:
    try:
        return ask(port, "127.0.0.1") == 200
    except OSError:
        return False


def ask(port: int, host: str, **headers: str) -> int:
    """The status of a request that names this host."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        link.request("GET", "/_stcore/stream" if headers else "/_stcore/health", headers={"Host": host} | headers)
        return link.getresponse().status
    finally:
        link.close()


UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGTERM")
def test_it_serves_this_machine_alone_starts_what_waits_and_takes_its_workers_with_it(tiger_home):
    waiting = runs.new_run({"dataset": {"name": "synthetic"}, "quantizer": {"name": "rqvae", "params": {
        "n_steps": 1_000_000, "hidden": "16", "latent_width": 8, "n_codes": 16}}})
    port = free_port()
    server = subprocess.Popen([sys.executable, "-m", "tiger.ui.shared.serve", "--server.port", str(port),
                               "--server.headless", "true"], cwd=paths.PROJECT, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: answers(port), "the server")
        assert ask(port, "localhost") == 200 and ask(port, "evil.example") == 400
        assert ask(port, f"127.0.0.1:{port}", **UPGRADE) == 101
        assert ask(port, f"evil.example:{port}", **UPGRADE) in (400, 403)
        own = next((address[4][0] for address in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
                    if not address[4][0].startswith("127.")), None)
        if own:
            with pytest.raises(OSError):
                socket.create_connection((own, port), timeout=2)
        wait_for(lambda: waiting.status.step > 0, "a queued run that nobody opened")
        worker = waiting.status.pid
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)
        assert waiting.state == "stopped" and "resume" in waiting.status.message
        wait_for(lambda: not files.pid_alive(worker), "the worker's end")
        with socket.socket() as again:
            again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            again.bind(("127.0.0.1", port))
    finally:
        server.kill()
        server.wait()
        if (pid := waiting.status.pid) and files.pid_alive(pid) and pid != os.getpid():
            os.kill(pid, signal.SIGKILL)


LOADED = """
import os, threading
from threadpoolctl import threadpool_info
from tiger.ui.shared import serve

serve.preload()
def report():
    print([pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "openmp" and "torch" in pool["filepath"]],
          os.environ.get("OMP_NUM_THREADS"))
rerun = threading.Thread(target=report)
rerun.start()
rerun.join()
"""


@pytest.mark.parametrize("given", [None, "3"])
def test_every_thread_of_the_server_computes_by_itself_unless_the_environment_says_otherwise(given):
    around = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    around |= {"OMP_NUM_THREADS": given} if given else {}
    command = [sys.executable, "-c", LOADED]
    found = subprocess.run(command, env=around, cwd=paths.PROJECT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"[{given or 1}] {given}"
