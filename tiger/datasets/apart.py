"""Catalogues and vectors read in a process of their own, for servers: only whole, checked results come back.

What the child leaves are Parquet, npy and JSON files, which are read like anything else: without pickle.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from tiger.core import limited, params
from tiger.datasets.base import RawCatalogue
from tiger.datasets.reference import Values
from tiger.datasets.vectors import Given


def read(name: str, values: Values, given: Given | None, confined: bool) -> tuple[RawCatalogue, np.ndarray | None]:
    """A source's catalogue and, where vectors are given, those of its items, from a child process.

    Args:
        name: a key of ``datasets.REGISTRY``.
        values: the source's hyper-parameters.
        given: which file of vectors; None where they are made from the texts.
        confined: read only where a server may read.

    Raises:
        ValueError: what the source or the vectors refuse, or the files need more than a server gives.
    """
    with limited.call("catalogue", _named(values) or name, confined, name=name, values=values,
                      given=None if given is None else params.values(given)) as folder:
        about = limited.read_json(folder / "about.json")
        arrays = {path.stem: np.load(path, allow_pickle=False) for path in folder.glob("*.npy")}
        raw = RawCatalogue(about["name"], pd.read_parquet(folder / "items.parquet"), arrays["indptr"], arrays["history"],
                           limited.read_json(folder / "users.json"), about["report"], arrays.get("embedding"))
    return raw, arrays.get("given")


def store_catalogue(folder: Path, name: str, values: Values, given: Values | None) -> None:
    """Read a source and leave its catalogue in a folder."""
    from tiger.datasets.loading import REGISTRY

    raw: RawCatalogue = params.build(REGISTRY[name], values).read()
    raw.items.attrs.clear()
    _storable(raw.items).to_parquet(folder / "items.parquet", index=False)
    limited.write_json(folder / "users.json", raw.user_ids)
    np.save(folder / "indptr.npy", raw.indptr_U1, allow_pickle=False)
    np.save(folder / "history.npy", raw.history_items, allow_pickle=False)
    limited.write_json(folder / "about.json", {"name": raw.name, "report": raw.report})
    if raw.embedding_IE is not None:
        np.save(folder / "embedding.npy", raw.embedding_IE, allow_pickle=False)
    if given is not None:
        vectors = params.build(Given, given).read(raw.items["item_id"].tolist())
        np.save(folder / "given.npy", vectors, allow_pickle=False)


def _storable(items: pd.DataFrame) -> pd.DataFrame:
    """The items with what Parquet cannot hold as text."""
    mixed = [column for column in items if items[column].dtype == object
             and pd.api.types.infer_dtype(items[column], skipna=True) not in ("string", "empty")]
    return items.assign(**{str(column): items[column].astype("str") for column in mixed})


def vectors_of(given: Given) -> tuple[list[str], int]:
    """The ids of a file of vectors (empty without a file of ids) and the number of its rows, read in a child process.

    Raises:
        ValueError: the file is no table of finite numbers, or ids and rows do not match.
    """
    with limited.call("vectors", Path(given.path).name, **params.values(given)) as folder:
        about = limited.read_json(folder / "about.json")
    return about["ids"], about["n_rows"]


def store_vectors(folder: Path, **values: Any) -> None:
    """Check a file of vectors and leave its ids and the number of its rows in a folder."""
    ids, n_rows = params.build(Given, values).rows()
    limited.write_json(folder / "about.json", {"ids": ids, "n_rows": n_rows})


def _named(values: Values) -> str:
    return ", ".join(Path(value).name for value in values.values() if isinstance(value, str) and "/" in value)
