"""One ranking from two trained recommenders: a weighted sum of their log-probabilities, or reciprocal rank fusion.

Each member proposes its best items; only these are combined, so that a generative member writes the IDs of some hundred items
instead of the catalogue's. An item that neither member proposes could enter the list only if it stood just behind both.
Source: Cormack et al. 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods"; Fagin et al.
2003, "Optimal aggregation algorithms for middleware", for what two lists say about the items that are in neither.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from tiger import metrics
from tiger.core import params
from tiger.core.learner import LiveParams, TrainingState
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.models.base import Recommender
from tiger.semantic_ids import SemanticIds

WEIGHTS = np.linspace(0.0, 1.0, 21)  # that are tried; the ends are the members alone
BATCH = 64  # users whose proposals are combined at once
LOWEST = -50.0  # log-probability of what a member cannot rank (e^-50), so that the other one still orders such items
CUT = 10


@dataclass(frozen=True)
class Proposals:
    """What two members propose to a batch of users.

    Args:
        item_BC: int64 item numbers, each once; -1 in an empty place.
        place_2BC: place of each item in each member's list, from 0; -1 where it is not in the list.
    """

    item_BC: np.ndarray
    place_2BC: np.ndarray


@dataclass
class Ensemble(Recommender):
    """Two recommenders whose mistakes differ rank better together than either alone."""

    name = "ensemble"
    title = "Ensemble"
    summary = "Combines the rankings of two trained recommenders of the same catalogue."
    member_params = ("first", "second")

    first: str = param("", "First member: the id of a trained recommender's run, or a folder that a recommender was saved in.")
    second: str = param("", "Second member: likewise.")
    fusion: str = param("logp", "What is added up: log-probabilities (logp), or 1 / (rank + rank constant) in each member's list "
                                "(rank).", choices=("logp", "rank"))
    weight: float | None = param(None, "Weight of the second member, from 0 to 1; none: chosen by NDCG@10 on the validation "
                                       "items.", low=0.0, high=1.0)
    n_candidates: int = param(50, "Items that each member proposes: more find more and take longer. The beam of a generative "
                                  "member is as wide.", low=1, high=100_000)
    choice_users: int = param(5000, "Users whose validation items choose the weight, sampled evenly.", low=1, high=10**7)
    rank_constant: float = param(60.0, "Rank constant of reciprocal rank fusion: the larger, the less the first ranks count.",
                                 low=0.0, high=10_000.0, group="search")

    joined: Sequence[Recommender] = field(default=(), init=False, repr=False, compare=False)

    def check_params(self) -> None:
        super().check_params()
        if not self.first or not self.second or self.first == self.second:
            raise ValueError(f"an ensemble combines two different trained recommenders, but first is '{self.first}' and second "
                             f"is '{self.second}'; name two runs.")

    def join(self, members: Sequence[Recommender]) -> "Ensemble":
        """Take these two trained recommenders as members; without, ``fit`` reads them from their folders. Returns self."""
        self.joined = tuple(members)
        return self

    def fit_steps(self, cat: Catalogue, ids: SemanticIds | None = None, *,
                  state: TrainingState | None = None, live_params: LiveParams | None = None) -> Iterator[Progress]:
        """Check both members against the catalogue and choose the weight; the members stay as they are."""
        from tiger import models  # here, since the registry names this class
        self.refuse_state(state)
        if not self.joined:
            self.check_params()
        members = self.joined or [models.load(folder) for folder in (self.first, self.second)]
        for member in members:
            member.check_catalogue(cat)
        self.members_ = list(members)
        self.repeats_ = cat.has_repeats
        self.weight_ = 0.5 if self.weight is None else self.weight
        self.tried_GN = np.empty((0, 3), np.float32)
        if self.weight is None:
            yield from self._choose(cat)
        else:
            yield Progress("combining", 1, 1, {"weight": self.weight_})

    def _choose(self, cat: Catalogue) -> Iterator[Progress]:
        """Take the weight of the best NDCG@10 on validation items; of equals, the one nearest to the middle."""
        parts = cat.split()
        chosen_U = even_sample(len(parts.user_U), min(self.choice_users, len(parts.user_U)))
        if not len(chosen_U):
            raise ValueError("no user has a validation item by which a weight could be chosen; give a weight from 0 to 1.")
        chosen_U = chosen_U[np.argsort(np.diff(cat.indptr_U1)[parts.user_U[chosen_U]], kind="stable")]  # spares padding and beams
        excludes, n_batches = self.excludes_seen(None, cat), -(-len(chosen_U) // BATCH)
        gain_GN = np.zeros((len(WEIGHTS), 2))
        for at in range(n_batches):
            batch_B = chosen_U[at * BATCH:(at + 1) * BATCH]
            users = parts.user_U[batch_B].tolist()
            histories = [parts.history_before(user, "valid") for user in users]
            rows = [self.with_user(history, user) for history, user in zip(histories, users, strict=True)]
            found = self.propose(rows, max(self.n_candidates, CUT), histories if excludes else None)
            gain_GN += self.gains(found.item_BC, self.values(rows, found), parts.valid_U[batch_B])
            metrics_now = {} if at + 1 < n_batches else self._take_best(gain_GN / len(chosen_U))
            yield Progress("choosing the weight on the validation items", at + 1, n_batches, metrics_now)

    def gains(self, item_BC: np.ndarray, value_2BC: np.ndarray, target_B: np.ndarray) -> np.ndarray:
        """Recall@10 and NDCG@10 of every weight in ``WEIGHTS``, (G, 2), summed over a batch of users."""
        found = []
        for weight in WEIGHTS:
            ranked_BR, _ = best(item_BC, weighted(value_2BC, weight), CUT)
            found.append([metrics.recall_at_k(ranked_BR, target_B, CUT).sum(), metrics.ndcg_at_k(ranked_BR, target_B, CUT).sum()])
        return np.array(found)

    def _take_best(self, mean_GN: np.ndarray) -> dict[str, float | list[float]]:
        ndcg_G = mean_GN[:, 1]
        best_G = np.flatnonzero(ndcg_G >= ndcg_G.max() - 1e-12)
        at = best_G[np.abs(WEIGHTS[best_G] - 0.5).argmin()]
        self.weight_ = float(WEIGHTS[at])
        self.tried_GN = np.column_stack([WEIGHTS, mean_GN]).astype(np.float32)
        return {"weight": self.weight_, "chosen_recall@10": float(mean_GN[at, 0]), "chosen_ndcg@10": float(mean_GN[at, 1])}

    def _rows_of(self, member: Recommender, histories: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """What a member reads of each history, and whose history it can read at all (B,); only those have a row."""
        rows = []
        for row in histories:
            user, items = (int(-1 - row[0]), row[1:]) if len(row) and row[0] < 0 else (None, row)
            read = member.readable_history(items)
            rows.append(member.with_user(read, user) if len(read) else read)
        able_B = np.array([len(row) > 0 for row in rows], bool)
        return [row for row in rows if len(row)], able_B

    def propose(self, histories: list[np.ndarray], n: int, seen: Sequence[np.ndarray] | None = None) -> Proposals:
        """Both members' best n items for each user, as ``rank_batch`` ranks them.

        Args:
            histories: as ``with_user`` gives them.
            n: items of each member's list.
            seen: per user the items to leave out; None: none.
        """
        lists = []
        for member in self.members_:
            item_Bn = np.full((len(histories), min(n, self.n_items)), -1, np.int64)
            rows, able_B = self._rows_of(member, histories)
            if rows:
                left_out = None if seen is None else [np.unique(items) for items, able in zip(seen, able_B, strict=True) if able]
                ranked_BR = member.rank_batch(rows, item_Bn.shape[1], item_Bn.shape[1], left_out)[0]
                item_Bn[able_B, :ranked_BR.shape[1]] = ranked_BR
            lists.append(item_Bn)
        return merged(*lists)

    def values(self, histories: list[np.ndarray], found: Proposals) -> np.ndarray:
        """What each member gives to the proposed items (2, B, C) float32: log-probability, or reciprocal rank."""
        if self.fusion == "rank":
            return self._reciprocal(found.place_2BC)
        value_2BC = np.zeros(found.place_2BC.shape, np.float32)
        for at, member in enumerate(self.members_):
            rows, able_B = self._rows_of(member, histories)
            if rows:
                value_2BC[at, able_B] = member.item_log_probabilities(rows, found.item_BC[able_B])
        return np.maximum(value_2BC, LOWEST)

    def _reciprocal(self, place_2BC: np.ndarray) -> np.ndarray:
        return np.where(place_2BC >= 0, 1 / (self.rank_constant + 1 + place_2BC), 0).astype(np.float32)

    def rank_batch(self, histories: list[np.ndarray], k: int, width: int = 20,
                   seen: Sequence[np.ndarray] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """See ``Recommender.rank_batch``; ``n_candidates`` says how wide a generative member's beam is."""
        found = self.propose(histories, max(self.n_candidates, k), seen)
        score_BC = weighted(self.values(histories, found), self.weight_)
        return best(found.item_BC, score_BC, min(k, self.n_items))

    def score_batch(self, histories: list[np.ndarray]) -> np.ndarray:
        """Scores (B, I): every item by both members. By rank, items behind the first ``n_candidates`` of a list get nothing."""
        value_2BI = np.zeros((2, len(histories), self.n_items), np.float32)
        for at, member in enumerate(self.members_):
            rows, able_B = self._rows_of(member, histories)
            if not rows:
                continue
            logp_BI = member.log_probabilities(rows)
            if self.fusion == "rank":
                place_BI = np.argsort(np.argsort(-logp_BI, axis=1, kind="stable"), axis=1, kind="stable")
                value_2BI[at, able_B] = self._reciprocal(np.where(place_BI < self.n_candidates, place_BI, -1))
            else:
                value_2BI[at, able_B] = np.maximum(logp_BI, LOWEST)
        return weighted(value_2BI, self.weight_)

    def log_probabilities(self, histories: list[np.ndarray]) -> np.ndarray:
        return self.score_batch(histories) if self.fusion == "logp" else super().log_probabilities(histories)

    def item_log_probabilities(self, histories: list[np.ndarray], item_BC: np.ndarray) -> np.ndarray:
        """Only these items get their values from both members, so that an ensemble can be a member of another."""
        if self.fusion != "logp":
            return super().item_log_probabilities(histories, item_BC)
        given = Proposals(item_BC, np.full((2, *item_BC.shape), -1))
        return np.where(item_BC >= 0, weighted(self.values(histories, given), self.weight_), -np.inf)

    @property
    def n_items(self) -> int:
        return self.members_[0].n_items

    @property
    def learned_catalogue(self) -> int | None:
        return next((known for member in self.members_ if (known := member.learned_catalogue) is not None), None)

    @property
    def learned_repeats(self) -> bool | None:
        return self.repeats_

    def readable_history(self, history: np.ndarray) -> np.ndarray:
        """The whole history where any member can read some of it; each member then takes what it reads."""
        items = history[1:] if len(history) and history[0] < 0 else history
        return history if any(len(member.readable_history(items)) for member in self.members_) else history[:0]

    def with_user(self, row: np.ndarray, user: int | None) -> np.ndarray:
        """The row behind -1 - user, from which each member makes its own token."""
        return row if user is None or not len(row) else np.concatenate([[-1 - user], row]).astype(np.int64)

    def about(self) -> params.Values:
        return super().about() | {"members": [member.about() for member in self.members_]}

    def tensors(self) -> dict[str, torch.Tensor]:
        """The members' weights too, so that the ensemble opens when their runs are deleted."""
        own = {"weight": torch.tensor(self.weight_, dtype=torch.float64), "repeats": torch.tensor(self.repeats_),
               "tried": torch.from_numpy(self.tried_GN)}
        return own | {f"{name}.{key}": value.clone() for name, member in zip(self.member_params, self.members_, strict=True)
                      for key, value in member.tensors().items()}

    def read_about(self, about: params.Values) -> None:
        from tiger import models  # here, since the registry names this class
        members = [models.create(one["model"], **one["params"]) for one in about["members"]]
        for member, one in zip(members, about["members"], strict=True):
            member.read_about(one)
        self.joined = tuple(members)

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        for name, member in zip(self.member_params, self.joined, strict=True):
            prefix = f"{name}."
            member.load_tensors({key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)})
        self.members_ = list(self.joined)
        self.weight_, self.repeats_ = float(tensors["weight"]), bool(tensors["repeats"])
        self.tried_GN = tensors["tried"].numpy()


