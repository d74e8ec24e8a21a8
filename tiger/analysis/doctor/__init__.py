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
from tiger.analysis.doctor.diagnosis import Diagnosis, Remedy
from tiger.analysis.doctor.diseases import DISEASES, healthy
from tiger.analysis.doctor.embeddings import Finding, VectorReport, look_at, without_codes
from tiger.analysis.doctor.signs import Params, Settings, Signs, take
from tiger.analysis.doctor.treatment import Attempt, Treatment, next_treatment
from tiger.analysis.doctor.vectors import VectorSigns, measure
from tiger.core.events import Event


def examine(codes_IL: np.ndarray, n_codes: int | Sequence[int], events: Sequence[Event] | None = None,
            params: Params | None = None, explained: float | None = None,
            neighbours: list[metrics.NeighbourRecall] | None = None, *, vectors: VectorSigns | None = None,
            ordered: bool = True, sizes_guessed: bool = False) -> Diagnosis:
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

    Returns:
        The most serious diagnosis that fits; ``also`` names the others that do not follow from it.

    Raises:
        ValueError: no item has an ID, a code is out of range, or vectors belong to another number of items.
    """
    params = params or {}
    settings = Settings.of(params, events or ())
    signs = take(codes_IL, n_codes, events or (), settings, explained, neighbours, vectors, ordered, sizes_guessed)
    fitting = (disease(signs, settings) for disease in DISEASES)
    found = [diagnosis for diagnosis in fitting if diagnosis is not None] or [healthy(signs, settings)]
    first = found[0]
    also = [other.title for other in found[1:] if not first.is_cause or other.is_cause or other.disease == "duplicates"]
    if first.disease == "total_collapse":
        also = [title for title in also if title == "Duplicate vectors"]
    helping = [remedy for remedy in first.remedies if remedy.helps(params)]
    unlike = [remedy for place, remedy in enumerate(helping) if remedy.changes not in [one.changes for one in helping[:place]]]
    return replace(first, also=list(dict.fromkeys(also)), remedies=unlike)


__all__ = ["DISEASES", "Attempt", "Diagnosis", "Finding", "Params", "Remedy", "Settings", "Signs", "Treatment",
           "VectorReport", "VectorSigns", "examine", "look_at", "measure", "next_treatment", "take", "without_codes"]
