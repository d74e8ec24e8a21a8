"""All that is needed to go on as if nothing had happened, in one file that is replaced in one move.

Tensors go into a safetensors file, everything else as JSON into that file's header, so that a crash can
never leave the two out of step.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from tiger.core import files
from tiger.core.learner import TrainingState

FILE = "checkpoint/state.safetensors"


def write(folder: Path, value: TrainingState) -> None:
    """Replace a run's checkpoint and wait for the disk.

    Args:
        folder: the run's folder.
        value: tensors, arrays, numbers, text, None, lists and dicts, nested as you like.
    """
    path = folder / FILE
    path.parent.mkdir(exist_ok=True)
    tensors: dict[str, torch.Tensor] = {}
    plain = json.dumps(_pack(value, tensors))
    files.write(path, save(tensors, metadata={"plain": plain}), durable=True)


def read(folder: Path) -> TrainingState | None:
    """What ``write`` was given, bit for bit; None where there is no checkpoint.

    Raises:
        ValueError: there is one that cannot be read; says which file, and the way out.
    """
    if not (folder / FILE).exists():
        return None
    try:
        with safe_open(folder / FILE, framework="pt") as file:
            plain = json.loads(file.metadata()["plain"])
            found = _unpack(plain, {key: file.get_tensor(key) for key in file.keys()})  # noqa: SIM118
        if not isinstance(found, dict):
            raise ValueError("it holds no table")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise ValueError(f"The checkpoint {FILE} of run {folder.name} cannot be read ({reason}), so the run cannot go on from "
                         f"it; what it has so far is kept. Train it from the start instead with python -m tiger runs resume "
                         f"{folder.name} --restart.") from None
    return found


def _pack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    """Take the tensors out of a nested value and leave a marker in the place of each."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        mark = "tensor" if isinstance(value, torch.Tensor) else "array"
        key = str(len(tensors))
        # a copy, because safetensors refuses tensors that share memory
        tensors[key] = torch.as_tensor(value).detach().clone(memory_format=torch.contiguous_format)
        return {mark: key}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(part, tensors)] for key, part in value.items()]}
    if isinstance(value, (list, tuple)):
        return [_pack(part, tensors) for part in value]
    return value.item() if isinstance(value, np.generic) else value


def _unpack(value: Any, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpack(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    (mark, content), = value.items()
    if mark == "dict":
        return {key: _unpack(part, tensors) for key, part in content}
    return tensors[content] if mark == "tensor" else tensors[content].numpy()
