"""Adam, AdamW and Adafactor as ``torch.optim`` has them, without loading torch's compiler.

``torch.optim`` imports ``torch._dynamo``, which takes as long as torch itself, only to tell it not to compile an
optimiser's methods. Nothing in the lab is compiled, so these methods run without that wrapper, and a run starts sooner.
"""

import inspect
from typing import Any, TypeVar, cast

import torch

WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


T = TypeVar("T", bound=torch.optim.Optimizer)


def without_compiler(cls: type[T]) -> type[T]:
    """The same optimiser; its methods are those below torch's wrappers, and ``step`` turns gradients off itself."""
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(cls, name)) for name in WRAPPED}
    methods |= {"step": torch.no_grad()(inspect.unwrap(cls.step)), "__doc__": cls.__doc__}
    return cast(type[T], type(cls.__name__, (cls,), methods))


Adam = without_compiler(torch.optim.Adam)
AdamW = without_compiler(torch.optim.AdamW)
Adafactor = without_compiler(torch.optim.Adafactor)
