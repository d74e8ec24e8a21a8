"""``python -m tiger evaluate RUN``: how often a trained recommender finds the held-out item."""

import argparse

from tiger.analysis import evaluation
from tiger.cli import flags
from tiger.cli.recommenders import catalogue_of, pick_model, round_scores
from tiger.core import files
from tiger.core.words import counted
from tiger.models.generative import GenerativeRecommender
from tiger.reports import recommenders


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A model run, which items to look for, how many users, and how wide the beam is."""
    parser.add_argument("run", help="the model run's id, or 'last'", metavar="RUN")
    parser.add_argument("--split", default="test", choices=("valid", "test"), help="which held-out item (default test)")
    parser.add_argument("--users", type=flags.whole("users", 1), metavar="N",
                        help="number of users, sampled evenly (default: all)")
    parser.add_argument("--width", type=int, default=evaluation.WIDTH, metavar="W",
                        help=f"beam width of a generative model: from 10 to the number of items (default {evaluation.WIDTH})")
    flags.add_exclude_seen(parser)
    parser.add_argument("--gap", type=flags.whole("gap", 0), default=0, metavar="N",
                        help="number of users for whom beam search is compared with an exact search")


def run(args: argparse.Namespace) -> flags.Output:
    """Measure; all users at the usual width become the run's scores."""
    chosen = pick_model(args.run)
    cat, model = catalogue_of(chosen, args, histories=True), chosen.recommender()
    users = evaluation.sample_users(cat, args.users)
    scores = evaluation.measure(model, cat, args.split, users, args.width, exclude_seen=args.exclude_seen)
    if args.width == evaluation.WIDTH and len(users) == scores["n_users_all"] and not chosen.read_only:
        files.write_json(chosen.path / "metrics.json", chosen.metrics() | {args.split: scores})
    found: flags.Output = {"run": chosen.id, "split": args.split, **scores}
    if isinstance(model, GenerativeRecommender):
        some = evaluation.sample_users(cat, evaluation.FREE_USERS)
        found["invalid_rate"] = model.invalid_rate(cat, args.split, some, args.width)
        if args.gap:
            found["gap"] = evaluation.beam_gap(model, cat, args.split, evaluation.sample_users(cat, args.gap),
                                               args.width)
    flags.say(args, f"{chosen.title}: the {args.split} item of {scores['n_users']:,} of "
                    f"{counted(scores['n_users_all'], 'user')}, over all {counted(cat.n_items, 'item')}. "
                    + recommenders.seen_summary(scores["exclude_seen"], args.exclude_seen is not None))
    flags.table(args, [round_scores({key: value for key, value in found.items() if key not in ("run", "split", "gap")})])
    if "gap" in found:
        flags.say(args, evaluation.gap_summary(found["gap"]))
    return found
