"""McAuley's Amazon review files, 2014 to 2023: streamed, thinned to a k-core, described as the paper does.

Source: Rajput et al. 2023, section 4.1 and appendix; https://jmcauley.ucsd.edu/data/amazon/ and
https://amazon-reviews-2023.github.io.
"""

import ast
import html
import json
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from tiger.core.params import param
from tiger.core.words import counted
from tiger.datasets.base import MAX_INTERACTIONS, Interactions, RawCatalogue, assemble
from tiger.datasets.io import readers, streams

USER_KEYS = ("reviewerID", "user_id")
ITEM_KEYS = ("parent_asin", "asin")
TIME_KEYS = ("unixReviewTime", "timestamp", "sort_timestamp")
MAX_LITERAL = 2**20  # a record in Python's notation is parsed to a tree many times its size
ASIN = re.compile(rb"""["'](parent_asin|asin)["']\s*:\s*["']([^"']+)["']""")
OTHER = b"parent_asin"
HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair: JSON can spell it, no file can hold it
MAX_NUMBER = 1e18
TAG = re.compile(r"<[^<>]{0,200}>")


@dataclass
class Amazon:
    """One category: its reviews and, in a second file, its metadata."""

    title: ClassVar[str] = "Amazon reviews"
    summary: ClassVar[str] = "McAuley's review and metadata files of one category, 2014 to 2023."

    reviews: str = param("", "Review file, such as reviews_Beauty_5.json.gz or All_Beauty.jsonl.gz.")
    metadata: str = param("", "Metadata file, such as meta_Beauty.json.gz; leave empty for no texts.")
    core: int = param(5, "k-core: keep only users and items with at least this many interactions.", low=1, high=100)
    text_length: int = param(1000, "Longest description in characters; the rest is cut.", low=0, high=100_000,
                             group="advanced")

    def read(self) -> RawCatalogue:
        """Stream both files; ValueError names file, line and remedy."""
        file = readers.find_file(self.reviews, "reviews")
        users, items, user_N, item_N, time_N = _read_reviews(file)
        n_read = len(user_N)
        keep_N = core_filter(user_N, item_N, self.core)
        if not keep_N.any():
            raise ValueError(f"{file.name}: no user and item have {counted(self.core, 'interaction')} each; "
                             "choose a smaller core or another file.")
        user_N, item_N, time_N = user_N[keep_N], item_N[keep_N], time_N[keep_N]
        kept = [items[number] for number in pd.unique(item_N)]
        frame, name, about = self._describe(kept, file)
        inter = Interactions([users[number] for number in user_N], [items[number] for number in item_N],
                             time_N,
                             file.name, 1)
        raw = assemble(_name(file), frame, name, inter, first_row=1)
        raw.report |= {"reviews_read": n_read, "dropped_by_core": n_read - int(keep_N.sum()), **about}
        return raw

    def _describe(self, kept: list[str], reviews: Path) -> tuple[pd.DataFrame, str, dict[str, int]]:
        """Items in the order of their first review, with the metadata's words."""
        if not self.metadata:
            return pd.DataFrame({"item_id": kept}), reviews.name, {}
        file = readers.find_file(self.metadata, "metadata")
        wanted, again = {item.encode() for item in kept}, 0
        rows: dict[str, dict[str, str]] = {}
        for number, line in enumerate(streams.read_lines(file), 1):
            found = ASIN.search(line)
            if found and _plain(found.group(2)) and found.group(2) not in wanted and (
                    found.group(1) == b"parent_asin" or OTHER not in line):
                continue
            record = parse_record(line, file.name, number)
            if not record:
                continue
            item = _id(record, ITEM_KEYS, file.name, number)
            if item.encode() not in wanted:
                continue
            again += item in rows
            rows.setdefault(item, _item(item, record, self.text_length))
        empty = {"title": "", "text": "", "category": "", "brand": "", "price": ""}
        frame = pd.DataFrame([rows.get(item) or {"item_id": item, **empty} for item in kept])
        return frame, file.name, {"items_without_metadata": len(kept) - len(rows), "metadata_repeats": again}


