"""Sweeps: which runs they ask for, in which order, and that stop, resume, failures and budgets do what they say."""

import itertools

import pytest

from tests.support.training import SMALL, execute, workers_here, write_shop
from tiger import runs
from tiger.core import files
from tiger.runs import config as run_config
from tiger.runs import run_sweep, sweep, worker
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest
from tiger.runs.sweep import Member, Point

BASE = LearnerConfig("rqvae", SMALL)


@pytest.fixture
def shop(tiger_home, tmp_path):
    return write_shop(tmp_path / "shop", n_items=90)


def made(shop, grid, learner=BASE, **asked) -> runs.Run:
    base = RunConfig("quantizer", shop, quantizer=learner)
    return runs.new_run(sweep.request(base, SweepRequest(grid, **asked)))


def test_every_setting_with_the_first_seed_comes_before_the_next_seed():
    asked = SweepRequest({"beta": [1.0, 2.0], "n_codes": [8, 16, 32]}, [3, 4])
    found = sweep.points(asked)
    settings = [{"beta": beta, "n_codes": codes} for beta, codes in itertools.product([1.0, 2.0], [8, 16, 32])]
    assert found == [Point(setting, seed) for seed in (3, 4) for setting in settings]
    assert sweep.n_runs(asked) == 12
    assert sweep.points(SweepRequest(asked.grid, [3, 4], max_runs=7)) == found[:7]


def test_a_random_sweep_tries_some_settings_with_every_seed_and_the_same_each_time():
    asked = SweepRequest({"beta": [1.0, 2.0, 3.0, 4.0], "n_codes": [8, 16, 32]}, [0, 1], "random", max_runs=8)
    found = sweep.points(asked)
    assert found == sweep.points(asked) and len({point.key for point in found}) == 8
    first, second = ([point.setting for point in found if point.seed == seed] for seed in (0, 1))
    assert first == second and len(first) == 4


def test_next_point_is_the_first_that_was_not_begun():
    asked = SweepRequest({"beta": [1.0, 2.0]}, [0, 1])
    members, begun = [], []
    while (point := sweep.next_point(asked, members, [None] * len(members))) is not None:
        begun.append(point)
        members.append(Member(point, "x", 1))
    assert begun == sweep.points(asked)


def test_optuna_proposes_each_setting_once_and_all_of_its_seeds():
    pytest.importorskip("optuna")
    asked = SweepRequest({"beta": [1.0, 2.0, 3.0], "n_codes": [8, 16]}, [0, 1], "optuna")
    members, values = [], []
    while (point := sweep.next_point(asked, members, values)) is not None:
        members.append(Member(point, "x", 1))
        values.append(point.setting["beta"])
    assert {member.point.key for member in members} == {point.key for point in sweep.points(SweepRequest(asked.grid, [0, 1]))}


@pytest.mark.parametrize(("asked", "words"), [
    ({"grid": {}}, "at least one hyper-parameter"), ({"grid": {"colour": [1]}}, "'colour' cannot be swept; choose from n_levels"),
    ({"grid": {"seed": [1, 2]}}, "'seed' cannot be swept"), ({"grid": {"beta": []}}, "beta needs 1 to 50 values"),
    ({"grid": {"beta": [-1.0]}}, "beta is -1.0, but must be"), ({"grid": {"beta": [1.0]}, "seeds": []}, "1 to 50 seeds"),
    ({"grid": {"beta": [1.0]}, "sampler": "magic"}, "sampler is 'magic'"),
    ({"grid": {"beta": [1.0]}, "max_runs": 0}, "max_runs is 0"),
    ({"grid": {"beta": [1.0]}, "objective": "valid_ndcg@10"}, "a quantizer is judged by distinct_share, explained, usage"),
    ({"grid": {"beta": [0.1 * at for at in range(1, 41)]}, "seeds": list(range(26))},
     "1,040 runs, but a sweep has at most 1,000"),
    ({"grid": {"n_codes": [[8, 8]]}}, "n_codes lists 2 levels")])
def test_what_cannot_be_swept_is_refused_before_anything_is_made(shop, asked, words):
    with pytest.raises(ValueError, match=words):
        made(shop, **asked)
    assert not [run for run in runs.list_runs() if not run.read_only]


