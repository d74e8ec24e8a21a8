"""The Runs page's table: every run in one row, filtered, grouped, with the hyper-parameters that differ as columns."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import pandas as pd

from tiger import metrics, models, quantizers, studies
from tiger.core import params
from tiger.datasets import registry
from tiger.datasets.reference import Values
from tiger.reports import runs_verdicts
from tiger.reports.runs_verdicts import Verdict
from tiger.runs.index import Entry
from tiger.runs.records import STATE_SUMMARY

KINDS = {"All": "", "IDs": "Quantizers, imported IDs and recorded runs", "Recommenders": "Models of the next item",
         "Studies": "Drift, cold start, diversity", "Sweeps": "Groups of runs", "Maps": "UMAP layouts"}
GROUPS = ("Dataset", "Method", "Verdict", "State", "Tag", "Owner", "Sweep", "All but the seed")
MAX_PARAM_COLUMNS = 6
MAX_LEVELS = 4  # perplexity columns; deeper levels stand in the export


@dataclass(frozen=True)
class RunsRequest:
    """What the page is asked to list.

    Args:
        text: words that all must occur in a run's name, id, note, tags, method, dataset or parameters.
        kind: one of ``KINDS``.
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
class Row:
    """One run as the table shows it.

    Args:
        entry: the run.
        dataset, method, state: titles.
        verdict: the doctor's; None where it has not examined the run.
        changed: hyper-parameters that differ from the method's defaults, as text.
    """

    entry: Entry
    dataset: str
    method: str
    state: str
    verdict: Verdict | None
    changed: str

    @property
    def perplexity(self) -> tuple[float, ...]:
        """Of each level: of the final codes, else of the last logged step."""
        numbers = self.entry.outcome or (self.verdict.outcome if self.verdict else None)
        if numbers is not None:
            return numbers.perplexity
        logged = self.entry.newest.get("perplexity")
        return tuple(map(float, logged)) if isinstance(logged, list) else ()

    def number(self, name: str) -> float:
        """One of the outcomes of ``OUTCOMES``; nan where it is not known."""
        return OUTCOMES[name](self)


def _numbers(row: Row, value: Callable[[Any], float | None]) -> float:
    numbers = row.entry.outcome
    if row.verdict is not None and row.verdict.outcome is not None:  # has the explained variance of older runs, too
        numbers = row.verdict.outcome
    found = value(numbers) if numbers is not None else None
    return math.nan if found is None else float(found)


def _score(row: Row, name: str) -> float:
    if row.entry.config.kind != "model" or not row.entry.result_ns:
        return math.nan
    return _scores(str(row.entry.run.path), row.entry.result_ns, row.entry).get(name, math.nan)


class Ignored:
    """An argument that a cache does not compare."""

    def __init__(self, entry: Entry):
        self.entry = entry

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ignored)

    def __hash__(self) -> int:
        return 0


def _scores(path: str, result_ns: int, entry: Entry) -> Mapping[str, float]:
    return _read_scores(path, result_ns, entry.status.state, Ignored(entry))


@lru_cache(maxsize=8192)
def _read_scores(path: str, result_ns: int, state: str, entry: Ignored) -> Mapping[str, float]:
    test = entry.entry.run.metrics().get("test") or {}
    return {name: float(test[name]) for name in ("recall@10", "ndcg@10") if name in test}


OUTCOMES: dict[str, Callable[[Row], float]] = {
    "Distinct IDs": lambda row: _numbers(row, lambda numbers: numbers.distinct),
    "Distinct share": lambda row: _numbers(row, lambda numbers: numbers.distinct_share),
    "Explained variance": lambda row: _numbers(row, lambda numbers: numbers.explained),
    "Codebook use": lambda row: _numbers(row, lambda numbers: numbers.usage),
    "Recall@10": lambda row: _score(row, "recall@10"),
    "NDCG@10": lambda row: _score(row, "ndcg@10")}
