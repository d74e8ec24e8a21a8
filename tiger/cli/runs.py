"""``python -m tiger runs``: what has been trained here, listed, compared, labelled, resumed and deleted."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tiger import runs
from tiger.cli import flags
from tiger.core import disk
from tiger.core.events import changed_param
from tiger.core.tables import csv_bytes
from tiger.core.words import counted
from tiger.runs import index, supervisor

KINDS = ("All", "IDs", "Recommenders", "Studies", "Sweeps", "Maps")

ACTIONS = ("list", "show", "command", "rename", "note", "tag", "star", "compare", "resume", "stop", "delete")
SEVERAL = ("tag", "star", "compare", "delete")  # actions on any number of runs


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """An action, for most of them runs, and what is written on them."""
    parser.add_argument("action", nargs="?", default="list", choices=ACTIONS,
                        help=f"{' | '.join(ACTIONS)} (default list)", metavar="ACTION")
    parser.add_argument("runs", nargs="*", metavar="RUN",
                        help="a run's id, or 'last'; tag, star, compare and delete take several; rename and note take a text "
                             "behind it")
    parser.add_argument("--restart", action="store_true",
                        help="resume: train from the start; what the run has learned so far is deleted")
    parser.add_argument("--add", nargs="+", default=[], metavar="TAG", help="tag: tags to add")
    parser.add_argument("--remove", nargs="+", default=[], metavar="TAG", help="tag: tags to take off")
    parser.add_argument("--off", action="store_true", help="star: take the star off")
    parser.add_argument("--search", default="", metavar="WORDS",
                        help="list: only runs with these words in name, id, note, tags, method, dataset or parameters")
    parser.add_argument("--kind", default="All", choices=list(KINDS), help=f"list: {' | '.join(KINDS)} (default All)")
    parser.add_argument("--by", default="", metavar="NAME", help="list: fold runs into groups by dataset, method, verdict, tag, "
                                                                 "sweep, 'all but the seed', or a hyper-parameter")
    parser.add_argument("--out", metavar="FILE", help="list, compare: write the whole table as CSV")


def run(args: argparse.Namespace) -> Any:
    """Do what was asked."""
    if args.action == "list":
        return list_all(args)
    if args.action in ("rename", "note"):
        return write_text(args)
    chosen = [pick(run_id) for run_id in args.runs or [None]]
    if args.action in SEVERAL:
        return {"tag": tag, "star": star, "compare": compare, "delete": delete}[args.action](chosen, args)
    if len(chosen) > 1:
        raise ValueError(f"'{args.action}' takes one run, but these are {len(chosen)}: {' '.join(args.runs)[:200]}.")
    if args.action == "command":
        flags.say(args, runs.command(chosen[0]))
        return {"id": chosen[0].id, "command": runs.command(chosen[0])}
    return {"show": show, "resume": resume, "stop": stop}[args.action](chosen[0], args)


def pick(run_id: str | None) -> runs.Run:
    """A run by id, or the newest one of this workspace for "last"."""
    if run_id is None:
        raise ValueError("Name a run (python -m tiger runs lists them), or use 'last'.")
    own = [found for found in runs.list_runs() if not found.read_only]
    return own[0] if run_id == "last" and own else runs.find(run_id)


def list_all(args: argparse.Namespace) -> list[flags.Output]:
    """One line a run, newest first; or one line a group."""
    if not args.search and args.kind == "All" and not args.by and not args.out:
        return _listed(args, index.entries())
    from tiger.reports import runs as runs_report  # here, so that a plain list does not load torch
    entries = index.entries()
    group = runs_report.group_named(entries, args.by) if args.by else ""
    page = runs_report.runs_page(entries, runs_report.RunsRequest(args.search, args.kind, group=group))
    if page.groups is not None:
        found = page.groups.to_dict("records")
        _write(args, page.groups)
        flags.table(args, [{str(name): value for name, value in row.items() if not str(name).endswith((" low", " high"))}
                           for row in found])
        return [{str(name): value for name, value in row.items()} for row in found]
    _write(args, runs_report.table(page.rows, page.differing))
    return _listed(args, [row.entry for row in page.rows])


def _listed(args: argparse.Namespace, entries: Sequence[index.Entry]) -> list[flags.Output]:
    rows = [_line(entry) for entry in entries]
    flags.table(args, rows)
    if not rows:
        flags.say(args, "No run matches; python -m tiger runs lists all of them.")
    return rows


def _line(entry: index.Entry) -> flags.Output:
    status, made_s = entry.status, entry.config.created_s
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(made_s)) if made_s else "bundled"
    return {"id": entry.id, "state": status.state, "step": f"{status.step}/{status.n_steps}",
            "dataset": str(entry.config.dataset["name"]), "made": when,
            "title": ("* " if entry.labels.starred else "") + entry.title, "tags": " ".join(entry.labels.tags)}


def _write(args: argparse.Namespace, frame: Any) -> None:
    if args.out:
        Path(args.out).write_bytes(csv_bytes(frame))
        flags.say(args, f"Table: {args.out}")


def write_text(args: argparse.Namespace) -> flags.Output:
    """Rename a run, or write a note on it; an empty text takes it away."""
    if len(args.runs) < 2:
        raise ValueError(f"'{args.action}' needs a run and the text: python -m tiger runs {args.action} RUN \"...\".")
    chosen, text = pick(args.runs[0]), " ".join(args.runs[1:])
    found = runs.label(chosen, name=text) if args.action == "rename" else runs.label(chosen, note=text)
    flags.say(args, f"{chosen.id} is called '{chosen.title}'." if args.action == "rename" else f"Noted on {chosen.id}.")
    return {"id": chosen.id, **asdict(found)}


def tag(chosen: Sequence[runs.Run], args: argparse.Namespace) -> list[flags.Output]:
    """Add tags to runs and take others off."""
    if not args.add and not args.remove:
        raise ValueError("Say which tags: python -m tiger runs tag RUN ... --add TAG ... --remove TAG ...")
    found = []
    for one in chosen:
        kept = [word for word in one.labels.tags if word not in args.remove]
        found.append({"id": one.id, **asdict(runs.label(one, tags=[*kept, *args.add]))})
        flags.say(args, f"{one.id}: {' '.join(one.labels.tags) or 'no tags'}")
    return found


def star(chosen: Sequence[runs.Run], args: argparse.Namespace) -> list[flags.Output]:
    """Put a star on runs, or take it off."""
    found = [{"id": one.id, **asdict(runs.label(one, starred=not args.off))} for one in chosen]
    flags.say(args, f"{counted(len(found), 'run')} {'without a star' if args.off else 'with a star'} now.")
    return found


def compare(chosen: Sequence[runs.Run], args: argparse.Namespace) -> list[flags.Output]:
    """Only the hyper-parameters that differ between runs, and what came out."""
    from tiger.reports import runs_compare
    from tiger.reports.runs_rows import rows_of
    found = runs_compare.compare(rows_of([index.of(one) for one in chosen]))
    _write(args, found.params)
    rows = flags.records(found.params)
    flags.table(args, rows)
    return rows


def delete(chosen: Sequence[runs.Run], args: argparse.Namespace) -> Any:
    """Delete runs for good."""
    for one in chosen:
        runs.delete(one)
        flags.say(args, f"Deleted {one.id}.")
    found = [{"id": one.id, "deleted": True} for one in chosen]
    return found[0] if len(found) == 1 else found


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
    if args.restart and chosen.config.kind == "sweep":
        raise ValueError(f"'{chosen.title}' is a sweep, which goes on where it was; start it anew instead: "
                         f"{runs.command(chosen)}")
    if args.restart:
        from tiger.runs import artifacts
        artifacts.restart(chosen)
        status = status.but(step=0)
    first = supervisor.taken()
    supervisor.requeue(chosen, status, first.state, stage=first.stage, pid=first.pid, heartbeat_s=first.heartbeat_s)
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
