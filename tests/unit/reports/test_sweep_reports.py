"""What mattered in a sweep: the analysis of variance worked by hand, and the sentence."""

import math

import pytest

from tests.support.made_runs import finished
from tiger import runs
from tiger.plots import runs as run_plots
from tiger.reports import sweeps
from tiger.runs import outcome, sweep
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest

GRID = [{"a": a, "b": b} for a in (1, 2) for b in (10, 20, 30)]


def test_main_effects_of_a_balanced_grid_are_the_classical_ones():
    values = [1.0, 2.0, 3.0, 5.0, 6.0, 8.0]  # means of a: 2, 19/3; of b: 3, 4, 5.5; of all 25/6
    mean = 25 / 6
    total = sum((value - mean) ** 2 for value in values)
    ss_a = 3 * ((2 - mean) ** 2 + (19 / 3 - mean) ** 2)
    ss_b = 2 * sum((one - mean) ** 2 for one in (3, 4, 5.5))
    first, second = sweeps.effects(GRID, values)
    assert (first.name, second.name) == ("a", "b") and (first.best, second.best) == (2, 30)
    assert first.share == pytest.approx(ss_a / total) and second.share == pytest.approx(ss_b / total)
    rest = total - ss_a - ss_b
    from scipy.stats import f
    assert first.p == pytest.approx(f.sf(ss_a / (rest / 2), 1, 2))
    assert second.p == pytest.approx(f.sf((ss_b / 2) / (rest / 2), 2, 2))


def test_missing_runs_are_left_out_and_one_run_a_setting_gives_no_p():
    values = [1.0, math.nan, math.nan, 5.0, math.nan, math.nan]
    only, = sweeps.effects(GRID, values)
    assert (only.name, only.share, only.p) == ("a", pytest.approx(1.0), None)
    assert sweeps.effects(GRID, [2.0] * 6) == () == sweeps.effects(GRID, [math.nan] * 6)


@pytest.mark.parametrize(("values", "words"), [
    ([1.0, 1.1, 0.9, 5.0, 5.1, 4.9],
     "A mattered most: it explains 100% of the variance in distinct share (p < 0.001), and is best at 2"),
    ([1.0, 3.0, 2.0, 2.1, 1.1, 2.9], "No hyper-parameter mattered beyond the scatter between runs"),
    ([1.0] * 6, "No hyper-parameter changed the distinct share: it is the same in all 6 finished runs."),
    ([1.0] + [math.nan] * 5, "Too few runs are finished")])
def test_the_sentence(values, words):
    known = sum(value == value for value in values)
    assert sweeps.summary(sweeps.effects(GRID, values), "Distinct share", known).startswith(words)


@pytest.fixture
def swept(tiger_home):
    """A sweep whose four members are finished: distinct share 0.5 + 0.1 * seed at beta 1, 0.9 at beta 4."""
    base = RunConfig("quantizer", {"name": "synthetic", "params": {}}, quantizer=LearnerConfig("rqvae", {}))
    run = runs.new_run(sweep.request(base, SweepRequest({"beta": [1.0, 4.0]}, [0, 1])))
    for point in sweep.points(run.config.sweep):
        member = finished("x", beta=point.setting["beta"], seed=point.seed)
        n = 9 if point.setting["beta"] > 1 else 5 + point.seed
        outcome.write(member.path, outcome.Outcome(10, n, (16,), (8.0,), 0.5))
        sweep.append(run, {"setting": point.setting, "seed": point.seed, "run": member.id, "attempt": 1})
    return run


def test_settings_are_ranked_with_students_interval(swept):
    found = sweeps.result(swept)
    assert found.settings["Beta"].tolist() == [4.0, 1.0] and found.settings["Runs"].tolist() == [2, 2]
    worst = found.settings.iloc[1]
    half = 12.706204736432095 * math.sqrt(0.005) / math.sqrt(2)  # t of one degree of freedom
    assert worst["Distinct share"] == pytest.approx(0.55)
    assert worst["low"] == pytest.approx(0.55 - half) and worst["high"] == pytest.approx(0.55 + half)
    assert found.runs["Distinct share"].tolist() == [0.5, 0.9, 0.6, 0.9]
    assert found.by_first["value"].tolist() == ["1", "4"]
    assert "4 of 4 runs begun: 4 finished" in found.state
    with pytest.raises(ValueError, match="not a sweep"):
        sweeps.result(runs.find("demo-rqvae"))


def test_figures_of_a_sweep(swept):
    found = sweeps.result(swept)
    curve = run_plots.sweep_curve(found.by_first, "Beta", found.objective, found.summary)
    assert list(curve.data[0].y) == pytest.approx([0.55, 0.9]) and curve.data[0].error_y.array[1] == pytest.approx(0)
    frame = found.by_first.assign(other=["x", "y"])
    heat = run_plots.sweep_heat(frame, "Beta", "Other", found.objective, found.summary)
    assert heat.data[0].z[0][0] == pytest.approx(0.55) and math.isnan(heat.data[0].z[0][1])
