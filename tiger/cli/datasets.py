"""``python -m tiger datasets``: what can be loaded, what is in it, and MovieLens from GroupLens's server."""

import argparse
from typing import Any

from tqdm import tqdm

from tiger import datasets
from tiger.analysis import doctor
from tiger.cli import flags
from tiger.datasets.sources import grouplens
from tiger.reports.doctor import vector_rows
from tiger.reports.shop import report_rows
from tiger.runs import config as run_config

ACTIONS = ("list", "report", "download")


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """An action, a name, and the flags of the dataset with that name."""
    parser.add_argument("action", nargs="?", default="list", choices=ACTIONS, metavar="ACTION",
                        help=f"{' | '.join(ACTIONS)} (default list)")
    parser.add_argument("name", nargs="?", metavar="NAME",
                        help=f"report: {' | '.join(datasets.REGISTRY)}; download: {' | '.join(grouplens.ARCHIVES)}")
    parser.add_argument("--yes", action="store_true", help="download: I have read the licence and accept it")
    words = [word for word in rest if not word.startswith("-")]
    if words[:1] == ["report"] and len(words) > 1 and words[1] in datasets.REGISTRY:
        flags.add_specs(parser, datasets.REGISTRY[words[1]], f"dataset {words[1]}", "data_")
        flags.add_embedding(parser, rest)


def run(args: argparse.Namespace) -> Any:
    """Do what was asked."""
    if args.action == "list":
        return list_all(args)
    return report(args) if args.action == "report" else download(args)


def list_all(args: argparse.Namespace) -> list[flags.Output]:
    """Every source with its hyper-parameters."""
    found = [{"name": source["name"], "title": source["title"], "summary": source["summary"],
              "flags": [flags.flag(spec.name, "data-") for spec in source["specs"]]}
             for source in datasets.describe_sources()]
    flags.table(args, [{"name": source["name"], "what": source["summary"], "flags": " ".join(source["flags"])}
                       for source in found])
    return found


def report(args: argparse.Namespace) -> flags.Output:
    """Load a dataset and print its data report."""
    args.dataset = args.name or "synthetic"
    if args.dataset not in datasets.REGISTRY:
        raise ValueError(f"'{args.dataset}' is not a dataset; choose from {', '.join(datasets.REGISTRY)}.")
    ref = flags.dataset_ref(args)
    cat = datasets.load_ref(ref)
    flags.say(args, cat.name)
    columns = ("what", "value", "meaning")
    signs = doctor.measure(cat.embedding_IE)
    flags.table(args, [dict(zip(columns, row, strict=True)) for row in [*report_rows(cat), *vector_rows(signs)]])
    return {"name": cat.name, "ref": ref, "embedding_shape": list(cat.embedding_IE.shape), **cat.report,
            **findings(args, doctor.look_at(signs))}


def findings(args: argparse.Namespace, found: doctor.VectorReport) -> flags.Output:
    """What will go wrong with the embeddings, and the flags that prevent it."""
    for finding in found.findings:
        flags.say(args, f"{finding.title} ({finding.severity}): {finding.sentence}")
    if found.fix is not None:
        flags.say(args, f"{found.fix.title}: python -m tiger train rqvae {' '.join(run_config.flags(found.fix.changes))}")
    return {"findings": [{"key": finding.key, "severity": finding.severity, "sentence": finding.sentence}
                         for finding in found.findings], "fix": found.fix.changes if found.fix else None}


def download(args: argparse.Namespace) -> flags.Output:
    """Fetch an archive, after the licence was shown and accepted."""
    if args.name == "movielens":
        args.name = "ml-latest-small"
    if args.name not in grouplens.ARCHIVES:
        raise ValueError(f"'{args.name}' cannot be downloaded; choose from {', '.join(grouplens.ARCHIVES)}.")
    archive = grouplens.ARCHIVES[args.name]
    flags.say(args, f"{archive.url} ({archive.n_bytes / 1e6:.1f} MB)\n\n{archive.licence}\n")
    if not args.yes:
        raise ValueError("Nothing was downloaded; repeat the command with --yes if you accept the licence.")
    with tqdm(total=archive.n_bytes, unit="B", unit_scale=True, disable=args.json) as bar:
        path = grouplens.download(args.name, lambda done, _: bar.update(done - bar.n) and None)
    flags.say(args, f"Checked and kept as {path}; load it with "
                    f"python -m tiger datasets report movielens --data-variant {args.name}")
    return {"name": args.name, "path": str(path), "sha256": archive.sha256}
