"""Workers that are forked from a process that has torch loaded do what those do that start anew."""

import os
import signal
import subprocess

import numpy as np
import psutil
import pytest
from safetensors.numpy import load_file

from tests.support.training import config, until, wait_for, warm, write_shop
from tiger import runs
from tiger.core import files
from tiger.runs import checkpoint, fork_server, supervisor, worker
from tiger.runs.executors.local import LocalExecutor
from tiger.runs.fork_server import ForkServer
from tiger.runs.supervisor import Supervisor

pytestmark = pytest.mark.skipif(not fork_server.is_available(), reason="workers are forked on Linux only")
LONG = 1_000_000


@pytest.fixture
def shop(tiger_home, tmp_path):
    return write_shop(tmp_path / "shop")


@pytest.fixture
def own():
    """A fork server that a test may end."""
    server = ForkServer()
    wait_for(server.is_ready, "the fork server")
    yield server
    server.close()


def test_a_forked_worker_computes_what_a_new_process_computes(shop):
    """Both let the server go first: in its session, within which niceness counts, and in a group of their own, which no key of
    the terminal ends."""
    runs_made = [runs.new_run(config(shop)) for _ in range(2)]
    for run in runs_made:
        run.control("pause")
    new, forked = supervisor.launch(runs_made[0], 1), supervisor.launch(runs_made[1], 1, warm())
    assert isinstance(new.process, subprocess.Popen) and not isinstance(forked.process, subprocess.Popen)
    for run, child in zip(runs_made, (new, forked), strict=True):
        until(run, "paused")
        assert psutil.Process(child.pid).nice() == psutil.Process().nice() + worker.NICE
        assert (os.getsid(child.pid), os.getpgid(child.pid)) == (os.getsid(0), child.pid)
        run.control("run")
    assert (new.wait(120), forked.wait(120)) == (0, 0), runs_made[1].log()
    for name in ("codes.npy", "latent.npy"):
        np.testing.assert_array_equal(*(np.load(run.path / name) for run in runs_made))
    one, two = (load_file(run.path / "weights.safetensors") for run in runs_made)
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)
    assert "finished after step 60" in runs_made[1].log() and runs_made[1].status.pid == forked.pid


def test_two_workers_have_their_own_environment_group_and_randomness(shop, monkeypatch):
    """The worker of a run with a wrong path fails in its own words, beside one that trains."""
    monkeypatch.setenv("TIGER_CHECKPOINT_S", "0.05")
    sound, broken = runs.new_run(config(shop, n_steps=LONG)), runs.new_run(config(shop | {"params": {"path": "/nowhere"}}))
    children = [supervisor.launch(run, 2, warm()) for run in (sound, broken)]
    assert children[1].wait(120) == 1 and "/nowhere" in broken.status.message
    wait_for(lambda: sound.status.step > 0, "the first step")
    assert children[0].poll() is None and os.getpgid(children[0].pid) == children[0].pid
    wait_for((sound.path / checkpoint.FILE).exists, "a checkpoint, which its environment asks for twenty times a second")
    with pytest.raises(subprocess.TimeoutExpired):
        children[0].wait(0.05)
    children[0].terminate()
    assert children[0].wait(60) == 0 and sound.state == "stopped"


def test_a_killed_worker_is_told_apart_from_a_finished_one(shop):
    run = runs.new_run(config(shop, n_steps=LONG))
    child = supervisor.launch(run, 1, warm())
    wait_for(lambda: run.status.step > 0, "the first step")
    child.kill()
    assert child.wait(60) == -signal.SIGKILL == child.poll()
    child.terminate()  # of a worker that is over: nothing happens


def test_workers_outlive_the_fork_server_and_a_killed_one_is_replaced_by_one_that_ends_with_its_owner(shop, own, monkeypatch):
    monkeypatch.setenv("TIGER_WORKERS", "2")
    queue = Supervisor(executor=LocalExecutor(own))
    try:
        first = queue.submit(config(shop, n_steps=LONG))
        wait_for(lambda: first.status.step > 0, "the first run")
        pid = first.status.pid
        own._process.kill()
        own._process.wait()
        wait_for(own.is_gone, "the fork server's end")
        assert not own.is_ready() and files.pid_alive(pid)
        with pytest.raises(OSError):
            own.launch(first.path, {})
        second = queue.submit(config(shop))
        assert until(second, "finished").attempt == 1
        assert queue.executor.fork_server is not own
        step = first.status.step
        wait_for(lambda: first.status.step > step, "the first run going on")
        os.kill(pid, signal.SIGKILL)
        until(first, "interrupted")
        wait_for(lambda: first.id not in queue.children, "the supervisor to notice")
        ends_with_its_owner(queue.executor.fork_server)
    finally:
        queue.shut_down()


def ends_with_its_owner(server: ForkServer) -> None:
    wait_for(server.is_ready, "the new fork server")
    server._channel.close()
    server._process.wait(timeout=60)
