"""What mattered in a sweep: the analysis of variance worked by hand, its intervals against chance itself, and the sentence."""

import math
import re

import numpy as np
import pytest
from scipy import stats

from tests.support.made_runs import finished, write_status
from tiger import runs
from tiger.plots import runs as run_plots
from tiger.reports import sweeps
from tiger.runs import outcome, sweep, sweep_plan
from tiger.runs.records import LearnerConfig, RunConfig, SweepRequest

GRID = [{"a": a, "b": b} for a in (1, 2) for b in (10, 20, 30) for _ in range(2)]  # each setting with two seeds
VALUES = [1.0, 2.0, 2.0, 3.0, 4.0, 6.0, 5.0, 5.0, 6.0, 8.0, 7.0, 11.0]


def test_sums_of_squares_of_a_balanced_grid_are_the_classical_ones_worked_by_hand():
    """Cell means 1.5, 2.5, 5 and 5, 7, 9; of a 3 and 7; of b 3.25, 4.75, 7; of all 5."""
    total = 16 + 9 + 9 + 4 + 1 + 1 + 0 + 0 + 1 + 9 + 4 + 36
    ss_a = 6 * (2**2 + 2**2)
    ss_b = 4 * (1.75**2 + 0.25**2 + 2**2)
    within = 2 * (0.5**2 + 0.5**2 + 1 + 0 + 1 + 2**2)
    found = sweeps.variation(GRID, VALUES)
    first, second = found.effects
    assert (first.name, second.name) == ("a", "b") and (first.best, second.best) == (2, 30)
    assert [first.share, second.share] == pytest.approx([ss_a / total, ss_b / total])
    assert found.seeds == pytest.approx(within / total)
    assert found.combined == pytest.approx((total - ss_a - ss_b - within) / total)
    assert first.share + second.share + found.combined + found.seeds == pytest.approx(1)


def test_an_effect_is_told_where_the_f_test_against_the_seeds_is_below_two_and_a_half_per_cent():
    found = sweeps.variation(GRID, VALUES)
    mean_within = 13 / 6  # sum of squares within settings by its degrees of freedom
    for effect, df in zip(found.effects, (1, 2), strict=True):
        p = stats.f.sf(effect.share * 90 / df / mean_within, df, 6)
        assert effect.told == (p < 0.025)
        assert effect.low <= effect.share <= effect.high <= 1


def test_the_interval_holds_the_true_share_as_often_as_it_says():
    """One hyper-parameter of three values, four seeds: the true share is known, as the data are drawn with it."""
    rng, settings, hits = np.random.default_rng(0), [{"a": a} for a in (1, 2, 3) for _ in range(4)], 0
    effect_3 = np.array([-1.0, 0.0, 1.0])
    true = effect_3.var() / (effect_3.var() + 1.0)
    for _ in range(400):
        values = (np.repeat(effect_3, 4) + rng.standard_normal(12)).tolist()
        one, = sweeps.variation(settings, values).effects
        hits += one.low <= true <= one.high
    assert 0.92 <= hits / 400 <= 0.98


def test_bounds_of_the_noncentrality_leave_two_and_a_half_per_cent_of_draws_beyond():
    low, high = sweeps.share_interval(gain=30.0, df=2, within=9.0, n_free=9, others=0.0, n=12)
    rng = np.random.default_rng(1)
    for share, beyond in ((low, lambda f: f >= 15.0), (high, lambda f: f <= 15.0)):
        strength = 12 * share / (1 - share)
        draws_N = (rng.noncentral_chisquare(2, strength, 200_000) / 2) / (rng.chisquare(9, 200_000) / 9)
        assert beyond(draws_N).mean() == pytest.approx(0.025, abs=0.002)


def test_missing_runs_are_left_out_and_one_run_a_setting_has_no_interval():
    values = [1.0, *[math.nan] * 5, 5.0, *[math.nan] * 5]
    found = sweeps.variation(GRID, values)
    only, = found.effects
    assert (only.name, only.share, only.told) == ("a", pytest.approx(1.0), False) and math.isnan(only.low)
    assert not found.repeated
    assert sweeps.variation(GRID, [2.0] * 12).effects == () == sweeps.variation(GRID, [math.nan] * 12).effects
    assert sweeps.variation([], []).n_runs == 0


def test_where_seeds_change_nothing_the_share_is_exact():
    found = sweeps.variation([{"a": a} for a in (1, 1, 2, 2)], [3.0, 3.0, 4.0, 4.0])
    assert (found.effects[0].low, found.effects[0].share, found.effects[0].high, found.seeds) == (1, 1, 1, 0)


