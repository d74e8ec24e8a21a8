"""The old recommender reads new IDs: what it loses, and what a few steps of training give back."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tiger import metrics, models
from tiger.core import params
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.models.base import Recommender
from tiger.models.generative import GenerativeRecommender
from tiger.models.neural import NeuralRecommender
from tiger.semantic_ids import SemanticIds

QUICK = {"width": 64, "n_heads": 2, "n_layers": 1, "dropout": 0.1, "batch_size": 64, "learning_rate": 3e-3,
         "prefix_vectors": False}
"""The recommender that is trained on the spot where there is none yet."""


def quick(n_epochs: int, seed: int = 0) -> GenerativeRecommender:
    """A small recommender that learns in seconds on a small catalogue."""
    made = models.create("rq_transformer", **QUICK, n_epochs=n_epochs, seed=seed)
    assert isinstance(made, GenerativeRecommender)
    return made


def with_ids(model: Recommender, ids: SemanticIds) -> GenerativeRecommender:
    """The same weights over other IDs of the same items; the model itself is not changed.

    A level that gained codes (the collision level does) gets the mean of its vectors for each; a level that is
    new starts at zero, and so does the vector of a prefix that no item had before.

    Raises:
        ValueError: a model that writes no IDs, or IDs for another number of items.
    """
    if not isinstance(model, GenerativeRecommender):
        raise ValueError(f"{model.title} reads item numbers and no IDs, so nothing changes for it; choose a model that "
                         "writes semantic IDs.")
    if len(ids) != model.n_items:
        raise ValueError(f"there are {len(ids)} IDs, but the model learned from {model.n_items} items; use IDs of the "
                         "same catalogue.")
    metadata = {"n_items": model.metadata_["n_items"], "ids": torch.from_numpy(ids.ids_IM.astype(np.int64)),
             "n_codes": torch.tensor(ids.n_codes)}
    old = SemanticIds(model.metadata_["ids"].numpy(), model.metadata_["n_codes"].tolist(), len(model.metadata_["n_codes"]))
    weights = _resized(model.net_.state_dict(), old, ids)
    made = type(model)(**params.values(model))
    made.load_tensors({f"fact.{key}": value for key, value in metadata.items()}
                      | {f"net.{key}": value for key, value in weights.items()})
    return made


def _resized(weights: dict[str, torch.Tensor], old_ids: SemanticIds, new_ids: SemanticIds) -> dict[str, torch.Tensor]:
    """A network's weights for other IDs; everything that knows no codes is copied."""
    old, new = old_ids.n_codes, new_ids.n_codes
    found = {key: value.clone() for key, value in weights.items() if not key.startswith("prefixes.tables.")}
    tables = [weights[f"prefixes.tables.{at}.weight"] for at in range(len(weights) - len(found))]
    if tables:
        empty = torch.zeros(0, tables[0].shape[1])
        for level in range(1, len(new)):
            table = tables[level - 1] if level < len(old) else empty
            found[f"prefixes.tables.{level - 1}.weight"] = _prefix_rows(table, old_ids.ids_IM, new_ids.ids_IM, level + 1)
    if old == new:
        return found
    if "token.weight" in found:  # encoder_decoder: one table, the start token first
        parts = list(torch.split(weights["token.weight"], [1, *old]))
        rows = [_rows(parts[1 + level] if level < len(old) else parts[1][:0], size) for level, size in enumerate(new)]
        return found | {"token.weight": torch.cat([parts[0], *rows])}
    found = {key: value for key, value in found.items() if not key.startswith(("code.", "bias."))}
    width = weights["level"].shape[1]
    found["level"] = _rows(weights["level"], len(new), fill=0.0)
    for level, size in enumerate(new):
        found[f"code.{level}.weight"] = _rows(weights.get(f"code.{level}.weight", torch.zeros(0, width)), size)
        found[f"bias.{level}"] = _rows(weights.get(f"bias.{level}", torch.zeros(0)), size)
    return found


def _prefix_rows(table: torch.Tensor, old_IM: np.ndarray, new_IM: np.ndarray, depth: int) -> torch.Tensor:
    """The vectors of the new IDs' prefixes of this many codes, in tree order; zeros for one that is new."""
    old_PD, new_PD = (np.unique(ids[(ids >= 0).all(1), :depth], axis=0) for ids in (old_IM, new_IM))
    place = {tuple(prefix): at for at, prefix in enumerate(old_PD.tolist())} if old_PD.shape[1] == depth else {}
    known_P = torch.tensor([place.get(tuple(prefix), -1) for prefix in new_PD.tolist()])
    made = torch.zeros(len(new_PD), table.shape[1])
    made[known_P >= 0] = table[known_P[known_P >= 0]]
    return made


