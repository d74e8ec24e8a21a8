"""One contract for every executor: what people do to a run works alike on this machine and on a Ray cluster of two nodes.

The server is made to believe that it runs on another machine than Ray's nodes, so that nothing goes by their process numbers.
"""

import os
import signal
import socket

import numpy as np
import psutil
import pytest

from tests.support import ray_cluster
from tests.support.deadly import Deadly
from tests.support.training import clusters, config, execute, fit_into, until, wait_for, warm, write_shop
from tiger import runs
from tiger.core.progress import result_of
from tiger.runs import executors, worker
from tiger.runs.bulk import encode, recommend
from tiger.runs.bulk.engines import LocalEngine, RayEngine
from tiger.runs.executors import local
from tiger.runs.supervisor import Supervisor

LONG = 1_000_000
FINITE = {"n_steps": 1000, "log_every": 50}
RESULT = ("codes.npy", "latent.npy", "weights.safetensors")


@pytest.fixture
def shop(tiger_home, tmp_path, monkeypatch):
    monkeypatch.setenv("TIGER_WORKERS", "1")
    monkeypatch.setenv("TIGER_CHECKPOINT_S", "0.05")
    monkeypatch.setattr(local, "n_cores", lambda: 1)  # one thread a worker, as a Ray job has
    return write_shop(tmp_path / "shop")


@pytest.fixture(params=list(executors.REGISTRY))
def server(request, tiger_home, monkeypatch):
    """A supervisor over each executor; afterwards its workers are ended."""
    if request.param == "ray":
        monkeypatch.setenv("RAY_ADDRESS", ray_cluster.dashboard(request.getfixturevalue("cluster")))
        monkeypatch.setattr(socket, "gethostname", lambda: "the-server")
    supervisor = Supervisor(executor=warm() if request.param == "local" else executors.create(request.param))
    yield supervisor
    supervisor.close()
    for job in supervisor.children.values():
        job.kill()
    for job in supervisor.children.values():
        job.wait(60)
    if request.param != "local":
        supervisor.executor.close()


def trains(run) -> bool:
    return run.state == "running" and run.status.step > 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What the finite run comes to where nobody disturbs it, on this machine: each file's bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        patch.setattr(local, "n_cores", lambda: 1)
        run = runs.new_run(config(write_shop(tmp_path_factory.mktemp("shop")), **FINITE))
        assert warm().submit(run, 1).wait(240) == 0, run.log()
        return {name: (run.path / name).read_bytes() for name in RESULT}


def test_what_people_do_to_a_run_works_alike(shop, server, undisturbed):
    """Queue, pause, single steps, live parameters, stop, resume, kill -9; then the codes of a run that nobody disturbed."""
    first, second = server.submit(config(shop, n_steps=LONG, log_every=1)), server.submit(config(shop, **FINITE))
    wait_for(lambda: trains(first), "the first run")
    assert [run.id for run in server.queue()] == [second.id], "one place, so the second waits"
    first.control("pause")
    paused = until(first, "paused")
    wait_for(lambda: trains(second), "the second run, in the place that the pause freed")
    first.control(live_params={"beta": 2.0})
    first.step(3)
    wait_for(lambda: first.status.step == paused.step + 3 and first.state == "paused", "three steps")
    assert [event["value"] for event in first.events()[0] if event.get("live_param") == "beta"] == [2.0]
    first.control("stop")
    assert until(first, "stopped").message == "Stopped; resume it to continue." and first.has_result()

    pid = second.status.pid
    lower = worker.NICE if second.status.job == "" else 0  # beside the server's pages, or on cores that are its own
    wait_for(lambda: psutil.Process(pid).nice() == psutil.Process().nice() + lower, "the niceness of a worker")
    os.kill(pid, signal.SIGKILL)
    until(second, "interrupted")
    wait_for(lambda: "The worker process ended (memory may have run out)" in second.status.message, "the reason")
    server.resume(second.id)
    assert until(second, "finished", timeout_s=240).attempt == 2
    assert "attempt 2 at run" in second.log() and second.status.n_threads == 1
    assert {name: (second.path / name).read_bytes() for name in RESULT} == undisturbed


def test_a_cluster_does_bulk_work_to_the_same_bytes(shop, tmp_path, cluster, monkeypatch):
    """IDs that meet across shards are numbered by tasks on two nodes, and everybody's lists are searched there; on this machine
    by one process. A task whose process is killed is done again, four times at most."""
    emb_IE = clusters(700, 12)
    run = fit_into(runs.new_run(config({"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}, "rkmeans",
                                       n_codes=8)), emb_IE)
    np.save(tmp_path / "vectors.npy", emb_IE)
    execute(coded := runs.new_run(config(shop, "rkmeans", n_codes=8)))
    small = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 1}
    execute(model := runs.new_run({"kind": "model", "dataset": shop, "ids": {"run": coded.id},
                                   "model": {"name": "rq_transformer", "params": small}}))
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    written = []
    for engine in (RayEngine(), LocalEngine(1)):
        ids, lists = tmp_path / f"ids-{engine.n_workers}", tmp_path / f"lists-{engine.n_workers}"
        made = result_of(encode.encode(run, tmp_path / "vectors.npy", ids, engine, shard_size=150, range_size=200))
        assert result_of(recommend.recommend(model, lists, engine, k=4, width=10, shard_size=25)) == 60
        files = [path for folder in (ids, lists) for path in folder.iterdir() if path.name != ".lock"]
        written.append({f"{path.parent.name[:3]} {path.name}": path.read_bytes() for path in files} | {"made": str(made)})
        if isinstance(engine, RayEngine):
            with pytest.raises(ChildProcessError, match="died 4 times while it did 'count' of piece 3"):
                list(engine.each(Deadly(tmp_path, 100), "count", [2, 3]))
            assert len(list(tmp_path.glob("death-*"))) == 4 and (tmp_path / "count-2").exists()
        engine.close()
    assert written[0] == written[1] and len(written[0]) == 12 and made.collisions.largest > 1


@pytest.mark.parametrize("server", ["ray"], indirect=True)
def test_a_run_whose_node_dies_goes_on_elsewhere(shop, cluster, server, undisturbed, monkeypatch):
    """The cluster's other core is taken, so the run waits for it and says so; then it ends as if nothing had happened."""
    monkeypatch.setenv("TIGER_WORKERS", "2")
    node = next(iter(cluster.worker_nodes))
    pair = [server.submit(config(shop, **FINITE)), server.submit(config(shop, **FINITE))]
    wait_for(lambda: all(run.id in server.children and server.children[run.id].node for run in pair), "both to be placed")
    victim = next(run for run in pair if server.children[run.id].node == node.node_id)
    other = next(run for run in pair if run is not victim)
    wait_for(lambda: trains(other), "the other run")
    other.control("pause")
    wait_for(lambda: trains(victim) and (victim.path / "checkpoint").exists(), "a checkpoint")
    victim.control("pause")  # or it may be finished before its node has died
    wait_for(lambda: victim.state == "paused", "the run to pause")
    cluster.remove_node(node, allow_graceful=False)
    waits = wait_for(lambda: (status := victim.status).stage == "waiting for the cluster" and status, "the run on its way")
    victim.control("run")
    wait_for(lambda: victim.status.heartbeat_s > waits.heartbeat_s, "a sign of life while it waits")
    other.control("stop")
    assert until(victim, "finished", timeout_s=240).attempt == 2
    assert {name: (victim.path / name).read_bytes() for name in RESULT} == undisturbed
