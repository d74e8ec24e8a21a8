"""Where log records go: one line each, with its time, on stderr; a worker's stderr is its run's ``log.txt``."""

import logging

FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


def to_stderr(level: int = logging.INFO) -> None:
    """Send this process's records to stderr. Called once, by whoever owns the process; the core itself never does."""
    logging.basicConfig(format=FORMAT, level=logging.WARNING)
    logging.getLogger("tiger").setLevel(level)
