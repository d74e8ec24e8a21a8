"""``python -m tiger sweep NAME --vary learning_rate=0.001,0.003 --seeds 0,1,2``: the sweep that the Runs page would start."""

import argparse
from dataclasses import replace
from pathlib import Path

from tiger import runs
from tiger.cli import flags, train
from tiger.core.tables import csv_bytes
from tiger.reports import sweeps
from tiger.runs import supervisor, sweep, sweep_plan
from tiger.runs.records import RunConfig, SweepRequest
from tiger.runs.run import Run

OWN = ("--vary", "--seeds", "--sampler", "--max-runs", "--max-minutes", "--objective", "--out")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """What trains, what is varied, the budget; then the flags of ``train`` for everything that all runs share."""
    parser.add_argument("--vary", action="append", default=[], metavar="NAME=V1,V2", required=True,
                        help="a hyper-parameter and its values; again for each further one. Where a value is a list, ';' parts "
                             "the values: --vary \"n_codes=64; 128,64,32\"")
    parser.add_argument("--seeds", default="0", metavar="S1,S2",
                        help="train every setting with each of these seeds, such as 0,1,2 or 0-4 (default 0)")
    parser.add_argument("--sampler", default="grid", choices=sweep_plan.SAMPLERS,
                        help="grid: all settings; random: some of them; optuna: each chosen by the results before it, with the "
                             "package optuna (default grid)")
    parser.add_argument("--max-runs", type=int, metavar="N", help="train at most N runs")
    parser.add_argument("--max-minutes", type=float, metavar="M", help="begin no further run after M minutes")
    parser.add_argument("--objective", default="", choices=["", *sweep_plan.OBJECTIVES], metavar="NAME",
                        help=f"what settings are judged by: {' | '.join(sweep_plan.OBJECTIVES)} (default the first that "
                             "belongs to what trains)")
    parser.add_argument("--out", metavar="FILE", help="write one row a run as CSV")
    train.add(parser, rest, OWN)


def run(args: argparse.Namespace) -> flags.Output:
    """Make the sweep, follow it, and say what mattered."""
    title = args.title
    base = replace(RunConfig.from_json(train.requested(args)), title=title)
    made = runs.new_run(sweep.run_config_of(base, requested(args)), supervisor.taken())
    flags.say(args, f"Sweep {made.id} in {made.path}")
    return train.follow(made, args)


def requested(args: argparse.Namespace) -> SweepRequest:
    """What is varied, with which seeds and budget."""
    grid = {}
    for text in args.vary:
        name, equals, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        if not equals:
            raise ValueError(f"--vary is '{text[:60]}', but must be a hyper-parameter and its values, such as beta=0.25,1.")
        if name in grid:
            raise ValueError(f"--vary names {name} twice; give all of its values at once, such as {name}=...,...")
        grid[name] = sweep_plan.read_values(args.learner, name, values)
    return SweepRequest(grid, sweep_plan.read_seeds(args.seeds), args.sampler, args.max_runs, args.max_minutes, args.objective)


def summary(made: Run, args: argparse.Namespace, found: flags.Output) -> flags.Output:
    """What came out: a line a setting, what explains the differences, and which hyper-parameter mattered.

    Raises:
        ValueError: the sweep failed or was interrupted.
    """
    result, status = sweeps.result(made), made.status
    if getattr(args, "out", None):
        Path(args.out).write_bytes(csv_bytes(result.runs))
    flags.table(args, flags.records(result.settings))
    flags.say(args, f"{result.state} {status.message}".rstrip())
    if status.state not in ("finished", "stopped"):
        raise ValueError(f"The sweep ended as {status.state}. {status.message}".rstrip())
    flags.say(args, result.summary)
    return found | {"runs": flags.records(result.runs), "settings": flags.records(result.settings),
                    "shares": flags.records(result.shares), "summary": result.summary}
