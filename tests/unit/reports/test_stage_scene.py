"""The stage's scene: which groups are drawn, where they stand, and sentences that agree with the searches behind them."""

import json
import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from tests.support.javascript import evaluate
from tiger import datasets, models, runs
from tiger.reports import beam_page, branches, prefixes, stage
from tiger.reports.beam_page import BeamRequest
from tiger.reports.stage import beside, pictures
from tiger.reports.stage import scene as scenes
from tiger.search.beam import FULL, KEPT, REASONS, Candidates, Trace

USER = 77


def step(*rows: tuple[tuple[int, ...], float, int, str]) -> Candidates:
    """One level: prefix, its probability, items below, what became of it."""
    prefix, part, n, reason = map(np.array, zip(*rows, strict=True))
    place = pd.Categorical(reason, dtype=REASONS).codes
    return Candidates(np.zeros(len(rows), int), prefix, np.zeros(len(rows)), np.log(part), n, reason == KEPT, place)


@pytest.fixture
def by_hand() -> Trace:
    """Width three over two levels; group 1 holds one item and is kept at first, group 3 never is."""
    first = step(((0,), 0.5, 3, KEPT), ((1,), 0.3, 1, KEPT), ((2,), 0.15, 2, KEPT), ((3,), 0.05, 2, FULL))
    second = step(((0, 0), 0.3, 1, KEPT), ((0, 1), 0.15, 2, KEPT), ((2, 0), 0.1, 1, KEPT), ((1, 0), 0.08, 1, FULL),
                  ((2, 1), 0.05, 1, FULL))
    return Trace([first, second], pd.DataFrame(), pd.DataFrame())


def test_groups_of_a_search_worked_by_hand(by_hand):
    nodes = scenes.drawn(by_hand, 2, [(0, 0), (0, 1), (2, 0)], target=(3, 1))
    assert [(node.key, node.parent, node.fate, node.until, node.target) for node in nodes] == [
        ("0", "", "leads", 2, False), ("0-0", "0", "leads", 2, False), ("0-1", "0", "leads", 2, False),
        ("2", "", "leads", 2, False), ("2-0", "2", "leads", 2, False),
        ("1", "", "ends", 1, False), ("3", "", "pruned", 0, True)]  # below group 1, of one item, nothing is drawn
    assert [round(node.part, 2) for node in nodes] == [0.5, 0.3, 0.15, 0.15, 0.1, 0.3, 0.05]


def test_the_browser_shows_each_group_in_its_time_and_place(by_hand):
    nodes = [asdict(node) for node in scenes.drawn(by_hand, 2, [(0, 0), (0, 1), (2, 0)])]
    body = """return { lines: linesOf(given).at, states: [0, 1, 2, 3].map(step =>
        Object.fromEntries(given.map(node => [node.key, stateOf(node, step, 2)]))) }"""
    found = evaluate([stage.FOLDER / "parts.js"], body, nodes)
    fifths = {"0-0": 0.1, "0-1": 0.3, "2-0": 0.5, "1": 0.7, "3": 0.9, "0": 0.2, "2": 0.5}  # five leaves; parents between
    assert found["lines"] == pytest.approx(fifths)
    assert set(found["states"][0].values()) == {"ahead"}
    assert found["states"][1] == {"0": "running", "2": "running", "1": "running", "3": "aside", "0-0": "ahead", "0-1": "ahead",
                                  "2-0": "ahead"}
    assert found["states"][3] == {"0": "running", "2": "running", "1": "aside", "3": "aside", "0-0": "running",
                                  "0-1": "running", "2-0": "running"}


@pytest.fixture(scope="module")
def cat():
    return datasets.load("synthetic")


@pytest.fixture(scope="module")
def req(cat) -> BeamRequest:
    writer = beam_page.writer(runs.find("demo-recommender"))
    own, target = beam_page.held_out(cat, USER)
    return BeamRequest(writer, cat, USER, own, target, beam_page.usual_search(writer, cat, own), None, 0)


def trace(req, search=None) -> Trace:
    return beam_page.trace(req.writer, search or req.search, None)


def composed(req, before=None, **more) -> scenes.Scene:
    texts = branches.Texts.of(req.cat)
    return scenes.scene(req, trace(req), before, lambda of: prefixes.group_names(req.writer.ids, req.cat, texts, of),
                        lambda items: pictures.looks(req.cat, items), person="Person 77", **more)


def test_a_scene_is_whole_and_its_numbers_are_the_searchs(req):
    found, whole = trace(req), composed(req)
    assert [one.item for one in whole.suggestions] == found.items["item"].head(5).tolist()
    parts = np.exp(found.items["logp"] - found.items["logp"].max())
    np.testing.assert_allclose([one.part for one in whole.suggestions], parts[:5])
    kept = found.steps[0][found.steps[0]["kept"]]
    assert f"{kept['n_items_below'].sum():,}" in whole.said[1] and f"{req.ids.n_ids:,}" in whole.said[0]
    assert len(whole.said) == len(whole.steps) == req.ids.n_levels + 3  # start, levels, suggestions, what came next
    assert {*whole.history, whole.target, *(one.item for one in whole.suggestions)} <= set(whole.things)
    keys = {node.key: node for node in whole.nodes}
    assert all(node.parent in keys or node.level == 1 for node in whole.nodes)
    for one in whole.suggestions:  # its node is a group that holds it
        codes = tuple(map(int, one.node.split("-")))
        assert one.item in req.ids.prefix_items(codes) and keys[one.node].n_items == len(req.ids.prefix_items(codes))


