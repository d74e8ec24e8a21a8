"""``python -m tiger train [NAME]``: the run that the Train or Recommender page would start, in the foreground."""

import argparse
import contextlib
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from tqdm import tqdm

from tiger import datasets, metrics, models, quantizers, runs
from tiger.cli import flags
from tiger.cli.recommenders import pick_model
from tiger.core import files, params
from tiger.core.words import counted
from tiger.reports import at_scale, recommenders
from tiger.runs import config as run_config
from tiger.runs import presets, supervisor
from tiger.runs.records import LearnerConfig, Status
from tiger.runs.run import Run

LOOK_S = 0.1


def add(parser: argparse.ArgumentParser, rest: list[str], more: Sequence[str] = ()) -> None:
    """Flags: what trains and its hyper-parameters, the dataset and its own flags; ``more``: as ``named_learner`` has it."""
    names = [*quantizers.REGISTRY, *models.REGISTRY]
    chosen = named_learner(rest, more)
    preset = flags.peek(rest, "--preset", "")
    if chosen is None and preset:
        chosen = preset_of(preset)[0].name
    parser.add_argument("learner", nargs="?", default=chosen or "rqvae", choices=names,
                        help=f"a quantizer, {' | '.join(quantizers.REGISTRY)}, or a recommender, "
                             f"{' | '.join(models.REGISTRY)} (default rqvae)", metavar="NAME")
    keys = [preset.key for preset in presets.quantizer_presets()] + [preset.key for preset in presets.MODELS]
    parser.add_argument("--preset", choices=keys, metavar="KEY", help="start from a preset: " + " | ".join(keys))
    parser.add_argument("--ids", metavar="RUN", help="of a recommender: the run whose semantic IDs it writes, and whose "
                                                     "dataset it learns from ('last': the newest)")
    parser.add_argument("--schedule", default="", metavar="STEP:NAME=NUMBER,...",
                        help="hyper-parameters that change while it trains, such as 150:learning_rate=0.03,restart_threshold=0; "
                             "';' parts several steps")
    parser.add_argument("--title", default="", help="name for people")
    flags.add_dataset(parser, rest)
    learner = run_config.learner_class(chosen or "rqvae")
    flags.add_specs(parser, learner, getattr(learner, "title", ""))


def named_learner(rest: list[str], more: Sequence[str] = ()) -> str | None:
    """What the command line says that trains, before its parser is built: which flags there are depends on it.

    Every flag of every learner, dataset and embedding is known here, so that no flag's value is taken for a name.

    Args:
        more: further flags of the command; each takes a value.
    """
    names = [*quantizers.REGISTRY, *models.REGISTRY]
    owners = [(run_config.learner_class(name), "") for name in names]
    owners += [(source, "data_") for source in datasets.REGISTRY.values()]
    owners += [(method, "embedding_") for method in datasets.EMBEDDINGS.values()]
    known = {run_config.flag(spec.name, prefix): spec.kind is bool for cls, prefix in owners for spec in params.specs(cls)}
    known |= {run_config.flag(former, prefix): False for cls, prefix in owners for former in getattr(cls, "former_names", {})}
    known |= {"--json": True} | dict.fromkeys(("--preset", "--ids", "--title", "--schedule", "--dataset", "--embedding", *more),
                                             False)
    found = flags.peek_word(rest, known)
    return found if found in names else None


def preset_of(key: str) -> tuple[LearnerConfig, str]:
    """What a preset trains, and its title."""
    known = {preset.key: (preset.quantizer, preset.title) for preset in presets.quantizer_presets()}
    known |= {preset.key: (preset.model, preset.title) for preset in presets.MODELS}
    return known.get(key, (LearnerConfig(""), ""))


def run(args: argparse.Namespace) -> flags.Output:
    """Make the run, follow its worker, and say what came out."""
    made = runs.new_run(requested(args), supervisor.taken())
    flags.say(args, f"Run {made.id} in {made.path}")
    return follow(made, args)


def requested(args: argparse.Namespace) -> dict[str, Any]:
    """What the flags ask a run to do, as ``runs.new_run`` takes it."""
    given: dict[str, Any] = {}
    if args.preset:
        preset, title = preset_of(args.preset)
        if preset.name != args.learner:
            raise ValueError(f"The preset '{args.preset}' is for {preset.name}, not {args.learner}; "
                             "leave one of them out.")
        given, args.title = dict(preset.params), args.title or title
        args.schedule = args.schedule or run_config.schedule_text(presets.schedule_of(args.preset))
    given |= flags.given_specs(args, run_config.learner_class(args.learner))
    args.title = args.title or str(getattr(run_config.learner_class(args.learner), "title", ""))
    learner = {"name": args.learner, "params": given}
    config = {"kind": "quantizer", "dataset": flags.dataset_ref(args), "title": args.title, "preset": args.preset}
    if args.schedule:
        config["schedule"] = [asdict(change) for change in run_config.parse_schedule(args.schedule)]
    return config | (model_part(args, learner) if args.learner in models.REGISTRY else {"quantizer": learner})


