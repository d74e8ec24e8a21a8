"""``python -m tiger external``: look into what was trained elsewhere: a checkpoint's codebooks, and logs of its losses."""

import argparse
from pathlib import Path
from typing import Any

from tiger import datasets, reports
from tiger.analysis.doctor import libraries
from tiger.cli import flags
from tiger.cli.doctor import record, tell
from tiger.cli.runs import pick
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.datasets.reference import DatasetRef
from tiger.recording import checkpoint, curves

ACTIONS = ("read", "curves")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """An action: make a run of codebooks and vectors, or add curves to one."""
    parser.add_argument("action", choices=ACTIONS, metavar="ACTION",
                        help="read: codebooks and vectors become a run; curves: logs of losses join a run")
    parser.add_argument("source", metavar="CODEBOOKS|RUN",
                        help="read: an .npy, .npz or .safetensors file with codebooks; curves: the run")
    parser.add_argument("logs", nargs="?", metavar="LOGS", help="curves: a TensorBoard file or folder, or a table of losses")
    parser.add_argument("--vectors", metavar="FILE",
                        help="read: what the codebooks quantise, .npy or .safetensors, one row an item")
    parser.add_argument("--ids", default="", metavar="FILE", help="read: the item id of each row (.txt, .json, .csv, .parquet)")
    parser.add_argument("--tensors", type=lambda text: text.split(","), default=[], metavar="NAME[,...]",
                        help="read: the tensors that are codebooks, the first level first")
    parser.add_argument("--distance", choices=checkpoint.DISTANCES, default="squared", metavar="HOW",
                        help=f"read: how the nearest code is chosen, {' | '.join(checkpoint.DISTANCES)} (default %(default)s)")
    parser.add_argument("--library", choices=list(libraries.LIBRARIES), default="", metavar="NAME",
                        help=f"read: what trained it, {' | '.join(filter(None, libraries.LIBRARIES))}; remedies are then said "
                             "in its words")
    parser.add_argument("--losses", metavar="LOGS", help="read: a TensorBoard file or folder, or a table of losses")
    parser.add_argument("--title", default="", help="read: title of the run")
    flags.add_dataset(parser, rest, default=None)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Do what was asked."""
    return read(args) if args.action == "read" else join(args)


def read(args: argparse.Namespace) -> dict[str, Any]:
    """Compute the codes of vectors from codebooks, keep them as a run, and examine it."""
    if not args.vectors:
        raise ValueError("Name the vectors that the codebooks quantise: --vectors FILE, one row an item.")
    books = checkpoint.read_codebooks(args.source, args.tensors)
    logged = curves.read_curves(args.losses) if args.losses else []
    cat = datasets.load_ref(reference(args))
    registry.add(cat.source, args.title or Path(args.vectors).stem)
    made = checkpoint.keep(books, cat, args.distance, args.title or Path(args.source).stem, args.library, logged)
    found = reports.diagnose(made, cat)
    sizes = reports.sizes_summary([len(book) for book in books])
    flags.say(args, f"Kept as run {made.id}: {counted(len(books), 'level')} of {sizes} codes, {counted(cat.n_items, 'item')}.\n")
    tell(args, found, None)
    return {"run": made.id, **record(found)}


def reference(args: argparse.Namespace) -> DatasetRef:
    """The dataset: the vectors alone, or as the embedding of a dataset that is named."""
    vectors = str(Path(args.vectors).expanduser().absolute())
    ids = str(Path(args.ids).expanduser().absolute()) if args.ids else ""
    if not args.dataset:
        return registry.vectors_alone(vectors, ids)
    given = {"method": "given", "path": vectors, **({"ids": ids} if ids else {})}
    return {**flags.dataset_ref(args), "embedding": given}


def join(args: argparse.Namespace) -> dict[str, Any]:
    """Add logged curves to a recorded run."""
    if not args.logs:
        raise ValueError("Name the logs: python -m tiger external curves RUN LOGS, a TensorBoard file or folder, or a table.")
    chosen = pick(args.source)
    logged = curves.read_curves(args.logs)
    n_curves = curves.join(chosen, logged)
    flags.say(args, f"{n_curves} curve{'s' * (n_curves != 1)} of {counted(len(logged), 'step')} joined run {chosen.id}.")
    return {"run": chosen.id, "curves": n_curves, "steps": len(logged)}
