"""What the worker does with a study: load what it is about, carry it out row by row, hear pause and stop."""

import io
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tiger import datasets, models
from tiger.core import files
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.models.generative import GenerativeRecommender
from tiger.runs import data, store, study_artifacts
from tiger.runs.records import LearnerConfig
from tiger.runs.run import Run
from tiger.runs.worker_context import EventLog, WorkerContext
from tiger.semantic_ids import SemanticIds
from tiger.studies import cold_start, diversity, drift


class Study:
    """One attempt to carry out one study.

    Args:
        context: the run, opened.
    """

    def __init__(self, context: WorkerContext):
        self.context, self.run, self.config = context, context.run, context.run.config
        context.update_status(stage="loading the dataset", attempt=context.status.attempt + 1)
        self.parent = store.find(str(self.config.parent))
        numbered = data.catalogue_for(self.parent, datasets.load_ref(self.config.dataset), vectors=True)
        self.cat = data.begin(self.run, numbered)  # items have the parent's numbers
        self.params = self.run.study.params
        self.log = EventLog(self.run, keep_bytes=None)
        self.start_s = time.monotonic()

    def steps(self) -> Iterator[Progress]:
        """Carry it out; the status says how it ended."""
        make = {"drift": self._drift, "cold": self._cold, "diversity": self._diversity}[self.config.kind]
        for progress in make():
            for row in [*progress.metrics.get("rows", []), *([progress.metrics["row"]] if "row" in progress.metrics else [])]:
                self.log.add(progress.step, time.monotonic() - self.start_s, row=row)
            self.context.progress(progress)
            yield progress
            if not self._wait_while_paused():
                self.context.stop_acknowledged = True
                words = self.context.stop_reason or self._where()
                self.context.update_status(state="stopped", message=words, rate=0.0, left_s=None)
                return
        self.context.stop_acknowledged = True
        self._keep_table()
        self.context.update_status(state="finished", stage="", message="", rate=0.0, left_s=None)

    def _where(self) -> str:
        """What a stopped study goes on with when it is resumed."""
        if study_artifacts.rows(self.run):
            return "Stopped; resume it to go on behind the last finished row."
        return "Stopped before the first row was there; resumed, it begins again with the training that it was in."

    def _keep_table(self) -> None:
        """The rows as Parquet, for whoever reads them with other tools."""
        rows = study_artifacts.rows(self.run)
        frame = pd.DataFrame([{key: value for key, value in row.items() if key != "flows"} for row in rows])
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

    def note(self, text: str) -> None:
        """Keep one sentence on how the data were made to fit."""
        self.log.add(0, time.monotonic() - self.start_s, note=text)

    def tell(self, **facts: Any) -> None:
        """Keep what is the same for all rows."""
        files.write_json(self.run.path / "study.json", study_artifacts.about(self.run) | facts)

    def _drift(self) -> Iterator[Progress]:
        """Seven remedies at every strength, or period after period."""
        asked = drift.drift_params(self.params)
        known, reader = known_of(self.parent, self.cat), None
        if asked.source == "history":
            for progress in drift.earlier(known, self.cat, asked.first_share):
                known = progress.metrics.get("known", known)
                yield Progress(progress.stage, progress.step, progress.n_steps)
            self.note(drift.EARLIER.format(share=asked.first_share))
        if asked.reader:
            yield from self._with_model(known.codes_IL, known.quantizer.n_codes, asked.reader_epochs,
                                        own=asked.source == "history")
            reader = drift.Reader(self.cat, self.model, self.ids, asked.reader_users, regain_steps=asked.regain_steps)
        done = self._done_drift(asked)
        labels_I, _ = category_labels(self.cat)
        comparison = drift.Comparison(self.cat, known, asked, labels_I, reader, done)
        self.tell(dataset=self.cat.name, n_items=self.cat.n_items, parent=self.parent.title,
                  n_interactions=self.cat.n_interactions, n_levels=known.codes_IL.shape[1])
        said: set[str] = set()
        for progress in comparison.steps():
            for text in comparison.notes:
                if text not in said:
                    said.add(text)
                    self.note(text)
            yield progress

    def _done_drift(self, asked: drift.DriftParams) -> set[tuple[float, int]]:
        """Remedies whose every period is there."""
        counted: dict[tuple[float, int], int] = {}
        for row in study_artifacts.rows(self.run):
            key = (float(row["strength"]), int(row["remedy"]))
            counted[key] = counted.get(key, 0) + 1
        return {key for key, n in counted.items() if n >= asked.n_periods()}

    def _cold(self) -> Iterator[Progress]:
        """Hold items out, train without them, recommend them; what was trained stays in the run's folder."""
        asked = cold_start.cold_params(self.params)
        held = cold_start.hold_out(self.cat, asked.share, asked.seed)
        recipe, kept, codes_at = self._recipe(), self.run.path / "warm", self.run.path / "warm_codes.npy"
        model = cold_start.fresh(recipe.name, recipe.params, asked)
        codes_IL = np.load(codes_at, allow_pickle=False) if codes_at.exists() else None
        if codes_IL is not None and (kept / "weights.safetensors").exists():
            model = generative(models.load(kept))
        else:
            for progress in cold_start.fit(self.cat, held, self.parent.quantizer(), asked, model, codes_IL):
                if "codes" in progress.metrics:
                    codes_IL = progress.metrics["codes"]
                    keep_array(codes_at, codes_IL)
                yield Progress(progress.stage, progress.step, progress.n_steps)
            keep_model(model, kept)
        assert codes_IL is not None
        self.tell(dataset=self.cat.name, n_items=self.cat.n_items, n_cold=int(held.cold_I.sum()), model=model.title,
                  cold_users=len(held.cold_users), parent=self.parent.title)
        yield from cold_start.judge(self.cat, held, codes_IL, model, asked, self._done_cold())

    def _done_cold(self) -> frozenset[tuple[str, str]]:
        """Methods and groups of users whose every row is there."""
        counted = Counter((row["method"], row["who"]) for row in study_artifacts.rows(self.run))
        return frozenset((method, who) for (method, who), n in counted.items()
                         if n >= len(cold_start.CUTS) * len(cold_start.epsilons(method)))

    def _diversity(self) -> Iterator[Progress]:
        """Temperatures, one after the other."""
        asked = diversity.diversity_params(self.params)
        codes_IL = self.parent.codes()
        yield from self._with_model(codes_IL, n_codes_of(self.parent), asked.epochs)
        _, what = category_labels(self.cat)
        self.tell(dataset=self.cat.name, model=self.model.title, labels=what, parent=self.parent.title)
        done = frozenset(row["name"] for row in study_artifacts.rows(self.run))
        yield from diversity.steps(self.cat, self.model, asked, done)

    def _recipe(self) -> LearnerConfig:
        """The chosen model run's recommender, or a small one."""
        chosen = self.run.study.model
        return store.find(chosen).learner if chosen else LearnerConfig("rq_transformer", dict(drift.recommender_probe.QUICK))

    def _with_model(self, codes_IL: Any, n_codes: int | list[int], n_epochs: int, own: bool = False) -> Iterator[Progress]:
        """Find the chosen recommender, or (always where ``own``) train a small one once and keep it in the run's folder."""
        chosen, kept = self.run.study.model, self.run.path / "reader"
        if chosen and not own:
            self.model, self.ids = chosen_model(chosen, self.parent, self.cat)
            return
        self.ids = SemanticIds.from_codes(codes_IL, n_codes, collision_level=True)
        if (kept / "weights.safetensors").exists():
            self.model = generative(models.load(kept))
            return
        made = drift.quick(n_epochs)
        for progress in made.fit_steps(self.cat, self.ids):
            yield Progress("training a small recommender", progress.step, progress.n_steps)
        keep_model(made, kept)
        self.model = made


