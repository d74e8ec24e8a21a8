"""In a class, runs and datasets are seen and changed by those whose they are; the queue is fair to everybody."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.training import config, execute, keep_process, write_shop
from tiger import runs
from tiger.core import access, files
from tiger.core.access import Visitor
from tiger.datasets import registry
from tiger.runs import index, run_sweep, supervisor, sweep, waiting
from tiger.runs.records import LearnerConfig, RunConfig, Status, SweepRequest
from tiger.runs.supervisor import Supervisor

ADA, BOB, TEACHER = Visitor("a1", "Ada"), Visitor("b2", "Bob"), Visitor("t3", "Teacher", teacher=True)
REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}


@pytest.fixture
def act(tiger_home):
    """From now on this visitor acts; None: the server itself."""
    now: list[Visitor | None] = [None]
    access.identify_by(lambda: now[0])
    yield lambda visitor: now.__setitem__(0, visitor)
    access.identify_by(None)


@pytest.fixture
def queue(act, monkeypatch):
    """A queue of which nothing starts."""
    monkeypatch.setattr(Supervisor, "_start_waiting", lambda self: None)
    made = Supervisor()
    yield made
    made.close()


def own_titles():
    return [run.title for run in runs.list_runs() if not run.bundled]


def test_others_runs_are_invisible_until_shared_and_then_only_for_looking(act):
    act(ADA)
    run = runs.new_run(config(REF) | {"title": "Ada's", "owner": "b2", "owner_name": "Bob"})  # what a request says does not count
    assert (run.config.owner, run.config.owner_name) == ("a1", "Ada") and index.of(run).owner == "Ada"
    bundled = [one.id for one in runs.list_runs() if one.bundled]
    assert bundled and own_titles() == ["Ada's"]
    act(BOB)
    assert own_titles() == [] and [one.id for one in runs.list_runs()] == bundled
    with pytest.raises(ValueError, match="No run"):
        runs.find(run.id)
    for change in (lambda: runs.label(run, shared=True), lambda: runs.delete(run), lambda: run.control("stop")):
        with pytest.raises(ValueError, match=r"is Ada's and cannot be .* by you; start a run of your own"):
            change()
    act(ADA)
    runs.label(run, shared=True)
    act(BOB)
    assert runs.find(run.id).title == "Ada's" and own_titles() == ["Ada's"] and runs.find(run.id).read_only
    with pytest.raises(ValueError, match="is Ada's and cannot be changed"):
        runs.find(run.id).control("stop")
    act(ADA)
    runs.label(run, shared=False)
    act(BOB)
    assert own_titles() == []
    act(TEACHER)
    assert own_titles() == ["Ada's"]
    run.control("stop")
    assert run.state == "stopped"


def test_a_browser_that_did_not_join_owns_nothing_not_even_what_has_no_owner(act):
    runs.new_run(config(REF) | {"title": "The server's"})
    act(Visitor("", ""))
    assert own_titles() == []


def test_datasets_are_their_loaders_and_a_teachers_are_everybodys(act, tmp_path):
    ref = write_shop(tmp_path / "shop")
    entries = {}
    for visitor in (ADA, BOB):
        act(visitor)
        entries[visitor] = registry.add(ref, "Shop")
    assert entries[ADA].id != entries[BOB].id, "neither overwrites the other's"
    assert [one.id for one in registry.entries()] == [registry.BUNDLED_ID, entries[BOB].id]
    with pytest.raises(ValueError, match="No dataset"):
        registry.find(entries[ADA].id)
    act(TEACHER)
    beauty = registry.add(ref | {"embedding": {"method": "tfidf", "dim": 8}}, "For all")
    act(ADA)
    assert {one.id for one in registry.entries()} == {registry.BUNDLED_ID, entries[ADA].id, beauty.id}


def test_a_visitor_keeps_so_much_and_no_more_until_the_teacher_clears_it(act, monkeypatch):
    monkeypatch.setattr(registry, "VISITOR_BYTES", 2500)
    monkeypatch.setattr(registry, "VISITOR_DATASETS", 2)
    act(ADA)
    first = registry.keep_upload({"a.csv": b"x" * 2000})
    assert first.name.startswith("a1-")
    with pytest.raises(ValueError, match="a visitor of a class may keep 0 MB; ask your teacher"):
        registry.keep_upload({"b.csv": b"x" * 600})
    registry.keep_upload({"b.csv": b"x" * 500})
    for dim in (4, 5):
        registry.add(REF | {"embedding": {"method": "tfidf", "dim": dim}}, "Mine")
    with pytest.raises(ValueError, match="You have 2 datasets here, which is the limit in a class"):
        registry.add(REF | {"embedding": {"method": "tfidf", "dim": 6}}, "Mine")
    act(BOB)
    others = registry.keep_upload({"c.csv": b"x" * 2400})
    act(TEACHER)
    registry.keep_upload({"d.csv": b"x" * 9000})
    registry.forget("a1")
    assert not first.exists() and others.exists()
    registry.forget("")
    assert others.exists()
    act(ADA)
    assert [one.id for one in registry.entries()] == [registry.BUNDLED_ID]
    registry.keep_upload({"e.csv": b"x" * 2400})


def test_what_a_worker_makes_belongs_to_the_runs_owner(act, tmp_path):
    act(ADA)
    ref = write_shop(tmp_path / "shop")
    run = runs.new_run(config(ref, "rkmeans", n_codes=8))
    act(None)
    execute(run)
    made = runs.new_run(config(ref))
    assert made.config.owner == "a1"


def test_what_a_helper_of_a_sweep_makes_belongs_to_the_sweeps_owner(act, tmp_path, monkeypatch):
    """A helper is a process of its own; here it runs inside this one."""
    act(ADA)
    base = RunConfig("quantizer", write_shop(tmp_path / "shop", 70), quantizer=LearnerConfig("rkmeans", {"n_levels": 2}))
    made = runs.new_run(sweep.run_config_of(base, SweepRequest({"n_codes": [4, 8]})))
    act(None)
    keep_process(monkeypatch)
    monkeypatch.setattr("tiger.core.logs.to_stderr", lambda: None)  # this process keeps its log, too
    sweep.begin(made, 1, 0.0)
    monkeypatch.setattr("sys.argv", ["run_sweep", str(made.path), "1", str(os.getpid())])
    assert run_sweep.main() == 0
    act(ADA)
    members = [run for run in runs.list_runs() if run.config.sweep_id == made.id]
    assert [run.config.owner for run in members] == ["a1", "a1"] and all(run.state == "finished" for run in members)


def test_a_visitor_has_two_runs_and_the_third_is_refused_in_words(act, queue):
    act(ADA)
    first, _ = queue.submit(config(REF)), queue.submit(config(REF))
    with pytest.raises(ValueError, match="You have 2 runs that wait, train or are paused, and 2 is the limit in a class"):
        queue.submit(config(REF))
    act(BOB)
    queue.submit(config(REF))
    act(TEACHER)
    for _ in range(4):
        queue.submit(config(REF))
    act(ADA)
    first.control("stop")
    queue.submit(config(REF))
    with pytest.raises(ValueError, match="No run"):
        act(BOB)
        queue.resume(first.id)


def test_everybodys_first_run_comes_before_anybodys_second(act, queue):
    made = {}
    for visitor, name in ((ADA, "a1"), (ADA, "a2"), (BOB, "b1"), (BOB, "b2"), (None, "c1")):
        act(visitor)
        made[name] = queue.submit(config(REF))
    names = {run.id: name for name, run in made.items()}
    assert [names[run.id] for run in queue.queue()] == ["a1", "b1", "c1", "a2", "b2"]
    files.write_json(made["a1"].path / "status.json", Status("running", pid=1, heartbeat_s=9e12).to_json())
    active = [(run, Status("running") if name == "a1" else Status("queued")) for name, run in made.items()]
    assert [names[run.id] for run in waiting.fair_order(active)] == ["b1", "c1", "a2", "b2"]


class Told:
    """A run of somebody, for the order alone."""

    def __init__(self, number, owner):
        self.id, self.owner = str(number), owner


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["queued", "queued", "running", "paused"])), max_size=14))
def test_fair_order_is_round_robin(people):
    """Laws: nobody is lost; one's own runs keep their order; nobody gets a turn while somebody waits who had fewer."""
    active = [(Told(number, owner), Status(state)) for number, (owner, state) in enumerate(people)]
    order = waiting.fair_order(active)
    queued = [run for run, status in active if status.state == "queued"]
    assert sorted(run.id for run in order) == sorted(run.id for run in queued)
    had = {owner: sum(run.owner == owner and status.busy for run, status in active) for owner in "abcd"}
    for place, run in enumerate(order):
        mine = [one.id for one in order if one.owner == run.owner]
        assert mine == [one.id for one in queued if one.owner == run.owner]
        assert all(had[run.owner] <= had[later.owner] for later in order[place:])
        had[run.owner] += 1