@pytest.mark.parametrize(("values", "words"), [
    (VALUES, r"A mattered most: it explains 53% \(95 % interval \d+% to \d+%\) of the variation in distinct share and is best at "
             r"2; b \(32%\) cannot be told from the seeds\."),
    ([*VALUES[:4], 9.0, 9.5, *VALUES[6:10], 15.0, 15.5], r"B mattered most: .* and is best at 30; a explains \d+% \(95 .*\)\."),
    ([1.0, 3.0, 3.0, 1.0, 2.0, 2.5, 1.5, 3.0, 2.0, 2.5, 3.0, 1.0],
     r"No effect can be told from the seeds: a explains 0% \(95 % interval 0% to \d+%\) of the variation in distinct share, the "
     r"seeds 98%\."),
    ([1.0] * 12, r"The distinct share is the same in all 12 finished runs, whatever was varied\."),
    ([1.0, math.nan] * 3 + [2.0, math.nan] * 3, r"A explains 100% of the variation in distinct share \(b 0%\), which cannot be "
                                                r"told from the seeds: no setting was trained with two of them\."),
    ([1.0] + [math.nan] * 11, r"What mattered can be said once two runs are finished\.")])
def test_the_sentence(values, words):
    assert re.fullmatch(words, sweeps.summary(sweeps.variation(GRID, values), "Distinct share"))


@pytest.fixture
def swept(tiger_home):
    """A sweep whose four members are finished: distinct share 0.5 + 0.01 * seed at beta 1, 0.9 at beta 4."""
    base = RunConfig("quantizer", {"name": "synthetic", "params": {}}, quantizer=LearnerConfig("rqvae", {}))
    run = runs.new_run(sweep.run_config_of(base, SweepRequest({"beta": [4.0, 1.0]}, [0, 1])))
    for point in sweep_plan.points(run.config.sweep):
        member = finished("x", beta=point.setting["beta"], seed=point.seed)
        n = 90 if point.setting["beta"] > 1 else 50 + point.seed
        outcome.write(member.path, outcome.Outcome(100, n, (16,), (8.0,), 0.5))
        sweep.note(run, point, member.id, 1)
    return run


def test_settings_are_ranked_with_students_interval(swept):
    found = sweeps.result(swept)
    assert found.settings["Beta"].tolist() == [4.0, 1.0] and found.settings["Runs"].tolist() == [2, 2]
    worst = found.settings.iloc[1]
    half = 12.706204736432095 * math.sqrt(0.00005) / math.sqrt(2)  # t of one degree of freedom
    assert worst["Distinct share"] == pytest.approx(0.505)
    assert worst["low"] == pytest.approx(0.505 - half) and worst["high"] == pytest.approx(0.505 + half)
    assert found.runs["Distinct share"].tolist() == [0.9, 0.5, 0.9, 0.51]
    assert found.means["value"].tolist() == ["1", "4"] and found.axes == (("1", "4"),) and found.ordered
    assert found.state == "4 of 4 runs begun: 4 finished."
    assert found.shares["Part"].tolist() == ["Beta", "Seeds"] and found.shares["Share"].sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="not a sweep"):
        sweeps.result(runs.find("demo-rqvae"))


def test_intervals_stay_in_the_range_of_a_share():
    (_, shares), = sweeps._folded([{"a": 1}] * 2, [0.1, 0.9], ["a"], "usage")
    (_, explained), = sweeps._folded([{"a": 1}] * 2, [0.1, 0.9], ["a"], "explained")
    assert (shares.low, shares.high, explained.high) == (0, 1, 1) and explained.low < 0, "explained variance can be negative"


def test_a_member_that_is_not_finished_counts_for_nothing(swept):
    """A stopped run keeps the codes that it had; they say nothing of its setting."""
    member = sweep.members(swept)[1]
    write_status(runs.find(member.run_id), state="stopped")
    found = sweeps.result(swept)
    assert math.isnan(found.runs["Distinct share"][1]) and found.settings["Runs"].tolist() == [2, 1]
    assert found.state == "4 of 4 runs begun: 1 stopped, 3 finished."
    runs.delete(runs.find(member.run_id))
    assert sweeps.result(swept).state == "4 of 4 runs begun: 3 finished, 1 deleted."


def test_figures_of_a_sweep(swept):
    found = sweeps.result(swept)
    curve = run_plots.sweep_curve(found.means, ["1", "4", "9"], "Beta", found.objective, found.summary)
    assert list(curve.data[0].y) == pytest.approx([0.505, 0.9]) and curve.data[0].error_y.array[1] == pytest.approx(0)
    assert curve.data[0].mode == "lines+markers" and list(curve.layout.xaxis.categoryarray) == ["1", "4", "9"]
    assert run_plots.sweep_curve(found.means, ["1", "4"], "Beta", "y", "alt", joined=False).data[0].mode == "markers"
    frame = found.means.assign(other=["x", "y"])
    heat = run_plots.sweep_heat(frame, ["1", "4"], ["y", "x"], ["Beta", "Other"], found.objective, found.summary)
    assert heat.data[0].z[1][0] == pytest.approx(0.505) and math.isnan(heat.data[0].z[0][0])
    assert heat.data[0].customdata[0][0] == "not measured" and heat.data[0].customdata[0][1].endswith("2 runs")