"""What runs are compared by, and how a row tells it."""


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
        summary: what is shown, in one sentence.
    """

    n_all: int
    rows: tuple[Row, ...]
    table: pd.DataFrame
    groups: pd.DataFrame | None
    differing: tuple[str, ...]
    choices: Choices
    due: tuple[Entry, ...]
    summary: str


def runs_page(entries: Sequence[Entry], asked: RunsRequest) -> RunsPage:
    """The table of those runs that the request keeps."""
    everything = rows_of(entries)
    rows = tuple(row for row in everything if _kept(row, asked))
    differing = differing_params([params_of(row.entry) for row in rows if row.entry.config.learner])
    return RunsPage(len(everything), rows, table(rows, differing[:MAX_PARAM_COLUMNS]),
                    group_frame(rows, asked.group) if asked.group else None, differing, _choices(everything),
                    tuple(runs_verdicts.due([row.entry for row in rows])), _summary(rows, len(everything)))


def rows_of(entries: Sequence[Entry]) -> list[Row]:
    """Each run with its titles and its verdict, where one is known."""
    verdicts = runs_verdicts.known(entries)
    titles = {registry.key(entry.ref): entry.title for entry in registry.entries()}
    return [Row(entry, titles.get(entry.dataset_key) or str(entry.config.dataset["name"]), method_title(entry),
                STATE_SUMMARY[entry.status.state], verdicts.get(entry.id), changed_of(entry))
            for entry in entries]


def kind_of(entry: Entry) -> str:
    """The key of ``KINDS`` that a run belongs to."""
    kind = entry.config.kind
    if kind in studies.REGISTRY:
        return "Studies"
    return {"model": "Recommenders", "projection": "Maps", "sweep": "Sweeps"}.get(kind, "IDs")


def method_title(entry: Entry) -> str:
    """What learned, for people."""
    known: dict[str, Any] = {**quantizers.REGISTRY, **models.REGISTRY}
    found = known.get(entry.method)
    words = {"import": "Imported IDs", "projection": "UMAP", "external": "Recorded elsewhere"}
    return str(found.title) if found is not None else words.get(entry.method, entry.method.replace("_", " ").capitalize())


def params_of(entry: Entry) -> Values:
    """Hyper-parameters under today's names."""
    return _facts(str(entry.run.path), Ignored(entry))[0]


def changed_of(entry: Entry) -> str:
    """What differs from the method's defaults, as text."""
    return _facts(str(entry.run.path), Ignored(entry))[1]


@lru_cache(maxsize=16_384)
def _facts(path: str, entry: Ignored) -> tuple[Values, str]:
    """A run's hyper-parameters and how they differ from the defaults; a configuration never changes."""
    known: dict[str, Any] = {**quantizers.REGISTRY, **models.REGISTRY}
    method, given = entry.entry.method, entry.entry.params
    given = params.renamed(known[method], given) if method in known else given
    return given, changed_summary(method, given)


def changed_summary(method: str, given: Values) -> str:
    """Hyper-parameters that differ from the method's defaults: "beta 25, kmeans init off"; the seed is left out."""
    start = _defaults(method)
    return ", ".join(value_summary(name, value) for name, value in given.items()
                     if name != "seed" and name in start and value != start[name])


@lru_cache(maxsize=64)
def _defaults(method: str) -> Values:
    known: dict[str, Any] = {**quantizers.REGISTRY, **models.REGISTRY}
    if method in studies.REGISTRY:
        return {spec.name: spec.default for spec in params.specs(studies.find(method).params)}
    return {spec.name: spec.default for spec in params.specs(known[method])} if method in known else {}


def value_summary(name: str, value: Any) -> str:
    """A hyper-parameter and its value: "kmeans init off", "learning rate 0.003"."""
    words = name.removeprefix("n_").replace("_", " ")
    return f"{words} {short(value)}"


def short(value: Any) -> str:
    """A hyper-parameter's value in a cell."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else params.text(value)


def _kept(row: Row, asked: RunsRequest) -> bool:
    entry = row.entry
    if (asked.kind != "All" and kind_of(entry) != asked.kind) or (asked.starred and not entry.labels.starred):
        return False
    verdict = row.verdict.title if row.verdict else ""
    chosen = ((asked.datasets, row.dataset), (asked.methods, row.method), (asked.states, row.state), (asked.verdicts, verdict))
    if any(wanted and have not in wanted for wanted, have in chosen):
        return False
    if asked.tags and not set(asked.tags) & set(entry.labels.tags):
        return False
    if not asked.text:
        return True
    whole = " ".join((entry.title, entry.id, entry.labels.note, *entry.labels.tags, row.method, entry.method, row.dataset,
                      row.state, verdict, row.changed, entry.owner, sweep_of(entry))).casefold()
    return all(word in whole for word in asked.text.casefold().split())


def sweep_of(entry: Entry) -> str:
    """Id of the sweep that a run belongs to; "" for others."""
    found = entry.config.more.get("sweep")
    return found if isinstance(found, str) else ""


def differing_params(given: Sequence[Values]) -> tuple[str, ...]:
    """Names of the hyper-parameters that have more than one value among these, in their order of declaration.

    A hyper-parameter that some methods lack is compared among those that have it.
    """
    seen: dict[str, set[str]] = {}
    for values in given:
        for name, value in values.items():
            seen.setdefault(name, set()).add(value if isinstance(value, str) else repr(value))
    return tuple(name for name, found in seen.items() if len(found) > 1)


def table(rows: Sequence[Row], param_names: Sequence[str]) -> pd.DataFrame:
    """One row a run; columns that no run fills are left out.

    Returns:
        star, name, started (UTC), seconds, owner, dataset, method, the differing hyper-parameters, perplexity by level,
        outcomes, verdict, state, what differs from the defaults, tags, note, run (id).
    """
    n_levels = max((len(row.perplexity) for row in rows), default=0)
    perplexity = [row.perplexity for row in rows]
    found: dict[str, Any] = {
        "★": ["★" if row.entry.labels.starred else "" for row in rows],
        "Name": [row.entry.title for row in rows],
        "Verdict": [row.verdict.title if row.verdict else "" for row in rows],
        "State": [row.state for row in rows],
        "Started": pd.to_datetime([_started(row.entry) for row in rows], utc=True),
        "Duration (s)": [math.nan if row.entry.trained_s is None else row.entry.trained_s for row in rows],
        "Owner": [row.entry.owner for row in rows], "Dataset": [row.dataset for row in rows],
        "Method": [row.method for row in rows]}
    found |= {param_title(name): [_cell(params_of(row.entry).get(name)) for row in rows] for name in param_names}
    found |= {name: [value(row) for row in rows] for name, value in OUTCOMES.items()}
    for level in range(n_levels):
        found[f"Perplexity {level + 1}"] = [values[level] if level < len(values) else math.nan for values in perplexity]
    found |= {"Differs from default": [row.changed for row in rows],
              "Tags": [", ".join(row.entry.labels.tags) for row in rows],
              "Note": [row.entry.labels.note for row in rows], "Run": [row.entry.id for row in rows]}
    frame = pd.DataFrame(found)
    empty = [name for name in frame if name not in ("Name", "Run", "Started", "★")
             and (frame[name].isna() | (frame[name] == "")).all()]
    return _plain_params(frame.drop(columns=empty), [param_title(name) for name in param_names])


def param_title(name: str) -> str:
    """A hyper-parameter as a column's name."""
    words = name.removeprefix("n_").replace("_", " ")
    return words[:1].upper() + words[1:]


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