def merged(first_Bn: np.ndarray, second_Bn: np.ndarray) -> Proposals:
    """Two lists of items a user as one, each item once; -1 is an empty place."""
    same_BnN = (second_Bn[:, :, None] == first_Bn[:, None, :]) & (second_Bn >= 0)[:, :, None]
    both_Bn = same_BnN.any(2)
    place_n = np.arange(first_Bn.shape[1])
    in_second_Bn = np.where(same_BnN.any(1), same_BnN.argmax(1), -1)
    item_BC = np.concatenate([first_Bn, np.where(both_Bn, -1, second_Bn)], 1)
    empty_BC = item_BC < 0
    place_2BC = np.stack([np.concatenate([np.broadcast_to(place_n, first_Bn.shape), np.full(second_Bn.shape, -1)], 1),
                          np.concatenate([in_second_Bn, np.broadcast_to(place_n, second_Bn.shape)], 1)])
    return Proposals(item_BC, np.where(empty_BC, -1, place_2BC))


def weighted(value_2N: np.ndarray, weight: float) -> np.ndarray:
    """(1 - weight) times the first member's values plus weight times the second's."""
    return (1 - weight) * value_2N[0] + weight * value_2N[1]


def best(item_BC: np.ndarray, score_BC: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k best of each row's items (B, k), -1 and -inf where there are fewer."""
    score_BC = np.where(item_BC >= 0, score_BC, -np.inf)
    at_BR = np.argsort(-score_BC, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(item_BC, at_BR, 1), np.take_along_axis(score_BC, at_BR, 1).astype(np.float32)

