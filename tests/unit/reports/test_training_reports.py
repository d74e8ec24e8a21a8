"""Curves, knobs, runs and the doctor as tables."""

import numpy as np
import pytest
import torch

from tiger import quantizers, reports, runs
from tiger.reports.training import thin

EVENTS = [{"step": 10, "t_s": 0.1, "loss": 4.0, "perplexity": [3.0, 2.0]},
          {"step": 15, "t_s": 0.2, "live_param": "beta", "value": 0.5},
          {"step": 20, "t_s": 0.3, "loss": 2.0, "perplexity": [8.0, 4.0]}]


def test_curves_are_long_tables():
    frame = reports.training_frame(EVENTS, ["loss", "perplexity", "unheard_of"])
    assert frame.to_numpy().tolist() == [
        ["loss", 0, 10, 4.0], ["loss", 0, 20, 2.0], ["perplexity", 1, 10, 3.0], ["perplexity", 1, 20, 8.0],
        ["perplexity", 2, 10, 2.0], ["perplexity", 2, 20, 4.0]]
    assert reports.training_summary(frame) == (
        "By step 20, loss goes from 4 to 2; perplexity of level 1 goes from 3 to 8; "
        "perplexity of level 2 goes from 2 to 4.")
    assert reports.training_frame([]).empty
    assert reports.training_summary(reports.training_frame([])) == "Nothing logged yet."


def test_a_title_says_what_came_out_of_a_run():
    def title(*names: str, events=EVENTS, sizes: str = "") -> str:
        return reports.training_finding(reports.training_frame(events, names), sizes)

    assert title("loss") == "Loss falls from 4 to 2"
    assert title("perplexity", sizes="8") == "Perplexity ends at 4 to 8 of 8"
    dead = [{"step": 1, "dead": [3, 1]}, {"step": 2, "dead": [0, 2]}, {"step": 3, "dead": [0, 0]}]
    assert title("dead", events=dead[:2], sizes="8") == "Level 2 ends with the most dead codes: 2 of 8"
    assert title("dead", events=dead) == "No code is dead at the end"
    scores = ((5, 0.1), (1500, 0.25), (2000, 0.2))
    valid = [{"step": step, "valid_recall@10": recall, "valid_ndcg@10": 0.9} for step, recall in scores]
    assert title("valid_recall@10", "valid_ndcg@10", events=valid) == "Validation recall@10 peaks at 0.250, at step 1,500"
    both = [{"step": step, "loss": 3.0, "recon_loss": recon} for step, recon in ((1, 1.0), (2, 1.25))]
    assert title("loss", "recon_loss", events=both) == "Loss stays at 3"
    assert title("recon_loss", events=both) == "Reconstruction loss rises from 1 to 1.25"
    assert title("loss", events=[]) == "Nothing logged yet"


def test_knobs_that_were_turned():
    frame = reports.live_param_frame([*EVENTS, {"step": 30, "live_param": "learning_rate", "value": 1e-4}])
    assert frame["label"].tolist() == ["beta 0.5", "learning rate 0.0001"]
    assert frame["step"].tolist() == [15, 30]
    assert reports.live_param_frame([]).empty


def test_thinning_keeps_the_ends_and_every_peak():
    value = np.sin(np.arange(50_000) / 3000)
    value[[777, 31_111]] = [9, -9]
    value[5] = np.nan
    kept = thin(value, 2000)
    assert len(kept) <= 2000 and {0, 777, 31_111, 49_999} <= set(kept.tolist())
    assert np.all(np.diff(kept) > 0)
    assert thin(value[:10], 2000).tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9]


def test_explained_variance_is_one_for_perfect_and_nothing_for_the_mean():
    emb_IE = np.random.default_rng(0).normal(size=(50, 4))
    items = np.arange(50)
    assert reports.explained_variance(emb_IE, items, emb_IE) == 1
    assert reports.explained_variance(emb_IE, items, np.tile(emb_IE.mean(0), (50, 1))) == pytest.approx(0)


@pytest.mark.parametrize("normalise", ["none", "standardise", "centre", "l2"])
def test_a_running_log_tells_the_same_as_the_finished_decoder(normalise):
    rng = np.random.default_rng(1)
    emb_IE = (rng.normal(size=(8, 6))[rng.integers(0, 8, 512)] + 0.2 * rng.normal(size=(512, 6))).astype(np.float32)
    q = quantizers.create("rqvae", n_codes=16, hidden="32", latent_width=4, batch_size=512, n_steps=150,
                          normalise=normalise, learning_rate=3e-3)
    events = [{"step": step.step, **step.metrics} for step in q.fit_steps(emb_IE) if step.metrics]
    told = reports.explained_in_training(emb_IE, events[:-1] + [events[-1]] * 5, normalise)
    x, back = q.normaliser_.apply(torch.from_numpy(emb_IE)), torch.from_numpy(q.decode(q.encode(emb_IE)))
    back = back / q.normaliser_.scale_E if normalise == "l2" else q.normaliser_.apply(back)
    true = 1 - float((x - back).square().sum() / (x - x.mean(0)).square().sum())
    assert told == pytest.approx(true, abs=0.02)


CONFIG = {"dataset": {"name": "tables", "params": {}}, "title": "Mine",
          "quantizer": {"name": "random_codes", "params": {"n_codes": 8, "n_levels": 2}}}


def test_a_run_is_diagnosed_from_its_folder(tiger_home, tiny):
    run = runs.new_run(CONFIG)
    with pytest.raises(ValueError, match=r"has no codes yet"):
        reports.diagnose(run, tiny)
    np.save(run.path / "codes.npy", np.zeros((6, 2), np.int32))
    found = reports.diagnose(run, tiny)
    assert found.disease == "total_collapse"
    frame = reports.doctor_frame(found)
    assert frame["perplexity"].tolist() == [1, 1] and frame["dead"].tolist() == [7, 7]
    assert frame["reach"].tolist() == [6, 6]
    np.save(run.path / "codes.npy", np.zeros((5, 2), np.int32))
    with pytest.raises(ValueError, match=r"has 5 items, but this dataset has 6"):
        reports.diagnose(run, tiny)


def test_imported_codes_are_examined_with_a_catalogue_and_nothing_else(tiny):
    codes_IL = np.array([[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]])
    found = reports.examine(codes_IL, [2, 3], tiny.embedding_IE)
    assert found.disease == "healthy" and found.signs.neighbours is not None
