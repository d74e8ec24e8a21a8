"""What is measured on embeddings: worked by hand, by brute force, and by laws of scale and place."""

import numpy as np
import pytest
from scipy import stats

from tiger.analysis import doctor
from tiger.analysis.doctor import vectors

ROWS_NE = np.array([[3, 0, 1, 7], [5, 0, 1, 7], [3, 4, 1, 7], [5, 4, 1, 7], [5, 4, 1, 7]], np.float32)


def cloud(n: int = 500, width: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, width)).astype(np.float32)


def test_geometry_by_hand():
    """Mean (4.2, 2.4, 1, 7): squared length 17.64 + 5.76 + 1 + 49 = 73.4; variances 0.96, 3.84, 0, 0."""
    found = doctor.measure(ROWS_NE)
    assert found.raw.mean_share == pytest.approx(73.4 / 78.2)
    assert found.raw.spread == pytest.approx(np.sqrt(4.8))
    assert found.raw.widest == pytest.approx(0.8)
    assert (found.n_constant, found.n_zero, found.n_bad, found.largest) == (2, 0, 0, 7)
    assert found.n_distinct == 4 and found.copy_of_I.tolist() == [0, 1, 2, 3, 3]


def test_what_a_quantizer_reads_after_its_normaliser():
    found = doctor.measure(ROWS_NE)
    assert found.as_read("none") == found.raw
    standardised = found.as_read("standardise")
    assert (standardised.mean_share, standardised.spread, standardised.widest) == (0, pytest.approx(np.sqrt(2)), 0.5)
    centred = found.as_read("centre")
    assert (centred.mean_share, centred.spread, centred.widest) == (0, 1, pytest.approx(0.8))
    unit_NE = ROWS_NE / np.linalg.norm(ROWS_NE, axis=1, keepdims=True)
    assert found.as_read("l2").spread == pytest.approx(np.sqrt(unit_NE.var(0).sum()), rel=1e-5)


@pytest.mark.parametrize("size", [1e-20, 1e-3, 1e6, 1e30])
def test_scale_changes_the_spread_and_nothing_else(size):
    one, other = doctor.measure(cloud()), doctor.measure(cloud() * np.float32(size))
    assert other.raw.spread == pytest.approx(one.raw.spread * size, rel=1e-5)
    assert other.raw.mean_share == pytest.approx(one.raw.mean_share, rel=1e-4)
    assert other.unit.spread == pytest.approx(one.unit.spread, rel=1e-5)
    assert other.effective_rank == pytest.approx(one.effective_rank, rel=1e-4)
    assert (other.near_share, other.n_distinct) == (one.near_share, one.n_distinct)


@pytest.mark.parametrize("place", [0, 10, 1000])
def test_an_offset_changes_the_means_share_and_not_the_spread(place):
    found = doctor.measure(cloud() + np.float32(place))
    var = cloud().astype(float).var(0).sum()
    assert found.raw.spread == pytest.approx(np.sqrt(var), rel=1e-3)
    mean_E = cloud().astype(float).mean(0) + place
    assert found.raw.mean_share == pytest.approx(mean_E @ mean_E / (mean_E @ mean_E + var), rel=1e-3)


@pytest.mark.parametrize(("n", "width", "rank"), [(300, 20, 20), (300, 20, 3), (15, 40, 40), (300, 20, 1)])
def test_effective_rank_against_singular_values_and_scipys_entropy(n, width, rank):
    rng = np.random.default_rng(1)
    x_NE = (rng.normal(size=(n, rank)) @ rng.normal(size=(rank, width)) + 5).astype(np.float32)
    singular = np.linalg.svd(x_NE.astype(float) - x_NE.astype(float).mean(0), compute_uv=False)
    assert vectors.effective_rank(x_NE) == pytest.approx(np.exp(stats.entropy(singular)), rel=1e-2)
    assert vectors.effective_rank(x_NE) < rank + 0.1


def test_copies_by_brute_force():
    rng = np.random.default_rng(2)
    x_NE = cloud(40)[rng.integers(0, 40, 200)]
    x_NE[7], x_NE[9] = 0.0, -0.0
    by_hand = [next(first for first in range(200) if (x_NE[first] == row).all()) for row in x_NE]
    found = doctor.measure(x_NE)
    assert found.copy_of_I.tolist() == by_hand
    assert found.n_distinct == len(set(by_hand)) and found.n_zero == 2


