"""What a study is asked, and what it left in its folder, finished or not."""

from typing import Any

from tiger.core import files
from tiger.datasets.reference import DatasetRef, Values
from tiger.runs.records import RunConfig, StudyRequest
from tiger.runs.run import Run


def request(kind: str, dataset: DatasetRef, parent: str, values: Values, model: str | None = None,
            title: str = "") -> RunConfig:
    """The configuration of a study; hand it to the supervisor or to ``runs.new_run``.

    Args:
        kind: "drift", "cold" or "diversity".
        parent: id of the run whose codes it is about.
        values: parameters that differ from the defaults.
        model: id of the model run that writes those codes; None trains a small one.
    """
    return RunConfig(kind, dataset, title, parent=parent, study=StudyRequest(values, model))


def rows(run: Run) -> list[dict[str, Any]]:
    """Every row so far, oldest first; a row that a resumed run measured again counts once, the newest."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for event in run.events()[0]:
        row = event.get("row")
        if isinstance(row, dict):
            found[_key(row)] = row
    return list(found.values())


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    """What tells two rows apart, whatever the kind of study."""
    return tuple(row.get(name) for name in ("strength", "remedy", "period", "method", "who", "k", "epsilon", "name"))


def notes(run: Run) -> list[str]:
    """Sentences on how the data were made to fit, each once."""
    return list(dict.fromkeys(str(event["note"]) for event in run.events()[0] if "note" in event))


def about(run: Run) -> dict[str, Any]:
    """What the study is about: names and numbers that are the same for all rows; {} before it began."""
    return files.read_json(run.path / "study.json") or {}
