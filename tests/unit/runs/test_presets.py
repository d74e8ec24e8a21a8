"""Presets in the size of a catalogue, and hyper-parameters that change on a schedule."""

import numpy as np
import pytest

from tests.support.cli import ask
from tests.support.training import SMALL, execute
from tiger import metrics, quantizers, runs
from tiger.datasets import registry
from tiger.runs import config as run_config
from tiger.runs import presets
from tiger.runs.records import LearnerConfig, RunConfig, ScheduledChange

BY_KEY = {preset.key: preset for preset in presets.quantizer_presets()}


def test_a_small_catalogue_gets_few_codes_and_a_large_one_the_papers():
    small, large = (presets.fitted(BY_KEY["healthy"], n_items).quantizer.params for n_items in (2000, 12_101))
    assert (small["n_levels"], small["n_codes"]) == (5, 16) and large == {}
    assert presets.fitted(BY_KEY["tiny-codebook"], 2000).quantizer.params["n_codes"] == 8  # what a preset says stays
    assert presets.fitted(BY_KEY["fsq"], 2000) == BY_KEY["fsq"]


@pytest.mark.parametrize("key", BY_KEY)
def test_every_preset_in_every_size_can_be_created(key):
    for n_items in (2000, 50_000):
        given = presets.fitted(BY_KEY[key], n_items).quantizer
        quantizers.create(given.name, **given.params).check_params()


def test_the_bundled_small_run_is_what_the_healthy_preset_trains_on_the_shop(tiger_home):
    run, healthy = runs.find("demo-small"), presets.fitted(BY_KEY["healthy"], 2000)
    assert run.learner.params == run_config.checked(
        RunConfig("quantizer", registry.bundled().ref, quantizer=healthy.quantizer)).learner.params
    codes_IL = run.codes()
    assert len(np.unique(codes_IL, axis=0)) >= 0.95 * len(codes_IL)
    assert (metrics.perplexity(metrics.code_counts(codes_IL, 16)) > 14).all()


def test_a_schedule_reads_back_from_the_command_line_and_from_config_json():
    schedule = (ScheduledChange(150, {"learning_rate": 0.03, "restart_threshold": 0.0}), ScheduledChange(200, {"beta": 2.0}))
    assert run_config.parse_schedule(run_config.schedule_text(schedule)) == schedule
    asked = RunConfig("quantizer", registry.bundled().ref, quantizer=LearnerConfig("rqvae"), schedule=schedule)
    assert RunConfig.from_json(asked.to_json()) == asked
    assert "--schedule '150:learning_rate=0.03,restart_threshold=0.0;200:beta=2.0'" in run_config.command(asked)


@pytest.mark.parametrize(("schedule", "words"), [
    ((ScheduledChange(5, {"n_codes": 4}),), "'n_codes' cannot change while rqvae trains"),
    ((ScheduledChange(-1, {"beta": 4.0}),), "steps count from 0"),
    ((ScheduledChange(5, {"learning_rate": 7.0}),), "learning_rate")])
def test_a_schedule_that_cannot_be_is_refused_before_anything_starts(schedule, words):
    with pytest.raises(ValueError, match=words):
        run_config.checked(RunConfig("quantizer", registry.bundled().ref, quantizer=LearnerConfig("rqvae"), schedule=schedule))


def test_a_schedule_of_a_run_that_trains_nothing_is_refused():
    with pytest.raises(ValueError, match="trains nothing"):
        run_config.checked(RunConfig("import", registry.bundled().ref, schedule=(ScheduledChange(1, {"beta": 1.0}),)))


def test_a_torn_schedule_on_the_command_line_is_one_sentence(capsys, tiger_home):
    code, _, err = ask(capsys, "train", "rqvae", "--schedule", "150=learning_rate")
    assert code == 2 and "must read STEP:NAME=NUMBER" in err


@pytest.fixture(scope="module")
def turned(tmp_path_factory):
    """A run that halves its learning rate after 20 steps and its beta after 31."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIGER_HOME", str(tmp_path_factory.mktemp("home")))
        run = runs.new_run(RunConfig("quantizer", registry.bundled().ref, quantizer=LearnerConfig("rqvae", SMALL), schedule=(
            ScheduledChange(31, {"beta": 0.125}), ScheduledChange(20, {"learning_rate": 5e-4}))))
        execute(run)
        yield run


def test_scheduled_changes_take_effect_at_their_step_and_stand_in_the_log(turned):
    events = turned.events()[0]
    assert [(event["step"], event["live_param"], event["value"]) for event in events if "live_param" in event] == [
        (20, "learning_rate", 5e-4), (31, "beta", 0.125)]
    rate = {event["step"]: event["learning_rate"] for event in events if "learning_rate" in event}
    assert rate[20] == 1e-3 and rate[25] == 5e-4
    assert turned.live_params() | {"learning_rate": 5e-4, "beta": 0.125} == turned.live_params()


@pytest.mark.thorough
def test_watch_it_collapse_is_healthy_until_its_line_and_has_perplexity_one_after_it():
    from tiger import datasets
    preset = presets.fitted(BY_KEY["watch-collapse"], 2000)
    change, = preset.schedule
    asked = iter([{}] * change.step + [change.params] + [{}] * 1000)
    q = quantizers.create("rqvae", seed=0, **preset.quantizer.params)
    seen = {step.step: step.metrics["perplexity"] for step in
            q.fit_steps(datasets.load("synthetic").embedding_IE, live_params=lambda: next(asked)) if step.metrics}
    assert change.step == 150 and min(seen[150]) > 15
    assert max(seen[300]) < 2 and seen[300][0] < 1.05
