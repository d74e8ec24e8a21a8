"""Simulated drift, alignment, real second versions, fine-tuning, the recommender probe and the comparison."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import torch
from safetensors.numpy import save_file

from tests.support.drift import SMALL, catalogue, fitted_baseline, same
from tiger import models, quantizers
from tiger.core.progress import result_of
from tiger.quantizers.codebook import penalised_codes
from tiger.quantizers.fine_tuning import penalised_encode
from tiger.semantic_ids import SemanticIds
from tiger.studies.drift import (
    STUDY,
    Comparison,
    DriftRow,
    RecommenderProbe,
    SimulatedDrift,
    align,
    code_transitions,
    fit_width,
    from_file,
    ids_of,
    procrustes,
    refit,
    simulate,
    unexplained_variance,
    with_ids,
)
from tiger.studies.drift.recommender_probe import fine_tune_recommender


@pytest.fixture(scope="module")
def cat():
    return catalogue()


def only(**given):
    return SimulatedDrift(**({"rotation": 0.0, "shift": 0.0, "noise": 0.0, "replaced": 0.0, "season": 0.0} | given))


def test_a_rotation_turns_every_vector_by_its_angle_and_keeps_all_distances(cat):
    new, = simulate(cat.embedding_IE, None, only(rotation=40.0))
    one, two = cat.embedding_IE.astype(float), new.emb_IE.astype(float)
    cosine_I = (one * two).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(two, axis=1)
    assert cosine_I == pytest.approx(np.cos(np.deg2rad(40)), abs=1e-5)
    assert two @ two.T == pytest.approx(one @ one.T, abs=1e-3)


def test_each_parameter_does_what_it_says(cat):
    old_IE, label_I = cat.embedding_IE, cat.items["category"].to_numpy()
    length = np.linalg.norm(old_IE, axis=1)
    moved_IE = simulate(old_IE, label_I, only(shift=0.5))[0].emb_IE - old_IE
    assert np.linalg.norm(moved_IE, axis=1) == pytest.approx(0.5 * length.mean(), rel=1e-3)
    assert all(np.ptp(moved_IE[label_I == one], axis=0).max() < 1e-4 for one in set(label_I))
    shaken_IE = simulate(old_IE, label_I, only(noise=0.3))[0].emb_IE
    assert np.linalg.norm(shaken_IE - old_IE, axis=1) == pytest.approx(0.3 * length, rel=1e-3)
    new = simulate(old_IE, label_I, only(replaced=0.25))[0]
    assert new.new_I.sum() == 30 and (new.emb_IE[~new.new_I] == old_IE[~new.new_I]).all()
    assert (new.emb_IE[new.new_I] != old_IE[new.new_I]).any(1).all()
    half = simulate(old_IE, label_I, only(noise=0.3), strength=0.5)[0].emb_IE
    assert np.linalg.norm(half - old_IE, axis=1) == pytest.approx(0.15 * length, rel=1e-3)


def test_a_season_is_back_after_four_periods_and_noise_is_not(cat):
    swing = simulate(cat.embedding_IE, None, only(season=0.5), 1.0, 4)
    assert not np.allclose(swing[0].emb_IE, cat.embedding_IE, atol=1e-2)
    assert np.allclose(swing[1].emb_IE, cat.embedding_IE) and np.allclose(swing[3].emb_IE, cat.embedding_IE)
    noise = simulate(cat.embedding_IE, None, only(noise=0.2), 1.0, 3)
    gone = [np.linalg.norm(version.emb_IE - cat.embedding_IE) for version in noise]
    assert gone[0] < gone[1] < gone[2]


def test_the_same_seed_drifts_the_same_and_nonsense_is_refused(cat):
    one, two = (simulate(cat.embedding_IE, None, SimulatedDrift(seed=4))[0].emb_IE for _ in range(2))
    assert (one == two).all() and (one != simulate(cat.embedding_IE, None, SimulatedDrift(seed=5))[0].emb_IE).any()
    with pytest.raises(ValueError, match="strength is -1"):
        simulate(cat.embedding_IE, None, SimulatedDrift(), -1)
    with pytest.raises(ValueError, match="strength is nan"):
        simulate(cat.embedding_IE, None, SimulatedDrift(), float("nan"))


def test_procrustes_agrees_with_scipy_and_aligning_finds_a_rotation_with_a_shift(cat):
    rng = np.random.default_rng(1)
    new_IE = (cat.embedding_IE + 0.1 * rng.standard_normal(cat.embedding_IE.shape)).astype(np.float32)
    ours, mean_E, goal_E = procrustes(new_IE, cat.embedding_IE)
    oracle, _ = scipy.linalg.orthogonal_procrustes(new_IE.astype(float) - mean_E, cat.embedding_IE.astype(float) - goal_E)
    assert ours == pytest.approx(oracle, abs=1e-6)
    basis_EE = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    assert align((cat.embedding_IE @ basis_EE + 3).astype(np.float32), cat.embedding_IE) == pytest.approx(
        cat.embedding_IE, abs=1e-4)
    with pytest.raises(ValueError, match="equally wide"):
        procrustes(new_IE[:, :3], cat.embedding_IE)


def test_widths_are_made_to_fit_and_said(cat):
    wide_IE, words = fit_width(cat.embedding_IE[:, :5], 12)
    assert (wide_IE[:, :5] == cat.embedding_IE[:, :5]).all() and not wide_IE[:, 5:].any()
    assert "5 wide" in words and "7 zeros" in words
    narrow_IE, words = fit_width(np.pad(cat.embedding_IE, ((0, 0), (0, 4))), 12)
    assert narrow_IE @ narrow_IE.T == pytest.approx(cat.embedding_IE @ cat.embedding_IE.T, abs=1e-3)
    assert "100%" in words
    assert fit_width(cat.embedding_IE, 12)[1] == ""


def test_a_second_version_is_matched_by_item_id_in_any_order(cat, tmp_path):
    order = np.random.default_rng(0).permutation(cat.n_items)
    new_IE = cat.embedding_IE + 1
    np.save(tmp_path / "v.npy", new_IE[order])
    (tmp_path / "ids.txt").write_text("\n".join(cat.items["item_id"].iloc[order]))
    assert (from_file(cat, str(tmp_path / "v.npy"), str(tmp_path / "ids.txt")).emb_IE == new_IE).all()
    save_file({"e": new_IE}, tmp_path / "v.safetensors")
    assert (from_file(cat, str(tmp_path / "v.safetensors")).emb_IE == new_IE).all()
    table = pd.DataFrame(new_IE[order]).rename(columns=str)
    table.insert(0, "item_id", cat.items["item_id"].iloc[order].to_numpy())
    for name, write in (("v.parquet", table.to_parquet), ("v.csv", table.to_csv)):
        write(tmp_path / name, index=False)
        assert from_file(cat, str(tmp_path / name)).emb_IE == pytest.approx(new_IE, abs=1e-5)
    extra = pd.concat([table, table.head(2).assign(item_id=["x1", "x2"])])
    extra.to_parquet(tmp_path / "extra.parquet")
    found = from_file(cat, str(tmp_path / "extra.parquet"))
    assert found.emb_IE == pytest.approx(new_IE, abs=1e-5) and "2 items that are not in the catalogue" in found.notes[0]


def test_ids_that_are_numbers_match_whether_written_whole_or_not(cat, tmp_path):
    numbered = replace(cat, items=cat.items.assign(item_id=[str(100 + at) for at in range(cat.n_items)]))
    table = pd.DataFrame(cat.embedding_IE).rename(columns=str)
    table.insert(0, "item_id", 100.0 + np.arange(cat.n_items))  # as a spreadsheet or a column with gaps leaves them
    table.to_parquet(tmp_path / "v.parquet")
    assert from_file(numbered, str(tmp_path / "v.parquet")).emb_IE == pytest.approx(cat.embedding_IE)


def test_bad_second_versions_are_one_clear_sentence(cat, tmp_path):
    def table(frame, match):
        frame.to_csv(tmp_path / "bad.csv", index=False)
        with pytest.raises(ValueError, match=match) as error:
            from_file(cat, str(tmp_path / "bad.csv"))
        assert "\n" not in str(error.value)

    good = pd.DataFrame(cat.embedding_IE).rename(columns=str)
    good.insert(0, "item_id", cat.items["item_id"])
    table(good.iloc[3:], r"no vector for item 'item 0' \(3 of 120 are missing\)")
    table(good.rename(columns={"item_id": "id"}), "item_id")
    table(pd.concat([good, good.head(1)]), "'item 0' more than once")
    table(good.astype({"3": object}).assign(**{"3": "many"}), "no number")
    bad = good.copy()
    bad.iloc[5, 2] = np.inf
    table(bad, "'item 5' holds NaN or infinity")
    np.save(tmp_path / "short.npy", cat.embedding_IE[:7])
    with pytest.raises(ValueError, match="7 rows, but there are 120 items"):
        from_file(cat, str(tmp_path / "short.npy"))
    np.save(tmp_path / "nan.npy", np.full((120, 12), np.nan, np.float32))
    with pytest.raises(ValueError, match="NaN or infinity"):
        from_file(cat, str(tmp_path / "nan.npy"))
    with pytest.raises(ValueError, match="is not a file"):
        from_file(cat, str(tmp_path / "absent.npy"))


def test_refits_from_text_have_the_catalogues_width(cat, tiger_home):
    for kind in ("titles", "history"):
        assert refit(cat, kind).emb_IE.shape == cat.embedding_IE.shape
    with pytest.raises(ValueError, match="'other', but must be"):
        refit(cat, "other")


def test_fine_tuning_lowers_the_error_and_leaves_the_old_quantizer_alone(cat):
    for name in ("rqvae", "rkmeans"):
        before = fitted_baseline(cat, name)
        held = {key: value.clone() for key, value in before.quantizer.tensors().items()}
        new_IE = simulate(cat.embedding_IE, cat.items["category"].to_numpy(), only(shift=0.6))[0].emb_IE
        made = result_of(before.quantizer.fine_tune_steps(new_IE, 60, rate=1.0))
        old_error = unexplained_variance(new_IE, before.quantizer.decode(before.quantizer.encode(new_IE)))
        assert unexplained_variance(new_IE, made.decode(made.encode(new_IE))) < old_error
        assert all(torch.equal(held[key], value) for key, value in before.quantizer.tensors().items())


def test_a_kept_code_stays_as_long_as_the_penalty_outweighs_its_error_worked_by_hand():
    book = torch.tensor([[0.0], [10.0]])
    rows, keep = torch.tensor([[6.0], [6.0], [9.0], [6.0]]), torch.tensor([0, 1, 0, -1])
    # squared: 6 lies 36 from code 0 and 16 from code 1, the codes 100 from each other: 36 <= 16 + 100 p from p = 0.2 on;
    # 9 lies 81 from code 0 and 1 from code 1: 81 <= 1 + 100 p from p = 0.8 on; whoever has no old code takes the nearest
    assert penalised_codes(rows, book, keep, 0.19).tolist() == [1, 1, 1, 1]
    assert penalised_codes(rows, book, keep, 0.21).tolist() == [0, 1, 1, 1]
    assert penalised_codes(rows, book, keep, 0.81).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("name", SMALL)
def test_without_penalty_codes_are_the_nearest_and_with_a_large_one_none_changes(cat, name):
    before = fitted_baseline(cat, name)
    new_IE = simulate(cat.embedding_IE, None, only(noise=0.5))[0].emb_IE
    if before.quantizer.codebooks() is not None:
        assert (penalised_encode(before.quantizer, new_IE, before.codes_IL, 0.0) == before.quantizer.encode(new_IE)).all()
    assert (penalised_encode(before.quantizer, new_IE, before.codes_IL, 1e9) == before.codes_IL).all()


def test_places_among_equal_codes_are_kept_and_newcomers_get_the_free_ones():
    old = SemanticIds.from_codes(np.array([[0], [0], [0], [1], [1]]), 3)
    new = ids_of(np.array([[0], [2], [0], [0], [1]]), 3, old)
    # items 0 and 2 stay at places 0 and 2; item 3 comes to code 0 and takes place 1, free since item 1 left;
    # item 4 stays at place 1 of code 1; item 1 is alone at code 2
    assert new.ids_IM.tolist() == [[0, 0], [2, 0], [0, 2], [0, 1], [1, 1]]


def test_code_transitions_add_up_to_all_items():
    found = code_transitions(np.array([0, 0, 0, 1, 1, 2]), np.array([0, 1, 2, 1, 1, 0]), keep=2)
    assert found == [[-1, 0, 1], [0, -1, 1], [0, 0, 1], [0, 1, 1], [1, 1, 2]]


MODEL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 2, "batch_size": 16, "history_length": 6}


@pytest.mark.parametrize(("name", "more"), [("rq_transformer", {"prefix_vectors": False}),
                                             ("rq_transformer", {"prefix_vectors": True}),
                                             ("encoder_decoder", {"head": 8, "ff": 32})])
def test_a_model_over_other_ids_scores_what_its_weights_say(cat, name, more):
    before = fitted_baseline(cat)
    ids = ids_of(before.codes_IL, 8)
    model = models.create(name, **MODEL, **more).fit(cat, ids)
    history = cat.history(0)
    assert with_ids(model, ids).score_all(history) == pytest.approx(model.score_all(history))
    swap_I = np.arange(cat.n_items)
    swap_I[[cat.n_items - 1, cat.n_items - 2]] = [cat.n_items - 2, cat.n_items - 1]  # two items that no history here holds
    assert not np.isin(history, swap_I[-2:]).any()
    swapped = with_ids(model, SemanticIds(ids.ids_IM[swap_I], ids.n_codes, ids.n_levels))
    assert swapped.score_all(history) == pytest.approx(model.score_all(history)[swap_I], abs=1e-5)
    wider = with_ids(model, SemanticIds(ids.ids_IM, [*ids.n_codes[:-1], ids.n_codes[-1] + 3], ids.n_levels))
    assert np.isfinite(wider.score_all(history)).all()
    longer = with_ids(model, SemanticIds.from_codes(ids.ids_IM, ids.n_codes, collision_level=True))
    assert np.isfinite(longer.score_all(history)).all()
    tuned = result_of(fine_tune_recommender(
        longer, cat, SemanticIds.from_codes(ids.ids_IM, ids.n_codes, collision_level=True), 3, 0.5))
    assert np.isfinite(tuned.score_all(history)).all()


def test_models_that_read_no_ids_and_foreign_ids_are_refused(cat):
    model = models.create("popularity").fit(cat)
    with pytest.raises(ValueError, match="writes semantic IDs"):
        with_ids(model, ids_of(fitted_baseline(cat).codes_IL, 8))
    generative = models.create("rq_transformer", **MODEL).fit(cat, ids_of(fitted_baseline(cat).codes_IL, 8))
    with pytest.raises(ValueError, match="learned from 120 items"):
        with_ids(generative, SemanticIds(np.array([[0], [1]]), [2], 1))


def rows_of(comparison):
    return [event for event in comparison.steps() if isinstance(event, DriftRow)]


def test_a_comparison_gives_a_row_for_each_and_goes_on_where_it_stopped(cat):
    before = fitted_baseline(cat)
    ids = ids_of(before.codes_IL, 8)
    probe = RecommenderProbe(cat, models.create("rq_transformer", **MODEL).fit(cat, ids), ids, n_users=20, regain_steps=2)
    config = STUDY.config({"strengths": "0 1", "remedies": "1,2,5", "fine_steps": 2})
    rows = rows_of(Comparison(cat, before, config, cat.items["category"].to_numpy(), probe))
    assert [(row.strength, row.remedy) for row in rows] == [(s, r) for s in (0.0, 1.0) for r in (1, 2, 5)]
    for row in rows[:3]:  # no drift: nothing lost
        assert row.changed == 0 and row.tokens == 0 and row.recall_after == row.recall_before
        assert row.moved_degrees == pytest.approx(0, abs=0.1)
    assert rows[4].churn[0] > 0 and 0 <= rows[4].recall_regained <= 1
    left = rows_of(Comparison(cat, before, config, cat.items["category"].to_numpy(), None,
                              done={(0.0, 1), (0.0, 2), (0.0, 5), (1.0, 1)}))
    assert [(row.strength, row.remedy) for row in left] == [(1.0, 2), (1.0, 5)]
    assert left[0].churn == rows[4].churn and left[0].recall_after is None


def test_a_schedule_lets_remedies_go_on_from_their_own_last_result(cat):
    config = STUDY.config({"strengths": "1", "remedies": "1,2,7", "periods": 4, "rotation": 20, "shift": 0, "noise": 0,
                          "replaced": 0})
    rows = rows_of(Comparison(cat, fitted_baseline(cat), config))
    assert [(row.remedy, row.period) for row in rows] == [(r, p) for r in (1, 2, 7) for p in (1, 2, 3, 4)]
    assert all(row.changed == 0 for row in rows if row.remedy in (1, 7)), "rotations are undone each time"
    frozen = [row.changed for row in rows if row.remedy == 2]
    assert frozen[3] > frozen[0]
    assert rows[3].moved_degrees > rows[0].moved_degrees


def test_in_a_schedule_new_products_stay_out_of_the_churn_for_good(cat):
    config = STUDY.config({"strengths": "1", "remedies": "1", "periods": 3, "rotation": 0, "shift": 0, "noise": 0,
                          "replaced": 0.3})
    rows = rows_of(Comparison(cat, fitted_baseline(cat), config))
    assert [row.changed for row in rows] == [0, 0, 0], "old items keep their IDs, whoever joined before"
    assert rows[2].tokens > rows[0].tokens > 0, "but new products need new tokens"


@pytest.mark.parametrize(("given", "words"), [
    ({"strengths": "much"}, "strengths is 'much'"), ({"strengths": ""}, "strengths is ''"),
    ({"strengths": "-1"}, "numbers from 0 to 10"), ({"remedies": "0, 8"}, "numbers from 1 to 7"),
    ({"source": "file"}, "no path was given"), ({"source": "titles", "periods": 3}, "one version only"),
    ({"rotation": 999}, "rotation is 999"), ({"speed": 1}, "'speed' is not a hyper-parameter")])
def test_what_cannot_be_compared_is_refused_in_one_sentence(given, words):
    with pytest.raises(ValueError, match=words):
        STUDY.config(given)


@pytest.mark.parametrize(("remedies", "mode", "words"), [
    ("3", "penalty", r"remedy 3 \(Fine-tune\) would do; choose among remedies 1, 2, 4, 5, 7\."),
    ("2, 6", "penalty", r"remedy 6 \(.*\) would do; choose among remedies 1, 2, 4, 5, 7, or the threshold form of remedy 6\."),
    ("1,2,3,4,5,6,7", "threshold", r"remedy 3 \(Fine-tune\) would do; choose among remedies 1, 2, 4, 5, 6, 7\.")])
def test_a_quantizer_that_cannot_be_fine_tuned_is_refused_by_name_before_anything_is_computed(
        cat, monkeypatch, remedies, mode, words):
    before = fitted_baseline(cat)
    monkeypatch.setattr(type(before.quantizer), "can_fine_tune", False)
    config = STUDY.config({"strengths": "1", "remedies": remedies, "penalised_mode": mode, "fine_steps": 2})
    with pytest.raises(ValueError, match=f"Residual k-means cannot be fine-tuned, which {words}"):
        next(Comparison(cat, before, config, cat.items["category"].to_numpy()).steps())
    rest = STUDY.config({"strengths": "1", "remedies": "1,2,4,5,6,7", "penalised_mode": "threshold"})
    assert len(rows_of(Comparison(cat, before, rest, cat.items["category"].to_numpy()))) == 6


def test_vqvae_is_fine_tuned_too(cat):
    before = fitted_baseline(cat, "vqvae")
    made = result_of(before.quantizer.fine_tune_steps(same(cat).emb_IE, 3))
    assert isinstance(made, quantizers.REGISTRY["vqvae"]) and made.codes_per_level == [16]
