"""RecBole's atomic files: tab-separated tables whose column names carry types.

Source: https://recbole.io/docs/user_guide/data/atomic_files.html
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from tiger.core.params import param
from tiger.datasets.base import Interactions, RawCatalogue, assemble
from tiger.datasets.io import readers

TYPES = ("token", "token_seq", "float", "float_seq")
CATEGORIES = ("category", "categories", "class", "genre", "genres", "classes")


@dataclass
class RecBole:
    """A folder with one .inter file, usually an .item file, and perhaps a .user file.

    Items are numbered by first appearance among the interactions, as RecBole does, then the cold ones in the
    order of the .item file.
    """

    title: ClassVar[str] = "RecBole files"
    summary: ClassVar[str] = "A folder of RecBole's atomic files: .inter, .item and, if there is one, .user."

    path: str = param("", "Folder with the .inter and .item files, or the .inter file itself.")
    user_field: str = param("user_id", "Column of the user's id.", group="columns")
    item_field: str = param("item_id", "Column of the item's id.", group="columns")
    time_field: str = param("timestamp", "Column that orders histories; without it the file's order is used.",
                            group="columns")
    unknown_items: str = param("refuse", "What to do with interactions whose item is not in the .item file.",
                               choices=("refuse", "drop"), group="columns")
    encoding: str = param("utf-8", "Text encoding of the files.", choices=("utf-8", "latin-1"),
                          group="columns")

    def read(self) -> RawCatalogue:
        """Read all files; ValueError names file, row or column and remedy."""
        inter_file = self._inter_file()
        frame, types = read_atomic(inter_file, self.encoding)
        readers.need_columns(frame, [self.user_field, self.item_field], inter_file.name)
        time_N = None
        if self.time_field in frame:
            if types[self.time_field] != "float":
                raise ValueError(f"{inter_file.name}: column '{self.time_field}' is of type "
                                 f"{types[self.time_field]}, but histories are ordered by a float; "
                                 "correct the first line.")
            time_N = frame[self.time_field].to_numpy(np.float64)
        inter = Interactions(frame[self.user_field], frame[self.item_field], time_N, inter_file.name)
        items, file, first = self._items(inter_file, inter)
        raw = assemble(inter_file.stem, items, file, inter, self.unknown_items, first)
        raw.report |= self._user_report(inter_file, raw)
        return raw

    def _inter_file(self) -> Path:
        path = readers.find_place(self.path) if self.path else None
        if path is None:
            raise ValueError(f"'{self.path[:200]}' does not exist; give the folder with the .inter file.")
        if path.is_file():
            return path
        found = sorted(path.glob("*.inter"))
        if len(found) != 1:
            names = ", ".join(file.name for file in found[:5]) or "none"
            raise ValueError(f"'{path.name}' should hold one .inter file, but holds {names}; "
                             "give the path to the file that counts.")
        return found[0]

    def _items(self, inter_file: Path, inter: Interactions) -> tuple[pd.DataFrame, str, int]:
        """Items in their final order, the file they came from, and the number of its first row."""
        seen = pd.Index(pd.unique(pd.Series(inter.item_N, dtype="str")))
        file = inter_file.with_suffix(".item")
        if not file.exists():
            return pd.DataFrame({"item_id": seen}), inter_file.name, 2
        frame, types = read_atomic(file, self.encoding)
        readers.need_columns(frame, [self.item_field], file.name)
        items = _describe(frame, types, self.item_field)
        if items["item_id"].duplicated().any() or (items["item_id"] == "").any():
            return items, file.name, 2  # refused later, with the row as it stands in the file
        order = seen.append(pd.Index(items["item_id"]).difference(seen, sort=False))
        known = order.intersection(pd.Index(items["item_id"]), sort=False)
        return items.set_index("item_id").loc[known].reset_index(), file.name, 2

    def _user_report(self, inter_file: Path, raw: RawCatalogue) -> dict[str, int]:
        file = inter_file.with_suffix(".user")
        if not file.exists():
            return {}
        frame, _ = read_atomic(file, self.encoding)
        readers.need_columns(frame, [self.user_field], file.name)
        again = np.flatnonzero(frame[self.user_field].duplicated())
        if len(again):
            raise ValueError(f"{file.name}, row {again[0] + 2}, repeats the user id "
                             f"'{frame[self.user_field].iloc[again[0]]}'; keep one row per user.")
        return {"users_without_history": int((~frame[self.user_field].isin(raw.user_ids)).sum())}


def read_atomic(file: Path, encoding: str = "utf-8") -> tuple[pd.DataFrame, dict[str, str]]:
    """One atomic file: tokens as text, floats as float64, sequences as text; and the type of each column.

    Raises:
        ValueError: a column without one of RecBole's four types, or a cell that is not of its column's type.
    """
    frame = readers.read_delimited(file, file.name, "\t", encoding=encoding)
    types, names = {}, []
    for column in frame:
        name, _, kind = str(column).rpartition(":")
        if not name or kind not in TYPES:
            raise ValueError(f"{file.name}: the column name '{column}' carries no type; write it as "
                             f"'name:type' with one of {', '.join(TYPES)}.")
        types[name] = kind
        names.append(name)
    readers.check_names(names, file.name)
    frame.columns = pd.Index(names)
    for name, kind in types.items():
        if kind == "float":
            frame[name] = readers.to_numbers(frame[name], name, file.name)
        elif kind == "float_seq":
            _check_float_seq(frame[name], name, file.name)
    return frame, types


def _check_float_seq(column: pd.Series, name: str, file: str) -> None:
    """Raise ValueError unless every part of every cell is a finite number."""
    parts = column.str.split().explode().dropna()
    numbers = pd.to_numeric(parts, errors="coerce").to_numpy(np.float64, na_value=np.nan)
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise ValueError(f"{file}, row {parts.index[bad[0]] + 2}, column '{name}', holds "
                         f"'{str(parts.iloc[bad[0]])[:40]}', which is not a finite number; correct or delete "
                         f"the row.")


def _describe(frame: pd.DataFrame, types: dict[str, str], item_field: str) -> pd.DataFrame:
    """Title, text and category out of whatever columns there are; every column is kept beside them."""
    words = [name for name, kind in types.items() if kind.startswith("token") and name != item_field]
    title = next((name for name in words if name.lower() in ("title", "name")),
                 next((name for name in words if "title" in name.lower() or "name" in name.lower()), None))
    category = next((name for name in words if name.lower() in CATEGORIES), None)
    rest = [name for name in words if name != title]
    cells = zip(*(frame[name] for name in ([title, *rest] if title else rest)), strict=True)
    items = pd.DataFrame({"item_id": frame[item_field], "title": frame[title] if title else "",
                          "text": [" ".join(filter(None, row)) for row in cells] if words else ""})
    items["category"] = [_path(cell, types[category]) for cell in frame[category]] if category else ""
    taken = {item_field, "title", "text", "category"}
    return pd.concat([items, frame[[name for name in frame if name not in taken]]], axis=1)


def _path(cell: str, kind: str) -> str:
    """A category cell as a path: "Animation Children's" becomes "Animation > Children's"."""
    if kind == "token":
        return cell.strip()
    parts = cell.split(",") if "," in cell else cell.split()
    return " > ".join(part.strip().strip("'\"[]") for part in parts)
