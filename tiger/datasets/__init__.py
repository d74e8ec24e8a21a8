"""Catalogues: ``load`` one from any source, with an embedding of its items.

Importing this package is cheap; what reads files and embeds texts is imported when it is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tiger.datasets.loading import (
        ARCHIVES,
        EMBEDDINGS,
        REGISTRY,
        Archive,
        describe_sources,
        download,
        embedding_method,
        load,
        load_ref,
    )

__all__ = ["ARCHIVES", "EMBEDDINGS", "REGISTRY", "Archive", "describe_sources", "download", "embedding_method", "load",
           "load_ref"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(importlib.import_module("tiger.datasets.loading"), name)
    raise AttributeError(f"module 'tiger.datasets' has no attribute {name!r}")
