"""Many dimensions on a flat map: PCA at once, UMAP with progress, and what to draw of a million items.

UMAP runs in a worker (its first compile takes some seconds), so it is a generator of ``Progress`` whose
last item carries the layout. Neighbours are searched exactly up to ``EXACT_LIMIT`` items, which is faster
than compiling the approximate search and makes the layout depend on nothing but data, parameters and seed.
"""

import contextlib
import importlib
import queue
import re
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tiger.core.params import param
from tiger.core.progress import Progress
from tiger.metrics.ranking import unit_rows

EVERY_MAP = ("smooth_knn_dist", "compute_membership_strengths")  # of ``umap``, seconds to compile each
EXACT_LIMIT = 30_000
DRAWN_LIMIT = 100_000


@dataclass(frozen=True)
class Layout:
    """Where the items lie.

    Args:
        place_ND: coordinates, float32, D 2 or 3.
        row_N: item numbers, ascending.
        explained_D: share of the variance on each axis (PCA only).
    """

    place_ND: np.ndarray
    row_N: np.ndarray
    explained_D: np.ndarray | None = None


@dataclass
class UmapParams:
    """UMAP's hyper-parameters. Source: McInnes, Healy, Melville 2018, arXiv:1802.03426."""

    n_dims: int = param(2, "Dimensions of the map.", low=2, high=3)
    n_neighbors: int = param(15, "Number of neighbours per item: few preserve local, many global structure.",
                             low=2, high=100)
    min_dist: float = param(0.1, "Minimum distance of points on the map.", low=0.0, high=0.99)
    n_epochs: int = param(200, "Epochs of the layout optimisation.", low=20, high=1000)
    metric: str = param("cosine", "Distance metric.", choices=("cosine", "euclidean"))
    seed: int = param(0, "Random seed; the same seed gives the same map.", low=0, high=2**31 - 1)


def axes(x_NE: np.ndarray, n_dims: int = 2) -> np.ndarray:
    """Unit vectors of largest variance, (D, E) float32; zero where the data have no more."""
    _, _, found_RE = np.linalg.svd(np.asarray(x_NE, np.float64) - np.mean(x_NE, axis=0), full_matrices=False)
    axes_DE = np.zeros((n_dims, x_NE.shape[1]), np.float32)
    axes_DE[:len(found_RE)] = found_RE[:n_dims]
    return axes_DE


def pca(x_NE: np.ndarray, n_dims: int = 2) -> Layout:
    """The directions of largest variance, exactly.

    Args:
        x_NE: vectors; one row an item.
        n_dims: axes, 2 or 3; axes that the data do not have are zero.

    Returns:
        Layout; each axis points where its largest loading is positive, so that it does not flip at random.
    """
    x_NE = np.asarray(x_NE, np.float32)
    mean_E = x_NE.mean(0, dtype=np.float64).astype(np.float32)
    cov_EE = np.zeros((x_NE.shape[1],) * 2)
    for start in range(0, len(x_NE), 65_536):
        block_BE = x_NE[start:start + 65_536] - mean_E
        cov_EE += (block_BE.T @ block_BE).astype(np.float64)
    value_E, vector_EE = np.linalg.eigh(cov_EE)
    axes_DE = vector_EE[:, ::-1].T[:n_dims]
    sign_D = np.sign(axes_DE[np.arange(len(axes_DE)), np.abs(axes_DE).argmax(1)])
    place_ND = np.zeros((len(x_NE), n_dims), np.float32)
    place_ND[:, :len(axes_DE)] = (x_NE - mean_E) @ (axes_DE * sign_D[:, None]).T.astype(np.float32)
    explained_D, value_E = np.zeros(n_dims), np.maximum(value_E, 0)
    explained_D[:len(axes_DE)] = value_E[::-1][:n_dims] / max(value_E.sum(), 1e-12)
    return Layout(place_ND, np.arange(len(x_NE)), explained_D)


