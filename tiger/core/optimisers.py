"""Adam and AdamW as ``torch.optim`` has them, without loading torch's compiler.

``torch.optim`` imports ``torch._dynamo``, which takes as long as torch itself, only to tell it not to compile an
optimiser's methods. Nothing in the lab is compiled, so these methods run without that wrapper, and a run starts sooner.
"""

import inspect
from typing import Any

import torch

WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def without_compiler(cls: type[torch.optim.Adam]) -> type[torch.optim.Adam]:
    """The same optimiser; its methods are those below torch's wrappers, and ``step`` turns gradients off itself."""
    methods: dict[str, Any] = {name: inspect.unwrap(getattr(cls, name)) for name in WRAPPED}
    return type(cls.__name__, (cls,), methods | {"step": torch.no_grad()(inspect.unwrap(cls.step)), "__doc__": cls.__doc__})


Adam = without_compiler(torch.optim.Adam)
AdamW = without_compiler(torch.optim.AdamW)
