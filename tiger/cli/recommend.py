"""``python -m tiger recommend RUN``: what a trained recommender shows to a user or for a history."""

import argparse

from tiger.analysis import evaluation
from tiger.cli import flags
from tiger.cli.recommenders import catalogue_of, history_of, pick_model
from tiger.reports import recommenders


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A model run, and whose history it reads."""
    parser.add_argument("run", help="the model run's id, or 'last'", metavar="RUN")
    parser.add_argument("--user", type=int, metavar="N",
                        help="a user of the dataset; the last item is held out if the history has at least 3")
    parser.add_argument("--history", metavar="ITEMS", help="item numbers, oldest first: 3,17,5")
    parser.add_argument("--k", type=int, default=10, metavar="K", help="number of recommendations (default 10)")
    parser.add_argument("--width", type=int, metavar="W",
                        help=f"beam width of a generative model (default {evaluation.WIDTH}, or the number of IDs if that is "
                             "smaller)")
    flags.add_exclude_seen(parser)


def run(args: argparse.Namespace) -> flags.Output:
    """Print the history and the recommendations; the held-out item is marked."""
    chosen = pick_model(args.run)
    cat, model = catalogue_of(chosen, args), chosen.recommender()
    if not 1 <= args.k <= cat.n_items:
        raise ValueError(f"k is {args.k}, but must be between 1 and the catalogue's {cat.n_items:,} items.")
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
