"""What one request costs each kind of recommender, and how that grows with the catalogue.

Multiply-adds count as two operations (FLOPs). Written out: D width, A = heads x head, F feed-forward width, L layers, T
items of a history, N tokens of it (T, or T M where it is read code by code), M codes an ID, K codes a level, W beams, I
items, C candidates. A layer takes 8 D A + 4 D F a position (attention's four matrices, two of the feed-forward layer)
and 4 A N for looking at N positions; with A = D and F = 4 D that is 24 D^2 + 4 D N. The forward passes are counted as
positions that go through a network: what a batch does at once still has to be done. Norms, activations, biases and
the sorting of scores are left out; tests/test_costs.py compares with torch's own count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from tiger.analysis.costs.shape import Shape
from tiger.core.words import counted

SIZES = tuple(10**power for power in range(3, 10))
PROBES = 8  # lists of an inverted-file index that a query looks into
NODE_BYTES = 12  # of ``trie.Trie`` a prefix: its key, and where what is below it begins
FLOAT_BYTES, NUMBER_BYTES = 4, 8


def reading(shape: Shape, n: int | None = None) -> float:
    """FLOPs of reading a history, one position an item: L (24 D^2 T + 4 D T^2)."""
    n = shape.history if n is None else n
    return shape.n_layers * (24.0 * shape.width**2 * n + 4.0 * shape.width * n**2)


def reading_codes(shape: Shape) -> float:
    """The same code by code, with the keys and values that the decoder will look at: L (N (12 D A + 4 D F) + 4 A N^2)."""
    width, inner, n = shape.width, shape.inner, shape.tokens
    return shape.n_layers * (n * (12.0 * width * inner + 4.0 * width * shape.ff) + 4.0 * inner * n**2)


def vectors_exact(shape: Shape, n_items: int) -> tuple[float, float]:
    """One user vector, then its product with every item vector: reading + 2 D I."""
    return shape.history, user_vector(shape) + 2.0 * shape.n_numbers * n_items


def vectors_index(shape: Shape, n_items: int) -> tuple[float, float]:
    """The same through an inverted-file index of sqrt(I) lists: reading + 2 D sqrt(I) (1 + probes)."""
    return shape.history, user_vector(shape) + 2.0 * shape.n_numbers * np.sqrt(n_items) * (1 + PROBES)


def user_vector(shape: Shape) -> float:
    """Reading; ``vector_regression`` also maps item embeddings to the width, and one vector back: 2 D E (T + 1)."""
    return reading(shape) + (2.0 * shape.width * shape.vector * (shape.history + 1) if shape.vector else 0.0)


def beams_at(shape: Shape) -> list[int]:
    """Beams that write each level's code: one at first, then as many as there are prefixes, up to W."""
    return [min(shape.beams, shape.n_codes**level) for level in range(shape.n_levels)]


def generative(shape: Shape, n_items: int) -> tuple[float, float]:
    """Reading, then one code a level for every beam; the catalogue's size appears only where prefixes have vectors."""
    beams, choice = beams_at(shape), 2.0 * shape.width * shape.n_codes
    if shape.writer == "encoder_decoder":
        width, inner, n = shape.width, shape.inner, shape.tokens
        each = 12.0 * width * inner + 4.0 * width * shape.ff
        writing = sum(w * (shape.n_layers * (each + 4.0 * inner * (n + level + 1)) + choice) for level, w in enumerate(beams))
        return n + sum(beams), reading_codes(shape) + writing
    writing = sum(beams) * (shape.n_depth * 24.0 * shape.width**2 + choice)
    if shape.prefixes:  # a kept prefix's children are scored by their own vectors, too
        nodes = n_prefixes(shape, n_items)
        writing += sum(w * 2.0 * shape.width * nodes[level] / nodes[level - 1] for level, w in enumerate(beams) if level)
    return shape.history + sum(beams), reading(shape) + writing


def n_prefixes(shape: Shape, n_items: int) -> list[float]:
    """How many prefixes of each length the IDs of a catalogue have, where codes are spread evenly: K^l (1 - e^(-I / K^l));
    an item's whole ID is its own."""
    full = [float(shape.n_codes) ** level for level in range(1, shape.n_levels)]
    return [*(-places * np.expm1(-n_items / places) for places in full), float(n_items)]


def pairs(shape: Shape, n_items: int) -> tuple[float, float]:
    """The history is read once; each item then goes through the layers that look at it, and is compared as a vector.

    A layer makes the history's keys and values once, 4 D^2 T, and takes 20 D^2 + 4 D T an item.
    """
    return shape.history + n_items, _scored(shape, n_items) + 2.0 * shape.width * n_items


