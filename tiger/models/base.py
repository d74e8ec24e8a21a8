"""The contract that every recommender keeps. One contract test runs over all of them."""

import logging
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch

from tiger import metrics
from tiger.core.learner import Learner, LiveParams, TrainingState
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import SemanticIds

log = logging.getLogger(__name__)


def check_cut(k: int) -> int:
    """How long a list shall be. Raises ValueError below 1 or for what is no whole number."""
    if not isinstance(k, (int, np.integer)) or k < 1:
        raise ValueError(f"k is {k!r}, but must be a whole number of at least 1.")
    return int(k)


@dataclass
class Recommender(Learner):
    """Ranks the items of a catalogue for a history.

    The constructor stores hyper-parameters only; ``fit`` learns and forgets earlier fits; learned
    attributes end in an underscore. The same seed, machine and thread count give the same ranking.
    """

    kind: ClassVar[str] = "model"
    generative: ClassVar[bool] = False  # writes IDs code by code, so it has a beam search
    ids_verb: ClassVar[str] = ""  # "writes" or "reads", for a model that is fitted on the items' semantic IDs
    member_params: ClassVar[tuple[str, ...]] = ()  # hyper-parameters that name the trained recommenders which it combines
    max_eval_users: ClassVar[int] = 5000  # that a run measures when it ends where everybody would take too long
    seed: int = param(0, "Random seed; the same seed gives the same result.", low=0, high=2**31 - 1)

    def fit(self, cat: Catalogue, ids: SemanticIds | None = None) -> "Recommender":
        """Learn from the training part of every history. Returns self."""
        for _ in self.fit_steps(cat, ids):
            pass
        return self

    @abstractmethod
    def fit_steps(self, cat: Catalogue, ids: SemanticIds | None = None, *,
                  state: TrainingState | None = None, live_params: LiveParams | None = None) -> Iterator[Progress]:
        """The fit as a generator that yields after every step; see ``quantizers.base``."""

    @abstractmethod
    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        """Scores (B, I) float32, higher is better."""

    @property
    @abstractmethod
    def n_items(self) -> int:
        """Items of the catalogue it learned from."""

    @property
    def max_items(self) -> int | None:
        """How many items of a history it reads at most (the last ones); None: all."""
        return None

    @property
    def learned_repeats(self) -> bool | None:
        """Whether users of the catalogue that it learned from interact with an item twice; None where that is not known."""
        return None

    def excludes_seen(self, exclude_seen: bool | None = None, cat: Catalogue | None = None) -> bool:
        """Whether items of the history are left out of the recommendations.

        Args:
            exclude_seen: the wish; None: yes where the data hold no repeats, since then a seen item is never right.
            cat: the data; by default those that the model learned from.
        """
        if exclude_seen is not None:
            return bool(exclude_seen)
        return not cat.has_repeats if cat is not None else self.learned_repeats is False

    @property
    def learned_catalogue(self) -> int | None:
        """``Catalogue.fingerprint`` of what it learned from; None where that is not known."""
        return None

    def score_all(self, history: Sequence[int] | np.ndarray, user: int | None = None) -> np.ndarray:
        """Every item's score (I,); a generative model's is the exact log-probability.

        Args:
            history: item numbers, oldest first.
            user: whose history it is, for models with user tokens; None: no known user.

        Raises:
            ValueError: not fitted, or a history that cannot be read; see ``check_history``.
        """
        return self.score_batch([self.with_user(self.check_history(history), user)])[0]

    def log_probabilities(self, histories: list[np.ndarray]) -> np.ndarray:
        """Log-probabilities (B, I) of the next item: the scores' softmax over the catalogue."""
        return torch.from_numpy(self.score_batch(histories)).log_softmax(1).numpy()

    def item_log_probabilities(self, histories: list[np.ndarray], item_BC: np.ndarray) -> np.ndarray:
        """``log_probabilities`` of some items of each user (B, C); -inf where the item is -1."""
        logp_BC = np.take_along_axis(self.log_probabilities(histories), np.maximum(item_BC, 0), 1)
        return np.where(item_BC >= 0, logp_BC, -np.inf)

    def rank_batch(self, histories: list[np.ndarray], k: int, width: int = 20,
                   seen: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """The best k items (B, k), -1 where there are fewer, and their scores.

        Args:
            width: beams of a generative model; others ignore it.
            seen: per user the items to leave out; None: none.
        """
        scores_BI = torch.from_numpy(self.score_batch(histories))
        for row, items in enumerate(seen or ()):
            scores_BI[row, torch.from_numpy(items)] = -torch.inf
        best = scores_BI.topk(min(k, scores_BI.shape[1]), dim=1)
        return best.indices.masked_fill(best.values == -torch.inf, -1).numpy(), best.values.numpy()

    def recommend(self, history: Sequence[int] | np.ndarray, k: int = 10, width: int = 20,
                  user: int | None = None, exclude_seen: bool | None = None) -> pd.DataFrame:
        """The best k items: rank, item, score.

        Args:
            exclude_seen: leave out the items of the history; None: see ``excludes_seen``.

        Raises:
            ValueError: as ``score_all``, or k below 1.
        """
        row = self.with_user(self.check_history(history), user)
        seen = [np.unique(np.asarray(history))] if self.excludes_seen(exclude_seen) else None
        items_BR, scores_BR = self.rank_batch([row], check_cut(k), width, seen)
        found_R = items_BR[0] >= 0
        return pd.DataFrame({"rank": np.arange(1, int(found_R.sum()) + 1), "item": items_BR[0][found_R],
                             "score": scores_BR[0][found_R]})

    def evaluate(self, cat: Catalogue, split: str = "test", k: int | Sequence[int] = (5, 10), width: int = 20,
                 users: np.ndarray | None = None, batch_size: int = 128,
                 exclude_seen: bool | None = None) -> dict[str, float]:
        """Recall and NDCG over the whole catalogue, no sampling, leave-one-out.

        A user whose history holds nothing that the model can read gets no list, which counts as a miss.

        Args:
            split: ``"valid"`` or ``"test"``.
            k: one cut or several.
            width: beams of a generative model; as many as the largest cut at least, as the catalogue at most.
            users: only these users; all evaluated users by default.
            exclude_seen: leave items of the history out of the lists; None: yes where ``cat`` holds no repeats. A held-out
                item that the user had before then counts as a miss.

        Returns:
            ``recall@k``, ``ndcg@k``, ``n_users``, ``exclude_seen`` (1 or 0); a generative model adds ``invalid_rate``
            and ``n_unreadable``.

        Raises:
            ValueError: not fitted, another catalogue than learned, an unknown split, a cut below 1, or nobody to
                evaluate.
        """
        cuts = [check_cut(cut) for cut in ([k] if isinstance(k, (int, np.integer)) else k)]
        ranked_UR, target_U = self.ranked(cat, split, max(cuts), width, users, batch_size, exclude_seen)
        scores = metrics.ranking_scores(ranked_UR, target_U, cuts)
        excludes = self.excludes_seen(exclude_seen, cat)
        return {**scores, "n_users": float(len(target_U)), "exclude_seen": float(excludes)}

    def ranked(self, cat: Catalogue, split: str, k: int, width: int = 20, users: np.ndarray | None = None,
               batch_size: int = 128, exclude_seen: bool | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Every evaluated user's best k items (U, k) and the held-out item (U,).

        -1 fills the places where there are fewer, and the whole row of a user whose history cannot be read.
        ``exclude_seen`` as in ``evaluate``.
        """
        self.check_catalogue(cat)
        parts = cat.split()
        if split not in ("valid", "test"):
            raise ValueError(f"split is {split!r}, but must be 'valid' or 'test'.")
        target_U = parts.valid_U if split == "valid" else parts.test_U
        chosen_U = np.arange(len(parts.user_U))
        if users is not None:
            chosen_U = chosen_U[np.isin(parts.user_U, users)]
        if len(chosen_U) == 0:
            raise ValueError("no user to evaluate; leave-one-out needs users with at least 3 items.")
        history_U = [parts.history_before(int(user), split) for user in parts.user_U[chosen_U]]
        rows_U, excludes = [self.readable_history(history) for history in history_U], self.excludes_seen(exclude_seen, cat)
        length_U = np.array([len(row) for row in rows_U])
        order = np.argsort(length_U, kind="stable")[int((length_U == 0).sum()):]  # in order of length: spares padding
        ranked_UR = np.full((len(chosen_U), k), -1, np.int64)
        for start in range(0, len(order), batch_size):
            rows = order[start:start + batch_size]
            queries = [self.with_user(rows_U[row], int(parts.user_U[chosen_U[row]])) for row in rows]
            seen = [np.unique(history_U[row]) for row in rows] if excludes else None
            items_BR, _ = self.rank_batch(queries, k, width, seen)
            ranked_UR[rows, :items_BR.shape[1]] = items_BR
        return ranked_UR, target_U[chosen_U]

    def check_fitted(self) -> None:
        """Raises ValueError before ``fit`` or ``models.load``."""
        if not any(name.endswith("_") for name in vars(self)):
            raise ValueError(f"{self.name} is not fitted; call fit(cat, ids) or models.load(folder) first.")

    def check_catalogue(self, cat: Catalogue) -> None:
        """Raises ValueError where the model did not learn from this catalogue."""
        self.check_fitted()
        if cat.n_items != self.n_items:
            raise ValueError(f"the catalogue has {counted(cat.n_items, 'item')}, but this model was fitted on {self.n_items}; "
                             "fit it again or load the catalogue it was fitted on.")
        if self.learned_catalogue not in (None, cat.fingerprint()):
            raise ValueError(f"the catalogue has {counted(cat.n_items, 'item')} like the one this model was fitted on, but "
                             "different ones or in another order; fit it again or load the catalogue it was fitted on.")

    def shorten(self, history: np.ndarray) -> np.ndarray:
        """The last items that the model can read."""
        return history if self.max_items is None else history[-self.max_items:]

    def readable_history(self, history: np.ndarray) -> np.ndarray:
        """Which items of a history the model reads, in order; may be none."""
        return self.shorten(history)

    def with_user(self, row: np.ndarray, user: int | None) -> np.ndarray:
        """The row as the network takes it where the model has user tokens; others read items alone."""
        return row

    def check_history(self, history: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the item numbers that the model reads.

        Raises:
            ValueError: not fitted, empty, not whole numbers, an unknown item, or no item that the model can read.
        """
        self.check_fitted()
        given = np.asarray(history)
        if given.ndim != 1 or len(given) == 0:
            raise ValueError("the history is empty; give at least one item number.")
        if not np.issubdtype(given.dtype, np.integer):
            raise ValueError(f"the history holds {given.dtype} values, but must hold whole item numbers.")
        bad_T = (given < 0) | (given >= self.n_items)
        if bad_T.any():
            raise ValueError(f"item {given[bad_T][0]} is unknown; "
                             f"this model has items 0 to {self.n_items - 1}.")
        read = self.readable_history(given.astype(np.int64))
        if len(read) == 0:
            raise ValueError("no item of the history has a semantic ID; give one that has.")
        limit = self.max_items
        if limit is not None and len(given) > limit:
            log.warning("the history has %d items, but %s reads %d: the last %d are kept.", len(given),
                        self.name, limit, len(read))
        return read
