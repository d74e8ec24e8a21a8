"""Second versions that are real: order, length, several files, other meanings, more interactions."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import procrustes as scipy_procrustes

from tests.support.drift import catalogue, fitted_baseline, same
from tiger.core.progress import result_of
from tiger.studies.drift import (
    STUDY,
    Comparison,
    DriftRow,
    Version,
    align_first,
    backdated_baseline,
    from_file,
    from_files,
    procrustes_similarity,
    refit,
    residual,
    version_files,
)
from tiger.studies.drift.simulate import rotate


@pytest.fixture(scope="module")
def cat():
    return catalogue()


def turned(cat, angle=1.5):
    return rotate(cat.embedding_IE.astype(np.float64), angle, np.random.default_rng(5)).astype(np.float32)


def test_similarity_is_scipys_procrustes_measured_from_chance(cat):
    """scipy's disparity is 1 - r^2 of the same r; shuffled rows are no better than chance, a turned copy is the same."""
    rng = np.random.default_rng(1)
    new_IE = cat.embedding_IE + rng.standard_normal(cat.embedding_IE.shape).astype(np.float32)
    r = np.sqrt(1 - scipy_procrustes(cat.embedding_IE, new_IE)[2])
    chance = procrustes_similarity(new_IE, cat.embedding_IE)
    assert 0 < chance < r < 1
    assert procrustes_similarity(3 * turned(cat) + 1, cat.embedding_IE) == pytest.approx(1, abs=1e-4)
    assert abs(procrustes_similarity(cat.embedding_IE[rng.permutation(cat.n_items)], cat.embedding_IE)) < 0.05
    assert procrustes_similarity(np.ones_like(new_IE), cat.embedding_IE) == 0


def test_rows_without_ids_are_noted_and_another_order_is_warned_of(cat, tmp_path):
    order = np.random.default_rng(0).permutation(cat.n_items)
    for name, rows in (("whole", slice(None)), ("mixed", order)):
        np.save(tmp_path / f"{name}.npy", turned(cat)[rows])
    (tmp_path / "ids.txt").write_text("\n".join(cat.items["item_id"].iloc[order]))
    whole = from_file(cat, str(tmp_path / "whole.npy")).notes
    assert len(whole) == 1 and "matched by row order, no ids given" in whole[0]
    mixed = from_file(cat, str(tmp_path / "mixed.npy")).notes
    assert "matched by row order, no ids given" in mixed[0] and "Warning" in mixed[1] and "another order" in mixed[1]
    assert from_file(cat, str(tmp_path / "mixed.npy"), str(tmp_path / "ids.txt")).notes == ()


@pytest.mark.parametrize("value", [1e18, 3e38, -2e10])
def test_finite_but_huge_vectors_are_refused_with_the_item(cat, tmp_path, value):
    bad_IE = cat.embedding_IE.copy()
    bad_IE[7, 3] = value
    np.save(tmp_path / "huge.npy", bad_IE)
    with pytest.raises(ValueError, match=r"the vector of item 'item 7' is .* long, but must be at most .* long") as error:
        from_file(cat, str(tmp_path / "huge.npy"))
    assert "\n" not in str(error.value)
    np.save(tmp_path / "large.npy", 1000 * cat.embedding_IE)
    assert from_file(cat, str(tmp_path / "large.npy")).emb_IE.max() > 1000


def test_vectors_of_another_meaning_are_turned_onto_the_old_ones_first(cat):
    other, old_IE = Version(turned(cat), np.zeros(cat.n_items, bool)), cat.embedding_IE
    for how, source in (("auto", "sentence"), ("auto", "file"), ("yes", "titles"), ("yes", "simulated")):
        got = align_first(other, old_IE, how, source)
        assert got.emb_IE == pytest.approx(old_IE, abs=1e-4) and "0% of the old vectors' variance" in got.notes[-1]
    for how, source in (("no", "sentence"), ("no", "file"), ("auto", "simulated"), ("auto", "titles"), ("auto", "history")):
        assert align_first(other, old_IE, how, source) is other
    near = Version(old_IE + np.float32(0.1), np.zeros(cat.n_items, bool))
    assert align_first(near, old_IE, "auto", "file") is near, "it means the same and may show what it has drifted"
    assert align_first(replace(near, refitted=True), old_IE, "auto", "file") is not near
    assert (align_first(same(cat), old_IE, "yes", "file").emb_IE == old_IE).all(), "rounding is no drift"


def test_the_note_tells_the_residual_that_scipy_finds(cat):
    """With centred vectors of length 1 in all, scipy's disparity under scaling r is 1 - r^2; without scaling 2 - 2 r."""
    noise = np.random.default_rng(2).standard_normal(cat.embedding_IE.shape).astype(np.float32)
    one, two = (emb_IE - emb_IE.mean(0) for emb_IE in (cat.embedding_IE, cat.embedding_IE + noise))
    one, two = (part / np.linalg.norm(part) for part in (one, two))
    r = np.sqrt(1 - scipy_procrustes(one, two)[2])
    got = align_first(Version(two, np.zeros(cat.n_items, bool)), one, "yes", "file")
    assert residual(got.emb_IE, one) == pytest.approx(2 - 2 * r, abs=1e-4)
    assert f"{2 - 2 * r:.0%} of the old vectors' variance stays unexplained" in got.notes[-1]


