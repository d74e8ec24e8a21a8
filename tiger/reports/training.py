"""Runs as data frames: curves, live parameters that changed."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tiger.core.events import changed_param

Events = Sequence[dict[str, Any]]
MAX_POINTS = 2000
TITLES = {"recon_loss": "Reconstruction loss", "commit_loss": "Commitment loss", "valid_recall@10": "Validation recall@10",
          "explained": "Explained variance"}


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


def training_finding(frame: pd.DataFrame, sizes: str = "") -> str:
    """The title over curves of a run that ended: where its levels ended, or how the first metric changed.

    Args:
        frame: from ``training_frame``.
        sizes: codes per level in words, for metrics that count codes.
    """
    if frame.empty:
        return "Nothing logged yet"
    name = str(frame["metric"].iloc[0])
    if frame["level"].max() > 0:
        return _levels_finding(name, frame.groupby("level", sort=True)["value"].last(), sizes)
    if name.startswith("valid_"):
        best = frame.loc[frame["value"].where(frame["metric"] == name).idxmax()]
        return f"{TITLES.get(name, name)} peaks at {best['value']:.3f}, at step {best['step']:,}"
    first, last = (f"{frame.loc[frame['metric'] == name, 'value'].iloc[at]:.3g}" for at in (0, -1))
    title = TITLES.get(name, name.replace("_", " ").capitalize())
    if first == last:
        return f"{title} stays at {last}"
    return f"{title} {'falls' if float(last) < float(first) else 'rises'} from {first} to {last}"


def _levels_finding(name: str, last: pd.Series, sizes: str) -> str:
    """Where a metric of each level ended; ``last`` is its value by level."""
    low, high, of = float(last.min()), float(last.max()), f" of {sizes}" * bool(sizes)
    if name == "dead":
        return "No code is dead at the end" if high == 0 else \
            f"Level {last.idxmax()} ends with the most dead codes: {high:,.0f}{of}"
    if name == "perplexity":
        ends = f"{low:.0f}" if f"{low:.0f}" == f"{high:.0f}" else f"{low:.0f} to {high:.0f}"
        return f"Perplexity ends at {ends}{of}"
    return f"Level {last.idxmax()} ends with the highest loss: {high:.3g}"


def training_summary(frame: pd.DataFrame) -> str:
    """The takeaway of ``training_frame`` in one sentence: where each curve began and ended."""
    said = []
    for (name, level), part in frame.groupby(["metric", "level"], sort=False):
        where = f" of level {level}" if level else ""
        first, last = (f"{part['value'].iloc[at]:.3g}" for at in (0, -1))
        moves = f"stays at {last}" if first == last else f"goes from {first} to {last}"
        said.append(f"{str(name).replace('_', ' ')}{where} {moves}")
    if not said:
        return "Nothing logged yet."
    return f"By step {int(frame['step'].max()):,}, " + "; ".join(said) + "."
