"""Training in a run's folder equals a bare fit to the bit, however often it was cut off."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.support.training import SMALL, config
from tiger import quantizers, runs
from tiger.runs import artifacts, checkpoint, train_quantizer
from tiger.runs.records import Status
from tiger.runs.run import Run
from tiger.runs.worker_context import WorkerContext

REF = {"name": "synthetic", "params": {}, "embedding": {"method": "tfidf"}}
EMB_IE = np.random.default_rng(0).normal(size=(200, 24)).astype(np.float32)


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("one_thread")]


@pytest.fixture
def checkpoint_every_step(monkeypatch):
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_S", 0)
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_SHARE", 1e9)


def new_run(name: str = "rqvae", **params) -> Run:
    return runs.new_run(config(REF, name, **params))


def train(run: Run, n_steps: int | None = None) -> train_quantizer.QuantizerTraining:
    """Train to the end, or crash after ``n_steps`` further steps: nothing is written any more from there."""
    given = run.learner
    job = train_quantizer.QuantizerTraining(WorkerContext(run), quantizers.create(given.name, **given.params), EMB_IE)
    steps = job.steps()
    for progress in steps:
        if n_steps is not None and progress.step >= n_steps:
            break
    return job


def outcome(run: Run) -> dict[str, np.ndarray]:
    weights = {name: value.numpy() for name, value in load_file(run.path / "weights.safetensors").items()}
    log = [{name: value for name, value in event.items() if name not in ("t_s", "seq")} for event in run.events()[0]]
    return {**weights, "codes": run.codes(), "latent": run.latent(), "error": run.recon_error(), "log": np.array(log)}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """What is left by a run with these settings that nothing happens to; trained once, in a workspace of its own."""
    kept: dict[str, dict[str, np.ndarray]] = {}

    def of(**params) -> dict[str, np.ndarray]:
        if repr(params) not in kept:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("TIGER_HOME", str(tmp_path_factory.mktemp("undisturbed")))
                run = new_run(**params)
                train(run)
                kept[repr(params)] = outcome(run)
        return kept[repr(params)]

    return of


def assert_same(one: dict[str, np.ndarray], two: dict[str, np.ndarray]) -> None:
    assert one.keys() == two.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], two[name], err_msg=name)


def test_a_run_equals_a_bare_fit_to_the_bit(tiger_home):
    run = new_run()
    train(run)
    bare = quantizers.create("rqvae", **SMALL).fit(EMB_IE)
    assert run.status.but(heartbeat_s=0, pid=0) == Status("finished", step=60, n_steps=60, pid=0, attempt=1, n_threads=1)
    np.testing.assert_array_equal(run.codes(), bare.encode(EMB_IE))
    np.testing.assert_array_equal(run.latent(), bare.latent(EMB_IE))
    for name, value in bare.tensors().items():
        torch.testing.assert_close(load_file(run.path / "weights.safetensors")[name], value, rtol=0, atol=0)
    np.testing.assert_array_equal(run.quantizer().encode(EMB_IE), run.codes())
    assert run.semantic_ids().codes_IL.tolist() == run.codes().tolist()
    residual_IZ = run.latent() - sum(book[run.codes()[:, level]] for level, book in enumerate(bare.codebooks()))
    np.testing.assert_allclose(run.recon_error()[:, -1], (residual_IZ**2).sum(1), rtol=1e-4)


def test_the_log_holds_every_measured_step_once(tiger_home):
    run = new_run()
    train(run)
    events = run.events()[0]
    assert [event["step"] for event in events] == [1, *range(5, 61, 5)]
    assert {"loss", "recon_loss", "commit_loss", "perplexity", "dead", "learning_rate"} <= events[0].keys()
    seconds = [event["t_s"] for event in events]
    assert seconds == sorted(seconds) and seconds[0] > 0


@pytest.mark.parametrize(("seed", "more"), list(enumerate([
    {}, {}, {}, {"ema": True, "restart_threshold": 5.0}, {"simvq": True, "restart_threshold": 5.0},
    {"sinkhorn": True, "koleo": 0.1}, {"normalise": "standardise", "optimizer": "adamw", "estimator": "rotation"}])))
def test_crashes_anywhere_leave_the_same_result(tiger_home, undisturbed, monkeypatch, seed, more):
    """Checkpoints at random steps, crashes at random steps: log, codes and weights as if nothing had been."""
    rng = random.Random(seed)
    whole, torn = undisturbed(**more), new_run(**more)
    monkeypatch.setattr(train_quantizer.QuantizerTraining, "_save", _sometimes(rng, train_quantizer.QuantizerTraining._save))
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_S", 0)
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_SHARE", 1e9)
    for crash in sorted(rng.sample(range(1, 60), 4)):
        train(torn, crash)
        with (torn.path / "events.jsonl").open("ab") as log:
            log.write(b'{"step": 59, "lo')  # the line that the crash tore
        (torn.path / "checkpoint").mkdir(exist_ok=True)
        (torn.path / "checkpoint" / ".state.safetensors.12ab.part").write_bytes(b"half a checkp")
    train(torn)
    assert torn.status.attempt == 5
    assert_same(whole, outcome(torn))
    assert [path.name for path in (torn.path / "checkpoint").iterdir()] == ["state.safetensors"]


def _sometimes(rng: random.Random, save):
    return lambda self: save(self) if rng.random() < 0.2 else None


def test_knobs_turned_after_the_checkpoint_are_turned_again_at_the_same_steps(tiger_home, undisturbed, monkeypatch):
    """Both runs hear beta at step 20 and the rate at step 31; one crashes at 40 with its checkpoint at step 10."""
    asked = {20: {"beta": 2.0}, 31: {"learning_rate": 0.01}}
    pair = new_run(), new_run()
    monkeypatch.setattr("tiger.runs.worker_context.CONTROL_S", 0)
    monkeypatch.setattr(train_quantizer, "CHECKPOINT_S", 1e9)
    save, took = train_quantizer.QuantizerTraining._save, train_quantizer.QuantizerTraining._after_step

    def take(self, progress):
        took(self, progress)
        if self.context.status.attempt == 1 and progress.step in asked:
            self.run.control(live_params=asked[progress.step])
        if self.run is pair[1] and progress.step == 10:
            save(self)

    monkeypatch.setattr(train_quantizer.QuantizerTraining, "_after_step", take)
    train(pair[0])
    train(pair[1], 40)
    assert checkpoint.read(pair[1].path)["step"] == 10
    train(pair[1])
    turned = [event for event in pair[1].events()[0] if "live_param" in event]
    assert [(event["step"], event["live_param"], event["value"]) for event in turned] == [
        (20, "beta", 2.0), (31, "learning_rate", 0.01)]
    assert_same(*map(outcome, pair))
    asked.clear()
    assert (undisturbed()["latent"] != pair[0].latent()).any(), "the knobs did something"


def test_step_mode_pauses_at_the_step_and_keeps_that_batch(tiger_home, monkeypatch):
    monkeypatch.setattr(train_quantizer, "PAUSE_LIMIT_S", 0.1)
    run = new_run()
    run.control("pause", step_to=7)
    job = train(run)
    status, trace = run.status, run.step_trace()
    assert (status.state, status.step) == ("stopped", 7)
    assert "Paused for a long time" in status.message
    assert trace["step"] == 7
    np.testing.assert_array_equal(trace["rows"], job.quantizer.batch_rows[:64])
    np.testing.assert_array_equal(trace["codes"], job.quantizer.encode(EMB_IE[trace["rows"]]))
    left = trace["residual"]
    np.testing.assert_allclose(left[:, 1:], left[:, :-1] - trace["chosen"], rtol=1e-6)
    assert 7 in run.snapshots()


def test_a_pause_before_the_first_step_waits_there(tiger_home, monkeypatch):
    monkeypatch.setattr(train_quantizer, "PAUSE_LIMIT_S", 0.1)
    run = new_run()
    run.control("pause")
    train(run)
    assert (run.status.state, run.status.step) == ("stopped", 0)
    run.control("run")
    train(run)
    assert run.state == "finished"


def test_a_stopped_run_can_be_looked_at_and_goes_on_to_the_same_end(tiger_home, undisturbed, checkpoint_every_step):
    stopped = new_run()
    stopped.control("pause", step_to=23)
    given = stopped.learner
    session = WorkerContext(stopped)
    job = train_quantizer.QuantizerTraining(session, quantizers.create("rqvae", **given.params), EMB_IE)
    for progress in job.steps():
        if progress.step == 23:
            stopped.control("stop")
            session._looked_s = -1e9
    assert stopped.status.state == "stopped" and stopped.status.step == 23
    assert stopped.has_result() and stopped.latent().shape == (200, 8)
    np.testing.assert_array_equal(stopped.codes(), job.quantizer.encode(EMB_IE))
    stopped.control("run")
    train(stopped)
    assert_same(undisturbed(), outcome(stopped))


@pytest.mark.parametrize("name", [name for name, cls in quantizers.REGISTRY.items() if not cls.steppable])
def test_quantizers_without_steps_run_too(tiger_home, name):
    run = new_run(name, n_codes=16)
    train(run)
    bare = quantizers.create(name, n_codes=16).fit(EMB_IE)
    assert run.state == "finished" and run.status.step == run.status.n_steps
    np.testing.assert_array_equal(run.codes(), bare.encode(EMB_IE))
    assert (run.path / "recon_error.npy").exists() == (bare.codebooks() is not None)


def test_a_knob_that_somebody_wrote_by_hand_is_refused_and_said(tiger_home):
    run = new_run()
    run.control("run")
    text = (run.path / "control.json").read_text().replace('"live_params": {}', '"live_params": {"beta": -5}')
    (run.path / "control.json").write_text(text)
    train(run)
    assert run.state == "finished"
    assert not [event for event in run.events()[0] if "live_param" in event]


def test_a_checkpoint_of_other_data_is_refused_in_words(tiger_home, checkpoint_every_step, monkeypatch):
    run = new_run()
    train(run, 20)
    monkeypatch.setitem(globals(), "EMB_IE", EMB_IE[:150])
    with pytest.raises(ValueError, match="same data"):
        train(run)


@pytest.mark.parametrize(("n_steps", "batch", "n_items"), [
    (600, 1024, 12_101), (600, 1024, 2_000), (100_000, 64, 50), (3, 8, 10), (1, 1, 1), (50, None, 10**6)])
def test_snapshots_lie_close_at_the_start_and_even_later_and_stay_few(n_steps, batch, n_items):
    steps = sorted(artifacts.snapshot_steps(n_steps, batch, n_items))
    assert steps[0] == 0 and steps[-1] == n_steps
    assert len(steps) <= 42
    if n_steps >= 600:
        assert len(steps) >= 10
        assert max(np.diff(steps)) <= n_steps / 6 + 1
    seen = len(steps) * min(n_items, artifacts.SNAPSHOT_ITEMS) / 6  # an encoding is a sixth of a training step
    if n_items == 12_101:
        assert seen < 0.05 * n_steps * batch


def test_snapshots_sample_large_catalogues_evenly(tiger_home, monkeypatch):
    monkeypatch.setattr(artifacts, "SNAPSHOT_ITEMS", 50)
    run = new_run()
    job = train(run)
    kept = run.snapshot(60)
    assert len(kept["rows"]) == 50 and kept["rows"][0] == 0 and kept["rows"][-1] == 199
    np.testing.assert_array_equal(kept["codes"], job.quantizer.encode(EMB_IE)[kept["rows"]])
    assert kept["error"].shape == (4,) and (np.diff(kept["error"]) <= 0).all()


plain = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
tensor = st.sampled_from([torch.float32, torch.bfloat16, torch.int64, torch.uint8]).flatmap(
    lambda dtype: st.lists(st.integers(0, 200), max_size=6).map(lambda values: torch.tensor(values, dtype=dtype)))


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.text(max_size=5), st.recursive(plain | tensor, lambda part: st.lists(part, max_size=3)
                                                         | st.dictionaries(st.text(max_size=3), part, max_size=3),
                                                         max_leaves=8), max_size=4))
def test_a_checkpoint_gives_back_what_it_was_given(tmp_path_factory, value):
    folder = tmp_path_factory.mktemp("checkpoint")
    checkpoint.write(folder, value)
    assert _comparable(checkpoint.read(folder)) == _comparable(value)


def _comparable(value):
    if isinstance(value, torch.Tensor):
        return ("tensor", str(value.dtype), value.tolist())
    if isinstance(value, dict):
        return {key: _comparable(part) for key, part in value.items()}
    return [_comparable(part) for part in value] if isinstance(value, list) else value


def test_views_of_one_buffer_keep_their_shape_and_content(tmp_path):
    base = torch.arange(6.0)
    checkpoint.write(tmp_path, {"a": base, "b": base.view(2, 3).t(), "n": np.arange(3), "rng": torch.get_rng_state()})
    found = checkpoint.read(tmp_path)
    assert found["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert isinstance(found["n"], np.ndarray) and found["rng"].equal(torch.get_rng_state())


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b'{"a": 1}'])
def test_a_checkpoint_that_cannot_be_read_is_refused_and_nothing_is_deleted(tiger_home, undisturbed, checkpoint_every_step,
                                                                            content):
    run = stopped_run(23)
    (run.path / checkpoint.FILE).write_bytes(content)
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match=r"checkpoint/state.safetensors of run .* cannot be read .*is kept.*--restart"):
        train(run)
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    artifacts.restart(run)
    assert not run.has_result() and run.snapshots() == []
    train(run)
    assert_same(undisturbed(), outcome(run))


def test_a_checkpoint_that_is_gone_is_refused_and_the_result_stays(tiger_home, checkpoint_every_step):
    run = stopped_run(23)
    (run.path / checkpoint.FILE).unlink()
    codes_IL = run.codes()
    with pytest.raises(ValueError, match="is gone, so the run cannot go on"):
        train(run)
    np.testing.assert_array_equal(run.codes(), codes_IL)


def stopped_run(step: int) -> Run:
    """A run that was stopped at a step and has a result."""
    run = new_run()
    run.control("pause", step_to=step)
    context = WorkerContext(run)
    job = train_quantizer.QuantizerTraining(context, quantizers.create("rqvae", **run.learner.params), EMB_IE)
    for progress in job.steps():
        if progress.step == step:
            run.control("stop")
            context._looked_s = -1e9
    assert run.state == "stopped" and run.has_result()
    run.control("run")
    return run
