"""The live view's parts without Streamlit: the feed reads each line once, thins without shimmer, survives a resume."""

import json
from pathlib import Path

import pytest

from tiger.runs.records import Status
from tiger.runs.run import Run
from tiger.ui.shared import live, live_charts
from tiger.ui.shared.live_feed import LIMIT, Feed, thin


class Reads(Run):
    """A run that counts how many bytes of its log were asked for."""

    def __init__(self, path: Path):
        super().__init__(path)
        self.asked: list[int] = []

    def events(self, since_byte: int = 0):
        self.asked.append(since_byte)
        return super().events(since_byte)


def write(run: Run, *events: dict, mode: str = "a") -> None:
    with (run.path / "events.jsonl").open(mode) as file:
        file.writelines(json.dumps(event) + "\n" for event in events)


def point(step: int) -> dict:
    return {"step": step, "t_s": step / 10, "loss": 1 / (step + 1), "perplexity": [step + 1.0, 2.0]}


@pytest.fixture
def run(tmp_path) -> Reads:
    return Reads(tmp_path)


def test_the_feed_asks_only_for_what_is_new(run):
    feed = Feed(run)
    write(run, point(0), point(1))
    size = (run.path / "events.jsonl").stat().st_size
    feed.update()
    write(run, point(2))
    feed.update()
    assert run.asked == [0, size]
    assert feed.table("loss")["step"].to_pylist() == [0, 1, 2]
    assert feed.last("perplexity") == [3.0, 2.0]


def test_a_torn_last_line_waits_for_its_rest(run):
    feed = Feed(run)
    line = json.dumps(point(0)) + "\n"
    (run.path / "events.jsonl").write_text(line[:20])
    assert feed.update().last("loss") is None
    (run.path / "events.jsonl").write_text(line)
    assert feed.update().last("loss") == 1.0


def test_levels_become_series_and_knobs_become_marks(run):
    write(run, point(0), {"step": 0, "t_s": 0.1, "live_param": "beta", "value": 0.5}, point(3))
    rows = Feed(run).update().table("perplexity").to_pylist()
    assert [(row["step"], row["series"], row["value"]) for row in rows if row["label"] is None] == [
        (0, "level 1", 1.0), (0, "level 2", 2.0), (3, "level 1", 4.0), (3, "level 2", 2.0)]
    assert [(row["step"], row["label"], row["value"]) for row in rows if row["label"]] == [(0, "beta 0.5", None)]


def test_the_table_is_made_once_for_all_who_watch(run):
    write(run, point(0))
    feed = Feed(run)
    first = feed.update().table("loss")
    assert feed.update().table("loss") is first
    write(run, point(1))
    assert feed.update().table("loss") is not first


def test_a_resumed_run_begins_again(run):
    write(run, point(0), point(1), point(2))
    feed = Feed(run)
    feed.update(attempt=1)
    write(run, point(0), point(1), mode="w")
    assert feed.update(attempt=2).table("loss")["step"].to_pylist() == [0, 1]


@pytest.mark.parametrize("n", [0, 1, 2, LIMIT, LIMIT + 1, 2 * LIMIT + 7, 50_000])
def test_thin_keeps_few_points_and_the_newest(n):
    kept = thin([(step, step) for step in range(n)])
    assert len(kept) <= LIMIT + 1
    assert [pair[0] for pair in kept[-1:]] == ([n - 1] if n else [])
    assert kept == sorted(kept)


def test_thin_does_not_shimmer():
    """Points that stay when one more arrives are the same points, all but the newest."""
    points = [(step, step) for step in range(5 * LIMIT)]
    for n in range(4 * LIMIT + 1, 5 * LIMIT):
        assert set(thin(points[:n])[:-1]) <= set(thin(points[:n + 1]))


def test_the_specification_never_depends_on_the_data():
    assert live_charts.curves(log=True) == live_charts.curves(log=True)
    text = json.dumps(live_charts.curves(top=256))
    assert "zoom" in text
    assert "256" in text


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (65, "1 min 05 s"), (7260, "2 h 01 min")])
def test_durations_for_people(seconds, words):
    assert live.duration(seconds) == words


def test_progress_in_words():
    status = Status("running", "training", 1200, 6000, 40.0, 120.0)
    assert live.progress_summary(status) == "training · step 1,200 of 6,000 · 40 steps/s · 2 min 00 s left"
    assert live.progress_summary(status.but(state="paused", rate=0.0)) == "paused · step 1,200 of 6,000"
    waits = status.but(state="paused", stage="waiting for a free worker", rate=0.0)
    assert live.progress_summary(waits) == "waiting for a free worker · step 1,200 of 6,000"
    assert live.progress_summary(status.but(state="queued", n_steps=0, stage="")) == "waiting"


def test_polling_ends_with_the_run():
    assert live.interval(("finished", "running")) == 1.0
    assert live.interval(("paused",)) == 1.0
    for state in ("finished", "stopped", "failed", "interrupted"):
        assert live.interval((state,)) is None
    assert live.interval(()) is None