def group_frame(rows: Sequence[Row], by: str) -> pd.DataFrame:
    """Runs folded into groups: how many, and mean and 95 % confidence interval of every outcome.

    Args:
        by: one of ``GROUPS``, or a hyper-parameter's name.

    Returns:
        the group, Runs, and for every outcome that is known its mean, "low" and "high" (nan with one run); and Best, the run
        with the most distinct IDs per item (or the highest NDCG@10).
    """
    members: dict[str, list[Row]] = {}
    for row in rows:
        for name in _groups_of(row, by):
            members.setdefault(name, []).append(row)
    found = []
    for name, group in members.items():
        line: Values = {"Group": name or "(none)", "Runs": len(group)}
        for outcome in OUTCOMES:
            known = [value for value in (row.number(outcome) for row in group) if not math.isnan(value)]
            interval = metrics.mean_interval(known)
            line |= {outcome: interval.mean, f"{outcome} low": interval.low, f"{outcome} high": interval.high}
        best = max(group, key=lambda row: tuple(-1.0 if math.isnan(row.number(name)) else row.number(name)
                                                for name in ("NDCG@10", "Distinct share")))
        found.append(line | {"Best": best.entry.title})
    frame = pd.DataFrame(found)
    return frame.dropna(axis="columns", how="all") if len(frame) else frame


def _groups_of(row: Row, by: str) -> list[str]:
    entry = row.entry
    if by == "Tag":
        return list(entry.labels.tags) or [""]
    if by == "All but the seed":
        return [seedless(entry)]
    named = {"Dataset": row.dataset, "Method": row.method, "Verdict": row.verdict.title if row.verdict else "not examined",
             "State": row.state, "Owner": entry.owner, "Sweep": sweep_of(entry)}
    return [named[by]] if by in named else [short(params_of(entry)[by]) if by in params_of(entry) else ""]


def seedless(entry: Entry) -> str:
    """What a run was asked but for its seed: equal for runs that are repetitions of each other."""
    learner = entry.config.learner
    if learner is None:
        return entry.title
    words = [entry.method, changed_of(entry), entry.dataset_key[:4],
             f"of {entry.config.ids_run}" if entry.config.ids_run else ""]
    return " · ".join(filter(None, words))


def _choices(rows: Sequence[Row]) -> Choices:
    def counted(values: list[str]) -> Mapping[str, int]:
        return dict(sorted(Counter(value for value in values if value).items()))

    return Choices(counted([row.dataset for row in rows]), counted([row.method for row in rows]),
                   counted([row.state for row in rows]), counted([row.verdict.title for row in rows if row.verdict]),
                   counted([tag for row in rows for tag in row.entry.labels.tags]))


def _summary(rows: Sequence[Row], n_all: int) -> str:
    """How many runs are shown, and how many of them are healthy, sick or still training."""
    if not rows:
        return f"None of the {n_all:,} runs matches." if n_all else "There are no runs yet."
    good = sum(row.verdict is not None and row.verdict.severity == "good" for row in rows)
    sick = sum(row.verdict is not None and row.verdict.severity not in ("good", runs_verdicts.UNKNOWN) for row in rows)
    active = sum(row.entry.status.active for row in rows)
    shown = f"{n_all:,} runs" if len(rows) == n_all else f"{len(rows):,} of {n_all:,} runs"
    words = [f"{good:,} healthy" * bool(good), f"{sick:,} with a diagnosis" * bool(sick), f"{active:,} active" * bool(active)]
    return ": ".join(filter(None, [shown, ", ".join(filter(None, words))])) + "."
