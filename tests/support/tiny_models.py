"""A catalogue small enough for a brute-force oracle, with a rule that models can learn."""

import functools
import tempfile

import numpy as np
import pandas as pd

from tiger import models
from tiger.datasets.catalogue import Catalogue
from tiger.semantic_ids import SemanticIds

N_ITEMS = 24


def catalogue(n_users: int = 60, seed: int = 0) -> Catalogue:
    """Users walk round the items in steps of one: the next item is always the last plus one."""
    rng = np.random.default_rng(seed)
    length_U = rng.integers(4, 13, n_users)
    rows = [(rng.integers(N_ITEMS) + np.arange(n)) % N_ITEMS for n in length_U]
    names = [f"item {item}" for item in range(N_ITEMS)]
    items = pd.DataFrame({"item_id": names, "title": names, "text": names, "category": "x"})
    angle_I = 2 * np.pi * np.arange(N_ITEMS) / N_ITEMS
    emb_IE = np.stack([np.cos(angle_I), np.sin(angle_I), np.cos(3 * angle_I)], 1).astype(np.float32)
    indptr_U1 = np.concatenate([[0], np.cumsum(length_U)])
    users = [f"u{user}" for user in range(n_users)]
    return Catalogue("tiny", items, indptr_U1, np.concatenate(rows), users, emb_IE)


def semantic_ids() -> SemanticIds:
    """Three levels of 4, 3 and 4 codes; half of all possible IDs are taken."""
    item_I = np.arange(N_ITEMS)
    last_I = item_I % 2 + 2 * (item_I % 6 // 3)
    return SemanticIds(np.stack([item_I // 6, item_I % 3, last_I], 1), [4, 3, 4], 3)


def semantic_ids_with_gaps() -> SemanticIds:
    """The same, but items 0 to 5 have none; walks that stay there cannot be read."""
    ids = semantic_ids()
    return SemanticIds(np.where(np.arange(N_ITEMS)[:, None] < 6, -1, ids.ids_IM), ids.n_codes, 3)


SMALL = {"width": 16, "n_layers": 1, "n_heads": 2, "n_epochs": 2, "batch_size": 16, "history_length": 6}
VALUES = {"popularity": {}, "encoder_decoder": SMALL | {"head": 8, "ff": 32}}


def values(name: str) -> dict:
    if name == "ensemble":
        return {"first": saved("rq_transformer"), "second": saved("sasrec")}
    return dict(VALUES.get(name, SMALL))


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()


@functools.cache
def saved(name: str) -> str:
    """A folder with this model, trained on the catalogue above; the same one every time."""
    path = f"{_folder().name}/{name}"
    models.create(name, **values(name)).fit(catalogue(), semantic_ids()).save(path)
    return path
