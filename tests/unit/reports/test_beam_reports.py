"""Beam reports against a plain search over every prefix of a tiny catalogue."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.reports import beam as report
from tiger.reports import beam_tree
from tiger.search import beam

HISTORY, WIDTH = [3, 4, 5], 4


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return models.create("rq_transformer", **tiny.values("rq_transformer")).fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.fixture(scope="module")
def found(model):
    return model.beam_search(HISTORY, width=WIDTH)


@pytest.fixture(scope="module")
def by_hand(model):
    """Log-probability of every possible prefix, asked of the network one prefix at a time."""
    total = {(): 0.0}
    with torch.inference_mode():
        for level, n_codes in enumerate([4, 3, 4]):
            for prefix in [one for one in total if len(one) == level]:
                memory, cache = model.net_.encode([np.array(HISTORY)]), None
                for depth in range(level + 1):
                    code = torch.tensor([[prefix[depth - 1]]]) if depth else None
                    logits, cache = model.net_.step(memory, cache, depth, code)
                logp_K = torch.log_softmax(logits[0, 0], -1).tolist()
                total |= {(*prefix, code): total[prefix] + logp_K[code] for code in range(n_codes)}
    return total


def plain_beams(by_hand):
    """The beams of every level, by a search in plain Python."""
    known = {tuple(row[:depth]) for row in tiny.semantic_ids().ids_IM.tolist() for depth in (1, 2, 3)}
    beams = [[()]]
    for level, n_codes in enumerate([4, 3, 4]):
        grown = [(*prefix, code) for prefix, code in itertools.product(beams[level], range(n_codes))]
        beams.append(sorted((one for one in grown if one in known), key=lambda one: -by_hand[one])[:WIDTH])
    return beams


def test_every_candidate_has_its_numbers_and_its_fate(found, by_hand):
    beams, ids = plain_beams(by_hand), tiny.semantic_ids().ids_IM.tolist()
    for level in (1, 2, 3):
        frame = report.candidates(found, level)
        assert frame["rank"].tolist() == list(range(1, len(beams[level - 1]) * [4, 3, 4][level - 1] + 1))
        for row in frame.itertuples():
            prefix = tuple(map(int, row.prefix.split("-")))
            below = sum(tuple(one[:level]) == prefix for one in ids)
            assert row.total_logp == pytest.approx(by_hand[prefix], abs=1e-4)
            assert row.step_logp == pytest.approx(by_hand[prefix] - by_hand[prefix[:-1]], abs=1e-4)
            assert row.probability == pytest.approx(np.exp(by_hand[prefix]), abs=1e-4)
            assert row.n_items_below == below
            fate = beam.KEPT if prefix in beams[level] else beam.FULL if below else beam.OUTSIDE
            assert row.fate == fate
        assert report.counts(found, level)[beam.OUTSIDE] == (frame["fate"] == beam.OUTSIDE).sum()
        assert len(report.candidates(found, level, beam.FULL, 2)) == min(2, (frame["fate"] == beam.FULL).sum())


def test_the_way_of_every_item(found, by_hand):
    beams = plain_beams(by_hand)
    for row in tiny.semantic_ids().ids_IM.tolist():
        way = report.path(found, tuple(row))
        for level in (1, 2, 3):
            prefix, one = tuple(row[:level]), way.iloc[level - 1]
            if prefix[:-1] not in beams[level - 1]:
                assert one["fate"] == report.GONE and np.isnan(one["total_logp"])
            else:
                assert one["total_logp"] == pytest.approx(by_hand[prefix], abs=1e-4)
                assert (one["fate"] == beam.KEPT) == (prefix in beams[level])
        lost = next((level for level in (1, 2, 3) if tuple(row[:level]) not in beams[level]), None)
        assert report.lost_at(found, tuple(row)) == lost


def test_where_the_beam_lost_what_an_exact_search_finds(model, found, by_hand):
    ids_IM = tiny.semantic_ids().ids_IM
    logp_I = np.array([by_hand[tuple(row)] for row in ids_IM.tolist()])
    best = np.argsort(-logp_I)[:8]
    beams = plain_beams(by_hand)
    lost = report.lost_items(found, best, logp_I[best], ids_IM)
    assert lost["item"].tolist() == [item for item in best if tuple(ids_IM[item]) not in beams[3]]
    assert len(lost) and (lost["rank"] == [best.tolist().index(item) + 1 for item in lost["item"]]).all()
    for row in lost.itertuples():
        assert row.prefix == report.text(ids_IM[row.item][:row.lost_at])
        if not np.isnan(row.total_logp):
            assert row.total_logp <= row.worst_kept + 1e-5
    for level in (1, 2, 3):
        frame = report.exact_prefixes(found, level, best, logp_I[best], ids_IM)
        want = list(dict.fromkeys(tuple(ids_IM[item, :level].tolist()) for item in best))
        assert frame["codes"].tolist() == want and frame["n_best"].sum() == 8
        assert frame["lost_at"].isna().tolist() == [codes in beams[level] for codes in want]


def test_the_tree_holds_the_beams_their_parents_and_why_others_went(found, by_hand):
    beams, target = plain_beams(by_hand), tuple(tiny.semantic_ids().ids_IM[17].tolist())
    for level in (0, 1, 2, 3):
        frame = pd.DataFrame(beam_tree.grown(found, level, [target]))
        drawn = set(frame["prefix"])
        assert drawn.issuperset(beams[level]) and drawn.issuperset(prefix[:-1] for prefix in drawn if prefix)
        assert frame["prefix"].is_unique and frame["level"].max() == level
        leaves = frame[frame["drawn_last"]]
        assert sorted(leaves["y"]) == list(range(len(leaves)))
        for row in frame[frame["level"] > 0].itertuples():
            dead = row.level < level and not any(one[:row.level] == row.prefix for one in beams[row.level + 1])
            if row.prefix in beams[row.level]:
                assert row.fate == (beam_tree.DROPPED if dead else beam.KEPT)
            else:
                assert row.fate in (beam.FULL, beam.OUTSIDE)
        for row in frame[~frame["drawn_last"]].itertuples():
            below = [one.y for one in frame.itertuples() if one.parent == row.prefix]
            assert row.y == (min(below) + max(below)) / 2


def test_branches_never_cross(found):
    frame = pd.DataFrame(beam_tree.grown(found, 3))
    order = frame[frame["drawn_last"]].sort_values("y")["prefix"].tolist()
    for depth in (1, 2):
        starts = [prefix[:depth] for prefix in order if len(prefix) >= depth]
        assert len(list(itertools.groupby(starts))) == len(set(starts)), "a branch's leaves lie side by side"


def test_two_searches_as_one_tree_and_one_table(model, found):
    hot = model.beam_search(HISTORY, width=6, temperature=[3.0, 1.0, 0.5])
    one, two = found.items["item"].tolist(), hot.items["item"].tolist()
    table = report.changes(found, hot, k=6)
    assert set(table["item"]) == set(one) | set(two)
    for row in table.itertuples():
        assert (one.index(row.item) + 1 if row.item in one else None) == (row.rank_before if row.rank_before is not
                                                                         table["rank_before"].dtype.na_value else None)
        moved = ("new" if row.item not in one else "gone" if row.item not in two else
                 "up" if two.index(row.item) < one.index(row.item) else
                 "down" if two.index(row.item) > one.index(row.item) else "stays")
        assert row.moved == moved
    shared = report.agreement(found, hot)
    tree = beam_tree.together(found, hot, 3)
    for level in (1, 2, 3):
        before, now = set(report.kept(found, level)), set(report.kept(hot, level))
        assert shared.iloc[level - 1].tolist() == [level, len(before), len(now), len(before & now)]
        for row in tree[tree["level"] == level].itertuples():
            assert row.fate == (beam_tree.BOTH if row.prefix in before & now else
                                beam_tree.NOW if row.prefix in now else beam_tree.BEFORE)


def test_a_free_search_shows_what_no_item_has(model):
    free = model.beam_search(HISTORY, width=12, constrained=False)
    frame = report.candidates(free, 3)
    wrong = frame[frame["fate"] == report.INVALID]
    assert sorted(wrong["prefix"]) == sorted(map(report.text, free.invalid["id"])) and len(wrong)
    assert (wrong["n_items_below"] == 0).all()


def test_lists_side_by_side_and_where_the_held_out_item_is():
    lists = {"Beam": np.array([4, 7, 1]), "Popularity": np.array([7, 9, 4, 2])}
    frame = report.recommendations(lists, 4)
    assert frame["Beam"].tolist() == [4, 7, 1, -1] and frame["Popularity"].tolist() == [7, 9, 4, 2]
    ranks = report.ranks(lists, 2)
    assert ranks["shared"].tolist() == [3, 2]
    assert ranks["rank"].isna().tolist() == [True, False] and ranks["rank"].iloc[1] == 4
    assert report.ranks(lists, None)["rank"].isna().all()


@pytest.mark.parametrize(("written", "want"), [
    ("1", (1,)), ("3-2-3", (3, 2, 3)), ("", None), ("4", None), ("1-2-3-0", None), ("1--2", None), ("-1", None),
    ("1-x", None), ("٣", None), ("99999999999999", None)])
def test_prefixes_from_an_address(written, want):
    assert report.prefix_of(written, [4, 3, 4]) == want
