"""What the worker does with a study: load what it is about, keep its rows as they come, pause and stop where asked."""

import time
from collections.abc import Iterator

import pandas as pd

from tiger import datasets
from tiger.core import files
from tiger.core.progress import Progress
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.quantizers.base import Quantizer
from tiger.runs import data, store, study_artifacts
from tiger.runs.run import Run
from tiger.runs.worker_context import EventLog, WorkerContext
from tiger.semantic_ids import SemanticIds
from tiger.studies.base import About, Note, Recipe, Row, Subject, Trained, generative

RESUMES_BEHIND_ROWS = "Stopped; resume it to continue after the last measured row."
RESUMES_IN_TRAINING = "Stopped before the first row was measured; when resumed it repeats the training that it was in."


class Study:
    """One attempt to carry out one study.

    Args:
        context: the run, opened.
    """

    def __init__(self, context: WorkerContext):
        self.context, self.run = context, context.run
        context.update_status(stage="loading the dataset", attempt=context.status.attempt + 1)
        self.log = EventLog(self.run, keep_bytes=None)  # behind the last whole line; a torn one is measured again
        self.start_s, self.step, self.said = time.monotonic(), 0, set(study_artifacts.notes(self.run))

    def steps(self) -> Iterator[Progress]:
        """Carry it out; the status says how it ended."""
        kind = study_artifacts.kind_of(self.run)
        config = kind.config(self.run.study.params)
        for event in kind.steps(subject_of(self.run), config, study_artifacts.rows(self.run)):
            if not isinstance(event, Progress):
                self._keep(event)
                continue
            self.step = event.step
            self.context.progress(event)
            yield event
            if not self._wait_while_paused():
                self.context.stop_acknowledged = True
                words = self.context.stop_reason or (RESUMES_BEHIND_ROWS if study_artifacts.rows(self.run) else
                                                     RESUMES_IN_TRAINING)
                self.context.update_status(state="stopped", message=words, rate=0.0, left_s=None)
                return
        self.context.stop_acknowledged = True
        self._keep_table()
        self.context.update_status(state="finished", stage="", message="", rate=0.0, left_s=None)

    def _keep(self, event: Row | About | Note) -> None:
        """Write down what was measured or said; a sentence once."""
        if isinstance(event, About):
            files.write_json(self.run.path / "study.json", event.to_json())
        elif isinstance(event, Row):
            self._log(row=event.to_json())
        elif event.text not in self.said:
            self.said.add(event.text)
            self._log(note=event.text)

    def _log(self, **event: object) -> None:
        self.log.add(self.step, time.monotonic() - self.start_s, **event)

    def _keep_table(self) -> None:
        """The rows as Parquet, for other tools."""
        frame = pd.DataFrame([row.to_cells() for row in study_artifacts.rows(self.run)])
        part = self.run.path / ".rows.part"
        frame.to_parquet(part, index=False)
        files.replace(part, self.run.path / "rows.parquet")

    def _wait_while_paused(self) -> bool:
        """Wait while it is paused; False where it must stop."""
        paused = False
        while True:
            action = self.context.read_control().action
            if action != "pause":
                break
            if not paused:
                self.context.update_status(state="paused", rate=0.0, left_s=None)
                paused = True
            time.sleep(0.05)
        if paused and action == "run":
            self.context.restart_meter()
            self.context.update_status(state="running")
        return bool(action == "run")


def execute(context: WorkerContext) -> Iterator[Progress]:
    """What the worker does with studies."""
    yield from Study(context).steps()


def subject_of(run: Run) -> Subject:
    """What the study is about.

    Raises:
        ValueError: the codes' run is gone, belongs to another catalogue, or has no quantizer where one is needed.
    """
    parent = store.find(str(run.config.parent))
    numbered = data.catalogue_for(parent, datasets.load_ref(run.config.dataset), vectors=True)
    cat = data.begin(run, numbered)  # items have the parent's numbers
    codes_IL, ids = parent.codes(), parent.semantic_ids()
    if len(codes_IL) != cat.n_items:
        raise ValueError(f"Run '{parent.title}' has codes for {counted(len(codes_IL), 'item')}, but the dataset has "
                         f"{cat.n_items:,}; choose a run of this dataset.")
    subject = Subject(cat, parent.title, codes_IL, ids.n_codes[:ids.n_levels], lambda: quantizer_of(parent), run.path,
                      parent.status.n_threads)
    chosen = run.study.model
    if not chosen:
        return subject
    given = store.find(chosen).learner
    return Subject(**(vars(subject) | {"recommender": lambda: chosen_recommender(chosen, parent, cat),
                                       "recipe": Recipe(given.name, given.params)}))


def quantizer_of(parent: Run) -> Quantizer:
    """A run's quantizer. Raises ValueError where it has none (imported IDs)."""
    parent.check_quantizer()
    return parent.quantizer()


def chosen_recommender(run_id: str, parent: Run, cat: Catalogue) -> Trained:
    """The recommender of a model run, and the IDs that it writes.

    Raises:
        ValueError: it writes no IDs, or those of another run.
    """
    chosen = store.find(run_id)
    ids_run = chosen.config.ids_run
    if ids_run != parent.id:
        raise ValueError(f"The recommender '{chosen.title}' writes the IDs of run {ids_run or 'none'}, not of "
                         f"{parent.id}; choose the run it belongs to, or another recommender.")
    if data.catalogue_for(chosen, cat) is not cat:
        raise ValueError(f"The recommender '{chosen.title}' was trained on the same items in another order than "
                         f"'{parent.title}'; train a recommender on its IDs again.")
    model = generative(chosen.recommender())
    if model.n_items != cat.n_items:
        raise ValueError(f"The recommender '{chosen.title}' learned from {counted(model.n_items, 'item')}, but the dataset has "
                         f"{cat.n_items:,}; choose one of this dataset.")
    sizes = model.metadata_["n_codes"].tolist()
    return Trained(model, SemanticIds(model.metadata_["ids"].numpy(), sizes, parent.codes().shape[1]))