def cascade(shape: Shape, n_items: int) -> tuple[float, float]:
    """Nearest neighbours choose C candidates, and only these are scored as pairs."""
    n = min(shape.candidates, n_items)
    return shape.history + n, _scored(shape, n) + 2.0 * shape.width * n_items


def _scored(shape: Shape, n: int) -> float:
    square, look = float(shape.width) ** 2, 4.0 * shape.width * shape.history
    return reading(shape) + shape.n_layers * (4 * square * shape.history + n * (20 * square + look)) + 2.0 * shape.width * n


def id_bytes(shape: Shape, n_items: int) -> float:
    """All IDs as a table and as a trie, and where prefixes have vectors, 4 D bytes for each of two codes or more."""
    nodes = n_prefixes(shape, n_items)
    vectors = FLOAT_BYTES * shape.width * sum(nodes[1:]) if shape.prefixes else 0.0
    return NODE_BYTES * sum(nodes) + NUMBER_BYTES * shape.n_levels * n_items + vectors


def vector_bytes(shape: Shape, n_items: int) -> float:
    """A vector an item."""
    return float(FLOAT_BYTES * shape.n_numbers * n_items)


def index_bytes(shape: Shape, n_items: int) -> float:
    """A vector and a number an item, and a vector a list."""
    return vector_bytes(shape, n_items) + NUMBER_BYTES * n_items + FLOAT_BYTES * shape.n_numbers * np.sqrt(n_items)


def table_bytes(shape: Shape, n_items: int) -> float:
    """A vector of the transformer's width an item."""
    return float(FLOAT_BYTES * shape.width * n_items)


@dataclass(frozen=True)
class Kind:
    """A way to find items: what it costs, what it must keep, and which models work so."""

    cost: Callable[[Shape, int], tuple[float, float]]
    memory: Callable[[Shape, int], float]
    models: str


GENERATIVE, EXACT, INDEX = "generative, beam search", "user vector, exact neighbours", "user vector, inverted-file index"
CASCADE, PAIRS = "cascade: neighbours, then pairs", "pair ranker over all items"
KINDS = {
    GENERATIVE: Kind(generative, id_bytes, "rq_transformer, encoder_decoder"),
    EXACT: Kind(vectors_exact, vector_bytes, "sasrec, sasrec_ids, vector_regression"),
    INDEX: Kind(vectors_index, index_bytes, "sasrec, sasrec_ids, vector_regression behind an index"),
    CASCADE: Kind(cascade, table_bytes, "cascade"),
    PAIRS: Kind(pairs, table_bytes, "pair_ranker"),
}


def cost_frame(shape: Shape, sizes: Sequence[int] = SIZES, measured: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row a kind and catalogue size.

    Args:
        measured: kind, items, ms; sizes beyond the last measured one follow from the ratio of the FLOPs.

    Returns:
        kind, models, items, passes, flops, bytes (what grows with the catalogue), ms (nan for kinds that were never
        measured), measured (bool: the ms).
    """
    rows = []
    for name, kind in KINDS.items():
        seen = {} if measured is None else measured[measured["kind"] == name].set_index("items")["ms"].to_dict()
        base = max(seen, default=None)
        for n_items in sorted({*sizes, *seen}):
            passes, flops = kind.cost(shape, n_items)
            ms = seen.get(n_items, np.nan if base is None else seen[base] * flops / kind.cost(shape, base)[1])
            rows.append((name, kind.models, n_items, passes, flops, kind.memory(shape, n_items), ms, n_items in seen))
    return pd.DataFrame(rows, columns=["kind", "models", "items", "passes", "flops", "bytes", "ms", "measured"])


def cost_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``cost_frame`` in two sentences: operations, and what must be kept."""
    low, high = int(frame["items"].min()), int(frame["items"].max())
    flops, kept = (frame.pivot_table(index="kind", columns="items", values=name) for name in ("flops", "bytes"))
    factor = flops[high] / flops[low]
    same = factor[GENERATIVE] < 1.005
    first = "costs the same" if same else f"costs {factor[GENERATIVE]:.2f} times as much"
    return (f"From {low:,} to {counted(high, 'item')} a generative request {first}, exact neighbours cost "
            f"{factor[EXACT]:,.0f} times as much, and scoring every pair {factor[PAIRS]:,.0f} times. Memory grows for all: the "
            f"generative model's from {size_summary(kept[low][GENERATIVE])} to {size_summary(kept[high][GENERATIVE])}, "
            f"item vectors from {size_summary(kept[low][EXACT])} to {size_summary(kept[high][EXACT])}.")


def size_summary(n_bytes: float) -> str:
    """Bytes with a decimal unit."""
    for unit in ("B", "kB", "MB", "GB"):
        if n_bytes < 1000:
            return f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:,.3g} TB" if n_bytes < 1000 else f"{n_bytes:,.0f} TB"
