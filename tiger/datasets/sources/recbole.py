"""RecBole's atomic files: tab-separated tables whose column names carry types.

Source: https://recbole.io/docs/user_guide/data/atomic_files.html
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from tiger.core import paths
from tiger.core.params import param
from tiger.datasets.base import Interactions, RawCatalogue, assemble
from tiger.datasets.io import histories, readers
from tiger.datasets.io.ids import to_ids

ENDINGS = (".inter", ".item", ".user")
SPLITS = ("train", "valid", "test")
TYPES = ("token", "token_seq", "float", "float_seq")
CATEGORIES = ("category", "categories", "class", "genre", "genres", "classes")


@dataclass
class RecBole:
    """A folder with one .inter file (or its parts train, valid and test), usually an .item file, and perhaps a .user file.

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
        inter_files = self._inter_files()
        parts = [self._interactions(file) for file in inter_files]
        inter = parts[0] if len(parts) == 1 else _together(parts)
        items, file, first = self._items(inter_files[0], inter)
        raw = assemble(_stem(inter_files[0]), items, file, inter, self.unknown_items, first)
        raw.report |= self._user_report(inter_files[0], raw)
        return raw

    def _interactions(self, file: Path) -> Interactions:
        frame, types = read_atomic(file, self.encoding, [self.time_field])
        settings = {self.user_field: "user_field", self.item_field: "item_field"}
        listed = histories.list_column([name for name, kind in types.items() if kind == "token_seq"], self.item_field)
        readers.need_columns(frame, [self.user_field] + ([self.item_field] if listed is None else []), file.name, settings)
        time_N = None
        if self.time_field in frame:
            if types[self.time_field] != "float":
                raise ValueError(f"{file.name}: column '{readers.shown([self.time_field])}' is of type "
                                 f"{types[self.time_field]}, but histories are ordered by a float; "
                                 "correct the first line.")
            time_N = frame[self.time_field].to_numpy(np.float64)
        users = to_ids(frame[self.user_field])
        items = to_ids(frame[self.item_field]) if self.item_field in frame else None
        if listed is not None:
            users, items = histories.unfold(users, frame[listed], items, time_N, file.name, listed)
            return Interactions(users, items, None, file.name)
        assert items is not None
        return Interactions(users, items, time_N, file.name)

    def _inter_files(self) -> list[Path]:
        """The file of interactions, or its parts: x.train.inter, x.valid.inter, x.test.inter."""
        path = readers.find_place(self.path) if self.path else None
        if path is None:
            raise ValueError(f"'{self.path[:200]}' does not exist; give the folder with the .inter file.")
        if path.is_file():
            return [_allowed(path)]
        paths.check_inside(path)
        found = sorted(path.glob("*.inter"))
        splits = {file.name.split(".")[-2]: file for file in found if file.name.count(".") >= 2}
        one = len({file.name.rsplit(".", 2)[0] for file in found}) == 1
        if len(found) > 1 and one and len(splits) == len(found) and set(splits) <= set(SPLITS):
            return [_allowed(splits[name]) for name in SPLITS if name in splits]
        if len(found) != 1:
            names = readers.shown([file.name for file in found], 5) or "none"
            raise ValueError(f"'{path.name}' should hold one .inter file, but holds {names}; "
                             "give the path to the file that counts.")
        return [_allowed(found[0])]

    def _items(self, inter_file: Path, inter: Interactions) -> tuple[pd.DataFrame, str, int]:
        """Items in their final order, the file they came from, and the number of its first row."""
        seen = pd.Index(pd.unique(pd.Series(inter.item_N, dtype="str")))
        file = beside(inter_file, ".item")
        if file is None:
            return pd.DataFrame({"item_id": seen}), inter_file.name, 2
        frame, types = read_atomic(file, self.encoding)
        readers.need_columns(frame, [self.item_field], file.name, {self.item_field: "item_field"})
        frame[self.item_field] = to_ids(frame[self.item_field])
        items = _describe(frame, types, self.item_field)
        if items["item_id"].duplicated().any() or (items["item_id"] == "").any():
            return items, file.name, 2  # refused later, with the row as it stands in the file
        order = seen.append(pd.Index(items["item_id"]).difference(seen, sort=False))
        known = order.intersection(pd.Index(items["item_id"]), sort=False)
        return items.set_index("item_id").loc[known].reset_index(), file.name, 2

    def _user_report(self, inter_file: Path, raw: RawCatalogue) -> dict[str, int]:
        file = beside(inter_file, ".user")
        if file is None:
            return {}
        frame, _ = read_atomic(file, self.encoding)
        readers.need_columns(frame, [self.user_field], file.name, {self.user_field: "user_field"})
        users = pd.Series(to_ids(frame[self.user_field]), dtype="str")
        again = np.flatnonzero(users.duplicated())
        if len(again):
            raise ValueError(f"{file.name}, row {again[0] + 2}, repeats the user id "
                             f"'{users.iloc[again[0]][:40]}'; keep one row per user.")
        return {"users_without_history": int((~users.isin(raw.user_ids)).sum())}


