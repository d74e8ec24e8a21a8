"""The old recommender on new IDs: the recall that it loses, and what a few training steps regain."""

import math
from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch

from tiger import metrics
from tiger.core import params
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.core.words import counted, there
from tiger.datasets.catalogue import Catalogue
from tiger.models.base import Recommender
from tiger.models.generative import GenerativeRecommender
from tiger.models.neural import NeuralRecommender
from tiger.semantic_ids import SemanticIds
from tiger.studies.base import finite_or_none, under


def with_ids(model: Recommender, ids: SemanticIds) -> GenerativeRecommender:
    """The same weights over other IDs of the same items; the model itself is not changed.

    A level that gained codes (the collision level does) gets the mean of its vectors for each; a level that is
    new starts at zero, and so does the vector of a prefix that no item had before.

    Raises:
        ValueError: a model that writes no IDs, or IDs for another number of items.
    """
    if not isinstance(model, GenerativeRecommender):
        raise ValueError(f"{model.title} uses item numbers and no IDs, so nothing changes for it; choose a model that "
                         "writes semantic IDs.")
    if len(ids) != model.n_items:
        raise ValueError(f"{there(len(ids), 'ID')}, but the model learned from {counted(model.n_items, 'item')}; use "
                         "IDs of the same catalogue.")
    metadata = {"n_items": model.metadata_["n_items"], "ids": torch.from_numpy(ids.ids_IM.astype(np.int64)),
             "n_codes": torch.tensor(ids.n_codes)}
    old = SemanticIds(model.metadata_["ids"].numpy(), model.metadata_["n_codes"].tolist(), len(model.metadata_["n_codes"]))
    weights = _resized(model.net_.state_dict(), old, ids)
    made = type(model)(**params.values(model))
    made.load_tensors({f"fact.{key}": value for key, value in metadata.items()}
                      | {f"net.{key}": value for key, value in weights.items()})
    return made


def _resized(weights: dict[str, torch.Tensor], old_ids: SemanticIds, new_ids: SemanticIds) -> dict[str, torch.Tensor]:
    """A network's weights for other IDs; everything that does not depend on codes is copied."""
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
    found_P = torch.tensor([place.get(tuple(prefix), -1) for prefix in new_PD.tolist()])
    made = torch.zeros(len(new_PD), table.shape[1])
    made[found_P >= 0] = table[found_P[found_P >= 0]]
    return made


def _rows(table: torch.Tensor, n: int, fill: float | None = None) -> torch.Tensor:
    """The first n rows; missing ones get the mean of those there are, or ``fill``."""
    if len(table) >= n:
        return table[:n].clone()
    rest = table.mean(0, keepdim=True) if fill is None and len(table) else torch.zeros_like(table[:1])
    if len(table) == 0:
        rest = torch.zeros(1, *table.shape[1:])
    return torch.cat([table, rest.expand(n - len(table), *table.shape[1:])])


@dataclass(frozen=True)
class Recall:
    """Recall@10 and half its 95 % confidence interval over the users (None with a single user)."""

    value: float
    half_width: float | None


@dataclass(frozen=True)
class Probed:
    """Recall on the new IDs as the recommender is, and after some training steps on them (None where there are none)."""

    after: Recall
    regained: Recall | None


@dataclass
class RecommenderProbe:
    """The old recommender's recall on new IDs.

    Args:
        model: fitted on ``ids``.
        ids: the old IDs.
        n_users: users to evaluate.
        width: beam width.
        regain_steps: training steps on the new IDs before recall is measured again; 0: it is not.
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

    def recall(self, model: Recommender) -> Recall:
        """Recall@10 of the users' test items over the whole catalogue."""
        width = min(max(self.width, 10), self.cat.n_items)
        ranked_UK, target_U = model.ranked(self.cat, "test", 10, width, self.users())
        found = metrics.mean_interval(metrics.recall_at_k(ranked_UK, target_U, 10))
        return Recall(found.mean, finite_or_none((found.high - found.low) / 2))

    def measure(self, ids: SemanticIds) -> Generator[Progress, None, Probed]:
        """Recall on these IDs, and after some training steps on them."""
        swapped = with_ids(self.model, ids)
        after = self.recall(swapped)
        if self.regain_steps == 0:
            return Probed(after, None)
        trained = yield from fine_tune_recommender(swapped, self.cat, ids, self.regain_steps, self.rate)
        return Probed(after, self.recall(trained))


def fine_tune_recommender(model: NeuralRecommender, cat: Catalogue, ids: SemanticIds, n_steps: int,
                          rate: float) -> Generator[Progress, None, NeuralRecommender]:
    """Some training steps from a model's weights; returns the new model.

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
    yield from under("training the recommender on the new IDs", made.fit_steps(cat, ids, state=state))
    return made


def _draw(n_rows: int, n: int, seed: int) -> np.ndarray:
    """Numbers of ``n`` rows: all of them in random order, then all of them in another order, and so on."""
    rng = np.random.default_rng(seed)
    passes = [rng.permutation(n_rows) for _ in range(math.ceil(n / max(1, n_rows)))]
    return np.concatenate(passes)[:n]
