"""``python -m tiger drift RUN``, ``cold RUN``, ``diversity RUN``: carry a study of a run's codes out in the foreground.

Every kind of study is a command; its flags, numbers and sentences come from its records in ``tiger.studies`` and
``tiger.reports``.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from tiger import runs, studies
from tiger.cli import flags, train
from tiger.datasets.reference import Values
from tiger.reports import study_page
from tiger.runs import config as run_config
from tiger.runs import study_artifacts, supervisor
from tiger.runs.run import Run
from tiger.studies.drift import version_files


@dataclass(frozen=True)
class Command:
    """The command of one kind of study."""

    kind: str

    def add(self, parser: argparse.ArgumentParser, rest: list[str]) -> None:
        """A run, a recommender, a title, where the report goes, and the study's own parameters."""
        parser.add_argument("run", metavar="RUN", help="the run whose codes it is about: an id, or 'last'")
        parser.add_argument("--model", metavar="RUN", help="the model run that writes these codes; without one a small "
                                                           "recommender is trained")
        parser.add_argument("--title", default="", help="name for people")
        parser.add_argument("--out", metavar="FILE", help="write the report as one HTML file that needs no network")
        flags.add_specs(parser, studies.find(self.kind).params, f"{self.kind} study")

    def run(self, args: argparse.Namespace) -> Values:
        """Carry the study out, print its numbers and its finding, and write the report."""
        study_page.check_out(args.out)
        made, found = carry_out(self.kind, args)
        report, rows = study_page.REPORTS[self.kind], study_artifacts.rows(made)
        frame = report.frame(rows)
        if rows:
            flags.table(args, flags.records(report.brief(frame)))
            flags.say(args, f"\n{report.summary(frame)}")
        if args.out and rows:
            study_page.write(made, args.out)
            flags.say(args, f"Report: {args.out}")
        return found | {"rows": [row.to_json() for row in rows], "words": report.summary(frame)}


def coded(name: str) -> Run:
    """A run with codes by id, or the newest own one for "last"."""
    if name != "last":
        return runs.find(name)
    own = [run for run in runs.list_runs() if run.config.kind in run_config.CODED and not run.read_only]
    if not own:
        raise ValueError("There is no run of your own yet; train one with python -m tiger train, or name demo-rqvae.")
    return own[0]


def with_whole_paths(kind: str, given: Values) -> Values:
    """The parameters, with every file found from where the command was given: the worker stands in another folder.

    Raises:
        ValueError: a file that does not exist.
    """
    found = dict(given)
    for name in studies.find(kind).path_params:
        files = [Path(file).expanduser().absolute() for file in version_files(given.get(name) or "")]
        for file in files:
            if not file.is_file():
                raise ValueError(f"--{name} names '{file}', which is not a file; check the path, or give the whole one.")
        if files:
            found[name] = ", ".join(map(str, files))
    return found


def carry_out(kind: str, args: argparse.Namespace) -> tuple[Run, flags.Output]:
    """Make the study, follow it to its end, and return it with what every run prints as ``--json``."""
    parent = coded(args.run)
    given = with_whole_paths(kind, flags.given_specs(args, studies.find(kind).params))
    made = runs.new_run(study_artifacts.request(kind, parent.config.dataset, parent.id, given, args.model, args.title),
                        supervisor.taken())
    flags.say(args, f"Study {made.id} in {made.path}")
    return made, train.follow(made, args)
