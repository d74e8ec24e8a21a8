"""Histories that a table keeps as lists: one row holds what a user had before, and often the item that came next.

RecBole's sequential benchmarks (``item_id_list:token_seq``), MIND and others write them so. Rows of one user are steps of
one history: each goes on where the one before stopped, or shows its last part.
"""

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from tiger.datasets.io.ids import plain

WORDS = re.compile(r"[^\s,;|'\"\[\]()]+")
NAMES = ("history", "itemhistory", "userhistory", "historyitems", "historyitemids", "itemidlist", "itemlist", "itemids", "items",
         "itemseq", "itemsequence", "sequence", "historyitemid", "itemidseq", "clickhistory", "purchasehistory")
MAX_EVENTS = 50_000_000


def list_column(names: Sequence[str], item: str) -> str | None:
    """The column that holds histories as lists, told by its name; None where there is none.

    Args:
        names: the table's columns.
        item: the column of the single item, whose name the list's often holds.
    """
    bare = {re.sub(r"[^a-z0-9]", "", name.split(":")[0].lower()): name for name in reversed(names) if name != item}
    own = re.sub(r"[^a-z0-9]", "", item.lower())
    known = (f"{own}list", f"history{own}", f"{own}seq", f"{own}history", f"{own}sequence", f"hist{own}", *NAMES)
    likely = (name for name in bare if "hist" in name or ("item" in name and ("list" in name or "seq" in name)))
    return next((bare[name] for name in (*known, *likely) if name in bare), None)


def unfold(user_N: Sequence[str], lists_N: pd.Series, item_N: Sequence[str] | None, order_N: np.ndarray | None,
           file: str, column: str, first_row: int = 2) -> tuple[list[str], list[str]]:
    """One row an interaction, out of one row a history; users in the order of their first row.

    Args:
        user_N: users as text.
        lists_N: each row's list, as a list or as text such as ``12 7 3`` or ``['12', '7']``.
        item_N: the item that follows each list; None where the lists are all there is.
        order_N: what a user's rows are ordered by, earliest first; None for the file's order.

    Raises:
        ValueError: a row that does not go on from its user's row before; names it.
    """
    parts = [_items(cell) for cell in lists_N]
    ids = iter(plain([item for part in parts for item in part] + list(item_N if item_N is not None else [])))
    parts = [[next(ids) for _ in part] for part in parts]
    after = list(ids)
    order = np.arange(len(parts)) if order_N is None else np.argsort(order_N, kind="stable")
    found: dict[str, list[str]] = {user: [] for user in user_N}
    total = 0
    for row in order.tolist():
        sequence = parts[row] + ([after[row]] if item_N is not None and after[row] else [])
        known = found[user_N[row]]
        new = _continuation(known, sequence)
        if new is None:
            raise ValueError(f"{file}, row {row + first_row}: the history in column '{column[:40]}' does not go on from this "
                             "user's row before; write one row an interaction, with user, item and time.")
        known += new
        total += len(new)
        if total > MAX_EVENTS:
            raise ValueError(f"{file} holds over {MAX_EVENTS:,} interactions in its lists; keep the newest.")
    users = [user for user, items in found.items() for _ in items]
    return users, [item for items in found.values() for item in items]


def _items(cell: object) -> list[str]:
    if isinstance(cell, str):
        return WORDS.findall(cell)
    if isinstance(cell, list | tuple | np.ndarray):
        return [str(int(one)) if isinstance(one, float) and one == int(one) else str(one) for one in cell if one is not None]
    return []


def _continuation(known: list[str], sequence: list[str]) -> list[str] | None:
    """What a row adds to its user's history: all of it at first, else what follows the part that both have.

    A row may show the whole history again, or only its last items and the next one; None where it does neither.
    """
    if not known:
        return sequence
    if sequence[:len(known)] == known:
        return sequence[len(known):]
    for overlap in range(min(len(known), len(sequence)), 0, -1):
        if known[-overlap:] == sequence[:overlap]:
            return sequence[overlap:]
    if len(sequence) <= len(known) and any(known[at:at + len(sequence)] == sequence
                                           for at in range(len(known) - len(sequence) + 1)):
        return []
    return None
