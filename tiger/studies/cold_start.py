"""Cold items: hold some out of all training, then recommend them all the same.

A new item gets its codes from its content, so the model can write the beginning of its ID without ever having
seen it. ``prefix``: whatever prefix the beam writes, cold items with the same codes join in, up to the share
epsilon of the list. ``cold``: the beam may write cold items only. ``knn``: the items whose content lies nearest
to the user's last one.

Source: Rajput et al. 2023, section 4.3 "Cold-start recommendation": epsilon, and Semantic_KNN as baseline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tiger import metrics, models, quantizers
from tiger.core import params
from tiger.core.params import build, param
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.models.generative import GenerativeRecommender
from tiger.quantizers.base import Quantizer
from tiger.search import beam
from tiger.search.trie import Trie
from tiger.semantic_ids import SemanticIds
from tiger.semantic_ids.ids import collision_places

METHODS = {"prefix": "Shared prefix, up to epsilon", "cold": "Beam over cold items only",
           "knn": "Nearest content, up to epsilon", "knn_cold": "Nearest content among cold items"}
CUTS = (1, 5, 10, 20, 30, 50)
EPSILONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
BATCH = 64


@dataclass
class ColdParams:
    """What a cold-item study is asked."""

    share: float = param(0.05, "Share of the test items that are held out of all training.", low=0.001, high=0.5)
    users: int = param(300, "Users asked, of those whose next item is cold and of the others each.", low=10, high=20_000)
    width: int = param(50, "Beam width.", low=1, high=200)
    epochs: int = param(4, "Epochs of the recommender.", low=1, high=200)
    n_steps: int | None = param(None, "Steps of the quantizer; none: as many as the run's.", low=1, high=1_000_000)
    seed: int = param(0, "Seed of the choice of items and of the recommender.", low=0, high=2**31 - 1)


def cold_params(given: dict[str, Any]) -> ColdParams:
    """Checked parameters from plain values."""
    made: ColdParams = build(ColdParams, given)
    return made


@dataclass(frozen=True)
class HeldOut:
    """A catalogue whose cold items nothing may learn from.

    Args:
        cold_I: True for the items that are held out.
        train: the catalogue to train on: the same items, histories without cold items and without anybody's
            validation and test item.
        cold_users, warm_users: places in ``split().user_U`` of users whose test item is cold, or not.
    """

    cold_I: np.ndarray
    train: Catalogue
    cold_users: np.ndarray
    warm_users: np.ndarray


def hold_out(cat: Catalogue, share: float, seed: int) -> HeldOut:
    """Choose cold items among the items that are somebody's next, and take them out of everything else.

    Raises:
        ValueError: no user has a test item.
    """
    parts = cat.split()
    targets = np.unique(parts.test_U)
    if len(targets) == 0:
        raise ValueError("no user has a test item; cold items need histories of at least 3 items.")
    rng = np.random.default_rng(seed)
    cold_I = np.zeros(cat.n_items, bool)
    cold_I[rng.choice(targets, max(1, round(share * len(targets))), replace=False)] = True
    rows = []
    for user in range(cat.n_users):
        row = parts.train_history(user)
        row = row[~cold_I[row]]
        enough = len(cat.history(user)) >= 3 and len(row) >= 1
        # Two places that the split takes off again, so that what is left is exactly this row.
        rows.append(np.concatenate([row, row[-1:], row[-1:]]) if enough else row[:2])
    train = Catalogue(cat.name, cat.items, np.concatenate([[0], np.cumsum(list(map(len, rows)))]).astype(np.int64),
                      np.concatenate(rows).astype(np.int64), cat.user_ids, cat.embedding_IE, cat.source, cat.report)
    is_cold_U = cold_I[parts.test_U]
    return HeldOut(cold_I, train, np.flatnonzero(is_cold_U), np.flatnonzero(~is_cold_U))


def warm_ids(codes_IL: np.ndarray, n_codes: int | Sequence[int], cold_I: np.ndarray) -> SemanticIds:
    """Unique IDs of the warm items; cold ones have none, so no model meets them."""
    codes_IL = np.where(cold_I[:, None], -1, codes_IL)
    place_I = collision_places(codes_IL)
    n_places = max(int(place_I.max(initial=0)) + 1, 2)
    return SemanticIds(np.column_stack([codes_IL, place_I]), [*metrics.level_sizes(n_codes, codes_IL.shape[1]), n_places],
                       codes_IL.shape[1])


class Prefixes:
    """The beam over whole codes without the collision level, and the items behind each.

    Args:
        model: fitted on the warm IDs.
        codes_IL: codes of all items, cold ones too.
        allowed_I: items whose codes may be written.
        cold_I: which items are cold; behind equal codes they come after the warm ones.
    """

    def __init__(self, model: GenerativeRecommender, codes_IL: np.ndarray, allowed_I: np.ndarray, cold_I: np.ndarray):
        self.model, items = model, np.flatnonzero(allowed_I)
        items = items[np.argsort(cold_I[items], kind="stable")]
        prefixes, number_N = np.unique(codes_IL[items], axis=0, return_inverse=True)
        self.items = [items[number_N == number] for number in range(len(prefixes))] if len(prefixes) < 64 else \
            np.split(items[np.argsort(number_N, kind="stable")], np.cumsum(np.bincount(number_N))[:-1])
        self.trie = Trie(prefixes, model.metadata_["n_codes"].tolist()[:codes_IL.shape[1]])

    @torch.inference_mode()
    def ranked(self, histories: list[np.ndarray], width: int) -> list[np.ndarray]:
        """Item numbers for each user, best prefix first."""
        width = min(width, self.trie.n_items, beam.MAX_WIDTH)
        rows = [self.model.readable_history(history) for history in histories]
        found = beam.search(self.model.net_, self.trie, rows, width)  # type: ignore[arg-type]
        return [np.concatenate([self.items[number] for number in row[row >= 0]]) if (row >= 0).any() else np.empty(0, int)
                for row in found.item_BW.numpy()]


def fill(candidates: np.ndarray, cold_I: np.ndarray, k: int, epsilon: float) -> np.ndarray:
    """The first k candidates, of which at most the share epsilon may be cold; others take the places left."""
    is_cold = cold_I[candidates]
    allowed = int(np.floor(epsilon * k + 1e-9))
    keep = ~is_cold | (np.cumsum(is_cold) <= allowed)
    return candidates[keep][:k]


def nearest_content(unit_IE: np.ndarray, histories: list[np.ndarray], allowed_I: np.ndarray, k: int) -> list[np.ndarray]:
    """The k allowed items nearest by cosine to each user's last item, itself left out."""
    items, found = np.flatnonzero(allowed_I), []
    for history in histories:
        cosine_N = unit_IE[items] @ unit_IE[history[-1]]
        cosine_N[items == history[-1]] = -np.inf
        found.append(items[np.argsort(-cosine_N, kind="stable")[:k]])
    return found


