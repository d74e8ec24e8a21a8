"""``tiger.watch``: what it writes is an ordinary run, whatever is handed over and however it ends."""

import os
import threading
import time

import numpy as np
import pytest
import torch

import tiger
from tests.support import recording
from tiger import datasets, reports, runs
from tiger.core import files
from tiger.datasets import registry
from tiger.recording import recorder as recorder_module
from tiger.runs import supervisor


@pytest.fixture(autouse=True)
def _workspace(tiger_home, monkeypatch):
    """Every record is written at once."""
    monkeypatch.setattr(recorder_module, "KEEP_S", 0.0)
    monkeypatch.setattr(recorder_module, "KEEP_SHARE", 1e9)
    monkeypatch.setattr(recorder_module, "STATUS_S", 0.0)
    monkeypatch.setattr(recorder_module, "STATUS_SHARE", 1e9)


def record(rec, n_steps=5, rows=True, **more):
    for step in range(0, 10 * n_steps, 10):
        codes_BL, rows_B = recording.batch(step)
        rec.log(step, codes=codes_BL, rows=rows_B if rows else None, losses={"Train/Loss": 1 / (step + 1)}, **more)


def test_a_recording_is_an_ordinary_run_of_a_stored_dataset():
    rec = recording.recorder(n_steps=50, library="vector-quantize-pytorch", settings={"decay": 0.8, "odd": np.float32})
    record(rec)
    run = runs.find(rec.run.id)
    assert run.external and run.state == "running" and run.status.step == 40 and run.status.n_steps == 50
    assert run.codes_per_level() == recording.N_CODES and run.config.recording.settings["decay"] == 0.8
    assert runs.list_runs()[0].id == rec.run.id
    events = run.events()[0]
    assert [event["step"] for event in events] == [0, 10, 20, 30, 40] and events[0]["train_loss"] == 1.0
    assert [len(event["perplexity"]) for event in events] == [3] * 5
    cat = datasets.load_ref(run.config.dataset, apart=True)
    assert cat.items["item_id"].tolist()[:2] == ["item 0", "item 1"] and np.array_equal(cat.embedding_IE, recording.vectors())
    assert registry.find_ref(run.config.dataset).title == "elsewhere (90 items)"


def test_perplexity_is_of_the_window_and_says_how_many_codes_that_is():
    rec = recording.recorder(window=60)
    record(rec, 3)
    events = runs.find(rec.run.id).events()[0]
    assert [event["window"] for event in events] == [40, 80, 80]
    kept = np.concatenate([recording.batch(step)[0] for step in (10, 20)])
    share_K = np.bincount(kept[:, 1], minlength=4) / len(kept)
    assert events[-1]["perplexity"][1] == pytest.approx(np.exp(-(share_K * np.log(share_K)).sum()))


def test_snapshots_hold_the_latest_codes_of_the_items_they_name():
    rec = recording.recorder()
    record(rec, 2)
    run = runs.find(rec.run.id)
    assert run.snapshots() == [0, 10]
    kept, wanted = run.snapshot(10), {}
    for step in (0, 10):
        codes_BL, rows_B = recording.batch(step)
        wanted |= dict(zip(rows_B.tolist(), codes_BL.tolist(), strict=True))
    assert dict(zip(kept["rows"].tolist(), kept["codes"].tolist(), strict=True)) == wanted
    with pytest.raises(ValueError, match=r"no codes of all items yet; log codes with rows=\.\.\., or hand"):
        run.codes()


def test_old_snapshots_thin_out_and_the_first_and_newest_stay(monkeypatch):
    monkeypatch.setattr(recorder_module, "N_SNAPSHOTS", 6)
    rec = recording.recorder()
    record(rec, 200)
    rec.close()
    steps = runs.find(rec.run.id).snapshots()
    assert 3 <= len(steps) <= 7 and steps[0] == 0 and steps[-1] == 1990