def _rows(table: torch.Tensor, n: int, fill: float | None = None) -> torch.Tensor:
    """The first n rows; missing ones get the mean of those there are, or ``fill``."""
    if len(table) >= n:
        return table[:n].clone()
    rest = table.mean(0, keepdim=True) if fill is None and len(table) else torch.zeros_like(table[:1])
    if len(table) == 0:
        rest = torch.zeros(1, *table.shape[1:])
    return torch.cat([table, rest.expand(n - len(table), *table.shape[1:])])


@dataclass
class Reader:
    """A recommender, the IDs it learned, and the users it is asked about.

    Args:
        model: fitted on ``ids``.
        n_users: evaluated users; an even sample of those with a test item.
        width: beam width.
        regain_steps: training steps on the new IDs before it is asked again; 0: it is not.
        rate: their learning rate, as a share of the model's own.
    """

    cat: Catalogue
    model: GenerativeRecommender
    ids: SemanticIds
    n_users: int = 400
    width: int = 20
    regain_steps: int = 60
    rate: float = 0.3

    def users(self) -> np.ndarray:
        """The evaluated users."""
        all_U = self.cat.split().user_U
        return all_U[even_sample(len(all_U), self.n_users)]

    def recall(self, name: str, model: Recommender) -> dict[str, float | None]:
        """Recall@10 over the whole catalogue of the users' test items, and half its 95 % interval over the users.

        Args:
            name: of what is measured: gives ``recall_<name>`` and ``recall_<name>_pm`` (None with a single user).
        """
        width = min(max(self.width, 10), self.cat.n_items)
        ranked_UK, target_U = model.ranked(self.cat, "test", 10, width, self.users())
        found = metrics.mean_interval(metrics.recall_at_k(ranked_UK, target_U, 10))
        half = (found.high - found.low) / 2
        return {f"recall_{name}": found.mean, f"recall_{name}_pm": half if math.isfinite(half) else None}

    def judge(self, ids: SemanticIds) -> Iterator[Progress]:
        """Recall@10 with these IDs; the last Progress holds ``recall`` "after" and, where asked for, "regained"."""
        swapped = with_ids(self.model, ids)
        found = self.recall("after", swapped)
        if self.regain_steps > 0:
            trained: NeuralRecommender = swapped
            for progress in fine_tune_reader(swapped, self.cat, ids, self.regain_steps, self.rate):
                trained = progress.metrics.get("model", trained)
                yield Progress("the recommender learns the new IDs", progress.step, progress.n_steps)
            found |= self.recall("regained", trained)
        yield Progress("recommender", 1, 1, found)


def fine_tune_reader(model: NeuralRecommender, cat: Catalogue, ids: SemanticIds, n_steps: int,
                     rate: float) -> Iterator[Progress]:
    """Some training steps from a model's weights; the last Progress holds the new model as ``metrics["model"]``.

    The step size rises and falls over exactly these steps: they are one epoch over as many examples as they need,
    drawn without repetition as long as there are any left.
    """
    made = type(model)(**(params.values(model) | {"n_epochs": 1, "learning_rate": model.learning_rate * rate, "average": 0.0}))
    weights = {key: value.clone() for key, value in model.net_.state_dict().items()}
    state = {"step": 0, "peak": made.learning_rate, "net": weights, "average": weights, "optimiser": {}}
    rows = model.examples(cat)
    made.batch_size = min(made.batch_size, max(1, len(rows)))
    drawn = [rows[at] for at in _draw(len(rows), n_steps * made.batch_size, made.seed)]
    made.examples = lambda cat: drawn  # type: ignore[method-assign]
    for progress in made.fit_steps(cat, ids, state=state):
        last = progress.step == progress.n_steps
        yield Progress("training", progress.step, progress.n_steps, {"model": made} if last else {})


def _draw(n_rows: int, n: int, seed: int) -> np.ndarray:
    """Numbers of ``n`` rows: all of them in random order, then all of them in another order, and so on."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(n_rows) for _ in range(math.ceil(n / max(1, n_rows)))]
    return np.concatenate(passes)[:n]
