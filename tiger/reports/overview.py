"""What Home shows: the pipeline from one item to the next ID, with a dataset's and a run's own numbers."""

from dataclasses import dataclass

import numpy as np

from tiger import metrics, quantizers
from tiger.datasets.catalogue import Catalogue
from tiger.reports import doctor, shop
from tiger.runs import Run, data
from tiger.runs.records import LearnerConfig

SHOWN_VALUES, SHOWN_ITEMS = 32, 3


@dataclass(frozen=True)
class CodedBy:
    """What a run did to the catalogue.

    Args:
        title: the quantizer's, or what else made the IDs.
        level_summary: what one of its levels does.
        n_codes: K of each level.
        perplexity: of each level.
        prefixes: distinct prefixes down to each level; the last counts the distinct IDs.
        item_id: the example item's semantic ID.
        history_ids: those of the example user's last items.
        n_tokens: codes of an ID, the collision level included.
        n_items: that have an ID.
        verdict, severity, evidence: the doctor's.
    """

    title: str
    level_summary: str
    n_codes: tuple[int, ...]
    perplexity: tuple[float, ...]
    prefixes: tuple[int, ...]
    item_id: tuple[int, ...]
    history_ids: tuple[tuple[int, ...], ...]
    n_tokens: int
    n_items: int
    verdict: str
    severity: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Overview:
    """The pipeline for one example item and one example user; ``coded`` is None while there are no codes that fit.

    Args:
        item_title: of the item in most histories.
        values: the first numbers of its embedding.
        width: numbers of an embedding.
        n_history: items of the user's history.
        problem: why a run's codes cannot be shown; "" where they can, or where there are none yet.
        n_in_files: items that these are a sample of; 0 where they are all.
    """

    n_items: int
    n_users: int
    n_interactions: int
    item_title: str
    values: tuple[float, ...]
    width: int
    user: int
    n_history: int
    coded: CodedBy | None
    problem: str = ""
    n_in_files: int = 0


def overview(cat: Catalogue, run: Run | None) -> Overview:
    """Everything that Home shows."""
    item, user = shop.example(cat)
    history_T = cat.history(user) if cat.n_users else np.empty(0, np.int64)
    coded, problem = None, ""
    if run is not None and run.knows_all_items():
        try:
            coded = _coded(run, cat, item, history_T)
        except ValueError as error:
            problem = str(error)
    return Overview(cat.n_items, cat.n_users, cat.n_interactions, str(cat.items["title"].iloc[item]) or f"item {item}",
                    tuple(cat.embedding_IE[item][:SHOWN_VALUES].tolist()), cat.embedding_IE.shape[1], user, len(history_T),
                    coded, problem, cat.sampled.n_rows if cat.sampled else 0)


def _coded(run: Run, cat: Catalogue, item: int, history_T: np.ndarray) -> CodedBy:
    codes_IL = data.codes_for(run, cat)
    given = run.config.quantizer or LearnerConfig("recorded elsewhere" if run.external else "imported")
    known = quantizers.REGISTRY.get(given.name)
    n_codes = tuple(run.codes_per_level())
    found = doctor.diagnose(run, cat)
    ids_IM = data.ids_for(run, cat).ids_IM
    return CodedBy(
        known.title if known else given.name.replace("_", " ").capitalize(),
        known.level_summary if known else "Made by another system.", n_codes,
        tuple(metrics.perplexity(metrics.code_counts(codes_IL, n_codes)).tolist()),
        tuple(int(n) for n in metrics.prefix_numbers(codes_IL)[1]), tuple(ids_IM[item].tolist()),
        tuple(tuple(row) for row in ids_IM[history_T[-SHOWN_ITEMS:]].tolist()), ids_IM.shape[1],
        int(metrics.has_id(codes_IL).sum()), found.title, str(found.severity), tuple(found.evidence))
