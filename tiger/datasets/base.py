"""What every source hands over, the checks that they share, and the data report."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import pandas as pd

from tiger.core.words import counted
from tiger.datasets.catalogue import ITEM_COLUMNS

MAX_ITEMS = 5_000_000
MAX_INTERACTIONS = 50_000_000


@dataclass
class RawCatalogue:
    """A catalogue that has no embedding yet; the fields are those of ``Catalogue``.

    ``embedding_IE`` is there where the source itself brings vectors; they are used unless another embedding is asked for.
    """

    name: str
    items: pd.DataFrame
    indptr_U1: np.ndarray
    history_items: np.ndarray
    user_ids: list[str]
    report: dict[str, Any] = field(default_factory=dict)
    embedding_IE: np.ndarray | None = None


class Source(Protocol):
    """A dataclass of hyper-parameters (``tiger.core.params``) that can read its files."""

    title: ClassVar[str]
    summary: ClassVar[str]

    def read(self) -> RawCatalogue:
        """Read and check everything; ValueError with one sentence where something is wrong."""
        ...


@dataclass
class Interactions:
    """Who touched what and when, in the file's order.

    Args:
        user_N, item_N: ids as text.
        time_N: float64 in any unit; None where the file's order is all there is.
        file: name for error messages.
        first_row: number of the first row in the file, as an editor counts lines.
    """

    user_N: Sequence[str]
    item_N: Sequence[str]
    time_N: np.ndarray | None
    file: str
    first_row: int = 2


def assemble(name: str, items: pd.DataFrame, items_file: str, inter: Interactions | None,
             unknown_items: str = "refuse", first_row: int = 2) -> RawCatalogue:
    """Check items and interactions, sort every history by time, and write the report.

    Users are numbered by first appearance in the file; items keep the order of ``items``. Rows of a user with
    the same time keep the file's order. A row with the user, item *and* time of an earlier row is a duplicate
    and is dropped; the same item at another time, or in a file without times, is a repeat and stays.

    Args:
        unknown_items: "refuse" or "drop" interactions with items that ``items`` does not list.
        first_row: number of the first item's row in ``items_file``.

    Raises:
        ValueError: names the file, the row and the remedy.
    """
    items = check_items(items, items_file, first_row)
    inter = inter or Interactions([], [], None, "no interactions")
    if len(inter.user_N) > MAX_INTERACTIONS:
        raise ValueError(f"{inter.file} holds {len(inter.user_N):,} interactions, but at most "
                         f"{MAX_INTERACTIONS:,} are read; keep the newest.")
    item_N = _item_numbers(items, inter, unknown_items)
    known_N = item_N >= 0
    user_N, names = pd.factorize(_strings(inter.user_N)[known_N])
    item_N = item_N[known_N]
    time_N = None if inter.time_N is None else inter.time_N[known_N]
    keep_N = _first_of_each(user_N, item_N, time_N)
    user_N, item_N = user_N[keep_N], item_N[keep_N]
    order_N = np.lexsort((user_N,)) if time_N is None else np.lexsort((time_N[keep_N], user_N))
    indptr_U1 = np.concatenate([[0], np.cumsum(np.bincount(user_N, minlength=len(names)))]).astype(np.int64)
    raw = RawCatalogue(name, items, indptr_U1, item_N[order_N].astype(np.int64),
                       [str(user) for user in names])
    raw.report = report(raw)
    raw.report["duplicates_dropped"] = int((~keep_N).sum())
    rule = "no timestamps: none dropped" if time_N is None else "same user, item and time"
    raw.report["duplicates_rule"] = rule
    raw.report["unknown_items_dropped"] = int((~known_N).sum())
    return raw


def check_items(items: pd.DataFrame, file: str, first_row: int = 2) -> pd.DataFrame:
    """Items with the four columns as text, and ids that are present and different.

    Raises:
        ValueError: names the file, the row and the remedy.
    """
    if len(items) == 0:
        raise ValueError(f"{file} holds no items; a catalogue needs at least one.")
    if len(items) > MAX_ITEMS:
        raise ValueError(f"{file} holds {len(items):,} items, but at most {MAX_ITEMS:,} are read; keep the "
                         "newest.")
    items = items.reset_index(drop=True)
    for column in ITEM_COLUMNS:
        if column not in items:
            items[column] = ""
        items[column] = items[column].astype("str").fillna("").str.strip()
    empty_I = items["item_id"] == ""
    if empty_I.any():
        raise ValueError(f"{file}, row {int(empty_I.argmax()) + first_row}, has no item id; give every item "
                         "one.")
    again_I = items["item_id"].duplicated()
    if again_I.any():
        row = int(again_I.argmax())
        raise ValueError(f"{file}, row {row + first_row}, repeats the item id '{items['item_id'][row]}'; "
                         "keep one row per item.")
    items["title"] = items["title"].where(items["title"] != "", items["item_id"])
    return items[[*ITEM_COLUMNS, *(column for column in items if column not in ITEM_COLUMNS)]]


def report(raw: RawCatalogue) -> dict[str, Any]:
    """The data report: what a person should know before trusting the data, as plain numbers."""
    length_U = np.diff(raw.indptr_U1)
    n_users, n_items, n_inter = len(raw.user_ids), len(raw.items), len(raw.history_items)
    marks, names = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 1), ("p0", "p10", "p25", "p50", "p75", "p90", "p100")
    found = np.quantile(length_U, marks, method="inverted_cdf").tolist() if n_users else [0] * len(marks)
    user_N = np.repeat(np.arange(n_users), length_U)
    pairs = len(np.unique(user_N * max(1, n_items) + raw.history_items))
    return {"n_users": n_users, "n_items": n_items, "n_interactions": n_inter,
            "length_quantiles": {mark: int(n) for mark, n in zip(names, found, strict=True)},
            "length_mean": n_inter / n_users if n_users else 0.0,
            "cold_items": int((np.bincount(raw.history_items, minlength=n_items) == 0).sum()),
            "repeats": n_inter - pairs, "users_under_3": int((length_U < 3).sum()),
            "density": pairs / (n_users * n_items) if n_users else 0.0,
            "items_without_text": int((raw.items["text"] == "").sum())}


def _item_numbers(items: pd.DataFrame, inter: Interactions, unknown_items: str) -> np.ndarray:
    """Item number of each interaction, -1 where unknown items are dropped."""
    item_N = pd.Index(items["item_id"]).get_indexer(pd.Index(_strings(inter.item_N)))
    for what, ids in (("user", _strings(inter.user_N)), ("item", _strings(inter.item_N))):
        empty = np.flatnonzero(ids == "")
        if len(empty):
            raise ValueError(f"{inter.file}, row {empty[0] + inter.first_row}, has no {what} id; "
                             "complete or delete the row.")
    unknown = np.flatnonzero(item_N < 0)
    if len(unknown) and unknown_items != "drop":
        row = int(unknown[0])
        raise ValueError(f"{inter.file}, row {row + inter.first_row}, has the unknown item "
                         f"'{inter.item_N[row]}' ({counted(len(unknown), 'such row')} in all); add it to the items or "
                         "load with unknown_items='drop'.")
    return item_N


def _strings(ids: Sequence[str]) -> np.ndarray:
    return np.asarray(pd.Series(ids, dtype="str").str.strip(), dtype=object)


def _first_of_each(user_N: np.ndarray, item_N: np.ndarray, time_N: np.ndarray | None) -> np.ndarray:
    """False where a row repeats the user, item and time of an earlier one."""
    if time_N is None:
        return np.ones(len(user_N), bool)
    frame = pd.DataFrame({"user": user_N, "item": item_N, "time": time_N})
    return (~frame.duplicated()).to_numpy()
