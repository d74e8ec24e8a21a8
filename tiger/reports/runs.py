"""The Runs page's table: every run in one row, filtered, grouped, with the hyper-parameters that differ as columns."""

import difflib
import math
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import pandas as pd

from tiger import metrics
from tiger.core.words import counted, none_of
from tiger.datasets import registry
from tiger.datasets.reference import Values
from tiger.reports import runs_verdicts
from tiger.reports.runs_rows import OUTCOMES, Row, differing_params, param_title, rows_of, short
from tiger.runs.index import Entry

GROUPS = ("Dataset", "Method", "Verdict", "State", "Tag", "Owner", "Sweep", "All but the seed")
MAX_PARAM_COLUMNS = 6
MAX_ANSWERS = 16  # tables that are kept for visitors who ask the same again


@dataclass(frozen=True)
class RunsRequest:
    """What the page lists.

    Args:
        text: words that all must occur in a run's name, id, note, tags, method, dataset or parameters.
        kind: All, IDs, Recommenders, Studies, Sweeps or Maps.
        datasets, methods, states, verdicts, tags: titles to keep; empty keeps all.
        starred: only runs with a star.
        group: one of ``GROUPS`` or a hyper-parameter's name; "" groups nothing.
    """

    text: str = ""
    kind: str = "All"
    datasets: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    starred: bool = False
    group: str = ""


@dataclass(frozen=True)
class Choices:
    """What the filters can be set to, each with the number of runs."""

    datasets: Mapping[str, int]
    methods: Mapping[str, int]
    states: Mapping[str, int]
    verdicts: Mapping[str, int]
    tags: Mapping[str, int]


@dataclass(frozen=True)
class RunsPage:
    """Everything that the table shows.

    Args:
        n_all: runs in the workspace, bundled ones included.
        rows: those that the request keeps, newest first.
        table: one row each, with a column per differing hyper-parameter.
        groups: one row a group; None without grouping.
        differing: hyper-parameters whose value differs among the rows; the first ``MAX_PARAM_COLUMNS`` are columns.
        choices: of the filters.
        due: rows that the doctor has not examined yet.
        active: id and state of every run that waits or trains.
        summary: what is shown, in one sentence.
    """

    n_all: int
    rows: tuple[Row, ...]
    table: pd.DataFrame
    groups: pd.DataFrame | None
    differing: tuple[str, ...]
    choices: Choices
    due: tuple[Entry, ...]
    active: tuple[tuple[str, str], ...]
    summary: str


_last: OrderedDict[RunsRequest, tuple[tuple[Row, ...], RunsPage]] = OrderedDict()
"""The newest answers; rows that did not change are the same objects, so comparing them costs microseconds."""


_rows: list[tuple[Sequence[Entry], tuple[object, ...], tuple[Row, ...]]] = []
"""The last answer of ``_all_rows``, with what it was made from."""


def runs_page(entries: Sequence[Entry], request: RunsRequest) -> RunsPage:
    """The table of those runs that the request keeps; the answer of before where nothing changed since."""
    everything = _all_rows(entries)
    known = _last.get(request)
    if known is not None and known[0] == everything:
        return known[1]
    rows = tuple(row for row in everything if _kept(row, request))
    differing = differing_params(rows)
    page = RunsPage(len(everything), rows, table(rows, differing[:MAX_PARAM_COLUMNS]),
                    group_frame(rows, request.group, _sweep_titles(everything)) if request.group else None, differing,
                    _choices(everything),
                    tuple(runs_verdicts.due([row.entry for row in rows])),
                    tuple((row.entry.id, row.entry.status.state) for row in everything if row.entry.status.active),
                    _summary(rows, len(everything)))
    _last[request] = everything, page
    while len(_last) > MAX_ANSWERS:
        _last.popitem(last=False)
    return page


