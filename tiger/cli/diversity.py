"""``python -m tiger diversity RUN``: temperature against recall and the entropy of categories."""

import argparse
from typing import Any

from tiger.cli import flags, study
from tiger.reports import diversity as report


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run and the study's parameters."""
    study.add("diversity", parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Carry the study out and print recall and entropy at every temperature."""
    _, found = study.carry_out("diversity", args)
    frame = report.diversity_frame(found["rows"])
    if len(frame):
        study.show(args, frame.drop(columns=["heat", "level"]))
        flags.say(args, f"\n{report.diversity_words(frame)}")
    return found | {"words": report.diversity_words(frame)}
