"""What each kind of study reports, and a study as one HTML file."""

from pathlib import Path
from typing import Any

from tiger.core import files
from tiger.reports import cold, diversity, drift, html, study_report
from tiger.reports.html import Part
from tiger.reports.study_report import StudyReport
from tiger.runs import config as run_config
from tiger.runs.run import Run

REPORTS: dict[str, StudyReport[Any, Any, Any]] = {"drift": drift.REPORT, "cold": cold.REPORT, "diversity": diversity.REPORT}
"""Kind of study to its report. A new kind is one file with a ``REPORT`` and one entry here."""


def page(run: Run) -> str:
    """The study as a page that opens without a network; one that has not ended says so.

    Raises:
        ValueError: nothing was measured yet.
    """
    report, study = REPORTS[run.config.kind], study_report.read(run)
    parts = report.parts(study, report.frame(study.rows))
    if run.state != "finished":
        parts = [Part(text=f"This study is {run.state}; these are the results so far."), *parts]
    return html.page(run.title, parts, f"Made with TIGER Lab. {run_config.command(run.config)}")


def check_out(out: str | None) -> None:
    """Raise ValueError where the folder for a report does not exist."""
    if out and not Path(out).absolute().parent.is_dir():
        raise ValueError(f"The folder of '{out}' does not exist; create it first.")


def write(run: Run, out: str) -> None:
    """Write a study's page to a file."""
    files.write(Path(out), page(run))
