"""``python -m tiger doctor RUN|FILE [--treat]``: what is wrong with codes, the evidence, what helps, and whether it did."""

import argparse
from pathlib import Path

from tiger import datasets, reports, runs
from tiger.analysis.doctor import Diagnosis, Remedy, Treatment
from tiger.cli import flags, train
from tiger.cli.runs import pick
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.reports.doctor import Examined
from tiger.runs import config as run_config
from tiger.runs import supervisor
from tiger.runs.records import RunConfig
from tiger.semantic_ids import COLLISION_TOKEN, import_ids

MAX_REMEDIES = 3


def add(parser: argparse.ArgumentParser, rest: list[str]) -> None:
    """A run, or a file of semantic IDs and the dataset that they belong to."""
    parser.add_argument("examined", metavar="RUN|FILE",
                        help="a run's id, 'last', or a file of IDs (index.json, npy, safetensors, csv, parquet)")
    parser.add_argument("--n-codes", type=_sizes, metavar="K[,...]",
                        help="of a file: codes per level, where the file does not say; one number, or one for each level")
    parser.add_argument("--collision-token", choices=COLLISION_TOKEN, default="auto", metavar="HOW",
                        help="of a file: whether the last code only tells items apart that share all others, "
                             f"{' | '.join(COLLISION_TOKEN)} (default %(default)s)")
    parser.add_argument("--treat", action="store_true",
                        help="of a run: train the remedies, one run each, until the codes are healthy or none is left")
    parser.add_argument("--max-remedies", type=int, default=MAX_REMEDIES, metavar="N",
                        help=f"with --treat: remedies to try at most (default {MAX_REMEDIES})")
    flags.add_dataset(parser, rest, default=None)


def _sizes(text: str) -> int | list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if not sizes or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"'{text}' must be whole numbers of at least 1, such as 256 or 256,256,64")
    return sizes if len(sizes) > 1 else sizes[0]


def run(args: argparse.Namespace) -> flags.Output:
    """Examine and report; with ``--treat`` train remedies and report on each."""
    if Path(args.examined).suffix:
        return examine_file(args)
    if args.n_codes is not None:
        raise ValueError("--n-codes is for files; a run says itself how many codes a level has.")
    chosen = pick(args.examined)
    cat = datasets.load_ref(chosen.config.dataset)
    if args.treat:
        return treat(args, chosen, cat)
    found = reports.diagnose(chosen, cat)
    tell(args, found, chosen if chosen.config.kind == "quantizer" else None)
    return record(found)


def examine_file(args: argparse.Namespace) -> flags.Output:
    """Examine a file of semantic IDs."""
    if args.treat:
        raise ValueError("--treat trains runs, and a file of IDs has no quantizer to train; name a run.")
    cat = datasets.load_ref(flags.dataset_ref(args)) if args.dataset else None
    imported = import_ids(Path(args.examined), cat, n_codes=args.n_codes, collision_token=args.collision_token)
    ids = imported.ids
    for line in [*imported.report.notes, *imported.report.assumed.sentences()]:
        flags.say(args, flags.worded(line))
    found = reports.examine(ids.codes_IL, ids.n_codes[:ids.n_levels], None if cat is None else cat.embedding_IE,
                            sizes_guessed=imported.report.guessed)
    tell(args, found, None)
    return record(found)


def treat(args: argparse.Namespace, chosen: runs.Run, cat: Catalogue) -> flags.Output:
    """Train one remedy after another and say what each came to."""
    if args.max_remedies < 1:
        raise ValueError(f"--max-remedies is {args.max_remedies}, but must be at least 1.")

    def train_remedy(config: RunConfig, found: Treatment) -> runs.Run:
        tell_remedy(args, found.remedy)
        made = runs.new_run(config, supervisor.taken())
        train.watch(made, args)
        return made

    course: list[Examined] = []
    for examined in reports.treat(chosen, cat, train_remedy, args.max_remedies):
        flags.say(args, f"{'After' if course else 'Before'}: {summary(examined)}")
        course.append(examined)
    outcome = _outcome(course, args.max_remedies)
    flags.say(args, f"\n{outcome[1]}")
    last = course[-1].diagnosis
    return {"outcome": outcome[0], "message": outcome[1], "runs": [_line(one) for one in course],
            **(record(last) if last else {})}


def _outcome(course: list[Examined], limit: int) -> tuple[str, str]:
    """One word for scripts, one sentence for people."""
    last = course[-1]
    n = len(course) - 1
    tried = f"{n} remed{'y' if n == 1 else 'ies'}"
    healthy = next((one for one in course if one.diagnosis and one.diagnosis.healthy), None)
    if healthy is not None:
        return "healthy", (f"Healthy after {tried}: run {healthy.run_id}." if n else "Healthy: there is nothing to treat.")
    if last.state == "stopped":
        return "stopped", f"Stopped after {tried}; the same command goes on."
    if last.diagnosis is not None and not last.diagnosis.remedies:
        return "no_remedy", f"{last.verdict} after {tried}: no setting of this quantizer helps. {last.diagnosis.explanation}"
    return "not_healthy", (f"Not healthy after {tried}. " + (f"Raise --max-remedies above {limit} to go on." if n >= limit
                                                             else "No remedy is left to try."))


def summary(examined: Examined) -> str:
    """``Total collapse (critical), 26 distinct IDs for 2,000 items, run ...``"""
    found = examined.diagnosis
    words = [f"{found.title} ({found.severity})" if found else examined.state]
    if examined.distinct_ids:
        unique, n_items = examined.distinct_ids
        words.append(f"{counted(unique, 'distinct ID')} for {counted(n_items, 'item')}")
    return ", ".join([*words, f"run {examined.run_id}"])


def _line(examined: Examined) -> flags.Output:
    found, counts = examined.diagnosis, examined.distinct_ids or (None, None)
    return {"id": examined.run_id, "state": examined.state, "changes": examined.changes,
            "disease": found.disease if found else None, "title": examined.verdict,
            "severity": found.severity if found else None, "distinct_ids": counts[0], "items": counts[1]}


def record(found: Diagnosis) -> flags.Output:
    """A diagnosis for ``--json``."""
    return {"disease": found.disease, "title": found.title, "severity": found.severity, "evidence": found.evidence,
            "also": found.also, "explanation": found.explanation,
            "unseen": found.unseen, "remedies": [{"title": remedy.title, "why": remedy.why, "changes": remedy.changes,
                                                  **({"how": remedy.how} if remedy.how else {})} for remedy in found.remedies]}


def tell(args: argparse.Namespace, found: Diagnosis, chosen: runs.Run | None) -> None:
    """The diagnosis for people; each remedy as the flags that make it."""
    flags.say(args, f"{found.title} ({found.severity})\n\n{found.explanation}\n")
    for sentence in found.evidence:
        flags.say(args, f"  - {sentence}")
    if found.also:
        flags.say(args, f"\nAlso: {', '.join(found.also)}.")
    for line in found.unseen:
        flags.say(args, f"  not seen: {line}")
    for remedy in found.remedies:
        tell_remedy(args, remedy)
    if found.remedies and chosen is not None:
        flags.say(args, f"\nAdd the flags to: {runs.command(chosen)}\n"
                        f"Or train the remedies in turn: python -m tiger doctor {chosen.id} --treat")


def tell_remedy(args: argparse.Namespace, remedy: Remedy) -> None:
    """A remedy, its reason, and its flags or how it is set in another library."""
    flags.say(args, f"\n{remedy.title}: {remedy.why}\n  {remedy.how or ' '.join(run_config.flags(remedy.changes))}")
