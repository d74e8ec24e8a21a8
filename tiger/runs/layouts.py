"""The map of a run's items: which vectors, which layout, what lies near, and the worker that computes UMAP.

A UMAP layout is stored once per run, space, parameters and seed, and found again by that; PCA is computed at
once. Points keep their places while a run's saved steps are scrubbed: only their codes change.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from tiger import metrics
from tiger.analysis import projection
from tiger.analysis.projection import Layout, UmapParams
from tiger.core import files, params, paths
from tiger.core.progress import Progress
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import DatasetRef, Values
from tiger.runs import data, store
from tiger.runs.records import ProjectionRequest, RunConfig
from tiger.runs.run import Run
from tiger.runs.worker_context import WorkerContext

log = logging.getLogger(__name__)
SPACES = {"input": "input vectors", "latent": "latent vectors", "reconstruction": "reconstructions"}


def spaces(run: Run | None) -> list[str]:
    """Spaces that can be shown: always the input; latent and reconstruction where the run left them."""
    found = ["input"]
    if run is not None and (run.path / "latent.npy").exists():
        found.append("latent")
        if (run.path / "weights.safetensors").exists() and (run.path / "codes.npy").exists():
            found.append("reconstruction")
    return found


def vectors(cat: Catalogue, run: Run | None, space: str) -> np.ndarray:
    """The items' vectors in one space, (I, E or Z) float32.

    Raises:
        ValueError: no such space, or the run has none.
    """
    if space not in SPACES:
        raise ValueError(f"'{space}' is not a space; choose from {', '.join(SPACES)}.")
    if space == "input":
        return cat.embedding_IE
    if run is None:
        raise ValueError(f"The {SPACES[space]} belong to a run; choose one first.")
    found = run.latent() if space == "latent" else run.quantizer().decode(run.codes())
    return found[data.rows_for(run, cat, len(found))]


def layout_key(dataset: DatasetRef, run: Run | None, space: str, requested: UmapParams, content: str = "") -> str:
    """Twenty hex digits that name a layout: dataset, and beyond the input space the run and its result.

    Args:
        content: digest of the catalogue's fingerprint, so that a dataset whose files change gets another layout.
    """
    about: Values = {"dataset": dataset, "space": space, "params": params.values(requested)}
    about |= {"content": content} if content else {}
    if space != "input" and run is not None:
        about["run"] = [run.id, _result_mark(run)]
    return hashlib.sha256(json.dumps(about, sort_keys=True, default=str).encode()).hexdigest()[:20]


def _result_mark(run: Run) -> int | str:
    """What tells one result of a run from a later one: when it was written, or of a bundled run, whose copies have any
    time, what it says."""
    result = run.path / "latent.npy"
    if not result.exists():
        return 0
    return hashlib.sha256(result.read_bytes()).hexdigest() if run.bundled else result.stat().st_mtime_ns


def _own(key: str) -> Path:
    """Where the workspace keeps a layout."""
    folder = paths.subfolder("cache") / "maps"
    folder.mkdir(exist_ok=True)
    return folder / f"{key}.safetensors"


def _stored(key: str) -> Path:
    """Where a layout is found: in the workspace, else among the bundled ones beside the bundled runs."""
    own = _own(key)
    return own if own.exists() else paths.BUNDLED / "maps" / own.name


def find_layout(key: str) -> Layout | None:
    """A stored layout, or None."""
    try:
        found = load_file(_stored(key))
        place_ND, row_N = found["place"], found["rows"]
    except FileNotFoundError:
        return None
    except (OSError, KeyError, SafetensorError) as error:
        log.warning("the stored map %s cannot be read and is computed again: %s", key, error)
        return None
    fits = place_ND.ndim == 2 and place_ND.dtype.kind == "f" and row_N.dtype.kind in "iu" and row_N.shape == place_ND.shape[:1]
    return Layout(place_ND, row_N) if fits and len(row_N) and row_N.min() >= 0 else None


def written_ns(key: str) -> int:
    """When a layout was stored, in nanoseconds since 1970; 0 where it is not."""
    try:
        return _stored(key).stat().st_mtime_ns
    except OSError:
        return 0


def store_layout(key: str, layout: Layout) -> None:
    """Keep a layout, whole or not at all."""
    tensors: dict[str, np.ndarray] = {"place": np.ascontiguousarray(layout.place_ND, np.float32),
                                      "rows": layout.row_N.astype(np.int64)}
    files.write(_own(key), save(tensors))


def request(dataset: DatasetRef, run: Run | None, space: str, requested: UmapParams, content: str = "") -> RunConfig:
    """The configuration of the run that computes a layout; hand it to the supervisor. Arguments as ``layout_key``'s."""
    parent = run.id if run is not None else None
    wanted = ProjectionRequest(space, params.values(requested), layout_key(dataset, run, space, requested, content))
    return RunConfig("projection", dataset, f"UMAP of the {SPACES[space]}", parent=parent, projection=wanted)


def running(config: RunConfig) -> Run | None:
    """The newest run that computes this layout, whatever became of it; None where there is none."""
    for run in store.list_runs():
        if run.config.projection is not None and run.config.projection == config.projection:
            return run
    return None


def execute(context: WorkerContext) -> Iterator[Progress]:
    """What the worker does with a run of kind "projection": load, project, store."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(paths.subfolder("cache") / "numba"))  # before umap is loaded
    from tiger import datasets

    config = context.run.config
    requested = config.projection
    assert requested is not None  # a run of this kind always has one
    context.update_status(stage="loading the dataset")
    cat = datasets.load_ref(config.dataset)
    parent = store.find(config.parent) if config.parent else None
    data.keep(context.run.path, cat)
    about = (config.dataset, parent, requested.space, params.build(UmapParams, requested.params))
    if requested.key not in (layout_key(*about), layout_key(*about, cat.content.digest)):
        raise ValueError("The data changed since this map was asked for; open the map again.")
    x_IE = vectors(cat, parent, requested.space)
    rows = projection.sample(_strata(parent, cat), projection.DRAWN_LIMIT)
    context.update_status(stage="loading UMAP")
    layout = None
    for progress in projection.umap_steps(x_IE[rows], rows, params.build(UmapParams, requested.params)):
        if context.read_control().action == "stop":
            context.stop_acknowledged = True
            words = context.stop_reason or "Stopped; the map was not finished."
            context.update_status(state="stopped", message=words, rate=0.0, left_s=None)
            return
        layout = progress.metrics.get("layout")
        context.progress(progress)
        yield progress
    assert layout is not None  # the last step always carries it
    store_layout(requested.key, layout)
    context.update_status(state="finished", stage="", message="", rate=0.0, left_s=None)


def sampled_by(run: Run | None, cat: Catalogue) -> str:
    """What a layout's sample keeps the shares of: "first code" of a run, "category", or "" for plain chance."""
    if run is not None and run.has_result():
        return "first code"
    return "category" if (metrics.label_numbers(cat.items["category"].to_numpy(object)) >= 0).any() else ""


def _strata(run: Run | None, cat: Catalogue) -> np.ndarray:
    """The stratum of each item, as ``sampled_by`` says."""
    if run is not None and run.has_result():
        return data.codes_for(run, cat)[:, 0]
    return metrics.label_numbers(cat.items["category"].to_numpy(object))
