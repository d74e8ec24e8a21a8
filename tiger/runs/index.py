"""Every run of the workspace at a glance, each read once and again only when one of its files changed.

A run's small files are replaced in one move, which changes the folder's own time stamp, so one look at the file system tells
whether anything is new in a run that is over. Of one that waits or trains, ``status.json`` is looked at, too: on a full disk it
is written over in place.
"""

import json
import logging
import os
import re
import time
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from tiger.core import access, events, files, paths
from tiger.core.events import Event
from tiger.datasets.reference import Values
from tiger.runs import labels as run_labels
from tiger.runs import outcome as run_outcome
from tiger.runs.labels import Labels
from tiger.runs.outcome import Outcome
from tiger.runs.records import RunConfig, Status
from tiger.runs.run import Run

log = logging.getLogger(__name__)
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{5,63}")
OVER = ("finished", "failed", "stopped")  # nobody writes into the folder of such a run but by replacing files
TAIL_BYTES = 16_384  # enough for the longest line of a log
Stamp = tuple[int, ...]
_known: dict[str, tuple[Stamp, "Entry | None"]] = {}
_newest_first: dict[str | None, "tuple[Entry, ...]"] = {}  # the last answer to each visitor


@dataclass(frozen=True)
class Entry:
    """One run as its small files describe it.

    Args:
        id: the run's.
        folder: its path.
        run: for whoever needs more.
        status: as is true now, not as was written last.
        labels: name, note, tags and star.
        outcome: numbers of its codes, where the run keeps them.
        newest: the last line of the log; empty without one.
        result_ns: when the codes, or a model's weights, were written, nanoseconds since 1970; 0 without a result.
    """

    id: str
    folder: str
    run: Run
    config: RunConfig
    status: Status
    labels: Labels
    outcome: Outcome | None
    newest: Event
    result_ns: int

    @property
    def title(self) -> str:
        """The run's name for people."""
        return self.labels.name or self.config.title or self.id

    @property
    def short_id(self) -> str:
        """The random end of the id, which tells runs of one name apart; the whole id of a bundled run."""
        return self.id.rsplit("-", 1)[-1] if self.config.created_s else self.id

    @property
    def method(self) -> str:
        """What learned: the quantizer's or model's name, else the kind of run."""
        return self.config.learner.name if self.config.learner else self.config.kind

    @property
    def params(self) -> Values:
        """Hyper-parameters of what learned, or of the study."""
        if self.config.learner is not None:
            return self.config.learner.params
        return self.config.study.params if self.config.study is not None else {}

    @property
    def owner(self) -> str:
        """Name of the visitor who started the run; "" for whoever runs the server."""
        return self.config.owner_name

    @property
    def trained_s(self) -> float | None:
        """Seconds trained, pauses and waiting left out; None where nothing was logged."""
        found = self.newest.get("t_s")
        return float(found) if isinstance(found, int | float) else None

    @cached_property
    def dataset_key(self) -> str:
        """Equal for runs of the same dataset."""
        from tiger.datasets import registry  # here, so that listing runs does not load what reads data sets
        return registry.key(self.config.dataset)


def entries() -> tuple[Entry, ...]:
    """Every run that whoever acts may look at, newest first. What did not change since the last call is not read again.

    While nothing changes, the answer is the same object.
    """
    found: dict[str, Entry] = {}
    visitor = access.current()
    for root in (paths.BUNDLED / "runs", paths.subfolder("runs")):
        for name, folder in _folders(root):
            entry = _entry(folder)
            if entry is not None and (visitor is None or root.parent == paths.BUNDLED or entry.labels.shared
                                      or access.may_change(visitor, entry.config.owner)):
                found[name] = entry
    whose = visitor.id if visitor else None
    last = _newest_first.get(whose, ())
    if len(last) == len(found) and all(found.get(entry.id) is entry for entry in last):
        return last
    _newest_first[whose] = tuple(sorted(found.values(), key=lambda entry: (-entry.config.created_s, entry.id)))
    return _newest_first[whose]


def of(run: Run) -> Entry:
    """One run at a glance."""
    return _entry(str(run.path)) or _read(run)


def _folders(root: Path) -> list[tuple[str, str]]:
    try:
        with os.scandir(root) as listed:
            return [(one.name, one.path) for one in listed if one.path in _known or RUN_ID.fullmatch(one.name)]
    except OSError:
        return []


def _entry(folder: str) -> Entry | None:
    known = _known.get(folder)
    if known is not None and known[1] is not None and known[1].status.state in OVER and files.changed_ns(folder) == known[0][0]:
        return known[1]
    stamp = _stamp(folder)
    if stamp is None:
        _known.pop(folder, None)
        return None
    if known is None or known[0] != stamp:
        run = Run(Path(folder))
        entry = _read(run) if os.path.exists(f"{folder}/config.json") and is_whole(run) else None
        known = (stamp, entry)
        if time.time_ns() - max(stamp) > files.SETTLED_NS:
            _known[folder] = known
    entry = known[1]
    if entry is not None and entry.status.active:  # a worker may have died, or a waiting run been told to stop
        return replace(entry, status=entry.run.status)
    return entry


def _stamp(folder: str) -> Stamp | None:
    """What changes whenever a small file of the folder does; None where there is no folder.

    A status that is written over in place, as on a full disk, changes its own time stamp alone.
    """
    changed_ns = files.changed_ns(folder)
    return (changed_ns, files.changed_ns(f"{folder}/status.json")) if changed_ns else None


def _read(run: Run) -> Entry:
    return Entry(run.id, str(run.path), run, run.config, run.status, run_labels.read(run.path), run_outcome.read(run.path),
                 _newest(run.path), _result_ns(run.path))


def _newest(folder: Path) -> Event:
    """The last whole line of the log, from its last kilobytes; empty where there is none."""
    try:
        with (folder / "events.jsonl").open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - TAIL_BYTES))
            block = file.read()
    except OSError:
        return {}
    for line in reversed(block[:block.rfind(b"\n") + 1].splitlines()):
        try:
            event = events.checked(json.loads(line))
        except (ValueError, RecursionError):
            continue  # torn, or longer than what was read
        if event is not None:
            return event
    return {}


def _result_ns(folder: Path) -> int:
    """When the run's result was written; 0 where there is none yet. Counts over all items are part of a quantizer's."""
    codes_ns = files.changed_ns(folder / "codes.npy")
    if codes_ns:
        return max(codes_ns, files.changed_ns(folder / "counted.json"))
    return files.changed_ns(folder / "model.json") or files.changed_ns(folder / "rows.parquet")


def is_whole(run: Run) -> bool:
    """Whether its configuration can be read and is this folder's own; a copied folder keeps another's id."""
    try:
        return run.config.id == run.id
    except ValueError:
        log.warning("the folder of run %s has no configuration that can be read; it is left out", run.id)
        return False
