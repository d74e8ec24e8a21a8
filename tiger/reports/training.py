"""Runs as data frames: curves, knobs that were turned, the list of runs, the doctor's findings."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from tiger import metrics
from tiger.analysis import doctor
from tiger.analysis.doctor import Diagnosis
from tiger.core.events import changed_param
from tiger.datasets.catalogue import Catalogue
from tiger.runs import Run

Events = Sequence[dict[str, Any]]
MAX_POINTS = 2000


def training_frame(events: Events, names: Sequence[str] = ("loss", "recon_loss", "commit_loss"),
                   max_points: int = MAX_POINTS) -> pd.DataFrame:
    """Curves as a long table, thinned so that peaks stay visible.

    Args:
        events: a run's log.
        names: metrics to take; a metric with one number per level makes one curve a level.
        max_points: points per curve at most.

    Returns:
        metric, level (from 1; 0 where the metric has no levels), step, value.
    """
    parts = []
    for name in names:
        rows = [(event["step"], event[name]) for event in events if event.get(name) is not None]
        if not rows:
            continue
        step_N = np.array([step for step, _ in rows])
        per_level = isinstance(rows[0][1], (list, tuple))
        values = np.array([value if per_level else [value] for _, value in rows], np.float64)
        for at in range(values.shape[1]):
            keep = thin(values[:, at], max_points)
            parts.append(pd.DataFrame({"metric": name, "level": at + 1 if per_level else 0,
                                       "step": step_N[keep], "value": values[keep, at]}))
    columns = ["metric", "level", "step", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def thin(value_N: np.ndarray, max_points: int) -> np.ndarray:
    """Positions to keep: first, last, and the lowest and highest of evenly cut stretches; nan are dropped."""
    good = np.flatnonzero(np.isfinite(value_N))
    if len(good) <= max_points:
        return good
    stretches = np.array_split(good, max(1, (max_points - 2) // 2))
    ends = [part[at] for part in stretches for at in (value_N[part].argmin(), value_N[part].argmax())]
    return np.unique([good[0], *ends, good[-1]])


def live_param_frame(events: Events) -> pd.DataFrame:
    """Hyper-parameters that were changed while the run trained: step, live_param, value, label."""
    rows = [(event["step"], changed_param(event), event["value"]) for event in events if changed_param(event)]
    frame = pd.DataFrame(rows, columns=["step", "live_param", "value"])
    frame["label"] = [f"{name.replace('_', ' ')} {value:g}" if isinstance(value, int | float) else f"{name} {value}"
                      for name, value in zip(frame["live_param"], frame["value"], strict=True)]
    return frame


def training_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``training_frame`` in one sentence: where each curve began and ended."""
    said = []
    for (name, level), part in frame.groupby(["metric", "level"], sort=False):
        where = f" of level {level}" if level else ""
        said.append(f"{str(name).replace('_', ' ')}{where} goes from {part['value'].iloc[0]:.3g} "
                    f"to {part['value'].iloc[-1]:.3g}")
    if not said:
        return "Nothing was logged yet."
    return f"By step {int(frame['step'].max()):,}, " + "; ".join(said) + "."


def runs_frame(runs: Sequence[Run]) -> pd.DataFrame:
    """One row a run: id, title, quantizer, dataset, state, step, n_steps, created (UTC), preset, parent."""
    rows = []
    for run in runs:
        config, status = run.config, run.status
        created = datetime.fromtimestamp(config.created_s, UTC)
        rows.append({"run": run.id, "title": run.title, "state": status.state,
                     "quantizer": config.quantizer.name if config.quantizer else None,
                     "dataset": config.dataset["name"],
                     "step": status.step, "n_steps": status.n_steps, "created": created,
                     "preset": config.preset, "parent": config.parent})
    columns = ["run", "title", "state", "quantizer", "dataset", "step", "n_steps", "created", "preset",
               "parent"]
    return pd.DataFrame(rows, columns=columns)


def diagnose(run: Run, cat: Catalogue, n_sample: int = 2000, n_queries: int = 300) -> Diagnosis:
    """Examine a run with all that its folder and its catalogue tell.

    Args:
        n_sample: items whose reconstruction is measured.
        n_queries: items whose true neighbours are looked up.

    Raises:
        ValueError: the run has no codes yet, or was made from another catalogue.
    """
    codes_IL = run.codes()
    if len(codes_IL) != cat.n_items:
        raise ValueError(f"Run {run.id} has codes of {len(codes_IL):,} items, this catalogue has {cat.n_items:,}; "
                         "open the catalogue that the run was made from.")
    params = run.config.quantizer.params if run.config.quantizer else {}
    return examine(codes_IL, run.codes_per_level(), cat, run.events()[0], params,
                   decoded=_decoded(run, codes_IL, n_sample), n_queries=n_queries)


