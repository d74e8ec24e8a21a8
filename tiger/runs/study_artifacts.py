"""What a study was asked, and what is in its folder, finished or not."""

import logging
from typing import Any

from tiger import studies
from tiger.core import files, params
from tiger.datasets.reference import DatasetRef, Values
from tiger.runs.records import RunConfig, StudyRequest
from tiger.runs.run import Run
from tiger.studies.base import About, Row, StudyKind

log = logging.getLogger(__name__)


def request(kind: str, dataset: DatasetRef, parent: str, values: Values, model: str | None = None,
            title: str = "", preset: str | None = None) -> RunConfig:
    """The configuration of a study; hand it to the supervisor or to ``runs.new_run``.

    Args:
        kind: a key of ``studies.REGISTRY``.
        parent: id of the run that the codes come from.
        values: parameters that differ from the defaults.
        model: id of the model run that writes those codes; None trains a small one.
        preset: id of the bundled study that this one measures again.
    """
    return RunConfig(kind, dataset, title, parent=parent, preset=preset, study=StudyRequest(values, model))


def again(run: Run, title: str) -> RunConfig:
    """The configuration of the same study once more.

    Raises:
        ValueError: the run is no study.
    """
    config = run.config
    return request(config.kind, config.dataset, str(config.parent), params.values(params_of(run)), run.study.model, title,
                   preset=run.id)


def kind_of(run: Run) -> StudyKind[Any, Any, Any]:
    """The kind of study. Raises ValueError for other runs."""
    return studies.find(run.config.kind)


def params_of(run: Run) -> Any:
    """The study's parameters as they were given, under today's names; what this version does not know is left out."""
    cls = kind_of(run).params
    names = {spec.name for spec in params.specs(cls)}
    return params.build(cls, {name: value for name, value in params.renamed(cls, run.study.params).items() if name in names})


def rows(run: Run) -> list[Row]:
    """Every row so far, oldest first; a row that a resumed study measured again counts once, the newest.

    A row that this version cannot read is left out.
    """
    cls, found = kind_of(run).row, {}
    for event in run.events()[0]:
        if isinstance(event.get("row"), dict):
            try:
                row = cls.from_json(event["row"])
            except ValueError as error:
                log.warning("%s: a row is left out: %s", run.id, error)
                continue
            found[row.key] = row
    return list(found.values())


def notes(run: Run) -> list[str]:
    """Sentences on how the data were made to fit, each once."""
    return list(dict.fromkeys(str(event["note"]) for event in run.events()[0] if "note" in event))


def about(run: Run) -> About | None:
    """What is the same for all rows; None before it began, or where it cannot be read."""
    found = files.read_json(run.path / "study.json")
    try:
        return kind_of(run).about.from_json(found) if isinstance(found, dict) else None
    except ValueError as error:
        log.warning("%s: study.json is left out: %s", run.id, error)
        return None


def seconds(run: Run) -> float:
    """Seconds from the start of its last attempt to its last row; 0 before the first."""
    return max((float(event.get("t_s") or 0) for event in run.events()[0] if "row" in event), default=0.0)
