"""Beam search that can explain itself, and the exact scores that a perfect search would find.

A *decoder* (``tiger.models`` has two) encodes a batch of histories once; all beams of a user then share
those keys and values. At each level every beam meets every code, the best ``width`` candidates stay, and
with a trace asked for, each candidate is kept on record with the reason why it stayed or went.

A candidate's score is the plain sum of the decoder's log-probabilities. Codes outside the catalogue are left
out but not renormalised, so constrained, free and exact scores are all on the same scale.
"""

import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch

from tiger.core.words import counted
from tiger.search.seen import Seen
from tiger.search.trie import Trie

KEPT, FULL, OUTSIDE, OWNED = "kept", "beam full", "not in the catalogue", "already in the history"
REASONS = pd.CategoricalDtype([KEPT, FULL, OUTSIDE, OWNED])
MAX_WIDTH = 500  # that pages offer; a search itself may be as wide as the catalogue


class Decoder(Protocol):
    """What beam search asks of a generative model."""

    def encode(self, histories: list[np.ndarray]) -> Any:
        """Read B histories once; the result is shared by all beams."""

    def step(self, memory: Any, cache: Any, level: int,
             codes_BW: torch.Tensor | None) -> tuple[torch.Tensor, Any]:
        """Logits (B, W, K) of this level and the new cache, after the codes chosen at the level before."""

    def reorder(self, cache: Any, parent_BW: torch.Tensor) -> Any:
        """The cache whose beam w is the old beam ``parent_BW[:, w]``; may be wider than before."""


@dataclass(frozen=True)
class BeamResult:
    """What a batched search found, best first.

    Args:
        item_BW: int64 item numbers; -1 is an ID outside the catalogue or an empty place.
        ids_BWM: int64 codes; -1 in an empty place.
        logp_BW: log-probability of each ID; -inf in an empty place.
    """

    item_BW: torch.Tensor
    ids_BWM: torch.Tensor
    logp_BW: torch.Tensor

    def invalid_rate(self) -> float:
        """Share of generated IDs that no item has."""
        made_BW = torch.isfinite(self.logp_BW)
        return float(((self.item_BW < 0) & made_BW).sum() / made_BW.sum().clamp(min=1))


@dataclass(frozen=True)
class Candidates:
    """What one level of one user's search looked at, best first; arrays, because a search has tens of thousands of them.

    Args:
        parent_N: the beam it grew from; codes_NL: int32 codes so far and this one.
        step_logp_N, total_logp_N: log-probability of this code, and of all its codes.
        n_items_below_N: items of the catalogue with this prefix.
        kept_N: whether it stayed; reason_N: why it stayed or went, as a place among ``REASONS``.
    """

    parent_N: np.ndarray
    codes_NL: np.ndarray
    step_logp_N: np.ndarray
    total_logp_N: np.ndarray
    n_items_below_N: np.ndarray
    kept_N: np.ndarray
    reason_N: np.ndarray

    def __len__(self) -> int:
        return len(self.parent_N)

    def prefixes(self, rows: np.ndarray | slice = slice(None)) -> list[tuple[int, ...]]:
        """The codes so far of some candidates; of all, if not said otherwise."""
        return list(map(tuple, self.codes_NL[rows].tolist()))

    def frame(self) -> pd.DataFrame:
        """One row a candidate, best first: see ``Trace.steps``."""
        return pd.DataFrame({"parent": self.parent_N, "prefix": self.prefixes(), "code": self.codes_NL[:, -1].astype(np.int64),
                             "step_logp": self.step_logp_N, "total_logp": self.total_logp_N,
                             "n_items_below": self.n_items_below_N, "kept": self.kept_N,
                             "reason": pd.Categorical.from_codes(self.reason_N, dtype=REASONS)})


@dataclass(frozen=True)
class Trace:
    """One user's search, level by level.

    Args:
        levels: the candidates of each level.
        items: rank, item, logp, id of the items found, best first.
        invalid: id, logp of the generated IDs that no item has (free search only).
    """

    levels: list[Candidates]
    items: pd.DataFrame
    invalid: pd.DataFrame

    @cached_property
    def steps(self) -> list[pd.DataFrame]:
        """Per level one row a candidate: parent (beam it grew from), prefix (codes so far and this one), code, step_logp,
        total_logp, n_items_below, kept, reason; best first. Large: what is shown of a search is read from ``levels``."""
        return [level.frame() for level in self.levels]


