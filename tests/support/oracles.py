"""Public packages whose answers ours must equal."""

import importlib
import os
from typing import Any

import pytest


def oracle(name: str, reason: str | None = None) -> Any:
    """A package that tests need. Without it a test is skipped, with the reason; in CI, where it must be there, it fails."""
    return importlib.import_module(name) if os.environ.get("CI") else pytest.importorskip(name, reason=reason)


class Later:
    """An oracle that is imported when a test first uses it: some take seconds, and every process of tests reads all files."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, what: str) -> Any:
        if what.startswith("_"):
            raise AttributeError(what)  # pytest asks all that stands in a file whether it is a test or a fixture
        return getattr(oracle(self._name), what)
