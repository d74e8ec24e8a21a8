"""Logs end with whole lines, and a small file is replaced even on a full disk."""

import errno
import io
import json
import os
import random

import pytest

from tiger.core import disk, files
from tiger.runs.run import Run
from tiger.runs.worker_context import EventLog


@pytest.mark.parametrize(("content", "keep", "left"), [
    (b"", None, b""), (b"one\ntwo\n", None, b"one\ntwo\n"), (b"one\ntwo", None, b"one\n"), (b"torn", None, b""),
    (b"one\ntwo\nthree\n", 6, b"one\n"), (b"one\ntwo\n", 8, b"one\ntwo\n"), (b"one\ntw", 100, b"one\n"), (b"one\n", 0, b""),
    (b"a\n" + b"x" * 200_000, None, b"a\n")])
def test_a_log_is_cut_behind_its_last_whole_line(tmp_path, content, keep, left):
    path = tmp_path / "events.jsonl"
    path.write_bytes(content)
    assert files.cut_to_whole_lines(path, keep) == len(left)
    assert path.read_bytes() == left


def test_a_missing_log_is_made(tmp_path):
    assert files.cut_to_whole_lines(tmp_path / "log") == 0 and (tmp_path / "log").read_bytes() == b""


def test_what_is_appended_behind_a_torn_line_begins_a_line_of_its_own(tmp_path):
    (tmp_path / "events.jsonl").write_bytes(b'{"step": 1, "row": {"a": 1}}\n{"step": 2, "row": {"a"')
    log = EventLog(Run(tmp_path), keep_bytes=None)
    log.add(2, 0.0, row={"a": 2})
    assert [json.loads(line)["row"] for line in (tmp_path / "events.jsonl").read_text().splitlines()] == [{"a": 1}, {"a": 2}]


class Sluggish(io.FileIO):
    """Takes at most seven bytes at once, and from ``full`` bytes on none."""

    full = 10**9

    def write(self, data):
        if self.tell() >= self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(bytes(data)[:7])


def test_a_short_write_is_gone_on_with(tmp_path):
    with Sluggish(tmp_path / "log", "ab") as file:
        files.append(file, b"a line of more than seven bytes\n")
    assert (tmp_path / "log").read_bytes() == b"a line of more than seven bytes\n"


def test_a_line_that_does_not_fit_leaves_nothing_of_itself(tmp_path):
    (tmp_path / "log").write_bytes(b"whole\n")
    with Sluggish(tmp_path / "log", "ab") as file:
        file.full = 20
        with pytest.raises(OSError, match="No space"):
            files.append(file, b"a line of more than seven bytes\n")
    assert (tmp_path / "log").read_bytes() == b"whole\n"


@pytest.fixture
def full_disk(monkeypatch):
    """Nothing new can be written; what is there can be written over."""
    def write(path, data, durable=False):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    monkeypatch.setattr(files, "write", write)


def test_a_status_is_written_over_the_old_one_on_a_full_disk(tmp_path, full_disk):
    path = tmp_path / "status.json"
    path.write_text(json.dumps({"state": "running", "message": "x" * 300}))
    files.rewrite_json(path, {"state": "failed"})
    assert files.read_json(path) == {"state": "failed"}
    with pytest.raises(OSError, match="No space"):
        files.rewrite_json(tmp_path / "new.json", {})


@pytest.mark.parametrize(("error", "full"), [
    (OSError(errno.ENOSPC, "x"), True), (OSError(errno.EDQUOT, "x"), True), (OSError(errno.EACCES, "x"), False),
    (RuntimeError("I/O error: No space left on device (os error 28)"), True), (ValueError("no space"), False)])
def test_a_full_disk_is_recognised_in_whatever_words(error, full):
    assert disk.is_full(error) is full
    try:
        raise KeyError("later") from error
    except KeyError as later:
        assert disk.is_full(later) is full


def test_the_sentence_says_what_is_free_and_needed(tmp_path, monkeypatch):
    monkeypatch.setattr(disk, "free_bytes", lambda folder: 3 * 2**20 // 2)
    monkeypatch.setenv("TIGER_MIN_FREE_MB", "120")
    with pytest.raises(ValueError, match=r"The disk is full: 1\.5 MB are free in .*, and about 120 MB are needed; delete runs"):
        disk.check_space(tmp_path)
    monkeypatch.setenv("TIGER_MIN_FREE_MB", "1")
    disk.check_space(tmp_path)


def test_free_space_of_a_folder_that_is_not_made_yet(tmp_path):
    assert disk.free_bytes(tmp_path / "a" / "b") > 0


def test_what_is_kept_is_what_a_new_look_finds(tmp_path):
    """Replaced files, files written over in place, files of the same size, and files that come and go."""
    looks = []

    def read(path):
        looks.append(path)
        return path.read_text() if path.exists() else None

    kept, path, rng = files.Kept(read, n_max=2), tmp_path / "a.json", random.Random(0)
    for turn in range(60):
        text = f"{turn:03}" * rng.choice([1, 1, 2])
        if rng.random() < 0.2:
            path.unlink(missing_ok=True)
        elif rng.random() < 0.5:
            files.write(path, text)
        else:
            path.write_text(text)
        if path.exists() and rng.random() < 0.8:
            os.utime(path, ns=(turn, turn))  # long ago
        for _ in range(rng.choice([1, 3])):
            assert kept(path) == (path.read_text() if path.exists() else None)
    files.write(path, "old")
    os.utime(path, (1, 1))
    looks.clear()
    assert [kept(path), kept(path)] == ["old", "old"] and len(looks) == 1
    for name in "bcd":  # no more than two are kept
        files.write(tmp_path / name, name)
        os.utime(tmp_path / name, (1, 1))
        kept(tmp_path / name)
    assert kept(path) == "old" and looks.count(path) == 2
