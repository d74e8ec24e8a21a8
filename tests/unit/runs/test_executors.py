"""Executors by name, and whether a worker lives that runs on another machine."""

import os
import socket
import sys
import time

import pytest

from tests.support.training import config
from tiger import runs
from tiger.cli import main as cli
from tiger.core import files
from tiger.runs import executors
from tiger.runs.records import Status
from tiger.runs.run import STALE_S


@pytest.mark.parametrize(("name", "absent", "sentence"), [
    ("slurm", "", "TIGER_EXECUTOR is 'slurm', but must be one of local, ray"),
    ("ray", "ray.job_submission", "TIGER_EXECUTOR is 'ray', but Ray is not installed here; pip install 'tiger-lab.ray.'")])
def test_what_cannot_be_used_is_said_in_one_sentence(tiger_home, monkeypatch, capsys, name, absent, sentence):
    """Also at the command line, whose run can be resumed once the name is right."""
    monkeypatch.setenv("TIGER_EXECUTOR", name)
    if absent:
        monkeypatch.setitem(sys.modules, absent, None)
    with pytest.raises(ValueError, match=sentence):
        executors.create()
    assert cli.main(["train", "rqvae", "--n-steps", "1"]) == 2
    assert "TIGER_EXECUTOR" in capsys.readouterr().err
    made, = (run for run in runs.list_runs() if not run.bundled)
    assert made.state == "failed" and "TIGER_EXECUTOR" in made.status.message


def test_a_cluster_that_does_not_answer_is_named(monkeypatch):
    pytest.importorskip("ray", reason="Ray is not installed")
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:1")
    with pytest.raises(ValueError, match=r"No Ray cluster answers at http://127.0.0.1:1 .*ray start --head"):
        executors.create("ray")
    monkeypatch.setenv("TIGER_JOB_CPUS", "many")
    with pytest.raises(ValueError, match="TIGER_JOB_CPUS is 'many', but must be a number"):
        executors.create("ray")


def test_a_worker_on_another_machine_lives_by_its_last_sign_of_life(tiger_home):
    """Its process number means nothing here: 0 is no worker's, and this process's own is somebody else's there."""
    run = runs.new_run(config({"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}))

    def state(host: str, pid: int, silent_s: float) -> str:
        status = Status("running", pid=pid, host=host, job="a", heartbeat_s=time.time() - silent_s)
        files.write_json(run.path / "status.json", status.to_json())
        return run.state

    assert state("elsewhere", 0, 5) == state(socket.gethostname(), os.getpid(), 5) == "running"
    assert state(socket.gethostname(), 0, 5) == state("", 0, 5) == "interrupted"
    assert state("elsewhere", os.getpid(), STALE_S + 5) == "interrupted"
