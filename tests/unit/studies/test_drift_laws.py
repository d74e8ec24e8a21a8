"""Laws of the remedies: nothing moves without drift, a rotation is undone, names do not matter."""

import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.drift import SMALL, catalogue, fitted_baseline, permuted, same
from tiger import quantizers
from tiger.core.progress import result_of
from tiger.studies.drift import (
    BY_NUMBER,
    Baseline,
    Outcome,
    SimulatedDrift,
    TrainingBudget,
    Version,
    apply,
    match_codes,
    remedies,
    simulate,
    threads,
)
from tiger.studies.drift.measure import ids_of, measure, true_neighbours
from tiger.studies.drift.simulate import rotate

BUDGET = TrainingBudget(fine_steps=5)


@pytest.fixture(scope="module")
def cat():
    return catalogue()


@functools.cache
def baseline(name="rkmeans"):
    """Fitted on the catalogue above, once for all tests: every remedy leaves it as it is."""
    return fitted_baseline(catalogue(), name)


@pytest.mark.thorough
@pytest.mark.parametrize("number", [1, 2, 4, 5, 7])
@pytest.mark.parametrize("name", SMALL)
def test_zero_drift_gives_zero_churn(cat, name, number):
    before = baseline(name)
    new, = simulate(cat.embedding_IE, cat.items["category"].to_numpy(), SimulatedDrift(), strength=0.0)
    assert (new.emb_IE == cat.embedding_IE).all() and not new.new_I.any()
    got = result_of(apply(BY_NUMBER[number], before, new, BUDGET))
    assert (got.baseline.codes_IL == before.codes_IL).all()


def bits(quantizer):
    return {name: value.numpy().tobytes() for name, value in quantizer.tensors().items()}


def fitted(cat, n):
    with threads(n):
        made = quantizers.create("rqvae", n_codes=64, n_steps=10, batch_size=256, hidden="64", latent_width=16, seed=3)
        made.fit(cat.embedding_IE)
        return Baseline(made, made.encode(cat.embedding_IE), cat.embedding_IE, n)


@pytest.mark.thorough
def test_zero_drift_gives_zero_churn_whatever_the_number_of_threads():
    """Sums depend on the threads: remedies 4 and 5 use as many as the first fit, then today's again."""
    cat = catalogue(1500, 64)
    first = {n: fitted(cat, n) for n in (1, 2)}
    assert bits(first[1].quantizer) != bits(first[2].quantizer), "or else this test could not fail"
    before = torch.get_num_threads()
    for n in (1, 2):
        with threads(3 - n):
            for number in (4, 5):
                got = result_of(apply(BY_NUMBER[number], first[n], same(cat), BUDGET))
                assert (got.baseline.codes_IL == first[n].codes_IL).all() and got.baseline.n_threads == n
                assert bits(got.baseline.quantizer) == bits(first[n].quantizer)
            assert torch.get_num_threads() == 3 - n
    assert torch.get_num_threads() == before


def test_threads_are_given_back_when_a_remedy_is_stopped_half_way(cat):
    before = torch.get_num_threads()
    steps = apply(BY_NUMBER[4], replace(baseline("rqvae"), n_threads=before + 1), same(cat), BUDGET)
    next(steps)
    assert torch.get_num_threads() == before + 1
    steps.close()
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("name", SMALL)
def test_without_drift_no_error_passes_the_threshold(cat, name):
    before = baseline(name)
    got = result_of(apply(BY_NUMBER[6], before, same(cat), TrainingBudget(penalised_mode="threshold", threshold=1.0)))
    assert (got.baseline.codes_IL == before.codes_IL).all() and got.baseline.quantizer is before.quantizer


def test_only_items_whose_error_passes_the_threshold_get_other_codes(cat):
    """Against the errors as they are, item by item: nine in ten do not move, the others go where another item is."""
    before, moved_IE = baseline(), cat.embedding_IE.copy()
    gone_I = np.arange(cat.n_items) % 10 == 0
    moved_IE[gone_I] = np.roll(cat.embedding_IE, 3, axis=0)[gone_I]  # into another category
    new = Version(moved_IE, np.zeros(cat.n_items, bool))
    got = result_of(apply(BY_NUMBER[6], before, new, TrainingBudget(penalised_mode="threshold", threshold=1.5))).baseline
    decoded_IE, best_IL = before.quantizer.decode(before.codes_IL), before.quantizer.encode(moved_IE)
    was_I = ((cat.embedding_IE - decoded_IE) ** 2).sum(1)
    for item in range(cat.n_items):
        error, best = (float(((moved_IE[item] - one) ** 2).sum()) for one in (decoded_IE[item],
                                                                               before.quantizer.decode(best_IL[[item]])[0]))
        passes = error > 1.5 * max(was_I[item], float(np.median(was_I))) and best < error
        assert (got.codes_IL[item] == (best_IL if passes else before.codes_IL)[item]).all()
    changed_I = (got.codes_IL != before.codes_IL).any(1)
    assert changed_I[gone_I].mean() > 0.9 and not changed_I[~gone_I].any()
    none = result_of(apply(BY_NUMBER[6], before, new, TrainingBudget(penalised_mode="threshold", threshold=1e3))).baseline
    assert (none.codes_IL == before.codes_IL).all()


