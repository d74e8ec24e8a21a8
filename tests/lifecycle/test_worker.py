"""The worker as a real process: killed at any moment, stopped, paused, stepped, and never two on one run."""

import json
import os
import random
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.support.training import config, execute, until, wait_for, warm, workers_here, write_shop
from tiger import runs
from tiger.core import files, paths
from tiger.runs import supervisor, worker
from tiger.runs.executors import Job, local
from tiger.runs.run import Run
from tiger.runs.supervisor import requeue

LONG = 1_000_000  # steps: only a stop ends it


@pytest.fixture
def shop(tiger_home, tmp_path):
    return write_shop(tmp_path / "shop")


@pytest.fixture
def start(tiger_home):
    """Starts workers, and ends those that are left when the test is over."""
    children = []

    def begin(run: Run, **environment) -> Job:
        if run.state != "queued":
            requeue(run, run.status, "queued")
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            children.append(supervisor.launch(run, local.n_cores(), warm()))
        return children[-1]

    yield begin
    for child in children:
        child.kill()
        child.wait()


def begun(run: Run) -> bool:
    return run.status.step > 0


def test_kill_9_at_random_moments_and_the_result_is_the_same(shop, start):
    """Against one run that nobody disturbed; knobs were turned before the first step in both."""
    rng = random.Random(time.time_ns())
    asked = config(shop, n_steps=900, log_every=1)
    whole, torn = runs.new_run(asked), runs.new_run(asked)
    for run in (whole, torn):
        run.control(live_params={"beta": 1.0})
    undisturbed = start(whole)
    killed_at = []
    for _ in range(3):
        child = start(torn, TIGER_CHECKPOINT_S="0.05")
        before = torn.status.step
        wait_for(lambda: torn.status.step > before or child.poll() is not None, "a first step")  # noqa: B023
        time.sleep(rng.random() * 0.5)
        child.kill()
        child.wait()
        killed_at.append(torn.status.step)
        assert torn.state in ("interrupted", "finished")
    assert start(torn).wait(timeout=240) == 0, torn.log()
    assert torn.state == "finished", killed_at
    assert undisturbed.wait(timeout=240) == 0, whole.log()
    for name in ("codes.npy", "latent.npy", "recon_error.npy"):
        np.testing.assert_array_equal(np.load(torn.path / name), np.load(whole.path / name), err_msg=str(killed_at))
    one, two = (load_file(run.path / "weights.safetensors") for run in (whole, torn))
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=f"{name}, killed at {killed_at}")
    logs = [[{k: v for k, v in event.items() if k not in ("t_s", "seq")} for event in run.events()[0]]
            for run in (whole, torn)]
    assert logs[0] == logs[1]
    assert torn.snapshots() == whole.snapshots()


def test_pause_beat_step_knob_go_on_stop_and_never_a_second_worker(shop, start):
    run = runs.new_run(config(shop, n_steps=LONG, log_every=1))
    first = start(run)
    wait_for(lambda: begun(run), "the first step")
    second = subprocess.run([sys.executable, "-m", "tiger.runs.worker", str(run.path)], cwd=paths.PROJECT,
                            capture_output=True, text=True, timeout=120)
    assert second.returncode == 3 and "Another worker has run" in second.stderr
    assert first.poll() is None and run.status.pid == first.pid and run.state == "running"
    run.control("pause")
    paused = until(run, "paused")
    wait_for(lambda: run.status.heartbeat_s > paused.heartbeat_s + 1.5, "two more beats of a worker that is paused")
    assert run.status.step == paused.step, "a paused run does not move"
    run.step(3)
    wait_for(lambda: run.status.step == paused.step + 3 and run.state == "paused", "three steps")
    trace = wait_for(run.step_trace, "the trace")
    assert trace["step"] == paused.step + 3 and trace["residual"].shape == (64, 4, 8)
    run.control(live_params={"learning_rate": 0.5})
    run.step()
    wait_for(lambda: run.status.step == paused.step + 4 and run.state == "paused", "one step")
    mark = [event for event in run.events()[0] if "live_param" in event]
    assert [(e["step"], e["live_param"], e["value"]) for e in mark] == [(paused.step + 3, "learning_rate", 0.5)]
    assert run.events()[0][-1]["learning_rate"] == 0.5
    run.control("run")
    wait_for(lambda: run.state == "running" and run.status.step > paused.step + 10, "going on")
    run.control("stop")
    until(run, "stopped")
    assert run.has_result() and run.quantizer().n_codes == 16


def test_stop_is_heard_in_a_call_that_takes_long(shop, start, tmp_path):
    """A dataset that hangs: reading a pipe into which nobody writes."""
    if not hasattr(os, "mkfifo"):
        pytest.skip("this system has no named pipes, which the test uses as a dataset that hangs")
    (tmp_path / "shop" / "shop.item").unlink()
    os.mkfifo(tmp_path / "shop" / "shop.item")
    run = runs.new_run(config(shop))
    child = start(run)
    wait_for(lambda: run.status.stage == "loading the dataset", "loading")
    time.sleep(1.5)
    run.control("stop")
    assert child.wait(timeout=60) == 0
    assert run.state == "stopped"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGTERM")
def test_told_to_end_by_the_system_it_saves_and_can_go_on(shop, start):
    run = runs.new_run(config(shop, n_steps=LONG))
    child = start(run)
    wait_for(lambda: begun(run), "the first step")
    child.terminate()
    assert child.wait(timeout=60) == 0
    step = run.status.step
    assert run.state == "stopped" and "Terminated by a signal" in run.status.message and run.has_result()
    start(run)
    wait_for(lambda: run.state == "running" and run.status.step > step, "going on after the checkpoint")
    steps = [event["step"] for event in run.events()[0]]  # looked at once: it trains
    assert steps == sorted(set(steps))


def test_a_dataset_that_cannot_be_read_fails_with_one_sentence_and_a_log(shop, start):
    run = runs.new_run(config(shop | {"params": {"path": "/nowhere/at/all"}}))
    assert start(run).wait(timeout=120) == 1
    status = run.status
    assert status.state == "failed"
    assert "/nowhere/at/all" in status.message and "\n" not in status.message
    assert "Traceback" in run.log()


def test_numbers_that_overflow_make_a_run_fail_in_one_sentence(shop, tmp_path):
    np.save(tmp_path / "huge.npy", np.random.default_rng(0).normal(size=(300, 16)).astype(np.float32) * np.float32(1e30))
    given = shop | {"embedding": {"method": "given", "path": str(tmp_path / "huge.npy")}}
    run = runs.new_run(config(given, kmeans_init=False))
    with workers_here():
        assert worker.execute(run) == 1
    status = run.status
    assert (status.state, status.step) == ("failed", 0)
    assert status.message == ("The loss is inf at step 1, too large for its numbers; normalise the embeddings or lower "
                                 "the learning rate (0.001 now).")
    assert not run.has_result()


@pytest.mark.parametrize("arguments", [[], ["/nowhere"], ["a", "b"]])
def test_usage(tmp_path, arguments):
    said = subprocess.run([sys.executable, "-m", "tiger.runs.worker", *arguments], cwd=paths.PROJECT, text=True,
                          capture_output=True, timeout=120)
    assert said.returncode == 2 and said.stderr.startswith("Usage:")


def test_a_torn_status_does_not_keep_a_worker_from_starting(shop):
    run = runs.new_run(config(shop))
    (run.path / "status.json").write_text('{"state": "runn')
    assert run.state == "interrupted"
    execute(run)
    assert json.loads((run.path / "status.json").read_text())["step"] == 60
    assert files.read_json(run.path / "config.json") == run.config.to_json()
