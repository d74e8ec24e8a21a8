"""A sweep as processes: its own and one more for each further core; killed, it leaves nobody behind and goes on where it was."""

import os

import pytest

from tests.support.training import SMALL, execute, wait_for, write_shop
from tiger import runs
from tiger.core import files
from tiger.runs import supervisor, sweep
from tiger.runs.executors import local
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest


@pytest.fixture
def shop(tiger_home, tmp_path, monkeypatch):
    monkeypatch.setattr(local, "n_cores", lambda: 2)
    return write_shop(tmp_path / "shop", n_items=90)


def made(shop, seeds=(0, 1)) -> runs.Run:
    base = RunConfig("quantizer", shop, quantizer=LearnerConfig("rqvae", SMALL | {"n_steps": 400}))
    return runs.new_run(sweep.run_config_of(base, SweepRequest({"beta": [0.25, 4.0]}, list(seeds))), supervisor.taken())


def members(run) -> list[runs.Run]:
    return [runs.find(member.run_id) for member in sweep.members(run)]


def pids(run) -> set[int]:
    return {member.status.pid for member in members(run) if member.state == "running" and member.status.step > 5} - {os.getpid()}


def test_a_killed_sweep_ends_its_helpers_and_goes_on_to_the_same_codes(shop):
    run = made(shop)
    child = supervisor.launch(run, 1)
    helpers = wait_for(lambda: len(found := pids(run)) == 2 and found - {child.pid}, "two processes that train")
    child.kill()
    supervisor.record_exit(run, child, child.wait(30))
    assert run.state == "interrupted"
    wait_for(lambda: not any(map(files.pid_alive, helpers)), "the helper to end")
    states = [member.state for member in members(run)]  # the helper's own was told to stop, unless it was done just then
    assert not pids(run) and states.count("interrupted") == 1 and set(states) <= {"interrupted", "stopped", "finished"}
    begun = [member.id for member in members(run)]

    supervisor.requeue(run, run.status, "queued")
    execute(run)  # by itself, as on another machine
    assert run.status.step == 4
    assert [member.id for member in members(run)][:len(begun)] == begun and len(members(run)) == 4
    alone = made(shop, [0])
    execute(alone)
    codes = {member.title: member.codes().tolist() for member in members(run)}
    assert all(member.codes().tolist() == codes[member.title] for member in members(alone))


def test_a_sweep_that_is_told_to_stop_waits_for_its_helpers(shop):
    run = made(shop)
    child = supervisor.launch(run, 1)
    wait_for(lambda: len(pids(run)) == 2, "two processes that train")
    run.control("stop")
    assert child.wait(60) == 0 and run.state == "stopped"
    assert {member.state for member in members(run)} <= {"stopped", "finished"} and not pids(run)
