"""Bulk work that kills the process that does it."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

KILLED = 3  # the piece whose process is killed


@dataclass(frozen=True)
class Deadly:
    """Pieces that leave a file each; the process of one of them is killed, so many times."""

    folder: Path
    n_deaths: int

    def do(self, stage: str, number: int) -> int:
        if number == KILLED and len(list(self.folder.glob("death-*"))) < self.n_deaths:
            (self.folder / f"death-{os.getpid()}").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        (self.folder / f"{stage}-{number}").touch()
        return number + 1

    def done(self, stage: str, number: int) -> bool:
        return (self.folder / f"{stage}-{number}").exists()
