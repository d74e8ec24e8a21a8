"""A second device on every machine: tensors that hold data but say that they stand on "meta".

A graphics processor refuses to compute with a tensor that was left on the processor; the machines that run the tests
have none. Inside ``SecondDevice()`` an operation on tensors of both places raises ``AssertionError`` just so.
"""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

DEVICE = torch.device("meta")


class Elsewhere(torch.Tensor):
    """A tensor whose data are on the processor in truth."""

    held: torch.Tensor

    @staticmethod
    def __new__(cls, held: torch.Tensor) -> "Elsewhere":
        made = torch.Tensor._make_wrapper_subclass(cls, held.size(), strides=held.stride(), dtype=held.dtype, device=DEVICE,
                                                   storage_offset=held.storage_offset())
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carry_out(func, args, kwargs or {})


class SecondDevice(TorchDispatchMode):
    """Makes tensors that are asked for on ``DEVICE`` there, and watches every operation."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return carry_out(func, args, kwargs or {})


def carry_out(func: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    """Compute on the data; the result stands where the inputs stand, or where ``device`` says."""
    name = str(func).split(".")[1]
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    there = [tensor for tensor in tensors if isinstance(tensor, Elsewhere)]
    left = [tuple(tensor.shape) for tensor in tensors if not isinstance(tensor, Elsewhere) and tensor.ndim]
    assert not (there and left) or name in ("_to_copy", "copy_"), f"{func} mixes devices; left behind: {left}"
    goes = torch.device(kwargs["device"]) == DEVICE if kwargs.get("device") else bool(there)
    plain = {key: torch.device("cpu") if key == "device" else value for key, value in kwargs.items()}
    found = func(*tree_map(_held, args), **tree_map(_held, plain))
    if name.endswith("_") and not name.endswith("__"):
        return args[0]
    if "out" in kwargs:
        return kwargs["out"]
    return tree_map(lambda leaf: Elsewhere(leaf) if goes and isinstance(leaf, torch.Tensor) else leaf, found)


def _held(leaf: Any) -> Any:
    return leaf.held if isinstance(leaf, Elsewhere) else leaf
