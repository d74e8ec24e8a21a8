"""Which runs a sweep asks for: values and seeds as they are typed, what is refused, and the order of settings."""

import itertools
import sys

import pytest

from tests.support.oracles import oracle
from tests.support.training import SMALL
from tiger.runs import sweep_plan
from tiger.runs.records import LearnerConfig, SweepRequest
from tiger.runs.sweep_plan import Point

BASE = LearnerConfig("rqvae", SMALL)


def test_every_setting_with_the_first_seed_comes_before_the_next_seed():
    request = SweepRequest({"beta": [1.0, 2.0], "n_codes": [8, 16, 32]}, [3, 4])
    found = sweep_plan.points(request)
    settings = [{"beta": beta, "n_codes": codes} for beta, codes in itertools.product([1.0, 2.0], [8, 16, 32])]
    assert found == [Point(setting, seed) for seed in (3, 4) for setting in settings]
    assert sweep_plan.n_runs(request) == 12
    assert sweep_plan.points(SweepRequest(request.grid, [3, 4], max_runs=7)) == found[:7]


def test_a_random_sweep_tries_some_settings_with_every_seed_and_the_same_each_time():
    request = SweepRequest({"beta": [1.0, 2.0, 3.0, 4.0], "n_codes": [8, 16, 32]}, [0, 1], "random", max_runs=8)
    found = sweep_plan.points(request)
    assert found == sweep_plan.points(request) and len({point.key for point in found}) == 8
    first, second = ([point.setting for point in found if point.seed == seed] for seed in (0, 1))
    assert first == second and len(first) == 4
    whole = sweep_plan.points(SweepRequest(request.grid, [0], "random"))
    assert {point.key for point in whole} == {point.key for point in sweep_plan.points(SweepRequest(request.grid, [0]))}
    assert whole != sweep_plan.points(SweepRequest(request.grid, [0]))


@pytest.mark.parametrize("sampler", ["grid", "random"])
def test_a_grid_of_billions_of_settings_is_never_written_out(sampler):
    """50 ** 6 settings are 15 billion; the budget asks for six of them."""
    grid = {f"p{number}": list(range(50)) for number in range(6)}
    found = sweep_plan.points(SweepRequest(grid, [0, 1], sampler, max_runs=6))
    assert len(found) == 6 and all(set(point.setting) == set(grid) for point in found)


def test_next_point_is_the_first_that_was_not_begun():
    request = SweepRequest({"beta": [1.0, 2.0]}, [0, 1])
    begun: list[Point] = []
    while (point := sweep_plan.next_point(request, begun, [None] * len(begun))) is not None:
        begun.append(point)
    assert begun == sweep_plan.points(request)


@pytest.mark.parametrize("grid", [{"beta": [1.0, 2.0, 3.0], "n_codes": [8, 16]},
                                  {"estimator": ["ste", "none"], "n_codes": [8, [16, 8]]}])
def test_optuna_proposes_each_setting_once_and_all_of_its_seeds(grid):
    oracle("optuna")
    request = SweepRequest(grid, [0, 1], "optuna")
    begun, values = [], []
    while (point := sweep_plan.next_point(request, begun, values)) is not None:
        begun.append(point)
        values.append(float(len(str(point.setting))))
    assert {point.key for point in begun} == {point.key for point in sweep_plan.points(SweepRequest(grid, [0, 1]))}
    assert all(begun[at].setting == begun[at + 1].setting for at in range(0, len(begun), 2))


def test_optuna_looks_where_the_results_are_good():
    """The objective peaks at 30 of 1..50: after twenty results, proposals lie nearer than chance, whose mean distance is 13."""
    oracle("optuna")
    request = SweepRequest({"n_steps": list(range(1, 51))}, [0], "optuna")
    begun, values = [], []
    for _ in range(35):
        begun.append(sweep_plan.next_point(request, begun, values))
        values.append(-abs(begun[-1].setting["n_steps"] - 30.0))
    late = [abs(point.setting["n_steps"] - 30) for point in begun[20:]]
    assert sum(late) / len(late) < 10


