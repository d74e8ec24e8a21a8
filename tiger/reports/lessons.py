"""Lessons: one finding each, told as a prediction and a reveal. Answers and morals are read off measured rows, none is
written down.

Every lesson reads one bundled study, the same one that the study's page shows, so it opens at once; that study can be
carried out again from its own configuration. Two numbers count as different where the 95 % confidence interval of their
difference does not hold 0.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import pandas as pd
import plotly.graph_objects as go

from tiger.plots import drift as drift_plot
from tiger.plots import studies as plot
from tiger.reports import cold, diversity, drift
from tiger.reports.intervals import least_difference

TITLE = "Lesson: "
"""How titles of studies begin that belong to lessons; a study's page shows them only where they are asked for."""
Frame: TypeAlias = "pd.DataFrame"


@dataclass(frozen=True)
class Lesson:
    """One guided story.

    Args:
        key: short name for links.
        title: for people.
        study: id of the bundled study that it reads.
        story: what happened, before the question.
        question: to predict.
        options: answers to choose from.
        answer: place of the right one, from the study's frame.
        reveal: what was measured, in words.
        moral: what to remember, as far as the rows support it.
        figure: the picture, from the frame and its words.
    """

    key: str
    title: str
    study: str
    story: str
    question: str
    options: tuple[str, ...]
    answer: Callable[[Frame], int]
    reveal: Callable[[Frame], str]
    moral: Callable[[Frame], str]
    figure: Callable[[Frame, str], go.Figure]


def _remedy(frame: Frame, remedy: int, period: int | None = None) -> pd.Series:
    """A remedy's row at the strongest drift, in this period or the last one."""
    part = drift.strongest(frame)
    return part[(part["remedy"] == remedy) & ((part["period"] == period) if period else True)].iloc[-1]


def _changed(frame: Frame, remedy: int, period: int | None = None) -> float:
    return float(_remedy(frame, remedy, period)["changed"])


def _recall(frame: Frame, remedy: int, name: str = "after") -> str:
    return drift.recall_text(_remedy(frame, remedy), name)


def _share(value: float, marks: tuple[float, ...]) -> int:
    """Which of the ranges between the marks a share falls into."""
    return sum(value > mark for mark in marks)


def _restored(frame: Frame) -> float:
    """Share of the IDs changed by retraining that matching restores."""
    return 1 - _changed(frame, 5) / max(_changed(frame, 4), 1e-9)


def _kept(frame: Frame) -> float:
    """Share of the old recommender's recall that is left after the retraining."""
    row = _remedy(frame, 4)
    return float(row["recall_after"]) / max(float(row["recall_before"]), 1e-9)


def _back(frame: Frame) -> tuple[bool, bool]:
    """Whether frozen codebooks and fine-tuned ones have the first IDs again."""
    return _changed(frame, 2, 4) < 0.01, _changed(frame, 3, 4) < 0.01


def _cold(frame: Frame, method: str, epsilon: float) -> pd.Series:
    """Recall@10 of cold test items."""
    found = cold.row_of(frame, method, "cold", cold.SHOWN_K, epsilon)
    assert found is not None, "every method is measured in a finished study"
    return found


def _above(one: pd.Series, other: pd.Series, value: str = "recall", low: str = "low", high: str = "high") -> bool:
    """Whether a number is higher by more than chance."""
    return least_difference(one[value], one[low], other[value], other[high]) > 0


def _cold_answer(frame: Frame) -> int:
    prefix, knn = _cold(frame, "prefix", cold.SHOWN_EPSILON), _cold(frame, "knn", cold.SHOWN_EPSILON)
    return 0 if _above(prefix, knn) else 1 if _above(knn, prefix) else 2


def _level_answer(frame: Frame) -> int:
    """0, 1: level 1, 2; 2: a later level; 3: none stands out."""
    best, *others = (row for _, row in diversity.highest_alone(frame).sort_values("entropy10", ascending=False).iterrows())
    clear = all(_above(best, other, "entropy10", "entropy10_low", "entropy10_high") for other in others)
    return min(int(best["level"]), 3) - 1 if clear else 3