@pytest.mark.parametrize(("title", "category", "name"), [
    ("Heath Porcelain Kettle Bay, 1.7 l", "Kitchen > Kettles", "the kettle"),
    ("Sol Wine Glass by Hearthwell", "Wine Glasses", "the wine glass"),
    ("Vektor Arbor HDMI Cable - Angled", "Cables and Hubs > HDMI Cables", "the HDMI cable"),
    ("Canary Cage", "Canaries", "the canary"),
    ("Toy Story", "Animation > Comedy", "“Toy Story”"), ("x" * 50, "", f"“{'x' * 37}…”")])
def test_a_thing_in_a_sentence(req, title, category, name):
    items = req.cat.items.head(1).assign(title=title, category=category)
    assert scenes.plain_name(replace(req, cat=replace(req.cat, items=items)), 0) == name


def test_a_change_says_what_entered_and_left(req):
    fewer = replace(req.search, items=req.search.items[1:])
    changed = replace(req, search=fewer, before=req.search)
    whole = composed(changed, trace(req))
    one, two = trace(req).items["item"].head(5).tolist(), trace(changed).items["item"].head(5).tolist()
    assert {move.item for move in whole.change.moves if move.before is None} == set(two) - set(one)
    assert {move.item for move in whole.change.moves if move.now is None} == set(one) - set(two)
    assert [move.now for move in whole.change.moves if move.now] == [1, 2, 3, 4, 5]
    assert whole.change.said.startswith(f"Without {scenes.plain_name(req, req.search.items[0])}:")


def test_what_carries_a_suggestion_is_what_leaving_it_out_costs_most(req):
    item = int(trace(req).items["item"].iloc[0])
    items = list(req.search.items)
    falls = [req.writer.model.score_all(items)[item] - req.writer.model.score_all(items[:at] + items[at + 1:])[item]
             for at in range(len(items))]  # an exact score of every item, which no attribution is involved in
    cause = scenes.cause(req, item)
    assert cause.at == int(np.argmax(falls))
    times = float(re.search(r"([\d,.]+) times", cause.said)[1].replace(",", ""))
    assert times == pytest.approx(np.exp(max(falls)), rel=0.1)


def test_lists_beside_it_say_where_the_held_out_item_is(req):
    popular = models.create("popularity").fit(req.cat)
    items = popular.recommend(np.array(req.search.items), 50, 50, exclude_seen=True)["item"].tolist()
    free = trace(req, replace(req.search, free=True))
    found = beside.beside(req, trace(req), {"Popularity": items}, {"Popularity": 0.02}, 12.3, free)
    assert found.columns[0].items == tuple(items[:5]) and found.columns[0].cost == "1,000 requests: under 0.1 s"
    assert found.own.cost == "1,000 requests: 12 s"
    place = f"in place {items.index(req.target) + 1}." if req.target in items else "not among its first 50."
    assert found.columns[0].said.endswith(place)
    assert (f"{len(free.invalid)} of 10 would name nothing" in found.invalid) == bool(len(free.invalid))


def test_a_room_hears_no_jargon(req, cat):
    changed = replace(req, search=replace(req.search, items=req.search.items[:-1]), before=req.search)
    free = trace(req, replace(req.search, free=True))
    item = int(trace(req).items["item"].iloc[0])
    lists = beside.beside(req, trace(req), {}, {}, 5.0, free)
    whole = composed(changed, trace(req), beside=lists, causes=[scenes.cause(req, item)])
    said = " ".join([*whole.said, *whole.steps, whole.rule, whole.change.said, whole.beside.invalid, whole.beside.own.cost,
                     *(cause.said for cause in whole.causes)])
    for word in ("code", "beam", "prefix", "log", "token", "semantic", "logit", "level", "trie", "item", "user"):
        assert not re.search(rf"\b{word}s?\b", said, re.IGNORECASE), word


def test_a_scene_without_a_history_asks_for_the_first_thing(req):
    empty = replace(req, own=(), target=None, search=replace(req.search, items=()))
    whole = scenes.scene(empty, None, None, list, lambda items: pictures.looks(req.cat, items), person="Somebody new")
    assert whole.steps == ("Start",) and not whole.nodes and not whole.suggestions and not whole.things
    assert json.loads(json.dumps(asdict(whole)))["said"] == ["Nobody is here yet. Choose a person, or add the first thing."]


def test_columns_of_the_tree_fill_it_and_those_that_name_their_groups_are_wide():
    """Of six equal columns none has room for a word; of four, all have."""
    found = evaluate([stage.FOLDER / "tree.js"], "return given.map(columnsOf)", list(range(1, 13)))
    for n, columns in enumerate(found, 1):
        start, width = np.array([(column["start"], column["width"]) for column in columns]).T
        np.testing.assert_allclose(start, np.cumsum(width) - width, atol=1e-12)
        assert len(width) == n and width.sum() == pytest.approx(1)
        if n <= 4:
            np.testing.assert_allclose(width, 1 / n)
        else:
            assert width[0] > width[1] > 2 * width[2:].max()