def test_near_copies_by_brute_force_and_copies_are_none():
    rng = np.random.default_rng(3)
    x_NE = cloud(120)
    x_NE[:30] = x_NE[30:60] + 1e-3 * rng.normal(size=(30, 12))
    x_NE[60:80] = x_NE[80:100]
    distance = np.linalg.norm(x_NE[:, None] - x_NE, axis=2)
    distance[distance == 0] = np.inf
    spread = np.sqrt(x_NE.var(0).sum())
    assert vectors.near_copies(x_NE, spread) == np.mean(distance.min(1) < 0.01 * spread) == 0.5


def test_rows_that_are_not_finite_are_counted_and_left_out():
    x_NE = cloud(60)
    broken = np.vstack([x_NE, np.full((1, 12), np.nan), np.full((2, 12), np.inf)])
    found, clean = doctor.measure(broken), doctor.measure(x_NE)
    assert found.n_bad == 3 and found.n_items == 63
    assert found.raw == clean.raw and found.effective_rank == clean.effective_rank


def test_large_catalogues_are_sampled_and_say_so(monkeypatch):
    monkeypatch.setattr(vectors, "MAX_ROWS", 100)
    x_NE = cloud(400)
    x_NE[200:] = x_NE[:200]
    report = doctor.look_at(doctor.measure(x_NE))
    assert report.signs.n_sampled == 100 and report.signs.n_distinct == 200
    assert report.sample_note == "Measured on an even sample of 100 of 400 rows; copies were counted on all."
    monkeypatch.undo()
    assert doctor.look_at(doctor.measure(x_NE)).sample_note == ""


def test_one_row_and_equal_rows_have_no_spread():
    for x_NE in (cloud(1), np.repeat(cloud(1), 7, 0), np.zeros((3, 2))):
        found = doctor.measure(x_NE)
        assert (found.raw.spread, found.effective_rank, found.near_share, found.n_distinct) == (0, 0, 0, 1)
    with pytest.raises(ValueError, match=r"shape \(0, 4\), but must be \(items, width\)"):
        doctor.measure(np.zeros((0, 4)))


def keys(x_NE: np.ndarray) -> dict[str, str]:
    return {finding.key: finding.severity for finding in doctor.look_at(doctor.measure(x_NE)).findings}


def test_findings_before_anything_is_trained_and_one_fix_for_all():
    plain = cloud() + np.float32(0.1)
    assert keys(plain) == {}
    report = doctor.look_at(doctor.measure(plain))
    assert report.fix is None and report.severity == "good"
    for emb_IE, key, normalise in (
            (plain * 1e-3, "small_scale", "centre"), (plain * 1e12, "large_scale", "centre"),
            (plain + 20, "dominant_mean", "centre"), (plain * ([1000] + [1] * 11), "dominant_column", "standardise")):
        report = doctor.look_at(doctor.measure(emb_IE))
        assert [finding.key for finding in report.findings] == [key] and report.severity == "serious"
        assert report.fix.changes == {"normalise": normalise}
        assert all(finding.sentence.endswith(".") for finding in report.findings)
    both = doctor.look_at(doctor.measure(plain * ([1000] + [1] * 11) * 1e-7))
    assert {finding.key for finding in both.findings} == {"dominant_column", "small_scale"}
    assert both.fix.changes == {"normalise": "standardise"}


def test_findings_that_no_setting_helps_against():
    half = np.vstack([cloud(200), cloud(200)])
    assert keys(half) == {"duplicates": "serious"}
    assert keys(np.vstack([cloud(200), cloud(40)])) == {"duplicates": "mild"}
    few = np.vstack([cloud(200), cloud(4)])
    assert keys(few) == {"duplicates": "good"}
    report = doctor.look_at(doctor.measure(few))
    assert report.findings[0].sentence == "200 distinct vectors among 204 items: at most 200 distinct IDs are possible."
    assert report.fix is None
    assert keys(np.vstack([cloud(200), np.full((1, 12), np.nan)]))["not_finite"] == "critical"
    assert keys(np.vstack([cloud(200), np.zeros((90, 12))])) == {"duplicates": "mild", "zero_rows": "mild"}
    assert keys(np.column_stack([cloud(), np.full(500, 3.0)])) == {"constant_columns": "good"}