def execute(context: WorkerContext) -> Iterator[Progress]:
    """What the worker does with runs of the kinds drift, cold and diversity."""
    yield from Study(context).steps()


def keep_model(model: models.Recommender, folder: Path) -> None:
    """Save a model; the folder is there when all of it is."""
    part = folder.with_name(f".{folder.name}.part")
    for rest in (part, folder):  # what an attempt that was killed left behind
        shutil.rmtree(rest, ignore_errors=True)
    model.save(part)
    files.replace(part, folder)


def keep_array(path: Path, array: np.ndarray) -> None:
    """Save an array in one move."""
    made = io.BytesIO()
    np.save(made, array, allow_pickle=False)
    files.write(path, made.getvalue())


def known_of(parent: Run, cat: Catalogue) -> drift.Known:
    """A quantizer run's quantizer and codes.

    Raises:
        ValueError: it has none (imported IDs), or it belongs to another catalogue.
    """
    if parent.config.kind == "import":
        raise ValueError(f"'{parent.title}' is imported, so there is no quantizer that could read moved vectors; choose a "
                         "run that was trained here.")
    codes_IL = parent.codes()
    if len(codes_IL) != cat.n_items:
        raise ValueError(f"Run '{parent.title}' has codes for {len(codes_IL):,} items, but the dataset has {cat.n_items:,}; "
                         "choose a run of this dataset.")
    return drift.Known(parent.quantizer(), codes_IL, cat.embedding_IE, parent.status.n_threads)


def chosen_model(run_id: str, parent: Run, cat: Catalogue) -> tuple[GenerativeRecommender, SemanticIds]:
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
        raise ValueError(f"The recommender '{chosen.title}' knows {model.n_items:,} items, but the dataset has "
                         f"{cat.n_items:,}; choose one of this dataset.")
    sizes = model.metadata_["n_codes"].tolist()
    return model, SemanticIds(model.metadata_["ids"].numpy(), sizes, parent.codes().shape[1])


def generative(model: models.Recommender) -> GenerativeRecommender:
    """The model, if it writes IDs. Raises ValueError otherwise."""
    if not isinstance(model, GenerativeRecommender):
        raise ValueError(f"{model.title} writes no semantic IDs; choose a generative recommender.")
    return model


def n_codes_of(parent: Run) -> int | list[int]:
    """Codes to choose from at each level of a run's codes."""
    ids = parent.semantic_ids()
    return ids.n_codes[:ids.n_levels]
