"""``python -m tiger recommend RUN``: what a trained recommender shows to a user, for a history, or to everybody."""

import argparse
from pathlib import Path

from tiger.analysis import evaluation
from tiger.cli import flags
from tiger.cli.bulk import add_engine, engine_of, follow
from tiger.cli.recommenders import catalogue_of, history_of, pick_model
from tiger.core.words import counted
from tiger.models import Recommender
from tiger.reports import recommenders
from tiger.runs import Run
from tiger.runs.bulk import recommend as bulk

USUAL_K = 10


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A model run, and whose history it reads."""
    parser.add_argument("run", help="the model run's id, or 'last'", metavar="RUN")
    parser.add_argument("--user", type=int, metavar="N",
                        help="a user of the dataset; the last item is held out if the history has at least 3")
    parser.add_argument("--history", metavar="ITEMS", help="item numbers, oldest first: 3,17,5")
    parser.add_argument("--k", type=int, metavar="K",
                        help=f"number of recommendations (default {USUAL_K}, or the number of items if that is smaller)")
    parser.add_argument("--width", type=int, metavar="W",
                        help=f"beam width of a generative model (default {evaluation.WIDTH}, or the number of IDs if that is "
                             "smaller)")
    flags.add_exclude_seen(parser)
    everybody = parser.add_argument_group("all users")
    everybody.add_argument("--all-users", action="store_true", help="recommend to every user, after all of their history")
    everybody.add_argument("--output", metavar="FOLDER", help="with --all-users: shards of lists as .parquet, and manifest.json; "
                                                              "a call that was broken off goes on there")
    add_engine(everybody, "users", bulk.SHARD_SIZE)


def run(args: argparse.Namespace) -> flags.Output:
    """Print the history and the recommendations; the held-out item is marked. For all users, write them."""
    chosen = pick_model(args.run)
    if bool(args.output) != args.all_users or (args.all_users and (args.user is not None or args.history)):
        raise ValueError("--all-users and --output FOLDER go together, without --user and --history.")
    cat, model = catalogue_of(chosen, args), chosen.recommender()
    if args.k is None:
        args.k = min(USUAL_K, cat.n_items)
    if not 1 <= args.k <= cat.n_items:
        raise ValueError(f"k is {args.k}, but must be between 1 and the catalogue's {counted(cat.n_items, 'item')}.")
    if args.all_users:
        return recommend_to_all(chosen, model, args)
    history, held_out = history_of(cat, args.user, args.history)
    width = recommenders.fitting_width(model, evaluation.WIDTH) if args.width is None else args.width
    excludes = model.excludes_seen(args.exclude_seen, cat)
    found = model.recommend(history, args.k, width, user=args.user, exclude_seen=excludes)
    table = recommenders.recommended_frame(found["item"], found["score"], cat.items["title"].tolist(), held_out)
    if args.user is not None and held_out is None:
        flags.say(args, f"User {args.user} has fewer than {recommenders.FEWEST} items, so none was held out of training.")
    flags.say(args, "History: " + "; ".join(str(cat.items["title"].iloc[item]) for item in history[-5:]))
    flags.say(args, recommenders.seen_summary(excludes, args.exclude_seen is not None))
    rows = table.to_dict("records")
    flags.table(args, [{"rank": row["rank"], "item": row["item"], "score": row["score"], "title": row["title"],
                        "": "<- held-out item" if row["held_out"] else ""} for row in rows])
    return {"run": chosen.id, "history": history.tolist(), "held_out": held_out, "exclude_seen": excludes, "recommended": rows}


def recommend_to_all(chosen: Run, model: Recommender, args: argparse.Namespace) -> flags.Output:
    """Write the lists of every user, shard by shard."""
    width = recommenders.fitting_width(model, evaluation.WIDTH) if args.width is None else args.width
    with engine_of(args) as engine:
        n_users = follow(bulk.recommend(chosen, Path(args.output), engine, k=args.k, width=width, exclude_seen=args.exclude_seen,
                                        shard_size=args.shard_size), args.json)
    flags.say(args, f"The best {counted(args.k, 'item')} of {counted(n_users, 'user')}, written to {args.output}.")
    return {"run": chosen.id, "output": args.output, "users": n_users, "k": args.k, "width": width}
