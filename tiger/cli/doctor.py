"""``python -m tiger doctor RUN|FILE``: the disease, its evidence and what helps."""

import argparse
from pathlib import Path
from typing import Any

from tiger import datasets, reports, runs
from tiger.analysis.doctor import Diagnosis
from tiger.cli import flags
from tiger.cli.runs import pick
from tiger.runs import config as run_config
from tiger.semantic_ids import import_ids


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, or a file of semantic IDs and the dataset that they belong to."""
    parser.add_argument("patient", metavar="RUN|FILE",
                        help="a run's id, 'last', or a file of IDs (index.json, npy, safetensors, csv, parquet)")
    flags.add_dataset(parser, rest, default=None)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Examine and report."""
    if Path(args.patient).suffix:
        cat = datasets.load_ref(flags.dataset_ref(args)) if args.dataset else None
        ids = import_ids(Path(args.patient), cat).ids
        found, values = reports.examine(ids.codes_IL, ids.n_codes[:ids.n_levels], cat), None
    else:
        chosen = pick(args.patient)
        found = reports.diagnose(chosen, datasets.load_ref(chosen.config.dataset))
        values = chosen if chosen.config.kind == "quantizer" else None
    tell(args, found, values)
    return {"disease": found.disease, "title": found.title, "severity": found.severity, "evidence": found.evidence,
            "also": found.also, "explanation": found.explanation,
            "remedies": [{"title": remedy.title, "why": remedy.why, "changes": remedy.changes}
                         for remedy in found.remedies]}


def tell(args: argparse.Namespace, found: Diagnosis, chosen: runs.Run | None) -> None:
    """The diagnosis for people; each remedy as the flags that make it."""
    flags.say(args, f"{found.title} ({found.severity})\n\n{found.explanation}\n")
    for sentence in found.evidence:
        flags.say(args, f"  - {sentence}")
    if found.also:
        flags.say(args, f"\nAlso: {', '.join(found.also)}.")
    for remedy in found.remedies:
        words = " ".join(run_config.flags(remedy.changes))
        flags.say(args, f"\n{remedy.title}: {remedy.why}\n  {words}")
    if found.remedies and chosen is not None:
        flags.say(args, f"\nAdd the flags to: {runs.command(chosen)}")
