"""What a run's log holds, line by line: ``events.jsonl`` as training, studies and recordings write it."""

from typing import Any

Event = dict[str, Any]
"""One line of ``events.jsonl``: ``step`` and ``t_s`` (seconds trained), and one of

    metrics of a step      loss, perplexity (one number a level), ...
    live_param, value      a live hyper-parameter that changed (``knob`` until November 2026)
    row                    a row of a study
    note                   a sentence on how a study's data were made to fit
"""


def changed_param(event: Event) -> str | None:
    """Name of the live hyper-parameter that changed at this event; None for other events."""
    found = event.get("live_param", event.get("knob"))
    return str(found) if found is not None else None
