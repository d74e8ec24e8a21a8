"""A run is a folder and a process: what it was asked, how it goes, what came out, and who executes it."""

from tiger.runs.records import BUSY, RunConfig, Status
from tiger.runs.run import Run
from tiger.runs.store import command, command_line, delete, find, label, list_runs, new_run, size_bytes

__all__ = ["BUSY", "Run", "RunConfig", "Status", "command", "command_line", "delete", "find", "label", "list_runs", "new_run",
           "size_bytes"]
