"""What the models that write IDs share: beam search, exact scores, the invalid-ID rate."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from tiger.core.words import counted, there
from tiger.datasets.catalogue import Catalogue
from tiger.models.neural import NeuralRecommender
from tiger.search import beam, exact
from tiger.search.trie import Trie
from tiger.semantic_ids import SemanticIds

FREE_SEARCH_USERS = 512  # users whose free search measures the invalid-ID rate


def checked_ids(ids: SemanticIds | None, cat: Catalogue, does: str) -> SemanticIds:
    """The IDs that a model is fitted on.

    Args:
        does: the model and its verb, "sasrec_ids reads".

    Raises:
        ValueError: no IDs, or IDs of another catalogue.
    """
    if not isinstance(ids, SemanticIds):
        got = "" if ids is None else f" as SemanticIds, not as {type(ids).__name__}"
        raise ValueError(f"{does} semantic IDs; pass some{got}, for example "
                         "SemanticIds.from_codes(quantizer.encode(cat.embedding_IE), n_codes).")
    if len(ids.ids_IM) != cat.n_items:
        raise ValueError(f"{there(len(ids.ids_IM), 'ID')}, but the catalogue has {counted(cat.n_items, 'item')}; "
                         "make the IDs from this catalogue's embeddings.")
    return ids


@dataclass
class GenerativeRecommender(NeuralRecommender):
    """A network that is a ``beam.Decoder``, and the trie of the IDs it was fitted on."""

    generative, ids_verb = True, "writes"

    def metadata(self, cat: Catalogue, ids: SemanticIds | None) -> dict[str, torch.Tensor]:
        """The IDs.

        Raises:
            ValueError: no IDs, or IDs of another catalogue.
        """
        ids = checked_ids(ids, cat, f"{self.name} {self.ids_verb}")
        return {"ids": torch.from_numpy(ids.ids_IM.astype(np.int64)), "n_codes": torch.tensor(ids.n_codes)}

    def readable_rows(self, cat: Catalogue) -> list[tuple[int, np.ndarray]]:
        """User and item sequence, as in ``NeuralRecommender``; items without an ID are left out."""
        rows = [(user, row[self._has_id(row)]) for user, row in super().readable_rows(cat)]
        return [(user, row) for user, row in rows if len(row) >= 2]

    def _start(self, metadata: dict[str, torch.Tensor]) -> None:
        self.trie_ = Trie(metadata["ids"].numpy(), metadata["n_codes"].tolist())
        super()._start(metadata)

    def _has_id(self, row: np.ndarray) -> np.ndarray:
        return self.metadata_["ids"].numpy()[row, 0] >= 0

    def readable_history(self, history: np.ndarray) -> np.ndarray:
        """The last items that have an ID."""
        return self.shorten(history[self._has_id(history)])

    def beam_search(self, history: Sequence[int] | np.ndarray, width: int = 20,
                    temperature: float | Sequence[float] = 1.0, constrained: bool = True,
                    user: int | None = None, exclude_seen: bool = False) -> beam.Trace:
        """One user's beam search with every candidate on record; see ``beam.Trace`` and ``score_all``.

        ``exclude_seen`` leaves the items of the history out; by default every item may be found, as ``score_all`` scores all.
        """
        row = self.with_user(self.check_history(history), user)
        seen = np.unique(np.asarray(history)) if exclude_seen else None
        return beam.trace(self.net_, self.trie_, row, width, temperature, constrained, seen)  # type: ignore[arg-type]

    def best_items(self, history: Sequence[int] | np.ndarray, k: int = 20,
                   temperature: float | Sequence[float] = 1.0, user: int | None = None,
                   exclude_seen: bool = False, floor: float | None = None) -> exact.ExactTopK:
        """The k items of the largest exact log-probability, without scoring the others; see ``exact``."""
        row = self.with_user(self.check_history(history), user)
        seen = np.unique(np.asarray(history)) if exclude_seen else None
        return exact.best_items(self.net_, self.trie_, row, k, temperature, seen, floor)  # type: ignore[arg-type]

    def search(self, histories: list[np.ndarray], width: int = 20, temperature: float | Sequence[float] = 1.0,
               constrained: bool = True, seen: Sequence[np.ndarray] | None = None) -> beam.BeamResult:
        """Beam search for a batch of users, without a record; every history holds an item that has an ID.

        ``seen``: per user the items to leave out; None: none.
        """
        rows = [self.readable_history(row) for row in histories]
        return beam.search(self.net_, self.trie_, rows, width, temperature, constrained, seen)  # type: ignore[arg-type]

    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        rows = [self.readable_history(row) for row in histories]
        parts = [beam.score_all(self.net_, self.trie_, [row]) for row in rows]  # type: ignore[arg-type]
        return torch.cat(parts).numpy()

    def log_probabilities(self, histories: list[np.ndarray]) -> np.ndarray:
        """The scores: they are log-probabilities. They add up to less than 1, since IDs that no item has get the rest."""
        return self.score_batch(histories)

    def item_log_probabilities(self, histories: list[np.ndarray], item_BC: np.ndarray) -> np.ndarray:
        """Only the IDs of these items are written, not the catalogue's."""
        rows = [self.readable_history(row) for row in histories]
        return exact.score_items(self.net_, self.trie_, rows, torch.from_numpy(item_BC)).numpy()  # type: ignore[arg-type]

    def recommend(self, history: Sequence[int] | np.ndarray, k: int = 10, width: int = 20,
                  user: int | None = None, exclude_seen: bool | None = None) -> pd.DataFrame:
        """See ``Recommender.recommend``. Raises ValueError where the width makes no sense, too."""
        self.check_fitted()
        beam.check_width(width, self.trie_.n_items)
        return super().recommend(history, k, width, user, exclude_seen)

    def n_beams(self, width: int, k: int) -> int:
        """Beams that a list of k items really uses: at least k, at most the catalogue.

        Raises:
            ValueError: the width is below 1 or no whole number.
        """
        return min(max(beam.check_width(width), k), self.trie_.n_items)

    def rank_batch(self, histories: list[np.ndarray], k: int, width: int = 20,
                   seen: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        found = self.search(histories, self.n_beams(width, k), seen=seen)
        return found.item_BW[:, :k].numpy(), found.logp_BW[:, :k].numpy()

    def evaluate(self, cat: Catalogue, split: str = "test", k: int | Sequence[int] = (5, 10), width: int = 20,
                 users: np.ndarray | None = None, batch_size: int = 128,
                 exclude_seen: bool | None = None) -> dict[str, float]:
        """See ``Recommender.evaluate``; ``invalid_rate`` comes from a free search for at most 512 users."""
        scores = super().evaluate(cat, split, k, width, users, batch_size, exclude_seen)
        chosen = cat.split().user_U if users is None else users
        step = max(1, len(chosen) // FREE_SEARCH_USERS)
        rate = self.invalid_rate(cat, split, chosen[::step][:FREE_SEARCH_USERS], width, batch_size)
        return {**scores, "invalid_rate": rate, "n_unreadable": float(self.n_unreadable(cat, split, chosen))}

    def n_unreadable(self, cat: Catalogue, split: str, users: np.ndarray) -> int:
        """Evaluated users among these whose history holds no item that has an ID."""
        parts = cat.split()
        return sum(len(self.readable_history(parts.history_before(int(user), split))) == 0
                   for user in np.intersect1d(users, parts.user_U))

    def invalid_rate(self, cat: Catalogue, split: str, users: np.ndarray, width: int = 20,
                     batch_size: int = 128) -> float:
        """Share of the IDs that no item has, when the beam may write any code."""
        parts, width = cat.split(), self.n_beams(width, 1)
        rows = [self.with_user(row, int(user)) for user in np.intersect1d(users, parts.user_U)
                if len(row := self.readable_history(parts.history_before(int(user), split)))]
        if not rows:
            return math.nan
        batches = [rows[start:start + batch_size] for start in range(0, len(rows), batch_size)]
        rates = [self.search(batch, width, constrained=False).invalid_rate() for batch in batches]
        return float(np.average(rates, weights=list(map(len, batches))))
