"""The index of the store: what it says of a run, that nothing is read twice, and that nothing that changed is missed."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.support.made_runs import finished, settle, write_status
from tiger import metrics, quantizers, runs
from tiger.core import files
from tiger.runs import artifacts, index, labels, outcome

CODES = np.array([[0, 1, 2], [0, 1, 2], [3, 1, 2], [3, 4, 5], [6, 7, 8]])


@pytest.fixture(autouse=True)
def _workspace(tiger_home):
    pass


def own() -> list[index.Entry]:
    return [entry for entry in index.entries() if not entry.run.read_only]


def test_an_entry_says_what_the_files_say():
    run = finished("Mine", codes_IL=CODES, beta=4.0)
    entry, = own()
    assert (entry.id, entry.title, entry.method, entry.params["beta"]) == (run.id, "Mine", "rqvae", 4.0)
    assert entry.short_id == run.id[-6:] and entry.trained_s == 1.5
    assert (entry.outcome.n_items, entry.outcome.distinct) == (5, 4)
    share_K = np.array([2, 2, 1]) / 5  # codes 0, 3, 6 of level 1
    assert entry.outcome.perplexity[0] == pytest.approx(np.exp(-(share_K * np.log(share_K)).sum()))
    assert entry.newest["loss"] == 1.0


def test_what_did_not_change_is_the_same_object_and_what_changed_is_read_again(monkeypatch):
    run, other = finished("One"), finished("Other")
    settle()
    index.entries()
    read = []
    monkeypatch.setattr(index, "_read", lambda run, real=index._read: read.append(run.id) or real(run))
    before = {entry.id: entry for entry in own()}
    assert {entry.id: entry for entry in own()} == before and read == []
    runs.label(run, name="Renamed")
    assert {entry.id: entry.title for entry in own()} == {run.id: "Renamed", other.id: "Other"}
    assert set(read) == {run.id}
    assert index.of(other) is before[other.id]


def test_a_status_written_over_in_place_is_noticed():
    """As a worker does where the disk is full."""
    run = finished("One")
    write_status(run, state="running", pid=os.getpid(), heartbeat_s=4e9)
    settle()
    index.entries()
    path = run.path / "status.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "state": "failed"}))
    assert own()[0].status.state == "failed"


def test_while_nothing_changes_the_answer_is_the_same_object_and_costs_one_look_a_run(monkeypatch):
    runs_made = [finished(f"Run {number}") for number in range(5)]
    settle()
    before = index.entries()
    looks = []
    monkeypatch.setattr(files, "changed_ns", lambda path, real=files.changed_ns: looks.append(path) or real(path))
    assert index.entries() is before and len(looks) == len(before)
    write_status(runs_made[0], message="told")
    after = index.entries()
    assert after is not before and [entry.status.message for entry in after if entry.id == runs_made[0].id] == ["told"]
    runs.delete(runs_made[1])
    assert len(index.entries()) == len(before) - 1


def test_a_worker_that_died_shows_at_once_though_no_file_changed():
    run = finished("One")
    write_status(run, state="running", pid=os.getpid(), heartbeat_s=4e9)
    settle()
    assert own()[0].status.state == "running"
    write_status(run, state="running", pid=2**22 + 1, heartbeat_s=4e9)
    settle()
    index.entries()
    assert own()[0].status.state == "interrupted"


def test_deleted_and_spoilt_folders_are_left_out():
    run, other = finished("One"), finished("Other")
    index.entries()
    runs.delete(run)
    files.write(other.path / "config.json", "{")
    assert own() == []
    shutil.rmtree(other.path)
    assert own() == []


def test_a_log_that_ends_in_a_torn_line_gives_its_last_whole_one():
    run = finished("One")
    with (run.path / "events.jsonl").open("a") as log:
        log.write('{"step": 40, "lo')
    assert index.of(run).newest["step"] == 30


def test_outcome_of_a_fit_is_the_doctors_explained_variance(tiny, tmp_path):
    q = quantizers.create("rkmeans", n_levels=2, n_codes=2).fit(tiny.embedding_IE)
    codes_IL = q.encode(tiny.embedding_IE)
    run = runs.new_run({"dataset": {"name": "synthetic", "params": {}}, "quantizer": {
        "name": "rkmeans", "params": {"n_levels": 2, "n_codes": 2}}})
    artifacts.write_result(run, q, tiny.embedding_IE, 1)
    found = outcome.read(run.path)
    lost = ((tiny.embedding_IE - q.decode(codes_IL)) ** 2).sum()
    spread = ((tiny.embedding_IE - tiny.embedding_IE.mean(0)) ** 2).sum()
    assert found.explained == pytest.approx(1 - lost / spread, rel=1e-5)
    assert found.distinct == len(np.unique(codes_IL, axis=0)) == metrics.collisions(codes_IL).unique
    assert found.distinct_share == found.distinct / 6
    artifacts.clear(run, -1)
    assert outcome.read(run.path) is None, "a run that trains again has no outcome yet"


@pytest.mark.parametrize("spoilt", ["", "[]", '{"n_items": 5}',
                                    '{"n_items": 5, "distinct": 4, "n_codes": [16], "perplexity": []}',
                                    '{"n_items": 5, "distinct": 4, "n_codes": [0], "perplexity": [1.0], "explained": null}',
                                    '{"n_items": 5, "distinct": 4, "n_codes": [2], "perplexity": ["x"], "explained": 1}'])
def test_a_spoilt_outcome_counts_as_none(tmp_path, spoilt):
    (tmp_path / outcome.FILE).write_text(spoilt)
    assert outcome.read(tmp_path) is None


def test_labels_are_kept_and_each_changes_alone():
    run = finished("Started as this")
    runs.label(run, name="  My   run ", tags=["a", "b", "a"])
    runs.label(run, starred=True, note=" why ")
    assert run.labels == labels.Labels("My run", "why", ("a", "b"), True)
    assert run.title == "My run" and run.config.title == "Started as this"
    runs.label(run, name="", tags=[])
    assert run.title == "Started as this" and run.labels == labels.Labels("", "why", (), True)


@pytest.mark.parametrize(("change", "words"), [
    ({"name": "x" * 121}, "at most 120 characters, but this one has 121"), ({"note": "x" * 2001}, "at most 2,000"),
    ({"tags": ["two words"]}, "'two words' cannot be a tag"), ({"tags": ["a,b"]}, "cannot be a tag"),
    ({"tags": [f"t{number}" for number in range(21)]}, "at most 20 tags, but these are 21")])
def test_labels_out_of_bounds_are_refused_and_change_nothing(change, words):
    run = finished("One")
    runs.label(run, name="Kept")
    with pytest.raises(ValueError, match=words):
        runs.label(run, **change)
    assert run.labels == labels.Labels("Kept")


def test_bundled_runs_cannot_be_labelled():
    with pytest.raises(ValueError, match="bundled"):
        runs.label(runs.find("demo-rqvae"), starred=True)


@pytest.mark.parametrize("spoilt", ["", "[1]", '{"name": 5, "note": null, "tags": "abc", "starred": "yes"}',
                                    '{"tags": [1, "two words"], "starred": 1}'])
def test_spoilt_labels_count_as_none(tmp_path: Path, spoilt):
    (tmp_path / labels.FILE).write_text(spoilt)
    assert labels.read(tmp_path) == labels.Labels()
