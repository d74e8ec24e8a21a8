"""``python -m tiger diversity RUN``: temperature against recall and the entropy of categories."""

import argparse
from typing import Any

from tiger.cli import flags, study
from tiger.reports import diversity as report
from tiger.reports import study_page


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, the study's parameters, and where the report goes."""
    study.add("diversity", parser)
    parser.add_argument("--out", metavar="FILE", help="write the report as one HTML file that needs no network")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Carry the study out and print recall and entropy at every temperature."""
    study_page.check_out(args.out)
    made, found = study.carry_out("diversity", args)
    frame = report.diversity_frame(found["rows"])
    if len(frame):
        study.show(args, report.diversity_table(frame))
        flags.say(args, f"\n{report.diversity_summary(frame)}")
    if args.out and len(frame):
        study_page.write(made, args.out)
        flags.say(args, f"Report: {args.out}")
    return found | {"words": report.diversity_summary(frame)}
