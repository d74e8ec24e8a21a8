"""The doctor's verdict on every run of a list, examined once and kept in the workspace's cache.

A verdict holds as long as the run's result and the doctor's own code stay as they are; each is one line of
``cache/verdicts.jsonl``, to which several processes may append.
"""

import hashlib
import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

from tiger.analysis import doctor as doctor_room
from tiger.analysis.doctor import VectorSigns
from tiger.core import files, paths
from tiger.datasets.catalogue import Catalogue
from tiger.reports import doctor
from tiger.runs import config as run_config
from tiger.runs import outcome as run_outcome
from tiger.runs.index import Entry
from tiger.runs.outcome import Outcome

log = logging.getLogger(__name__)
UNKNOWN = "unknown"  # severity of a run that could not be examined


@dataclass(frozen=True)
class Verdict:
    """What was found on one run's codes.

    Args:
        title: the diagnosis' name, or why there is none.
        severity: good, mild, serious, severe, or ``UNKNOWN``.
        outcome: numbers of the codes; None where they cannot be read.
    """

    title: str
    severity: str
    outcome: Outcome | None


@dataclass
class _Kept:
    """The cache file as far as this process has read it."""

    path: Path
    read_bytes: int
    verdicts: dict[str, Verdict]


_kept: dict[Path, _Kept] = {}
_mutex = threading.Lock()


def codable(entry: Entry) -> bool:
    """Whether it is a run whose codes the doctor examines, and that has its final ones."""
    return (entry.config.kind in run_config.CODED or entry.outcome is not None) and entry.result_ns > 0


def known(entries: Iterable[Entry]) -> dict[str, Verdict]:
    """The verdicts that are known, by run id; a run that changed since counts as not examined."""
    kept = _read()
    found = {entry.id: kept.get(key(entry)) for entry in entries if codable(entry)}
    return {run_id: verdict for run_id, verdict in found.items() if verdict is not None}


def version() -> tuple[Path, int]:
    """Changes whenever a verdict is added, or the workspace is another."""
    _read()
    return cache_file(), _kept[cache_file()].read_bytes


def due(entries: Sequence[Entry]) -> list[Entry]:
    """Those that have codes and no verdict yet."""
    have = known(entries)
    return [entry for entry in entries if codable(entry) and entry.id not in have]


def examine(entries: Sequence[Entry], catalogue_of: Callable[[Entry], Catalogue], limit_s: float = float("inf"),
            signs_of: Callable[[Catalogue], VectorSigns] | None = None) -> int:
    """Examine runs one after another and keep their verdicts; at least one, whatever the limit.

    Args:
        catalogue_of: the catalogue that a run was made from; a ValueError becomes the verdict.
        limit_s: no further run is begun after this many seconds.
        signs_of: what was measured on a catalogue's embeddings, where a page keeps that.

    Returns:
        How many were examined.
    """
    end, n = time.monotonic() + limit_s, 0
    measured: dict[int, VectorSigns] = {}
    for entry in entries:
        if n and time.monotonic() > end:
            break
        _append(entry, _verdict(entry, catalogue_of, signs_of, measured))
        n += 1
    return n


def _verdict(entry: Entry, catalogue_of: Callable[[Entry], Catalogue], signs_of: Callable[[Catalogue], VectorSigns] | None,
             measured: dict[int, VectorSigns]) -> Verdict:
    numbers = entry.outcome
    try:
        numbers = numbers or run_outcome.of_codes(entry.run.codes(), entry.run.codes_per_level())
        cat = catalogue_of(entry)
        if id(cat) not in measured:
            measured[id(cat)] = signs_of(cat) if signs_of else doctor_room.measure(cat.embedding_IE)
        found = doctor.diagnose(entry.run, cat, measured[id(cat)])
    except (ValueError, OSError) as error:
        log.info("run %s was not examined: %s", entry.id, error)
        return Verdict(" ".join(str(error).split())[:160], UNKNOWN, numbers)
    if numbers.explained is None and found.signs is not None and found.signs.explained is not None:
        numbers = Outcome(numbers.n_items, numbers.distinct, numbers.n_codes, numbers.perplexity,
                          float(found.signs.explained))
    return Verdict(found.title, str(found.severity), numbers)


def key(entry: Entry) -> str:
    return f"{entry.id}:{entry.result_ns}:{entry.status.attempt}:{_doctors_code()}"


@cache
def _doctors_code() -> str:
    """Changes with the doctor's code, so that no verdict of another version is shown."""
    sources = [*sorted(Path(str(doctor_room.__file__)).parent.glob("*.py")), Path(doctor.__file__)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]


def cache_file() -> Path:
    return paths.subfolder("cache") / "verdicts.jsonl"


def _read() -> dict[str, Verdict]:
    """All verdicts of this workspace; only what was appended since the last call is read."""
    path = cache_file()
    with _mutex:
        kept = _kept.setdefault(path, _Kept(path, 0, {}))
        try:
            size = path.stat().st_size
        except OSError:
            size = 0
        if size < kept.read_bytes:  # the cache was emptied
            kept.read_bytes, kept.verdicts = 0, {}
        if size > kept.read_bytes:
            with path.open("rb") as file:
                file.seek(kept.read_bytes)
                block = file.read()
            whole = block[:block.rfind(b"\n") + 1]
            kept.read_bytes += len(whole)
            kept.verdicts.update(filter(None, map(_line, whole.splitlines())))
        return kept.verdicts


def _line(text: bytes) -> tuple[str, Verdict] | None:
    """One line of the cache; None for what is none."""
    try:
        found = json.loads(text)
        return str(found["key"]), Verdict(str(found["title"]), str(found["severity"]), run_outcome.from_json(found["outcome"]))
    except (ValueError, KeyError, TypeError, AttributeError):  # a line that a crash tore: its run is examined again
        return None


def _append(entry: Entry, verdict: Verdict) -> None:
    line = json.dumps({"key": key(entry), **asdict(verdict)}) + "\n"
    path = cache_file()
    files.cut_to_whole_lines(path)
    with path.open("ab", buffering=0) as file:
        files.append(file, line.encode())
