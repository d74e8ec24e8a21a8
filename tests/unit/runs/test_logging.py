"""Workers and supervisor say through ``logging`` what failed; a worker's log has the time of every line."""

import errno
import logging
import re
import threading

import pytest

from tests.support.training import config, keep_process
from tiger import runs
from tiger.core import logs
from tiger.runs import supervisor, worker
from tiger.runs.worker_context import WorkerContext

REF = {"name": "synthetic", "params": {"n_items": 60, "n_users": 20}, "embedding": {"method": "tfidf", "dim": 8}}


@pytest.fixture
def run(tiger_home, monkeypatch):
    keep_process(monkeypatch)
    return runs.new_run(config(REF, "random_codes", n_codes=8))


def test_a_worker_logs_its_beginning_and_its_end(run, caplog):
    caplog.set_level(logging.INFO, "tiger")
    assert worker.execute(run) == 0
    said = [(record.name, record.message) for record in caplog.records if record.name == "tiger.runs.worker"]
    assert said[0][1] == f"attempt 1 at run {run.id}" and said[-1][1].startswith("finished after step")


def test_a_worker_that_fails_logs_the_trace_and_says_one_sentence(run, caplog, monkeypatch):
    def broken(context):
        raise KeyError("no such thing")
        yield

    monkeypatch.setitem(worker.TASKS, "quantizer", broken)
    assert worker.execute(run) == 1
    record = next(record for record in caplog.records if record.name == "tiger.runs.worker")
    assert record.levelname == "ERROR" and record.exc_info is not None and "no such thing" in caplog.text
    assert run.status.message.startswith("Failed: KeyError")


def test_a_run_that_nothing_executes_is_refused_by_name(run):
    made = runs.new_run({"kind": "import", "dataset": REF})
    assert worker.execute(made) == 1 and "A run of kind 'import' has nothing to execute" in made.status.message


def test_a_beat_that_cannot_be_written_is_logged_and_tried_again(run, caplog, monkeypatch):
    context, beats = WorkerContext(run), []

    def beat():
        beats.append(1)
        if len(beats) == 1:
            raise OSError(errno.EIO, "the disk is gone")
        heart.ended.set()

    heart = worker.Heartbeat(context)
    monkeypatch.setattr(context, "beat", beat)
    heart.start()
    heart.join(timeout=30)
    assert len(beats) == 2 and "no sign of life could be written" in caplog.text and "the disk is gone" in caplog.text


def test_a_supervisor_logs_what_lasts_once_and_goes_on(tiger_home, caplog, monkeypatch):
    looks, enough = [], threading.Event()

    def start_waiting(self):
        looks.append(1)
        if len(looks) > 5:
            enough.set()
        raise OSError(errno.EACCES, "not readable")

    monkeypatch.setattr(supervisor, "LOOK_S", 0.001)
    monkeypatch.setattr(supervisor.Supervisor, "_start_waiting", start_waiting)
    made = supervisor.Supervisor()
    assert enough.wait(30)
    made.close()
    said = [record for record in caplog.records if record.name == "tiger.runs.supervisor"]
    assert len(said) == 1 and "not readable" in caplog.text


def test_every_line_of_a_log_begins_with_its_time(capsys, monkeypatch):
    record = logging.LogRecord("tiger.runs.worker", logging.WARNING, "f", 1, "something %s", ("odd",), None)
    line = logging.Formatter(logs.FORMAT).format(record)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING tiger.runs.worker: something odd$", line)
