"""What one request costs each kind of recommender, and how that grows with the catalogue.

Multiply-adds count as two operations (FLOPs). A transformer layer of width D takes 24 D^2 a position (attention's
four matrices and a feed-forward layer four times as wide) and 4 T D for looking at T positions. The forward passes are
counted as positions that go through a network: what a batch does at once still has to be done.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from tiger import beam
from tiger.models.pair_ranker import PairRanker
from tiger.models.rq_transformer import RQNet
from tiger.trie import Trie

SIZES = tuple(10**power for power in range(3, 10))
PROBES = 8  # lists of an inverted-file index that a query looks into


@dataclass(frozen=True)
class Shape:
    """The numbers of one recommender that its cost depends on.

    Args:
        width: D of the transformer.
        n_layers: layers that read the history.
        n_depth: layers that write codes.
        history: items that are read, T.
        n_levels: codes of an ID, M.
        n_codes: codes to choose from at a level, K.
        beams: W.
        candidates: of a cascade's first stage, C.
    """

    width: int = 128
    n_layers: int = 2
    n_depth: int = 1
    history: int = 20
    n_levels: int = 4
    n_codes: int = 256
    beams: int = 20
    candidates: int = 100


def shape_of(given: dict[str, Any], n_codes: Sequence[int] | None = None, beams: int = 20) -> Shape:
    """The shape of a model run: its hyper-parameters and, where it writes IDs, their levels."""
    start = Shape(beams=beams)
    values = {"width": given.get("width", start.width), "n_layers": given.get("n_layers", start.n_layers),
              "n_depth": given.get("n_depth_layers", start.n_depth),
              "history": given.get("history_length", start.history),
              "candidates": given.get("n_candidates") or start.candidates}
    levels = {"n_levels": len(n_codes), "n_codes": max(n_codes)} if n_codes else {}
    return Shape(beams=beams, **values, **levels)


def reading(shape: Shape, n: int | None = None) -> float:
    """FLOPs of reading a history: L (24 D^2 T + 4 D T^2)."""
    n = shape.history if n is None else n
    return shape.n_layers * (24.0 * shape.width**2 * n + 4.0 * shape.width * n**2)


def vectors_exact(shape: Shape, n_items: int) -> tuple[float, float]:
    """One user vector, then its product with every item vector: reading + 2 D I."""
    return shape.history, reading(shape) + 2.0 * shape.width * n_items


def vectors_index(shape: Shape, n_items: int) -> tuple[float, float]:
    """The same through an inverted-file index of sqrt(I) lists: reading + 2 D sqrt(I) (1 + probes)."""
    return shape.history, reading(shape) + 2.0 * shape.width * np.sqrt(n_items) * (1 + PROBES)


def generative(shape: Shape, n_items: int) -> tuple[float, float]:
    """Reading, then one code a level for every beam: the catalogue's size does not appear."""
    positions = 1 + (shape.n_levels - 1) * shape.beams
    writing = positions * (shape.n_depth * 24.0 * shape.width**2 + 2.0 * shape.width * shape.n_codes)
    return shape.history + positions, reading(shape) + writing


def pairs(shape: Shape, n_items: int) -> tuple[float, float]:
    """The history is read once; each item then goes through the layers that look at it."""
    each = shape.n_layers * (24.0 * shape.width**2 + 4.0 * shape.width * shape.history)
    return shape.history + n_items, reading(shape) + n_items * each


def cascade(shape: Shape, n_items: int) -> tuple[float, float]:
    """Nearest neighbours choose C candidates, and only these are scored as pairs."""
    n = min(shape.candidates, n_items)
    passes, flops = pairs(shape, n)
    return passes, flops + 2.0 * shape.width * n_items


KINDS: dict[str, Callable[[Shape, int], tuple[float, float]]] = {
    "generative, beam search": generative,
    "user vector, exact neighbours": vectors_exact,
    "user vector, inverted-file index": vectors_index,
    "cascade: neighbours, then pairs": cascade,
    "pair ranker over everything": pairs,
}


