"""Runs and files of codes, diagnosed with all that their folder and their catalogue tell; and treatments of runs."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import doctor
from tiger.analysis.doctor import Attempt, Counts, Diagnosis, Params, Settings, Treatment, VectorSigns
from tiger.core import words
from tiger.core.events import Event
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import Values
from tiger.metrics import explained_variance
from tiger.reports import at_scale, recorded
from tiger.reports.codes import is_ordered
from tiger.runs import Run, counted, data, outcome, store
from tiger.runs.records import LearnerConfig, RunConfig

N_QUERIES = 300  # items whose neighbours are looked up

UNSEEN_OF_IDS = ("Explained variance, and how the codes were learned: IDs alone do not tell. Record the training with "
                 "tiger.watch, or import its codebooks and vectors.")


def diagnose(run: Run, cat: Catalogue, vectors: VectorSigns | None = None) -> Diagnosis:
    """Examine a run with all that its folder and its catalogue tell.

    Args:
        vectors: what ``doctor.measure`` found on the catalogue's embeddings, where that is known already.

    Raises:
        ValueError: the run has no codes yet, or was made from another catalogue.
    """
    vectors = vectors or doctor.measure(cat.embedding_IE)
    if run.external:
        return recorded.diagnose(run, cat, vectors)
    learner = run.config.quantizer
    params = learner.params if learner else {}
    try:
        codes_IL = run.codes()
    except ValueError:
        found = doctor.without_codes(vectors, Settings.of(params)) if run.state == "failed" else None
        if found is None:
            raise
        return found
    codes_IL, changed = codes_IL[data.rows_for(run, cat, len(codes_IL))], data.changes(run, cat)
    if changed is not None and changed.n_vectors:  # no vector of today says anything about codes made from others
        found = examine(codes_IL, run.codes_per_level(), None, run.events()[0], params,
                        ordered=is_ordered(run))
        words = f"{data.sentence(run, changed, False)} The diagnosis uses the codes and the log alone."
        return replace(found, evidence=[words, *found.evidence])
    all_items = counted.read(run)
    found = examine(codes_IL, run.codes_per_level(), cat.embedding_IE, run.events()[0], params, _decoded(run, codes_IL),
                    vectors=vectors, ordered=is_ordered(run),
                    sizes_guessed=run.config.imported is not None and run.config.imported.sizes_guessed,
                    counts=Counts(all_items.counts_LK, all_items.prefixes, all_items.collisions) if all_items else None)
    if said := at_scale.summary(run, cat):
        found = replace(found, evidence=[*found.evidence, said])
    return found if run.config.imported is None else replace(found, unseen=[UNSEEN_OF_IDS])


def examine(codes_IL: np.ndarray, n_codes: int | Sequence[int], emb_IE: np.ndarray | None = None,
            events: Sequence[Event] | None = None, params: Params | None = None,
            decoded: tuple[np.ndarray, np.ndarray] | None = None, *, vectors: VectorSigns | None = None,
            ordered: bool = True, sizes_guessed: bool = False, counts: Counts | None = None) -> Diagnosis:
    """``doctor.examine`` with what embeddings add; for imported IDs there is no more than that.

    Args:
        emb_IE: the items' embeddings.
        decoded: item numbers, and what decoding their codes gave.
        vectors: what ``doctor.measure`` found on ``emb_IE``, where that is known already.
        counts: of all items, where codes and embeddings are those of a sample.
    """
    explained = neighbours = None
    if emb_IE is not None:
        vectors = vectors or doctor.measure(emb_IE)
        if decoded is not None:
            explained = explained_variance(emb_IE, *decoded)
        elif events and params:
            explained = explained_in_training(emb_IE, events, params.get("normalise", "none"))
        neighbours = _neighbours(codes_IL, emb_IE, ordered, vectors) if not vectors.n_bad else None
    found = doctor.examine(codes_IL, n_codes, events, params, explained, neighbours, vectors=vectors, ordered=ordered,
                           sizes_guessed=sizes_guessed, counts=counts)
    said = without_id_summary(codes_IL)
    return replace(found, evidence=[*found.evidence, said]) if said else found


def without_id_summary(codes_IL: np.ndarray) -> str:
    """How many items have no ID, as in an imported set; "" where all have one."""
    n = int((~metrics.has_id(np.asarray(codes_IL))).sum())
    return f"{n:,} of {words.counted(len(codes_IL), 'item')} {'has' if n == 1 else 'have'} no ID; everything here is about the " \
           f"other{'s' * (len(codes_IL) - n > 1)}." if n else ""


def _neighbours(codes_IL: np.ndarray, emb_IE: np.ndarray, ordered: bool,
                vectors: VectorSigns) -> list[metrics.NeighbourRecall] | None:
    """Recall of true neighbours by the depth of the shared prefix; by single level where levels are independent.

    Of items with the same vector one is taken: a copy is no neighbour, and shares all codes.
    """
    if vectors.copy_of_I is not None and vectors.n_distinct < len(codes_IL):
        first = np.unique(vectors.copy_of_I)
        codes_IL, emb_IE = codes_IL[first], emb_IE[first]
    queries = metrics.seeded_sample(np.flatnonzero(metrics.has_id(codes_IL)), N_QUERIES)
    true_Nk, _ = metrics.nearest(emb_IE, queries, 10)
    if not true_Nk.size:
        return None
    if ordered:
        return metrics.neighbour_recall(codes_IL, queries, true_Nk)
    return [metrics.neighbour_recall(codes_IL[:, [level]], queries, true_Nk)[0] for level in range(codes_IL.shape[1])]


def explained_in_training(emb_IE: np.ndarray, events: Sequence[Event], normalise: str = "none",
                          n_last: int = 5) -> float | None:
    """The same from the last logged reconstruction losses, for a run that has saved no weights yet.

    The loss is the mean squared length of what is missing, in the space that the quantizer normalises to.
    """
    losses = [event["recon_loss"] for event in events if event.get("recon_loss") is not None][-n_last:]
    if not losses:
        return None
    emb_IE = metrics.unit_rows(emb_IE) if normalise == "l2" else np.asarray(emb_IE, np.float32)
    var_E = emb_IE.var(axis=0, dtype=np.float64)
    spread = {"standardise": float((var_E > 0).sum()), "centre": 1.0}.get(normalise, float(var_E.sum()))
    return 1 - float(np.mean(losses)) / spread if spread > 0 else None


def _decoded(run: Run, codes_IL: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    if not run.has_result():
        return None
    items_N = metrics.seeded_sample(np.arange(len(codes_IL)), outcome.N_DECODED)
    try:
        return items_N, run.quantizer().decode(codes_IL[items_N])
    except (NotImplementedError, ValueError):
        return None


def doctor_frame(found: Diagnosis) -> pd.DataFrame:
    """What the doctor measured at each level: level, codes, perplexity, use (share of the reach), dead."""
    signs = found.signs
    if signs is None:
        return pd.DataFrame(columns=["level", "n_codes", "reach", "perplexity", "use", "dead"])
    return pd.DataFrame({"level": np.arange(1, len(signs.n_codes) + 1), "n_codes": signs.n_codes,
                         "reach": signs.reach, "perplexity": signs.perplexity, "use": signs.use,
                         "dead": signs.dead})


def vector_rows(signs: VectorSigns) -> list[tuple[str, str, str]]:
    """What was measured on embeddings, for people: label, value, and what it means."""
    rows = [("Spread", f"{signs.raw.spread:.3g}", "Root mean square distance from the mean."),
            ("Mean's share", f"{signs.raw.mean_share:.0%}", "The mean's share of the mean squared length; a large one leaves "
             "little to the differences between items."),
            ("Largest column", f"{signs.raw.widest:.1%}", "Share of the variance in the column that has the most of it."),
            ("Effective rank", f"{signs.effective_rank:.0f} of {signs.width:,}", "exp of the entropy of the normalised singular "
             "values: the number of dimensions that the vectors fill."),
            ("Distinct vectors", f"{signs.n_distinct:,} of {signs.n_items:,}", "Equal vectors get equal codes, so there are at "
             "most so many distinct IDs."),
            ("Near copies", f"{signs.near_share:.0%}", "Items whose nearest different vector is closer than 1 % of the spread, "
             "in a sample.")]
    counts = (("Constant columns", signs.n_constant, "Columns with the same number in every row."),
              ("Zero vectors", signs.n_zero, "Rows of zeros."),
              ("Not finite", signs.n_bad, "Rows with NaN or infinity."))
    return rows + [(label, f"{count:,}", about) for label, count, about in counts if count]


@dataclass(frozen=True)
class Examined:
    """One run of a treatment and its verdict.

    Args:
        run_id, title, state: the run.
        params: its hyper-parameters as they were last set.
        changes: what differs from the run that it was started from; empty for the first.
        diagnosis: None while the run has no codes, and where it failed for another reason than its embeddings.
    """

    run_id: str
    title: str
    state: str
    params: Values
    changes: Values
    diagnosis: Diagnosis | None

    @property
    def verdict(self) -> str:
        """The diagnosis' title, or how the run stands."""
        return self.diagnosis.title if self.diagnosis else self.state

    @property
    def distinct_ids(self) -> tuple[int, int] | None:
        """Distinct IDs and items; None without codes."""
        signs = self.diagnosis.signs if self.diagnosis else None
        return (signs.collisions.unique, signs.n_items) if signs else None


