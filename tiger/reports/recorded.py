"""Runs that are recorded elsewhere: diagnosed from what was recorded, with what could not be seen, and remedies in the words of
the library that trains."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from tiger import metrics
from tiger.analysis import doctor
from tiger.analysis.doctor import Diagnosis, VectorSigns, libraries, symptoms
from tiger.core.events import Event
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.runs import Run, data
from tiger.runs.records import Recording

N_LAST = 5  # logged steps whose explained variance is averaged
FEW_DRAWS = 8  # recorded codes for each of a level's codes, below which perplexity says little


class Log:
    """A recording's log, of which each look reads only what is new: one of a million steps takes seconds to read."""

    def __init__(self, run: Run):
        self.run, self.lock = run, threading.Lock()
        self.events: list[Event] = []
        self.next_byte = 0

    def read(self) -> list[Event]:
        """All events so far."""
        with self.lock:
            new, next_byte = self.run.events(self.next_byte)
            self.events = [*self.events, *new] if next_byte >= self.next_byte else new
            self.next_byte = next_byte
            return self.events


@lru_cache(maxsize=8)
def _log(path: Path, attempt: int) -> Log:
    return Log(Run(path))


@dataclass(frozen=True)
class Recorded:
    """The codes that a diagnosis rests on.

    Args:
        codes_NL: the final codes of all items, or those of the window.
        rows_N: the items' numbers; None where they are not known.
        step: at which they were recorded; None for final codes.
    """

    codes_NL: np.ndarray
    rows_N: np.ndarray | None
    step: int | None

    @property
    def final(self) -> bool:
        return self.step is None


def latest(run: Run) -> Recorded:
    """The final codes of a recording, or while it trains the window's.

    Raises:
        ValueError: nothing was recorded yet.
    """
    if run.has_result():
        codes_IL = run.codes()
        return Recorded(codes_IL, np.arange(len(codes_IL)), None)
    kept, recording = run.window(), run.config.recording
    if kept is None or recording is None or not len(kept["codes"]):
        raise ValueError(f"Run {run.id} has recorded no codes yet; call log(step, codes=...).")
    if "unmatched" not in kept and int(kept["rows"].max()) >= recording.n_items:
        raise ValueError(f"Run {run.id} recorded codes of item {int(kept['rows'].max()):,}, but has "
                         f"{counted(recording.n_items, 'item')}; its folder is damaged.")
    return Recorded(kept["codes"], None if "unmatched" in kept else kept["rows"], int(kept["step"].item()))


def diagnose(run: Run, cat: Catalogue, vectors: VectorSigns) -> Diagnosis:
    """Examine a recorded run; ``doctor.examine`` with everything that was recorded.

    Args:
        vectors: what ``doctor.measure`` found on the catalogue's embeddings.

    Raises:
        ValueError: nothing was recorded yet, or the run belongs to other items.
    """
    recording = run.config.recording
    assert recording is not None
    events, found = _log(run.path, run.status.attempt).read(), latest(run)
    library = libraries.find(recording.library)
    params = library.params(recording.settings) | {"recorded": True}
    known = metrics.has_id(found.codes_NL)
    codes_NL, rows_N = found.codes_NL[known], None if found.rows_N is None else found.rows_N[known]
    if rows_N is not None:
        data.rows_for(run, cat, recording.n_items)
    steps = [event["step"] for event in events]
    early = run.status.busy and max(steps, default=0) < symptoms.STEPS_ENOUGH  # nobody is untrained for having just begun
    explained = _explained(run, cat, events, found)
    said = doctor.examine(
        codes_NL, recording.n_codes, [] if early else events, params, explained,
        None if early or rows_N is None else neighbours(codes_NL, cat.embedding_IE, rows_N, vectors),
        vectors=None if rows_N is None else replace(vectors, n_items=len(rows_N), copy_of_I=_copies(vectors, rows_N)),
        matched=rows_N is not None)
    said = _with_bad_losses(said, events)
    return replace(said, evidence=[*said.evidence, _basis(found, recording, len(codes_NL))],
                   remedies=library.prescribe(said.remedies, recording.settings), unseen=unseen(run, events, found, explained))


def neighbours(codes_NL: np.ndarray, emb_IE: np.ndarray, rows_N: np.ndarray, vectors: VectorSigns,
               n_queries: int = 300, n_pool: int = 20_000) -> list[metrics.NeighbourRecall] | None:
    """Whether true neighbours among the recorded items share prefixes; among an even sample where they are many.

    Args:
        rows_N: number of each row's item.
    """
    if vectors.n_bad or len(rows_N) < 2:
        return None
    if vectors.copy_of_I is not None:
        first = np.unique(vectors.copy_of_I[rows_N], return_index=True)[1]
        codes_NL, rows_N = codes_NL[first], rows_N[first]
    if len(rows_N) > n_pool:
        some = np.linspace(0, len(rows_N) - 1, n_pool).astype(np.int64)
        codes_NL, rows_N = codes_NL[some], rows_N[some]
    queries = np.unique(np.linspace(0, len(rows_N) - 1, min(n_queries, len(rows_N))).astype(np.int64))
    true_Nk, _ = metrics.nearest(emb_IE[rows_N], queries, min(10, len(rows_N) - 1))
    return metrics.neighbour_recall(codes_NL, queries, true_Nk) if true_Nk.size else None


