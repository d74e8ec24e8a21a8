"""Sentences of a first and a last say one thing where there is only one: a level, a width, a value of epsilon, a step."""

from types import SimpleNamespace

import pandas as pd
import pytest

from tiger.analysis.opinion.compare import Churn
from tiger.core.tables import ends_of
from tiger.metrics import Interval
from tiger.reports import cold, opinion, recommenders, training, tree


def curve(n_levels: int) -> str:
    means = [0.64, 0.32, 0.16][:n_levels]
    frame = pd.DataFrame({"set": "one", "measure": "recall", "level": range(1, n_levels + 1), "mean": means})
    return tree.curve_summary(frame, "recall", "Recall")


def search(*widths: int) -> tuple[str, str]:
    gaps = [{"equal": 0.5, "lost": 0.25, "lost_at": [1], "width": width, "k": 10, "n_users": 8} for width in widths]
    invalid = [{"width": width, "rate": 0.25} for width in widths]
    return recommenders.search_summary({"invalid": invalid, "n_users": 8, "gap": gaps})


def epsilon(*values: float) -> str:
    rows = [{"method": "knn", "who": "cold", "k": cold.SHOWN_K, "epsilon": value, "recall": 0.25, "title": "Nearest content",
             "low": 0.1, "high": 0.4} for value in values]
    return cold.epsilon_summary(pd.DataFrame(rows))


def changes(n_levels: int) -> str:
    score = Interval(0.25, 0.2, 0.3, 9)
    churn = [Churn(level, score, score, 0.5, score) for level in range(1, n_levels + 1)]
    return opinion.changes_summary(SimpleNamespace(churn=churn))


def test_levels_of_a_curve():
    assert curve(1) == "Recall: one 64% at level 1."
    assert curve(3) == "Recall: one 64% at level 1, 16% at level 3."


def test_widths_of_a_search():
    invalid, gap = search(10)
    assert invalid == "Without the catalogue's trie, 25.0 % of the IDs that 10 beams generate belong to no item."
    assert gap.count("With 10 beams") == 1
    invalid, gap = search(1, 5, 20)
    assert "that 1 beam generates and 25.0 % of those that 20 beams generate" in invalid
    assert [gap.count(f"With {n}") for n in ("1 beam,", "5 beams", "20 beams")] == [1, 0, 1]


@pytest.mark.parametrize(("values", "n"), [((0.1,), 1), ((0.0, 0.05, 0.2), 2)])
def test_values_of_epsilon(values, n):
    assert epsilon(*values).split(". ", 1)[1].count("at epsilon") == n


def test_levels_of_changed_ids():
    assert changes(1).count("left their branch") == 1 and "by level" not in changes(1)
    assert "by level 2 (" in changes(2)


def test_a_curve_of_one_step_stays():
    frame = pd.DataFrame({"step": [3], "metric": ["loss"], "level": [0], "value": [0.5]})
    assert training.training_summary(frame) == "By step 3, loss stays at 0.5."


def test_the_ends_of_a_table():
    frame = pd.DataFrame({"n": [1, 2, 3]})
    assert [ends_of(frame.head(n))["n"].tolist() for n in (0, 1, 2, 3)] == [[], [1], [1, 2], [1, 3]]
