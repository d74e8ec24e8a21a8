"""What names a dataset: where it comes from and how its items are embedded, as plain JSON values."""

from typing import NotRequired, TypedDict

from tiger.core.params import Values


class DatasetRef(TypedDict):
    """A recipe that loads the same catalogue again; ``Catalogue.source`` is one.

    Args:
        name: a key of ``datasets.REGISTRY``.
        params: the source's hyper-parameters that differ from the defaults.
        embedding: {"method": a key of ``datasets.EMBEDDINGS``, ...hyper-parameters}; TF-IDF where absent.
    """

    name: str
    params: NotRequired[Values]
    embedding: NotRequired[Values | None]