@dataclass(frozen=True)
class Consultation:
    """Everything that the doctor says about a run.

    Args:
        run: the examined run.
        course: the untreated run first, then all runs that were started from it, oldest first; ``run`` is among them.
        before, after: the pair to compare: the run that ``run`` was started from, and ``run``; or ``run`` and the newest
            run started from it. ``after`` is None where nothing was treated yet.
        next: the remedy to try next where the newest run is still not healthy; None where that is healthy, trains
            yet, or no remedy is left.
    """

    run: Examined
    course: list[Examined]
    before: Examined
    after: Examined | None
    next: Treatment | None

    @property
    def offers(self) -> list[tuple[doctor.Remedy, Values]]:
        """The examined run's remedies, each with what it really changes."""
        remedies = self.run.diagnosis.remedies if self.run.diagnosis else []
        found = [(remedy, effective(remedy, self.run.params)) for remedy in remedies]
        return [(remedy, changes) for remedy, changes in found if changes]


def effective(remedy: doctor.Remedy, params: Params) -> Values:
    """A remedy's changes of hyper-parameters that a quantizer has and that have another value now."""
    return {name: value for name, value in remedy.changes.items() if name in params and params[name] != value}


def settings_of(run: Run) -> Values:
    """A quantizer run's hyper-parameters as they were last set; empty for imported IDs."""
    return {**run.config.quantizer.params, **run.live_params()} if run.config.quantizer else {}