@pytest.mark.parametrize("given", [
    lambda codes: codes, lambda codes: codes.tolist(), torch.from_numpy, lambda codes: torch.from_numpy(codes)[None],
    lambda codes: list(torch.from_numpy(codes).T), lambda codes: codes.astype(np.uint8)])
def test_codes_come_as_arrays_lists_tensors_and_one_a_level(given):
    rec = recording.recorder()
    codes_BL, rows_B = recording.batch(3)
    rec.log(7, codes=given(codes_BL), rows=torch.from_numpy(rows_B))
    assert runs.find(rec.run.id).events()[0][0]["dead"] == [
        size - len(set(codes_BL[:, level].tolist())) for level, size in enumerate(recording.N_CODES)]


def test_the_final_codes_are_those_that_close_is_given():
    codes_IL = np.stack([np.arange(90) % size for size in recording.N_CODES], 1)
    with recording.recorder() as rec:
        record(rec, codebooks=lambda: [np.ones((size, 5)) for size in recording.N_CODES])
        rec.close(codes=codes_IL, latents=np.ones((90, 5)))
    run = runs.find(rec.run.id)
    assert run.state == "finished" and np.array_equal(run.codes(), codes_IL) and run.latent().shape == (90, 5)
    assert run.semantic_ids().n_ids == 90 and [book.shape for book in run.recorded_codebooks()] == [(8, 5), (4, 5), (6, 5)]


def test_without_final_codes_each_item_has_its_last_logged_ones_if_all_have_some():
    rec = recording.recorder()
    first, second = (np.stack([np.full(90, code % size) for size in recording.N_CODES], 1) for code in (1, 2))
    rec.log(0, codes=first)  # as many as items: all of them, in order
    rec.log(1, codes=second[:20], rows=np.arange(20, 40))
    rec.close()
    run = runs.find(rec.run.id)
    assert run.codes()[:, 0].tolist() == [1] * 20 + [2] * 20 + [1] * 50 and "last logged" in run.status.message
    other = recording.recorder()
    other.log(1, codes=second[:20], rows=np.arange(20, 40))
    other.close()
    assert not runs.find(other.run.id).has_result() and "close(codes=...)" in runs.find(other.run.id).status.message


def test_an_error_in_the_training_is_how_the_run_ended():
    with pytest.raises(ZeroDivisionError), recording.recorder() as rec:
        record(rec)
        raise ZeroDivisionError("by zero")
    status = runs.find(rec.run.id).status
    assert status.state == "failed" and status.message.startswith("The training ended with ZeroDivisionError: by zero.")


def test_a_torn_last_line_and_a_spoilt_snapshot_hide_nothing_else():
    rec = recording.recorder()
    record(rec)
    run = runs.find(rec.run.id)
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"step":50,"lo')
    (run.path / "snapshots" / "0000030.safetensors").write_bytes(b"torn")
    assert [event["step"] for event in run.events()[0]] == [0, 10, 20, 30, 40]
    cat = datasets.load_ref(run.config.dataset)
    assert reports.diagnose(run, cat).signs.n_items > 60
    from tiger.reports.codes import usage_history
    assert usage_history(run, tuple(recording.N_CODES)).steps == (0, 10, 20, 40)


def test_recorders_at_the_same_time_make_runs_of_their_own_on_one_dataset():
    made = []
    threads = [threading.Thread(target=lambda: made.append(recording.recorder())) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({rec.run.id for rec in made}) == 6 and len({str(rec.run.config.dataset) for rec in made}) == 1
    assert len(registry.entries()) == 2
    assert not [path for path in (files.Path(os.environ["TIGER_HOME"]) / "recorded").iterdir() if path.name.startswith(".")]


def test_a_disk_that_fails_ends_the_recording_and_not_the_training(monkeypatch, caplog):
    rec = recording.recorder()
    record(rec, 1)

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "append", refuse)
    record(rec)
    rec.close()
    assert caplog.text.count("training goes on") == 1


