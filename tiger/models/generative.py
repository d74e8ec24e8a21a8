"""What the models that write IDs share: beam search, exact scores, the invalid-ID rate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tiger import beam, exact
from tiger.catalogue import Catalogue
from tiger.models.neural import NeuralRecommender
from tiger.semantic_ids import SemanticIds
from tiger.trie import Trie

FREE_SEARCH_USERS = 512  # users whose free search measures the invalid-ID rate


@dataclass
class GenerativeRecommender(NeuralRecommender):
    """A network that is a ``beam.Decoder``, and the trie of the IDs it was fitted on."""

    generative = True

    def facts(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        """The IDs.

        Raises:
            ValueError: no IDs, or IDs of another catalogue.
        """
        if ids is None:
            raise ValueError(f"{self.name} writes semantic IDs; give it some, for example "
                             "SemanticIds.from_codes(quantizer.encode(cat.embedding_IE), n_codes).")
        if len(ids.ids_IM) != cat.n_items:
            raise ValueError(f"there are {len(ids.ids_IM)} IDs, but the catalogue has {cat.n_items} items; "
                             "make the IDs from this catalogue's embeddings.")
        return {"n_items": torch.tensor(cat.n_items), "ids": torch.from_numpy(ids.ids_IM.astype(np.int64)),
                "n_codes": torch.tensor(ids.n_codes)}

    def examples(self, cat: Catalogue) -> list[np.ndarray]:
        """Item sequences; items without an ID are left out."""
        rows = [row[self._has_id(row)] for row in super().examples(cat)]
        return [row for row in rows if len(row) >= 2]

    def _start(self, facts: dict[str, torch.Tensor]) -> None:
        self.trie_ = Trie(facts["ids"].numpy(), facts["n_codes"].tolist())
        super()._start(facts)

    def _has_id(self, row: np.ndarray) -> np.ndarray:
        return self.facts_["ids"].numpy()[row, 0] >= 0

    def _readable(self, history: np.ndarray) -> np.ndarray:
        known = history[self._has_id(history)]
        if len(known) == 0:
            raise ValueError("no item of the history has a semantic ID; give one that has.")
        return self.shorten(known)

    def readable(self, history: Sequence[int] | np.ndarray) -> np.ndarray:
        """The items of a history that this model reads: the last ones that have an ID.

        Raises:
            ValueError: empty, unknown items, or no item that has an ID.
        """
        return self._readable(self.check_history(history))

    def beam_search(self, history: Sequence[int] | np.ndarray, width: int = 20,
                    temperature: float | list[float] = 1.0, constrained: bool = True) -> beam.Trace:
        """One user's beam search with every candidate on record; see ``beam.Trace``."""
        row = self.readable(history)
        return beam.trace(self.net_, self.trie_, row, width, temperature, constrained)  # type: ignore[arg-type]

    def best_items(self, history: Sequence[int] | np.ndarray, k: int = 20,
                   temperature: float | list[float] = 1.0) -> exact.Best:
        """The k items of the largest exact log-probability, without scoring the others; see ``exact``."""
        row = self.readable(history)
        return exact.best_items(self.net_, self.trie_, row, k, temperature)  # type: ignore[arg-type]

    def search(self, histories: list[np.ndarray], width: int = 20, temperature: float | list[float] = 1.0,
               constrained: bool = True) -> beam.Found:
        """Beam search for a batch of users, without a record."""
        rows = [self._readable(row) for row in histories]
        return beam.search(self.net_, self.trie_, rows, width, temperature, constrained)  # type: ignore[arg-type]

    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        rows = [self._readable(row) for row in histories]
        parts = [beam.score_all(self.net_, self.trie_, [row]) for row in rows]  # type: ignore[arg-type]
        return torch.cat(parts).numpy()

    def recommend(self, history: Sequence[int] | np.ndarray, k: int = 10, width: int = 20) -> pd.DataFrame:
        """See ``Recommender.recommend``. Raises ValueError where the width makes no sense, too."""
        self.readable(history)
        beam.check_width(width, self.trie_.n_items)
        return super().recommend(history, k, width)

    def rank_batch(self, histories: list[np.ndarray], k: int,
                   width: int = 20) -> tuple[np.ndarray, np.ndarray]:
        found = self.search(histories, min(max(width, k), self.trie_.n_items, beam.MAX_WIDTH))
        return found.item_BW[:, :k].numpy(), found.logp_BW[:, :k].numpy()

    def evaluate(self, cat: Catalogue, split: str = "test", k: Sequence[int] = (5, 10), width: int = 20,
                 users: np.ndarray | None = None, batch_size: int = 128) -> dict[str, float]:
        """See ``Recommender.evaluate``; ``invalid_rate`` comes from a free search for at most 512 users."""
        scores = super().evaluate(cat, split, k, width, users, batch_size)
        chosen = cat.split().user_U if users is None else users
        step = max(1, len(chosen) // FREE_SEARCH_USERS)
        rate = self.invalid_rate(cat, split, chosen[::step][:FREE_SEARCH_USERS], width, batch_size)
        return {**scores, "invalid_rate": rate}

    def invalid_rate(self, cat: Catalogue, split: str, users: np.ndarray, width: int = 20,
                     batch_size: int = 128) -> float:
        """Share of the IDs that no item has, when the beam may write any code."""
        parts, width = cat.split(), min(width, self.trie_.n_items, beam.MAX_WIDTH)
        users = np.intersect1d(users, parts.user_U)
        rates, sizes = [], []
        for start in range(0, len(users), batch_size):
            rows = [parts.history_before(int(user), split) for user in users[start:start + batch_size]]
            rates.append(self.search(rows, width, constrained=False).invalid_rate())
            sizes.append(len(rows))
        return float(np.average(rates, weights=sizes))
