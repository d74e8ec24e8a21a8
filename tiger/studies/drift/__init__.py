"""Vectors move with time: what happens to the IDs, and what each remedy costs.

``simulate``, ``versions``: a second version of the vectors, made or real. ``align``: one version laid over the
other. ``known``: what is in use before; ``earlier`` makes it from fewer interactions. ``remedies``: seven answers, each
giving new codes and IDs; ``rename`` is what the fifth rests on, ``sticky`` the sixth. ``measure``: churn, error,
collisions, neighbours, history tokens. ``reader``: what the old recommender loses. ``asked``: what may be asked.
``compare``: everything at every strength, or period after period.
"""

from tiger.studies.drift.align import align, fit_width, likeness, procrustes, residual, unmoved
from tiger.studies.drift.baseline import Known, threads
from tiger.studies.drift.compare import Comparison
from tiger.studies.drift.config import SOURCES, DriftParams, drift_params
from tiger.studies.drift.earlier import EARLIER, earlier
from tiger.studies.drift.match_codes import rename
from tiger.studies.drift.measure import flows, ids_of, lost_share, measure, truth
from tiger.studies.drift.recommender_probe import Reader, quick, with_ids
from tiger.studies.drift.remedies import BY_NUMBER, REMEDIES, Effort, Outcome, Remedy, apply, outcome_of
from tiger.studies.drift.simulate import Knobs, Version, simulate
from tiger.studies.drift.versions import align_first, from_file, from_files, refit, version_files

__all__ = ["BY_NUMBER", "EARLIER", "REMEDIES", "SOURCES", "Comparison", "DriftParams", "Effort", "Knobs", "Known", "Outcome",
           "Reader", "Remedy", "Version", "align", "align_first", "apply", "drift_params", "earlier", "fit_width", "flows",
           "from_file", "from_files", "ids_of", "likeness", "lost_share", "measure", "outcome_of", "procrustes", "quick",
           "refit", "rename", "residual", "simulate", "threads", "truth", "unmoved", "version_files", "with_ids"]