def _copies(vectors: VectorSigns, rows_N: np.ndarray) -> np.ndarray | None:
    return None if vectors.copy_of_I is None else vectors.copy_of_I[rows_N]


def _explained(run: Run, cat: Catalogue, events: Sequence[Event], found: Recorded) -> float | None:
    """What the training measured last; else what the codebooks give where they quantise the embeddings themselves."""
    logged = [event["explained"] for event in events if isinstance(event.get("explained"), int | float)][-N_LAST:]
    if logged:
        return float(np.mean(logged))
    books = run.recorded_codebooks() if found.final else None
    if books is None or not run.has_latent():
        return None
    latent_IZ = run.latent()
    if latent_IZ.shape != cat.embedding_IE.shape or not np.array_equal(latent_IZ, cat.embedding_IE):
        return None  # what was quantised are not the embeddings, and nothing tells how to decode it
    known = np.flatnonzero(metrics.has_id(found.codes_NL))
    recon_NE = sum(book_KE[found.codes_NL[known, level]] for level, book_KE in enumerate(books))
    spread = float(np.square(latent_IZ[known] - latent_IZ[known].mean(0)).sum())
    return 1 - float(np.square(latent_IZ[known] - recon_NE).sum()) / spread if spread > 0 else None


def _with_bad_losses(said: Diagnosis, events: Sequence[Event]) -> Diagnosis:
    """A loss that was NaN or infinite comes first: all else follows from it."""
    notes = [f"At step {event['step']:,} {event['note']}." for event in events if isinstance(event.get("note"), str)]
    if not notes:
        return said
    also = [title for title in (said.title, *said.also) if title not in ("Healthy", "Non-finite numbers")]
    why = ("A loss that is not a finite number leaves weights that are not, and every later step is lost. Look for a learning "
           "rate that is too high, a division by zero, or half precision without loss scaling.")
    return replace(said, disease="not_finite", severity="critical", evidence=[*notes, *said.evidence], also=also, explanation=why)


def _basis(found: Recorded, recording: Recording, n: int) -> str:
    """What was counted, in one sentence."""
    if found.final:
        return f"Examined: the final codes of {n:,} of {counted(recording.n_items, 'item')}."
    if found.rows_N is None:
        return (f"Examined: the latest {counted(n, 'recorded code')}, up to step {found.step:,}. Whose codes they are was not "
                "recorded, so an item may count several times.")
    return (f"Examined: the latest codes of {n:,} of {counted(recording.n_items, 'item')}, recorded up to step {found.step:,}; "
            "collisions with the other items are not counted.")


def unseen(run: Run, events: Sequence[Event], found: Recorded, explained: float | None) -> list[str]:
    """What could not be seen, and what to record to see it."""
    recording = run.config.recording
    assert recording is not None
    logged = {name for event in events for name in event}
    said = []
    if found.rows_N is None:
        said.append("Collisions, distinct IDs and neighbours: log the items' numbers with the codes, rows=rows.")
    elif not found.final:
        said.append("Collisions among all items, Map and Tree: hand over the codes of all items at the end, close(codes=codes).")
    if explained is None:
        said.append("Explained variance: log what was encoded and what decoding gave, inputs=x, outputs=x_hat.")
    if "learning_rate" not in logged:
        said.append("Whether the learning rate is too high or too low: log it, learning_rate=optimizer.param_groups[0]['lr'].")
    if not any(name in logged for name in ("loss", "recon_loss", "total_loss", "train_loss")):
        said.append("Losses, and whether they stay finite: log them, losses={\"loss\": loss.item()}.")
    if run.recorded_codebooks() is None:
        said.append("Distances between codes, and an item's way through the levels: log the codebooks, codebooks=lambda: books.")
    if not recording.settings:
        said.append("Whether k-means initialisation, restarts and commitment are on: hand the settings over, "
                    "watch(settings={...}); the adapter for vector-quantize-pytorch reads them by itself.")
    few = [f"{size:,}" for size in recording.n_codes if len(found.codes_NL) < FEW_DRAWS * min(size, recording.n_items)]
    if few and not found.final:
        said.append(f"Perplexity of {few[0]} codes from {len(found.codes_NL):,} recorded ones comes out too low: log more often, "
                    "or larger batches.")
    return said
