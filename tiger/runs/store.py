"""Every run of this workspace: making one, finding it by id, listing, deleting."""

import re
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tiger.core import files, paths
from tiger.runs import config as run_config
from tiger.runs.run import BUSY, DEFAULT_STATUS, Run

RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{5,63}")


def new_run(config: dict[str, Any], status: dict[str, Any] | None = None,
            fill: Callable[[Path], None] | None = None) -> Run:
    """Make a run's folder from what was asked. It appears whole, with its first status, or not at all.

    Args:
        config: ``dataset`` (a reference) and ``quantizer`` {"name", "params"}; where wanted ``kind``,
            ``title``, ``parent`` and ``preset``. ``id`` and ``created_s`` are made here.
        status: other than "queued", for whoever executes the run at once.
        fill: writes more into the folder before it appears, for a run that is finished from the start.

    Raises:
        ValueError: an unknown kind, quantizer or hyper-parameter, or a value out of bounds.
    """
    whole = run_config.checked(config)
    root = paths.subfolder("runs")
    part = root / f".new-{secrets.token_hex(6)}"
    part.mkdir()
    try:
        files.write_json(part / "config.json", whole)
        files.write_json(part / "status.json", DEFAULT_STATUS | (status or {}))
        if fill is not None:
            fill(part)
        part.rename(root / whole["id"])
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    return Run(root / whole["id"])


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
    usable = [run for run in found.values() if run.config.get("id") == run.id]
    return sorted(usable, key=lambda run: (-float(run.config.get("created_s") or 0), run.id))


def delete(run: Run) -> None:
    """Remove a run's folder for good.

    Raises:
        ValueError: it is bundled, or a worker still has it.
    """
    if run.read_only:
        raise ValueError(f"'{run.title}' is bundled and cannot be deleted.")
    if run.state in BUSY:
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


def command_line(config: dict[str, Any]) -> str:
    """The command line that trains what ``config`` asks for."""
    return run_config.command(config)
