"""The most popular items, the same for everybody: the floor that every model must beat."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.models.base import LiveParams, Recommender, TrainingState
from tiger.semantic_ids import SemanticIds


@dataclass
class Popularity(Recommender):
    """Scores an item by how often it stands in the training histories."""

    name = "popularity"
    title = "Popularity"
    summary = "Recommends the items with the most interactions, the same list to everyone."

    def fit_steps(self, cat: Catalogue, ids: SemanticIds | None = None, *,
                  state: TrainingState | None = None, live_params: LiveParams | None = None) -> Iterator[Progress]:
        if not cat.n_users:
            raise ValueError("The dataset has no histories, but popularity counts them; load it with its interactions.")
        split = cat.split()
        items = np.concatenate([split.train_history(user) for user in range(cat.n_users)])
        self.count_I_ = np.bincount(items, minlength=cat.n_items).astype(np.float32)
        self.catalogue_ = cat.fingerprint()
        self.repeats_: bool | None = cat.has_repeats
        yield Progress("counting", 1, 1)

    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        return np.repeat(self.count_I_[None], len(histories), 0)

    @property
    def n_items(self) -> int:
        return len(self.count_I_)

    @property
    def learned_catalogue(self) -> int | None:
        return self.catalogue_

    @property
    def learned_repeats(self) -> bool | None:
        return self.repeats_

    def tensors(self) -> dict[str, torch.Tensor]:
        return {"count": torch.from_numpy(self.count_I_), "catalogue": torch.tensor(self.catalogue_)} | (
            {} if self.repeats_ is None else {"repeats": torch.tensor(self.repeats_)})

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        self.count_I_, self.catalogue_ = tensors["count"].numpy(), int(tensors["catalogue"])
        self.repeats_ = bool(tensors["repeats"]) if "repeats" in tensors else None