def check_width(width: int, n_ids: int | None = None, what: str = "the catalogue has only {} items") -> int:
    """Return a beam width that makes sense.

    Args:
        n_ids: the IDs that there are to find, if that is a limit; ``what`` says whose they are.

    Raises:
        ValueError: no whole number, below 1, or more beams than IDs.
    """
    try:
        whole = operator.index(width)
    except TypeError:
        raise ValueError(f"beam width is {width!r}, but must be a whole number of at least 1.") from None
    if whole < 1:
        raise ValueError(f"beam width is {whole}, but must be a whole number of at least 1.")
    if n_ids is not None and whole > n_ids:
        raise ValueError(f"beam width is {whole}, but {what.format(n_ids)}; choose at most {n_ids}.")
    return whole


def temperatures(temperature: float | Sequence[float], n_levels: int) -> list[float]:
    """One temperature a level.

    Raises:
        ValueError: not positive and finite, or the wrong number of them.
    """
    try:
        given = np.asarray(temperature, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"temperature is {temperature!r}, but must be a finite number above 0, or one per level.") from None
    if given.ndim == 0:
        given = given.repeat(n_levels)
    if given.shape != (n_levels,):
        raise ValueError(f"{counted(given.size, 'temperature was', 'temperatures were')} given, but the IDs have "
                         f"{counted(n_levels, 'level')}; give one each.")
    for value in given[~(np.isfinite(given) & (given > 0))]:
        raise ValueError(f"temperature is {value}, but must be a finite number above 0.")
    return given.tolist()


def step_logp(logits_K: torch.Tensor, temperature: float = 1.0) -> torch.Tensor:
    """Log-probabilities of one level's codes, in the last dimension: log softmax(z / T)."""
    logits_K = logits_K.float()  # thousands of prefixes times the codes: nothing is divided by 1
    return torch.log_softmax(logits_K if temperature == 1 else logits_K / temperature, -1)


@torch.inference_mode()
def search(decoder: Decoder, trie: Trie, histories: list[np.ndarray], width: int = 20,
           temperature: float | Sequence[float] = 1.0, constrained: bool = True,
           seen: Sequence[np.ndarray] | None = None, levels: list[Candidates] | None = None) -> BeamResult:
    """Beam search for a batch of users.

    With ``seen``, prefixes that lead to seen items alone are left out, and above the last level every user has as many
    more beams as there are seen items, since these may stand in the beam's first places until their last code is written.

    Args:
        histories: B arrays of item numbers, oldest first.
        width: beams a user, from 1 to the number of items (of IDs that can be written, if not constrained).
        temperature: divides the logits; one number, or one a level.
        constrained: only prefixes of the catalogue; otherwise any code, and IDs that no item has are marked.
        seen: per user the items that must not be returned; None: any item may be.
        levels: an empty list to be filled with the candidates of each level (one user only).
    """
    if constrained:
        width = check_width(width, trie.n_items)
    else:
        width = check_width(width, math.prod(trie.n_codes), "only {} distinct IDs can be generated")
    temperature_L = temperatures(temperature, trie.n_levels)
    n_users = len(histories)
    owned = Seen(trie, seen) if seen is not None else None
    memory, cache = decoder.encode(histories), None
    total_BW = torch.zeros(n_users, 1)
    node_BW = torch.zeros(n_users, 1, dtype=torch.int64)
    ids_BWM = torch.zeros(n_users, 1, 0, dtype=torch.int64)
    for level in range(trie.n_levels):
        codes_BW = ids_BWM[:, :, -1].clamp(min=0) if level else None
        logits_BWK, cache = decoder.step(memory, cache, level, codes_BW)
        step_BWK = step_logp(logits_BWK, temperature_L[level])
        allowed_BWK = trie.mask(level, node_BW).view(step_BWK.shape) if constrained else None
        all_BWK = total_BW[:, :, None] + step_BWK
        open_BWK = all_BWK if allowed_BWK is None else all_BWK.masked_fill(~allowed_BWK, -torch.inf)
        n_codes, is_last = step_BWK.shape[-1], level + 1 == trie.n_levels
        owned_BWK = owned.mask(level, node_BW, n_codes) if owned is not None and (constrained or is_last) else None
        if owned_BWK is not None:
            open_BWK = open_BWK.masked_fill(owned_BWK, -torch.inf)
        room_B = torch.full((n_users,), width) if owned is None or is_last else width + owned.n_B
        best_BW, at_BW = open_BWK.flatten(1).topk(min(int(room_B.max()), open_BWK[0].numel()), sorted=True)
        best_BW = best_BW.masked_fill(torch.arange(best_BW.shape[1]) >= room_B[:, None], -torch.inf)
        parent_BW, code_BW = at_BW // n_codes, at_BW % n_codes
        if levels is not None:
            levels.append(_candidates(trie, level, node_BW, ids_BWM, step_BWK, all_BWK, (allowed_BWK, owned_BWK),
                                      at_BW[torch.isfinite(best_BW)]))
        made_BW = torch.isfinite(best_BW)
        node_BW = trie.child(level, node_BW.gather(1, parent_BW), code_BW).masked_fill(~made_BW, -1)
        old_BWM = ids_BWM.gather(1, parent_BW[:, :, None].expand(-1, -1, level))
        ids_BWM = torch.cat([old_BWM, code_BW[:, :, None]], -1).masked_fill(~made_BW[:, :, None], -1)
        total_BW = best_BW
        if level + 1 < trie.n_levels:
            cache = decoder.reorder(cache, parent_BW)
    return BeamResult(trie.item(node_BW), ids_BWM, total_BW)


