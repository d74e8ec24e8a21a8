"""Temperature against sameness: hotter decoding spreads a user's recommendations over more categories.

Recommendations are drawn without replacement from the tempered distribution over the whole catalogue: every
item's exact log-probability at that temperature plus Gumbel noise, best first. At temperature 1 this samples
from what the model believes; plain beam search, which always takes the likeliest, stands beside it.

Source: Rajput et al. 2023, section 4.3 "Recommendation diversity"; Kool et al. 2019, "Stochastic beams and where
to find them", arXiv:1903.06059 (Gumbel top-k is sampling without replacement).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tiger import metrics
from tiger.core.params import build, param
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.models.generative import GenerativeRecommender
from tiger.search import beam

CUTS = (10, 20, 50)
REPORTED = {1.0: (0.76, 1.14, 1.70), 1.5: (1.14, 1.52, 2.06), 2.0: (1.38, 1.76, 2.28)}
"""Entropy@10, @20, @50 on Amazon Beauty at each temperature, as reported by Rajput et al. 2023 for their model.

Their categories and their Beauty catalogue's metadata differ from what is loaded here, so only the direction
and the rough size can be compared.
"""
WIDTH = 50
BATCH = 4
MAX_HEATS = 8
VECTOR = -1  # "level" of a setting with one temperature a level


@dataclass
class DiversityParams:
    """What a diversity study is asked."""

    temperatures: str = param("1, 1.5, 2", "Temperatures to compare on all levels at once; also one a level, such as 2/1/1.")
    each_level: bool = param(True, "Also heat each level alone, at every one of the temperatures.")
    users: int = param(100, "Users who get recommendations; an even sample of those with a test item.", low=2, high=20_000)
    epochs: int = param(4, "Epochs of the small recommender that is trained where no model run is chosen.", low=1, high=100)
    seed: int = param(0, "Seed of the draws.", low=0, high=2**31 - 1)

    def heats(self) -> list[float]:
        """The temperatures for all levels at once. Raises ValueError as ``vectors``."""
        return sorted({heats[0] for heats in self._given() if len(heats) == 1})

    def vectors(self) -> list[tuple[float, ...]]:
        """The temperatures that were given level by level.

        Raises:
            ValueError: not 1 to 8 numbers from 0.05 to 20, or such numbers with / between them.
        """
        return [heats for heats in dict.fromkeys(self._given()) if len(heats) > 1]

    def _given(self) -> list[tuple[float, ...]]:
        try:
            found = [tuple(map(float, part.split("/"))) for part in self.temperatures.replace(",", " ").split()]
        except ValueError:
            found = []
        if not 1 <= len(set(found)) <= MAX_HEATS or not all(0.05 <= heat <= 20 for heats in found for heat in heats):
            raise ValueError(f"temperatures is '{self.temperatures}', but must be 1 to {MAX_HEATS} numbers from 0.05 to 20, "
                             "such as 1, 1.5, 2, or one a level, such as 2/1/1.")
        return found


def diversity_params(given: dict[str, Any]) -> DiversityParams:
    """Checked parameters from plain values."""
    made: DiversityParams = build(DiversityParams, given)
    made.vectors()
    return made


def entropies_at(ranked_UK: np.ndarray, label_I: np.ndarray, k: int) -> np.ndarray:
    """Each user's entropy (nats) of the categories among the first k items (U,); nan where none has a category.

    Items without a category (-1) and empty places are left out.
    """
    found = np.full(len(ranked_UK), np.nan)
    for user, row in enumerate(ranked_UK[:, :k]):
        label_N = label_I[row[row >= 0]]
        label_N = label_N[label_N >= 0]
        if len(label_N):
            found[user] = metrics.entropy(np.unique(label_N, return_counts=True)[1])
    return found


@torch.inference_mode()
def sample(model: GenerativeRecommender, histories: list[np.ndarray], heat: float | list[float], k: int,
           rng: np.random.Generator) -> np.ndarray:
    """k different items a user (B, k), drawn from the model at these temperatures; -1 where there are fewer.

    Args:
        histories: item numbers that all have an ID.
        heat: one temperature, or one a level of the IDs.
    """
    rows = [model.readable_history(history) for history in histories]
    logp_BI = beam.score_all(model.net_, model.trie_, rows, heat).numpy()  # type: ignore[arg-type]
    noisy_BI = logp_BI + rng.gumbel(size=logp_BI.shape)
    best_BK = np.argsort(-noisy_BI, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(logp_BI, best_BK, 1)), best_BK, -1)


def settings(asked: DiversityParams, n_levels: int) -> list[dict[str, Any]]:
    """Beam search, every temperature on all levels, each on one level alone, and those given level by level.

    Level 0 stands for all levels, ``VECTOR`` for one temperature a level. At temperature 1, one level alone is all
    levels. Levels that a vector does not name (the one that tells collisions apart) stay at 1.

    Raises:
        ValueError: a vector names more levels than there are.
    """
    found: list[dict[str, Any]] = [{"name": "beam search", "level": 0, "heat": None, "heats": [1.0] * n_levels}]
    heats = asked.heats()
    found += [{"name": f"T = {heat:g}", "level": 0, "heat": heat, "heats": [heat] * n_levels} for heat in heats]
    for given in asked.vectors():
        words = "/".join(f"{heat:g}" for heat in given)
        if len(given) > n_levels:
            raise ValueError(f"temperatures names {words}, which is for {len(given)} levels, but these IDs have {n_levels}; "
                             f"give at most {n_levels}.")
        found.append({"name": f"T = {words}", "level": VECTOR, "heat": None,
                      "heats": [*given, *[1.0] * (n_levels - len(given))]})
    for level in range(n_levels) if asked.each_level else ():
        found += [{"name": f"T = {heat:g} on level {level + 1} only", "level": level + 1, "heat": heat,
                   "heats": [heat if at == level else 1.0 for at in range(n_levels)]} for heat in heats if heat != 1]
    return found


def steps(cat: Catalogue, model: GenerativeRecommender, asked: DiversityParams,
          done: frozenset[str] = frozenset()) -> Iterator[Progress]:
    """Every setting; a Progress with ``metrics["row"]`` closes each.

    A row: name, level, heat, recall (recall@10), different (items in all lists), n_users, and for each cut
    entropy10, entropy10_low, entropy10_high (95 % over the users).

    Raises:
        ValueError: the catalogue names no categories, or nobody has a history that the model can read.
    """
    labels, _ = category_labels(cat)
    if labels is None:
        raise ValueError("This dataset names neither categories nor attributes, so the entropy of categories cannot be "
                         "measured; load item metadata with a category column.")
    label_I, parts = metrics.label_numbers(labels), cat.split()
    place_N = even_sample(len(parts.user_U), asked.users)
    histories = [model.readable_history(parts.history_before(int(parts.user_U[place]), "test")) for place in place_N]
    place_N = place_N[[len(history) > 0 for history in histories]]
    histories = [history for history in histories if len(history)]
    if not histories:
        raise ValueError("none of the users asked has an item with an ID in the history, so nothing can be recommended; "
                         "ask more users, or use IDs of more items.")
    todo = settings(asked, model.trie_.n_levels)
    n_all = len(todo) * len(histories)
    for number, setting in enumerate(todo):
        if setting["name"] in done:
            continue
        rng, found = np.random.default_rng([asked.seed, number]), []
        for start in range(0, len(histories), BATCH):
            part = histories[start:start + BATCH]
            found.append(_ranked(model, part, setting, rng))
            yield Progress(setting["name"], number * len(histories) + start, n_all)
        row = {key: setting[key] for key in ("name", "level", "heat")}
        row |= _scores(np.concatenate(found), parts.test_U[place_N], label_I)
        yield Progress(setting["name"], (number + 1) * len(histories), n_all, {"row": row})


def _scores(ranked_UK: np.ndarray, target_U: np.ndarray, label_I: np.ndarray) -> dict[str, Any]:
    first_UK = ranked_UK[:, :10]
    row = {"recall": float(metrics.recall_at_k(ranked_UK, target_U, 10).mean()),
           "different": len(np.unique(first_UK[first_UK >= 0])), "n_users": len(target_U)}
    for k in CUTS:
        mean = metrics.mean_interval(entropies_at(ranked_UK, label_I, k))
        row |= {f"entropy{k}": mean.mean, f"entropy{k}_low": max(mean.low, 0.0), f"entropy{k}_high": mean.high}
    return row


def _ranked(model: GenerativeRecommender, part: list[np.ndarray], setting: dict[str, Any],
            rng: np.random.Generator) -> np.ndarray:
    if setting["heat"] is None:
        items_BK = model.rank_batch(part, max(CUTS), WIDTH)[0]
        return np.pad(items_BK, ((0, 0), (0, max(CUTS) - items_BK.shape[1])), constant_values=-1)
    drawn_BK = sample(model, part, setting["heats"], max(CUTS), rng)
    return np.pad(drawn_BK, ((0, 0), (0, max(CUTS) - drawn_BK.shape[1])), constant_values=-1)
