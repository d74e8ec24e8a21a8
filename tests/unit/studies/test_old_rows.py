"""Rows and parameters as labs before November 2026 wrote them, and rows that are none."""

import json

import pytest

from tiger import studies
from tiger.reports import diversity as diversity_report
from tiger.reports import drift as drift_report

DIVERSITY = """{"name": "T = 1.5", "level": 0, "heat": 1.5, "recall": 0.05, "different": 534, "n_users": 120,
    "entropy10": 2.026, "entropy10_low": 1.99, "entropy10_high": 2.06, "entropy20": 2.46, "entropy50": 2.84}"""
DRIFT = """{"churn": [0.4855, 0.993, 0.998], "survival": [0.5145, 0.003, 0.0], "changed": 1.0, "error": 0.8595, "collided": 350,
    "neighbours": [0.4816, 0.0978, 0.02], "chance": [0.0063, 0.00075, 0.00012], "tokens": 97737, "token_share": 0.6477,
    "seconds": 0.0207, "churn_before": 1.0, "flows": [[-1, -1, 1873], [10, 10, 6], [10, -1, 12]], "moved_degrees": 40.0,
    "strength": 1.0, "period": 1, "remedy": 2, "n_remedies": 2, "n_periods": 1, "mode": "", "recall_before": null}"""


def test_a_temperature_that_was_called_heat_is_read():
    row = studies.find("diversity").row.from_json(json.loads(DIVERSITY))
    assert (row.temperature, row.distinct_items, row.entropy50) == (1.5, 534, 2.84)
    frame = diversity_report.diversity_frame([row])
    assert frame["temperature"].tolist() == [1.5] and frame["entropy50_low"].isna().all()


def test_code_transitions_that_were_called_flows_are_read():
    row = studies.find("drift").row.from_json(json.loads(DRIFT))
    moves = drift_report.transition_frame([row], 1.0, 1, 2)
    assert moves.values.tolist() == [[-1, -1, 1873], [10, 10, 6], [10, -1, 12]]
    assert "33% keep their first code" in drift_report.transition_summary(moves)  # 6 of the 18 items of code 10
    assert drift_report.drift_table(drift_report.drift_frame([row]))["Unexplained variance"].tolist() == [0.8595]


def test_parameters_under_their_old_names_are_taken():
    config = studies.find("drift").config({"reader": False, "reader_users": 20, "sticky_mode": "threshold"})
    assert (config.recommender, config.recommender_users, config.penalised_mode) == (False, 20, "threshold")


@pytest.mark.parametrize(("changes", "words"), [
    ({"recall": "high"}, "'recall' is 'high', which is of the wrong kind"), ({"level": 1.5}, "'level' is '1.5'"),
    ({"name": None}, "'name' is 'None'"), ({"n_users": True}, "'n_users' is 'True'")])
def test_a_row_of_the_wrong_kind_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        studies.find("diversity").row.from_json(json.loads(DIVERSITY) | changes)
    short = {key: value for key, value in json.loads(DIVERSITY).items() if key != "recall"}
    with pytest.raises(ValueError, match="'recall' is missing"):
        studies.find("diversity").row.from_json(short)
