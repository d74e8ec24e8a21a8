"""Every run of this workspace: making one, finding it by id, listing, deleting."""

import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tiger import studies
from tiger.core import disk, files, paths
from tiger.runs import config as run_config
from tiger.runs import index
from tiger.runs import labels as run_labels
from tiger.runs.index import RUN_ID, is_whole
from tiger.runs.labels import Labels
from tiger.runs.records import RunConfig, Status
from tiger.runs.run import Run

__all__ = ["RUN_ID", "command", "command_line", "delete", "find", "is_whole", "label", "list_runs", "new_run", "size_bytes"]


def new_run(config: RunConfig | Mapping[str, Any], status: Status | None = None,
            fill: Callable[[Path], None] | None = None) -> Run:
    """Make a run's folder from what was asked. It appears whole, with its first status, or not at all.

    Args:
        config: as ``config.checked`` takes it; ``id`` and ``created_s`` are made here.
        status: other than "queued", for whoever executes the run at once.
        fill: writes more into the folder before it appears, for a run that is finished from the start.

    Raises:
        ValueError: an unknown kind, quantizer or hyper-parameter, a value out of bounds, a study of a run without the quantizer
            that it needs, or a disk that is full.
    """
    whole = run_config.checked(config)
    if whole.study is not None and studies.find(whole.kind).needs_quantizer:
        find(str(whole.parent)).check_quantizer()
    root = paths.subfolder("runs")
    disk.check_space(root)
    part = root / f".new-{secrets.token_hex(6)}"
    part.mkdir()
    try:
        files.write_json(part / "config.json", whole.to_json())
        files.write_json(part / "status.json", (status or Status()).to_json())
        if fill is not None:
            fill(part)
        part.rename(root / whole.id)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Run(root / whole.id)


def find(run_id: str) -> Run:
    """The run with this id, own or bundled.

    Raises:
        ValueError: not an id, no such run, or one that whoever acts may not look at.
    """
    if isinstance(run_id, str) and RUN_ID.fullmatch(run_id):
        for root in (paths.subfolder("runs"), paths.BUNDLED / "runs"):
            if (root / run_id / "config.json").is_file():
                found = Run(root / run_id)
                if found.visible:
                    return found
    raise ValueError(f"No run '{str(run_id)[:70]}' exists here; it may have been deleted.")


def list_runs() -> list[Run]:
    """Every run, own and bundled, newest first."""
    return [entry.run for entry in index.entries()]


def label(run: Run, *, name: str | None = None, note: str | None = None, tags: list[str] | tuple[str, ...] | None = None,
          starred: bool | None = None, shared: bool | None = None) -> Labels:
    """Change what people wrote on a run; what is not given stays. Returns all labels.

    Args:
        name: for people; "" brings the title back that it was started with.
        tags: all of its tags from now on.
        shared: everybody in the class may look at it.

    Raises:
        ValueError: it is bundled or another visitor's, or a label is too long.
    """
    run.refuse_change("labelled")
    found = run.labels.but(name=name, note=note, tags=tags, starred=starred, shared=shared)
    run_labels.write(run.path, found)
    return found


def delete(run: Run) -> None:
    """Remove a run's folder for good.

    Raises:
        ValueError: it is bundled or another visitor's, or a worker still has it.
    """
    run.refuse_change("deleted")
    if run.status.busy:
        raise ValueError(f"'{run.title}' is {run.state}; stop it before deleting it.")
    gone = run.path.with_name(f".gone-{secrets.token_hex(6)}")
    run.path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def size_bytes(run: Run) -> int:
    """What the run's folder takes on disk."""
    return sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())


def command(run: Run) -> str:
    """The command line that trains the same as a run."""
    return run_config.command(run.config)


def command_line(config: RunConfig | Mapping[str, Any]) -> str:
    """The command line that trains what ``config`` asks for."""
    if not isinstance(config, RunConfig):
        config = RunConfig.from_json({"kind": "quantizer", **config})
    return run_config.command(config)
