"""What names a dataset: where it comes from and how its items are embedded, as plain JSON values."""

from typing import Any, NotRequired, TypedDict

Values = dict[str, Any]
"""Hyper-parameters by name, as JSON has them."""


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
