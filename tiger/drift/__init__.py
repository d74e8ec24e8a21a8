"""Vectors move with time: what happens to the IDs, and what each remedy costs.

``simulate``, ``versions``: a second version of the vectors, made or real. ``align``: one version laid over the
other. ``remedies``: seven answers, each giving new codes and IDs; ``rename`` is what the fifth rests on.
``measure``: churn, error, collisions, neighbours, history tokens. ``reader``: what the old recommender loses.
``compare``: everything at every strength, or period after period.
"""

from tiger.drift.align import align, fit_width, procrustes, unmoved
from tiger.drift.compare import SOURCES, Comparison, DriftParams, drift_params
from tiger.drift.measure import flows, ids_of, lost_share, measure, truth
from tiger.drift.reader import Reader, quick, with_ids
from tiger.drift.remedies import BY_NUMBER, REMEDIES, Effort, Known, Outcome, Remedy, apply, outcome_of
from tiger.drift.rename import rename
from tiger.drift.simulate import Knobs, Version, simulate
from tiger.drift.versions import from_file, refit

__all__ = ["BY_NUMBER", "REMEDIES", "SOURCES", "Comparison", "DriftParams", "Effort", "Knobs", "Known", "Outcome",
           "Reader", "Remedy", "Version", "align", "apply", "drift_params", "fit_width", "flows", "from_file", "ids_of",
           "lost_share", "measure", "outcome_of", "procrustes", "quick", "refit", "rename", "simulate", "truth",
           "unmoved", "with_ids"]
