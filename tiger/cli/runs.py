"""``python -m tiger runs``: what has been trained here."""

import argparse
import time
from typing import Any

from tiger import runs
from tiger.cli import flags
from tiger.core import disk
from tiger.core.events import changed_param
from tiger.runs import supervisor

ACTIONS = ("list", "show", "command", "resume", "stop", "delete")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """An action and, for most, a run."""
    parser.add_argument("action", nargs="?", default="list", choices=ACTIONS,
                        help=f"{' | '.join(ACTIONS)} (default list)", metavar="ACTION")
    parser.add_argument("run", nargs="?", help="the run's id, or 'last'", metavar="RUN")
    parser.add_argument("--restart", action="store_true",
                        help="resume: train from the start; what the run has learned so far is deleted")


def run(args: argparse.Namespace) -> Any:
    """Do what was asked."""
    if args.action == "list":
        return list_all(args)
    chosen = pick(args.run)
    if args.action == "show":
        return show(chosen, args)
    if args.action == "command":
        flags.say(args, runs.command(chosen))
        return {"id": chosen.id, "command": runs.command(chosen)}
    if args.action == "resume":
        return resume(chosen, args)
    if args.action == "stop":
        return stop(chosen, args)
    runs.delete(chosen)
    flags.say(args, f"Deleted {chosen.id}.")
    return {"id": chosen.id, "deleted": True}


def pick(run_id: str | None) -> runs.Run:
    """A run by id, or the newest one of this workspace for "last"."""
    if run_id is None:
        raise ValueError("Name a run (python -m tiger runs lists them), or use 'last'.")
    own = [found for found in runs.list_runs() if not found.read_only]
    return own[0] if run_id == "last" and own else runs.find(run_id)


def list_all(args: argparse.Namespace) -> list[flags.Output]:
    """One line a run, newest first."""
    rows = []
    for found in runs.list_runs():
        status = found.status
        made_s = found.config.created_s
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(made_s)) if made_s else "bundled"
        rows.append({"id": found.id, "state": status.state, "step": f"{status.step}/{status.n_steps}",
                     "dataset": str(found.config.dataset["name"]), "made": when,
                     "title": found.title})
    flags.table(args, rows)
    if not rows:
        flags.say(args, "No runs yet; start one with python -m tiger train.")
    return rows


def show(chosen: runs.Run, args: argparse.Namespace) -> flags.Output:
    """What was asked, how it went, and its newest numbers."""
    status = chosen.status
    events = [event for event in chosen.events()[0] if changed_param(event) is None]
    newest = events[-1] if events else {}
    flags.table(args, [{"what": key, "value": value} for key, value in
                       {"id": chosen.id, "title": chosen.title, "folder": str(chosen.path), **status.to_json()}.items()])
    flags.table(args, [{"measured": key, "value": value} for key, value in newest.items()])
    return {"id": chosen.id, "config": chosen.config.to_json(), "status": status.to_json(), "newest": newest}


def resume(chosen: runs.Run, args: argparse.Namespace) -> flags.Output:
    """Go on with a run that ended early, in the foreground."""
    from tiger.cli import train
    status = chosen.status
    if chosen.read_only or status.state not in supervisor.RESUMABLE:
        raise ValueError(f"'{chosen.title}' is {status.state}; only a run that was stopped, interrupted or failed "
                         "can be resumed.")
    disk.check_space(chosen.path)
    if args.restart:
        from tiger.runs import artifacts
        artifacts.restart(chosen)
        status = status.but(step=0)
    supervisor.requeue(chosen, status, **train.at_once())
    return train.follow(chosen, args)


def stop(chosen: runs.Run, args: argparse.Namespace, patience_s: float = 30.0) -> flags.Output:
    """Stop a run and wait until it has."""
    if chosen.state not in ("queued", "running", "paused"):
        raise ValueError(f"'{chosen.title}' is {chosen.state} already.")
    chosen.control("stop")
    end = time.monotonic() + patience_s
    while chosen.state in ("queued", "running", "paused"):
        if time.monotonic() > end:
            raise ValueError(f"'{chosen.title}' has not stopped within {patience_s:g} s; its process is "
                             f"{chosen.status.pid}.")
        time.sleep(0.05)
    flags.say(args, f"{chosen.id} is {chosen.state}.")
    return {"id": chosen.id, "state": chosen.state}
