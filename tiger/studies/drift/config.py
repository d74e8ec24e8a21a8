"""Parameters of a drift study: where the new vectors come from, how strong, which remedies, with how much training."""

import importlib.util
import math
from dataclasses import dataclass
from typing import ClassVar

from tiger.core.params import param
from tiger.studies.drift.penalised import MODES
from tiger.studies.drift.remedies import BY_NUMBER, REMEDIES, TrainingBudget
from tiger.studies.drift.simulate import SimulatedDrift
from tiger.studies.drift.versions import ALIGN, MAX_FILES, version_files

SOURCES = {"simulated": "a simulated drift", "titles": "TF-IDF of the titles alone",
           "history": "TF-IDF with the titles next to each item in histories, recomputed after more interactions",
           "sentence": "a sentence model", "file": "files of your own"}
MAX_STRENGTHS, MAX_PERIODS = 8, MAX_FILES


@dataclass
class DriftParams(SimulatedDrift):
    """Parameters of a drift study."""

    former_names: ClassVar[dict[str, str]] = {
        "sticky_mode": "penalised_mode", "reader": "recommender", "reader_epochs": "recommender_epochs",
        "reader_users": "recommender_users"}
    source: str = param("simulated", "Where the second version of the vectors comes from.", choices=tuple(SOURCES))
    strengths: str = param("0, 0.25, 0.5, 1", "Drift strengths to compare, each from today's vectors (simulated only).")
    periods: int = param(1, "Periods one after the other; each remedy continues from its own last result (simulated; files are "
                            "one period each).", low=1, high=MAX_PERIODS)
    remedies: str = param("1, 2, 3, 4, 5, 6, 7", "Remedies to compare, by number.")
    align_first: str = param("auto", "Align the new vectors with the old ones before any remedy; auto: a sentence model's, and "
                                     "files of another width or whose dimensions mean something else.", choices=ALIGN)
    first_share: float = param(0.5, "Source history: share of each user's training interactions, the first ones, that the "
                                    "old vectors are computed from; the new ones use all.", low=0.05, high=0.95)
    fine_steps: int = param(150, "Training steps of remedies 3 and 6.", low=1, high=100_000, group="training budget")
    retrain_steps: int | None = param(None, "Training steps of remedies 4 and 5; none: as many as in the run.",
                                      low=1, high=1_000_000, group="training budget")
    penalised_mode: str = param("penalty", "Remedy 6: fine-tune with a penalty on changed codes; or, without training, "
                                           "re-assign only items whose error exceeds a threshold.", choices=tuple(MODES),
                                group="training budget")
    penalty: float = param(1.0, "Remedy 6, penalty: weight of the squared distance between a new code and the old one.",
                           low=0.0, high=1e6, group="training budget")
    threshold: float = param(1.25, "Remedy 6, threshold: how many times as large as before an item's error must be.",
                             low=1.0, high=1000.0, group="training budget")
    recommender: bool = param(True, "Measure the old recommender's recall on the new IDs.", group="recommender")
    recommender_epochs: int = param(4, "Epochs of the small recommender that is trained where no recommender is chosen.",
                                    low=1, high=100, group="recommender")
    recommender_users: int = param(300, "Users to evaluate.", low=10, high=100_000, group="recommender")
    regain_steps: int = param(60, "Training steps on the new IDs before recall is measured again; 0: never.", low=0,
                              high=10_000, group="recommender")
    path: str = param("", "The file: npy, safetensors, csv or parquet. Several with commas between them, or a folder's in "
                          "order of name, are one period each.", group="file")
    ids: str = param("", "File with the item id of each row, for npy and safetensors.", group="file")
    tensor: str = param("", "Name of the tensor, where a safetensors file holds several.", group="file")

    def strength_list(self) -> list[float]:
        """The strengths as numbers.

        Raises:
            ValueError: not numbers of at least 0, none, or too many.
        """
        if self.source != "simulated":
            return [1.0]
        found = sorted(set(_numbers(self.strengths, "strengths")))
        if not 1 <= len(found) <= MAX_STRENGTHS or not all(0 <= value <= 10 for value in found):
            raise ValueError(f"strengths is '{self.strengths}', but must be 1 to {MAX_STRENGTHS} numbers from 0 to 10, "
                             "such as 0, 0.5, 1.")
        return found

    def remedy_list(self) -> list[int]:
        """The remedies' numbers.

        Raises:
            ValueError: not numbers from 1 to 7.
        """
        found = sorted(set(_numbers(self.remedies, "remedies")))
        if not found or not all(value in BY_NUMBER for value in found):
            raise ValueError(f"remedies is '{self.remedies}', but must be numbers from 1 to {len(REMEDIES)}, such as 2, 5, 7.")
        return [int(value) for value in found]

    def n_periods(self) -> int:
        """Number of periods: as given, or one a file.

        Raises:
            ValueError: a folder without files, or too many.
        """
        return len(version_files(self.path)) if self.source == "file" else self.periods

    def budget(self) -> TrainingBudget:
        """How much training the remedies get."""
        return TrainingBudget(self.fine_steps, self.retrain_steps, self.penalised_mode, self.penalty, self.threshold)

    def check(self) -> None:
        """Refuse what cannot be run, before anything starts."""
        self.strength_list()
        self.remedy_list()
        if self.source == "file" and not self.path:
            raise ValueError("The source is a file of your own, but no path was given; name the file.")
        if self.source == "file" and self.periods not in (1, n := self.n_periods()):
            raise ValueError(f"periods is {self.periods}, but path names {n}; files make one period each, so leave periods out.")
        if self.source not in ("simulated", "file") and self.periods > 1:
            raise ValueError(f"periods is {self.periods}, but {SOURCES[self.source]} is one version only; choose the "
                             "simulated drift, or several files, for a schedule.")
        if self.source == "sentence" and importlib.util.find_spec("sentence_transformers") is None:
            raise ValueError("The source is a sentence model, which needs a package that is not installed; run "
                             "'pip install sentence-transformers', or choose another source.")


def _numbers(text: str, name: str) -> list[float]:
    try:
        found = [float(part) for part in text.replace(",", " ").split()]
    except ValueError:
        found = [math.nan]
    if not all(math.isfinite(value) for value in found):
        raise ValueError(f"{name} is '{text}', but must be numbers with commas between them.")
    return found