def course_of(run: Run) -> list[Run]:
    """The run that a treatment began with, and all runs started from it, oldest first; ``run`` is among them."""
    known = [one for one in store.list_runs() if one.config.kind == "quantizer"]
    by_id = {one.id: one for one in known}
    first, seen = run, {run.id}
    while first.config.parent in by_id and first.config.parent not in seen:
        first = by_id[first.config.parent]
        seen.add(first.id)
    course = {first.id: first}
    for one in sorted(known, key=lambda one: one.config.created_s):
        if one.config.parent in course:
            course[one.id] = one
    return list(course.values())


def consult(run: Run, course: Sequence[Run], diagnosis_of: Callable[[Run], Diagnosis | None]) -> Consultation:
    """Put together what is known of a run and of those that treated it.

    Args:
        course: from ``course_of``.
        diagnosis_of: each run's diagnosis, as a page keeps it in its cache; None where there is nothing to examine.
    """
    by_id = {one.id: one for one in course}
    examined = {}
    for one in course:
        params, parent = settings_of(one), by_id.get(one.config.parent or "")
        before = settings_of(parent) if parent else params
        changes = {name: value for name, value in params.items() if before.get(name) != value}
        examined[one.id] = Examined(one.id, one.title, one.state, params, changes, diagnosis_of(one))
    own, children = examined[run.id], [one for one in course if one.config.parent == run.id]
    treated = run.config.parent in examined
    before_it = examined[run.config.parent] if treated else own  # type: ignore[index]
    after = own if treated else examined[children[-1].id] if children else None
    return Consultation(own, list(examined.values()), before_it, after, _next(list(examined.values())))