def _all_rows(entries: Sequence[Entry]) -> tuple[Row, ...]:
    """A row a run. The index answers with the same object while no run changes, and so does this."""
    state = runs_verdicts.version(), tuple(registry.entries())
    if _rows and _rows[0][0] is entries and _rows[0][1] == state:
        return _rows[0][2]
    _rows[:] = [(entries, state, rows_of(entries))]
    return _rows[0][2]


def _kept(row: Row, request: RunsRequest) -> bool:
    entry = row.entry
    if (request.kind != "All" and row.kind != request.kind) or (request.starred and not entry.labels.starred):
        return False
    verdict = row.verdict.title if row.verdict else ""
    chosen = ((request.datasets, row.dataset), (request.methods, row.method), (request.states, row.state),
              (request.verdicts, verdict))
    if any(wanted and have not in wanted for wanted, have in chosen):
        return False
    if request.tags and not set(request.tags) & set(entry.labels.tags):
        return False
    return not request.text or all(word in row.words for word in request.text.casefold().split())


def table(rows: Sequence[Row], param_names: Sequence[str]) -> pd.DataFrame:
    """One row a run; columns that no run fills are left out.

    Returns:
        star, name, verdict, outcomes, perplexity by level, the hyper-parameters, method, dataset, started (UTC), seconds,
        state, owner, what differs from the defaults, tags, note, run (id).
    """
    n_levels = max((len(row.perplexity) for row in rows), default=0)
    perplexity = [row.perplexity for row in rows]
    found: dict[str, Any] = {
        "★": ["★" if row.entry.labels.starred else "" for row in rows], "Name": [row.entry.title for row in rows],
        "Verdict": [row.verdict.title if row.verdict else "" for row in rows]}
    found |= {name: [row.outcomes[name] for row in rows] for name in OUTCOMES}
    for level in range(n_levels):
        found[f"Perplexity {level + 1}"] = [values[level] if level < len(values) else math.nan for values in perplexity]
    found |= {param_title(name): [_cell(row.params.get(name)) for row in rows] for name in param_names}
    found |= {"Method": [row.method for row in rows], "Dataset": [row.dataset for row in rows],
              "Started": pd.to_datetime([_started(row.entry) for row in rows], utc=True),
              "Duration (s)": [math.nan if row.entry.trained_s is None else row.entry.trained_s for row in rows],
              "State": [row.state for row in rows], "Owner": [row.entry.owner for row in rows],
              "Differs from default": [row.changed for row in rows],
              "Tags": [", ".join(row.entry.labels.tags) for row in rows],
              "Note": [row.entry.labels.note for row in rows], "Run": [row.entry.id for row in rows]}
    frame = pd.DataFrame(found)
    empty = [name for name in frame if name not in ("Name", "Run", "Started", "★")
             and (frame[name].isna() | (frame[name] == "")).all()]
    return _plain_params(frame.drop(columns=empty), [param_title(name) for name in param_names])


def _cell(value: Any) -> Any:
    """A number as it is, so that columns sort; everything else as text."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None if value is None else short(value)


def _plain_params(frame: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Columns that mix numbers and text become text: a table sends one type a column."""
    for name in names:
        if name in frame and frame[name].map(type).nunique() > 1 and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = ["" if value is None or value != value else short(value) for value in frame[name]]
    return frame


def _started(entry: Entry) -> datetime | None:
    return datetime.fromtimestamp(entry.config.created_s, UTC) if entry.config.created_s else None


def group_named(entries: Sequence[Entry], name: str) -> str:
    """What runs are grouped by under this name, in whatever case: one of ``GROUPS``, or a hyper-parameter of a run that is there.

    Raises:
        ValueError: nothing has this name; names what is meant perhaps, or all that there is.
    """
    known = {_folded(title): one for one in sorted({param for row in _all_rows(entries) for param in row.params})
             for title in (one, param_title(one))} | {_folded(one): one for one in GROUPS}
    if found := known.get(_folded(name)):
        return found
    close = difflib.get_close_matches(_folded(name), known, 1)
    raise ValueError(f"runs cannot be grouped by '{name[:40]}'; " + (
        f"did you mean '{known[close[0]].lower()}'?" if close else
        f"choose {', '.join(one.lower() for one in GROUPS)}, or a hyper-parameter of the runs, such as learning_rate."))


