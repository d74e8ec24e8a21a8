"""What somebody takes home from a lab: what they predicted, what they trained, and the verdicts, as one HTML file."""

import math
from collections.abc import Mapping, Sequence

import pandas as pd

from tiger import runs
from tiger.core.words import counted
from tiger.plots import runs as plot
from tiger.reports import html, runs_compare, runs_rows
from tiger.reports.html import Part
from tiger.reports.questions import QUESTIONS
from tiger.runs.index import Entry

MOST_RUNS = 12  # the newest; more curves cannot be told apart
CURVE = "Perplexity of level 1"


def report(name: str, entries: Sequence[Entry], predictions: Mapping[str, int], when: str) -> str:
    """The file's text.

    Args:
        name: whose it is; "" where nobody is told apart.
        entries: their runs, newest first.
        predictions: lesson -> place of the answer that they locked in.
        when: the day, for people.
    """
    parts = []
    predicted = predictions_frame(predictions)
    if len(predicted):
        right = int(predicted["Right"].eq("yes").sum())
        parts.append(Part("Predictions", f"{right} of {counted(len(predicted), 'prediction')} matched what "
                                         "was measured on the bundled shop.",
                          table=predicted))
    rows = runs_rows.rows_of([entry for entry in entries if entry.config.kind in ("quantizer", "model", "external")][:MOST_RUNS])
    if rows:
        parts.append(Part("Runs", _found(rows), table=runs_frame(rows)))
        parts += _picture(rows)
        commands = pd.DataFrame({"Run": [row.entry.title for row in rows if row.entry.config.kind != "external"],
                                 "Command": [runs.command(row.entry.run) for row in rows if row.entry.config.kind != "external"]})
        parts.append(Part("Do it again", "Each line trains the same run.", table=commands))
    if not parts:
        parts.append(Part(text="Nothing was predicted or trained yet."))
    return html.page(f"Lab report of {name}" if name else "Lab report", parts, f"TIGER Lab, {when}")


def predictions_frame(predictions: Mapping[str, int]) -> pd.DataFrame:
    """Lesson, what was predicted, what was measured, and whether both are the same."""
    found = []
    for asked in QUESTIONS:
        place = predictions.get(asked.key)
        if place is not None and 0 <= place < len(asked.options):
            right = asked.measured()
            found.append([asked.title, asked.text, asked.options[place], asked.options[right], "yes" if place == right else "no"])
    return pd.DataFrame(found, columns=["Lesson", "Question", "Predicted", "Measured", "Right"])


def runs_frame(rows: Sequence[runs_rows.Row]) -> pd.DataFrame:
    """One run a row: what it was, what came out, what the doctor says."""
    return pd.DataFrame([{
        "Run": row.entry.title, "Method": row.method, "Differs from the defaults": row.changed, "State": row.state,
        "Perplexity by level": " · ".join(f"{value:.1f}" for value in row.perplexity),
        "Distinct IDs": "" if math.isnan(row.outcomes["Distinct IDs"]) else f"{row.outcomes['Distinct IDs']:,.0f}",
        "Verdict": row.verdict.title if row.verdict else ""} for row in rows])


def _found(rows: Sequence[runs_rows.Row]) -> str:
    sick = [row for row in rows if row.verdict and row.verdict.severity not in ("good", "unknown")]
    healthy = sum(row.verdict is not None and row.verdict.severity == "good" for row in rows)
    words = f"{len(rows)} {'run' if len(rows) == 1 else 'runs'}, {healthy} healthy"
    return f"{words}, {len(sick)} sick ({', '.join(dict.fromkeys(row.verdict.title for row in sick if row.verdict))})." \
        if sick else f"{words}."


def _picture(rows: Sequence[runs_rows.Row]) -> list[Part]:
    """Perplexity of every run over its steps."""
    found = runs_compare.compare([row for row in rows if row.entry.config.kind != "model"], CURVE, fold=False)
    if found.drawn is None or not len(found.lines):
        return []
    figure = plot.run_curves(found.lines, found.drawn.title, found.summary)
    return [Part(found.drawn.title, found.summary, figure, found.lines)]