def _next(course: list[Examined]) -> Treatment | None:
    """The next remedy, once something was tried and nothing trains any more."""
    if len(course) < 2 or any(one.state in ("queued", "running", "paused") for one in course):
        return None
    return doctor.next_treatment([Attempt(one.params, one.diagnosis) for one in course])


def treated_config(first: Run, base_id: str, remedy: doctor.Remedy, params: Values) -> RunConfig:
    """What a run with a remedy is asked to do.

    Args:
        first: the run that the treatment began with.
        base_id: the run that the remedy changes.
        params: all hyper-parameters, the remedy's among them.
    """
    assert first.config.quantizer is not None
    return RunConfig("quantizer", first.config.dataset, f"{first.title}: {remedy.title[0].lower()}{remedy.title[1:]}",
                     parent=base_id, quantizer=LearnerConfig(first.config.quantizer.name, params))


def treat(run: Run, cat: Catalogue, train: Callable[[RunConfig, Treatment], Run],
          n_remedies: int = 3) -> Iterator[Examined]:
    """Try one remedy after another, each in a run of its own, until the codes are healthy or no remedy is left.

    Args:
        run: a quantizer run; remedies that were tried on it before are not repeated.
        cat: the catalogue that it was made from.
        train: makes a run from a configuration and trains it to its end.
        n_remedies: remedies to try at most.

    Yields:
        ``run`` and the runs that treated it before, then each new run as soon as it is trained.

    Raises:
        ValueError: imported IDs, which no quantizer can be trained for again; or as ``diagnose``.
    """
    if run.config.quantizer is None:
        raise ValueError(f"'{run.title}' has no quantizer to train again: its IDs were imported. Train a run on the same "
                         "dataset instead.")
    vectors = doctor.measure(cat.embedding_IE)

    def diagnosis_of(one: Run) -> Diagnosis | None:
        try:
            return diagnose(one, cat, vectors)
        except ValueError:
            return None

    diagnose(run, cat, vectors)  # what forbids it is said at once
    course = [run, *(one for one in course_of(run) if _comes_from(one, run) and not one.status.active)]
    known = list(consult(run, course, diagnosis_of).course)
    yield from known
    for _ in range(n_remedies):
        found = doctor.next_treatment([Attempt(one.params, one.diagnosis) for one in known])
        if found is None:
            return
        made = train(treated_config(run, known[found.base].run_id, found.remedy, found.params), found)
        changes = {name: value for name, value in found.params.items() if known[found.base].params.get(name) != value}
        known.append(Examined(made.id, made.title, made.state, found.params, changes, diagnosis_of(made)))
        yield known[-1]
        if made.state == "stopped":
            return


def _comes_from(one: Run, run: Run) -> bool:
    """Whether a run was started from another, directly or over runs between."""
    seen: set[str] = set()
    while one.config.parent and one.config.parent not in seen:
        if one.config.parent == run.id:
            return True
        seen.add(one.config.parent)
        try:
            one = store.find(one.config.parent)
        except ValueError:
            return False
    return False