def _rotation_moral(frame: Frame) -> str:
    plain, aligned = _changed(frame, 2), _changed(frame, 7)
    if plain <= 0.2:
        return "This rotation changed few IDs; a larger one may change more, since IDs depend on coordinates, not on distances."
    if aligned < plain / 2:
        return "IDs depend on coordinates, not on distances. Align new embeddings with the old ones before encoding."
    return "IDs depend on coordinates, and here aligning did not restore them: more than a rotation must have happened."


def _matching_moral(frame: Frame) -> str:
    if _changed(frame, 4) < 0.01:
        return "This retraining gave the same tree with the same code numbers; there was nothing to match."
    return ("Little of this retraining's churn is a renumbering of codes; nearly all of it is a different tree.",
            "Part of a retraining's churn is a renumbering of codes; the larger part is a different tree.",
            "Most of this retraining's churn is a renumbering of codes: match codes before you rewrite any history.")[
                _share(_restored(frame), (0.1, 0.5))]


def _recommender_moral(frame: Frame) -> str:
    if _kept(frame) > 0.8:
        return "Here the recommender keeps most of its recall on the new IDs; measure it before you rely on that."
    return "A recommender cannot read IDs that it was not trained on: count its lost recall, not only the codebook's error."


def _seasons_moral(frame: Frame) -> str:
    return {(True, False): "A frozen codebook has no memory, so its changes do not accumulate; training accumulates them.",
            (True, True): "Changes need not accumulate: here both have their first IDs again.",
            (False, True): "Here the fine-tuned codebook has its first IDs again and the frozen one has not; check what moved.",
            (False, False): "Vectors that return do not restore every ID; measure at the end of a cycle, too."}[_back(frame)]


def _cold_moral(frame: Frame) -> str:
    mixed = ("In a list with warm items, shared prefixes find more cold items here than nearest content.",
             "In a list with warm items, nearest content finds more cold items here than shared prefixes.",
             "In a list with warm items, no method finds clearly more cold items here.")[_cold_answer(frame)]
    alone, together = (max((_cold(frame, method, epsilon) for method in methods), key=lambda row: float(row["recall"]))
                       for methods, epsilon in ((cold.COLD_ONLY, 1.0), (("prefix", "knn"), cold.SHOWN_EPSILON)))
    more = "finds more of them" if _above(alone, together) else "does not clearly find more of them"
    return f"{mixed} A separate list of cold items {more}. A recommender of item numbers has no data on them at all."


def _temperature_moral(frame: Frame) -> str:
    answer = _level_answer(frame)
    if answer == 0:
        return "The first code selects the neighbourhood; later codes select within it."
    if answer == 3:
        return "Here no level stands out: what a level selects is learned, so measure before you raise a temperature."
    level = int(diversity.highest_alone(frame).sort_values("entropy10")["level"].iloc[-1])
    return (f"Here level {level} adds more diversity than the first code: what a level selects is learned, so measure before you "
            "raise a temperature.")


def _changed_bars(frame: Frame, words: str) -> go.Figure:
    return drift_plot.changed_bars(drift.strongest(frame), words)


