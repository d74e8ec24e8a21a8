"""Public packages whose answers ours must equal."""

import importlib
import os
from typing import Any

import pytest


def oracle(name: str) -> Any:
    """A package of ``requirements-dev.txt``. Without it a test is skipped; in CI, where it must be there, it fails."""
    return importlib.import_module(name) if os.environ.get("CI") else pytest.importorskip(name)
