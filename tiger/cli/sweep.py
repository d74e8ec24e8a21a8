"""``python -m tiger sweep NAME --vary learning_rate=0.001,0.003 --seeds 0,1,2``: the sweep that the Runs page would start."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

from tiger import runs
from tiger.cli import flags, train
from tiger.core.tables import csv_bytes
from tiger.reports import sweeps
from tiger.runs import sweep
from tiger.runs.records import RunConfig, SweepRequest
from tiger.runs.run import Run
from tiger.runs.supervisor import taken

OWN = ("--vary", "--seeds", "--sampler", "--max-runs", "--max-minutes", "--objective", "--out")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """What trains, what is varied, the budget; then the flags of ``train`` for everything that all runs share."""
    parser.add_argument("--vary", action="append", default=[], metavar="NAME=V1,V2", required=True,
                        help="a hyper-parameter and its values; give it again for each further one. Values that are lists stand "
                             "between blanks: --vary \"n_codes=64 128,64,32\"")
    parser.add_argument("--seeds", default="0", metavar="S1,S2", help="train every setting with each of these seeds (default 0)")
    parser.add_argument("--sampler", default="grid", choices=sweep.SAMPLERS,
                        help="grid: all settings; random: some of them; optuna: each after what is known by then (default grid)")
    parser.add_argument("--max-runs", type=int, metavar="N", help="train at most N runs")
    parser.add_argument("--max-minutes", type=float, metavar="M", help="begin no further run after M minutes")
    parser.add_argument("--objective", default="", choices=["", *sweep.OBJECTIVES], metavar="NAME",
                        help=f"what settings are judged by: {' | '.join(sweep.OBJECTIVES)}")
    parser.add_argument("--out", metavar="FILE", help="write one row a run as CSV")
    train.add(parser, _without_own(rest))


def _without_own(rest: list[str]) -> list[str]:
    """The words that ``train`` knows, too: it looks among them for what trains."""
    found, skip = [], False
    for word in rest:
        own = word.split("=")[0] in OWN
        if not own and not skip:
            found.append(word)
        skip = own and "=" not in word
    return found


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make the sweep, follow it, and say what mattered."""
    title = args.title
    config = replace(RunConfig.from_json(train.asked(args)), title=title)
    request = asked(args)
    made = runs.new_run(sweep.request(config, request), taken())
    flags.say(args, f"Sweep {made.id} in {made.path}")
    return train.follow(made, args)


def summary(made: Run, args: argparse.Namespace, found: dict[str, Any]) -> dict[str, Any]:
    """What came out: a line a setting, and which hyper-parameter mattered."""
    result = sweeps.result(made)
    if getattr(args, "out", None):
        Path(args.out).write_bytes(csv_bytes(result.runs))
    flags.table(args, [{str(name): value for name, value in row.items()} for row in result.settings.to_dict("records")])
    flags.say(args, f"{result.state}\n{result.summary}")
    return found | {"runs": [{str(name): value for name, value in row.items()} for row in result.runs.to_dict("records")],
                    "words": result.summary}


def asked(args: argparse.Namespace) -> SweepRequest:
    """What is varied, with which seeds and budget."""
    grid = {}
    for text in args.vary:
        name, _, values = text.partition("=")
        name = name.strip().removeprefix("--").replace("-", "_")
        grid[name] = sweep.read_values(args.learner, name, values)
    return SweepRequest(grid, sweep.read_seeds(args.seeds), args.sampler, args.max_runs, args.max_minutes, args.objective)
