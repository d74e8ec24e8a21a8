"""A log that is appended line by line, each line in one write: a crash tears the last one at most, and readers skip that."""

import json
from pathlib import Path

from tiger.core import files
from tiger.core.events import Event

ENCODER = json.JSONEncoder(separators=(",", ":"))


class EventFile:
    """The open ``events.jsonl`` of a recording."""

    def __init__(self, path: Path):
        files.cut_to_whole_lines(path)
        self.file = path.open("ab", buffering=0)

    def add(self, event: Event) -> None:
        """Append one event, whole or not at all; OSError where the disk is full."""
        files.append(self.file, ENCODER.encode(event).encode() + b"\n")

    def close(self) -> None:
        """Close the file."""
        self.file.close()
