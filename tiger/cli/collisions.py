"""``python -m tiger collisions RUN [--train] [--out FILE]``: why items share an ID, and what each remedy leaves."""

import argparse
from pathlib import Path

import pandas as pd

from tiger import datasets, runs
from tiger.cli import flags, train
from tiger.cli.study import coded
from tiger.core.tables import csv_bytes
from tiger.reports import collisions as reports
from tiger.reports import study_page
from tiger.reports.codes import Codes, codes_at, quantizer_of
from tiger.runs import supervisor

SHOWN = 10
COLUMNS = ("semantic_id", "items", "cause", "cosine", "level", "relative", "cost", "free", "titles")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, whether remedies are trained, and where the table goes."""
    parser.add_argument("run", metavar="RUN", help="a run with codes: an id, or 'last'")
    parser.add_argument("--train", action="store_true",
                        help="also train what needs a training, one run each: KoLeo, twice as many codes, one level more")
    parser.add_argument("--show", type=flags.whole("show", 0), default=SHOWN, metavar="N",
                        help=f"shared IDs to print (default {SHOWN})")
    parser.add_argument("--out", metavar="FILE", help="write every shared ID as CSV")


def run(args: argparse.Namespace) -> flags.Output:
    """Explain, measure, and with ``--train`` train the remedies that were not trained yet."""
    study_page.check_out(args.out)
    chosen = coded(args.run)
    cat = datasets.load_ref(chosen.config.dataset)
    codes = codes_at(chosen, cat)
    geometry, reason = reports.geometry_of(codes, quantizer_of(chosen))
    found = reports.explain(codes, geometry, reason)
    flags.say(args, found.summary)
    for line in found.unseen:
        flags.say(args, f"  not seen: {line}")
    outcomes = reports.at_once(codes, geometry)
    if len(found.groups):
        tell(args, found)
        outcomes += trained(args, chosen, codes)
        flags.say(args, "")
        flags.table(args, _blank(_rows(reports.outcomes_frame(outcomes))))
        flags.say(args, f"\n{reports.outcomes_summary(outcomes)}")
    if args.out:
        Path(args.out).write_bytes(csv_bytes(found.frame))
        flags.say(args, f"Table: {args.out}")
    return {"id": chosen.id, "summary": found.summary, "unseen": list(found.unseen), "groups": _rows(found.frame),
            "causes": _rows(found.causes), "remedies": _rows(reports.outcomes_frame(outcomes))}


def tell(args: argparse.Namespace, found: reports.Explained) -> None:
    """The causes, and the fullest of the shared IDs."""
    flags.say(args, "")
    flags.table(args, _rows(found.causes))
    shown = found.frame[[name for name in COLUMNS if name in found.frame]].head(max(args.show, 0))
    flags.say(args, "")
    flags.table(args, _blank(_rows(shown)))
    if len(shown) < len(found.frame):
        flags.say(args, f"… {len(found.frame) - len(shown):,} more; --out FILE writes all of them.")


def trained(args: argparse.Namespace, chosen: runs.Run, codes: Codes) -> list[reports.Outcome]:
    """What the remedies that need a training leave; with ``--train``, those that are missing are trained first."""
    if args.train:
        for one in list(reports.trained(chosen, codes.cat)):
            if one.run is None and one.config is not None:
                flags.say(args, f"\n{one.title}: {one.why}")
                train.watch(runs.new_run(one.config, supervisor.taken()), args)
    found = list(reports.trained(chosen, codes.cat))
    if any(one.run is None for one in found):
        flags.say(args, f"\nTrain the others as well: python -m tiger collisions {chosen.id} --train")
    elif args.train and not found:
        flags.say(args, "\nThese IDs have no quantizer here, so nothing can be trained.")
    return found


def _rows(frame: pd.DataFrame) -> list[flags.Output]:
    """A frame's rows; None where a cell is empty."""
    return flags.records(frame.astype(object).where(frame.notna(), None))


def _blank(rows: list[flags.Output]) -> list[flags.Output]:
    """The same for people: nothing where a cell is empty."""
    return [{name: "" if value is None else value for name, value in row.items()} for row in rows]
