"""Milliseconds of one request on this machine, with random weights, vectors and IDs: time does not depend on them.

Each kind is timed as the model itself answers; the generative one is the chosen run's own architecture.
"""

import contextlib
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from tiger import models
from tiger.analysis.costs.formulas import CASCADE, EXACT, GENERATIVE, INDEX, PAIRS, PROBES
from tiger.analysis.costs.shape import Shape
from tiger.datasets.reference import Values
from tiger.models import retrieval

K_BEST = 10
RANDOM_LEVELS = 4  # levels whose codes are drawn; deeper ones hold code 0


def measure(shape: Shape, sizes: Sequence[int] = (1_000, 10_000, 100_000), most_pairs: int = 1_000,
            repeats: int = 3) -> pd.DataFrame:
    """One request of each kind, timed.

    Args:
        sizes: catalogues that fit into memory. A size for which there are too few different IDs has no generative row;
            without faiss there is no index.
        most_pairs: the pair ranker is timed on catalogues up to this size only.

    Returns:
        kind, items, ms (median).
    """
    rng, rows = np.random.default_rng(0), []
    history = [rng.integers(0, min(sizes), shape.history)]
    for n_items in sizes:
        work = requests(shape, n_items, history, rng)
        if n_items > most_pairs:
            del work[PAIRS]
        rows += [(kind, n_items, _median_ms(call, repeats)) for kind, call in work.items()]
    return pd.DataFrame(rows, columns=["kind", "items", "ms"])


def requests(shape: Shape, n_items: int, history: list[np.ndarray], rng: np.random.Generator) -> dict[str, Callable[[], Any]]:
    """What answers one request, by kind."""
    work: dict[str, Callable[[], Any]] = {}
    if shape.n_codes ** min(shape.n_levels, RANDOM_LEVELS) >= n_items:
        writer = _writer(shape, n_items, rng)
        work[GENERATIVE] = lambda: writer.rank_batch(history, K_BEST, shape.beams)
    common = {"width": shape.width, "n_heads": math.gcd(shape.width, shape.heads), "n_layers": shape.n_layers,
              "history_length": shape.history}
    metadata: dict[str, torch.Tensor] = {"n_items": torch.tensor(n_items)}
    if shape.vector:
        item_IE = rng.standard_normal((n_items, shape.vector), np.float32)
        reader: Any = fresh("vector_regression", metadata | {"embedding": torch.from_numpy(item_IE)}, common)
    else:
        reader = fresh("sasrec", metadata, common)
        item_IE = reader.item_vectors()
    work[EXACT] = lambda: reader.rank_batch(history, K_BEST)
    with contextlib.suppress(ValueError):  # faiss is optional, and the table has no row for it without it
        index = _index(item_IE)
        query = reader.guesses if shape.vector else reader.user_vectors
        work[INDEX] = lambda: index.search(np.asarray(query(history)), K_BEST)
    ranker: Any = fresh("pair_ranker", metadata, common)

    def score(n_candidates: int) -> Any:
        ranker.n_candidates = n_candidates
        return ranker.rank_batch(history, K_BEST)

    return work | {CASCADE: lambda: score(shape.candidates), PAIRS: lambda: score(0)}


def _writer(shape: Shape, n_items: int, rng: np.random.Generator) -> models.Recommender:
    """The generative model of this shape, with that many random IDs."""
    drawn = min(shape.n_levels, RANDOM_LEVELS)
    number_I = rng.choice(shape.n_codes**drawn, n_items, replace=False)
    ids_IM = np.zeros((n_items, shape.n_levels), np.int64)
    ids_IM[:, :drawn] = np.stack([number_I // shape.n_codes**level % shape.n_codes for level in range(drawn)], 1)
    own: Values = {"n_heads": math.gcd(shape.width, shape.heads), "n_depth_layers": shape.n_depth,
                   "prefix_vectors": shape.prefixes}
    if shape.writer == "encoder_decoder":
        own = {"n_heads": shape.heads, "head": shape.head, "ff": shape.ff, "n_user_tokens": int(shape.user_token)}
    metadata = {"n_items": torch.tensor(n_items), "ids": torch.from_numpy(ids_IM),
                "n_codes": torch.tensor([shape.n_codes] * shape.n_levels)}
    sizes = {"width": shape.width, "n_layers": shape.n_layers, "history_length": shape.history}
    return fresh(shape.writer, metadata, own | sizes)


def fresh(name: str, metadata: dict[str, torch.Tensor], values: Values) -> models.Recommender:
    """A model of this shape with random weights, ready to rank."""
    model: Any = models.create(name, **values)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weights = model.build(metadata).state_dict()
    model.load_tensors({f"fact.{key}": value for key, value in metadata.items()}
                       | {f"net.{key}": value for key, value in weights.items()})
    return model


def _index(item_IE: np.ndarray) -> Any:
    """faiss's inverted-file index of sqrt(I) lists. Raises ValueError where faiss is not installed."""
    library, (n_items, n_numbers) = retrieval.faiss(), item_IE.shape
    n_lists = round(np.sqrt(n_items))
    index = library.IndexIVFFlat(library.IndexFlatIP(n_numbers), n_numbers, n_lists, library.METRIC_INNER_PRODUCT)
    index.cp.min_points_per_centroid, index.cp.niter = 1, 4  # the lists' quality does not change the time
    vectors = np.ascontiguousarray(item_IE, np.float32)
    index.train(vectors)
    index.add(vectors)
    index.nprobe = min(PROBES, n_lists)
    return index


def _median_ms(call: Callable[[], Any], repeats: int) -> float:
    call()
    times = []
    for _ in range(repeats):
        start_s = time.perf_counter()
        call()
        times.append(1000 * (time.perf_counter() - start_s))
    return float(np.median(times))
