"""A second version of the item vectors that is real: a file of the user's own, or vectors made anew from text."""

from pathlib import Path

import numpy as np
import pandas as pd

from tiger import embed
from tiger.catalogue import Catalogue
from tiger.datasets import readers
from tiger.datasets.vectors import MAX_WIDTH, Given, read_ids
from tiger.drift.align import fit_width
from tiger.drift.simulate import Version


def from_file(cat: Catalogue, path: str, ids: str = "", tensor: str = "") -> Version:
    """The catalogue's items in the vectors of a file, matched by item id wherever the file has ids.

    Args:
        path: ``.npy`` or ``.safetensors`` (rows in the items' order, or any order with ``ids``), or a table
            (``.csv``, ``.tsv``, ``.parquet``) with the column item_id and one column a number.
        ids: file with the item id of each row, for npy and safetensors.
        tensor: name of the tensor, where a safetensors file holds several.

    Raises:
        ValueError: names the file, the item and the remedy.
    """
    item_ids = cat.items["item_id"].astype(str).tolist()
    file = readers.find_file(path, "second version of the vectors")
    notes: list[str] = []
    if file.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet"):
        emb_IE, extra = _from_table(path, file.name, item_ids)
    else:
        emb_IE = Given(path, ids, tensor).read(item_ids)
        extra = len(set(read_ids(ids)) - set(item_ids)) if ids else 0
    if extra:
        notes.append(f"{file.name} has {extra:,} items that the catalogue does not know; they were left out.")
    return _fitted(cat, emb_IE, notes)


def _from_table(path: str, name: str, item_ids: list[str]) -> tuple[np.ndarray, int]:
    frame, name = readers.read_table(path, "second version of the vectors")
    readers.need_columns(frame, ["item_id"], name)
    ids = frame["item_id"].astype(str)
    if ids.duplicated().any():
        raise ValueError(f"{name} has the item '{ids[ids.duplicated()].iloc[0]}' more than once; keep one row per item.")
    columns = [name for name in frame.columns if name != "item_id" and not str(name).startswith("__index_level")]
    if not 1 <= len(columns) <= MAX_WIDTH:
        raise ValueError(f"{name} has {len(columns):,} columns of numbers, but must have between 1 and {MAX_WIDTH:,}.")
    try:
        table_NE = frame[columns].apply(pd.to_numeric).to_numpy(np.float32)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} has a cell that is no number ({str(error)[:80]}); every column but item_id must hold "
                         "numbers.") from None
    row = {one: number for number, one in enumerate(ids)}
    missing = [one for one in item_ids if one not in row]
    if missing:
        raise ValueError(f"{name} has no vector for item '{missing[0]}' ({len(missing):,} of {len(item_ids):,} are missing); "
                         "add a row for each.")
    emb_IE = table_NE[[row[one] for one in item_ids]]
    bad = np.flatnonzero(~np.isfinite(emb_IE).all(1))
    if len(bad):
        raise ValueError(f"{name}: the vector of item '{item_ids[bad[0]]}' holds NaN or infinity ({len(bad):,} such rows); "
                         "drop or repair them.")
    return emb_IE, len(ids) - len(item_ids)


def refit(cat: Catalogue, kind: str, dim: int | None = None) -> Version:
    """The items' vectors made anew.

    Args:
        kind: "titles" (TF-IDF of the titles alone), "history" (TF-IDF of the text, an item also described by the
            titles bought next to it), or "sentence" (a sentence model instead of TF-IDF).

    Raises:
        ValueError: an unknown kind, or what the method needs is missing.
    """
    width = dim or cat.embedding_IE.shape[1]
    if kind == "titles":
        emb_IE = embed.embed_cached(cat.items["title"].astype(str).tolist(), "tfidf", dim=width)
    elif kind == "history":
        emb_IE = embed.embed_cached(_with_companions(cat), "tfidf", dim=width)
    elif kind == "sentence":
        texts = cat.items["text"].astype(str).where(cat.items["text"].astype(str) != "", cat.items["title"].astype(str))
        emb_IE = embed.embed_cached(texts.tolist(), "sentence")
    else:
        raise ValueError(f"The refit is {kind!r}, but must be titles, history or sentence.")
    return _fitted(cat, emb_IE, [])


def _with_companions(cat: Catalogue, at_most: int = 5) -> list[str]:
    """Each item's text and the titles that most often stand next to it in a history."""
    last_T = np.zeros(cat.n_interactions, bool)
    last_T[cat.indptr_U1[1:][np.diff(cat.indptr_U1) > 0] - 1] = True
    one, two = cat.history_items[:-1][~last_T[:-1]], cat.history_items[1:][~last_T[:-1]]
    pairs = pd.DataFrame({"item": np.concatenate([one, two]), "near": np.concatenate([two, one])})
    counted = pairs[pairs["item"] != pairs["near"]].value_counts().reset_index(name="n")
    counted = counted.sort_values(["item", "n", "near"], ascending=[True, False, True]).groupby("item").head(at_most)
    titles = cat.items["title"].astype(str).to_numpy(object)
    near = counted.groupby("item")["near"].agg(lambda items: " ".join(titles[items]))
    return [f"{text} {near.get(item, '')}" for item, text in enumerate(cat.items["text"].astype(str))]


def _fitted(cat: Catalogue, emb_IE: np.ndarray, notes: list[str]) -> Version:
    emb_IE, words = fit_width(emb_IE, cat.embedding_IE.shape[1])
    return Version(emb_IE, np.zeros(cat.n_items, bool), tuple([*notes, words] if words else notes))


def suffix_ok(path: str) -> bool:
    """Whether a file's ending is one that ``from_file`` reads."""
    return Path(path).suffix.lower() in (".npy", ".safetensors", ".csv", ".tsv", ".txt", ".parquet")