def _candidates(trie: Trie, level: int, node_BW: torch.Tensor, ids_BWM: torch.Tensor, step_BWK: torch.Tensor,
                all_BWK: torch.Tensor, masks: tuple[torch.Tensor | None, torch.Tensor | None],
                kept_W: torch.Tensor) -> Candidates:
    """Every candidate of one level of one user's search, best first; ``masks``: of the catalogue, used up by seen items."""
    n_codes = step_BWK.shape[-1]
    total_N = all_BWK[0].flatten()
    at_N = torch.isfinite(total_N).nonzero()[:, 0]
    at_N = at_N[total_N[at_N].argsort(descending=True, stable=True)]
    parent_N, code_N = at_N // n_codes, at_N % n_codes
    kept_all = torch.zeros(len(total_N), dtype=torch.bool)
    kept_all[kept_W] = True
    kept_N = kept_all[at_N].numpy()
    allowed_N, owned_N = (None if mask is None else mask[0].flatten()[at_N].numpy() for mask in masks)
    reason_N = np.where(kept_N, 0, 1).astype(np.int8)  # places among ``REASONS``
    if allowed_N is not None:
        reason_N[~allowed_N] = 2
    if owned_N is not None:
        reason_N[owned_N] = 3
    below_N = trie.n_items_below(level + 1, trie.child(level, node_BW[0][parent_N], code_N))
    codes_NL = torch.cat([ids_BWM[0][parent_N], code_N[:, None]], 1).to(torch.int32)
    return Candidates(parent_N.numpy(), codes_NL.numpy(), step_BWK[0].flatten()[at_N].numpy(), total_N[at_N].numpy(),
                      below_N.numpy(), kept_N, reason_N)


def trace(decoder: Decoder, trie: Trie, history: np.ndarray, width: int = 20,
          temperature: float | Sequence[float] = 1.0, constrained: bool = True,
          seen: np.ndarray | None = None) -> Trace:
    """One user's search with every candidate on record; see ``search``."""
    levels: list[Candidates] = []
    found = search(decoder, trie, [history], width, temperature, constrained, None if seen is None else [seen], levels)
    made_W = torch.isfinite(found.logp_BW[0])
    frame = pd.DataFrame({"item": found.item_BW[0][made_W].numpy(), "logp": found.logp_BW[0][made_W].numpy(),
                          "id": [tuple(row) for row in found.ids_BWM[0][made_W].tolist()]})
    items = frame[frame["item"] >= 0].reset_index(drop=True)
    items.insert(0, "rank", np.arange(1, len(items) + 1))
    return Trace(levels, items, frame.loc[frame["item"] < 0, ["id", "logp"]].reset_index(drop=True))


@torch.inference_mode()
def score_all(decoder: Decoder, trie: Trie, histories: list[np.ndarray],
              temperature: float | Sequence[float] = 1.0) -> torch.Tensor:
    """Exact log-probability of every item (B, I); -inf for items without an ID.

    The decoder walks every prefix of the catalogue once, so the cost grows with the catalogue.
    """
    temperature_L = temperatures(temperature, trie.n_levels)
    n_users = len(histories)
    memory, cache = decoder.encode(histories), None
    total_BP = torch.zeros(n_users, 1)
    code_P = torch.empty(0, dtype=torch.int64)
    for level in range(trie.n_levels):
        codes_BP = code_P.expand(n_users, -1) if level else None
        logits_BPK, cache = decoder.step(memory, cache, level, codes_BP)
        step_BPK = step_logp(logits_BPK, temperature_L[level])
        all_P = torch.arange(trie.n_nodes(level + 1))
        parent_P, code_P = trie.parent(level, all_P), trie.code(level, all_P)
        total_BP = total_BP[:, parent_P] + step_BPK[:, parent_P, code_P]
        if level + 1 < trie.n_levels:
            cache = decoder.reorder(cache, parent_P.expand(n_users, -1))
    logp_BI = torch.full((n_users, trie.n_catalogue), -torch.inf)
    logp_BI[:, trie.order_I.long()] = total_BP
    return logp_BI
