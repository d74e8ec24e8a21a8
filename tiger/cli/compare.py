"""``python -m tiger compare``: every measured recommender of a dataset, models x IDs; each dataset by itself."""

import argparse

from tiger import runs
from tiger.cli import flags
from tiger.cli.recommenders import pick_model
from tiger.datasets import registry
from tiger.reports import published, recommenders


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """The runs to compare, or the dataset whose runs are compared."""
    parser.add_argument("runs", nargs="*", help="model runs (default: all of the dataset)", metavar="RUN")
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="which held-out item (default test)")
    parser.add_argument("--reported", action="store_true", help="add what papers report for Amazon Beauty")
    flags.add_dataset(parser, rest)


def run(args: argparse.Namespace) -> list[flags.Output]:
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
