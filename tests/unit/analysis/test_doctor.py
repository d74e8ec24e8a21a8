"""The doctor names every disease: from codes worked out by hand, from logs, and from real small trainings."""

import dataclasses

import numpy as np
import pytest

from tiger import metrics, quantizers
from tiger.analysis import doctor
from tiger.core import params
from tiger.quantizers.rqvae import RQVAE

RNG = np.random.default_rng(0)
EVEN = np.stack([RNG.permutation(np.arange(2000) % 64) for _ in range(3)], 1)  # every code carries 31 or 32 items
DEFAULTS = params.values(RQVAE())


def log(n_steps: int = 600, learning_rate: float = 1e-3, **more) -> list[dict]:
    """A run's log with nothing remarkable in it."""
    return [{"step": step, "t_s": step / 30, "loss": 0.6, "recon_loss": 0.5, "commit_loss": 0.02,
             "learning_rate": learning_rate, **more} for step in range(10, n_steps + 1, 10)]


def collapsed() -> np.ndarray:
    codes_IL = np.zeros((2000, 3), int)
    codes_IL[:3] = 1
    return codes_IL


def starved(level: int) -> np.ndarray:
    codes_IL = EVEN.copy()
    codes_IL[:, level] = np.arange(2000) % 5
    return codes_IL


def colliding() -> np.ndarray:
    return np.repeat(EVEN[:400], 5, axis=0)


BY_HAND = [
    ("healthy", EVEN, 64, None, None, {}),
    ("total_collapse", collapsed(), 64, None, None, {}),
    ("level_starvation", starved(0), 64, None, None, {}),
    ("level_starvation", starved(2), 64, None, None, {}),
    ("collision_storm", colliding(), 64, None, None, {}),
    ("healthy", EVEN, 64, log(), DEFAULTS, {"explained": 0.5}),
    ("untrained", EVEN, 64, log(n_steps=20), DEFAULTS, {}),
    ("healthy", EVEN, 64, log(n_steps=20), {"n_levels": 3, "n_codes": 64, "seed": 0}, {}),  # fitted in one go
    ("untrained", EVEN, 64, log(learning_rate=1e-6), DEFAULTS | {"learning_rate": 1e-6}, {}),
    ("untrained", EVEN, 64, log(), DEFAULTS, {"explained": -0.2}),
    ("over_strong_commitment", EVEN, 64, log(), DEFAULTS | {"beta": 20.0}, {"explained": 0.02}),
    ("over_strong_commitment", collapsed(), 64, log(), DEFAULTS | {"beta": 20.0}, {}),
    ("healthy", EVEN, 64, log(), DEFAULTS | {"beta": 20.0}, {"explained": 0.6}),  # high, but it did no harm
    ("total_collapse", collapsed(), 64, log(), DEFAULTS, {"explained": 0.0}),
]


@pytest.mark.parametrize(("disease", "codes_IL", "n_codes", "events", "params_", "facts"), BY_HAND)
def test_each_disease_is_named(disease, codes_IL, n_codes, events, params_, facts):
    found = doctor.examine(codes_IL, n_codes, events, params_, **facts)
    assert found.disease == disease
    assert found.evidence and all(sentence.endswith(".") for sentence in found.evidence)
    assert (found.severity == "good") == (disease == "healthy") == (not found.remedies)


def test_the_evidence_gives_the_numbers_and_their_limits():
    said = " ".join(doctor.examine(starved(1), 64).evidence)
    assert "Level 2 has a perplexity of 5.0 of 64 (8%) and 59 dead codes; the thresholds are 25% and 50% dead" in said
    said = " ".join(doctor.examine(colliding(), 64).evidence)
    assert "400 distinct IDs for 2,000 items (20.0%); the threshold is 80%" in said
    assert "the most frequent ID belongs to 5" in said
    said = " ".join(doctor.examine(EVEN, 64, log(learning_rate=1e-6), DEFAULTS).evidence)
    assert "add up to 0.0006" in said and "below 0.01" in said


def test_a_knob_that_was_turned_counts_as_it_was_left():
    codes_IL = collapsed()
    events = [*log(), {"step": 300, "t_s": 1.0, "live_param": "beta", "value": 50.0}]
    assert doctor.examine(codes_IL, 64, events, DEFAULTS).disease == "over_strong_commitment"
    events.append({"step": 400, "t_s": 2.0, "live_param": "beta", "value": 0.25})
    assert doctor.examine(codes_IL, 64, events, DEFAULTS).disease == "total_collapse"