def _read_reviews(file: Path) -> tuple[list[str], list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Users and items by first appearance, and per review user number, item number and time."""
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    user_N, item_N, time_N = array("q"), array("q"), array("d")
    for number, line in enumerate(streams.read_lines(file), 1):
        record = parse_record(line, file.name, number)
        if not record:
            continue
        if number > MAX_INTERACTIONS:
            raise ValueError(f"{file.name} holds over {MAX_INTERACTIONS:,} reviews; take a smaller category.")
        user = _id(record, USER_KEYS, file.name, number)
        item = _id(record, ITEM_KEYS, file.name, number)
        time = _first(record, TIME_KEYS, file.name, number)
        if not _is_number(time):
            raise ValueError(f"{file.name}, line {number}: the time is {_short(time)}, but must be a "
                             "number; download the file again.")
        user_N.append(users.setdefault(user, len(users)))
        item_N.append(items.setdefault(item, len(items)))
        time_N.append(time)
    if not user_N:
        raise ValueError(f"{file.name} holds no reviews; download it again.")
    return list(users), list(items), np.array(user_N), np.array(item_N), np.array(time_N)


def parse_record(line: bytes, file: str, number: int) -> dict[str, Any]:
    """One line as a record: JSON, or the Python notation of the 2014 metadata, which is parsed and never run.

    An empty line gives an empty record.

    Raises:
        ValueError: it is neither; names file and line.
    """
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError:
        raise ValueError(f"{file}, line {number}, is not UTF-8; save the file as UTF-8.") from None
    if not text:
        return {}
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        record = _literal(text)
    if not isinstance(record, dict):
        raise ValueError(f"{file}, line {number}, is not a record; the file should hold one JSON object a line, "
                         "download it again.")
    return record


def _literal(text: str) -> Any:
    if len(text) > MAX_LITERAL or not text.startswith("{"):
        return None
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None


def core_filter(user_N: np.ndarray, item_N: np.ndarray, core: int) -> np.ndarray:
    """True for the interactions of the k-core: every user and item left has at least ``core`` of them."""
    keep_N = np.ones(len(user_N), bool)
    while keep_N.any():
        user_U = np.bincount(user_N[keep_N], minlength=int(user_N.max()) + 1)
        item_I = np.bincount(item_N[keep_N], minlength=int(item_N.max()) + 1)
        next_N = keep_N & (user_U[user_N] >= core) & (item_I[item_N] >= core)
        if next_N.sum() == keep_N.sum():
            break
        keep_N = next_N
    return keep_N


def _first(record: dict[str, Any], keys: tuple[str, ...], file: str, number: int) -> Any:
    for key in keys:
        if record.get(key) not in (None, ""):
            return record[key]
    raise ValueError(f"{file}, line {number}, has none of the fields {', '.join(keys)}; "
                     "check that this is one of McAuley's files.")


def _id(record: dict[str, Any], keys: tuple[str, ...], file: str, number: int) -> str:
    """An id as text without spaces around it.

    Raises:
        ValueError: none, neither text nor a whole number, or text that no file can hold; names file and line.
    """
    value = _first(record, keys, file, number)
    if not isinstance(value, str) and (isinstance(value, float) or not _is_number(value)):
        raise ValueError(f"{file}, line {number}: the id is {_short(value)}, but must be text; correct or delete the line.")
    text = str(value).strip()
    if not text or HALF.search(text):
        raise ValueError(f"{file}, line {number}: the id is {_short(text)}, which is {'half a character' if text else 'empty'}; "
                         "correct or delete the line.")
    return text


def _is_number(value: Any) -> bool:
    """Whether this is a finite number of a size that a time or price has."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < MAX_NUMBER


def _short(value: Any) -> str:
    """A value for a message; a number too long to be written is only called one."""
    try:
        return f"'{ascii(value)[1:-1][:40] if isinstance(value, str) else str(value)[:40]}'"
    except (ValueError, RecursionError):
        return "a number of thousands of digits"


def _plain(found: bytes) -> bool:
    """Whether an id stands in a line as it is, without escapes or spaces around it."""
    return b"\\" not in found and found == found.strip()


def _item(item: str, record: dict[str, Any], text_length: int) -> dict[str, str]:
    """Title, brand, category path, price and description of any of the three generations of files."""
    details = record.get("details") if isinstance(record.get("details"), dict) else {}
    title = _clean(record.get("title"))
    brand = _clean(record.get("brand") or (details or {}).get("Brand") or record.get("store"))
    price = _clean(record.get("price"))
    category = " > ".join(_categories(record))
    description = _clean(record.get("description"))[:text_length]
    said = [title, brand, category.replace(" > ", ", "), f"Price {price}" if price else "", description]
    return {"item_id": item, "title": title, "text": ". ".join(part for part in said if part),
            "category": category,
            "brand": brand, "price": price}


def _categories(record: dict[str, Any]) -> Iterator[str]:
    """The first category path: nested in 2014, flat since 2018, the main category where it is empty."""
    given = (record.get(name) for name in ("categories", "category", "main_category"))
    path: Any = next((value for value in given if value and isinstance(value, list | str)), [])
    if isinstance(path, str):
        path = [path]
    if path and isinstance(path[0], list):
        path = path[0]
    return (words for words in map(_clean, path) if words)


def _clean(value: Any) -> str:
    """A field as one line of plain text; empty for what is neither text nor a finite number, nor a list of them."""
    parts = value if isinstance(value, list) else [value]
    text = " ".join(str(part) for part in parts if isinstance(part, str) or _is_number(part))
    if HALF.search(text):  # pairs are put together, lone halves replaced
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(TAG.sub(" ", html.unescape(text)).split())


def _name(file: Path) -> str:
    """ "reviews_Beauty_5.json.gz" -> "Amazon Beauty"."""
    words = re.sub(r"^reviews_|_5$|\.(json|jsonl)(\.gz)?$", "", re.sub(r"\.(json|jsonl)(\.gz)?$", "",
                                                                       file.name))
    return f"Amazon {words.replace('_', ' ')}"
