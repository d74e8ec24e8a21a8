"""Beam search against exact scores and a plain Python search."""

import functools
import itertools

import numpy as np
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models, quantizers
from tiger.search import beam
from tiger.semantic_ids import SemanticIds

GENERATIVE = [name for name, kind in models.REGISTRY.items() if kind.generative]


@pytest.fixture(scope="module", params=GENERATIVE)
def model(request):
    torch.set_num_threads(1)
    model = models.create(request.param, **tiny.values(request.param))
    return model.fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.mark.parametrize("history", [[0], [5, 9, 2], [1, 1, 7, 8, 23, 4]])
def test_a_beam_as_wide_as_the_catalogue_finds_every_exact_score(model, history):
    items = model.beam_search(history, width=tiny.N_ITEMS).items
    exact_I = model.score_all(history)
    assert sorted(items["item"]) == list(range(tiny.N_ITEMS))
    assert items["logp"].is_monotonic_decreasing
    np.testing.assert_allclose(items["logp"], exact_I[items["item"]], atol=1e-4)


def test_all_possible_ids_together_have_probability_one(model):
    found = model.beam_search([4, 5], width=4 * 3 * 4, constrained=False)
    logp = np.concatenate([found.items["logp"], found.invalid["logp"]])
    assert np.exp(logp).sum() == pytest.approx(1, abs=1e-5)
    assert np.exp(found.items["logp"]).sum() == pytest.approx(np.exp(model.score_all([4, 5])).sum(), abs=1e-5)
    wide = beam.search(model.net_, model.trie_, [np.array([4, 5])], 48, constrained=False)
    assert len(found.items) == tiny.N_ITEMS and wide.invalid_rate() == pytest.approx(0.5)


def plain_search(model, history, width, heat):
    """Beam search in plain Python over lists, asking the network for one prefix at a time."""
    known = {tuple(row[:depth]) for row in model.metadata_["ids"].tolist() for depth in (1, 2, 3)}
    beams = [((), 0.0)]
    for level in range(3):
        grown = []
        for prefix, total in beams:
            cache = None
            memory = model.net_.encode([np.array(history)])
            for depth in range(level + 1):
                code = torch.tensor([[prefix[depth - 1]]]) if depth else None
                logits, cache = model.net_.step(memory, cache, depth, code)
            logp_K = torch.log_softmax(logits[0, 0] / heat[level], -1).tolist()
            grown += [((*prefix, code), total + logp) for code, logp in enumerate(logp_K)]
        beams = sorted((one for one in grown if one[0] in known), key=lambda one: -one[1])[:width]
    return beams


@torch.inference_mode()
def test_equals_a_plain_python_search_with_a_temperature_a_level(model):
    heat = [0.7, 1.0, 2.5]
    found = model.beam_search([3, 4, 5], width=5, temperature=heat)
    want = plain_search(model, [3, 4, 5], 5, heat)
    assert found.items["id"].tolist() == [one[0] for one in want]
    np.testing.assert_allclose(found.items["logp"], [one[1] for one in want], atol=1e-4)


def test_temperatures_come_as_any_kind_of_row(model):
    given = model.beam_search([3, 4], width=5, temperature=[0.5, 1.0, 2.0]).items
    for same in ((0.5, 1.0, 2.0), np.array([0.5, 1.0, 2.0])):
        assert model.beam_search([3, 4], width=5, temperature=same).items.equals(given)


@functools.cache
def codes_of(kind):
    """What a short fit of this quantizer gives: some items share their codes, and some codes stay unused."""
    size = {"n_codes": 8} | ({} if kind == "vqvae" else {"n_levels": 2})
    short = {"n_steps": 20} if kind in ("rqvae", "vqvae", "fsq") else {}
    emb_IE = tiny.catalogue().embedding_IE
    return quantizers.create(kind, **size, **short).fit(emb_IE).encode(emb_IE)


@pytest.mark.thorough
@pytest.mark.parametrize("name", GENERATIVE)
@pytest.mark.parametrize("kind", ["collisions", "one level", "gaps", *quantizers.REGISTRY])
def test_whatever_made_the_ids_a_full_beam_finds_every_exact_score(name, kind):
    cat, item_I = tiny.catalogue(), np.arange(tiny.N_ITEMS)
    if kind == "collisions":
        ids = SemanticIds.from_codes(np.stack([item_I // 8, item_I % 4], 1), n_codes=8)
    elif kind == "one level":
        ids = SemanticIds.from_codes(item_I[:, None], n_codes=tiny.N_ITEMS)
    elif kind == "gaps":
        ids = tiny.semantic_ids_with_gaps()
    else:
        ids = SemanticIds.from_codes(codes_of(kind), n_codes=8)
    model = models.create(name, **tiny.values(name) | {"n_epochs": 1}).fit(cat, ids)
    found = model.beam_search([3, 14, 20], width=ids.n_ids).items
    exact_I = model.score_all([3, 14, 20])
    assert sorted(found["item"]) == np.flatnonzero(ids.has_id_I).tolist()
    assert (np.isfinite(exact_I) == ids.has_id_I).all()
    np.testing.assert_allclose(found["logp"], exact_I[found["item"]], atol=1e-4)


def test_users_in_a_batch_do_not_touch_each_other(model):
    rows = [np.array([1, 2, 3]), np.array([20]), np.array([9, 10, 11, 12, 13])]
    together = model.search(rows, 7)
    for user, row in enumerate(rows):
        alone = model.search([row], 7)
        assert together.item_BW[user].tolist() == alone.item_BW[0].tolist()
        torch.testing.assert_close(together.logp_BW[user], alone.logp_BW[0], atol=1e-4, rtol=0)


def test_every_candidate_is_on_record_with_its_reason(model):
    found = model.beam_search([3, 4, 5], width=4)
    known = {tuple(row[:depth]) for row in model.metadata_["ids"].tolist() for depth in (1, 2, 3)}
    n_beams = 1
    for level, step in enumerate(found.steps):
        assert len(step) == n_beams * [4, 3, 4][level]
        for row in step.itertuples():
            assert (row.reason == "not in the catalogue") == (row.prefix not in known)
            assert row.kept == (row.reason == "kept")
            below = sum(tuple(code[:level + 1]) == row.prefix for code in model.metadata_["ids"].tolist())
            assert row.n_items_below == below
        worst_kept = step.loc[step["kept"], "total_logp"].min()
        assert (step.loc[step["reason"] == "beam full", "total_logp"] <= worst_kept).all()
        n_beams = int(step["kept"].sum())
    for before, after in itertools.pairwise(found.steps):
        kept = before[before["kept"]]["prefix"].tolist()
        assert all(row.prefix[:-1] == kept[row.parent] for row in after.itertuples())


@pytest.mark.parametrize(("values", "text"), [
    ({"width": 0}, "is 0, but must be a whole number of at least 1"), ({"width": 2.5}, "is 2.5, but must be a whole"),
    ({"width": "5"}, "is '5', but must be a whole"), ({"width": 25}, "has only 24 items; choose at most 24"),
    ({"width": 49, "constrained": False}, "only 48 distinct IDs can be generated"),
    ({"temperature": 0.0}, "finite number above 0"), ({"temperature": None}, "finite number above 0"),
    ({"temperature": "warm"}, "is 'warm', but must be a finite number"), ({"temperature": [1.0, np.nan, 1.0]}, "is nan, but"),
    ({"temperature": [1.0]}, "1 temperature was given")])
def test_bad_settings_are_refused_in_one_sentence(model, values, text):
    with pytest.raises(ValueError, match=text):
        model.beam_search([1], **values)