@pytest.mark.parametrize(("name", "text", "found"), [
    ("beta", "0.25, 1 ,4", [0.25, 1.0, 4.0]), ("beta", "0.25 4", [0.25, 4.0]), ("n_codes", "64 128,64,32", [64, [128, 64, 32]]),
    ("kmeans_init", "on, off", [True, False]), ("estimator", "ste,rotation", ["ste", "rotation"])])
def test_values_as_they_are_typed(name, text, found):
    assert sweep.read_values("rqvae", name, text) == found


def test_a_sweep_trains_every_point_as_an_ordinary_run(shop):
    run = made(shop, {"beta": [0.25, 4.0]}, seeds=[0, 1])
    execute(run)
    members = [sweep.run_of(member) for member in sweep.members(run)]
    assert [(one.learner.params["beta"], one.learner.params["seed"], one.state) for one in members] == [
        (0.25, 0, "finished"), (4.0, 0, "finished"), (0.25, 1, "finished"), (4.0, 1, "finished")]
    assert members[0].title == "beta 0.25, seed 0" and members[0].config.more["sweep_id"] == run.id
    assert (run.status.step, run.status.n_steps) == (4, 4)
    alone = runs.new_run({"dataset": shop, "quantizer": {"name": "rqvae", "params": SMALL | {"beta": 4.0, "seed": 1}}})
    execute(alone)
    assert (alone.codes() == members[3].codes()).all(), "the same as trained alone"
    assert sweep.objective(members[0], "distinct_share") == len({tuple(row) for row in members[0].codes().tolist()}) / 90


def test_a_sweep_that_is_stopped_goes_on_where_it_was(shop):
    run = made(shop, {"beta": [0.25, 4.0]}, seeds=[0, 1])
    steps = [0]

    def stop_after(context, real=run_sweep._stop_asked):
        steps[0] += 1
        if steps[0] == 90:  # within the second member
            run.control("stop")
            context._looked_s = -1e9
        return real(context)

    with pytest.MonkeyPatch.context() as patch, workers_here():
        patch.setattr(run_sweep, "_stop_asked", stop_after)
        worker.execute(run)
    assert run.state == "stopped" and run.status.message.startswith("Stopped after 1 of 4 runs")
    before = [sweep.run_of(member) for member in sweep.members(run)]
    assert [one.state for one in before] == ["finished", "stopped"]
    files.write_json(run.path / "control.json", {"action": "run", "seq": 5})
    with workers_here():
        worker.execute(run)
    members = [sweep.run_of(member) for member in sweep.members(run)]
    assert run.state == "finished" and [one.state for one in members] == ["finished"] * 4
    assert [one.id for one in members[:2]] == [one.id for one in before]
    assert members[1].status.attempt == 2 and members[0].status.attempt == 1


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
    assert [sweep.run_of(member).state for member in sweep.members(run)] == ["failed", "finished"]
    assert run.status.message == "1 of 2 runs failed."


def test_the_budget_of_time_begins_no_further_run(shop):
    run = made(shop, {"beta": [0.25, 4.0]}, max_minutes=1e-6)
    execute(run)
    assert len(sweep.members(run)) == 0
    assert "ended it after 0 of 2 runs" in run.status.message


def test_spoilt_points_are_left_out(shop):
    run = made(shop, {"beta": [0.25]})
    sweep.append(run, {"setting": {"beta": 0.25}, "seed": 0, "run": "rqvae-gone-000000", "attempt": 1})
    with (run.path / sweep.FILE).open("a") as file:
        file.write('[1]\n{"setting": 5, "seed": 0}\n{"seed": ')
    assert [member.run_id for member in sweep.members(run)] == ["rqvae-gone-000000"]
    assert sweep.objective(sweep.run_of(sweep.members(run)[0]), "usage") is None


def test_the_command_of_a_sweep(shop):
    run = made(shop, {"beta": [0.25, 4.0], "n_codes": [8, [16, 8, 8]]}, seeds=[0, 1], max_runs=5)
    words = run_config.command(run.config)
    assert words.startswith("python -m tiger sweep rqvae --vary 'beta=0.25 4.0' --vary 'n_codes=8 16,8,8' --seeds 0,1 "
                            "--max-runs 5")
    assert RunConfig.from_json(run.config.to_json()) == run.config
