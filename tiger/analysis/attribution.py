"""Which items of a history drove each code of an ID: attention, and what changes when an item is left out.

Attention says where a model looked, leaving out says what it needed; the two need not agree.
Source: Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers", for the rollout.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from tiger.core.words import counted
from tiger.models.blocks import Attention
from tiger.models.generative import GenerativeRecommender
from tiger.search import beam


@dataclass(frozen=True)
class Influence:
    """What an ID owes to each item of the history.

    Args:
        item_T: the item numbers that the model read, oldest first (the last ones that have an ID).
        logp_M: log-probability of each code, given the codes before it.
        change_MT: by how much the log-probability of code m falls when item t is left out; negative where it
            rises. nan where the history has one item only.
        attention_MT: share of attention that each item got while code m was written; rows sum to 1.
    """

    item_T: np.ndarray
    logp_M: np.ndarray
    change_MT: np.ndarray
    attention_MT: np.ndarray


def influence(model: GenerativeRecommender, history: Sequence[int] | np.ndarray, id_M: Sequence[int],
              temperature: float | Sequence[float] = 1.0, user: int | None = None) -> Influence:
    """Explain one ID, whether an item has it or not.

    Args:
        history: item numbers, oldest first.
        id_M: one code a level.
        temperature: divides the logits; one number, or one a level.
        user: whose history it is, for models with user tokens.

    Raises:
        ValueError: the history cannot be read, or the ID has another number of levels or unknown codes.
    """
    row_T, codes_M = model.check_history(history), _check_id(model, id_M)
    logp_M, change_MT = leave_one_out(model, row_T, codes_M, temperature, user)
    return Influence(row_T, logp_M, change_MT, attention(model, row_T, codes_M, user))


def leave_one_out(model: GenerativeRecommender, row_T: np.ndarray, codes_M: np.ndarray,
                  temperature: float | Sequence[float] = 1.0, user: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """``logp_M`` and ``change_MT`` of ``Influence``.

    Args:
        row_T: what the model reads of a history, ``model.check_history``.
        codes_M: one code a level.
        temperature, user: as in ``influence``.
    """
    rows = [row_T] + [np.delete(row_T, at) for at in range(len(row_T))] if len(row_T) > 1 else [row_T]
    logp_BM = id_logp(model.net_, [model.with_user(row, user) for row in rows], codes_M, temperature)
    if len(row_T) == 1:
        return logp_BM[0], np.full((len(codes_M), 1), np.nan)
    return logp_BM[0], (logp_BM[0] - logp_BM[1:]).T


@torch.inference_mode()
def id_logp(net: nn.Module, rows: list[np.ndarray], codes_M: np.ndarray,
            temperature: float | Sequence[float] = 1.0) -> np.ndarray:
    """Log-probability of each code of one ID after each of B histories (B, M), by a generative model's network."""
    temperature_L = beam.temperatures(temperature, len(codes_M))
    memory, cache = net.encode(rows), None  # type: ignore[operator]
    parts, before_B1 = [], None
    for level, code in enumerate(codes_M.tolist()):
        logits_B1K, cache = net.step(memory, cache, level, before_B1)  # type: ignore[operator]
        parts.append(beam.step_logp(logits_B1K[:, 0], temperature_L[level])[:, code])
        before_B1 = torch.full((len(rows), 1), code)
    return torch.stack(parts, 1).double().numpy()


@torch.inference_mode()
def attention(model: GenerativeRecommender, row_T: np.ndarray, codes_M: np.ndarray, user: int | None = None) -> np.ndarray:
    """How much of its attention the model gave to each item while it wrote each code (M, T).

    Mean over heads, rolled out over the layers that read the history. A model that reads the history once for
    all codes gives every code the same row. Others may use the model meanwhile: what is recorded is a network of this call's own.
    """
    net = _replica(model.net_)
    reading, writing = net.attentions()  # type: ignore[operator]
    with _recorded([*reading, *writing]) as seen:
        id_logp(net, [model.with_user(row_T, user)], codes_M)
    rolled_SS = torch.eye(seen[reading[0]][0].shape[-1])
    for layer in reading:
        mean_SS = seen[layer][0][0].mean(0)
        rolled_SS = 0.5 * (mean_SS + torch.eye(len(mean_SS))) @ rolled_SS
    if writing:
        cross_MS = torch.stack([torch.cat([step_1H1S[0, :, 0] for step_1H1S in seen[layer]]).unflatten(
            0, (len(codes_M), -1)).mean(1) for layer in writing]).mean(0)
        share_MS = cross_MS @ rolled_SS
    else:
        share_MS = rolled_SS[-1].expand(len(codes_M), -1)
    n_before = share_MS.shape[1] % len(row_T)  # a user's token stands in front of the items'
    share_MT = share_MS[:, n_before:].unflatten(1, (len(row_T), -1)).sum(2).double()  # the codes of each item together
    return (share_MT / share_MT.sum(1, keepdim=True)).numpy()


def _replica(net: nn.Module) -> nn.Module:
    """A copy of the network's modules around the same weights and tables: hooks on it record nobody else's calls."""
    tables = [value for module in net.modules() for value in vars(module).values() if not isinstance(value, dict)]
    return deepcopy(net, {id(one): one for one in (*net.parameters(), *net.buffers(), *tables)})


@contextmanager
def _recorded(layers: list[Attention]) -> Iterator[dict[Attention, list[torch.Tensor]]]:
    """The attention weights of every call of these layers, in order."""
    seen: dict[Attention, list[torch.Tensor]] = {layer: [] for layer in layers}
    hooks = [layer.register_forward_pre_hook(
        lambda layer, args, more: seen[layer].append(layer.weights(*args, **more)), with_kwargs=True)
        for layer in layers]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _check_id(model: GenerativeRecommender, id_M: Sequence[int]) -> np.ndarray:
    codes_M, sizes = np.asarray(id_M, np.int64), model.trie_.n_codes
    if codes_M.shape != (len(sizes),):
        raise ValueError(f"the ID has {counted(codes_M.size, 'code')}, but this model generates {len(sizes)}; give one per "
                         "level.")
    for level, (code, size) in enumerate(zip(codes_M.tolist(), sizes, strict=True)):
        if not 0 <= code < size:
            raise ValueError(f"code {code} of level {level + 1} does not exist; this model has codes 0 to {size - 1}.")
    return codes_M
