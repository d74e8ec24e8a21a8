"""Sweeps: members are ordinary runs, and stop, resume, torn files, failures and budgets do what they say."""

import pytest

from tests.support.training import SMALL, execute, workers_here, write_shop
from tiger import runs
from tiger.core import files
from tiger.datasets import loading
from tiger.runs import config as run_config
from tiger.runs import run_sweep, supervisor, sweep, sweep_plan, worker
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest
from tiger.runs.sweep_plan import Point

pytestmark = pytest.mark.thorough

BASE = LearnerConfig("rqvae", SMALL)


@pytest.fixture
def shop(tiger_home, tmp_path):
    return write_shop(tmp_path / "shop", n_items=90)


def made(shop, grid, learner=BASE, **request) -> runs.Run:
    base = RunConfig("quantizer", shop, quantizer=learner)
    return runs.new_run(sweep.run_config_of(base, SweepRequest(grid, **request)))


def entries(run):
    return [sweep.entry_of(member) for member in sweep.members(run)]


def states(run):
    return [entry.status.state for entry in entries(run)]


def test_a_sweep_trains_every_point_as_an_ordinary_run_and_loads_the_data_once(shop, monkeypatch):
    loads = []
    monkeypatch.setattr(loading, "load_ref", lambda ref, real=loading.load_ref: loads.append(ref) or real(ref))
    monkeypatch.setattr(worker, "load_data", lambda run: loading.load_ref(run.config.dataset))
    run = made(shop, {"beta": [0.25, 4.0]}, seeds=[0, 1])
    execute(run)
    members = [entry.run for entry in entries(run)]
    assert [(one.learner.params["beta"], one.learner.params["seed"], one.state) for one in members] == [
        (0.25, 0, "finished"), (4.0, 0, "finished"), (0.25, 1, "finished"), (4.0, 1, "finished")]
    assert members[0].title == "beta 0.25, seed 0" and members[0].config.sweep_id == run.id
    assert (run.status.step, run.status.n_steps, run.status.message) == (4, 4, "") and len(loads) == 1
    alone = runs.new_run({"dataset": shop, "quantizer": {"name": "rqvae", "params": SMALL | {"beta": 4.0, "seed": 1}}})
    execute(alone)
    assert (alone.codes() == members[3].codes()).all(), "the same as trained alone"
    assert sweep.value_of(entries(run)[0], "distinct_share") == len({tuple(row) for row in members[0].codes().tolist()}) / 90


def test_a_sweep_is_none_of_the_runs_that_train(shop):
    """It has no live parameters, no steps of its own and no hyper-parameters in tables, though it names a quantizer."""
    run = made(shop, {"beta": [0.25]})
    assert run.config.learner is None and run.config.trained.name == "rqvae"
    with pytest.raises(ValueError, match="kind sweep, in which nothing trains"):
        _ = run.learner
    again = RunConfig.from_json(run.config.to_json())
    assert again == run.config and again.sweep == run.config.sweep


def stopped_in_the_second_member(run):
    """Execute a sweep that is told to stop within its second member."""
    n_asked = [0]

    def stop_after(board, real=run_sweep.Board.stop_asked):
        n_asked[0] += 1
        if n_asked[0] == 90:
            run.control("stop")
            board.context._looked_s = -1e9
        return real(board)

    with pytest.MonkeyPatch.context() as patch, workers_here():
        patch.setattr(run_sweep.Board, "stop_asked", stop_after)
        worker.execute(run)


def resume(run):
    files.write_json(run.path / "control.json", {"action": "run", "seq": 5})
    with workers_here():
        worker.execute(run)


def test_a_sweep_that_is_stopped_goes_on_where_it_was(shop):
    run = made(shop, {"beta": [0.25, 4.0]}, seeds=[0, 1])
    stopped_in_the_second_member(run)
    assert run.state == "stopped" and run.status.message.startswith("Stopped after 1 of 4 runs")
    before = entries(run)
    assert states(run) == ["finished", "stopped"] and before[1].status.step > 0
    resume(run)
    after = entries(run)
    assert run.state == "finished" and states(run) == ["finished"] * 4
    assert [one.id for one in after[:2]] == [one.id for one in before]
    assert after[1].status.attempt == 2 and after[0].status.attempt == 1
    whole = made(shop, {"beta": [0.25, 4.0]}, seeds=[0, 1])
    execute(whole)
    assert all((one.run.codes() == other.run.codes()).all() for one, other in zip(after, entries(whole), strict=True))


def test_a_run_whose_line_was_torn_by_a_crash_is_not_trained_twice(shop):
    """The process died while it noted its second member: the run is there, its line is not whole."""
    run = made(shop, {"beta": [0.25, 4.0]})
    stopped_in_the_second_member(run)
    path, ids = run.path / sweep.FILE, [member.run_id for member in sweep.members(run)]
    path.write_bytes(path.read_bytes()[:-30])
    assert [member.run_id for member in sweep.members(run)] == ids[:1]
    resume(run)
    assert run.state == "finished" and [member.run_id for member in sweep.members(run)] == ids
    assert states(run) == ["finished"] * 2 and len(runs.list_runs()) == len({*ids, run.id}) + sum(
        one.read_only for one in runs.list_runs())