def sample(stratum_I: np.ndarray, at_most: int, seed: int = 0) -> np.ndarray:
    """Item numbers that stand for all: as many of each stratum as its share, but at least one where possible.

    Args:
        stratum_I: stratum of each item, such as its level-1 code.
        at_most: items to take; all where there are no more.

    Returns:
        Ascending item numbers.
    """
    n_items = len(stratum_I)
    if n_items <= at_most:
        return np.arange(n_items)
    order_I = np.random.default_rng(seed).permutation(n_items)
    order_I = order_I[np.argsort(np.asarray(stratum_I)[order_I], kind="stable")]
    sorted_I = np.asarray(stratum_I)[order_I]
    start_I = np.searchsorted(sorted_I, sorted_I, "left")
    size_I = np.searchsorted(sorted_I, sorted_I, "right") - start_I
    # The n-th item of a stratum of s stands at (n + 1/2) / s; the first of every stratum goes before all.
    place_I = np.arange(n_items) - start_I
    key_I = np.where(place_I == 0, -1.0, (place_I + 0.5) / size_I)
    return np.sort(order_I[np.argsort(key_I, kind="stable")[:at_most]])


def density(place_N2: np.ndarray, bins: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many items lie in each cell of a grid: counts [y, x], and the cells' x and y centres."""
    count_xy, x_edge, y_edge = np.histogram2d(place_N2[:, 0], place_N2[:, 1], bins=bins)
    return count_xy.T.astype(np.int64), (x_edge[1:] + x_edge[:-1]) / 2, (y_edge[1:] + y_edge[:-1]) / 2


def nearest_rows(x_NE: np.ndarray, k: int, batch_size: int = 512) -> Iterator[tuple[int, Any]]:
    """The exact k nearest rows of every row by Euclidean distance, each row itself first.

    Yields:
        (rows done, None) after every batch, and at the end (N, (index_Nk, distance_Nk)).
    """
    n_rows, k = len(x_NE), min(k, len(x_NE))
    square_N = np.einsum("ne,ne->n", x_NE, x_NE)
    index_Nk, distance_Nk = np.empty((n_rows, k), np.int64), np.empty((n_rows, k), np.float32)
    for start in range(0, n_rows, batch_size):
        rows = np.arange(start, min(start + batch_size, n_rows))
        square_BN = square_N[rows, None] + square_N - 2 * (x_NE[rows] @ x_NE.T)
        square_BN[np.arange(len(rows)), rows] = -1.0
        top_Bk = np.sort(np.argpartition(square_BN, k - 1, axis=1)[:, :k], axis=1)
        value_Bk = np.take_along_axis(square_BN, top_Bk, 1)
        order_Bk = np.argsort(value_Bk, axis=1, kind="stable")
        index_Nk[rows] = np.take_along_axis(top_Bk, order_Bk, 1)
        distance_Nk[rows] = np.sqrt(np.maximum(np.take_along_axis(value_Bk, order_Bk, 1), 0))
        yield len(rows) + start, None
    yield n_rows, (index_Nk, distance_Nk)


def umap_steps(x_NE: np.ndarray, row_N: np.ndarray | None = None,
               params: UmapParams | None = None) -> Iterator[Progress]:
    """UMAP with progress; the last ``Progress`` carries {"layout": Layout} in its metrics.

    Args:
        x_NE: vectors of the items to draw.
        row_N: their item numbers; 0.. by default.
        params: hyper-parameters.

    Raises:
        ValueError: fewer than 4 items.
    """
    params = params or UmapParams()
    x_NE = np.asarray(x_NE, np.float32)
    if len(x_NE) < 4:
        raise ValueError(f"UMAP needs at least 4 items, and here are {len(x_NE)}; use PCA.")
    if params.metric == "cosine":
        x_NE = unit_rows(x_NE)
    total, k = 100, min(params.n_neighbors, len(x_NE) - 1)
    neighbours = None
    if len(x_NE) <= EXACT_LIMIT:
        for done, found in nearest_rows(x_NE, k):
            neighbours = found
            yield Progress("exact neighbours", 20 * done // len(x_NE), total)
    yield Progress("preparing UMAP", 20, total)
    place_ND = x_NE
    for share, found in _in_thread(x_NE, k, neighbours, params):
        place_ND = found if share == 1.0 else place_ND
        yield Progress("layout" if share else "neighbour graph", 20 + int(79 * share), total)
    rows = np.arange(len(x_NE)) if row_N is None else np.asarray(row_N)
    yield Progress("layout", total, total, {"layout": Layout(place_ND.astype(np.float32), rows)})


class _Sink:
    """A text file for UMAP's progress bar that passes its percentages on."""

    def __init__(self, shares: "queue.Queue[Any]"):
        self.shares = shares

    def write(self, text: str) -> None:
        found = re.search(r"(\d+)%", text)
        if found:
            self.shares.put(int(found[1]) / 100)

    def flush(self) -> None:
        pass


def _in_thread(x_NE: np.ndarray, k: int, found: Any, params: UmapParams) -> Iterator[tuple[float, Any]]:
    """Run UMAP, which has no step of its own to stop at, beside a generator that says how far it is."""
    shares: queue.Queue[Any] = queue.Queue()

    def work() -> None:
        try:
            shares.put(_umap(x_NE, k, found, params, _Sink(shares)))
        except Exception as error:  # raised again by the generator
            shares.put(error)

    threading.Thread(target=work, daemon=True).start()
    share = 0.0
    while True:
        try:
            news = shares.get(timeout=0.25)
        except queue.Empty:
            news = share
        if isinstance(news, Exception):
            raise news
        if isinstance(news, np.ndarray):
            yield 1.0, news
            return
        share = min(max(share, news), 0.99)
        yield share, None


def _package(searches: bool) -> Any:
    """The package ``umap``, imported so that it is ready soon.

    It imports ``pynndescent``, whose hundred functions numba compiles when they are defined, for fifteen seconds the first
    time. Only the search for approximate neighbours calls them, so where the neighbours are known they stay plain Python.
    What every map calls, numba keeps on disk for the next process, where the package by itself compiles it each time.

    Args:
        searches: whether neighbours will be searched; then what stayed plain Python before is imported anew.
    """
    import numba
    settings: Any = numba.config  # its names are made when it is imported
    before = settings.DISABLE_JIT
    if searches and getattr(sys.modules.get("pynndescent"), "stays_plain", False):
        for name in [name for name in sys.modules if name.split(".")[0] in ("pynndescent", "umap")]:
            del sys.modules[name]
    if not searches and "pynndescent" not in sys.modules:
        settings.DISABLE_JIT = 1
        try:
            importlib.import_module("pynndescent").stays_plain = True  # type: ignore[attr-defined]
        finally:
            settings.DISABLE_JIT = before
    import umap
    for name in EVERY_MAP:
        with contextlib.suppress(AttributeError, RuntimeError):  # another version's names; no folder that numba may write to
            getattr(umap.umap_, name).enable_caching()
    return umap


def _umap(x_NE: np.ndarray, k: int, found: Any, params: UmapParams, sink: _Sink) -> np.ndarray:
    import warnings

    umap = _package(searches=found is None)
    start_ND = pca(x_NE, params.n_dims).place_ND
    start_ND = start_ND / max(float(np.abs(start_ND).max()), 1e-9) * 10
    start_ND += np.random.default_rng(params.seed).normal(0, 1e-3, start_ND.shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "no transform later", "one thread with a seed": as wanted
        model = umap.UMAP(n_components=params.n_dims, n_neighbors=k, min_dist=params.min_dist,
                          metric="euclidean", n_epochs=params.n_epochs, random_state=params.seed,
                          init=start_ND.astype(np.float32), precomputed_knn=found or (None, None, None),
                          tqdm_kwds={"file": sink, "disable": False})
        return np.asarray(model.fit_transform(x_NE))