def test_a_sentence_model_is_refused_before_anything_starts_where_it_is_not_installed(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "sentence_transformers"
                        else find(name, *more))
    with pytest.raises(ValueError, match="pip install sentence-transformers") as error:
        STUDY.config({"source": "sentence"})
    assert "\n" not in str(error.value)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: object())
    assert STUDY.config({"source": "sentence"}).source == "sentence"


def test_several_files_are_one_period_each_in_the_order_given_or_of_their_names(cat, tmp_path):
    for number, name in enumerate(("b", "a", "c")):
        np.save(tmp_path / f"{name}.npy", cat.embedding_IE + np.float32(number))
    (tmp_path / "notes.md").write_text("nothing to read")
    one, two, three = (str(tmp_path / f"{name}.npy") for name in "bac")
    assert version_files(f"{one}, {two} ,{three}") == [one, two, three]
    assert version_files(str(tmp_path)) == [two, one, three]
    assert version_files(one) == [one] and version_files("") == []
    shifts = [float((version.emb_IE - cat.embedding_IE).mean()) for version in from_files(cat, str(tmp_path))]
    assert shifts == pytest.approx([1, 0, 2], abs=1e-5)
    config = STUDY.config({"source": "file", "path": f"{one},{two},{three}", "remedies": "2", "align_first": "no"})
    assert config.n_periods() == 3
    rows = [event for event in Comparison(cat, fitted_baseline(cat), config).steps() if isinstance(event, DriftRow)]
    assert [row.period for row in rows] == [1, 2, 3] and {row.n_periods for row in rows} == {3}
    assert rows[0].changed == 0 < rows[2].changed, "the first file is today's vectors"
    with pytest.raises(ValueError, match="periods is 2, but path names 3"):
        STUDY.config({"source": "file", "path": f"{one},{two},{three}", "periods": 2})
    (tmp_path / "none").mkdir()
    with pytest.raises(ValueError, match="holds no file that ends in"):
        STUDY.config({"source": "file", "path": str(tmp_path / "none")})
    with pytest.raises(ValueError, match="names 13 files, but at most 12"):
        version_files(",".join([one] * 13))


def test_each_of_several_files_may_have_ids_of_its_own(cat, tmp_path):
    orders = [np.random.default_rng(seed).permutation(cat.n_items) for seed in range(2)]
    for number, order in enumerate(orders):
        np.save(tmp_path / f"{number}.npy", cat.embedding_IE[order])
        (tmp_path / f"{number}.txt").write_text("\n".join(cat.items["item_id"].iloc[order]))
    arrays, lists = (", ".join(str(tmp_path / f"{number}.{end}") for number in range(2)) for end in ("npy", "txt"))
    assert all((version.emb_IE == cat.embedding_IE).all() for version in from_files(cat, arrays, lists))
    with pytest.raises(ValueError, match="ids names 2 files and path 1"):
        from_files(cat, str(tmp_path / "0.npy"), lists)


def test_vectors_from_purchases_know_no_answer_and_only_the_first_share(cat, tiger_home):
    """Other validation and test items change nothing; other last training items change only what knows them all."""
    def with_items(places):
        items = cat.history_items.copy()
        for user in range(cat.n_users):
            for place in places:
                items[cat.indptr_U1[user] + place] = (items[cat.indptr_U1[user] + place] + 13) % cat.n_items
        return replace(cat, history_items=items)

    answers, later = with_items([4, 5]), with_items([2, 3])  # six items each: two are held out, the first four train
    for share in (0.5, 1.0):
        assert (refit(answers, "history", share=share).emb_IE == refit(cat, "history", share=share).emb_IE).all()
    assert (refit(later, "history", share=0.5).emb_IE == refit(cat, "history", share=0.5).emb_IE).all()
    assert (refit(later, "history").emb_IE != refit(cat, "history").emb_IE).any()


def test_a_refit_after_more_interactions_starts_from_a_quantizer_of_the_first(cat, tiger_home):
    start = result_of(backdated_baseline(fitted_baseline(cat), cat, 0.5))
    assert (start.emb_IE == refit(cat, "history", share=0.5).emb_IE).all()
    assert (start.codes_IL == start.quantizer.encode(start.emb_IE)).all()
    assert start.quantizer.seed == fitted_baseline(cat).quantizer.seed
    config = STUDY.config({"source": "history", "remedies": "1, 2, 7"})
    rows = [event for event in Comparison(cat, start, config).steps() if isinstance(event, DriftRow)]
    assert [row.remedy for row in rows] == [1, 2, 7] and rows[0].changed == 0 < rows[1].changed
    assert rows[0].moved_degrees > 0


def test_neighbours_are_those_of_the_version_that_is_measured(cat, monkeypatch):
    """One set of true neighbours per strength and period, whatever addresses Python hands out to versions."""
    monkeypatch.setattr("tiger.studies.drift.compare.id", lambda thing: 1, raising=False)
    config = STUDY.config({"strengths": "0, 1", "remedies": "1", "rotation": 0, "shift": 0, "noise": 3, "replaced": 0,
                          "periods": 2})
    comparison = Comparison(cat, fitted_baseline(cat), config)
    rows = [event for event in comparison.steps() if isinstance(event, DriftRow)]
    assert set(comparison.near) == {(strength, period) for strength in (0.0, 1.0) for period in (1, 2)}
    near = [row.neighbours[0] for row in rows]
    assert near[0] == near[1] > near[2], "the same codes, but strong noise gives items other neighbours"
