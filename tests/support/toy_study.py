"""A kind of study as somebody would add it: how many items have a level-1 code below a number."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import pandas as pd
import streamlit as st

from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.reports.html import Part
from tiger.reports.study_report import Study, StudyReport
from tiger.studies.base import About, Note, Row, Steps, StudyKind, Subject
from tiger.ui.studies.study import Answer, StudyView


@dataclass
class ToyParams:
    """Parameters of the toy study."""

    n: int = param(3, "Numbers to compare with.", low=1, high=9)

    def check(self) -> None:
        """Refuse 7."""
        if self.n == 7:
            raise ValueError("n is 7, which this study does not like; choose another number.")


@dataclass(frozen=True)
class ToyRow(Row):
    """The items whose first code is below ``number``."""

    identity: ClassVar[tuple[str, ...]] = ("number",)
    former_names: ClassVar[dict[str, str]] = {"old_share": "share"}
    number: int
    share: float


def steps(subject: Subject, config: ToyParams, done: Sequence[ToyRow] = ()) -> Steps:
    """A row a number."""
    yield About(subject.cat.name, subject.title, subject.cat.n_items)
    yield Note("These are counts.")
    for number in range(1, config.n + 1):
        if number not in {row.number for row in done}:
            yield ToyRow(number, float((subject.codes_IL[:, 0] < number).mean()))
        yield Progress("counting", number, config.n)


def frame(rows: Sequence[ToyRow]) -> pd.DataFrame:
    """One row a number."""
    return pd.DataFrame([asdict(row) for row in rows])


def table(found: pd.DataFrame) -> pd.DataFrame:
    """The same for people."""
    return found.rename(columns={"number": "Number", "share": "Share below"})


def summary(found: pd.DataFrame) -> str:
    """The last row in words."""
    return f"{found['share'].iloc[-1]:.0%} of the items are below {found['number'].iloc[-1]}." if len(found) else ""


def parts(study: Study[Any, Any, Any], found: pd.DataFrame) -> list[Part]:
    """One section."""
    return [Part("Shares", f"{study.about.parent}: {summary(found)}", table=table(found))]


def draw(shown: Answer, view: str) -> None:
    """The table."""
    st.markdown(summary(shown.frame))
    st.dataframe(table(shown.frame))


STUDY = StudyKind("toy", "Toy", ToyParams, ToyRow, About, steps)
REPORT = StudyReport(frame, table, table, summary, parts)
VIEW = StudyView("Count codes", "Nothing is counted yet.", draw)
