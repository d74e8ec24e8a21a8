"""A run's folder: made whole, found by id only, read while it is written."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from tests.support.training import config
from tiger import runs
from tiger.core import files, paths
from tiger.runs.records import Control
from tiger.runs.run import Run

REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}


@pytest.fixture
def run(tiger_home) -> Run:
    return runs.new_run(config(REF) | {"title": "  My \n run "})


def dead_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def say(run: Run, **changes) -> None:
    files.write_json(run.path / "status.json", json.loads((run.path / "status.json").read_text()) | changes)


def test_new_run_writes_the_whole_request(run):
    stored = json.loads((run.path / "config.json").read_text())
    assert stored["id"] == run.id == run.path.name
    assert stored["title"] == "My run" and stored["kind"] == "quantizer" and stored["parent"] is None
    assert stored["quantizer"]["params"]["n_codes"] == 16
    assert stored["quantizer"]["params"]["beta"] == 0.25, "defaults are written out"
    assert run.state == "queued"
    assert runs.find(run.id).path == run.path


@pytest.mark.parametrize(("change", "words"), [
    ({"quantizer": {"name": "rqvae", "params": {"n_codes": 1}}}, "n_codes is 1, but must be between 2"),
    ({"quantizer": {"name": "rqvae", "params": {"speed": 1}}}, "'speed' is not a hyper-parameter"),
    ({"quantizer": {"name": "magic", "params": {}}}, "'magic' is not a quantizer"),
    ({"quantizer": {"name": "rqvae", "params": {"ema": True, "simvq": True}}}, "turn one off"),
    ({"kind": "party"}, "kind is 'party'"),
    ({"dataset": "synthetic"}, "dataset reference"),
])
def test_an_impossible_request_leaves_nothing_behind(tiger_home, change, words):
    with pytest.raises(ValueError, match=words):
        runs.new_run(config(REF) | change)
    assert list(paths.subfolder("runs").iterdir()) == []


@pytest.mark.parametrize("run_id", ["../x", "..", "", "a", "x" * 5000, "rqvae/../../etc", "RQVAE-1124-0000",
                                    "rqvae-1124-000000-zzzzzz", "ab\x00cdefg", "C:\\windows", None, 7])
def test_hostile_and_unknown_ids_are_refused_in_one_short_sentence(run, run_id):
    with pytest.raises(ValueError, match="No run") as caught:
        runs.find(run_id)
    assert len(str(caught.value)) < 150


def test_newest_first_and_foreign_folders_are_left_out(run):
    second = runs.new_run(config(REF))
    (paths.subfolder("runs") / "just-a-folder").mkdir()
    (paths.subfolder("runs") / "renamed-by-hand").mkdir()
    (paths.subfolder("runs") / "renamed-by-hand" / "config.json").write_text((run.path / "config.json").read_text())
    own = [found.id for found in runs.list_runs() if not found.read_only]
    assert own == [second.id, run.id]


@pytest.mark.parametrize("content", ["", "{", "[1, 2]", "\x00\x00", "{\"state\": "])
def test_a_torn_status_shows_as_interrupted(run, content):
    (run.path / "status.json").write_text(content)
    assert run.state == "interrupted"
    assert "resume" in run.status.message


@pytest.mark.processes
def test_running_only_counts_while_its_worker_lives(run):
    say(run, state="running", pid=os.getpid(), heartbeat_s=time.time())
    assert run.state == "running"
    say(run, heartbeat_s=time.time() - 60)
    assert run.state == "interrupted", "this process lives, but has not spoken for a minute"
    say(run, pid=dead_pid(), heartbeat_s=time.time())
    assert run.state == "interrupted"
    say(run, pid="nonsense")
    assert run.state == "interrupted"
    say(run, state="finished")
    assert run.state == "finished", "what is over stays over"


def test_a_waiting_run_that_is_told_to_stop_is_stopped(run):
    run.control("stop")
    assert run.state == "stopped"


def test_events_come_in_whole_lines_from_any_byte(run):
    log = run.path / "events.jsonl"
    log.write_bytes(b'{"step": 1}\n{"step": 2}\n{"step": 3, "lo')
    first, next_byte = run.events()
    assert [event["step"] for event in first] == [1, 2]
    assert next_byte == len(b'{"step": 1}\n') * 2
    with log.open("ab") as file:
        file.write(b'ss": 0.5}\nnot json\n[1]\n{"step": 4}\n')
    second, end = run.events(next_byte)
    assert second == [{"step": 3, "loss": 0.5}, {"step": 4}], "lines that are no objects are left out"
    assert run.events(end) == ([], end)
    assert [event["step"] for event in run.events(10**9)[0]] == [1, 2, 3, 4], "beyond the end: from the start"


def test_no_log_yet_is_no_event(run):
    assert run.events() == ([], 0)


def test_codes_are_the_newest_whole_ones(run):
    with pytest.raises(ValueError, match="no codes yet; it is queued"):
        run.codes()
    (run.path / "snapshots").mkdir()
    for step, n_rows in ((3, 4), (12, 4)):
        codes_NL = np.full((n_rows, 3), step, np.int16)
        save_file({"codes": codes_NL, "step": np.array(step)}, run.path / "snapshots" / f"{step:07d}.safetensors")
    some = {"codes": np.full((2, 3), 9, np.int16), "rows": np.array([0, 3]), "step": np.array(40)}
    save_file(some, run.path / "snapshots" / "0000040.safetensors")
    assert run.snapshots() == [3, 12, 40]
    assert run.snapshot(40)["rows"].tolist() == [0, 3] and run.snapshot(12)["rows"].tolist() == [0, 1, 2, 3]
    assert (run.codes() == 12).all(), "the sample at step 40 does not hold every item"
    np.save(run.path / "codes.npy", np.full((4, 3), 5, np.int32))
    assert (run.codes() == 5).all() and run.codes().dtype == np.int64
    with pytest.raises(ValueError, match=r"no codes at step 7; it has \[3, 12, 40\]"):
        run.snapshot(7)


def test_arrays_with_objects_are_never_read(run):
    np.save(run.path / "codes.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"codes.npy of run .* cannot be read"):
        run.codes()


def test_control_keeps_what_it_was_not_asked_to_change(run):
    run.control("pause")
    run.control(live_params={"beta": 1})
    run.control(live_params={"learning_rate": "0.01"})
    assert run.read_control() == Control("pause", None, {"beta": 1.0, "learning_rate": 0.01}, seq=3)
    assert run.live_params() == {"learning_rate": 0.01, "beta": 1.0, "restart_threshold": 1.0}
    run.control(step_to=7)
    assert run.read_control().step_to == 7
    run.control("run")
    assert run.read_control().step_to is None


@pytest.mark.parametrize(("asked", "words"), [
    ({"live_params": {"beta": -1}}, "beta is -1.0, but must be between"),
    ({"live_params": {"beta": float("nan")}}, "beta is nan"),
    ({"live_params": {"n_codes": 8}}, "'n_codes' cannot change while rqvae trains; what can: learning_rate, beta"),
    ({"action": "explode"}, "action is 'explode'"),
])
def test_bad_control_is_refused_and_changes_nothing(run, asked, words):
    with pytest.raises(ValueError, match=words):
        run.control(**asked)
    assert not (run.path / "control.json").exists()


def test_bundled_runs_are_for_looking(tiger_home, tmp_path, monkeypatch, run):
    demo = tmp_path / "data" / "runs" / "demo-rqvae"
    demo.mkdir(parents=True)
    (demo / "config.json").write_text(json.dumps(run.config.to_json() | {"id": "demo-rqvae", "created_s": 0}))
    monkeypatch.setattr(paths, "BUNDLED", tmp_path / "data")
    found = runs.find("demo-rqvae")
    assert [listed.id for listed in runs.list_runs()] == [run.id, "demo-rqvae"]
    for change in (lambda: found.control("stop"), lambda: runs.delete(found)):
        with pytest.raises(ValueError, match="bundled"):
            change()


def test_delete_refuses_a_busy_run_and_removes_any_other(run):
    say(run, state="paused", pid=os.getpid(), heartbeat_s=time.time())
    with pytest.raises(ValueError, match="is paused; stop it before"):
        runs.delete(run)
    say(run, state="finished")
    runs.delete(run)
    assert list(paths.subfolder("runs").iterdir()) == []


def test_the_command_line_leaves_defaults_out():
    asked = {"dataset": REF, "quantizer": {"name": "rqvae", "params": {
        "n_codes": 64, "beta": 0.25, "ema": True, "kmeans_init": False, "hidden": "64-32"}}}
    assert runs.command_line(asked) == ("python -m tiger train rqvae --dataset synthetic --n-codes 64 "
                                        "--hidden 64-32 --no-kmeans-init --ema")


def test_replaced_files_leave_no_part_behind(tmp_path):
    path = tmp_path / "a.json"
    for number in range(3):
        files.write_json(path, {"n": number}, durable=number == 2)
    assert files.read_json(path) == {"n": 2}
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.processes
def test_a_lock_is_exclusive_between_processes_and_ends_with_its_owner(tmp_path):
    code = ("import sys, time; from pathlib import Path; from tiger.core.files import Lock; "
            "lock = Lock(Path(sys.argv[1])); print(lock.acquire(), flush=True); time.sleep(60)")
    owner = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "l")], stdout=subprocess.PIPE, text=True,
                             cwd=paths.PROJECT)
    assert owner.stdout is not None and owner.stdout.readline().strip() == "True"
    assert not files.Lock(tmp_path / "l").acquire()
    owner.kill()
    owner.wait()
    assert files.Lock(tmp_path / "l").acquire(timeout_s=5)
