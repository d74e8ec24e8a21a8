"""The best items by exact log-probability, without scoring the whole catalogue: the judge of a beam search.

A prefix is never less probable than an item below it. So with the k-th best item of a beam search as the floor,
every prefix below the floor can go, and nothing that belongs among the best k is lost (branch and bound).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tiger.search import beam
from tiger.search.trie import Trie

SLACK = 1e-3  # sums in another order differ in the last digits


@dataclass(frozen=True)
class ExactTopK:
    """What an exact search finds.

    Args:
        item_R: int64 item numbers, best first.
        logp_R: their exact log-probabilities.
        n_expanded: prefixes that had to be looked at.
    """

    item_R: np.ndarray
    logp_R: np.ndarray
    n_expanded: int


@torch.inference_mode()
def best_items(decoder: beam.Decoder, trie: Trie, history: np.ndarray, k: int,
               temperature: float | Sequence[float] = 1.0, seen: np.ndarray | None = None,
               floor: float | None = None) -> ExactTopK:
    """The k items of the catalogue with the largest exact log-probability.

    Args:
        history: item numbers, oldest first; every one has an ID.
        k: from 1 to the number of items.
        temperature: divides the logits; one number, or one a level.
        seen: items that must not be returned; None: any item may be.
        floor: a log-probability that k items are known to reach, such as the k-th of a beam search; None: one is made.

    Raises:
        ValueError: k or the temperature makes no sense.
    """
    temperature_L = beam.temperatures(temperature, trie.n_levels)
    if floor is None:
        found = beam.search(decoder, trie, [history], k, temperature_L, seen=None if seen is None else [seen])
        floor = float(found.logp_BW[0, k - 1])
    memory, cache = decoder.encode([history]), None
    node_P, total_P, code_P = torch.zeros(1, dtype=torch.int64), torch.zeros(1), None
    n_expanded = 0
    for level in range(trie.n_levels):
        logits_1PK, cache = decoder.step(memory, cache, level, None if code_P is None else code_P[None])
        step_PK = beam.step_logp(logits_1PK[0], temperature_L[level])
        child_X, parent_X = _children(trie, level, node_P)
        code_X = trie.code(level, child_X)
        total_X = total_P[parent_X] + step_PK[parent_X, code_X]
        n_expanded += len(child_X)
        stay_X = total_X >= floor - SLACK
        node_P, total_P, code_P, parent_P = child_X[stay_X], total_X[stay_X], code_X[stay_X], parent_X[stay_X]
        if level + 1 < trie.n_levels:
            cache = decoder.reorder(cache, parent_P[None])
    best_P = total_P.argsort(descending=True, stable=True)
    item_P = trie.item(node_P[best_P]).numpy()
    kept_R = np.flatnonzero(~np.isin(item_P, [] if seen is None else seen))[:k]
    return ExactTopK(item_P[kept_R], total_P[best_P].numpy()[kept_R], n_expanded)


@torch.inference_mode()
def score_items(decoder: beam.Decoder, trie: Trie, histories: list[np.ndarray], item_BC: torch.Tensor) -> torch.Tensor:
    """Exact log-probability (B, C) of some items of each user: their IDs are written code by code, and no others.

    Args:
        histories: B arrays of item numbers, oldest first.
        item_BC: int64 item numbers; -1 and items without an ID get -inf.
    """
    codes_BCM, has_id_BC = trie.ids_of(item_BC)
    memory, cache = decoder.encode(histories), None
    total_BC = torch.zeros(item_BC.shape)
    for level in range(trie.n_levels):
        logits_BWK, cache = decoder.step(memory, cache, level, codes_BCM[:, :, level - 1] if level else None)
        step_BWK = beam.step_logp(logits_BWK).expand(-1, item_BC.shape[1], -1)  # at first one beam for all
        total_BC = total_BC + step_BWK.gather(2, codes_BCM[:, :, level, None])[..., 0]
        if level == 0 and trie.n_levels > 1:
            cache = decoder.reorder(cache, torch.zeros_like(item_BC))
    return total_BC.masked_fill(~has_id_BC, -torch.inf)


def _children(trie: Trie, level: int, node_P: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Nodes one level deeper, and for each the place of its parent in ``node_P``."""
    start_P, count_P = trie.children(level, node_P)
    parent_X = torch.repeat_interleave(torch.arange(len(node_P)), count_P)
    within_X = torch.arange(len(parent_X)) - (count_P.cumsum(0) - count_P)[parent_X]
    return start_P[parent_X] + within_X, parent_X