def fit(cat: Catalogue, held: HeldOut, recipe: Quantizer, asked: ColdParams, model: GenerativeRecommender,
        codes_IL: np.ndarray | None = None) -> Iterator[Progress]:
    """Quantizer and recommender on warm items only; a Progress with ``codes`` closes the first, one with ``model`` the other.

    Args:
        recipe: a quantizer whose hyper-parameters are used; it is trained anew.
        model: fresh, with its hyper-parameters.
        codes_IL: what the quantizer gave before the study was stopped; it is not trained again.
    """
    values = params.values(recipe)
    if asked.n_steps is not None and "n_steps" in values:
        values["n_steps"] = asked.n_steps
    made = quantizers.create(recipe.name, **values)
    if codes_IL is None:
        for progress in made.fit_steps(cat.embedding_IE[~held.cold_I]):
            yield Progress("quantizer on warm items", progress.step, progress.n_steps)
        codes_IL = made.encode(cat.embedding_IE)
        yield Progress("quantizer on warm items", 1, 1, {"codes": codes_IL})
    for progress in model.fit_steps(held.train, warm_ids(codes_IL, made.n_codes, held.cold_I)):
        yield Progress("recommender on warm items", progress.step, progress.n_steps)
    yield Progress("recommender on warm items", 1, 1, {"model": model})


def epsilons(method: str) -> tuple[float, ...]:
    """The shares of cold items that a method is measured at; those that write cold items only know no limit."""
    return EPSILONS if method in ("prefix", "knn") else (1.0,)


def judge(cat: Catalogue, held: HeldOut, codes_IL: np.ndarray, model: GenerativeRecommender, asked: ColdParams,
          finished: frozenset[tuple[str, str]] = frozenset()) -> Iterator[Progress]:
    """Recall of every method over K and epsilon; a Progress with ``metrics["rows"]`` closes each method and group.

    A row: method, who ("cold": users whose next item is cold; "warm": the others), k, epsilon, recall, n_users.

    Args:
        finished: pairs of method and who that need not be measured again.
    """
    parts, unit_IE = cat.split(), metrics.unit_rows(cat.embedding_IE)
    everyone_I, most = np.ones(cat.n_items, bool), max(CUTS)
    groups = {"cold": held.cold_users, "warm": held.warm_users}
    groups = {who: places[even_sample(len(places), asked.users)]
              for who, places in groups.items() if len(places)}
    n_all, done = len(METHODS) * len(groups), 0
    for method in METHODS:
        allowed_I = held.cold_I if method in ("cold", "knn_cold") else everyone_I
        searcher = Prefixes(model, codes_IL, allowed_I, held.cold_I) if method in ("prefix", "cold") else None
        for who, places in groups.items():
            if (method, who) in finished:
                done += 1
                continue
            readable = [parts.history_before(int(parts.user_U[place]), "test") for place in places]
            readable = [history[~held.cold_I[history]] for history in readable]
            keep = [at for at, history in enumerate(readable) if len(history)]
            target_U = parts.test_U[places[keep]]
            found: list[np.ndarray] = []
            for start in range(0, len(keep), BATCH):
                part = [readable[at] for at in keep[start:start + BATCH]]
                found += searcher.ranked(part, asked.width) if searcher is not None else \
                    nearest_content(unit_IE, part, allowed_I, 4 * most)
                yield Progress(f"{METHODS[method]}, {who} next items", done, n_all)
            done += 1
            yield Progress(METHODS[method], done, n_all, {"rows": _scores(method, who, found, target_U, held.cold_I)})


def _scores(method: str, who: str, found: list[np.ndarray], target_U: np.ndarray, cold_I: np.ndarray) -> list[dict[str, Any]]:
    rows = []
    for epsilon in epsilons(method):
        for k in CUTS:
            hits = [target in fill(items, cold_I, k, epsilon) for items, target in zip(found, target_U, strict=True)]
            rows.append({"method": method, "who": who, "k": k, "epsilon": epsilon, "n_users": len(hits),
                         "recall": float(np.mean(hits)) if hits else float("nan")})
    return rows


def fresh(name: str, values: dict[str, Any], asked: ColdParams) -> GenerativeRecommender:
    """A recommender to train on the warm items: a model run's hyper-parameters, or small ones.

    Raises:
        ValueError: a model that writes no IDs.
    """
    made = models.create(name, **(values | {"n_epochs": asked.epochs, "seed": asked.seed}))
    if not isinstance(made, GenerativeRecommender):
        raise ValueError(f"{made.title} writes no semantic IDs; choose a generative model.")
    return made
