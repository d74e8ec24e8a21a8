"""Lessons: one finding each, told as a prediction and a reveal. Answers and morals are read off measured rows, none is
written down.

A lesson's study is bundled, so it opens at once; the same study can be run again here, offline, in under a minute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tiger.reports import cold as cold_report
from tiger.reports import diversity as diversity_report
from tiger.reports.drift import drift_frame

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Lesson:
    """One guided story.

    Args:
        key: short name for links.
        title: for people.
        page: key of the page that goes deeper.
        kind: of the study.
        values: its parameters, small enough for a minute.
        story: what happened, before the question.
        question: to predict.
        options: answers to choose from.
        answer: place of the right one, from the rows.
        reveal: what was measured, in words.
        moral: what to keep in mind, as far as the rows bear it out.
    """

    key: str
    title: str
    page: str
    kind: str
    values: dict[str, Any]
    story: str
    question: str
    options: tuple[str, ...]
    answer: Callable[[Rows], int]
    reveal: Callable[[Rows], str]
    moral: Callable[[Rows], str]

    @property
    def study(self) -> str:
        """Id of the bundled study."""
        return f"lesson-{self.key}"


def _changed(rows: Rows, remedy: int, period: int | None = None) -> float:
    frame = drift_frame(rows)
    part = frame[(frame["remedy"] == remedy) & ((frame["period"] == period) if period else True)]
    return float(part["changed"].iloc[-1])


def _recall(rows: Rows, remedy: int, column: str = "recall_after") -> float:
    frame = drift_frame(rows)
    return float(frame.loc[frame["remedy"] == remedy, column].iloc[-1])


def _share(value: float, marks: tuple[float, ...]) -> int:
    """Which of the ranges between the marks a share falls into."""
    return sum(value > mark for mark in marks)


def _brought_back(rows: Rows) -> float:
    """Share of the IDs changed by retraining that renaming gives back."""
    return 1 - _changed(rows, 5) / max(_changed(rows, 4), 1e-9)


def _kept(rows: Rows) -> float:
    """Share of the old recommender's recall that is left after the retraining."""
    return _recall(rows, 4) / max(_recall(rows, 4, "recall_before"), 1e-9)


def _back(rows: Rows) -> tuple[bool, bool]:
    """Whether frozen codebooks and fine-tuned ones have the first day's IDs again."""
    return _changed(rows, 2, 4) < 0.01, _changed(rows, 3, 4) < 0.01


def _cold_recall(rows: Rows, method: str, epsilon: float) -> float:
    return cold_report.recall_of(cold_report.cold_frame(rows), method, "cold", 10, epsilon)


def _cold_answer(rows: Rows) -> int:
    prefix, knn = _cold_recall(rows, "prefix", 0.1), _cold_recall(rows, "knn", 0.1)
    if prefix == knn == 0:
        return 2
    return 0 if prefix >= knn else 1


def _hottest_level(rows: Rows) -> int:
    """The level whose heat alone spreads most."""
    alone = diversity_report.hottest_alone(diversity_report.diversity_frame(rows))
    return int(alone.loc[alone["entropy10"].idxmax(), "level"])


def _turn_moral(rows: Rows) -> str:
    plain, aligned = _changed(rows, 2), _changed(rows, 7)
    if plain <= 0.2:
        return "This turn left most IDs alone; a larger one need not, since IDs hang on coordinates, not on distances."
    if aligned < plain / 2:
        return "IDs hang on coordinates, not on distances. Align before you encode."
    return "IDs hang on coordinates, and here aligning did not give them back: more than a turn must have happened."


def _names_moral(rows: Rows) -> str:
    if _changed(rows, 4) < 0.01:
        return "This retraining ended in the same tree under the same names; there was nothing to rename."
    return ("Little of this retraining's churn is only names; nearly all of it is another tree.",
            "Part of the churn of a retraining is only names; the larger part is another tree.",
            "Most of this retraining's churn is only names: rename before you rewrite any history.")[
                _share(_brought_back(rows), (0.1, 0.5))]


def _reader_moral(rows: Rows) -> str:
    if _kept(rows) > 0.8:
        return "Here the recommender can read most of the new IDs; ask it before you rely on that."
    return "Changed IDs are words of another language: count the recommender's loss, not only the codebook's error."


def _seasons_moral(rows: Rows) -> str:
    return {(True, False): "A frozen codebook has no memory, so its changes do not add up; training has one.",
            (True, True): "Changes need not add up: here both came back with the vectors.",
            (False, True): "Here the fine-tuned codebook came back and the frozen one did not; look at what moved.",
            (False, False): "Vectors that come back do not bring every ID back; measure at the end of a cycle, too."}[_back(rows)]


def _cold_moral(rows: Rows) -> str:
    shared = ("Where known and held-out items share a list, the codes are the better way to the held-out ones here.",
              "Where known and held-out items share a list, plain content is the better way to the held-out ones here.",
              "Where known and held-out items share a list, the held-out ones do not get in here.")[_cold_answer(rows)]
    apart = max(_cold_recall(rows, "cold", 1.0), _cold_recall(rows, "knn_cold", 1.0))
    together = max(_cold_recall(rows, "prefix", 0.1), _cold_recall(rows, "knn", 0.1))
    places = "a list of their own reaches more of them" if apart > together else "a list of their own reaches no more of them"
    return f"{shared} And {places}. A recommender that knows only item numbers would reach none."


