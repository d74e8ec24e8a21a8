"""A run's event log as columns that grow, shared by everybody who watches the run. No Streamlit here.

Thirty people who watch one run read each new line of its log once, and share the tables that are drawn.
"""

import threading
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from tiger.core.events import Event, changed_param
from tiger.runs import Run

LATE = 0.6  # a label further right than this share of the steps is written to the left of its line
LIMIT = 400  # points of one line; three levels make 1,200 of a chart, which a browser draws in milliseconds


@dataclass(frozen=True)
class Mark:
    """A live hyper-parameter that changed while the run trained."""

    step: int
    live_param: str
    value: float

    @property
    def label(self) -> str:
        return f"{self.live_param.replace('_', ' ')} {self.value:g}"


class Feed:
    """The growing curves of one run. ``update`` reads what is new; everything else answers from memory."""

    def __init__(self, run: Run):
        self.run = run
        self.lock = threading.Lock()
        self.version = 0  # changes whenever something was read
        self._attempt: int | None = None
        self._tables: dict[tuple[Any, ...], tuple[int, pa.Table]] = {}
        self._forget()

    def _forget(self) -> None:
        self.next_byte, self.version = 0, self.version + 1
        self.points: dict[str, list[tuple[int, Any]]] = {}
        self.marks: list[Mark] = []

    def update(self, attempt: int = 0) -> "Feed":
        """Read the log's new lines.

        Args:
            attempt: ``status.attempt``; a resumed run cuts its log back, so its feed begins again.
        """
        with self.lock:
            if attempt != self._attempt:
                self._forget()
                self._attempt = attempt
            events, next_byte = self.run.events(self.next_byte)
            if next_byte < self.next_byte:
                self._forget()
            self.next_byte = next_byte
            for event in events:
                self._take(event)
            self.version += bool(events)
        return self

    def _take(self, event: Event) -> None:
        step = event.get("step")
        if not isinstance(step, int):
            return
        if name := changed_param(event):
            self.marks.append(Mark(step, name, float(event["value"])))
            return
        for name, value in event.items():
            if name not in ("step", "t_s", "note") and value is not None:
                self.points.setdefault(name, []).append((step, value))

    def last(self, name: str) -> Any:
        """The newest value of a metric (a list where it is per level), or None."""
        points = self.points.get(name)
        return points[-1][1] if points else None

    def table(self, *names: str) -> pa.Table:
        """The curves of some metrics in long form: step, value, series, label, late.

        A metric with one number per level gives one series a level. The rows of turned knobs have a label and
        no value; late ones stand in the right part of the chart. The same table object comes back as long as
        nothing new was read.
        """
        with self.lock:
            kept = self._tables.get(names)
            if kept is None or kept[0] != self.version:
                kept = self.version, self._build(names)
                self._tables[names] = kept
            return kept[1]

    def _build(self, names: tuple[str, ...]) -> pa.Table:
        steps: list[int] = []
        values: list[float | None] = []
        series: list[str | None] = []
        for name in names:
            for step, value in thin(self.points.get(name, [])):
                parts = value if isinstance(value, list) else [value]
                words = [f"level {level + 1}" for level in range(len(parts))] if isinstance(value, list) else [name]
                steps += [step] * len(parts)
                values += [float(part) for part in parts]
                series += [word.replace("_", " ") for word in words]
        labels: list[str | None] = [None] * len(steps)
        for place, mark in enumerate(self.marks):
            steps.append(mark.step)
            values.append(None)
            series.append(None)
            labels.append("\n" * (place % 4) + mark.label)  # neighbours on other lines
        late_from = LATE * max(steps, default=0)
        return pa.table({"step": pa.array(steps, pa.int32()), "value": pa.array(values, pa.float32()),
                         "series": pa.array(series, pa.string()), "label": pa.array(labels, pa.string()),
                         "late": pa.array([step > late_from for step in steps], pa.bool_())})


def thin(points: list[Any], limit: int = LIMIT) -> list[Any]:
    """At most about ``limit`` points: every 2nd, 4th, 8th ..., and the newest.

    Powers of two, so that the points that stay are the same from tick to tick and the curve does not shimmer.
    """
    stride = 1
    while len(points) > limit * stride:
        stride *= 2
    kept = points[::stride]
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]
