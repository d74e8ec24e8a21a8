"""Embeddings and settings that break codes: the right name, a remedy that cures, and no false alarm."""

import functools
from typing import Any

import numpy as np
import pytest

from tests.support.training import clusters
from tiger import quantizers, reports
from tiger.analysis import doctor
from tiger.core import params
from tiger.quantizers.rqvae import RQVAE

SMALL = {"n_codes": 64, "n_levels": 3, "hidden": "64", "latent_width": 16, "batch_size": 256, "n_steps": 200}
DEFAULTS = params.values(RQVAE())
RNG = np.random.default_rng(0)
EVEN = np.stack([RNG.permutation(np.arange(2000) % 64) for _ in range(3)], 1)


pytestmark = [pytest.mark.thorough, pytest.mark.usefixtures("one_thread")]


def train(emb_IE: np.ndarray, name: str = "rqvae", **changes) -> doctor.Diagnosis:
    """The diagnosis of a training; the same vectors under the same settings are trained on once."""
    asked = params.values(quantizers.create(name, **(SMALL if name == "rqvae" else {}) | changes))
    emb_IE = np.ascontiguousarray(emb_IE, np.float32)
    return _trained(emb_IE.tobytes(), emb_IE.shape, name, tuple(sorted(asked.items())))


@functools.cache
def _trained(emb: bytes, shape: tuple[int, int], name: str, asked: tuple[tuple[str, Any], ...]) -> doctor.Diagnosis:
    q, emb_IE = quantizers.create(name, **dict(asked)), np.frombuffer(emb, np.float32).reshape(shape).copy()
    events = [{"step": step.step, "t_s": 0.0, **step.metrics} for step in q.fit_steps(emb_IE) if step.metrics]
    codes_IL = q.encode(emb_IE)
    items = np.arange(len(emb_IE))
    return reports.examine(codes_IL, q.codes_per_level, emb_IE, events, params.values(q), (items, q.decode(codes_IL)),
                           ordered=q.residual)


def spread_to(emb_IE: np.ndarray, spread: float) -> np.ndarray:
    centred = emb_IE - emb_IE.mean(0)
    return centred / np.sqrt(centred.var(0).sum()) * spread


MEAN_E = np.random.default_rng(5).normal(size=48)
BROKEN = {
    "times 0.001": ("small_scale", lambda emb: emb * 1e-3),
    "times 0.000001": ("small_scale", lambda emb: emb * 1e-6),
    "times 1e13": ("large_scale", lambda emb: emb * 1e13),
    "offset of 20 beside unit deviations": ("dominant_mean", lambda emb: spread_to(emb, 48**0.5) + 20),
    "mean of length 216, spread 14": ("dominant_mean", lambda emb: spread_to(emb, 14) + MEAN_E / np.linalg.norm(MEAN_E) * 216),
}


@pytest.mark.parametrize("case", BROKEN)
def test_embeddings_that_break_training_are_named_and_the_remedies_cure(case):
    truth, change = BROKEN[case]
    emb_IE = change(clusters())
    found = train(emb_IE)
    assert found.disease == truth and found.severity == "critical", (found.title, found.evidence)
    assert [remedy.changes for remedy in found.remedies[:2]] == [{"normalise": "centre"}, {"normalise": "standardise"}]
    after = train(emb_IE, normalise="centre")
    assert after.disease == "healthy", (after.title, after.evidence)


def test_standardising_cures_a_small_scale_and_an_offset_at_once():
    """At the rate for the spread of 7 that 48 standardised columns have."""
    after = train(spread_to(clusters(), 1e-3) + np.float32(0.02), normalise="standardise", learning_rate=7e-3)
    assert after.disease == "healthy", (after.title, after.evidence)


def test_the_same_embeddings_before_they_were_changed_are_healthy():
    found = train(clusters())
    assert found.disease == "healthy" and not found.also, found.evidence


@pytest.mark.parametrize("name", ["rkmeans", "lsh"])
def test_quantizers_that_neither_scale_nor_place_matter_to_stay_healthy(name):
    """Residual k-means and LSH through the mean give the same codes wherever the vectors lie."""
    more = {"n_codes": 64}
    for emb_IE in (clusters(), clusters() * 1e-3, spread_to(clusters(), 7) + 20):
        assert train(emb_IE, name, **more).disease == "healthy"


