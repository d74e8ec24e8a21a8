"""Studies: drift, cold items and diversity as runs that can be watched, stopped, resumed and read again.

A study's rows stand in ``events.jsonl`` as they come, so that a page shows what is there and a resumed run goes
on behind the last one. ``execute``: what the worker does. ``results``: what pages, the command line and exports
read.
"""

from tiger.studies.results import about, notes, request, rows

__all__ = ["about", "notes", "request", "rows"]
