"""Temperature and diversity: decoding at a higher temperature spreads recommendations over more categories.

Recommendations are drawn without replacement from the tempered distribution over the whole catalogue: every item's exact
log-probability at that temperature plus Gumbel noise, largest first. At temperature 1 this samples from the model's own
distribution; plain beam search, which keeps the most probable prefixes, stands beside it.

Source: Rajput et al. 2023, section 4.3 "Recommendation diversity"; Kool et al. 2019, "Stochastic beams and where
to find them", arXiv:1903.06059 (Gumbel top-k is sampling without replacement).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
import torch

from tiger import metrics
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.labels import category_labels
from tiger.models.generative import GenerativeRecommender
from tiger.search import beam
from tiger.studies.base import About, Row, Steps, StudyKind, Subject, trained_recommender

CUTS = (10, 20, 50)
REPORTED = {1.0: (0.76, 1.14, 1.70), 1.5: (1.14, 1.52, 2.06), 2.0: (1.38, 1.76, 2.28)}
"""Entropy@10, @20, @50 on Amazon Beauty at each temperature, as reported by Rajput et al. 2023 for their model.

Their categories and their Beauty catalogue's metadata differ from what is loaded here, so only the direction
and the rough size can be compared.
"""
WIDTH = 50
BATCH = 4
MAX_TEMPERATURES = 8
VECTOR = -1  # "level" of a setting with one temperature a level


@dataclass
class DiversityParams:
    """Parameters of a diversity study."""

    temperatures: str = param("1, 1.5, 2", "Temperatures to compare, each on all levels; also one a level, such as 2/1/1.")
    each_level: bool = param(True, "Also raise the temperature of each level alone to every one of them.")
    users: int = param(100, "Users to recommend to: an even sample of those with a test item.", low=2, high=20_000)
    epochs: int = param(4, "Epochs of the small recommender that is trained where no recommender is chosen.", low=1, high=100)
    seed: int = param(0, "Seed of the draws.", low=0, high=2**31 - 1)

    def for_all_levels(self) -> list[float]:
        """The temperatures for all levels at once. Raises ValueError as ``vectors``."""
        return sorted({given[0] for given in self._given() if len(given) == 1})

    def vectors(self) -> list[tuple[float, ...]]:
        """The temperatures that were given level by level.

        Raises:
            ValueError: not 1 to 8 numbers from 0.05 to 20, or such numbers with / between them.
        """
        return [given for given in dict.fromkeys(self._given()) if len(given) > 1]

    def check(self) -> None:
        """Refuse temperatures that cannot be read. Raises ValueError as ``vectors``."""
        self.vectors()

    def _given(self) -> list[tuple[float, ...]]:
        try:
            found = [tuple(map(float, part.split("/"))) for part in self.temperatures.replace(",", " ").split()]
        except ValueError:
            found = []
        if not 1 <= len(set(found)) <= MAX_TEMPERATURES or not all(0.05 <= value <= 20 for given in found for value in given):
            raise ValueError(f"temperatures is '{self.temperatures}', but must be 1 to {MAX_TEMPERATURES} numbers from 0.05 to "
                             "20, such as 1, 1.5, 2, or one a level, such as 2/1/1.")
        return found


class Setting(NamedTuple):
    """How recommendations are drawn.

    Args:
        name: for people.
        level: the level whose temperature is raised, from 1; 0: all levels; ``VECTOR``: one temperature a level.
        temperature: of that level or of all; None for beam search and vectors.
        temperatures: one a level of the IDs; None for beam search.
    """

    name: str
    level: int
    temperature: float | None
    temperatures: list[float] | None


@dataclass(frozen=True)
class DiversityRow(Row):
    """What one setting gives.

    Args:
        name, level, temperature: see ``Setting``.
        recall: recall@10.
        distinct_items: items that occur in anybody's first 10.
        entropy10: mean over users of the entropy (nats) of the categories among the first 10 items; likewise 20, 50.
        entropy10_low, entropy10_high: its 95 % confidence interval over the users.
    """

    identity: ClassVar[tuple[str, ...]] = ("name",)
    former_names: ClassVar[dict[str, str]] = {"heat": "temperature", "different": "distinct_items"}
    name: str
    level: int
    temperature: float | None
    recall: float
    distinct_items: int
    n_users: int
    entropy10: float
    entropy20: float
    entropy50: float
    entropy10_low: float = float("nan")
    entropy10_high: float = float("nan")
    entropy20_low: float = float("nan")
    entropy20_high: float = float("nan")
    entropy50_low: float = float("nan")
    entropy50_high: float = float("nan")


@dataclass(frozen=True)
class DiversityAbout(About):
    """``labels``: what the categories are; ``exclude_seen``: whether lists leave out what the user already has."""

    labels: str = "categories"
    exclude_seen: bool = False


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
def sample(model: GenerativeRecommender, histories: list[np.ndarray], temperature: float | list[float], k: int,
           rng: np.random.Generator, seen: Sequence[np.ndarray] | None = None) -> np.ndarray:
    """k distinct items a user (B, k), drawn from the model at these temperatures; -1 where there are fewer.

    Args:
        histories: item numbers that all have an ID.
        temperature: one for all levels of the IDs, or one a level.
        seen: per user the items to leave out; None: none.
    """
    rows = [model.readable_history(history) for history in histories]
    logp_BI = beam.score_all(model.net_, model.trie_, rows, temperature).numpy()  # type: ignore[arg-type]
    for row, items in enumerate(seen or ()):
        logp_BI[row, items] = -np.inf
    noisy_BI = logp_BI + rng.gumbel(size=logp_BI.shape)
    best_BK = np.argsort(-noisy_BI, axis=1, kind="stable")[:, :k]
    return np.where(np.isfinite(np.take_along_axis(logp_BI, best_BK, 1)), best_BK, -1)


def settings(config: DiversityParams, n_levels: int) -> list[Setting]:
    """Beam search, every temperature on all levels, each on one level alone, and those given level by level.

    At temperature 1, one level alone is all levels. Levels that a vector does not name (the one that tells collisions
    apart) stay at 1.

    Raises:
        ValueError: a vector names more levels than there are.
    """
    temperatures = config.for_all_levels()
    found = [Setting("beam search", 0, None, None)]
    found += [Setting(f"T = {value:g}", 0, value, [value] * n_levels) for value in temperatures]
    for given in config.vectors():
        words = "/".join(f"{value:g}" for value in given)
        if len(given) > n_levels:
            raise ValueError(f"temperatures names {words}, which is for {counted(len(given), 'level')}, but these IDs have "
                             f"{n_levels}; give at most {n_levels}.")
        found.append(Setting(f"T = {words}", VECTOR, None, [*given, *[1.0] * (n_levels - len(given))]))
    for level in range(n_levels) if config.each_level else ():
        found += [Setting(f"T = {value:g} on level {level + 1} only", level + 1, value,
                          [value if at == level else 1.0 for at in range(n_levels)]) for value in temperatures if value != 1]
    return found


def measure(cat: Catalogue, model: GenerativeRecommender, config: DiversityParams,
            done: frozenset[str] = frozenset()) -> Iterator[Progress | DiversityRow]:
    """A row for every setting.

    Lists leave out what a user already has where nobody in the data has an item twice.

    Args:
        done: names of settings that need not be measured again.

    Raises:
        ValueError: the catalogue names no categories, or nobody has a history that the model can read.
    """
    labels, _ = category_labels(cat)
    if labels is None:
        raise ValueError("This dataset names neither categories nor attributes, so the entropy of categories cannot be "
                         "measured; load item metadata with a category column.")
    label_I, parts = metrics.label_numbers(labels), cat.split()
    place_N = even_sample(len(parts.user_U), config.users)
    whole = [parts.history_before(int(parts.user_U[place]), "test") for place in place_N]
    histories = [model.readable_history(history) for history in whole]
    readable = [at for at, history in enumerate(histories) if len(history)]
    if not readable:
        raise ValueError("none of these users has an item with an ID in the history, so nothing can be recommended; "
                         "evaluate more users, or use IDs of more items.")
    todo, n_users, excludes = settings(config, model.trie_.n_levels), len(readable), model.excludes_seen(cat=cat)
    for number, setting in enumerate(todo):
        if setting.name in done:
            continue
        rng, found = np.random.default_rng([config.seed, number]), []
        for start in range(0, n_users, BATCH):
            batch = readable[start:start + BATCH]
            seen = [np.unique(whole[at]) for at in batch] if excludes else None
            found.append(_ranked(model, [histories[at] for at in batch], setting, rng, seen))
            yield Progress(setting.name, number * n_users + start, len(todo) * n_users)
        yield _row(setting, np.concatenate(found), parts.test_U[place_N[readable]], label_I)
        yield Progress(setting.name, (number + 1) * n_users, len(todo) * n_users)


def _row(setting: Setting, ranked_UK: np.ndarray, target_U: np.ndarray, label_I: np.ndarray) -> DiversityRow:
    first_UK, recall = ranked_UK[:, :10], float(metrics.recall_at_k(ranked_UK, target_U, 10).mean())
    ends: dict[str, float] = {}
    for k in CUTS:
        mean = metrics.mean_interval(entropies_at(ranked_UK, label_I, k))
        ends |= {f"entropy{k}": mean.mean, f"entropy{k}_low": max(mean.low, 0.0), f"entropy{k}_high": mean.high}
    return DiversityRow(setting.name, setting.level, setting.temperature, recall, len(np.unique(first_UK[first_UK >= 0])),
                        len(target_U), **ends)


def _ranked(model: GenerativeRecommender, batch: list[np.ndarray], setting: Setting, rng: np.random.Generator,
            seen: list[np.ndarray] | None) -> np.ndarray:
    if setting.temperatures is None:
        found_BK = model.rank_batch(batch, max(CUTS), WIDTH, seen)[0]
    else:
        found_BK = sample(model, batch, setting.temperatures, max(CUTS), rng, seen)
    return np.pad(found_BK, ((0, 0), (0, max(CUTS) - found_BK.shape[1])), constant_values=-1)


def steps(subject: Subject, config: DiversityParams, done: Sequence[DiversityRow] = ()) -> Steps:
    """Find or train a recommender, then measure one setting after the other."""
    model = (yield from trained_recommender(subject, config.epochs)).model
    yield DiversityAbout(subject.cat.name, subject.title, subject.cat.n_items, model.title, category_labels(subject.cat)[1],
                         model.excludes_seen(cat=subject.cat))
    yield from measure(subject.cat, model, config, frozenset(row.name for row in done))


STUDY = StudyKind("diversity", "Diversity", DiversityParams, DiversityRow, DiversityAbout, steps)