def test_last_levels_of_a_clustering_may_have_little_left_and_a_trained_level_may_not():
    """Two levels separate 70 % of the items, the third level uses 2 of 64 codes, and 1,800 of 2,000 IDs are distinct."""
    pair = np.arange(2000) % 1400
    codes_IL = np.column_stack([pair % 40, pair // 40, np.arange(2000) // 1400])
    codes_IL[-200:, 2] = 0  # the last 200 share their ID with an earlier item
    clustered = doctor.examine(codes_IL, 64, params={"n_levels": 3, "n_codes": 64, "seed": 0, "n_iterations": 25})
    assert clustered.disease == "healthy" and clustered.signs.unique == 0.9
    assert "tell 1,400 of 2,000 items apart" in " ".join(clustered.evidence)
    assert doctor.examine(codes_IL, 64, params=DEFAULTS).disease == "level_starvation"
    assert doctor.examine(codes_IL, 64).disease == "level_starvation"
    first = codes_IL[:, ::-1]  # the idle level comes first: that is a fault of any quantizer
    assert doctor.examine(first, 64, params={"n_levels": 3, "n_codes": 64, "seed": 0}).disease == "level_starvation"


def test_lsh_through_the_origin_is_told_to_go_through_the_mean():
    emb_IE = spread_to(clusters(), 7) + 20
    found = train(emb_IE, "lsh", n_codes=64, centre="origin")
    assert found.disease == "dominant_mean"
    assert [remedy.changes for remedy in found.remedies] == [{"centre": "mean"}]
    assert train(emb_IE, "lsh", n_codes=64, **found.remedies[0].changes).disease == "healthy"


def test_a_mean_or_scale_that_does_no_harm_is_not_treated():
    """The codes are fine, so the offset may stay."""
    vectors = doctor.measure(clusters(2000) + 1)
    assert vectors.raw.mean_share > 0.9
    assert doctor.examine(EVEN, 64, params=DEFAULTS, vectors=vectors).disease == "healthy"
    assert doctor.examine(EVEN, 64, params=DEFAULTS, vectors=doctor.measure(clusters(2000) * 1e-4)).disease == "healthy"


def test_one_column_that_decides_every_code():
    emb_IE = clusters()
    emb_IE[:, 4] *= 1000
    found = train(emb_IE)
    assert found.disease == "dominant_column"
    assert [remedy.changes for remedy in found.remedies] == [{"normalise": "standardise"}]
    assert train(emb_IE, normalise="standardise", learning_rate=7e-3).disease == "healthy"


@pytest.mark.parametrize(("n_distinct", "severity"), [(1500, "mild"), (600, "serious"), (1, "critical")])
def test_copies_are_the_ceiling_and_no_remedy_is_promised(n_distinct, severity):
    emb_IE = np.resize(clusters(n_distinct), (1700, 48))  # the first rows come once more, or many times
    found = train(emb_IE)
    assert (found.disease, found.severity) == ("duplicates", severity), (found.title, found.evidence)
    assert not found.remedies and found.signs.n_distinct == n_distinct
    assert f"{n_distinct:,} distinct vector" in found.evidence[0] and "1,700 items: at most" in found.evidence[0]
    assert found.signs.collisions.unique <= n_distinct


def test_nearly_as_many_ids_as_distinct_vectors_do_not_pass_without_a_word():
    """4,497 distinct IDs of 4,500 distinct vectors among 5,000 items: 90 % look fine, and the rest can never be told apart."""
    emb_IE = np.resize(np.random.default_rng(1).normal(size=(4500, 6)), (5000, 6)).astype(np.float32)
    codes_IL = np.resize(np.stack([np.arange(4500) % 71, np.arange(4500) // 71, np.arange(4500) % 63], 1), (5000, 3))
    codes_IL[[2, 1002, 2002, 4502]] = codes_IL[[1, 1001, 2001, 4501]]  # three pairs of vectors share an ID
    found = doctor.examine(codes_IL, 71, params=DEFAULTS | {"n_codes": 71}, vectors=doctor.measure(emb_IE))
    assert found.disease == "duplicates" and found.severity == "mild"
    said = " ".join(found.evidence)
    assert "4,500 distinct vectors among 5,000 items: at most 4,500 distinct IDs are possible" in said
    assert "4,497 distinct IDs for 5,000 items with 4,500 distinct vectors (99.9% of what is possible)" in said


def test_few_copies_are_said_and_do_no_harm():
    emb_IE = np.resize(clusters(1960), (2000, 48))
    found = doctor.examine(EVEN, 64, params=DEFAULTS, vectors=doctor.measure(emb_IE))
    assert found.disease == "healthy" and "2,000 items with 1,960 distinct vectors" in " ".join(found.evidence)


def test_codebooks_are_judged_on_distinct_vectors_where_most_are_zero():
    """Sixty percent of the items share one vector, and so one code; the others use theirs evenly."""
    emb_IE = np.random.default_rng(0).normal(size=(2000, 16)).astype(np.float32)
    emb_IE[800:] = 0
    codes_IL = EVEN.copy()
    codes_IL[800:] = codes_IL[800]
    assert doctor.examine(codes_IL, 64).disease == "level_starvation"  # without the vectors nobody can know
    found = doctor.examine(codes_IL, 64, vectors=doctor.measure(emb_IE))
    assert found.disease == "duplicates" and found.signs.n_judged == 801
    assert "1,200 vectors are zero" in " ".join(found.evidence)


def test_other_problems_beside_copies_are_both_named():
    emb_IE = np.resize(clusters(1000), (2000, 48))
    codes_IL = np.zeros((2000, 3), int)
    codes_IL[:3] = 1
    found = doctor.examine(codes_IL, 64, params=DEFAULTS, vectors=doctor.measure(emb_IE))
    assert (found.disease, found.also) == ("total_collapse", ["Duplicate vectors"])


@pytest.mark.parametrize(("changes", "truth", "cure"), [
    ({"learning_rate": 0.1}, "high_learning_rate", {"learning_rate": 1e-3}),
    ({"estimator": "none"}, "no_gradient", {"estimator": "ste"}),
    ({"beta": 50.0, "kmeans_init": False, "restart_threshold": 0.0}, "over_strong_commitment",
     {"beta": 0.25, "kmeans_init": True, "restart_threshold": 1.0}),
    ({"n_codes": 1024}, "level_starvation", {"n_codes": 128}),
])
def test_settings_that_break_training_are_named_and_the_first_remedy_cures(changes, truth, cure):
    found = train(clusters(), **changes)
    assert found.disease == truth, (found.title, found.evidence)
    assert found.remedies[0].changes == cure
    after = train(clusters(), **changes | cure)
    assert after.disease == "healthy", (after.title, after.evidence)


def test_a_high_rate_on_small_vectors_is_treated_at_both_ends():
    found = train(clusters() * 1e-3, learning_rate=0.1)
    assert found.disease == "small_scale"
    assert found.remedies[0].changes == {"normalise": "centre", "learning_rate": 1e-3}


@pytest.mark.parametrize(("changes", "cure"), [({}, {"normalise": "centre"}), ({"normalise": "centre"}, None)])
def test_vectors_too_far_apart_for_the_learning_rate(changes, cure):
    """With a spread of 7, two hundred steps of 0.001 move a code by a thirtieth of it."""
    found = train(spread_to(clusters(), 7), **changes)
    if cure is None:
        assert found.disease == "healthy"
        return
    assert found.disease == "large_scale" and "add up to 0.2" in found.evidence[0]
    assert [remedy.changes for remedy in found.remedies] == [cure, {"learning_rate": 7e-3}]
    for remedy in found.remedies:
        assert train(spread_to(clusters(), 7), **remedy.changes).disease == "healthy"


def test_guessed_sizes_are_no_evidence_of_unused_codes():
    """The levels use 64 codes each; a guess of 1,024 makes 960 of them dead, and says nothing of the codes."""
    offset = EVEN + np.array([0, 257, 513])
    assert doctor.examine(offset, 1024).disease == "level_starvation"
    found = doctor.examine(offset, 1024, sizes_guessed=True)
    assert found.disease == "healthy" and "guessed" in found.evidence[0] and "dead" not in found.evidence[1]
    collapsed = np.zeros((2000, 3), int)
    collapsed[0] = 1
    assert doctor.examine(collapsed, 1024, sizes_guessed=True).disease == "total_collapse"


def test_unordered_levels_are_not_read_as_a_refinement():
    """The first two levels separate all items; a residual third level has nothing left, an independent one is just narrow."""
    codes_IL = np.column_stack([np.arange(2000) // 32, np.arange(2000) % 32, np.zeros(2000, int)])
    assert doctor.examine(codes_IL, 64).remedies[0].changes == {"n_levels": 2}
    found = doctor.examine(codes_IL, 64, ordered=False)
    assert found.disease == "level_starvation" and found.severity == "serious"
    assert "independent" in found.explanation and "residual" not in found.explanation
    assert {"n_levels": 2} not in [remedy.changes for remedy in found.remedies]


def test_neighbours_of_unordered_codes_are_looked_for_at_every_level():
    """Only the second level follows the embedding: a prefix of one code shows nothing of it."""
    emb_IE = np.random.default_rng(1).normal(size=(2000, 8)).astype(np.float32)
    codes_IL = EVEN.copy()
    codes_IL[:, 1] = np.digitize(emb_IE[:, 0], np.quantile(emb_IE[:, 0], np.arange(1, 64) / 64))
    assert reports.examine(codes_IL, 64, emb_IE).disease == "at_chance"
    assert reports.examine(codes_IL, 64, emb_IE, ordered=False).disease == "healthy"


def test_a_run_without_codes_is_explained_by_its_embeddings():
    settings = doctor.Settings.of(DEFAULTS)
    found = doctor.without_codes(doctor.measure(clusters() * 1e19), settings)
    assert found.disease == "large_scale" and found.remedies[0].changes == {"normalise": "centre"}
    broken = clusters()
    broken[3] = np.nan
    found = doctor.without_codes(doctor.measure(broken), settings)
    assert found.disease == "not_finite" and "1 of 1,500 rows" in found.evidence[0]
    assert doctor.without_codes(doctor.measure(clusters()), settings) is None


def test_vectors_of_another_catalogue_are_refused():
    with pytest.raises(ValueError, match=r"codes of 2,000 items, but vectors of 1,500"):
        doctor.examine(EVEN, 64, vectors=doctor.measure(clusters()))
