"""Codes from ``index.json`` and other lists: numbers, or tokens such as ``<a_12>``."""

import json
import re
from pathlib import Path

import numpy as np

from tiger.semantic_ids.raw import MAX_CODE, MAX_ROWS, RawIds, check_shape, declared, whole_numbers

PIECE = re.compile(r"<[a-z]+_\d+>|\d+")
WHOLE = re.compile(r"[\s\[(]*(?:<[a-z]+_\d+>|\d+)(?:(?:\s*[-_,;|/]\s*|\s+|(?<=>)(?=<))(?:<[a-z]+_\d+>|\d+))*[\s\])]*")
QUOTES = str.maketrans("", "", "'\"")
TOKEN = re.compile(r"<([a-z]+)_(\d+)>")


def read_json(path: Path) -> RawIds:
    """Item to tokens or codes, a list of lists, or this lab's own file; a key that stands twice is kept twice."""
    with path.open(encoding="utf-8-sig") as file:
        try:
            content = json.load(file, object_pairs_hook=lambda pairs: pairs)
        except json.JSONDecodeError as error:
            raise ValueError(f"'{path.name}' is damaged or not JSON at line {error.lineno}, column {error.colno} "
                             f"({error.msg}); write it again.") from None
        except UnicodeDecodeError:
            raise
        except ValueError:  # a number of thousands of digits
            raise ValueError(f"'{path.name}' holds a number too long to read; codes are whole numbers from 0 to "
                             f"{MAX_CODE:,}.") from None
    pairs = isinstance(content, list) and all(isinstance(entry, tuple) for entry in content)
    if pairs and content and content[0][0] == "format":
        about = dict(content)
        codes_NL = from_lists(path.name, about.get("ids") or [], None)
        return declared(path.name, codes_NL, about.get("n_codes"), about.get("n_levels"))
    if not isinstance(content, list) or not content:
        raise ValueError(f"'{path.name}' must map item numbers to tokens, as in "
                         '{"0": ["<a_3>", "<b_7>"]}, or list one list of codes an item.')
    if not pairs:
        return RawIds(from_lists(path.name, content, None))
    keys = np.array([key for key, _ in content], dtype=object)
    codes_NL = from_lists(path.name, [value for _, value in content], keys)
    return RawIds(codes_NL, keys, "number" if all(map(str.isdecimal, keys)) else "item_id")


def from_lists(name: str, rows: list, keys: np.ndarray | None) -> np.ndarray:
    """Codes from one list (or one string) of codes or tokens per item."""
    if len(rows) > MAX_ROWS:
        check_shape(name, (len(rows), 1))
    rows = [_pieces(name, row, place, keys) if isinstance(row, str) else row for place, row in enumerate(rows)]
    lengths = [len(row) if isinstance(row, (list, np.ndarray)) else 0 for row in rows]
    width = lengths[0] if lengths else 0
    for place, length in enumerate(lengths):
        if length != width or not length:
            item = keys[place] if keys is not None else place
            raise ValueError(f"'{name}' gives item {item} {length or 'no'} codes and the first item {width}; "
                             "all IDs need the same number of levels, at least 1.")
    check_shape(name, (len(rows), width))
    columns = [column(name, [row[level] for row in rows], level) for level in range(width)]
    return whole_numbers(name, np.column_stack(columns))


def _pieces(name: str, text: str, place: int, keys: np.ndarray | None) -> list[str]:
    """The codes or tokens of a whole ID, such as ``1-5-2`` or ``<a_1><b_5>``."""
    bare = text.translate(QUOTES)
    if bare.strip() and not WHOLE.fullmatch(bare):
        item = keys[place] if keys is not None else place
        raise ValueError(f"'{name}' gives item {item} the ID '{text[:40]}'; write its codes as 1-5-2 or as tokens such as "
                         "<a_1><b_5>.")
    return PIECE.findall(bare)


def column(name: str, values: list, level: int) -> np.ndarray:
    """One level's codes from numbers or tokens ``<a_3>``."""
    if all(type(value) is int for value in values):
        return np.array([min(max(value, -2), MAX_CODE + 1) for value in values], np.int64)
    import pandas as pd  # here, so that this module loads with numpy alone
    number_N, distinct = pd.factorize(np.array([str(value) for value in values], dtype=object))
    codes, letters = np.zeros(len(distinct), np.int64), set()
    for place, text in enumerate(distinct):
        token = TOKEN.fullmatch(text)
        if not token and not re.fullmatch(r"-?\d{1,9}", text):
            row = int((number_N == place).argmax())
            raise ValueError(f"'{name}' has {text[:40]!r} at level {level + 1} of row {row}, "
                             "but codes are whole numbers or tokens like '<a_12>'.")
        letters.add(token[1] if token else "")
        codes[place] = min(int(token[2] if token else text), MAX_CODE + 1)
    if len(letters) > 1:
        raise ValueError(f"'{name}' mixes the levels {', '.join(sorted(letters))} at position {level + 1}; "
                         "every ID must list its tokens in the same order.")
    return codes[number_N]
