"""What the commands drift, cold and diversity share: the flags, the run, and its rows when it has ended."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd

from tiger import runs
from tiger.cli import flags, train
from tiger.runs import config as run_config
from tiger.runs import study_artifacts
from tiger.runs.records import Status
from tiger.runs.run import Run
from tiger.studies import drift


def add(kind: str, parser: argparse.ArgumentParser) -> None:
    """A run, a recommender, a title, and the study's own parameters."""
    parser.add_argument("run", metavar="RUN", help="the run whose codes it is about: an id, or 'last'")
    parser.add_argument("--model", metavar="RUN", help="the model run that writes these codes; without one a small "
                                                       "recommender is trained")
    parser.add_argument("--title", default="", help="name for people")
    flags.add_specs(parser, run_config.study_class(kind), f"{kind} study")


def coded(name: str) -> Run:
    """A run with codes by id, or the newest own one for "last"."""
    if name != "last":
        return runs.find(name)
    own = [run for run in runs.list_runs() if run.config.kind in run_config.CODED and not run.read_only]
    if not own:
        raise ValueError("There is no run of your own yet; train one with python -m tiger train, or name demo-rqvae.")
    return own[0]


def with_whole_paths(given: dict[str, Any]) -> dict[str, Any]:
    """The parameters, with every file found from where the command was given: the worker stands in another folder.

    Raises:
        ValueError: a file that does not exist.
    """
    found = dict(given)
    for name in ("path", "ids"):
        files = [Path(file).expanduser().absolute() for file in drift.version_files(given.get(name) or "")]
        for file in files:
            if not file.is_file():
                raise ValueError(f"--{name} names '{file}', which is no file; check the path, or give the whole one.")
        if files:
            found[name] = ", ".join(map(str, files))
    return found


def carry_out(kind: str, args: argparse.Namespace) -> tuple[Run, dict[str, Any]]:
    """Make the study, follow it to its end, and return it with what ``--json`` prints."""
    parent = coded(args.run)
    given = with_whole_paths(flags.given_specs(args, run_config.study_class(kind)))
    made = runs.new_run(study_artifacts.request(kind, parent.config.dataset, parent.id, given, args.model, args.title),
                        Status(**train.at_once()))
    flags.say(args, f"Study {made.id} in {made.path}")
    found = train.follow(made, args)
    return made, found | {"rows": study_artifacts.rows(made)}


def show(args: argparse.Namespace, table: pd.DataFrame) -> None:
    """Print a table for people."""
    flags.table(args, [{str(key): value for key, value in row.items()} for row in table.to_dict("records")])