def model_part(args: argparse.Namespace, learner: dict[str, Any]) -> flags.Output:
    """What the configuration of a model run has beside a quantizer run's; members and IDs bring their dataset along."""
    config: dict[str, Any] = {"kind": "model", "model": learner}
    members = [name for name in models.REGISTRY[args.learner].member_params if learner["params"].get(name)]
    if members:
        found = [pick_model(learner["params"][name]) for name in members]
        learner["params"] |= {name: one.id for name, one in zip(members, found, strict=True)}
        return config | {"dataset": found[0].config.dataset}
    if not args.ids:
        if verb := models.REGISTRY[args.learner].ids_verb:
            raise ValueError(f"{args.learner} {verb} semantic IDs; say which: --ids RUN (python -m tiger runs lists them, "
                             "'demo-rqvae' is bundled).")
        return config
    coded = [run for run in runs.list_runs() if run.config.kind in run_config.CODED and not run.read_only]
    run = coded[0] if args.ids == "last" and coded else runs.find(args.ids)
    return config | {"ids": {"run": run.id}, "dataset": run.config.dataset}


def follow(made: Run, args: argparse.Namespace) -> flags.Output:
    """Train the run, and say what it came to."""
    watch(made, args)
    return summary(made, args)


def watch(made: Run, args: argparse.Namespace) -> None:
    """Start the run's worker and show its progress until it ends. Ctrl-C stops it so that it can be resumed."""
    try:
        child = supervisor.launch(made, supervisor.n_at_once())
    except (ValueError, OSError) as error:
        files.write_json(made.path / "status.json", made.status.but(state="failed", stage="", message=str(error)).to_json())
        raise
    unit = "run" if made.config.kind == "sweep" else "step"
    with progress(unit=unit, disable=args.json, dynamic_ncols=True) as bar, _interrupts() as interrupts:
        code = None
        while code is None:  # whatever its status says: as long as the worker lives, Ctrl-C is for it
            code = child.poll()
            show(bar, made.status)
            if interrupts:
                interrupts.clear()
                made.control("stop")
            if code is None:
                time.sleep(LOOK_S)
    supervisor.record_exit(made, child, code)


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Ctrl-C adds to the list instead of raising: an exception that meets a destructor at work is lost."""
    found: list[int] = []
    if threading.current_thread() is not threading.main_thread():  # only that one may say what a signal does
        yield found
        return
    before = signal.signal(signal.SIGINT, lambda number, _: found.append(number))
    try:
        yield found
    finally:
        signal.signal(signal.SIGINT, before)


def progress(**how: Any) -> tqdm:
    """A bar for ``show``. Every step that moves it is drawn: tqdm by itself waits for as many as it saw at the last look."""
    return tqdm(miniters=1, **how)


def show(bar: tqdm, status: Status) -> None:
    """Draw where a run stands; a new stage at once, whether or not a step was made."""
    if status.n_steps and bar.total != status.n_steps:
        bar.reset(status.n_steps)
        bar.initial = bar.n = bar.last_print_n = status.step  # what an earlier attempt did is not this one's rate
    if not bar.disable and bar.desc != (words := str(status.stage or status.state)):
        bar.set_description_str(words)
    bar.update(status.step - bar.n)


def summary(made: Run, args: argparse.Namespace) -> flags.Output:
    """What the run came to, printed and for ``--json``."""
    status = made.status
    found: flags.Output = {"id": made.id, "path": str(made.path), "state": status.state,
                             "message": status.message, "step": status.step, "n_steps": status.n_steps}
    if made.config.kind == "sweep":
        from tiger.cli import sweep  # here, since it builds on this module
        return sweep.summary(made, args, found)
    if made.config.kind == "model":
        found["metrics"] = made.metrics()
    elif made.has_result():
        codes_IL = made.codes()
        counts_LK = metrics.code_counts(codes_IL, made.codes_per_level())
        found |= {"items": len(codes_IL), "unique": len(np.unique(codes_IL, axis=0)),
                  "perplexity": [round(float(metrics.perplexity(counts_K)), 2) for counts_K in counts_LK]}
    if status.state not in ("finished", "stopped"):
        raise ValueError(f"The run ended as {status.state}. {status.message}")
    flags.say(args, f"{status.state.capitalize()} after {status.step:,} of {counted(status.n_steps, 'step')}. "
                    f"{status.message}".rstrip())
    if found.get("metrics"):
        test = found["metrics"]["test"]
        flags.say(args, f"Test item of {counted(test['n_users'], 'user')}: recall@10 {test['recall@10']:.4f}, NDCG@10 "
                        f"{test['ndcg@10']:.4f}. Next: python -m tiger recommend {made.id} --user 0")
    model = made.recommender() if found.get("metrics") and models.REGISTRY[made.learner.name].member_params else None
    if isinstance(model, models.Ensemble):
        flags.say(args, recommenders.weight_summary(model))
    if said := at_scale.learned_summary(made):
        found["sampled"] = said
        flags.say(args, said)
    if "unique" in found:
        flags.say(args, f"{counted(found['unique'], 'distinct ID')} for {counted(found['items'], 'item')}; perplexity per "
                        f"level {', '.join(map(str, found['perplexity']))}.")
        flags.say(args, f"See it: python -m tiger app, then open the run '{made.title}'; or "
                        f"python -m tiger doctor {made.id}")
    return found
