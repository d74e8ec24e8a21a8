"""What a run's log holds, line by line: ``events.jsonl`` as training, studies and recordings write it."""

from typing import Any

Event = dict[str, Any]
"""One line of ``events.jsonl``: ``step`` and ``t_s`` (seconds trained), and one of

    metrics of a step      loss, perplexity (one number a level), ...
    live_param, value      a live hyper-parameter that changed (``knob`` until November 2026)
    row                    a row of a study
    note                   a sentence on how a study's data were made to fit
"""


NAMED = ("live_param", "knob", "value", "row", "note", "seq")


def checked(found: Any) -> Event | None:
    """A line of the log as an event; None for what is none. Metrics that are no numbers are left out."""
    if not isinstance(found, dict) or not isinstance(found.get("step"), int):
        return None
    if "row" in found and not isinstance(found["row"], dict):
        return None
    if changed_param(found) is not None and not _is_number(found.get("value")):
        return None
    return {name: value for name, value in found.items() if name in NAMED or value is None or _is_number(value)
            or (isinstance(value, list) and all(map(_is_number, value)))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def changed_param(event: Event) -> str | None:
    """Name of the live hyper-parameter that changed at this event; None for other events."""
    found = event.get("live_param", event.get("knob"))
    return str(found) if found is not None else None
