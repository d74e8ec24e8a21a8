"""What quantizers and recommenders share: a name, weights in a folder, a training state, and a registry."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Generic, Self, TypeVar

import torch
from safetensors.torch import load_file, save_file

from tiger.core import params

LiveParams = Callable[[], dict[str, float]]
"""Asked before every step: live hyper-parameters that changed since, by name."""
TrainingState = dict[str, Any]
"""All that continues a training bit for bit: tensors and plain JSON values, nested one level at most."""
WEIGHTS = "weights.safetensors"


class Learner(ABC):
    """Something with hyper-parameters (dataclass fields made with ``param``) that learns tensors.

    ``former_names`` maps hyper-parameters of older labs to today's names, so that their files still load.
    """

    kind: ClassVar[str]  # names the file beside the weights: "quantizer" or "model"
    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    steppable: ClassVar[bool] = False  # trains by gradient steps: can be paused, stepped and given new live parameters
    former_names: ClassVar[dict[str, str]] = {}

    @abstractmethod
    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything learned, on the processor, for safetensors."""

    @abstractmethod
    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take back what ``tensors`` gave."""

    def check_params(self) -> None:  # noqa: B027  most learners take every combination
        """Refuse values that contradict each other.

        Raises:
            ValueError: names both and the way out.
        """

    def training_state(self) -> TrainingState:
        """All that a later ``fit_steps(state=...)`` needs: tensors and plain JSON values, nested one level at most.

        Raises:
            ValueError: this learner is fitted in one go.
        """
        raise ValueError(f"{self.name} is fitted in one call and cannot be resumed.")

    def refuse_state(self, state: TrainingState | None) -> None:
        """For learners that are fitted in one go.

        Raises:
            ValueError: there is a state to go on from.
        """
        if state is not None:
            raise ValueError(f"{self.name} is fitted in one call and cannot continue from a saved state; fit it again.")

    def about(self) -> params.Values:
        """What stands in ``quantizer.json`` or ``model.json``: name and hyper-parameters."""
        return {self.kind: self.name, "params": params.values(self)}

    def read_about(self, about: params.Values) -> None:  # noqa: B027  most learners have no more than hyper-parameters
        """Take from ``about`` what is neither a hyper-parameter nor a tensor."""

    def save(self, folder: Path | str) -> None:
        """Write ``quantizer.json`` or ``model.json``, and ``weights.safetensors``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {key: value.contiguous() for key, value in self.tensors().items()}
        (folder / f"{self.kind}.json").write_text(json.dumps(self.about(), indent=1), encoding="utf-8")
        save_file(tensors, folder / WEIGHTS)

    def read_weights(self, folder: Path | str) -> Self:
        """Take the weights that ``save`` wrote."""
        self.load_tensors(load_file(Path(folder) / WEIGHTS))
        return self


T = TypeVar("T", bound=Learner)


class Registry(dict[str, type[T]], Generic[T]):
    """Learners of one kind by name.

    Args:
        kind: as ``Learner.kind``.
        known: in the order in which people choose from them.
    """

    def __init__(self, kind: str, known: dict[str, type[T]]):
        super().__init__(known)
        self.kind = kind

    def create(self, name: str, **values: Any) -> T:
        """Make one from its name and hyper-parameters.

        Raises:
            ValueError: unknown name or hyper-parameter (the known ones are listed), or a value out of bounds.
        """
        if name not in self:
            raise ValueError(f"'{name}' is not a {self.kind}; choose from {', '.join(self)}.")
        made: T = params.build(self[name], values)
        return made

    def load(self, folder: Path | str) -> T:
        """Read a fitted one that ``save`` wrote."""
        about = json.loads((Path(folder) / f"{self.kind}.json").read_text(encoding="utf-8"))
        made = self.create(about[self.kind], **about["params"])
        made.read_about(about)
        return made.read_weights(folder)
