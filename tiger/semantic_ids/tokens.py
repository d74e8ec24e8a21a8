"""Codes from lists of numbers or tokens, however these are spelled: ``<a_12>``, ``<|a_12|>``, ``<s_a_12>``, ``a_12``."""

import re

import numpy as np

from tiger.core.words import counted
from tiger.semantic_ids.raw import MAX_CODE, MAX_ROWS, check_shape, whole_numbers

MAX_ID_LETTERS = 1000  # of a whole ID written as one text
WORD = r"(?:[A-Za-z]+_)+"
INSIDE = rf"(?:{WORD}|{WORD}\d+_)\d+"  # a_12, s_a_12, level_0_12
ONE = rf"(?:<\|{INSIDE}\|>|<{INSIDE}>|\[{INSIDE}\]|{WORD}\d+|\d+)"
PIECE = re.compile(ONE)
WHOLE = re.compile(rf"[\s\[(]*{ONE}(?:(?:\s*[-_,;|/]\s*|\s+|(?<=[>\]])(?=[<\[])){ONE})*[\s\])]*")
FRAME = re.compile(r"<\|?(?:[A-Za-z]+_)?(?:begin|start|end|bos|eos)\|?>|</?s>")  # <|sid_begin|> .. <|sid_end|> around an ID
QUOTES = str.maketrans("", "", "'\"")
TOKEN = re.compile(r"(?:<\|?|\[)?((?:[A-Za-z]+_)*[A-Za-z]+(?:_\d+)?)_(\d+)(?:\|?>|\])?")
NUMBER = re.compile(r"-?\d{1,9}(?:\.0+)?")


def from_lists(name: str, rows: list, keys: np.ndarray | None) -> np.ndarray:
    """Codes from one list (or one string) of codes or tokens per item."""
    if len(rows) > MAX_ROWS:
        check_shape(name, (len(rows), 1))
    rows = [_pieces(name, row, place, keys) if isinstance(row, str) else row for place, row in enumerate(rows)]
    lengths = [len(row) if isinstance(row, (list, tuple)) or (isinstance(row, np.ndarray) and row.ndim == 1) else 0
               for row in rows]
    width = lengths[0] if lengths else 0
    for place, length in enumerate(lengths):
        if length != width or not length:
            item = _short(keys[place] if keys is not None else place)
            raise ValueError(f"'{name}' gives item {item} {counted(length, 'code') if length else 'no codes'} and the first item "
                             f"{width}; all IDs need the same number of levels, at least 1.")
    check_shape(name, (len(rows), width))
    if all(isinstance(row, np.ndarray) and row.dtype.kind in "iu" for row in rows):
        return whole_numbers(name, np.concatenate(rows).reshape(len(rows), width))
    columns = [column(name, [row[level] for row in rows], level) for level in range(width)]
    return whole_numbers(name, np.column_stack(columns))


def _pieces(name: str, text: str, place: int, keys: np.ndarray | None) -> list[str]:
    """The codes or tokens of a whole ID, such as ``1-5-2`` or ``<a_1><b_5>``."""
    bare = FRAME.sub("", text[:MAX_ID_LETTERS + 1].translate(QUOTES)) if "<" in text else \
        text[:MAX_ID_LETTERS + 1].translate(QUOTES)
    if len(text) > MAX_ID_LETTERS or (bare.strip() and not WHOLE.fullmatch(bare)):
        item = _short(keys[place] if keys is not None else place)
        raise ValueError(f"'{name}' gives item {item} the ID '{_short(text)}'; write its codes as 1-5-2 or as tokens such as "
                         "<a_1><b_5>.")
    return PIECE.findall(bare)


def column(name: str, values: list, level: int) -> np.ndarray:
    """One level's codes from numbers or tokens ``<a_3>``."""
    if all(type(value) is int for value in values):
        return np.array([min(max(value, -2), MAX_CODE + 1) for value in values], np.int64)
    import pandas as pd  # here, so that this module loads with numpy alone
    number_N, distinct = pd.factorize(np.array([_text(value) for value in values], dtype=object))
    codes, letters = np.zeros(len(distinct), np.int64), set()
    for place, text in enumerate(distinct):
        token = TOKEN.fullmatch(text) if len(text) < MAX_ID_LETTERS else None
        if not token and not NUMBER.fullmatch(text):
            row = int((number_N == place).argmax())
            raise ValueError(f"'{name}' has {_short(text)!r} at level {level + 1} of row {row}, "
                             "but codes are whole numbers or tokens like '<a_12>'.")
        letters.add(token[1] if token else "")
        digits = token[2] if token else text.split(".")[0]
        codes[place] = min(int(digits[:12]), MAX_CODE + 1)
    if len(letters) > 1:
        shown = ", ".join(map(_short, sorted(letters)[:8])) + (" .." if len(letters) > 8 else "")
        raise ValueError(f"'{name}' mixes the levels {shown} at position {level + 1}; "
                         "every ID must list its tokens in the same order.")
    return codes[number_N]


def _text(value: object) -> str:
    """A value as text; what is neither text nor a number only by its kind, however large it is."""
    return str(value)[:MAX_ID_LETTERS] if isinstance(value, str | int | float | np.generic) else f"a {type(value).__name__}"


def _short(value: object) -> str:
    """At most forty letters on one line."""
    return " ".join(str(value)[:40].split()) if isinstance(value, str) else str(value)[:40]