def examine(codes_IL: np.ndarray, n_codes: int | Sequence[int], cat: Catalogue | None = None,
            events: Events | None = None, params: dict[str, Any] | None = None,
            decoded: tuple[np.ndarray, np.ndarray] | None = None, n_queries: int = 300) -> Diagnosis:
    """``doctor.examine`` with what a catalogue's embeddings add; for imported IDs there is no more than that.

    Args:
        decoded: item numbers, and what decoding their codes gave.
    """
    explained = neighbours = None
    if cat is not None:
        if decoded is not None:
            explained = explained_variance(cat.embedding_IE, *decoded)
        elif events and params:
            explained = explained_in_training(cat.embedding_IE, events, params.get("normalise", "none"))
        queries = sample(np.flatnonzero(metrics.has_id(codes_IL)), n_queries)
        true_Nk, _ = metrics.nearest(cat.embedding_IE, queries, 10)
        neighbours = metrics.neighbour_recall(codes_IL, queries, true_Nk) if true_Nk.size else None
    return doctor.examine(codes_IL, n_codes, list(events) if events else None, params, explained, neighbours)


def sample(items_N: np.ndarray, n: int, seed: int = 0) -> np.ndarray:
    """At most n of the items, always the same ones, ascending."""
    if len(items_N) <= n:
        return items_N
    return np.sort(np.random.default_rng(seed).choice(items_N, n, replace=False))


def explained_variance(emb_IE: np.ndarray, items_N: np.ndarray, recon_NE: np.ndarray) -> float:
    """1 - sum |x - x'|^2 / sum |x - mean|^2 over the given items; 0 is what the mean alone would reach."""
    emb_NE = np.asarray(emb_IE[items_N], np.float64)
    spread = float(((emb_NE - emb_NE.mean(0)) ** 2).sum())
    return 1 - float(((emb_NE - recon_NE) ** 2).sum()) / spread if spread > 0 else 0.0


def explained_in_training(emb_IE: np.ndarray, events: Events, normalise: str = "none",
                          n_last: int = 5) -> float | None:
    """The same from the last logged reconstruction losses, for a run that has saved no weights yet.

    The loss is the mean squared length of what is missing, in the space that the quantizer normalises to.
    """
    losses = [event["recon_loss"] for event in events if event.get("recon_loss") is not None][-n_last:]
    if not losses:
        return None
    emb_IE = metrics.unit_rows(emb_IE) if normalise == "l2" else np.asarray(emb_IE, np.float32)
    var_E = emb_IE.var(axis=0, dtype=np.float64)
    spread = {"standardise": float((var_E > 0).sum()), "centre": 1.0}.get(normalise, float(var_E.sum()))
    return 1 - float(np.mean(losses)) / spread if spread > 0 else None


def _decoded(run: Run, codes_IL: np.ndarray, n_sample: int) -> tuple[np.ndarray, np.ndarray] | None:
    if not run.has_result():
        return None
    items_N = sample(np.arange(len(codes_IL)), n_sample)
    try:
        return items_N, run.quantizer().decode(codes_IL[items_N])
    except (NotImplementedError, ValueError):
        return None


def doctor_frame(found: Diagnosis) -> pd.DataFrame:
    """What the doctor measured at each level: level, codes, perplexity, use (share of the reach), dead."""
    signs = found.signs
    return pd.DataFrame({"level": np.arange(1, len(signs.n_codes) + 1), "n_codes": signs.n_codes,
                         "reach": signs.reach, "perplexity": signs.perplexity, "use": signs.use,
                         "dead": signs.dead})


def compare_frame(codes: dict[str, np.ndarray], n_codes: dict[str, int | Sequence[int]]) -> pd.DataFrame:
    """Sick beside fixed: run, level, perplexity, dead codes, and the run's unique IDs."""
    parts = []
    for name, codes_IL in codes.items():
        counts_LK = metrics.code_counts(codes_IL, n_codes[name])
        parts.append(pd.DataFrame({"run": name, "level": np.arange(1, len(counts_LK) + 1),
                                   "perplexity": metrics.perplexity(counts_LK),
                                   "dead": metrics.dead_codes(counts_LK, n_codes[name]),
                                   "unique": metrics.collisions(codes_IL).unique}))
    return pd.concat(parts, ignore_index=True)
