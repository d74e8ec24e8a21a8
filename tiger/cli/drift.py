"""``python -m tiger drift RUN``: what happens to a run's IDs when the vectors change, and what each remedy costs."""

import argparse
from pathlib import Path
from typing import Any

from tiger.cli import flags, study
from tiger.core import files
from tiger.reports import drift as report
from tiger.reports import study_page

SHOWN = ["Strength", "Period", "No.", "Remedy", "IDs changed", "Variance lost", "Items that share codes", "Share of tokens",
         "Processor seconds", "Recall@10, new IDs", "… after some steps"]


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, the study's parameters, and where the report goes."""
    study.add("drift", parser)
    parser.add_argument("--out", metavar="FILE", help="write the report as one HTML file that needs no network")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Compare the remedies and say which one wins where."""
    if args.out and not Path(args.out).absolute().parent.is_dir():
        raise ValueError(f"The folder of '{args.out}' does not exist; make it first.")
    made, found = study.carry_out("drift", args)
    frame = report.drift_frame(found["rows"])
    if len(frame):
        table = report.drift_table(frame)
        study.show(args, table[[column for column in SHOWN if column in table]])
        flags.say(args, f"\n{report.winner_summary(frame)}")
    if args.out and len(frame):
        files.write(Path(args.out), study_page.drift_page(made))
        flags.say(args, f"Report: {args.out}")
    return found | {"words": report.winner_summary(frame)}