def test_the_wait_is_what_those_before_have_left(act, queue, monkeypatch):
    """By hand: one trains for 30 s more; the run before took 10 s for 60 steps when it ran last, so 60 + 30 = 40 s in all."""
    done = runs.new_run(config(REF))
    (done.path / "events.jsonl").write_text('{"step": 60, "t_s": 10.0, "loss": 1.0}\n')
    files.write_json(done.path / "status.json", Status("finished", step=60, n_steps=60).to_json())
    before, mine = queue.submit(config(REF)), queue.submit(config(REF))
    active = [(runs.new_run(config(REF)), Status("running", left_s=30.0)), (before, Status()), (mine, Status())]
    assert waiting.starts(active, 1) == {before.id: 30.0, mine.id: pytest.approx(40.0)}
    assert waiting.starts(active, 2) == {before.id: 0.0, mine.id: pytest.approx(10.0)}, "the other place is free after 10 s"
    assert waiting.starts(active, 3) == {before.id: 0.0, mine.id: 0.0}
    unknown = [(active[0][0], Status("running")), *active[1:]]
    assert waiting.starts(unknown, 1) == {before.id: None, mine.id: None}
    monkeypatch.setattr(supervisor, "n_workers", lambda *_: 1)
    assert queue.starts()[mine.id] == pytest.approx(10.0)
    later = queue.submit(config(REF))
    assert queue.starts()[later.id] == pytest.approx(30.0), "the stand-in for the one that trains waits here, too"
