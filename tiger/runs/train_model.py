"""Train a recommender inside its run's folder, with validation recall as it goes.

The machinery (pause, step, stop, live hyper-parameters, checkpoint, resume) is ``training.Training``'s; here is what a model
adds: which steps are logged, the validation sample, and the result.
"""

from collections.abc import Iterator

import numpy as np

from tiger.analysis import evaluation
from tiger.core import files
from tiger.core.events import Event
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import Values
from tiger.models import Recommender
from tiger.models.generative import GenerativeRecommender
from tiger.runs import artifacts
from tiger.runs.train_quantizer import Training
from tiger.runs.worker_context import WorkerContext
from tiger.semantic_ids import SemanticIds

VALID_USERS = 300  # of the sample that is measured while training
VALID_WIDTH = 10
MOST_LINES = 4000  # of the log
MEASURE_S = 60.0  # that the items of one split may take when a run ends; where all users take longer, a sample is measured
TRIED_USERS = 32  # by which that is estimated
FEWEST_LOOKS, MOST_LOOKS = 10, 30  # at the validation sample


class ModelTraining(Training):
    """One attempt to execute one model run.

    Args:
        context: the run, opened.
        model: fresh, with the run's hyper-parameters.
        cat: the catalogue it learns from.
        ids: the semantic IDs that a generative model writes.
    """

    def __init__(self, context: WorkerContext, model: Recommender, cat: Catalogue, ids: SemanticIds | None):
        super().__init__(context, model)
        self.model, self.cat, self.ids = model, cat, ids
        self.users = evaluation.sample_users(cat, min(VALID_USERS, model.max_eval_users // 5))
        self.looks: set[int] | None = None

    def fit_steps(self) -> Iterator[Progress]:
        return self.model.fit_steps(self.cat, self.ids, state=self.state, live_params=self.live_params)

    def on_step(self, progress: Progress) -> Event:
        """Loss and learning rate of every so many steps, and validation scores about once an epoch."""
        if self.looks is None:
            n_epochs = int(getattr(self.model, "n_epochs", 1))
            self.looks = look_steps(progress.n_steps, n_epochs) if self.model.steppable else {progress.n_steps}
        if progress.step in self.looks:
            return progress.metrics | self._valid()
        stride = -(-progress.n_steps // MOST_LINES)
        return progress.metrics if progress.step % stride == 0 else {}

    def _valid(self) -> dict[str, float]:
        if not len(self.users):
            return {}
        scores = evaluation.measure(self.model, self.cat, "valid", self.users, VALID_WIDTH, (10,))
        return {f"valid_{name}": scores[name] for name in ("recall@10", "ndcg@10")}

    def save_partial(self, stepped: bool) -> None:
        artifacts.write_weights(self.run, self.model)

    def write_result(self, finished: bool) -> None:
        """The weights, and after a whole fit the scores on validation and test items."""
        artifacts.write_weights(self.run, self.model)
        if not finished or not len(self.users):
            return
        self.context.stop_acknowledged = False  # a stop may cut the measuring short: the weights are written
        users = self.measured_users()
        scores: Values = {}
        for split, words in (("valid", "validation"), ("test", "test")):
            self.context.update_status(stage=f"evaluating on the {words} items")
            scores[split] = evaluation.measure(self.model, self.cat, split, users)
        if isinstance(self.model, GenerativeRecommender):
            self.context.update_status(stage="comparing the beam with an exact search")
            scores["search"] = evaluation.measure_search(self.model, self.cat)
        self.context.stop_acknowledged = True
        files.write_json(self.run.path / "metrics.json", scores)

    def measured_users(self) -> np.ndarray:
        """Everybody, where that takes about a minute at most; else as many as the model's ``max_eval_users``."""
        everybody = evaluation.sample_users(self.cat, None)
        if len(everybody) <= self.model.max_eval_users:
            return everybody
        tried = evaluation.sample_users(self.cat, TRIED_USERS)
        each_ms = evaluation.measure(self.model, self.cat, "valid", tried)["ms_per_user"]
        fast = each_ms * len(everybody) <= 1000 * MEASURE_S
        return everybody if fast else evaluation.sample_users(self.cat, self.model.max_eval_users)


def look_steps(n_steps: int, n_epochs: int) -> set[int]:
    """When the validation sample is measured: at the epochs' ends, where they are 10 to 30; evenly otherwise."""
    n_looks = min(max(n_epochs, FEWEST_LOOKS), MOST_LOOKS, n_steps)
    return {round(step) for step in np.linspace(0, n_steps, n_looks + 1)[1:]}