LESSONS = (
    Lesson("rotation", "A rotation of all vectors", "lesson-rotation",
           "The text model behind the embeddings was trained again. All vectors are rotated by the same 40 degrees; every "
           "distance between two items is exactly what it was. The quantizer is not changed and encodes the new vectors.",
           "What share of the IDs changes?", ("Less than a fifth", "Between a fifth and four fifths", "More than four fifths"),
           lambda frame: _share(_changed(frame, 2), (0.2, 0.8)),
           lambda frame: f"{_changed(frame, 2):.0%} of the IDs changed. With vectors that were first rotated back onto the old "
                         f"ones (orthogonal Procrustes), {_changed(frame, 7):.0%} did.",
           _rotation_moral, _changed_bars),
    Lesson("matching", "Codes of a retrained quantizer", "lesson-matching",
           "The vectors changed a little (noise of a tenth of their length), and the quantizer was retrained from scratch. Then "
           "its codes were renumbered, branch by branch, to agree with the old tree as far as possible.",
           "What share of the changed IDs does this matching restore?",
           ("Less than a tenth", "Between a tenth and a half", "More than half"),
           lambda frame: _share(_restored(frame), (0.1, 0.5)),
           lambda frame: f"Retraining changed {_changed(frame, 4):.0%} of the IDs; after matching {_changed(frame, 5):.0%} are "
                         "still changed. " + ("Those items are in other branches of the new tree, which no renumbering undoes."
                                              if _changed(frame, 5) >= 0.01 else "The tree is the same, with other numbers."),
           _matching_moral, _changed_bars),
    Lesson("recommender", "The old recommender on new IDs", "demo-drift",
           "The recommender was trained on the old IDs. The vectors drift, the quantizer is retrained from scratch, and the "
           "recommender gets histories with the new IDs, without any training on them.",
           "How much of its recall@10 does it keep after the retraining?",
           ("More than four fifths", "Between a fifth and four fifths", "Less than a fifth"),
           lambda frame: 2 - _share(_kept(frame), (0.2, 0.8)),
           lambda frame: f"Recall@10 before: {_recall(frame, 4, 'before')}. After the retraining {_recall(frame, 4)}; with "
                         f"aligned vectors and the old codebooks {_recall(frame, 7)}; with all IDs kept {_recall(frame, 1)}. "
                         f"After some training steps on the retrained IDs it is {_recall(frame, 4, 'regained')}. ± is the 95 % "
                         "confidence interval over the users.",
           _recommender_moral, lambda frame, words: drift_plot.recalls(drift.last_periods(drift.strongest(frame)), words)),
    Lesson("seasons", "A whole seasonal cycle", "lesson-seasons",
           "The vectors of each category change with the seasons; after four periods every vector is exactly what it was. One "
           "team leaves its codebooks frozen and encodes anew in each period, another fine-tunes a little in each period.",
           "Whose IDs are those of the start again?", ("Both", "Only the frozen ones", "Only the fine-tuned ones", "Neither"),
           lambda frame: {(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}[_back(frame)],
           lambda frame: f"After the first period {_changed(frame, 2, 1):.0%} of the IDs from frozen codebooks were changed, "
                         f"after the fourth {_changed(frame, 2, 4):.0%}. With fine-tuning {_changed(frame, 3, 4):.0%} were "
                         "changed in the end, although every vector was back.",
           _seasons_moral,
           lambda frame, words: drift_plot.over_periods(drift.strongest(frame), "changed", "IDs changed since the start", words)),
    Lesson("cold", "Recommending items without interactions", "demo-cold",
           "A part of the test items was held out of all training. The recommender writes codes, and cold items with the same "
           "codes may take a tenth of the list.",
           "Which finds more of the cold items in the top 10: shared prefixes, or simply the nearest content?",
           ("Shared prefixes", "Nearest content", "No clear difference"),
           _cold_answer, cold.cold_summary, _cold_moral,
           lambda frame, words: plot.cold_lines(cold.over_k(frame), "k", cold.AXES["k"], words)),
    Lesson("temperature", "Temperature, level by level", "demo-diversity",
           "Recommendations are sampled code by code. The temperature of one level alone is raised to 2; the others stay at 1.",
           "At which level does this give the most diverse categories?",
           ("Level 1", "Level 2", "A later level", "No clear difference"),
           _level_answer, diversity.diversity_summary, _temperature_moral, plot.recall_entropy),
)
BY_KEY = {lesson.key: lesson for lesson in LESSONS}
