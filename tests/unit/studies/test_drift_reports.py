"""What is said of a drift study: no winner before all have run, ranges as ranges, recalls with their intervals."""

import itertools

import pytest

from tests.support.drift import row
from tiger.plots import drift as plot
from tiger.reports import drift as report
from tiger.studies.drift import DriftRow


def test_nobody_wins_before_all_have_run():
    rows = [row(0.5, 1, 0.0, error=0.9), row(0.5, 2, 0.3), row(0.5, 3, 0.5), row(1.0, 1, 0.0, error=0.9)]
    words = report.winner_summary(report.drift_frame(rows))
    assert words.startswith("At strength 0.5, “Frozen codebooks” changes the fewest IDs (30%)")
    assert words.endswith("At strength 1, 1 of 3 remedies is measured so far.")
    first = report.drift_frame(rows[:2])
    assert report.winner_summary(first) == "At strength 0.5, 2 of 3 remedies are measured so far."
    assert len(report.winners(first)) == 0 and report.winner_summary(report.drift_frame([])) == ""


def test_a_remedy_is_done_when_its_last_period_is():
    rows = [row(1.0, remedy, 0.1 * remedy, period=period, n_remedies=2, n_periods=2)
            for remedy, period in itertools.product((1, 2), (1, 2))]
    assert report.winner_summary(report.drift_frame(rows[:3])) == "At strength 1, 1 of 2 remedies is measured so far."
    assert "changes the fewest IDs (10%)" in report.winner_summary(report.drift_frame(rows))


def test_rows_from_before_are_judged_by_what_is_there():
    rows = [DriftRow.from_json({key: value for key, value in row(1.0, remedy, 0.1 * remedy).to_json().items()
                                if not key.startswith("n_")}) for remedy in (1, 2)]
    assert "changes the fewest IDs (10%)" in report.winner_summary(report.drift_frame(rows))


def test_neighbouring_strengths_share_a_sentence_with_ranges():
    rows = [row(strength, remedy, changed, n_remedies=2, recall_before=0.3, recall_after=recall)
            for strength, remedy, changed, recall in ((0.25, 2, 0.12, 0.1), (0.25, 7, 0.4, 0.25), (0.5, 2, 0.48, 0.05),
                                                      (0.5, 7, 0.6, 0.2), (1.0, 2, 0.9, 0.01), (1.0, 7, 0.1, 0.2))]
    words = report.winner_summary(report.drift_frame(rows))
    assert "From strength 0.25 to 0.5, “Frozen codebooks” changes the fewest IDs (12% to 48%)" in words
    assert "recall@10 is highest with “Align, then frozen” (0.200 to 0.250)" in words
    assert "At strength 1, “Align, then frozen” changes the fewest IDs (10%)" in words
    assert "highest with it as well (0.200)" in words


def test_the_sixth_remedy_says_in_which_form_it_ran():
    frame = report.drift_frame([row(1.0, 6, 0.1, mode="threshold"), row(1.0, 2, 0.1, mode="")])
    assert frame.set_index("remedy")["name"].to_dict() == {6: "Penalised changes (threshold)", 2: "Frozen codebooks"}


def test_recalls_are_told_and_drawn_with_their_intervals():
    recalls = {"recall_before": 0.3, "recall_before_pm": 0.05, "recall_after": 0.1, "recall_after_pm": 0.03,
               "recall_regained": 0.2, "recall_regained_pm": None}
    frame = report.drift_frame([row(1.0, 2, 0.5, **recalls), row(1.0, 7, 0.1, **recalls | {"recall_after": 0.25})])
    words = report.recall_summary(frame)
    assert "is 0.300 ± 0.050" in words and "On the new IDs it is 0.250 ± 0.030 with “Align, then frozen”" in words
    assert "raise the latter to 0.200." in words and "95 % confidence interval over the users" in words
    bars = plot.recalls(frame, "alt").data
    assert bars[0].error_x.array == pytest.approx([0.03, 0.03]) and bars[0].error_x.visible
    assert not bars[1].error_x.visible
    assert report.drift_table(frame)["± new IDs"].tolist() == [0.03, 0.03]
    old = report.drift_frame([row(1.0, 2, 0.5, recall_before=0.3, recall_after=0.1)])
    assert "is 0.300." in report.recall_summary(old) and "±" not in report.recall_summary(old)
