"""A class at a glance: where every visitor is, how their newest run goes, and how they predicted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.reports import html, runs_rows
from tiger.reports.html import Part
from tiger.reports.questions import QUESTIONS
from tiger.runs.index import Entry
from tiger.runs.run import Run

MAX_POINTS = 40  # of a visitor's curve
HERE_S = 60.0  # somebody whose page asked for nothing for longer is away


@dataclass(frozen=True)
class Person:
    """A visitor as the server knows them.

    Args:
        page: title of the page they look at; "" before the first.
        away_s: seconds since their browser last asked for something; None: not since the server started.
    """

    id: str
    name: str
    page: str = ""
    away_s: float | None = None

    @property
    def here(self) -> bool:
        """Whether they are at it."""
        return self.away_s is not None and self.away_s < HERE_S


@dataclass(frozen=True)
class Tally:
    """How a lesson was predicted.

    Args:
        options: the answers.
        counts: visitors who predicted each.
        right: place of the measured answer.
    """

    key: str
    title: str
    question: str
    options: tuple[str, ...]
    counts: tuple[int, ...]
    right: int

    @property
    def n(self) -> int:
        """Visitors who predicted."""
        return sum(self.counts)


@dataclass(frozen=True)
class ClassPage:
    """Everything that the teacher's page shows.

    Args:
        table: one row a visitor: Name, Page ("away" where nobody looks), Here, Runs, Newest run, State, Perplexity
            (shares from 0 to 1 over training), Distinct IDs, Verdict, Severity, Run (id).
        newest: each visitor's newest run, where they have one.
        tallies: of the lessons that somebody predicted.
    """

    table: pd.DataFrame
    newest: tuple[Entry, ...]
    tallies: tuple[Tally, ...]
    n_here: int
    n_training: int
    n_waiting: int


def class_page(people: Sequence[Person], entries: Sequence[Entry], predictions: Mapping[str, Mapping[str, int]]) -> ClassPage:
    """The page from who is there, every run, and predictions as lesson -> visitor -> place of the answer."""
    owned: dict[str, list[Entry]] = {person.id: [] for person in people}
    for entry in entries:
        if entry.config.owner in owned and not entry.config.sweep_id and entry.config.kind != "projection":
            owned[entry.config.owner].append(entry)
    newest = {person_id: mine[0] for person_id, mine in owned.items() if mine}
    rows = dict(zip(newest, runs_rows.rows_of(list(newest.values())), strict=True))
    table = pd.DataFrame([_line(person, len(owned[person.id]), rows.get(person.id)) for person in people],
                         columns=["Name", "Page", "Here", "Runs", "Newest run", "State", "Perplexity", "Distinct IDs", "Verdict",
                                  "Severity", "Run"])
    states = [entry.status.state for mine in owned.values() for entry in mine]
    return ClassPage(table, tuple(newest.values()), tallies(predictions), sum(person.here for person in people),
                     states.count("running"), states.count("queued"))


def _line(person: Person, n_runs: int, row: runs_rows.Row | None) -> list[object]:
    seen = [person.name, person.page if person.here else "away", person.here, n_runs]
    if row is None:
        return [*seen, "", "", [], "", "", "", ""]
    found = row.verdict.outcome if row.verdict else row.entry.outcome
    return [*seen, row.entry.title, row.state, list(perplexity_shares(row.entry)),
            f"{found.distinct:,} of {found.n_items:,}" if found else "",
            row.verdict.title if row.verdict else "", row.verdict.severity if row.verdict else "", row.entry.id]


def perplexity_shares(entry: Entry) -> tuple[float, ...]:
    """Perplexity over training, mean of the levels, each as a share of its codes; at most ``MAX_POINTS`` numbers."""
    return _shares(entry.folder, entry.status.step, entry.status.state)


@lru_cache(maxsize=512)
def _shares(folder: str, step: int, state: str) -> tuple[float, ...]:
    run = Run(Path(folder))
    sizes = run.codes_per_level() if run.config.kind in ("quantizer", "external") else None
    if not sizes:
        return ()
    found = [np.mean([value / size for value, size in zip(event["perplexity"], sizes, strict=False)])
             for event in run.events()[0] if event.get("perplexity")]
    places = np.linspace(0, len(found) - 1, min(MAX_POINTS, len(found))).round().astype(int)
    return tuple(round(float(found[place]), 3) for place in places)


def tallies(predictions: Mapping[str, Mapping[str, int]]) -> tuple[Tally, ...]:
    """How each lesson was predicted that somebody predicted, in the order of the lessons."""
    found = []
    for asked in QUESTIONS:
        chosen = predictions.get(asked.key, {})
        counts = tuple(sum(place == number for place in chosen.values()) for number in range(len(asked.options)))
        if any(counts):
            found.append(Tally(asked.key, asked.title, asked.text, asked.options, counts, asked.measured()))
    return tuple(found)


def tally_frame(tally: Tally) -> pd.DataFrame:
    """Answers and how many predicted each."""
    return pd.DataFrame({"Answer": tally.options, "Visitors": tally.counts})


def report(page: ClassPage, when: str) -> str:
    """The class as one HTML file that needs nothing else."""
    shown = page.table.drop(columns=["Here", "Page", "Perplexity", "Severity", "Run"])
    parts = [Part("Visitors", f"{counted(len(shown), 'visitor')}; the newest run of each.", table=shown)]
    for tally in page.tallies:
        parts.append(Part(tally.title, f"{tally.question}\n\nMeasured: {tally.options[tally.right]}. "
                          f"{tally.counts[tally.right]} of {tally.n} predicted that.", table=tally_frame(tally)))
    return html.page("The class", parts, f"TIGER Lab, {when}")
