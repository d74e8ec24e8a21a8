"""Losses that somebody logged elsewhere: TensorBoard event files and tables of numbers, as events of a run.

TensorBoard's own reader (the package ``tensorboard``, an optional extra) reads event files; tables are read like any other.
"""

import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from tiger.core import files
from tiger.core.events import Event
from tiger.datasets.io import readers
from tiger.recording import arrays
from tiger.runs import Run

STEPS = ("step", "global_step", "_step", "iteration", "iter", "steps", "epoch")
"""Columns that count steps, the first that is there; without any, rows are counted."""
TABLES = (".csv", ".tsv", ".parquet")
MAX_CURVES, MAX_POINTS = 60, 200_000
NO_CURVE = ("__MIN", "__MAX")  # what Weights & Biases exports beside a curve


def read_curves(path: str | Path) -> list[Event]:
    """The curves in a TensorBoard event file, a folder of such files, or a CSV, TSV or Parquet table; ascending steps.

    Raises:
        ValueError: nothing there that can be read as curves; names the file and the remedy.
    """
    place = readers.find_place(str(path))
    if place is None:
        raise ValueError(f"'{str(path)[:200]}' does not exist; name a TensorBoard file or folder, or a table of losses.")
    table = place.is_file() and place.suffix.lower() in TABLES
    points = _of_table(place) if table else _of_tensorboard(place)
    found: dict[int, Event] = {}
    for name, step, value in points:
        if step >= 0 and math.isfinite(value):
            found.setdefault(step, {"step": step, "t_s": 0.0})[name] = value
    if not found:
        raise ValueError(f"{place.name} holds no curve: no number was logged at any step.")
    return [found[step] for step in sorted(found)]


def _name(given: str) -> str:
    """A curve's name in the log of a run; a part before " - " is the run's name, as Weights & Biases writes it."""
    last = given.split(" - ")[-1]
    try:
        return arrays.name(last)
    except ValueError:
        return arrays.name(f"logged_{last}")


def _of_table(path: Path) -> Iterable[tuple[str, int, float]]:
    """Every number of a table beside its step."""
    frame, _ = readers.read_table(str(path), "losses", max_rows=MAX_POINTS)
    lower = {str(column).lower(): column for column in frame}
    counted = next((lower[name] for name in STEPS if name in lower), None)
    steps = pd.Series(range(len(frame))) if counted is None else pd.to_numeric(frame[counted], errors="coerce")
    curves = [column for column in frame if column != counted and not str(column).endswith(NO_CURVE)
              and str(column).lower() not in STEPS]
    for column in curves[:MAX_CURVES]:
        values = pd.to_numeric(frame[column], errors="coerce")
        known = values.notna() & steps.notna()
        if str(column).strip() and known.any():
            name = _name(str(column))
            yield from ((name, int(step), float(value)) for step, value in zip(steps[known], values[known], strict=True))


def _of_tensorboard(path: Path) -> Iterable[tuple[str, int, float]]:
    """Every scalar of TensorBoard's event files below a folder, or in one file."""
    try:
        from tensorboard.backend.event_processing.event_accumulator import SCALARS, TENSORS, EventAccumulator
    except ImportError:
        raise ValueError(f"'{path.name}' is no table, and TensorBoard's files need its package: pip install tensorboard. A CSV "
                         "table with a column 'step' needs nothing.") from None
    logs = [path] if path.is_file() else sorted(path.rglob("*tfevents*"))
    if not logs or not any("tfevents" in log.name for log in logs):
        raise ValueError(f"'{path.name}' holds no TensorBoard event file (events.out.tfevents...); name its folder, or a CSV "
                         "table with a column 'step'.")
    for log in logs:
        reader = EventAccumulator(str(log), size_guidance={SCALARS: MAX_POINTS, TENSORS: MAX_POINTS})
        reader.Reload()
        tags = reader.Tags()
        for tag in sorted(tags[SCALARS])[:MAX_CURVES]:
            yield from ((_name(tag), int(event.step), float(event.value)) for event in reader.Scalars(tag))
        for tag in sorted(tags[TENSORS])[:MAX_CURVES]:  # scalars of TensorFlow 2
            for event in reader.Tensors(tag):
                if not event.tensor_proto.tensor_shape.dim and len(event.tensor_proto.float_val) == 1:
                    yield _name(tag), int(event.step), float(event.tensor_proto.float_val[0])


def join(run: Run, curves: Sequence[Event]) -> int:
    """Add curves to a recorded run that has ended; what it has logged itself stays.

    Returns:
        Curves that were added.

    Raises:
        ValueError: the run is not of kind external, is bundled, or is still being recorded.
    """
    if not run.external or run.read_only:
        raise ValueError(f"'{run.title}' is not recorded elsewhere; curves join runs of tiger.watch or of codebooks.")
    if run.status.busy:
        raise ValueError(f"'{run.title}' is still being recorded; join the curves when it has ended.")
    own = run.events()[0]
    events = sorted([*own, *curves], key=lambda event: int(event["step"]))
    lines = b"".join(json.dumps(event, separators=(",", ":")).encode() + b"\n" for event in events)
    files.write(run.path / "events.jsonl", lines)
    status = run.status
    last = max((int(event["step"]) for event in events), default=0)
    files.write_json(run.path / "status.json", status.but(attempt=status.attempt + 1, step=max(status.step, last)).to_json())
    return len({name for event in curves for name in event} - {"step", "t_s"})
