"""Anyone's IDs as a finished run of kind "import": every page works on them, with no quantizer behind.

    codes.npy, ids.safetensors   as every run's result
    import.json                  what the import found, in sentences; how items were matched, and the evidence for it
"""

from dataclasses import asdict
from pathlib import Path

import numpy as np

from tiger.core import files
from tiger.core.words import counted, there
from tiger.datasets.catalogue import Catalogue
from tiger.runs import data, store
from tiger.runs.records import ImportRequest, RunConfig, Status
from tiger.runs.run import Run
from tiger.semantic_ids import Imported


def keep(found: Imported, catalogue: Catalogue, title: str = "", path: str = "") -> Run:
    """Make imported IDs a run of the catalogue that they were lined up with. It appears whole or not at all.

    Args:
        found: from ``import_ids`` with this catalogue.
        title: for people; the file's name by default.
        path: where the file lies, for the equal command; its name by default.

    Raises:
        ValueError: the IDs belong to another number of items, or the catalogue has no source to load it from.
    """
    ids, report = found.ids, found.report
    if len(ids) != catalogue.n_items:
        raise ValueError(f"{there(len(ids), 'ID')} for the {counted(catalogue.n_items, 'item')} of "
                         f"'{catalogue.name}'; import them with the catalogue that they belong to.")
    config = RunConfig("import", catalogue.source, title.strip() or report.file,
                       imported=ImportRequest(path or report.file, report.align, report.n_codes, report.guessed))

    def fill(folder: Path) -> None:
        np.save(folder / "codes.npy", ids.codes_IL.astype(np.int32), allow_pickle=False)
        ids.save(folder / "ids.safetensors")
        data.keep(folder, catalogue)
        tried = [{name: None if value != value else value for name, value in asdict(fit).items()}  # NaN is no JSON
                 for fit in report.tried]
        files.write_json(folder / "import.json", {"file": report.file, "sentences": report.sentences(),
                                                  "align": report.align, "doubt": report.doubt, "tried": tried})

    return store.new_run(config, Status("finished", message=report.sentences()[0]), fill)


def sentences(run: Run) -> list[str]:
    """What the import found; empty for other runs."""
    about = files.read_json(run.path / "import.json") or {}
    lines = about.get("sentences")
    return [str(line) for line in lines] if isinstance(lines, list) else []
