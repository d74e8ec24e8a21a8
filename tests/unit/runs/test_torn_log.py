"""A study whose last row a crash tore ends with all its rows, measured once each."""

import json

import pytest

from tests.support.training import config, keep_process, write_shop
from tiger import runs
from tiger.core import files
from tiger.runs import study_artifacts, worker

ASKED = {"strengths": "0, 1", "remedies": "1, 2, 7", "reader": False, "fine_steps": 2}


@pytest.mark.parametrize("whole_rows", [0, 3, 5])
def test_a_study_with_a_torn_last_row_ends_with_all_its_rows(tiger_home, tmp_path, monkeypatch, whole_rows):
    keep_process(monkeypatch)
    ref = write_shop(tmp_path / "shop", 90)
    parent = runs.new_run(config(ref, "rkmeans", n_codes=8))
    assert worker.execute(parent) == 0, parent.status.message
    study = runs.new_run(study_artifacts.request("drift", ref, parent.id, ASKED))
    assert worker.execute(study) == 0, study.status.message
    measured = study_artifacts.rows(study)
    assert len(measured) == 6
    lines = (study.path / "events.jsonl").read_bytes().splitlines(keepends=True)
    at = [number for number, line in enumerate(lines) if b'"row"' in line][whole_rows]
    torn = b"".join(lines[:at]) + lines[at][:len(lines[at]) // 2]  # the crash came in the middle of this row
    (study.path / "events.jsonl").write_bytes(torn)
    files.write_json(study.path / "status.json", study.status.to_json() | {"state": "interrupted"})
    assert worker.execute(study) == 0, study.status.message
    key = ("strength", "remedy", "changed")
    assert [tuple(getattr(row, name) for name in key) for row in study_artifacts.rows(study)] == [
        tuple(getattr(row, name) for name in key) for row in measured]
    for line in (study.path / "events.jsonl").read_bytes().splitlines():
        json.loads(line)  # no half row is left in the middle of the log
