"""Costs worked by hand, and how rows of several seeds become one."""

import numpy as np
import pandas as pd
import pytest

from tiger import costs
from tiger.reports import recommenders

SHAPE = costs.Shape(width=10, n_layers=2, n_depth=1, history=4, n_levels=3, n_codes=7, beams=5, candidates=6)


def test_costs_worked_by_hand():
    read = 2 * (24 * 100 * 4 + 4 * 10 * 16)
    assert costs.vectors_exact(SHAPE, 50) == (4, read + 2 * 10 * 50)
    assert costs.generative(SHAPE, 50) == costs.generative(SHAPE, 10**9) == (4 + 11, read + 11 * (2400 + 2 * 10 * 7))
    pair = 2 * (2400 + 4 * 10 * 4)
    assert costs.pairs(SHAPE, 50) == (54, read + 50 * pair)
    assert costs.cascade(SHAPE, 50) == (10, read + 6 * pair + 2 * 10 * 50)
    assert costs.vectors_index(SHAPE, 100)[1] == read + 2 * 10 * 10 * 9


def test_unmeasured_sizes_follow_from_the_last_measured_one():
    measured = pd.DataFrame({"kind": ["pair ranker over everything"] * 2, "items": [10, 1000], "ms": [1.0, 9.0]})
    frame = costs.cost_frame(SHAPE, (1000, 10**6), measured).query("kind == 'pair ranker over everything'")
    assert frame["items"].tolist() == [10, 1000, 10**6] and frame["measured"].tolist() == [True, True, False]
    ratio = costs.pairs(SHAPE, 10**6)[1] / costs.pairs(SHAPE, 1000)[1]
    assert frame["ms"].iloc[2] == pytest.approx(9 * ratio)
    assert costs.cost_frame(SHAPE)["ms"].isna().all()
    assert "exact neighbours cost" in costs.cost_words(costs.cost_frame(SHAPE))


def test_a_request_of_each_kind_is_timed():
    frame = costs.measure(SHAPE, sizes=(100, 200), most_pairs=100, repeats=1)
    assert (frame["ms"] > 0).all()
    assert frame.groupby("kind")["items"].max().to_dict()["pair ranker over everything"] == 100


def row(seed: int, recall: float, **more) -> dict:
    return {"model": "sasrec", "ids": "–", "settings": "defaults", "seed": seed, **dict.fromkeys(recommenders.NAMES, recall),
            "low": recall - 0.1, "high": recall + 0.1, "n_users": 9, "width": None, "invalid": None, "equal": None} | more


def test_seeds_become_one_row_with_students_interval():
    rows = [row(0, 0.1), row(1, 0.2), row(2, 0.3), row(0, 0.5, model="popularity")]
    table = recommenders.table_frame(pd.DataFrame(rows))
    assert table["model"].tolist() == ["popularity", "sasrec"] and table["seeds"].tolist() == [1, 3]
    mine = table.iloc[1]
    half = 4.30265 * np.std([0.1, 0.2, 0.3], ddof=1) / np.sqrt(3)
    assert (mine["low"], mine["high"]) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-4) and mine["over"] == "seeds"
    assert table.iloc[0]["over"] == "users" and table.iloc[0]["low"] == pytest.approx(0.4)
    assert recommenders.table_words(table) == ("Popularity finds the held-out item among its first ten for 50.0 % of the users, "
                                               "the most; SASRec for 20.0 %, the fewest.")
    dots = recommenders.dots_frame(table)
    assert dots["name"].tolist() == ["Popularity", "SASRec"] and not dots["reported"].any()
