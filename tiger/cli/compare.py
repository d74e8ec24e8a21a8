"""``python -m tiger compare``: two ID sets of one catalogue, or every measured recommender of a dataset."""

import argparse
from pathlib import Path

from tiger import datasets, runs
from tiger.cli import flags
from tiger.cli.recommenders import pick_model
from tiger.core import files
from tiger.core.tables import csv_bytes
from tiger.core.words import counted
from tiger.datasets import registry
from tiger.reports import published, recommenders, study_page
from tiger.runs import config as run_config


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """Two ID sets; or the model runs to compare, or the dataset whose model runs are compared."""
    parser.add_argument("runs", nargs="*", metavar="RUN|FILE",
                        help="two runs with IDs, or a run and a file of IDs (index.json, npy, safetensors, csv, parquet): a "
                             "second opinion on both; or model runs (default: all of the dataset)")
    ids = parser.add_argument_group("two ID sets")
    ids.add_argument("--out", metavar="FILE", help="write the second opinion as one HTML file that needs no network")
    ids.add_argument("--csv", metavar="FILE", help="write every number as CSV")
    ids.add_argument("--rounds", type=flags.whole("rounds", 1), metavar="N",
                     help="rounds of the bootstrap over items (default 2000)")
    ids.add_argument("--seed", type=flags.whole("seed", 0), default=0, metavar="N", help="its seed (default 0)")
    models = parser.add_argument_group("recommenders")
    models.add_argument("--split", default="test", choices=("valid", "test"), help="which held-out item (default test)")
    models.add_argument("--reported", action="store_true", help="add what papers report for Amazon Beauty")
    flags.add_dataset(parser, rest)


def run(args: argparse.Namespace) -> flags.Output | list[flags.Output]:
    """A second opinion where ID sets are named, else the table of recommenders."""
    coded = [name for name in args.runs if _is_ids(name)]
    if not coded:
        if args.out or args.csv:
            raise ValueError("--out and --csv are for two ID sets; name two runs with IDs, or a run and a file.")
        return compare_models(args)
    if len(args.runs) != 2 or len(coded) != 2:
        raise ValueError(f"A second opinion takes two ID sets, but {counted(len(args.runs), 'name is', 'names are')} given, "
                         f"{len(coded)} of them ID sets: {' '.join(args.runs)[:200]}. Recommenders and ID sets are compared "
                         "apart.")
    return compare_ids(args)


def _is_ids(name: str) -> bool:
    """Whether a name stands for semantic IDs: a file, or a run with codes."""
    if Path(name).suffix:
        return True
    return name != "last" and runs.find(name).config.kind in run_config.CODED


def compare_ids(args: argparse.Namespace) -> flags.Output:
    """Say which of two ID sets is better in what, and write the report."""
    from tiger.reports import opinion
    study_page.check_out(args.out)
    study_page.check_out(args.csv)
    found_runs = [None if Path(name).suffix else runs.find(name) for name in args.runs]
    given = next((one.config.dataset for one in found_runs if one is not None), None) or flags.dataset_ref(args)
    sides = []
    for name, one in zip(args.runs, found_runs, strict=True):
        cat = datasets.load_ref(given if one is None else one.config.dataset)
        sides.append(opinion.side_of_file(Path(name), cat) if one is None else opinion.side_of(one, cat))
    a, b = sides
    found = opinion.second_opinion(a, b, opinion.ROUNDS if args.rounds is None else args.rounds, args.seed)
    flags.say(args, f"A: {found.a.title}\nB: {found.b.title}\n\n{found.verdict}\n")
    flags.table(args, flags.records(opinion.measures_table(found)))
    flags.say(args, f"\n{found.changes}\n")
    flags.table(args, flags.records(opinion.churn_table(found)))
    flags.say(args, "\n" + "\n".join(found.notes))
    if args.csv:
        Path(args.csv).write_bytes(csv_bytes(found.frame))
        flags.say(args, f"Table: {args.csv}")
    if args.out:
        files.write(Path(args.out), opinion.report(found))
        flags.say(args, f"Report: {args.out}")
    return {"a": found.a.name, "b": found.b.name, "items": found.opinion.n_items, "verdict": found.verdict,
            "changes": found.changes, "measures": flags.records(found.frame), "churn": flags.records(found.churn),
            "rounds": found.opinion.rounds, "seed": found.opinion.seed, "notes": list(found.notes)}


def compare_models(args: argparse.Namespace) -> list[flags.Output]:
    """Print the table; runs that differ by their seeds only are one row, and each dataset has its own ranking."""
    chosen = [pick_model(run_id) for run_id in args.runs] or here(args)
    table = recommenders.table_frame(recommenders.scores_frame(chosen, args.split))
    if table.empty:
        raise ValueError("There is no evaluated recommender to compare; train one with python -m tiger train "
                         "rq_transformer --ids RUN, or evaluate one with python -m tiger evaluate RUN.")
    rows: list[flags.Output] = table.to_dict("records")
    several = table["dataset"].nunique() > 1
    columns = ["model", "ids", *recommenders.NAMES, "recall@10 low", "recall@10 high", "seen", "seeds", "n_users"]
    if several:
        columns = ["dataset", *columns]
    if args.reported:
        rows += published.reported_frame().to_dict("records")
    flags.table(args, [{name: row.get(name, "") for name in columns} for row in rows])
    for dataset, part in table.groupby("dataset", sort=False):
        flags.say(args, (f"{dataset}: " if several else "") + recommenders.table_summary(part))
    flags.say(args, "Low and high: 95 % interval. Seen: what became of items of the history. "
              + (f"{published.SETTINGS} {published.beyond_summary(table['beyond'])}" if args.reported else ""))
    return rows


def here(args: argparse.Namespace) -> list[runs.Run]:
    """Every model run of the dataset that the flags describe."""
    wanted = registry.key(flags.dataset_ref(args))
    return [found for found in runs.list_runs() if found.config.kind == "model"
            and registry.key(found.config.dataset) == wanted]
