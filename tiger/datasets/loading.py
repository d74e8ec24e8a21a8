"""Sources of catalogues: the registry, and ``load``, which adds the embedding.

A new source is one file with a dataclass (``title``, ``summary``, hyper-parameters, ``read``) and
one line in ``REGISTRY``.
"""

from typing import Any, TypedDict

import numpy as np

from tiger.core import params, paths
from tiger.core.params import Values
from tiger.core.words import none_of
from tiger.datasets import apart as isolated
from tiger.datasets import embed
from tiger.datasets.base import RawCatalogue, Source
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.cooccurrence import TextAndCooccurrence
from tiger.datasets.reference import DatasetRef
from tiger.datasets.sources.amazon import Amazon
from tiger.datasets.sources.grouplens import ARCHIVES, Archive, download
from tiger.datasets.sources.movielens import MovieLens
from tiger.datasets.sources.recbole import RecBole
from tiger.datasets.sources.recorded import Recorded
from tiger.datasets.sources.shards import Shards
from tiger.datasets.sources.synthetic import Synthetic
from tiger.datasets.sources.tables import Tables
from tiger.datasets.vectors import Given

__all__ = ["ARCHIVES", "EMBEDDINGS", "REGISTRY", "Archive", "describe_sources", "download",
           "embedding_method",
           "load", "load_ref"]

REGISTRY: dict[str, type[Source]] = {"synthetic": Synthetic, "recbole": RecBole, "movielens": MovieLens, "amazon": Amazon,
                                     "tables": Tables, "shards": Shards, "recorded": Recorded}
OWN = ("synthetic", "recorded")  # sources whose files this lab wrote; they are read without a process of their own
EMBEDDINGS: dict[str, Any] = {**embed.METHODS, "cooccurrence": TextAndCooccurrence, "given": Given}


def load(name: str, embedding: Values | str | None = None, **values: Any) -> Catalogue:
    """Load a catalogue: items, histories, data report and embedding.

    Where no item has a word in its text, plain TF-IDF gives way to the co-occurrence of items in histories; the
    catalogue's ``source`` says so.

    Args:
        name: a key of ``REGISTRY``.
        embedding: {"method": a key of ``EMBEDDINGS``, ...hyper-parameters}, or the key alone; TF-IDF where None.
        values: the source's hyper-parameters, such as ``path``.

    Raises:
        ValueError: an unknown name, or one sentence with file, row or column, and remedy.
    """
    return _load(name, embedding, values, False, False)


def _load(name: str, embedding: Any, values: Values, apart: bool, confined: bool) -> Catalogue:
    """See ``load`` and ``load_ref``."""
    if name not in REGISTRY:
        raise ValueError(f"There is no dataset '{name[:80]}'; choose from {', '.join(REGISTRY)}.")
    source = params.build(REGISTRY[name], values)
    embedding = _as_table(embedding)
    embedder = embedding_method(embedding)
    given = {key: getattr(source, key) for key in values}
    ref: DatasetRef = {"name": name, "params": given, "embedding": embedding}
    if source == Synthetic() and embedder == embed.Tfidf():
        cat = Catalogue.open(paths.BUNDLED / "synthetic")
        cat.source = ref
        return cat
    own = embedder if isinstance(embedder, Given) else None
    if apart and name not in OWN:
        raw, vectors = isolated.read(name, given, own, confined)
    else:
        raw = source.read()
        vectors = None if own is None else own.read(raw.items["item_id"].tolist())
    if raw.embedding_IE is not None and embedder == embed.Tfidf():
        vectors = raw.embedding_IE
    if vectors is None and embedder == embed.Tfidf() and raw.user_ids and not embed.has_words(raw.items["text"].tolist()):
        embedder = TextAndCooccurrence()
        embedding = ref["embedding"] = {"method": "cooccurrence"}
    emb_IE = _vectors(raw, embedder, embedding) if vectors is None else vectors
    return Catalogue(raw.name, raw.items, raw.indptr_U1, raw.history_items, raw.user_ids, emb_IE, ref,
                     raw.report)


def _as_table(embedding: Any) -> Values:
    """An embedding as {"method", ...}, however it was given."""
    if isinstance(embedding, str):
        return {"method": embedding}
    if embedding and not isinstance(embedding, dict):
        raise ValueError(f"The embedding is {str(embedding)[:80]!r}, but must be the name of a method, such as 'tfidf', "
                         "or a table {'method': ..., and its settings}.")
    return dict(embedding or {"method": "tfidf"})


def _vectors(raw: RawCatalogue, embedder: Any, embedding: Values) -> np.ndarray:
    """The items' embeddings (I, E) float32."""
    if isinstance(embedder, TextAndCooccurrence):
        return embedder.read(raw)
    texts = raw.items["text"].tolist()
    if not embed.has_words(texts):
        remedy = ("; choose the cooccurrence embedding, which learns from histories," if raw.user_ids else
                  ", and there are no histories to learn from; name a text column")
        raise ValueError(f"{none_of(len(texts), 'item').capitalize()} has a word in its text{remedy} or bring your own "
                         "embedding.")
    return embed.embed_cached(texts, **embedding)


def load_ref(ref: DatasetRef, apart: bool = False, confined: bool = False) -> Catalogue:
    """Load what a reference names: {"name", "params", "embedding"}; ``Catalogue.source`` is one.

    Args:
        apart: read the files in a process with bounded memory and time; for servers.
        confined: with ``apart``: only where a server may read; for what a visitor asks for.

    Raises:
        ValueError: it is no such reference, or what ``load`` refuses.
    """
    if not isinstance(ref, dict) or not isinstance(ref.get("name"), str):
        raise ValueError("A dataset reference needs a 'name', such as 'synthetic'.")
    values, embedding = ref.get("params") or {}, ref.get("embedding")
    if not isinstance(values, dict) or not isinstance(embedding, dict | None):
        raise ValueError("A dataset reference's 'params' and 'embedding' must be tables of names and values.")
    return _load(ref["name"], embedding, values, apart, confined)


def embedding_method(embedding: Values) -> Any:
    """The embedding method that a reference names, with its hyper-parameters checked.

    Raises:
        ValueError: unknown method or hyper-parameter.
    """
    method = embedding.get("method")
    if method not in EMBEDDINGS:
        raise ValueError(f"The embedding method is {method!r}, but must be one of {', '.join(EMBEDDINGS)}.")
    return params.build(EMBEDDINGS[method], {key: value for key, value in embedding.items()
                                             if key != "method"})


class SourceInfo(TypedDict):
    """What a picker shows of a source: its name, title, one line, and hyper-parameters."""

    name: str
    title: str
    summary: str
    specs: list[params.Spec]


def describe_sources() -> list[SourceInfo]:
    """Every source, as a picker shows it."""
    return [{"name": name, "title": source.title, "summary": source.summary, "specs": params.specs(source)}
            for name, source in REGISTRY.items()]