def test_what_is_not_enabled_records_nothing():
    rec = recording.recorder(enabled=False)
    record(rec)
    rec.close()
    assert rec.run is None and runs.list_runs()[0].read_only


@pytest.mark.parametrize(("what", "message"), [
    ({"codes": [[8, 0, 0]]}, r"level 1 holds the code 8, but n_codes says that it has 8"),
    ({"codes": [[0, 0]]}, r"codes have shape \(1, 2\), but must be \(batch, 3\)"),
    ({"codes": [[0.5, 0, 0]]}, r"codes are float64, but must be whole numbers"),
    ({"codes": [[0, 0, 0]], "rows": [90]}, r"rows hold 90 to 90, but items have numbers from 0 to 89"),
    ({"codes": [[0, 0, 0]], "rows": [1, 2]}, r"rows are int64 of 2, but must be the number of the item of each of the 1 code"),
    ({"losses": {"step": 1}}, r"a loss cannot be called 'step'"),
    ({"codes": [[0, 0, 0]], "codebooks": np.ones((3, 8, 2))}, r"codebooks have the shapes .* with 8, 4, 6 codes"),
    ({"inputs": np.ones((2, 3)), "outputs": np.ones((2, 4))}, r"inputs have shape \(2, 3\) and outputs \(2, 4\)")])
def test_what_does_not_fit_is_said_with_value_and_remedy(what, message):
    with pytest.raises(ValueError, match=message):
        recording.recorder().log(0, **what)


@pytest.mark.parametrize(("what", "message"), [
    ({"n_codes": [0, 3]}, r"must list the codes of each level, 1 to"), ({"item_ids": ["a"]}, r"1 item_ids for 90 embeddings"),
    ({"item_ids": ["a"] * 90}, r"the item id 'a' is empty or there more than once"),
    ({"titles": ["a"]}, r"there is 1 title for 90"), ({"embeddings": np.ones(3)}, r"embeddings are float64 of shape \(3,\)"),
    ({"embeddings": np.full((2, 2), np.nan), "item_ids": None}, r"embeddings, row 0, holds NaN or infinity \(2 such rows\)")])
def test_watch_refuses_what_makes_no_dataset(what, message):
    with pytest.raises(ValueError, match=message):
        recording.recorder(**what)
    assert all(run.read_only for run in runs.list_runs())


def test_nothing_here_can_stop_or_resume_it():
    rec = recording.recorder()
    record(rec, 1)
    with pytest.raises(ValueError, match="is trained by another program and only recorded here; stop it there"):
        rec.run.control("stop")
    rec.close(state="stopped")
    with pytest.raises(ValueError, match="go on with the training there"):
        supervisor.requeue(rec.run, rec.run.status, "queued")


def test_a_process_that_took_over_the_number_is_not_the_recorder():
    rec = recording.recorder()
    record(rec, 1)
    old = rec.run.status.but(heartbeat_s=time.time() - 1e6)
    files.write_json(rec.run.path / "status.json", old.to_json())
    assert rec.run.state == "interrupted" and "ended without close()" in rec.run.status.message


def test_on_another_machine_its_last_sign_of_life_counts():
    rec = recording.recorder()
    record(rec, 1)
    for silent_s, state in ((60, "running"), (3600, "interrupted")):
        status = rec.status.but(host="far away", heartbeat_s=time.time() - silent_s)
        files.write_json(rec.run.path / "status.json", status.to_json())
        assert rec.run.state == state


def test_explained_variance_is_that_of_the_batch():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(50, 7)) + 3
    for given in (x, torch.from_numpy(x).requires_grad_()):
        rec = recording.recorder()
        rec.log(0, inputs=given, outputs=0.5 * given + 1.5)
        found = rec.run.events()[0][0]["explained"]
        assert found == pytest.approx(1 - (0.25 * (x - 3) ** 2).sum() / ((x - x.mean(0)) ** 2).sum())


def test_the_public_name_is_light():
    assert tiger.watch is recorder_module.watch
