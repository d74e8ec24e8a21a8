"""What every kind of study is made of: parameters, what it is about, the rows that it measures, and the record of all that.

A study is a generator of ``Progress``, ``About``, ``Note`` and ``Row``. Whoever drives it keeps the rows; handed back as
``done``, they are not measured again.
"""

import dataclasses
import io
import math
import shutil
import typing
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from tiger import models
from tiger.core import files, params
from tiger.core.progress import Progress
from tiger.core.typed import fits
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.reference import Values
from tiger.models.generative import GenerativeRecommender
from tiger.quantizers.base import Quantizer
from tiger.semantic_ids import SemanticIds

SMALL_RECOMMENDER: Values = {"width": 64, "n_heads": 2, "n_layers": 1, "dropout": 0.1, "batch_size": 64,
                             "learning_rate": 3e-3, "prefix_vectors": False}
"""An RQ-Transformer that learns in seconds on a small catalogue: what a study trains where no recommender was chosen."""


@dataclass(frozen=True)
class _Record:
    """Named values that are written to a study's folder as JSON and read again."""

    former_names: ClassVar[dict[str, str]] = {}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """The record in a JSON object; entries that this version does not know are left out.

        Raises:
            ValueError: an entry without a default is missing, or one is of the wrong kind.
        """
        hints, given = typing.get_type_hints(cls), params.renamed(cls, found)
        made: Values = {}
        for field in dataclasses.fields(cls):
            if field.name in given:
                made[field.name] = value = given[field.name]
                if not fits(value, hints[field.name], finite=False):
                    raise ValueError(f"'{field.name}' is {str(value)[:40]!r}, which is of the wrong kind.")
            elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
                raise ValueError(f"'{field.name}' is missing.")
        return cls(**made)

    def to_json(self) -> Values:
        """The JSON object."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class Row(_Record):
    """One measurement of a study. A kind of study has a subclass with its numbers."""

    identity: ClassVar[tuple[str, ...]] = ()
    """The fields that say what was measured; two rows that agree in them are two measurements of the same."""
    nested: ClassVar[tuple[str, ...]] = ()
    """Fields that do not fit into a cell of a table."""

    @property
    def key(self) -> tuple[Any, ...]:
        """What was measured."""
        return tuple(getattr(self, name) for name in self.identity)

    def to_cells(self) -> Values:
        """The row of a table."""
        return {name: value for name, value in self.to_json().items() if name not in self.nested}


@dataclass(frozen=True)
class About(_Record):
    """What is the same for all rows of a study: the names of the dataset, of the run with the codes and of the recommender."""

    dataset: str = ""
    parent: str = ""
    n_items: int = 0
    model: str = ""


@dataclass(frozen=True)
class Note:
    """One sentence on how the data were made to fit."""

    text: str


R = TypeVar("R", bound=Row)
P = TypeVar("P")
A = TypeVar("A", bound=About)
T = TypeVar("T")
Steps = Generator[Progress | Row | About | Note, None, None]


@dataclass(frozen=True)
class Recipe:
    """A recommender by name, with its hyper-parameters."""

    name: str = "rq_transformer"
    params: Values = dataclasses.field(default_factory=lambda: dict(SMALL_RECOMMENDER))


@dataclass(frozen=True)
class Trained:
    """A recommender and the semantic IDs that it writes."""

    model: GenerativeRecommender
    ids: SemanticIds


@dataclass(frozen=True)
class Subject:
    """What a study is about.

    Args:
        cat: the catalogue.
        title: name of the run that the codes come from.
        codes_IL: every item's codes.
        n_codes: codes to choose from at each level.
        quantizer: loads the fitted quantizer; raises ValueError where there is none.
        n_threads: torch's threads when it was fitted; None where that is not known.
        folder: where the study keeps what it trains, so that a resumed study does not train it again.
        recommender: loads the chosen recommender, which must write these codes; None where none was chosen.
        recipe: the chosen recommender's name and hyper-parameters, or those of a small one.
    """

    cat: Catalogue
    title: str
    codes_IL: np.ndarray
    n_codes: list[int]
    quantizer: Callable[[], Quantizer]
    folder: Path
    n_threads: int | None = None
    recommender: Callable[[], Trained] | None = None
    recipe: Recipe = dataclasses.field(default_factory=Recipe)


@dataclass(frozen=True)
class StudyKind(Generic[P, R, A]):
    """One kind of study.

    Args:
        name: kind of the run, command, and key of the page.
        title: for people.
        params: dataclass of its parameters, each declared with ``params.param``; a method ``check`` refuses what
            contradicts itself.
        row: what it measures.
        about: what is the same for all rows.
        steps: carries the study out; ``done`` are the rows of an attempt that was stopped.
        path_params: parameters that name files.
        needs_quantizer: it encodes vectors, so that imported IDs will not do.
    """

    name: str
    title: str
    params: type[P]
    row: type[R]
    about: type[A]
    steps: Callable[[Subject, P, Sequence[R]], Steps]
    path_params: tuple[str, ...] = ()
    needs_quantizer: bool = False

    def config(self, given: Mapping[str, Any]) -> P:
        """Checked parameters from plain values.

        Raises:
            ValueError: an unknown name, a value out of bounds, or what ``check`` refuses.
        """
        made: P = params.build(self.params, dict(given))
        getattr(made, "check", lambda: None)()
        return made


def trained_recommender(subject: Subject, n_epochs: int) -> Generator[Progress, None, Trained]:
    """The chosen recommender, or a small one that is trained once and kept in the study's folder."""
    if subject.recommender is not None:
        return subject.recommender()
    return (yield from train_small_recommender(subject, subject.codes_IL, subject.n_codes, n_epochs))


