"""The queue is the folders: bounded, shared by servers, and none the worse for a restart."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.support.training import config, until, wait_for, warm, write_shop
from tiger import runs
from tiger.cli import main as cli
from tiger.core import files, paths
from tiger.runs import supervisor as jobs
from tiger.runs.executors import local
from tiger.runs.records import WAITING, Status
from tiger.runs.supervisor import Supervisor

LONG = 1_000_000
REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}


@pytest.fixture
def shop(tiger_home, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_WORKERS", "1")
    monkeypatch.setattr(local, "n_cores", lambda: 1)  # one thread a worker: many tests may share the machine
    return write_shop(tmp_path / "shop")


@pytest.fixture
def server(tiger_home):
    """Opens supervisors as several servers would; afterwards closes them and ends every worker of this workspace."""
    opened = []

    def begin(**arguments) -> Supervisor:
        opened.append(Supervisor(executor=warm(), **arguments))
        return opened[-1]

    yield begin
    for supervisor in opened:
        supervisor.close()
    for supervisor in opened:
        for child in supervisor.children.values():
            child.kill()
            child.wait()


def trains(run) -> bool:
    return run.state == "running" and run.status.step > 0


def test_one_trains_others_wait_their_turn_and_a_paused_one_goes_on_before_them(shop, server):
    """One worker: A pauses, B trains, C waits in the queue. A goes on once B is over, and before C."""
    supervisor = server()
    a, b, c = (supervisor.submit(config(shop, n_steps=LONG)) for _ in range(3))
    wait_for(lambda: trains(a), "A")
    assert [run.id for run in supervisor.queue()] == [b.id, c.id]
    c.control("stop")
    assert c.state == "stopped" and [run.id for run in supervisor.queue()] == [b.id]
    supervisor.resume(c.id)
    assert [run.id for run in supervisor.queue()] == [b.id, c.id]

    a.control("pause")
    stage = until(a, "paused").stage
    wait_for(lambda: trains(b), "B")
    assert a.state == "paused"
    a.control("run")
    wait_for(lambda: a.status.stage == WAITING, "A to say that it waits")
    step = a.status.step
    a.step()
    wait_for(lambda: a.status.step == step + 1 and a.state == "paused", "a single step, which disturbs nobody")
    a.control("pause")
    wait_for(lambda: a.status.stage == stage, "A to pause as before")
    a.control("run")
    wait_for(lambda: a.status.stage == WAITING, "A to wait again")
    before = b.status.step
    wait_for(lambda: b.status.step > before + 20, "B to train")
    assert (a.state, a.status.step, c.state) == ("paused", step + 1, "queued")
    assert cli.main(["runs", "stop", b.id]) == 0
    wait_for(lambda: a.state == "running" and a.status.step > step + 20, "A")
    assert b.state == "stopped" and a.status.stage == stage and c.state == "queued"

    a.control("pause")
    wait_for(lambda: trains(c), "C")
    a.control("run")
    wait_for(lambda: a.status.stage == WAITING, "A to wait behind C")
    a.control("stop")
    assert until(a, "stopped").message == "Stopped; resume it to continue." and a.has_result()
    assert c.state == "running"


def test_a_worker_that_starts_while_all_are_busy_waits_and_hears_stop(shop, server, monkeypatch):
    """Somebody goes on in the moment in which the queue starts another."""
    taken = files.Lock(paths.subfolder("runs") / ".place-0.lock")
    assert taken.acquire()
    one, two = (runs.new_run(config(shop)) for _ in range(2))
    children = [jobs.launch(run, 1, warm()) for run in (one, two)]
    for run in (one, two):
        wait_for(lambda run=run: run.status.stage == WAITING, "both to wait")
    one.control("stop")
    assert children[0].wait(timeout=60) == 0 and one.state == "stopped"
    taken.release()
    assert children[1].wait(timeout=120) == 0 and two.state == "finished"


def test_a_run_at_the_command_line_shares_the_cores_with_those_that_train(tiger_home, monkeypatch):
    started: list[dict[str, str]] = []
    monkeypatch.setattr(local, "n_cores", lambda: 12)
    monkeypatch.setattr(local.subprocess, "Popen", lambda *_, env, **more: started.append(env))
    for state in ("running", "paused", "finished", "running"):  # the last one is its own
        run = runs.new_run(config(REF), runs.Status(state, pid=os.getpid(), heartbeat_s=time.time()))
    jobs.launch(run, jobs.n_at_once())
    assert (started[0]["TIGER_THREADS"], started[0]["TIGER_WORKERS"]) == ("6", "2")


def test_a_worker_keeps_its_memory_unless_the_machine_says_otherwise(tiger_home, monkeypatch):
    started: list[dict[str, str]] = []
    monkeypatch.setattr(local.subprocess, "Popen", lambda *_, env, **more: started.append(env))
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "1000000")
    jobs.launch(runs.new_run(config(REF)), 1)
    assert started[0]["MALLOC_MMAP_THRESHOLD_"] == "33554432" and started[0]["MALLOC_TRIM_THRESHOLD_"] == "1000000"


def test_a_full_queue_says_so_and_takes_nothing(tiger_home, monkeypatch):
    monkeypatch.setattr(Supervisor, "_start_waiting", lambda self: None)
    supervisor = Supervisor(max_waiting=3)
    waiting = [supervisor.submit(config(REF)) for _ in range(3)]
    with pytest.raises(ValueError, match="3 runs are waiting already; stop one of them"):
        supervisor.submit(config(REF))
    assert len([run for run in runs.list_runs() if not run.read_only]) == 3
    waiting[0].control("stop")
    assert [run.id for run in supervisor.queue()] == [run.id for run in waiting[1:]]
    supervisor.submit(config(REF))
    with pytest.raises(ValueError, match="3 runs are waiting"):
        supervisor.resume(waiting[0].id)
    supervisor.close()


def test_a_class_submits_at_once_and_the_bound_holds(tiger_home, monkeypatch):
    monkeypatch.setattr(Supervisor, "_start_waiting", lambda self: None)
    servers = [Supervisor(max_waiting=10), Supervisor(max_waiting=10)]
    answers = []

    def submit(number: int) -> None:
        try:
            answers.append(servers[number % 2].submit(config(REF)).id)
        except ValueError as error:
            answers.append(str(error))

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum("are waiting already" in answer for answer in answers) == 20
    assert {run.id for run in servers[0].queue()} == {answer for answer in answers if " " not in answer}
    for supervisor in servers:
        supervisor.close()


def test_a_server_restart_loses_nothing(shop, server):
    """Killed, not closed: one run trains on, one waits, and the next server takes both as they are."""
    code = ("import sys, json; from tiger.runs import supervisor as jobs; from tiger.runs.executors import local\n"
            "s = jobs.current()\n"
            "local.n_cores = lambda: 1\n"
            "for line in sys.stdin: print(s.submit(json.loads(line)).id, flush=True)")
    old = subprocess.Popen([sys.executable, "-c", code], cwd=paths.PROJECT, text=True,
                           stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert old.stdin and old.stdout
    ids = []
    for _ in range(2):
        old.stdin.write(json.dumps(config(shop, n_steps=LONG)) + "\n")
        old.stdin.flush()
        ids.append(old.stdout.readline().strip())
    first, second = map(runs.find, ids)
    wait_for(lambda: trains(first), "the first run")
    pid, step = first.status.pid, first.status.step
    old.kill()
    old.wait()
    new = server()
    time.sleep(1)
    assert first.state == "running" and first.status.pid == pid, "not started a second time"
    wait_for(lambda: first.status.step > step, "the first run going on")
    assert [run.id for run in new.queue()] == [second.id]
    first.control("stop")
    wait_for(lambda: trains(second), "the second run under the new server")
    assert second.status.pid == new.children[second.id].pid


def test_two_servers_start_each_run_once(shop, server, monkeypatch):
    monkeypatch.setenv("TIGER_WORKERS", "2")
    one, two = server(), server()
    submitted = [(one, two)[number % 2].submit(config(shop)) for number in range(3)]
    for run in submitted:
        until(run, "finished", timeout_s=240)
    assert [run.status.attempt for run in submitted] == [1, 1, 1]
    assert all("Another worker" not in run.log() for run in submitted)


def test_a_killed_worker_is_shown_and_resumes(shop, server):
    supervisor = server()
    run = supervisor.submit(config(shop, n_steps=400))
    wait_for(lambda: trains(run), "the run")
    os.kill(run.status.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    until(run, "interrupted")
    wait_for(lambda: "The worker process ended" in run.status.message, "the reason")
    supervisor.resume(run.id)
    assert until(run, "finished").attempt == 2


def test_a_worker_that_cannot_even_start_fails_in_words(shop, server, monkeypatch):
    monkeypatch.setattr(sys, "executable", sys.executable)
    monkeypatch.setenv("PYTHONHOME", "/nowhere")
    supervisor = server()
    supervisor.executor.fork_server = None
    run = supervisor.submit(config(shop))
    status = until(run, "failed")
    assert "The worker ended with code 1" in status.message and "\n" not in status.message


@pytest.mark.parametrize("state", ["queued", "finished"])
def test_only_what_ended_early_can_be_resumed(tiger_home, monkeypatch, state):
    monkeypatch.setattr(Supervisor, "_start_waiting", lambda self: None)
    supervisor = Supervisor()
    run = supervisor.submit(config(REF))
    files.write_json(run.path / "status.json", run.status.to_json() | {"state": state})
    with pytest.raises(ValueError, match=f"is {state}; only a run that was stopped"):
        supervisor.resume(run.id)
    supervisor.close()


def test_hostile_ids_are_refused(tiger_home):
    supervisor = jobs.current()
    assert jobs.current() is supervisor
    for run_id in ("../x", "x" * 9999, ""):
        with pytest.raises(ValueError, match="No run"):
            supervisor.resume(run_id)
    supervisor.close()


def test_cores_are_shared(monkeypatch):
    monkeypatch.delenv("TIGER_WORKERS", raising=False)
    for cores, workers in ((1, 1), (2, 1), (4, 2), (64, 2)):
        monkeypatch.setattr(local, "n_cores", lambda cores=cores: cores)
        assert jobs.n_workers() == workers
    monkeypatch.setenv("TIGER_WORKERS", "5")
    assert jobs.n_workers() == 5
    monkeypatch.undo()
    assert 1 <= local.n_cores() <= (os.cpu_count() or 1)


def test_runs_that_are_over_are_read_once(shop, server, monkeypatch):
    """Imported IDs are finished from the start and never had a worker; a server looks at its folder three times a second."""
    ended = [runs.new_run(config(shop), Status("finished")), runs.new_run(config(shop), Status("failed", pid=1))]
    supervisor = server()
    supervisor.close()
    supervisor.queue()
    read = []
    monkeypatch.setattr(jobs, "Run", lambda path, real=jobs.Run: read.append(path) or real(path))
    assert supervisor.queue() == [] and read == []
    files.write_json(ended[1].path / "status.json", Status("queued").to_json())
    assert [run.id for run in supervisor.queue()] == [ended[1].id] and len(read) == 1