def _heat_moral(rows: Rows) -> str:
    level = _hottest_level(rows)
    if level == 1:
        return "The first code chooses the neighbourhood; later ones choose inside it."
    return (f"Here level {level} spreads more than the first code: what a level chooses is learned, so measure before you "
            "turn up the heat.")


QUIET = {"shift": 0.0, "noise": 0.0, "replaced": 0.0, "season": 0.0}
NONE_HALF_ALL = ("Almost none", "About half", "Almost all")

LESSONS = (
    Lesson("turn", "All vectors turn together", "drift", "drift",
           QUIET | {"rotation": 40.0, "strengths": "1", "remedies": "2, 7", "reader": False},
           "The text model behind the item vectors was trained again. All vectors are turned by the same 40 degrees; every "
           "distance between two items is exactly what it was. The quantizer is not touched and reads the new vectors.",
           "What share of the IDs changes?", NONE_HALF_ALL, lambda rows: _share(_changed(rows, 2), (0.2, 0.8)),
           lambda rows: f"{_changed(rows, 2):.0%} of the IDs changed. Turned back onto the old vectors first (orthogonal "
                        f"Procrustes), {_changed(rows, 7):.0%} did.",
           _turn_moral),
    Lesson("names", "Old names for a new tree", "drift", "drift",
           QUIET | {"rotation": 0.0, "noise": 0.1, "strengths": "1", "remedies": "4, 5", "retrain_steps": 400, "reader": False},
           "The vectors shook a little, and somebody trained the quantizer again from scratch. Then the new codes were "
           "renamed, branch by branch, to match the old tree as well as names can.",
           "What share of the changed IDs does renaming bring back?",
           ("Under a tenth", "Between a tenth and a half", "More than half"),
           lambda rows: _share(_brought_back(rows), (0.1, 0.5)),
           lambda rows: f"Retraining changed {_changed(rows, 4):.0%} of the IDs; after renaming {_changed(rows, 5):.0%} are "
                        "still changed." + (" Those items lie in other branches of the new tree, and no renaming mends that."
                                            if _changed(rows, 5) >= 0.01 else " The tree is the same; only its names were new."),
           _names_moral),
    Lesson("reader", "The recommender meets new IDs", "drift", "drift",
           {"strengths": "1", "rotation": 20.0, "shift": 0.1, "noise": 0.1, "remedies": "1, 4, 7",
            "retrain_steps": 300, "reader_users": 120, "regain_steps": 30},
           "The recommender has learned to write the old IDs. The vectors drift, the quantizer is retrained, and the "
           "recommender is handed the new IDs without any training.",
           "How much of its recall@10 does it keep after the retraining?", ("Almost all", "About half", "Under a fifth"),
           lambda rows: 2 - _share(_kept(rows), (0.2, 0.8)),
           lambda rows: f"Before: {_recall(rows, 4, 'recall_before'):.3f}. After the retraining {_recall(rows, 4):.3f}; with "
                        f"aligned vectors and the old codebooks {_recall(rows, 7):.3f}; with all IDs kept "
                        f"{_recall(rows, 1):.3f}. After a few training steps on the retrained IDs it is "
                        f"{_recall(rows, 4, 'recall_regained'):.3f}.",
           _reader_moral),
    Lesson("seasons", "Winter is over, are the IDs back?", "drift", "drift",
           QUIET | {"rotation": 0.0, "season": 0.5, "strengths": "1", "periods": 4, "remedies": "2, 3", "fine_steps": 60,
                    "reader": False},
           "Categories swing with the seasons; after four periods every vector is exactly where it began. One shop left its "
           "codebooks frozen and encoded anew each period, another fine-tuned a little each period.",
           "Who has the IDs of the first day back?", ("Both", "Only the frozen one", "Only the fine-tuned one", "Neither"),
           lambda rows: {(True, True): 0, (True, False): 1, (False, True): 2, (False, False): 3}[_back(rows)],
           lambda rows: f"After the first period frozen codebooks had {_changed(rows, 2, 1):.0%} of the IDs changed, after the "
                        f"fourth {_changed(rows, 2, 4):.0%}. Fine-tuning ended with {_changed(rows, 3, 4):.0%} "
                        "changed although no vector had moved in the end.",
           _seasons_moral),
    Lesson("cold", "Recommending what nobody has picked", "cold", "cold",
           {"share": 0.05, "users": 150, "epochs": 3, "n_steps": 120},
           "One in twenty of the items that somebody picks next was held out of all training. The recommender writes codes, "
           "and held-out items with the same codes may take a tenth of the list.",
           "Who finds more of the held-out items in the top 10: shared codes, or simply the nearest content?",
           ("Shared codes", "Nearest content", "Neither finds any"),
           _cold_answer,
           lambda rows: cold_report.cold_summary(cold_report.cold_frame(rows)),
           _cold_moral),
    Lesson("heat", "Where to turn up the heat", "diversity", "diversity",
           {"users": 60, "temperatures": "1, 2"},
           "Recommendations are drawn code by code. Only one level's temperature is turned up to 2, the others stay at 1.",
           "Heat on which level gives the most varied categories?", ("Level 1", "Level 2", "A later level"),
           lambda rows: min(_hottest_level(rows), 3) - 1,
           lambda rows: diversity_report.diversity_summary(diversity_report.diversity_frame(rows)),
           _heat_moral),
)
BY_KEY = {lesson.key: lesson for lesson in LESSONS}