def train_small_recommender(subject: Subject, codes_IL: np.ndarray, n_codes: Sequence[int],
                            n_epochs: int) -> Generator[Progress, None, Trained]:
    """A small recommender that writes these codes, kept in the study's folder."""
    ids = SemanticIds.from_codes(codes_IL, list(n_codes), collision_level=True)
    folder = subject.folder / "recommender"
    kept = load_kept(folder)
    if kept is not None:
        return Trained(kept, ids)
    made = small_recommender(n_epochs)
    for progress in made.fit_steps(subject.cat, ids):
        yield Progress("training a small recommender", progress.step, progress.n_steps)
    keep_model(made, folder)
    return Trained(made, ids)


def small_recommender(n_epochs: int, seed: int = 0) -> GenerativeRecommender:
    """A recommender that learns in seconds on a small catalogue."""
    return recommender_from(Recipe(), n_epochs, seed)


def recommender_from(recipe: Recipe, n_epochs: int, seed: int) -> GenerativeRecommender:
    """A recommender to train, with the hyper-parameters of the recipe.

    Raises:
        ValueError: a model that writes no IDs.
    """
    return generative(models.create(recipe.name, **(recipe.params | {"n_epochs": n_epochs, "seed": seed})))


def generative(model: models.Recommender) -> GenerativeRecommender:
    """The model, if it writes IDs. Raises ValueError otherwise."""
    if not isinstance(model, GenerativeRecommender):
        raise ValueError(f"{model.title} writes no semantic IDs; choose a generative recommender.")
    return model


def load_kept(folder: Path) -> GenerativeRecommender | None:
    """A model that ``keep_model`` saved; None before."""
    return generative(models.load(folder)) if (folder / "weights.safetensors").exists() else None


def keep_model(model: models.Recommender, folder: Path) -> None:
    """Save a model; the folder is there when all of it is."""
    part = folder.with_name(f".{folder.name}.part")
    for rest in (part, folder):  # what an attempt that was killed left behind
        shutil.rmtree(rest, ignore_errors=True)
    model.save(part)
    files.replace(part, folder)


def keep_array(path: Path, array: np.ndarray) -> None:
    """Save an array in one move."""
    made = io.BytesIO()
    np.save(made, array, allow_pickle=False)
    files.write(path, made.getvalue())


def mapped(change: Callable[[Progress], Progress], steps: Generator[Progress, None, T]) -> Generator[Progress, None, T]:
    """Another computation with its progress changed; returns what it returns."""
    while True:
        try:
            progress = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield change(progress)


def under(stage: str, steps: Iterator[Progress]) -> Iterator[Progress]:
    """Another computation's progress under a name of one's own, its metrics left out."""
    for progress in steps:
        yield Progress(stage, progress.step, progress.n_steps)


def finite_or_none(value: float | None) -> float | None:
    """The number, or None where it is not finite, which JSON has no word for."""
    return None if value is None or not math.isfinite(value) else value
