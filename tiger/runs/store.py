"""Every run of this workspace: making one, finding it by id, listing, deleting."""

import logging
import re
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tiger.core import disk, files, paths
from tiger.runs import config as run_config
from tiger.runs.records import RunConfig, Status
from tiger.runs.run import Run

log = logging.getLogger(__name__)
RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{5,63}")


def new_run(config: RunConfig | Mapping[str, Any], status: Status | None = None,
            fill: Callable[[Path], None] | None = None) -> Run:
    """Make a run's folder from what was asked. It appears whole, with its first status, or not at all.

    Args:
        config: as ``config.checked`` takes it; ``id`` and ``created_s`` are made here.
        status: other than "queued", for whoever executes the run at once.
        fill: writes more into the folder before it appears, for a run that is finished from the start.

    Raises:
        ValueError: an unknown kind, quantizer or hyper-parameter, a value out of bounds, or a disk that is full.
    """
    whole = run_config.checked(config)
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
        ValueError: not an id, or no such run.
    """
    if isinstance(run_id, str) and RUN_ID.fullmatch(run_id):
        for root in (paths.subfolder("runs"), paths.BUNDLED / "runs"):
            if (root / run_id / "config.json").is_file():
                return Run(root / run_id)
    raise ValueError(f"No run '{str(run_id)[:70]}' exists here; it may have been deleted.")


def list_runs() -> list[Run]:
    """Every run, own and bundled, newest first."""
    found = {}
    for root in (paths.BUNDLED / "runs", paths.subfolder("runs")):
        if root.is_dir():
            folders = [path for path in root.iterdir() if RUN_ID.fullmatch(path.name)]
            found.update({path.name: Run(path) for path in folders if (path / "config.json").is_file()})
    usable = [run for run in found.values() if is_whole(run)]
    return sorted(usable, key=lambda run: (-run.config.created_s, run.id))


def is_whole(run: Run) -> bool:
    """Whether its configuration can be read and is this folder's own; a copied folder keeps another's id."""
    try:
        return run.config.id == run.id
    except ValueError:
        log.warning("the folder of run %s has no configuration that can be read; it is left out", run.id)
        return False


def delete(run: Run) -> None:
    """Remove a run's folder for good.

    Raises:
        ValueError: it is bundled, or a worker still has it.
    """
    if run.read_only:
        raise ValueError(f"'{run.title}' is bundled and cannot be deleted.")
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