def test_codes_unrelated_to_the_items_are_named_however_well_they_are_used():
    emb_IE = np.random.default_rng(1).normal(size=(2000, 8)).astype(np.float32)
    query = np.arange(200)
    near, _ = metrics.nearest(emb_IE, query, 10)
    recall = metrics.neighbour_recall(EVEN, query, near)
    assert doctor.examine(EVEN, 64, log(), DEFAULTS, neighbours=recall).disease == "untrained"
    for params_ in ({}, {"n_levels": 3, "n_codes": 64, "seed": 0}):  # imported codes, and random ones: nothing was trained
        found = doctor.examine(EVEN, 64, params=params_, neighbours=recall)
        assert found.disease == "at_chance" and not found.remedies
    telling = EVEN.copy()
    telling[:, 0] = np.digitize(emb_IE[:, 0], np.quantile(emb_IE[:, 0], np.arange(1, 64) / 64))
    recall = metrics.neighbour_recall(telling, query, near)
    assert doctor.examine(telling, 64, neighbours=recall).disease == "healthy"


def test_two_codes_a_level_are_at_chance_only_where_they_say_nothing():
    """Half of all pairs share one of two codes: three quarters of the true neighbours are far above that."""
    emb_IE = np.random.default_rng(1).normal(size=(2000, 24)).astype(np.float32)
    query = np.arange(400)
    near, _ = metrics.nearest(emb_IE, query, 10)
    signs_IL = (emb_IE @ np.random.default_rng(2).normal(size=(24, 12)) > 0).astype(int)
    noise_IL = np.random.default_rng(3).integers(0, 2, (2000, 12))
    for codes_IL, want in ((signs_IL, False), (noise_IL, True)):
        recall = metrics.neighbour_recall(codes_IL, query, near)
        found = doctor.examine(codes_IL, 2, params={"n_levels": 12, "n_codes": 2, "seed": 0}, neighbours=recall)
        assert (found.disease == "at_chance") == want, (found.disease, found.evidence)


def test_a_small_catalogue_is_not_blamed_for_codes_it_cannot_reach():
    codes_IL = np.stack([np.arange(40), np.arange(40)[::-1]], 1)  # 40 items, all different, 256 codes
    assert doctor.examine(codes_IL, 256).disease == "healthy"