def cost_frame(shape: Shape, sizes: Sequence[int] = SIZES, measured: pd.DataFrame | None = None) -> pd.DataFrame:
    """Cost of one request by kind and catalogue size.

    Args:
        measured: columns kind, items, ms; the other sizes' milliseconds follow from it: the kind's last measured
            size times the ratio of the FLOPs.

    Returns:
        kind, items, passes, flops, ms (nan for kinds that were never measured), measured (bool).
    """
    rows = []
    for kind, of in KINDS.items():
        seen = {} if measured is None else measured[measured["kind"] == kind].set_index("items")["ms"].to_dict()
        base = max(seen, default=None)
        for n_items in sorted({*sizes, *seen}):
            passes, flops = of(shape, n_items)
            ms = seen.get(n_items, np.nan if base is None else seen[base] * flops / of(shape, base)[1])
            rows.append((kind, n_items, passes, flops, ms, n_items in seen))
    return pd.DataFrame(rows, columns=["kind", "items", "passes", "flops", "ms", "measured"])


def cost_words(frame: pd.DataFrame) -> str:
    """The takeaway of ``cost_frame`` in one sentence."""
    low, high = int(frame["items"].min()), int(frame["items"].max())
    grows = frame.pivot_table(index="kind", columns="items", values="flops")
    factor = grows[high] / grows[low]
    return (f"From {low:,} to {high:,} items a generative request stays as dear as it was, exact neighbours cost "
            f"{factor['user vector, exact neighbours']:,.0f} times as much, and scoring every pair "
            f"{factor['pair ranker over everything']:,.0f} times.")


def measure(shape: Shape, sizes: Sequence[int] = (1_000, 10_000, 100_000), most_pairs: int = 1_000,
            repeats: int = 3) -> pd.DataFrame:
    """Milliseconds of one request on this machine, with random weights, vectors and IDs: time does not depend on them.

    Args:
        sizes: catalogues that fit into memory.
        most_pairs: the pair ranker is timed on catalogues up to this size only.

    Returns:
        kind, items, ms (median).
    """
    names = list(KINDS)
    rng, rows = np.random.default_rng(0), []
    history = [rng.integers(0, min(sizes), shape.history)]
    for n_items in sizes:
        beams, nearest, pair = _timed(shape, n_items, history, rng)
        work = {names[0]: beams, names[1]: nearest}
        work |= {names[3]: lambda p=pair: p(shape.candidates)}
        if n_items <= most_pairs:
            work[names[4]] = lambda p=pair: p(0)
        rows += [(kind, n_items, _median_ms(call, repeats)) for kind, call in work.items()]
    return pd.DataFrame(rows, columns=["kind", "items", "ms"])


def _timed(shape: Shape, n_items: int, history: list[np.ndarray], rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """One request to a beam search, to exact neighbours, and to pairs of so many candidates (0: all)."""
    n_heads = max(1, shape.width // 32)
    number_I = rng.choice(shape.n_codes ** min(shape.n_levels, 4), n_items, replace=False)
    ids_IM = np.stack([number_I // shape.n_codes**level % shape.n_codes for level in range(shape.n_levels)], 1)
    sizes = [shape.n_codes] * shape.n_levels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = RQNet(torch.from_numpy(ids_IM), sizes, shape.width, n_heads, shape.n_layers, shape.n_depth, 0.0,
                    shape.history, 0.0, False).eval()
        pairs = PairRanker(width=shape.width, n_heads=n_heads, n_layers=shape.n_layers, history_length=shape.history)
        pairs.load_tensors({"fact.n_items": torch.tensor(n_items), **{
            f"net.{name}": value for name, value in pairs.build({"n_items": torch.tensor(n_items)}).state_dict().items()}})
    trie = Trie(ids_IM, sizes)

    def nearest() -> Any:
        with torch.inference_mode():
            _, user_BD, _ = pairs.net_.read(history)  # type: ignore[operator]
            return (user_BD @ pairs.net_.item.weight.T).topk(10)  # type: ignore[union-attr]

    def pair(n_candidates: int) -> Any:
        pairs.n_candidates = n_candidates
        return pairs.rank_batch(history, 10)

    return lambda: beam.search(net, trie, history, min(shape.beams, n_items)), nearest, pair


def _median_ms(call: Callable[[], Any], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start_s))
    return float(np.median(times))