def test_small_moves_add_up_until_they_pass_the_threshold(cat):
    """The error that counts is the one when an item got its codes, not the last period's."""
    before, asked = baseline(), TrainingBudget(penalised_mode="threshold", threshold=2.0)
    goal_IE, now, changed = np.roll(cat.embedding_IE, 3, axis=0), before, []
    for share in np.linspace(0, 1, 9)[1:]:
        moved_IE = ((1 - share) * cat.embedding_IE + share * goal_IE).astype(np.float32)
        now = result_of(apply(BY_NUMBER[6], now, Version(moved_IE, np.zeros(cat.n_items, bool)), asked)).baseline
        changed.append((now.codes_IL != before.codes_IL).any(1).mean())
    assert changed[0] < 0.1 and changed[-1] > 0.9


@pytest.mark.parametrize("name", ["rqvae", "rkmeans"])
def test_the_penalty_leads_from_plain_fine_tuning_to_no_change_at_all(cat, name):
    before = baseline(name)
    new, = simulate(cat.embedding_IE, cat.items["category"].to_numpy(), SimulatedDrift(replaced=0.0), 1.0)
    plain = result_of(apply(BY_NUMBER[3], before, new, TrainingBudget(fine_steps=20))).baseline
    asked = [result_of(apply(BY_NUMBER[6], before, new, TrainingBudget(fine_steps=20, penalty=penalty))).baseline
             for penalty in (0.0, 0.5, 1e6)]
    changed = [(one.codes_IL != before.codes_IL).any(1).mean() for one in asked]
    assert (asked[0].codes_IL == plain.codes_IL).all() and bits(asked[0].quantizer) == bits(plain.quantizer)
    assert changed[0] > changed[1] > changed[2] == 0


@pytest.mark.parametrize("name", SMALL)
def test_without_drift_and_training_the_penalised_remedy_changes_nothing(cat, name):
    before = baseline(name)
    got = result_of(apply(BY_NUMBER[6], before, same(cat), TrainingBudget(fine_steps=0)))
    assert (got.baseline.codes_IL == before.codes_IL).all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("angle", [0.3, 1.5, 3.0])
def test_a_pure_rotation_is_undone_by_aligning(cat, name, angle):
    before = baseline(name)
    moved_IE = rotate(cat.embedding_IE.astype(np.float64), angle, np.random.default_rng(5)).astype(np.float32)
    new = Version(moved_IE, np.zeros(cat.n_items, bool))
    got = result_of(apply(BY_NUMBER[7], before, new, BUDGET))
    assert (got.baseline.codes_IL == before.codes_IL).all()
    if name == "rkmeans" and angle > 1:  # ... and is no small thing to those who do not align
        assert (result_of(apply(BY_NUMBER[2], before, new, BUDGET)).baseline.codes_IL != before.codes_IL).any()


def test_a_tie_between_two_codes_survives_a_rotation_there_and_back():
    """Items exactly between two centres: rounding may push them either way, aligning must not."""
    cat = catalogue(40, 8)
    before = fitted_baseline(cat)
    books = [book.numpy() for book in before.quantizer.tensors().values()]
    cat.embedding_IE[:10] = (books[0][0] + books[0][1]) / 2
    before = type(before)(before.quantizer, before.quantizer.encode(cat.embedding_IE), cat.embedding_IE)
    for seed in range(5):
        moved_IE = rotate(cat.embedding_IE.astype(np.float64), 1.0, np.random.default_rng(seed)).astype(np.float32)
        got = result_of(apply(BY_NUMBER[7], before, Version(moved_IE, np.zeros(40, bool)), BUDGET))
        assert (got.baseline.codes_IL == before.codes_IL).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 3), st.integers(2, 9))
def test_random_names_are_undone_entirely_by_renaming(seed, n_items, n_levels, n_codes):
    """Every branch gets its own permutation of names: renaming finds all of them."""
    rng = np.random.default_rng(seed)
    old_IL = rng.integers(0, n_codes, (n_items, n_levels))
    names: dict[tuple, np.ndarray] = {}
    new_IL = np.array([[names.setdefault(tuple(row[:level]), rng.permutation(n_codes))[row[level]]
                        for level in range(n_levels)] for row in old_IL.tolist()])
    assert (match_codes(new_IL, old_IL, n_codes) == old_IL).all()


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.integers(1, 80))
def test_renaming_never_merges_or_splits_ids_and_stays_in_range(seed, n_items):
    rng = np.random.default_rng(seed)
    old_IL, new_IL = rng.integers(0, 5, (2, n_items, 3))
    named_IL = match_codes(new_IL, old_IL, 5, rng.random(n_items) < 0.7)
    assert named_IL.min() >= 0 and named_IL.max() < 5
    for level in range(1, 4):
        pairs = {(tuple(a), tuple(b)) for a, b in zip(new_IL[:, :level].tolist(), named_IL[:, :level].tolist(), strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})


