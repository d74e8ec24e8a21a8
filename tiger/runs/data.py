"""What a run was made from, kept in its folder (``data.safetensors``), and how its dataset changed since.

A run names its dataset by a recipe, and files change under a recipe. Codes, vectors and weights count items by number:
where the same items stand in another order, they are matched by their ids; where they do not match, what would be wrong
is refused. A run of an older lab kept no fingerprint: its data are not known to have changed.
"""

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from tiger.core import files
from tiger.core.typed import fits
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue, Sampled
from tiger.datasets.fingerprint import Changes, Fingerprint
from tiger.runs.run import Run
from tiger.semantic_ids import SemanticIds

if TYPE_CHECKING:
    from tiger.models import Recommender

log = logging.getLogger(__name__)
FILE, SAMPLE = "data.safetensors", "sample.json"


@dataclass(frozen=True)
class Sample:
    """What a run learned from, where its dataset is a sample of larger files.

    Args:
        n_items: items of the sample.
        of: what they were drawn from.
    """

    n_items: int
    of: Sampled

    def summary(self) -> str:
        """What was sampled, as a sentence without its end."""
        return self.of.summary(self.n_items)


def keep(folder: Path, cat: Catalogue) -> None:
    """Store what a run is made from; a fingerprint that is there already stays."""
    if not (folder / FILE).exists():
        if cat.sampled is not None:
            files.write_json(folder / SAMPLE, {"n_items": cat.n_items} | asdict(cat.sampled))
        tensors, about = cat.content.tensors()
        files.write(folder / FILE, save(tensors, metadata=about))


def sample_of(run: Run) -> Sample | None:
    """What was sampled for a run; None where it learned from all items of its dataset."""
    found = files.read_json(run.path / SAMPLE) or {}
    numbers: Any = [found.get(name) for name in ("n_items", "n_rows", "n_files", "seed")]
    return Sample(numbers[0], Sampled(*numbers[1:])) if fits(numbers, list[int]) else None


def read(run: Run) -> Fingerprint | None:
    """What a run was made from; None where it is not known."""
    try:
        with safe_open(run.path / FILE, framework="np") as file:
            return Fingerprint.from_tensors({name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {})  # noqa: SIM118
    except FileNotFoundError:
        return None
    except (OSError, ValueError, SafetensorError) as error:
        log.warning("%s of run %s cannot be read, so its data are not compared: %s", FILE, run.id, error)
        return None


def changes(run: Run, cat: Catalogue) -> Changes | None:
    """What changed between the catalogue that a run was made from and this one; None where nothing did, or nobody knows."""
    known = read(run)
    found = known.changes_to(cat.content) if known is not None else None
    return found if found is not None and found.any else None


def sentence(run: Run, found: Changes, histories: bool = True) -> str:
    """What changed, for people."""
    return f"The data changed since '{run.title}' was made: {found.summary(histories)}."


REMEDY = "Bring the former files back, or train a new run on the data of today."


def catalogue_for(run: Run, cat: Catalogue, *, vectors: bool = False, histories: bool = False) -> Catalogue:
    """The catalogue with the run's numbers for its items.

    Args:
        vectors: whoever asks needs the embeddings that the run was made from.
        histories: whoever asks needs the histories that the run was made from.

    Raises:
        ValueError: the run was made from other items, or what is needed changed.
    """
    found = changes(run, cat)
    if found is None:
        return cat
    if not found.same_items or (vectors and found.n_vectors) or (histories and found.histories):
        raise ValueError(f"{sentence(run, found, histories)} {REMEDY}")
    return cat if found.was_I is None else cat.reordered(found.was_I)


def rows_for(run: Run, cat: Catalogue, n_rows: int) -> np.ndarray | slice:
    """Which rows of the run's arrays belong to the catalogue's items, in their order.

    Args:
        n_rows: rows of such an array.

    Raises:
        ValueError: the run was made from other items.
    """
    found = changes(run, cat)
    if found is not None and not found.same_items:
        raise ValueError(f"{sentence(run, found, histories=False)} {REMEDY}")
    if n_rows != cat.n_items:
        raise ValueError(f"Run '{run.title}' has {counted(n_rows, 'item')}, but this dataset has {cat.n_items:,}; train a run on "
                         "it.")
    return slice(None) if found is None or found.was_I is None else found.was_I


def codes_for(run: Run, cat: Catalogue) -> np.ndarray:
    """The run's codes (I, L) int64 in the catalogue's order; see ``Run.codes`` and ``rows_for``."""
    codes_IL = run.codes()
    return codes_IL[rows_for(run, cat, len(codes_IL))]


def ids_for(run: Run, cat: Catalogue) -> SemanticIds:
    """The run's semantic IDs in the catalogue's order; see ``Run.semantic_ids`` and ``rows_for``."""
    ids = run.semantic_ids()
    rows_I = rows_for(run, cat, len(ids))
    return ids if isinstance(rows_I, slice) else SemanticIds(ids.ids_IM[rows_I], ids.n_codes, ids.n_levels)


def member_for(run: Run, cat: Catalogue) -> "Recommender":
    """The recommender of a model run, for a model that combines several: it must have the catalogue's numbers for items.

    Raises:
        ValueError: the run is no recommender or not fitted yet, or it was made from other items or the same in another order.
    """
    if run.config.kind != "model":
        raise ValueError(f"'{run.title}' is not a recommender but a run of kind {run.config.kind}; choose a recommender's run.")
    if catalogue_for(run, cat) is not cat:
        raise ValueError(f"The recommender '{run.title}' was trained on the same items in another order; train it again on "
                         "the data of today.")
    return run.recommender()


def begin(run: Run, cat: Catalogue) -> Catalogue:
    """What a worker does with a catalogue before it trains: compare it with an earlier attempt's, and keep its fingerprint.

    Raises:
        ValueError: as ``check_resume``.
    """
    check_resume(run, cat)
    keep(run.path, cat)
    return cat


def check_resume(run: Run, cat: Catalogue) -> None:
    """Whether a run may go on with this catalogue.

    Raises:
        ValueError: it was made from other data; says what changed.
    """
    found = changes(run, cat)
    needs_histories = run.config.kind not in ("quantizer", "import", "external")
    if found is not None and (found.was_I is not None or not found.same_items or found.n_vectors
                              or (needs_histories and found.histories)):
        raise ValueError(f"{sentence(run, found, needs_histories)} Its training cannot go on with other data. {REMEDY}")
