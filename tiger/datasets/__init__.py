"""Catalogues: ``load`` one from any source, with an embedding of its items.

Importing this package is cheap; what reads files and embeds texts is imported when it is first used.
"""

from typing import TYPE_CHECKING

from tiger.core import lazy

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
__getattr__ = lazy.names_from(__name__, {"loading": tuple(__all__)})