def test_without_optuna_the_sampler_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ValueError, match=r"needs the package optuna; install it .* or choose grid or random"):
        sweep_plan.checked(SweepRequest({"beta": [1.0]}, [0], "optuna"), BASE)


@pytest.mark.parametrize(("request_", "words"), [
    ({"grid": {}}, "at least one hyper-parameter"),
    ({"grid": {"colour": [1]}}, "'colour' cannot be varied; choose from n_levels"),
    ({"grid": {"seed": [1, 2]}}, "'seed' cannot be varied.* Seeds have a list of their own"),
    ({"grid": {"beta": []}}, "beta has 0 values, but needs 1 to 50"), ({"grid": {"beta": [-1.0]}}, "beta is -1.0, but must be"),
    ({"grid": {"beta": [1.0]}, "seeds": []}, "1 to 50 seeds"),
    ({"grid": {"beta": [1.0]}, "sampler": "magic"}, "sampler is 'magic'"),
    ({"grid": {"beta": [1.0]}, "max_runs": 0}, "max_runs is 0"),
    ({"grid": {"beta": [1.0]}, "max_minutes": float("nan")}, "max_minutes is nan, but must be above 0"),
    ({"grid": {"beta": [1.0]}, "objective": "valid_ndcg@10"}, "a quantizer is judged by distinct_share, explained, usage"),
    ({"grid": {"beta": [0.1 * at for at in range(1, 41)]}, "seeds": list(range(26))},
     "1,040 runs, but a sweep has at most 1,000"),
    ({"grid": {"n_levels": [2, 3], "n_codes": [8, [8, 8]]}}, "With levels 3, codes 8,8: n_codes lists 2 levels")])
def test_what_cannot_be_swept_is_refused(request_, words):
    with pytest.raises(ValueError, match=words):
        sweep_plan.checked(SweepRequest(**request_), BASE)


def test_values_and_seeds_that_stand_twice_count_once_and_learners_without_a_seed_train_once():
    found = sweep_plan.checked(SweepRequest({"beta": [1, 1.0, 2]}, [0, 0, 1]), BASE)
    assert (found.grid, found.seeds, found.objective) == ({"beta": [1.0, 2.0]}, [0, 1], "distinct_share")
    found = sweep_plan.checked(SweepRequest({"n_codes": [4, 8]}, [0, 1]), LearnerConfig("fsq", {}))
    assert sweep_plan.has_seed("fsq") == (len(found.seeds) == 2)


@pytest.mark.parametrize(("name", "text", "found"), [
    ("beta", "0.25, 1 ,4", [0.25, 1.0, 4.0]), ("n_codes", "64; 128,64,32", [64, [128, 64, 32]]), ("n_codes", "64,128", [64, 128]),
    ("n_codes", "128,64,32;", [[128, 64, 32]]), ("kmeans_init", "on, off", [True, False]),
    ("estimator", "ste,rotation", ["ste", "rotation"]), ("hidden", "64, 512-256", ["64", "512-256"])])
def test_values_as_they_are_typed_and_written(name, text, found):
    assert sweep_plan.read_values("rqvae", name, text) == found
    assert sweep_plan.read_values("rqvae", name, sweep_plan.values_text(found)) == found


@pytest.mark.parametrize(("name", "text", "words"), [
    ("kmeans_init", "perhaps", "kmeans_init is 'perhaps', but must be on or off"),
    ("beta", "1, x", "beta is 'x', but must be a finite number")])
def test_values_that_cannot_be_are_named(name, text, words):
    with pytest.raises(ValueError, match=words):
        sweep_plan.read_values("rqvae", name, text)


def test_seeds_as_they_are_typed():
    assert sweep_plan.read_seeds("0, 1 5") == [0, 1, 5] and sweep_plan.read_seeds("0-3,7") == [0, 1, 2, 3, 7]
    with pytest.raises(ValueError, match="The seeds are 'one', but must be whole numbers"):
        sweep_plan.read_seeds("one")
    with pytest.raises(ValueError, match="'0-1000000000' are 1,000,000,001 seeds or more, but a sweep has at most 50"):
        sweep_plan.read_seeds("0-1000000000")
