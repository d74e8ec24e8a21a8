"""The doctor: reads codes (and, where there is one, the training log) and names what ails them.

``examine`` measures (``signs``), asks each disease whether it fits (``diseases``), most serious first, and
returns the first that does, with its evidence in plain sentences and remedies as parameter changes
(``remedies``).
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tiger import metrics
from tiger.analysis.doctor.diagnosis import Diagnosis, Remedy
from tiger.analysis.doctor.diseases import CAUSES_ALL, DISEASES, healthy
from tiger.analysis.doctor.signs import Signs, take


def examine(codes_IL: np.ndarray, n_codes: int | Sequence[int], events: list[dict[str, Any]] | None = None,
            params: dict[str, Any] | None = None, explained: float | None = None,
            neighbours: list[metrics.NeighbourRecall] | None = None) -> Diagnosis:
    """Name the disease of a set of codes.

    Args:
        codes_IL: codes of all items; rows of -1 have no ID.
        n_codes: K, or one K per level.
        events: the run's log (metrics and knob changes); None for imported codes.
        params: the quantizer's hyper-parameters, if there is a quantizer.
        explained: share of the embeddings' variance that decoding the codes gives back.
        neighbours: from ``metrics.neighbour_recall``: whether prefixes know anything about the embeddings.

    Returns:
        The most serious diagnosis that fits; ``also`` names the others.

    Raises:
        ValueError: no item has an ID, or a code is out of range.
    """
    known = params or {}
    signs = take(codes_IL, n_codes, events, known, explained, neighbours)
    fitting = (disease(signs, known) for disease in DISEASES)
    found = [diagnosis for diagnosis in fitting if diagnosis is not None] or [healthy(signs, known)]
    first = found[0]
    also = [] if first.disease in CAUSES_ALL else [other.title for other in found[1:]]
    return replace(first, also=also, remedies=[remedy for remedy in first.remedies if remedy.helps(known)])


__all__ = ["DISEASES", "Diagnosis", "Remedy", "Signs", "examine", "take"]
