"""One run as tables show it: its titles, hyper-parameters, outcomes and verdict; made once and kept while nothing changes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from tiger import models, quantizers, studies
from tiger.core import params
from tiger.datasets import registry
from tiger.datasets.reference import Values
from tiger.reports import runs_verdicts
from tiger.reports.runs_verdicts import Verdict
from tiger.runs import sweep_plan
from tiger.runs.index import Entry
from tiger.runs.outcome import Outcome
from tiger.runs.records import STATE_SUMMARY

OUTCOMES = ("Distinct IDs", "Distinct share", "Explained variance", "Codebook use", "Recall@10", "NDCG@10")
"""What runs are compared by; the higher, the better."""
KIND_TITLES = {"import": "Imported IDs", "projection": "UMAP", "external": "Recorded elsewhere", "sweep": "Sweep"}


@dataclass(frozen=True, eq=False)
class Row:
    """One run.

    Args:
        entry: what its small files say.
        dataset: title.
        verdict: the doctor's; None where it has not examined the run.
    """

    entry: Entry
    dataset: str
    verdict: Verdict | None

    @property
    def state(self) -> str:
        """The word for its state."""
        return STATE_SUMMARY[self.entry.status.state]

    @cached_property
    def kind(self) -> str:
        """Which of the page's kinds it is."""
        kind = self.entry.config.kind
        return "Studies" if kind in studies.REGISTRY else {"model": "Recommenders", "projection": "Maps",
                                                          "sweep": "Sweeps"}.get(kind, "IDs")

    @cached_property
    def method(self) -> str:
        """Title of what learned, or of the kind of run."""
        found = _class(self.entry.method)
        return str(found.title) if found is not None else \
            KIND_TITLES.get(self.entry.method, self.entry.method.replace("_", " ").capitalize())

    @cached_property
    def params(self) -> Values:
        """Hyper-parameters under today's names; empty where nothing learned."""
        found = _class(self.entry.method)
        return params.renamed(found, self.entry.params) if found is not None else {}

    @cached_property
    def spelled(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Names and values of the hyper-parameters, the values as text, so that many runs are compared quickly."""
        return tuple(self.params), tuple(map(repr, self.params.values()))

    @cached_property
    def changed(self) -> str:
        """Hyper-parameters that differ from the method's defaults: "beta 25, kmeans init off"; the seed is left out.

        Of a sweep, what it varies.
        """
        request = self.entry.config.sweep
        if request is not None:
            return f"{sweep_plan.grid_text(request)}; seeds {', '.join(map(str, request.seeds))}"
        start = _defaults(self.entry.method)
        given = self.params or self.entry.params
        return ", ".join(value_summary(name, value) for name, value in given.items()
                         if name != "seed" and name in start and value != start[name])

    @cached_property
    def seedless(self) -> str:
        """What the run was asked but for its seed: equal for runs that are repetitions of each other."""
        config = self.entry.config
        if config.learner is None:
            return self.entry.id
        words = [self.method, self.changed, self.dataset, f"of {config.ids_run}" if config.ids_run else ""]
        return " · ".join(filter(None, words))

    @cached_property
    def sweep(self) -> str:
        """Id of the sweep that the run is, or belongs to; "" for others."""
        config = self.entry.config
        return self.entry.id if config.kind == "sweep" else config.sweep_id or ""

    @cached_property
    def perplexity(self) -> tuple[float, ...]:
        """Of each level: of the final codes, else of the last logged step."""
        if self._numbers is not None:
            return self._numbers.perplexity
        logged = self.entry.newest.get("perplexity")
        return tuple(map(float, logged)) if isinstance(logged, list) else ()

    @cached_property
    def _numbers(self) -> Outcome | None:
        """Of the final codes; the verdict's have the explained variance of runs that did not keep it, too."""
        examined = self.verdict.outcome if self.verdict is not None else None
        return examined or self.entry.outcome

    @cached_property
    def outcomes(self) -> Mapping[str, float]:
        """Every one of ``OUTCOMES``; nan where it is not known."""
        found = dict.fromkeys(OUTCOMES, math.nan)
        numbers = self._numbers
        if numbers is not None:
            found |= {"Distinct IDs": numbers.distinct, "Distinct share": numbers.distinct_share,
                      "Codebook use": numbers.usage}
            found |= {"Explained variance": numbers.explained} if numbers.explained is not None else {}
        if self.entry.config.kind == "model" and self.entry.result_ns:
            test = self.entry.run.metrics().get("test") or {}
            found |= {title: float(test[name]) for title, name in (("Recall@10", "recall@10"), ("NDCG@10", "ndcg@10"))
                      if name in test}
        return found

    @cached_property
    def words(self) -> str:
        """Everything that a search finds, in lower case."""
        entry = self.entry
        verdict = self.verdict.title if self.verdict else ""
        return " ".join((entry.title, entry.id, entry.labels.note, *entry.labels.tags, self.method, entry.method, self.dataset,
                         self.state, verdict, self.changed, entry.owner, self.sweep)).casefold()


_kept: dict[str, Row] = {}
"""By folder; a row whose run, verdict or dataset changed is made anew."""


def rows_of(entries: Sequence[Entry]) -> tuple[Row, ...]:
    """A row a run; those of runs that did not change are the same objects as before."""
    verdicts = runs_verdicts.known(entries)
    titles = {registry.key(entry.ref): entry.title for entry in registry.entries()}
    found = []
    for entry in entries:
        dataset = titles.get(entry.dataset_key) or str(entry.config.dataset["name"])
        verdict, row = verdicts.get(entry.id), _kept.get(entry.folder)
        if row is None or row.entry is not entry or row.verdict is not verdict or row.dataset != dataset:
            row = _kept[entry.folder] = Row(entry, dataset, verdict)
        found.append(row)
    return tuple(found)


def differing_params(rows: Sequence[Row]) -> tuple[str, ...]:
    """Names of the hyper-parameters that have more than one value among the runs, in their order of declaration.

    A hyper-parameter that some methods lack is compared among the runs that have it.
    """
    alike: dict[tuple[str, ...], list[tuple[str, ...]]] = {}
    for row in rows:
        alike.setdefault(row.spelled[0], []).append(row.spelled[1])
    seen: dict[str, set[str]] = {}
    for names, lines in alike.items():
        for name, column in zip(names, zip(*lines, strict=True), strict=True):
            seen.setdefault(name, set()).update(column)
    return tuple(name for name, found in seen.items() if len(found) > 1)


def _class(method: str) -> Any:
    """The quantizer or recommender of this name; None for other kinds of run."""
    return quantizers.REGISTRY.get(method) or models.REGISTRY.get(method)


@lru_cache(maxsize=64)
def _defaults(method: str) -> Values:
    found = studies.find(method).params if method in studies.REGISTRY else _class(method)
    return {spec.name: spec.default for spec in params.specs(found)} if found is not None else {}


def value_summary(name: str, value: Any) -> str:
    """A hyper-parameter and its value: "kmeans init off", "learning rate 0.003"."""
    return f"{name.removeprefix('n_').replace('_', ' ')} {short(value)}"


def short(value: Any) -> str:
    """A hyper-parameter's value in a cell."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:zg}" if isinstance(value, float) else params.text(value)


def param_title(name: str) -> str:
    """A hyper-parameter as a column's name."""
    words = params.plain_name(name)
    return words[:1].upper() + words[1:]
