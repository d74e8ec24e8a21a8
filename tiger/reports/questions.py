"""What every lesson asks, the core ones and those that read a bundled study, and which answer was measured."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

from tiger import runs
from tiger.reports import core_lessons, lesson_numbers, lessons, study_page, study_report
from tiger.reports.core_lessons import CoreLesson


@dataclass(frozen=True)
class Question:
    """A lesson's question.

    Args:
        key, title: of the lesson.
        options: the answers to choose from.
        measured: gives the place of the right one.
    """

    key: str
    title: str
    text: str
    options: tuple[str, ...]
    measured: Callable[[], int]


def _of_core(lesson: CoreLesson) -> int:
    return lesson.answer(lesson_numbers.measured(lesson.measurement))


@cache
def _of_study(key: str) -> int:
    lesson = lessons.BY_KEY[key]
    run = runs.find(lesson.study)
    return lesson.answer(study_page.REPORTS[run.config.kind].frame(study_report.read(run).rows))


QUESTIONS = (*(Question(one.key, one.title, one.question, one.options, partial(_of_core, one)) for one in core_lessons.LESSONS),
             *(Question(one.key, one.title, one.question, one.options, partial(_of_study, one.key)) for one in lessons.LESSONS))
"""In the order of the lessons; for those of a study the bundled one counts, which nobody changes."""
