"""Cold start: hold items out of all training, then recommend them all the same.

A new item gets its codes from its content, so a model that was trained without it can still write its prefix.
``prefix``: cold items join every prefix that the beam writes and that they share, up to the share epsilon of the list.
``cold``: the beam may write the IDs of cold items only. ``knn``: the items whose content is nearest to the last item of
the history.

Source: Rajput et al. 2023, section 4.3 "Cold-start recommendation": epsilon, and Semantic_KNN as baseline.
"""

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from tiger import metrics, quantizers
from tiger.core import params
from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.core.sampling import even_sample
from tiger.datasets.catalogue import Catalogue
from tiger.models.generative import GenerativeRecommender
from tiger.quantizers.base import Quantizer
from tiger.search import beam
from tiger.search.trie import Trie
from tiger.semantic_ids import SemanticIds
from tiger.semantic_ids.ids import collision_places
from tiger.studies.base import (
    About,
    Row,
    Steps,
    StudyKind,
    Subject,
    keep_array,
    keep_model,
    load_kept,
    recommender_from,
    under,
)

METHODS = {"prefix": "Shared prefix, up to epsilon", "cold": "Beam over cold items only",
           "knn": "Nearest content, up to epsilon", "knn_cold": "Nearest content among cold items"}
CUTS = (1, 5, 10, 20, 30, 50)
EPSILONS = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
BATCH = 64


@dataclass
class ColdParams:
    """Parameters of a cold-start study."""

    share: float = param(0.05, "Share of the test items that are held out of all training.", low=0.001, high=0.5)
    users: int = param(300, "Users to evaluate in each group: those whose test item is cold, and the others.",
                       low=10, high=20_000)
    width: int = param(50, "Beam width.", low=1, high=200)
    epochs: int = param(4, "Epochs of the recommender.", low=1, high=200)
    n_steps: int | None = param(None, "Training steps of the quantizer; none: as many as in the run.", low=1, high=1_000_000)
    seed: int = param(0, "Seed of the choice of items and of the recommender.", low=0, high=2**31 - 1)


@dataclass(frozen=True)
class ColdRow(Row):
    """Recall@k of one method at one epsilon.

    Args:
        method: a key of ``METHODS``.
        who: "cold": users whose test item is cold; "warm": the others.
        k: length of the list.
        epsilon: share of the list that cold items may take.
        recall: nan where nobody could be evaluated.
        n_users: users evaluated.
    """

    identity: ClassVar[tuple[str, ...]] = ("method", "who", "k", "epsilon")
    method: str
    who: str
    k: int
    epsilon: float
    recall: float
    n_users: int


@dataclass(frozen=True)
class ColdAbout(About):
    """``n_cold`` items are held out; the test item of ``cold_users`` users is one of them.

    Args:
        exclude_seen: whether lists leave out what the user already has.
    """

    n_cold: int = 0
    cold_users: int = 0
    exclude_seen: bool = False


@dataclass(frozen=True)
class HeldOut:
    """A catalogue whose cold items nothing may learn from.

    Args:
        cold_I: True for the items that are held out.
        train: the catalogue to train on: the same items, histories without cold items and without validation and test
            items.
        cold_users, warm_users: places in ``split().user_U`` of users whose test item is cold, or not.
    """

    cold_I: np.ndarray
    train: Catalogue
    cold_users: np.ndarray
    warm_users: np.ndarray


def hold_out(cat: Catalogue, share: float, seed: int) -> HeldOut:
    """Choose cold items among the test items, and take them out of everything else.

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
    """The k allowed items nearest by cosine to each history's last item, itself left out."""
    items, found = np.flatnonzero(allowed_I), []
    for history in histories:
        cosine_N = unit_IE[items] @ unit_IE[history[-1]]
        cosine_N[items == history[-1]] = -np.inf
        found.append(items[np.argsort(-cosine_N, kind="stable")[:k]])
    return found


def fit_quantizer(cat: Catalogue, held: HeldOut, recipe: Quantizer, n_steps: int | None) -> Generator[Progress, None, np.ndarray]:
    """A quantizer with the recipe's hyper-parameters, trained on warm items only; returns the codes of all items (I, L)."""
    values = params.values(recipe)
    if n_steps is not None and "n_steps" in values:
        values["n_steps"] = n_steps
    made = quantizers.create(recipe.name, **values)
    yield from under("quantizer on warm items", made.fit_steps(cat.embedding_IE[~held.cold_I]))
    return made.encode(cat.embedding_IE)


