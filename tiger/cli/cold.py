"""``python -m tiger cold RUN``: hold items out of all training, then recommend them."""

import argparse
from typing import Any

from tiger.cli import flags, study
from tiger.reports import cold as report


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run and the study's parameters."""
    study.add("cold", parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Carry the study out and print recall over K."""
    _, found = study.carry_out("cold", args)
    frame = report.cold_frame(found["rows"])
    if len(frame):
        study.show(args, report.over_k(frame)[["title", "k", "epsilon", "recall", "n_users"]])
        flags.say(args, f"\n{report.cold_words(frame)}")
    return found | {"words": report.cold_words(frame)}
