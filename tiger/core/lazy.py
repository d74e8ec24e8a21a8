"""Packages whose public names are imported when they are first used, so that importing them costs nothing."""

import importlib
from collections.abc import Callable
from typing import Any


def names_from(package: str, modules: dict[str, tuple[str, ...]]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` (PEP 562) that takes names from its submodules on first use.

    Args:
        package: the package's ``__name__``.
        modules: submodule to the public names that it defines.
    """
    home = {name: module for module, names in modules.items() for name in names}

    def getattr_(name: str) -> Any:
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    return getattr_