def test_a_level_with_nothing_left_to_tell_apart_is_no_fault_of_its_codebook():
    codes_IL = np.column_stack([np.arange(2000) // 32, np.arange(2000) % 32, np.zeros(2000, int)])
    found = doctor.examine(codes_IL, 64, None, DEFAULTS)
    assert (found.disease, found.severity) == ("level_starvation", "mild")
    assert "The first 2 levels already spell 2,000 distinct prefixes for 2,000 items" in " ".join(found.evidence)
    assert [remedy.changes for remedy in found.remedies] == [{"n_levels": 2}]


def test_too_few_possible_ids_are_the_reason_for_a_storm():
    codes_IL = np.random.default_rng(2).integers(0, 8, (2000, 2))
    found = doctor.examine(codes_IL, 8, None, DEFAULTS | {"n_codes": 8, "n_levels": 2})
    assert found.disease == "collision_storm"
    assert "8 × 8 codes give 64 possible IDs, 0.0 per item" in " ".join(found.evidence)
    assert [remedy.changes for remedy in found.remedies] == [{"n_codes": 256}, {"n_levels": 3}]


def test_causes_hide_what_follows_from_them_and_others_are_told():
    assert doctor.examine(collapsed(), 64).also == []
    both = np.repeat(starved(0)[:400], 5, axis=0)
    assert doctor.examine(both, 64).also == ["Collision storm"]


def test_one_problem_is_named_once_and_one_change_is_offered_once():
    """Five steps at the usual rate: the two remedies for it, at the default rate and for 600 steps, come to the same change."""
    found = doctor.examine(EVEN, 64, log(n_steps=20), DEFAULTS | {"beta": 20.0, "n_steps": 20}, explained=0.02)
    assert (found.disease, found.also) == ("untrained", ["Over-strong commitment"])
    assert [remedy.changes["n_steps"] for remedy in found.remedies] == [600]
    assert found.remedies[0].changes["learning_rate"] == DEFAULTS["learning_rate"] == 1e-3
    strong = doctor.examine(EVEN, 64, log(), DEFAULTS | {"beta": 20.0}, explained=0.02)
    assert (strong.disease, strong.also) == ("over_strong_commitment", []), "what follows from a cause is not a second cause"


def test_a_change_after_which_perplexity_fell_is_named_and_undone():
    """The rate rises thirtyfold at step 150 and restarts stop; the median of all rates is the old one."""
    def metrics_of(step: int) -> dict:
        return {"learning_rate": 0.03 if step > 150 else 1e-3,
                "perplexity": [60.0, 62.0, 61.0] if step <= 150 else [1.0, 1.5, 2.0]}

    events = [event | metrics_of(event["step"]) for event in log(290)]
    changes = [{"step": 150, "live_param": name, "value": value} for name, value in
               (("learning_rate", 0.03), ("restart_threshold", 0.0))]
    found = doctor.examine(collapsed(), 64, [*events[:15], *changes, *events[15:]], DEFAULTS)
    assert found.disease == "high_learning_rate" and found.remedies[0].changes == {
        "learning_rate": 1e-3, "kmeans_init": True, "restart_threshold": 1.0}
    assert found.evidence[0] == ("At step 150, these settings changed: learning rate to 0.03 and restart threshold to 0; mean "
                                 "perplexity was 61.0 before and is 1.5 at the end.")
    recovered = [*events[:15], changes[1], *(event | {"perplexity": [60.0, 60.0, 60.0]} for event in events[15:])]
    assert doctor.examine(starved(0), 64, recovered, DEFAULTS).signs.fall is None


def test_items_without_an_id_and_levels_of_different_size():
    codes_IL = np.vstack([EVEN, np.full((50, 3), -1)])
    assert doctor.examine(codes_IL, [64, 64, 64]).signs.n_items == 2000
    uneven = np.column_stack([EVEN[:, 0], EVEN[:, 1] % 16, EVEN[:, 2]])
    found = doctor.examine(uneven, [64, 16, 64])
    assert found.disease == "healthy" and found.signs.dead == [0, 0, 0]
    with pytest.raises(ValueError, match=r"none of the 4 items has an ID"):
        doctor.examine(np.full((4, 2), -1), 4)


@pytest.mark.parametrize(("disease", "codes_IL", "n_codes", "events", "params_", "facts"), BY_HAND)
def test_every_remedy_is_a_run_that_can_be_started(disease, codes_IL, n_codes, events, params_, facts):
    for remedy in doctor.examine(codes_IL, n_codes, events, params_, **facts).remedies:
        fixed = quantizers.create("rqvae", **{**(params_ or DEFAULTS), **remedy.changes})
        fixed.check_params()


def test_remedies_that_change_nothing_or_do_not_exist_are_left_out():
    offered = doctor.examine(starved(0), 64, None, DEFAULTS).remedies
    assert offered and all(any(DEFAULTS[name] != value for name, value in remedy.changes.items()) for remedy in offered)
    assert {"restart_threshold": 1.0} not in [remedy.changes for remedy in offered]
    assert doctor.examine(starved(0), 64, None, {"n_levels": 3, "n_codes": 64, "seed": 0}).remedies == []


def clusters() -> np.ndarray:
    """1,500 items in 60 groups of unequal size, on the unit sphere, as text embeddings are."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(60, 24))
    emb_IE = centres[rng.integers(0, 60, 1500)] + 0.5 * rng.normal(size=(1500, 24))
    return (emb_IE / np.linalg.norm(emb_IE, axis=1, keepdims=True)).astype(np.float32)


SMALL = {"n_codes": 64, "n_levels": 3, "hidden": "64", "latent_width": 8, "batch_size": 256, "n_steps": 200}
REAL = [
    ("healthy", {}),
    ("total_collapse", {"kmeans_init": False, "restart_threshold": 0.0}),
    ("over_strong_commitment", {"beta": 100.0}),
    ("untrained", {"learning_rate": 1e-6}),
    ("untrained", {"n_steps": 5}),
    ("collision_storm", {"n_codes": 4, "n_levels": 3}),
]


@pytest.mark.thorough
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("disease", "changes"), REAL)
def test_real_trainings_are_diagnosed(disease, changes):
    emb_IE = clusters()
    q = quantizers.create("rqvae", **SMALL | changes)
    events = [{"step": step.step, "t_s": 0.0, **step.metrics} for step in q.fit_steps(emb_IE) if step.metrics]
    codes_IL = q.encode(emb_IE)
    lost = ((emb_IE - q.decode(codes_IL)) ** 2).sum() / ((emb_IE - emb_IE.mean(0)) ** 2).sum()
    found = doctor.examine(codes_IL, q.n_codes, events, params.values(q), explained=float(1 - lost))
    assert found.disease == disease, (found.evidence, dataclasses.asdict(found.signs))
