"""A real second version of the item vectors: a file of the user's own, or vectors recomputed from text."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.datasets import embed
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.io import readers
from tiger.datasets.io.ids import to_ids
from tiger.datasets.vectors import MAX_WIDTH, Given, read_ids
from tiger.studies.drift.align import align, fit_width, procrustes_similarity, residual, unmoved
from tiger.studies.drift.simulate import Version

ALIGN = ("auto", "yes", "no")
MAX_FILES = 12
ENDINGS = (".npy", ".safetensors", ".csv", ".tsv", ".parquet")
HUGE = 1e6  # times as long as a typical old vector: squares of such numbers overflow float32
UNRELATED = 0.05  # rows less similar than this explain no more of the old vectors than rows in random order
OTHER_MEANING = 0.9  # share of the old vectors' variance that stays unexplained where numbers mean something else


def version_files(path: str) -> list[str]:
    """The files that a path names: itself, several with commas between them, or a folder's in the order of their names.

    Raises:
        ValueError: a folder without such files, or too many.
    """
    if not path.strip():
        return []
    whole = Path(path).expanduser()
    if whole.is_dir():
        found = sorted(str(file) for file in whole.iterdir() if file.suffix.lower() in ENDINGS and file.is_file())
        if not found:
            raise ValueError(f"The folder '{path}' holds no file that ends in {', '.join(ENDINGS)}; put one version of the "
                             "vectors into each file.")
    else:
        found = [path] if whole.is_file() else [part.strip() for part in path.split(",") if part.strip()]
    if len(found) > MAX_FILES:
        raise ValueError(f"path names {len(found)} files, but at most {MAX_FILES} periods are possible; name fewer.")
    return found


def from_files(cat: Catalogue, path: str, ids: str = "", tensor: str = "") -> list[Version]:
    """One version for each file that ``version_files`` finds; see ``from_file``.

    Args:
        ids: one file of item ids for all, or one for each with commas between them.

    Raises:
        ValueError: another number of id files, or what ``from_file`` refuses.
    """
    files = version_files(path)
    lists = version_files(ids) if ids else [""]
    if len(lists) not in (1, len(files)):
        raise ValueError(f"ids names {counted(len(lists), 'file')} and path {len(files)}; give one for all, or one for each.")
    lists = lists * len(files) if len(lists) == 1 else lists
    return [from_file(cat, file, one, tensor) for file, one in zip(files, lists, strict=True)]


def align_first(version: Version, old_IE: np.ndarray, how: str, source: str) -> Version:
    """The version aligned with the old vectors, where that is asked for or needed, and a note with what stays unexplained.

    Args:
        how: "yes", "no", or "auto": a sentence model's vectors, and those of a file that was not as wide as the old
            ones or whose numbers mean something else.
        source: where the version comes from; nothing simulated is aligned by itself.
    """
    before = residual(version.emb_IE, old_IE)
    needed = source == "sentence" or (source == "file" and (version.refitted or before > OTHER_MEANING))
    if how == "no" or (how == "auto" and not needed):
        return version
    emb_IE = align(version.emb_IE, old_IE, ~version.new_I)
    emb_IE = np.where(unmoved(emb_IE, old_IE)[:, None], old_IE, emb_IE)  # rounding is no drift
    note = (f"The new vectors were aligned with the old ones before any remedy (orthogonal Procrustes); "
            f"{residual(emb_IE, old_IE):.0%} of the old vectors' variance stays unexplained, {before:.0%} before that.")
    return replace(version, emb_IE=emb_IE, notes=(*version.notes, note))


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
        notes.append(f"{file.name} has {counted(extra, 'item that is', 'items that are')} not in the catalogue; "
                     f"{'it was' if extra == 1 else 'they were'} left out.")
    check_lengths(emb_IE, cat, file.name)
    made = _fitted(cat, emb_IE, notes)
    if ids or file.suffix.lower() not in (".npy", ".safetensors"):
        return made
    return replace(made, notes=(*made.notes, *_row_order_notes(made.emb_IE, cat.embedding_IE, file.name)))


def check_lengths(emb_IE: np.ndarray, cat: Catalogue, name: str) -> None:
    """Raise ValueError where a vector is so long that computing with it would overflow; names the item."""
    length_I = np.linalg.norm(emb_IE.astype(np.float64), axis=1)
    limit = HUGE * max(float(np.linalg.norm(cat.embedding_IE.astype(np.float64), axis=1).mean()), 1e-6)
    bad = np.flatnonzero(length_I > limit)
    if len(bad):
        item = cat.items["item_id"].iloc[bad[0]]
        raise ValueError(f"{name}: the vector of item '{item}' is {length_I[bad[0]]:.3g} long, but must be at most {limit:.3g} "
                         f"long ({counted(len(bad), 'such row')}); scale or repair them.")


def _row_order_notes(emb_IE: np.ndarray, old_IE: np.ndarray, name: str) -> list[str]:
    """Notes on vectors that were matched by their place in the file."""
    notes = [f"{name} was matched by row order, no ids given: row 1 is the catalogue's first item, and so on."]
    if procrustes_similarity(emb_IE, old_IE) < UNRELATED:
        notes.append(f"Warning: even aligned with the old vectors, those of {name} explain no more of them than rows in random "
                     "order would. If the rows are in another order, give a file with the item id of each row.")
    return notes


def _from_table(path: str, name: str, item_ids: list[str]) -> tuple[np.ndarray, int]:
    frame, name = readers.read_table(path, "second version of the vectors")
    readers.need_columns(frame, ["item_id"], name)
    ids = pd.Series(to_ids(frame["item_id"]))
    if ids.duplicated().any():
        raise ValueError(f"{name} has the item '{ids[ids.duplicated()].iloc[0]}' more than once; keep one row per item.")
    columns = [name for name in frame.columns if name != "item_id" and not str(name).startswith("__index_level")]
    if not 1 <= len(columns) <= MAX_WIDTH:
        raise ValueError(f"{name} has {counted(len(columns), 'column')} of numbers, but must have between 1 and {MAX_WIDTH:,}.")
    try:
        table_NE = frame[columns].apply(pd.to_numeric).to_numpy(np.float32)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name} has a cell that is no number ({str(error)[:80]}); every column but item_id must hold "
                         "numbers.") from None
    row = {one: number for number, one in enumerate(ids)}
    missing = [one for one in item_ids if one not in row]
    if missing:
        raise ValueError(f"{name} has no vector for item '{missing[0]}' ({len(missing):,} of {len(item_ids):,} "
                         f"{'is' if len(missing) == 1 else 'are'} missing); add a row for each.")
    emb_IE = table_NE[[row[one] for one in item_ids]]
    bad = np.flatnonzero(~np.isfinite(emb_IE).all(1))
    if len(bad):
        raise ValueError(f"{name}: the vector of item '{item_ids[bad[0]]}' holds NaN or infinity "
                         f"({counted(len(bad), 'such row')}); drop or repair them.")
    return emb_IE, len(ids) - len(item_ids)


def refit(cat: Catalogue, kind: str, dim: int | None = None, share: float = 1.0) -> Version:
    """The items' vectors, recomputed.

    Args:
        kind: "titles" (TF-IDF of the titles alone), "history" (TF-IDF of the text, an item also described by the
            titles next to it in histories), or "sentence" (a sentence model instead of TF-IDF).
        share: of "history": share of each user's training interactions that is known, the first ones.

    Raises:
        ValueError: an unknown kind, or what the method needs is missing.
    """
    width = dim or cat.embedding_IE.shape[1]
    if kind == "titles":
        emb_IE = embed.embed_cached(cat.items["title"].astype(str).tolist(), "tfidf", dim=width)
    elif kind == "history":
        emb_IE = embed.embed_cached(_with_companions(cat, share), "tfidf", dim=width)
    elif kind == "sentence":
        texts = cat.items["text"].astype(str).where(cat.items["text"].astype(str) != "", cat.items["title"].astype(str))
        emb_IE = embed.embed_cached(texts.tolist(), "sentence")
    else:
        raise ValueError(f"The refit is {kind!r}, but must be titles, history or sentence.")
    return _fitted(cat, emb_IE, [])


def _with_companions(cat: Catalogue, share: float, at_most: int = 5) -> list[str]:
    """Each item's text and the titles that are most often next to it in the training part of a history."""
    split = cat.split()
    known = [row[:math.ceil(share * len(row))] for row in map(split.train_history, range(cat.n_users))]
    one, two = (np.concatenate([np.empty(0, np.int64), *(row[part] for row in known)])
                for part in (slice(None, -1), slice(1, None)))
    pairs = pd.DataFrame({"item": np.concatenate([one, two]), "near": np.concatenate([two, one])})
    counted = pairs[pairs["item"] != pairs["near"]].value_counts().reset_index(name="n")
    counted = counted.sort_values(["item", "n", "near"], ascending=[True, False, True]).groupby("item").head(at_most)
    titles = cat.items["title"].astype(str).to_numpy(object)
    near = counted.groupby("item")["near"].agg(lambda items: " ".join(titles[items]))
    return [f"{text} {near.get(item, '')}" for item, text in enumerate(cat.items["text"].astype(str))]


def _fitted(cat: Catalogue, emb_IE: np.ndarray, notes: list[str]) -> Version:
    emb_IE, words = fit_width(emb_IE, cat.embedding_IE.shape[1])
    return Version(emb_IE, np.zeros(cat.n_items, bool), tuple([*notes, words] if words else notes), bool(words))
