"""What a kind of study has to report: its rows as a frame, a table and sentences, and the sections of its HTML page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pandas as pd

from tiger.reports.html import Part
from tiger.runs import study_artifacts
from tiger.runs.run import Run
from tiger.studies.base import About, Row

P = TypeVar("P")
R = TypeVar("R", bound=Row)
A = TypeVar("A", bound=About)


@dataclass(frozen=True)
class Study(Generic[P, R, A]):
    """A study as far as it has come.

    Args:
        params: its parameters.
        rows: what was measured, oldest first.
        about: what is the same for all rows.
        notes: sentences on how the data were made to fit.
    """

    params: P
    rows: Sequence[R]
    about: A
    notes: Sequence[str]


@dataclass(frozen=True)
class StudyReport(Generic[P, R, A]):
    """What a kind of study has to report.

    Args:
        frame: rows to one data frame.
        table: the frame under names for people; every number.
        brief: the part of the table that the command line prints.
        summary: the finding in a few sentences; "" before there is one.
        parts: the sections of its HTML page.
    """

    frame: Callable[[Sequence[R]], pd.DataFrame]
    table: Callable[[pd.DataFrame], pd.DataFrame]
    brief: Callable[[pd.DataFrame], pd.DataFrame]
    summary: Callable[[pd.DataFrame], str]
    parts: Callable[[Study[P, R, A], pd.DataFrame], list[Part]]


def read(run: Run) -> Study[Any, Any, Any]:
    """A study's folder.

    Raises:
        ValueError: nothing was measured yet.
    """
    rows = study_artifacts.rows(run)
    if not rows:
        raise ValueError(f"Study {run.id} has no results yet; it is {run.state}.")
    about = study_artifacts.about(run) or study_artifacts.kind_of(run).about()
    return Study(study_artifacts.params_of(run), rows, about, study_artifacts.notes(run))
