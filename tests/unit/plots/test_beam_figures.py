"""The beam's figures: what is pruned looks different in colour, shape and line; an edge is as wide as it is likely."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

from tests.support import tiny_models as tiny
from tiger import models
from tiger.analysis import attribution
from tiger.plots import beam as plot
from tiger.reports import beam_tree, influence

HISTORY = [3, 4, 5]


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return models.create("encoder_decoder", **tiny.values("encoder_decoder")).fit(tiny.catalogue(), tiny.semantic_ids())


@pytest.fixture(scope="module")
def frame(model):
    grown = pd.DataFrame(beam_tree.grown(model.beam_search(HISTORY, width=4), 3))
    return grown.assign(words="a <b>, of words", target=grown["level"] == 1, exact=False)


def test_the_tree_has_alt_text_the_common_look_and_a_mark_a_branch(frame):
    figure = plot.tree(frame, "Four beams.", 3)
    assert figure.layout.meta["alt"] == "Four beams." and figure.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert figure.layout.font.color is None
    drawn = [name for trace in figure.data if trace.customdata is not None for name in trace.customdata]
    assert sorted(drawn) == sorted("-".join(map(str, prefix)) for prefix in frame["prefix"] if prefix)
    assert len(figure.to_json()) < 100_000


def test_edges_are_as_wide_as_their_codes_are_likely(frame):
    figure = plot.tree(frame, "Four beams.", 3)
    place = {(row.x, row.y): math.exp(row.step_logp) for row in frame.itertuples() if row.level}
    pairs = []
    for trace in [trace for trace in figure.data if trace.mode == "lines"]:
        x, y = np.asarray(trace.x, float), np.asarray(trace.y, float)
        ends = np.flatnonzero(np.isnan(x)) - 1
        pairs += [(place[(x[end], y[end])], trace.line.width) for end in ends]
    assert len(pairs) == len(place)
    for share, width in pairs:
        assert width == pytest.approx(1 + 10 * share, abs=0.76)


def test_every_fate_differs_in_shape_and_in_colour_or_line():
    looks = [plot.MARKS[fate] for fate in ("kept", "beam full", "already in the history", "not in the catalogue",
                                               "kept, but no such item")]
    assert len({look.symbol for look in looks}) == len({look.colour for look in looks}) == len(looks)
    assert plot.MARKS["kept"].dash != plot.MARKS["beam full"].dash != plot.MARKS["not in the catalogue"].dash
    both = [plot.MARKS[fate] for fate in (beam_tree.BOTH, beam_tree.BEFORE, beam_tree.NOW)]
    assert len({look.symbol for look in both}) == len({look.colour for look in both}) == 3


def test_the_legend_names_what_is_drawn_and_no_more(frame):
    assert set(plot.shown(frame)) == set(frame.loc[frame["level"] > 0, "fate"]) | {"target"}
    assert all(look.glyph for look in plot.looks().values())


def test_labels_say_code_words_and_probability(frame):
    labelled = plot.labelled(frame)
    for row in labelled[labelled["level"] > 0].itertuples():
        assert row.label == f"<b>{row.code}</b>  a &lt;b>, of words  {plot.share(row.total_logp)}" and row.short == str(row.code)
        assert row.hover.startswith("-".join(map(str, row.prefix))) and row.hover.endswith(f"below, {row.fate}")
    assert [plot.share(math.log(p)) for p in (0.5, 0.0123, 1e-6)] == ["50 %", "1.2 %", "< 0.01 %"]


def test_influence_as_table_words_and_figure(model):
    codes, titles = [0, 2, 3], [f"thing {item}" for item in range(tiny.N_ITEMS)]
    found = attribution.influence(model, HISTORY, codes)
    table = influence.frame(found, titles, codes)
    whole = table[table["code"] == influence.ALL]
    assert whole["item"].tolist() == HISTORY and len(table) == len(HISTORY) * 4
    both = attribution.id_logp(model.net_, [np.array(HISTORY), np.array([3, 5])], np.array(codes)).sum(1)
    assert whole["change"].iloc[1] == pytest.approx(both[0] - both[1], abs=1e-5)
    assert whole["attention"].sum() == pytest.approx(1, abs=1e-5)
    wide = influence.wide(table)
    assert wide["position"].tolist() == [1, 2, 3] and "attention, level 2: 2" in wide
    np.testing.assert_allclose(wide["fall of log P, whole ID"], whole["change"])
    looked = whole.loc[whole["attention"].idxmax(), "item"]
    assert f"thing {looked}" in influence.words(table)
    figure = plot.influence(table, "change", "Falls.", "fall")
    np.testing.assert_allclose(np.asarray(figure.data[0].z, float)[:, -1], whole["change"])


def test_one_item_alone_cannot_be_left_out(model):
    table = influence.frame(attribution.influence(model, [7], [0, 0, 0]), ["t"] * tiny.N_ITEMS, [0, 0, 0])
    assert "none can be left out" in influence.words(table)
    assert isinstance(influence.wide(table), pd.DataFrame)