@pytest.mark.parametrize("name", ["rkmeans", "rqvae", "vqvae"])
@pytest.mark.parametrize("seed", range(3))
def test_a_quantizer_with_shuffled_codebooks_is_renamed_back_entirely(cat, name, seed):
    """Remedy 5 over a retraining that finds the same tree under other names: every level's codes in another order."""
    before = baseline(name)
    other = permuted(before.quantizer, seed)
    codes_IL = other.encode(cat.embedding_IE)
    assert (codes_IL != before.codes_IL).any(1).mean() > 0.5, "the names did change"
    assert (other.decode(codes_IL) == before.quantizer.decode(before.codes_IL)).all(), "and only the names"
    new = same(cat)
    kept = result_of(apply(BY_NUMBER[4], before, new, BUDGET, {id(new): (other, 0.0)}))
    assert (kept.baseline.codes_IL == codes_IL).all()
    got = result_of(apply(BY_NUMBER[5], before, new, BUDGET, {id(new): (other, 0.0)}))
    assert (got.baseline.codes_IL == before.codes_IL).all()
    assert (other.decode(got.decoded_IL) == before.quantizer.decode(before.codes_IL)).all(), "errors count the codes it has"


def test_renaming_keeps_most_items_worked_by_hand():
    old_IL = np.array([[0, 0], [0, 1], [0, 1], [1, 0], [1, 1]])
    new_IL = np.array([[2, 2], [2, 0], [2, 0], [0, 1], [2, 1]])
    # level 1: new 2 holds three of old 0 and one of old 1, so it is 0; new 0 holds one of old 1, so it is 1.
    # below 0: new 2 -> 0, new 0 -> 1, new 1 has nobody left (its item came from old 1) and takes the free name 2.
    assert match_codes(new_IL, old_IL, 3).tolist() == [[0, 0], [0, 1], [0, 1], [1, 0], [0, 2]]


def test_only_new_items_move_under_the_first_remedy(cat):
    before = baseline()
    new, = simulate(cat.embedding_IE, None, SimulatedDrift(replaced=0.3), 1.0)
    got = result_of(apply(BY_NUMBER[1], before, new, BUDGET)).baseline.codes_IL
    assert new.new_I.sum() == round(0.3 * cat.n_items)
    assert (got[~new.new_I] == before.codes_IL[~new.new_I]).all()
    assert (got[new.new_I] == before.quantizer.encode(new.emb_IE[new.new_I])).all()


def test_every_remedy_gives_whole_codes_and_the_numbers_add_up(cat, monkeypatch):
    monkeypatch.setattr(remedies, "time", SimpleNamespace(process_time=itertools.count().__next__))  # coarse ones stand still
    before = baseline("rqvae")
    new, = simulate(cat.embedding_IE, cat.items["category"].to_numpy(), SimulatedDrift(), 1.0)
    old_ids, near, retrained = ids_of(before.codes_IL, 8), true_neighbours(new.emb_IE), {}
    for remedy in BY_NUMBER.values():
        got = result_of(apply(remedy, before, new, BUDGET, retrained))
        row, ids = measure(cat, before, old_ids, got, new, near)
        stays_I = ~new.new_I
        same_NL = got.baseline.codes_IL[stays_I] == before.codes_IL[stays_I]
        assert row.survival[-1] == pytest.approx(np.mean([all(one) for one in same_NL.tolist()]))
        assert row.churn == pytest.approx([1 - np.mean(same_NL[:, level].tolist()) for level in range(3)])
        wide = max(ids.ids_IM.shape[1], old_ids.ids_IM.shape[1])
        was, now = ([[*row, *[None] * (wide - len(row))] for row in one.ids_IM.tolist()] for one in (old_ids, ids))
        by_hand = sum(a != b for item in cat.history_items for a, b in zip(was[item], now[item], strict=True))
        assert row.tokens == by_hand and row.token_share == pytest.approx(by_hand / (len(cat.history_items) * wide))
        assert row.seconds > 0 and len({tuple(one) for one in ids.ids_IM.tolist()}) == cat.n_items
    assert len(retrained) == 1, "remedies 4 and 5 share one retraining"


def test_an_id_that_grows_by_a_level_rewrites_its_new_token_everywhere(cat):
    """No two items shared their codes before; now all items of a category do, and need a further token."""
    before = baseline()
    old = replace(before, codes_IL=np.stack([np.arange(cat.n_items) // 8 % 8, np.arange(cat.n_items) // 64,
                                             np.arange(cat.n_items) % 8], 1))
    got = replace(old, codes_IL=old.codes_IL * [1, 1, 0])
    old_ids, new = ids_of(old.codes_IL, 8), same(cat)
    assert not old_ids.has_collision_level
    row, ids = measure(cat, old, old_ids, Outcome(got, new.emb_IE, got.codes_IL), new, true_neighbours(new.emb_IE))
    third = sum(item % 8 != 0 for item in cat.history_items.tolist())
    assert ids.ids_IM.shape == (cat.n_items, 4) and row.tokens == third + len(cat.history_items)
    assert row.token_share == pytest.approx(row.tokens / (4 * len(cat.history_items)))
