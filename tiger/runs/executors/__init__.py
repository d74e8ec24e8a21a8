"""Where workers run: on this machine, or as jobs of a cluster. A new place is one file and one line here.

The queue, the pages and the command line speak to an executor and its jobs (``base``) only; all else that a run needs goes
through the files of its folder, wherever its worker runs.
"""

import importlib
import os

from tiger.runs.executors.base import Executor, Job

__all__ = ["REGISTRY", "Executor", "Job", "create"]
REGISTRY = {
    "local": ("tiger.runs.executors.local", "LocalExecutor"),
    "ray": ("tiger.runs.executors.ray_jobs", "RayExecutor"),
}


def create(name: str | None = None) -> Executor:
    """The executor of this name; by default what ``TIGER_EXECUTOR`` says, else the local one.

    Raises:
        ValueError: there is none of this name, what it needs is not installed, or its cluster does not answer.
    """
    name = name or os.environ.get("TIGER_EXECUTOR") or "local"
    if name not in REGISTRY:
        raise ValueError(f"TIGER_EXECUTOR is '{name[:40]}', but must be one of {', '.join(REGISTRY)}.")
    module, cls = REGISTRY[name]
    made: Executor = getattr(importlib.import_module(module), cls)()
    return made
