"""The user's own tables: items and interactions as CSV, TSV or Parquet."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd

from tiger.core.params import param
from tiger.core.words import counted
from tiger.datasets.base import MAX_ITEMS, Interactions, RawCatalogue, assemble
from tiger.datasets.io import histories, readers
from tiger.datasets.io.ids import to_ids

IMAGE = "image"  # names of files: no words


@dataclass
class Tables:
    """One table of items, one of interactions, or only one of the two."""

    title: ClassVar[str] = "Own tables"
    summary: ClassVar[str] = "Your own items and interactions as CSV, TSV or Parquet."

    items: str = param("", "Table of items: item_id; optional: title, text, category.")
    interactions: str = param("", "Table of interactions: user_id, item_id; optional: timestamp.")
    pictures: str = param("", "Folder of the items' pictures; the column image names each one's file.")
    item_column: str = param("item_id", "Column of the item's id, in both tables.", group="columns")
    user_column: str = param("user_id", "Column of the user's id.", group="columns")
    time_column: str = param("timestamp", "Column that orders histories; without it the file's order is used.",
                             group="columns")
    title_column: str = param("title", "Column of the item's title.", group="columns")
    text_columns: str = param("", "Columns joined as the item's text, separated by commas; empty for all text "
                                  "columns.", group="columns")
    category_column: str = param("category", "Column of the category, or category path 'A > B > C'.",
                                 group="columns")
    unknown_items: str = param("refuse", "What to do with interactions whose item is not in the table.",
                               choices=("refuse", "drop"), group="columns")
    encoding: str = param("utf-8", "Text encoding of CSV and TSV files.", choices=("utf-8", "latin-1"),
                          group="columns")

    def read(self) -> RawCatalogue:
        """Read both tables; ValueError names file, row or column and remedy."""
        if self.pictures and not Path(self.pictures).is_dir():
            raise ValueError(f"The folder of pictures '{self.pictures}' does not exist; give a folder, or leave it empty.")
        if not self.items and not self.interactions:
            raise ValueError("No table was given; name a file of items, of interactions, or both.")
        inter = self._interactions() if self.interactions else None
        if not self.items:
            assert inter is not None
            seen = pd.unique(pd.Series(inter.item_N, dtype="str"))
            return assemble(Path(self.interactions).stem, pd.DataFrame({"item_id": seen}), inter.file, inter)
        wanted = [self.item_column, self.title_column, self.category_column, *self._text_columns()]
        frame, file = readers.read_table(self.items, "items", self.encoding, MAX_ITEMS, self.category_column, wanted, remedy=True)
        raw = assemble(Path(self.items).stem, self._describe(frame, file), file, inter, self.unknown_items)
        if frame.attrs.get("left_out"):
            raw.report["columns_left_out"] = frame.attrs["left_out"]
        return raw

    def _text_columns(self) -> list[str]:
        return [part.strip() for part in self.text_columns.split(",") if part.strip()]

    def _interactions(self) -> Interactions:
        """Who had what and when; a list of items a row is unfolded."""
        names = readers.column_names(self.interactions, "interactions")
        listed = histories.list_column(names, self.item_column)
        wanted = [self.user_column, self.item_column, self.time_column, *([listed] if listed else [])]
        frame, file = readers.read_table(self.interactions, "interactions", self.encoding, wanted=wanted, only_wanted=True,
                                         remedy=True)
        settings = {self.user_column: "user_column", self.item_column: "item_column", self.time_column: "time_column"}
        needed = [self.user_column] + ([self.item_column] if listed is None else [])
        readers.need_columns(frame if set(needed) <= set(frame) else pd.DataFrame(columns=names), needed, file, settings)
        time_N = None
        if self.time_column in frame:
            time_N = _times(frame[self.time_column], self.time_column, file)
        elif self.time_column != "timestamp":
            readers.need_columns(pd.DataFrame(columns=names), [self.time_column], file, settings)
        users = to_ids(frame[self.user_column])
        items = to_ids(frame[self.item_column]) if self.item_column in frame else None
        if listed is not None:
            users, items = histories.unfold(users, frame[listed], items, time_N, file, listed)
            return Interactions(users, items, None, file)
        assert items is not None
        return Interactions(users, items, time_N, file)

    def _describe(self, frame: pd.DataFrame, file: str) -> pd.DataFrame:
        readers.need_columns(frame, [self.item_column], file, {self.item_column: "item_column"})
        wanted = self._text_columns()
        for name, default in ((self.title_column, "title"), (self.category_column, "category")):
            wanted += [name] if name != default else []
        readers.need_columns(frame, wanted, file)
        chosen = self._text_columns()
        texts = {str(name): to_ids(frame[name]) for name in frame
                 if name != self.item_column and (name in chosen or (name != IMAGE and _is_text(frame[name])))}
        order = chosen or sorted(texts, key=lambda name: name != self.title_column)
        blank = [""] * len(frame)
        items = pd.DataFrame({"item_id": to_ids(frame[self.item_column]),
                              "title": texts.get(self.title_column, blank),
                              "text": [" ".join(filter(None, words)) for words in
                                       zip(*(texts[name] for name in order),
                                           strict=True)] if order else blank,
                              "category": texts.get(self.category_column, blank)})
        taken = {self.item_column, self.title_column, self.category_column, "item_id", "title", "text",
                 "category"}
        extra = frame[[name for name in frame if name not in taken]].reset_index(drop=True)
        return pd.concat([items, extra], axis=1)


def _is_text(column: pd.Series) -> bool:
    """Whether a column holds words: in CSV everything is text, so a column of numbers does not count."""
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return False
    return not pd.to_numeric(column.head(1000), errors="coerce").notna().all()


def _times(column: pd.Series, name: str, file: str) -> np.ndarray:
    """Numbers as they are; dates such as 2024-05-01 12:30 as whole numbers that order as they do."""
    if pd.api.types.infer_dtype(column) == "boolean":
        raise ValueError(f"{file}: column '{name}' holds true and false, which are not times; say which column is the time with "
                         "time_column='...'.")
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        missing = np.flatnonzero(column.isna())
        if len(missing):
            raise ValueError(f"{file}, row {missing[0] + 2}, column '{name}', holds no time "
                             f"({counted(len(missing), 'such row')}); complete or delete the row.")
        return column.astype("int64").to_numpy().astype(np.float64)
    if pd.api.types.is_numeric_dtype(column) or pd.to_numeric(column.head(100),
                                                              errors="coerce").notna().any():
        return readers.to_numbers(column, name, file)
    dates = pd.to_datetime(column, errors="coerce", utc=True, format="ISO8601")
    bad = np.flatnonzero(dates.isna())
    if len(bad):
        raise ValueError(f"{file}, row {bad[0] + 2}, column '{name}', holds "
                         f"'{str(column.iloc[bad[0]])[:40]}', which "
                         "is neither a number nor a date such as 2024-05-01 12:30; correct or delete the "
                         "row.")
    return dates.astype("int64").to_numpy().astype(np.float64)