def _stem(inter_file: Path) -> str:
    """The dataset's name: the file's, without the part's (x.train.inter is a part of x)."""
    name, _, part = inter_file.stem.rpartition(".")
    return name if name and part in SPLITS else inter_file.stem


def beside(inter_file: Path, ending: str) -> Path | None:
    """The .item or .user file of an .inter file: of its own name, or without the part's name (x.train.inter, x.item)."""
    files = [inter_file.with_name(stem + ending) for stem in (inter_file.stem, _stem(inter_file))]
    found = next((file for file in files if file.exists()), None)
    return None if found is None else _allowed(found)


def _allowed(file: Path) -> Path:
    """An atomic file, if the path and what it leads to are of a kind that may be opened.

    Raises:
        ValueError: another ending, or a link to elsewhere.
    """
    try:
        real = paths.check_inside(file).resolve()
    except (OSError, RuntimeError):  # a link to itself
        raise ValueError(f"'{file.name[:80]}' is a link that leads nowhere; copy the file itself there.") from None
    for name in (file, real):
        if name.suffix not in ENDINGS:
            raise ValueError(f"'{file.name[:80]}' {'leads to a file that ends' if name is not file else 'ends'} in "
                             f"'{name.suffix[:20]}', but RecBole's files end in {', '.join(ENDINGS)}; give the folder that holds "
                             "them, or the .inter file.")
    return file


def _together(parts: list[Interactions]) -> Interactions:
    """The parts of a split as one, in the order train, valid, test."""
    times = [part.time_N for part in parts if part.time_N is not None]
    time_N = np.concatenate(times) if len(times) == len(parts) else None
    users = [user for part in parts for user in part.user_N]
    return Interactions(users, [item for part in parts for item in part.item_N], time_N, ", ".join(part.file for part in parts))


def read_atomic(file: Path, encoding: str = "utf-8", numbers: Sequence[str] = ()) -> tuple[pd.DataFrame, dict[str, str]]:
    """One atomic file: tokens and sequences as text, floats as float64; and the type of each column.

    Args:
        numbers: columns whose every cell must be a finite number; in others what is none becomes NaN.

    Raises:
        ValueError: a column without one of RecBole's four types, or a cell that is not of its column's type.
    """
    frame = readers.read_delimited(file, file.name, "\t", encoding=encoding, remedy=True)
    types, names = {}, []
    for column in frame:
        name, _, kind = str(column).rpartition(":")
        if not name or kind not in TYPES or (len(frame.columns) == 1 and name.count(":") and re.search("[,;|]", name)):
            raise ValueError(_untyped(file.name, str(column), list(map(str, frame))))
        types[name] = kind
        names.append(name)
    readers.check_names(names, file.name)
    frame.columns = pd.Index(names)
    for name, kind in types.items():
        if kind == "float" and name in numbers:
            _refuse_dates(frame[name], name, file.name)
            frame[name] = readers.to_numbers(frame[name], name, file.name)
        elif kind == "float":
            frame[name] = pd.to_numeric(frame[name], errors="coerce").astype(np.float64)
    return frame, types


def _untyped(file: str, column: str, names: list[str]) -> str:
    """Why the first line is none of RecBole's, the likely cause first."""
    typed = sum(name.count(":") for name in names)
    mark = next((mark for mark in (",", ";", "|") if len(names) == 1 and mark in column), None)
    if mark is not None and typed:
        return (f"{file} separates its columns by {readers.SEPARATORS[mark]}, but RecBole's files use tabs; save it with tabs, "
                "or load it as own tables.")
    if not typed:
        return (f"{file} has no line of names with types, as RecBole's files do; begin it with a line such as user_id:token, "
                "item_id:token, timestamp:float, separated by tabs, or load it as own tables.")
    return (f"{file}: the column name '{readers.shown([column])}' carries no type; write it as "
            f"'name:type' with one of {', '.join(TYPES)}.")


def _refuse_dates(column: pd.Series, name: str, file: str) -> None:
    """Times written as dates are no floats: say so before the first is called no number."""
    dates = np.flatnonzero(column.str.match(readers.DATE).to_numpy(bool))
    if len(dates):
        raise ValueError(f"{file}, row {dates[0] + 2}, column '{readers.shown([name])}', holds a date, but RecBole's times are "
                         "numbers; write seconds since 1970, or load the file as own tables, which read dates.")


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
