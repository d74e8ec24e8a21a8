"""A full disk is one sentence with what is free and needed: before a start, in the worker, on pages, at the command line."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.support.cli import ask
from tests.support.pages import open_page
from tests.support.training import Ended, config, keep_process, write_shop
from tiger import runs
from tiger.core import disk, files, paths
from tiger.runs import supervisor, worker
from tiger.runs.executors.local import LocalJob
from tiger.ui.shared import pagelist

SENTENCE = "The disk is full: "


@pytest.fixture
def shop(tiger_home, tmp_path, monkeypatch):
    keep_process(monkeypatch)
    return write_shop(tmp_path / "shop", 120)


@pytest.fixture
def little_space(monkeypatch):
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: disk.shutil._ntuple_diskusage(10**9, 10**9 - 2**20, 2**20))


def no_space(*args, **more):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(args[0]))


def test_nothing_is_started_or_resumed_without_space(shop, little_space, capsys):
    queue = supervisor.current()
    with pytest.raises(ValueError, match=SENTENCE + r"1\.0 MB are free in .* about 50 MB are needed"):
        queue.submit(config(shop))
    assert list(paths.subfolder("runs").glob("rqvae*")) == []
    code, _, err = ask(capsys, "train", "rkmeans")
    assert code == 2 and SENTENCE in err and err.count("\n") == 1


def test_resume_needs_space_too(shop, monkeypatch, capsys):
    run = runs.new_run(config(shop), runs.Status("stopped", message="Stopped."))
    monkeypatch.setattr(disk, "free_bytes", lambda _: 2**20)
    with pytest.raises(ValueError, match=SENTENCE):
        supervisor.current().resume(run.id)
    code, _, err = ask(capsys, "runs", "resume", run.id)
    assert code == 2 and SENTENCE in err and run.state == "stopped"


def test_a_worker_whose_disk_fills_ends_with_the_sentence(shop, monkeypatch):
    run = runs.new_run(config(shop, "rkmeans", n_codes=8))
    write = files.write

    def full(path, data, durable=False):
        if Path(path).suffix != ".json":
            no_space(path)
        write(path, data, durable)

    monkeypatch.setattr(files, "write", full)
    assert worker.execute(run) == 1
    assert run.state == "failed" and run.status.message.startswith(SENTENCE)


def test_the_last_word_fits_on_a_full_disk(shop, monkeypatch):
    """No new file at all can be made, not even the status."""
    run = runs.new_run(config(shop, "rkmeans", n_codes=8))
    monkeypatch.setattr(files, "write", no_space)
    assert worker.execute(run) == 1
    assert run.state == "failed" and run.status.message.startswith(SENTENCE)


def test_record_exit_does_not_fail_and_says_why_the_worker_ended(shop, monkeypatch, caplog):
    run = runs.new_run(config(shop), runs.Status("running", pid=4_000_000, heartbeat_s=1e12))
    monkeypatch.setattr(files, "write", no_space)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 4096)
    supervisor.record_exit(run, LocalJob(run, Ended(1, 4_000_000)), 1)
    assert run.status.message.startswith(SENTENCE) and run.status.state == "failed"
    other = runs.Run(run.path.with_name("other-1125-000000-abcdef"))
    other.path.mkdir()
    (other.path / "status.json").write_text((run.path / "status.json").read_text().replace("failed", "running"))
    monkeypatch.setattr(files, "rewrite_json", no_space)
    supervisor.record_exit(other, LocalJob(other, Ended(1, 4_000_000)), 1)
    assert "could not be written" in caplog.text


def test_start_and_stop_say_it_on_the_page(shop, monkeypatch):
    app = open_page(pagelist.BY_KEY["train"])
    monkeypatch.setattr(disk, "free_bytes", lambda _: 2**20)
    app.button(key="start").click().run()
    said = [box.value.replace("\\", "") for box in app.info]
    assert any(text.startswith(SENTENCE) for text in said) and not app.exception


def test_stop_says_it_on_the_page(shop, monkeypatch):
    ref = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
    run = runs.new_run(config(ref), runs.Status("running", pid=os.getpid(), heartbeat_s=1e12))
    app = open_page(pagelist.BY_KEY["train"], run=run.id)
    monkeypatch.setattr(files, "write", no_space)
    app.button(key="do:Stop").click().run()
    assert any(SENTENCE in box.value.replace("\\", "") for box in app.toast) and not app.exception


def test_encode_to_a_full_disk(tiger_home, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(np, "save", no_space)
    code, _, err = ask(capsys, "encode", "demo-rqvae", "--out", str(tmp_path / "codes.npy"), "--json")
    assert code == 2 and SENTENCE in err and str(tmp_path) in err and err.count("\n") == 1


@pytest.fixture
def tmpfs(tmp_path):
    """A real disk of 3 MB."""
    place = tmp_path / "small"
    place.mkdir()
    if sys.platform != "linux" or os.geteuid() or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here; the other tests stand in for it")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.processes
def test_a_real_small_disk(tmpfs, tmp_path, monkeypatch):
    ref = write_shop(tmp_path / "shop", 300)
    monkeypatch.setenv("TIGER_HOME", str(tmpfs / "home"))
    monkeypatch.setenv("TIGER_MIN_FREE_MB", "0")
    run = runs.new_run(config(ref, n_steps=200_000, hidden="256", latent_width=64, batch_size=32))
    ballast = tmpfs / "ballast"
    ballast.write_bytes(b"\0" * (disk.free_bytes(tmpfs) - 200_000))
    child = supervisor.launch(run, 1)
    code = child.wait(timeout=240)
    supervisor.record_exit(run, child, code)
    assert (code, run.state) == (1, "failed"), run.log()
    assert run.status.message.startswith(SENTENCE) and "MB are free in" in run.status.message
    assert "Traceback" in run.log() or disk.nearly_full(run.path)