def _folded(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ").strip()


def group_frame(rows: Sequence[Row], by: str, sweeps: Mapping[str, str] = MappingProxyType({})) -> pd.DataFrame:
    """Runs folded into groups: how many, and mean and 95 % confidence interval of every outcome.

    Args:
        by: one of ``GROUPS``, or a hyper-parameter's name.
        sweeps: their names by id.

    Returns:
        the group, Runs, and for every outcome that is known its mean, "low" and "high" (nan with one run); and Best, the run
        with the most distinct IDs per item (or the highest NDCG@10).
    """
    members: dict[str, list[Row]] = {}
    for row in rows:
        if by == "Sweep" and row.kind == "Sweeps":  # it names the group and is none of its runs
            continue
        for name in _groups_of(row, by):
            members.setdefault(sweeps.get(name, name) if by == "Sweep" else name, []).append(row)
    found = []
    for name, group in members.items():
        line: Values = {"Group": name or "(none)", "Runs": len(group)}
        for outcome in OUTCOMES:
            known = [value for value in (row.outcomes[outcome] for row in group) if not math.isnan(value)]
            interval = metrics.mean_interval(known)
            line |= {outcome: interval.mean, f"{outcome} low": interval.low, f"{outcome} high": interval.high}
        best = max(group, key=lambda row: tuple(-1.0 if math.isnan(row.outcomes[name]) else row.outcomes[name]
                                                for name in ("NDCG@10", "Distinct share")))
        found.append(line | {"Best": best.entry.title})
    frame = pd.DataFrame(found)
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def _sweep_titles(rows: Sequence[Row]) -> Mapping[str, str]:
    return {row.entry.id: f"{row.entry.title} · {row.entry.short_id}" for row in rows if row.kind == "Sweeps"}


def _groups_of(row: Row, by: str) -> list[str]:
    entry = row.entry
    if by == "Tag":
        return list(entry.labels.tags) or [""]
    if by == "All but the seed":
        return [row.seedless]
    named = {"Dataset": row.dataset, "Method": row.method, "Verdict": row.verdict.title if row.verdict else "not examined",
             "State": row.state, "Owner": entry.owner, "Sweep": row.sweep}
    return [named[by]] if by in named else [short(row.params[by]) if by in row.params else ""]


def _choices(rows: Sequence[Row]) -> Choices:
    def counted(values: list[str]) -> Mapping[str, int]:
        return dict(sorted(Counter(value for value in values if value).items()))

    return Choices(counted([row.dataset for row in rows]), counted([row.method for row in rows]),
                   counted([row.state for row in rows]), counted([row.verdict.title for row in rows if row.verdict]),
                   counted([tag for row in rows for tag in row.entry.labels.tags]))


def _summary(rows: Sequence[Row], n_all: int) -> str:
    """How many runs are shown, and how many of them are healthy, sick or still training."""
    if not rows:
        return f"{none_of(n_all, 'run').capitalize()} matches." if n_all else "There are no runs yet."
    good = sum(row.verdict is not None and row.verdict.severity == "good" for row in rows)
    sick = sum(row.verdict is not None and row.verdict.severity not in ("good", runs_verdicts.UNKNOWN) for row in rows)
    active = sum(row.entry.status.active for row in rows)
    shown = counted(n_all, "run") if len(rows) == n_all else f"{len(rows):,} of {counted(n_all, 'run')}"
    words = [f"{good:,} healthy" * bool(good), f"{sick:,} with a diagnosis" * bool(sick), f"{active:,} active" * bool(active)]
    return ": ".join(filter(None, [shown, ", ".join(filter(None, words))])) + "."
