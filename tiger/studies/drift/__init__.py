"""Embeddings change over time: what happens to the IDs, and what each remedy costs.

``simulate``, ``versions``: a second version of the vectors, simulated or real. ``align``: aligns one version with the
other. ``baseline``: what is in use before, also backdated to fewer interactions. ``remedies``: seven remedies, each giving
new codes and IDs; ``match_codes`` is what the fifth rests on, ``penalised`` the sixth. ``measure``: churn, error,
collisions, neighbours, history tokens. ``recommender_probe``: the old recommender's recall. ``config``: the parameters.
``compare``: everything at every strength, or period after period.
"""

from collections.abc import Sequence

from tiger.datasets.labels import category_labels
from tiger.studies.base import Note, Steps, StudyKind, Subject, train_small_recommender, trained_recommender
from tiger.studies.drift.align import align, fit_width, procrustes, procrustes_similarity, residual, unmoved
from tiger.studies.drift.baseline import BACKDATED, Baseline, backdated_baseline, threads
from tiger.studies.drift.compare import Comparison
from tiger.studies.drift.config import SOURCES, DriftParams
from tiger.studies.drift.match_codes import match_codes
from tiger.studies.drift.measure import code_transitions, ids_of, measure, true_neighbours, unexplained_variance
from tiger.studies.drift.recommender_probe import RecommenderProbe, with_ids
from tiger.studies.drift.remedies import BY_NUMBER, REMEDIES, Outcome, Remedy, TrainingBudget, apply
from tiger.studies.drift.rows import DriftAbout, DriftRow
from tiger.studies.drift.simulate import SimulatedDrift, Version, simulate
from tiger.studies.drift.versions import align_first, from_file, from_files, refit, version_files

__all__ = ["BACKDATED", "BY_NUMBER", "REMEDIES", "SOURCES", "STUDY", "Baseline", "Comparison", "DriftAbout", "DriftParams",
           "DriftRow", "Outcome", "RecommenderProbe", "Remedy", "SimulatedDrift", "TrainingBudget", "Version", "align",
           "align_first", "apply", "backdated_baseline", "code_transitions", "fit_width", "from_file", "from_files", "ids_of",
           "match_codes", "measure", "procrustes", "procrustes_similarity", "refit", "residual", "simulate", "threads",
           "true_neighbours", "unexplained_variance", "unmoved", "version_files", "with_ids"]


def steps(subject: Subject, config: DriftParams, done: Sequence[DriftRow] = ()) -> Steps:
    """Every remedy at every strength, or period after period."""
    cat, probe = subject.cat, None
    baseline = Baseline(subject.quantizer(), subject.codes_IL, cat.embedding_IE, subject.n_threads)
    if config.source == "history":
        baseline = yield from backdated_baseline(baseline, cat, config.first_share)
        yield Note(BACKDATED.format(share=config.first_share))
    if config.recommender:
        trained = yield from (trained_recommender(subject, config.recommender_epochs) if config.source != "history" else
                              train_small_recommender(subject, baseline.codes_IL, baseline.quantizer.codes_per_level,
                                                      config.recommender_epochs))
        probe = RecommenderProbe(cat, trained.model, trained.ids, config.recommender_users, regain_steps=config.regain_steps)
    counted: dict[tuple[float, int], int] = {}
    for row in done:
        counted[row.strength, row.remedy] = counted.get((row.strength, row.remedy), 0) + 1
    whole = {key for key, n in counted.items() if n >= config.n_periods()}
    comparison = Comparison(cat, baseline, config, category_labels(cat)[0], probe, whole)
    yield DriftAbout(cat.name, subject.title, cat.n_items, "" if probe is None else probe.model.title, cat.n_interactions,
                     baseline.codes_IL.shape[1])
    yield from comparison.steps()


STUDY = StudyKind("drift", "Drift", DriftParams, DriftRow, DriftAbout, steps, path_params=("path", "ids"), needs_quantizer=True)
