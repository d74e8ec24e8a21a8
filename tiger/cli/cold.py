"""``python -m tiger cold RUN``: hold items out of all training, then recommend them."""

import argparse
from typing import Any

from tiger.cli import flags, study
from tiger.reports import cold as report
from tiger.reports import study_page


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, the study's parameters, and where the report goes."""
    study.add("cold", parser)
    parser.add_argument("--out", metavar="FILE", help="write the report as one HTML file that needs no network")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Carry the study out and print recall over K."""
    study_page.check_out(args.out)
    made, found = study.carry_out("cold", args)
    frame = report.cold_frame(found["rows"])
    if len(frame):
        study.show(args, report.cold_table(report.over_k(frame)))
        flags.say(args, f"\n{report.cold_summary(frame)}")
    if args.out and len(frame):
        study_page.write(made, args.out)
        flags.say(args, f"Report: {args.out}")
    return found | {"words": report.cold_summary(frame)}