def fit_recommender(held: HeldOut, codes_IL: np.ndarray, n_codes: int | Sequence[int],
                    model: GenerativeRecommender) -> Iterator[Progress]:
    """The model, trained on warm items only."""
    return under("recommender on warm items", model.fit_steps(held.train, warm_ids(codes_IL, n_codes, held.cold_I)))


def epsilons(method: str) -> tuple[float, ...]:
    """The shares of cold items that a method is measured at; those that write cold items only have no such limit."""
    return EPSILONS if method in ("prefix", "knn") else (1.0,)


def evaluate(cat: Catalogue, held: HeldOut, codes_IL: np.ndarray, model: GenerativeRecommender, config: ColdParams,
             done: frozenset[tuple[str, str]] = frozenset()) -> Iterator[Progress | ColdRow]:
    """Recall of every method over K and epsilon.

    Lists leave out what a user already has where nobody in the data has an item twice.

    Args:
        done: pairs of method and group of users that need not be measured again.
    """
    parts, unit_IE = cat.split(), metrics.unit_rows(cat.embedding_IE)
    everyone_I, longest, excludes = np.ones(cat.n_items, bool), max(CUTS), model.excludes_seen(cat=cat)
    groups = {"cold": held.cold_users, "warm": held.warm_users}
    groups = {who: places[even_sample(len(places), config.users)] for who, places in groups.items() if len(places)}
    n_all, n_done = len(METHODS) * len(groups), 0
    for method in METHODS:
        allowed_I = held.cold_I if method in ("cold", "knn_cold") else everyone_I
        searcher = Prefixes(model, codes_IL, allowed_I, held.cold_I) if method in ("prefix", "cold") else None
        for who, places in groups.items():
            if (method, who) in done:
                n_done += 1
                continue
            whole = [parts.history_before(int(parts.user_U[place]), "test") for place in places]
            readable = [history[~held.cold_I[history]] for history in whole]
            keep = [at for at, history in enumerate(readable) if len(history)]
            found: list[np.ndarray] = []
            for start in range(0, len(keep), BATCH):
                batch = keep[start:start + BATCH]
                histories = [readable[at] for at in batch]
                n_seen = max((len(whole[at]) for at in batch), default=0) if excludes else 0
                ranked = searcher.ranked(histories, config.width + n_seen) if searcher is not None else \
                    nearest_content(unit_IE, histories, allowed_I, 4 * longest + n_seen)
                if excludes:
                    ranked = [items[~np.isin(items, whole[at])] for at, items in zip(batch, ranked, strict=True)]
                found += ranked
                yield Progress(f"{METHODS[method]}, {who} test items", n_done, n_all)
            n_done += 1
            yield from _recalls(method, who, found, parts.test_U[places[keep]], held.cold_I)
            yield Progress(METHODS[method], n_done, n_all)


def _recalls(method: str, who: str, found: list[np.ndarray], target_U: np.ndarray, cold_I: np.ndarray) -> Iterator[ColdRow]:
    for epsilon in epsilons(method):
        for k in CUTS:
            hits = [target in fill(items, cold_I, k, epsilon) for items, target in zip(found, target_U, strict=True)]
            yield ColdRow(method, who, k, epsilon, float(np.mean(hits)) if hits else float("nan"), len(hits))


def steps(subject: Subject, config: ColdParams, done: Sequence[ColdRow] = ()) -> Steps:
    """Hold items out, train without them, recommend them; what was trained stays in the study's folder."""
    cat = subject.cat
    held = hold_out(cat, config.share, config.seed)
    kept, codes_at = subject.folder / "warm", subject.folder / "warm_codes.npy"
    codes_IL = np.load(codes_at, allow_pickle=False) if codes_at.exists() else None
    model = load_kept(kept) if codes_IL is not None else None
    if codes_IL is None:
        codes_IL = yield from fit_quantizer(cat, held, subject.quantizer(), config.n_steps)
        keep_array(codes_at, codes_IL)
        yield Progress("quantizer on warm items", 1, 1)
    if model is None:
        model = recommender_from(subject.recipe, config.epochs, config.seed)
        yield from fit_recommender(held, codes_IL, subject.n_codes, model)
        keep_model(model, kept)
    yield ColdAbout(cat.name, subject.title, cat.n_items, model.title, int(held.cold_I.sum()), len(held.cold_users),
                    model.excludes_seen(cat=cat))
    counted = Counter((row.method, row.who) for row in done)
    whole = frozenset((method, who) for (method, who), n in counted.items() if n >= len(CUTS) * len(epsilons(method)))
    yield from evaluate(cat, held, codes_IL, model, config, whole)


STUDY = StudyKind("cold", "Cold items", ColdParams, ColdRow, ColdAbout, steps, needs_quantizer=True)
