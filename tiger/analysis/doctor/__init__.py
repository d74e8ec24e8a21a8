"""The doctor: names what is wrong with codes from the codes, the training log, the settings and the embeddings.

``examine`` measures (``signs``, ``vectors``), asks each disease whether it fits (``causes``, ``diseases``), most serious
first, and returns the first that does, with its evidence in plain sentences and remedies as parameter changes
(``remedies``). ``look_at`` does the same for embeddings alone, before anything is trained (``embeddings``), and
``next_treatment`` says which remedy to try after others did not cure (``treatment``).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tiger import metrics
from tiger.analysis.doctor import symptoms
from tiger.analysis.doctor.causes import learned_nothing
from tiger.analysis.doctor.diagnosis import Diagnosis, Remedy
from tiger.analysis.doctor.diseases import DISEASES, healthy
from tiger.analysis.doctor.embeddings import Finding, VectorReport, look_at, without_codes
from tiger.analysis.doctor.remedies import deeper, spread_more, twice_as_many
from tiger.analysis.doctor.signs import Counts, Params, Settings, Signs, as_last_set, take
from tiger.analysis.doctor.treatment import Attempt, Treatment, next_treatment
from tiger.analysis.doctor.vectors import VectorSigns, measure
from tiger.core.events import Event


def examine(codes_IL: np.ndarray, n_codes: int | Sequence[int], events: Sequence[Event] | None = None,
            params: Params | None = None, explained: float | None = None,
            neighbours: list[metrics.NeighbourRecall] | None = None, *, vectors: VectorSigns | None = None,
            ordered: bool = True, sizes_guessed: bool = False, matched: bool = True, counts: Counts | None = None) -> Diagnosis:
    """Name what is wrong with a set of codes.

    Args:
        codes_IL: codes of all items; rows of -1 have no ID.
        n_codes: K, or one K per level.
        events: the run's log (metrics and changed live parameters); None for imported codes.
        params: the quantizer's hyper-parameters, if there is a quantizer.
        explained: share of the embeddings' variance that decoding the codes gives back.
        neighbours: from ``metrics.neighbour_recall``: whether prefixes know anything about the embeddings.
        vectors: from ``measure``: what the embeddings themselves tell.
        ordered: whether each level refines the level before (``Quantizer.residual``).
        sizes_guessed: ``n_codes`` was guessed from the largest codes, so it is no evidence of unused ones.
        matched: whether each row is an item of its own; else items may be there several times.
        counts: of all items, where the codes are those of a sample.

    Returns:
        The most serious diagnosis that fits; ``also`` names the others that do not follow from it.

    Raises:
        ValueError: no item has an ID, a code is out of range, or vectors belong to another number of items.
    """
    params = as_last_set(params, events or ()) if params else {}
    settings = Settings.of(params, events or ())
    signs = take(codes_IL, n_codes, events or (), settings, explained, neighbours, vectors, ordered, sizes_guessed,
                 matched, counts)
    found: list[Diagnosis] = []
    for disease in DISEASES:
        diagnosis = None if found and disease is learned_nothing else disease(signs, settings)
        found += [diagnosis] if diagnosis else []
    first, *_ = found = found or [healthy(signs, settings)]
    if signs.fall is not None and not first.healthy:
        first = replace(first, evidence=[symptoms.fall_sentence(signs.fall), *first.evidence])
    also = [other.title for other in found[1:] if not first.is_cause or other.is_cause or other.disease == "duplicates"]
    if first.disease == "total_collapse":
        also = [title for title in also if title == "Duplicate vectors"]
    return replace(first, also=[title for title in dict.fromkeys(also) if title != first.title],
                   remedies=_unlike([remedy for remedy in first.remedies if remedy.helps(params)], params))


def _unlike(remedies: Sequence[Remedy], params: Params) -> list[Remedy]:
    """Without those that come to the same changes as one before."""
    kept: list[Remedy] = []
    seen: list[dict[str, object]] = []
    for remedy in remedies:
        changes = {name: value for name, value in remedy.changes.items() if params.get(name) != value}
        if changes not in seen:
            seen.append(changes)
            kept.append(remedy)
    return kept


__all__ = ["DISEASES", "Attempt", "Counts", "Diagnosis", "Finding", "Params", "Remedy", "Settings", "Signs", "Treatment",
           "VectorReport", "VectorSigns", "deeper", "examine", "look_at", "measure", "next_treatment", "spread_more", "take",
           "twice_as_many", "without_codes"]