def test_spoilt_points_are_left_out(shop):
    run = made(shop, {"beta": [0.25]})
    sweep.note(run, Point({"beta": 0.25}, 0), "rqvae-gone-000000", 1)
    with (run.path / sweep.FILE).open("ab") as file:
        file.write(b'[1]\n{"setting": 5, "seed": 0}\n\xff\xfe\n{"seed": ')
    assert [member.run_id for member in sweep.members(run)] == ["rqvae-gone-000000"]
    assert entries(run) == [None] and sweep.value_of(None, "usage") is None
    assert sweep.counts([None]).over == 1, "a run that was deleted is not trained again"


def test_a_setting_that_fails_does_not_end_the_others(shop):
    run = made(shop, {"learning_rate": [1e-3, 1.0]})
    real = worker.train_quantizer

    def break_one(context, load):
        if context.run.learner.params["learning_rate"] == 1e-3:
            raise ValueError("the loss is not finite.")
        return (yield from real(context, load))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "train_quantizer", break_one)
        execute(run)
    assert states(run) == ["failed", "finished"]
    assert run.status.message == "1 run failed, such as 'learning rate 0.001, seed 0': the loss is not finite."


def test_a_sweep_whose_runs_all_fail_fails_and_tries_them_again_when_it_is_resumed(shop, tmp_path):
    run = made(shop | {"params": {"path": str(tmp_path / "later")}}, {"beta": [0.25, 4.0]})
    with workers_here():
        worker.execute(run)
    assert run.state == "failed" and states(run) == ["failed"] * 2
    words = run.status.message
    assert words.startswith("2 runs failed, such as 'beta 0.25, seed 0': ") and "later' does not exist" in words
    write_shop(tmp_path / "later", n_items=90)
    resume(run)
    assert run.state == "finished" and states(run) == ["finished"] * 2 and run.status.message == ""


def test_a_member_that_somebody_stops_can_go_on_with_the_sweep(shop):
    run = made(shop, {"beta": [0.25, 4.0]})
    real = worker.train_quantizer

    def stop_the_first(context, load):
        for at, step in enumerate(real(context, load)):
            if at == 10 and context.run.learner.params["beta"] == 0.25 and context.status.attempt == 1:
                context.run.control("stop")
                context._looked_s = -1e9
            yield step

    with pytest.MonkeyPatch.context() as patch, workers_here():
        patch.setattr(worker, "train_quantizer", stop_the_first)
        worker.execute(run)
    assert run.state == "stopped" and states(run) == ["stopped", "finished"]
    assert run.status.message == "1 run ended early; resume the sweep to train the rest."
    resume(run)
    assert run.state == "finished" and states(run) == ["finished"] * 2


def test_the_budget_of_time_begins_no_further_run(shop):
    run = made(shop, {"beta": [0.25, 4.0]}, max_minutes=1e-6)
    execute(run)
    assert len(sweep.members(run)) == 0
    assert run.status.message == "The budget of 1e-06 minutes ended it after 0 of 2 runs."


def test_the_budget_of_runs_trains_no_more(shop):
    run = made(shop, {"beta": [0.25, 1.0, 4.0]}, max_runs=2)
    execute(run)
    assert states(run) == ["finished"] * 2 and run.status.message == ""


def test_nothing_is_made_where_a_sweep_is_refused(shop):
    with pytest.raises(ValueError, match=r"beta is -1\.0"):
        made(shop, {"beta": [-1.0]})
    with pytest.raises(ValueError, match="A sweep needs 'sweep'"):
        runs.new_run(RunConfig("sweep", shop, quantizer=BASE))
    assert all(run.read_only for run in runs.list_runs())


@pytest.mark.parametrize("spoilt", [{"grid": {}}, {"grid": {"beta": 1}}, {"grid": {"beta": [1.0]}, "objective": "beauty"}])
def test_a_spoilt_configuration_is_said_in_one_sentence(shop, spoilt):
    run = made(shop, {"beta": [0.25]})
    files.write_json(run.path / "config.json", run.config.to_json() | {"sweep": spoilt})
    with pytest.raises(ValueError, match=r"The configuration of the sweep .* is not whole; start the sweep anew"):
        sweep.request_of(runs.find(run.id))


def test_the_runs_of_a_sweep_share_its_place_to_compute(shop):
    """With four cores and two workers, a sweep and its two members take one place, so another run may start."""
    run = made(shop, {"beta": [0.25]})
    member = runs.new_run(sweep.member_config(run, Point({"beta": 0.25}, 0)), supervisor.taken())
    other = runs.new_run({"dataset": shop, "quantizer": {"name": "rqvae", "params": {}}}, supervisor.taken())
    busy = supervisor.taken()
    found = supervisor._own_place([(run, busy), (member, busy), (other, busy)])
    assert [one.id for one, _ in found] == [run.id, other.id]
    assert len(supervisor._own_place([(member, busy), (other, busy)])) == 2, "a member that was resumed alone takes its own"


def test_the_command_of_a_sweep_asks_for_the_same(shop):
    run = made(shop, {"beta": [0.25, 4.0], "n_codes": [8, [16, 8, 8]], "kmeans_init": [True, False]}, seeds=[0, 1], max_runs=5)
    words = run_config.command(run.config)
    assert words.startswith("python -m tiger sweep rqvae --vary beta=0.25,4.0 --vary 'n_codes=8; 16,8,8' "
                            "--vary kmeans_init=on,off --seeds 0,1 --max-runs 5 --dataset recbole")
    assert "--objective" not in words and "--n-codes" not in words, "what is the default, or varied, is left out"
    assert sweep_plan.grid_text(run.config.sweep) == "beta 0.25, 4; codes 8, 16,8,8; kmeans init on, off"
