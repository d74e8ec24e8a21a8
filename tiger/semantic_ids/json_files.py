"""Codes from JSON: ``index.json`` (item to tokens), lists, records, one record a line, and this lab's own files."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tiger.semantic_ids import columns
from tiger.semantic_ids.raw import MAX_CODE, MAX_ROWS, RawIds, declared
from tiger.semantic_ids.tokens import from_lists

Pairs = list[tuple[str, Any]]
MAX_PARTS = 3 * MAX_ROWS  # lists, objects and quoted texts that are unfolded at most
FEW_SHOWN = 5
NAMED_CODES = re.compile(r"(?:code|codes|level|semantic_id)_?\d{1,2}$", re.IGNORECASE)
HALF = re.compile("[\ud800-\udfff]")  # half of a surrogate pair: JSON can spell it, no file can hold it


class _Object(list):
    """A JSON object as its pairs, so that a key that stands twice is kept twice."""


def read_json(path: Path) -> RawIds:
    """Item to tokens or codes, a list of lists or of records, records a line, or this lab's own file."""
    text = _text(path)
    try:
        content = _parse(path.name, text)
    except json.JSONDecodeError as error:
        lines = text.strip().split("\n", 2)
        if error.msg == "Extra data" and len(lines) > 1 and lines[0].lstrip().startswith(("{", "[")):
            return _from_lines(path.name, text)
        raise _torn(path.name, error.lineno, error.colno, error.msg) from None
    del text
    if isinstance(content, _Object):
        return _from_object(path.name, content)
    if isinstance(content, list) and content and all(isinstance(row, _Object) for row in content):
        return _from_records(path.name, content)
    if not isinstance(content, list) or not content:
        raise ValueError(f"'{path.name}' must map item numbers to tokens, as in "
                         '{"0": ["<a_3>", "<b_7>"]}, or list one list of codes an item.')
    return RawIds(from_lists(path.name, content, None))


def read_jsonl(path: Path) -> RawIds:
    """One record a line, such as {"item_id": "B01", "codes": [1, 5, 2]}."""
    return _from_lines(path.name, _text(path))


def _text(path: Path) -> str:
    data = path.read_bytes()
    if sum(map(data.count, (b"[", b"{"))) > MAX_ROWS + 1000 or data.count(b'"') + data.count(b",") > 2 * MAX_PARTS:
        raise ValueError(f"'{path.name}' holds over {MAX_ROWS:,} lists or objects, or {MAX_PARTS:,} values, and no more are read "
                         "from JSON; store the codes as npy or Parquet.")
    return data.decode("utf-8-sig")


def _parse(name: str, text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_Object, parse_constant=str)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except ValueError:  # a number of thousands of digits
        raise ValueError(f"'{name}' holds a number too long to read; codes are whole numbers from 0 to {MAX_CODE:,}.") from None


def _torn(name: str, line: int, column: int, why: str) -> ValueError:
    return ValueError(f"'{name}' is damaged or not JSON at line {line}, column {column} ({why}); write it again.")


def _from_lines(name: str, text: str) -> RawIds:
    def parsed() -> Iterator[Any]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield _parse(name, line)
                except json.JSONDecodeError as error:
                    raise _torn(name, number, error.colno, error.msg) from None

    rows = list(parsed())
    if not rows:
        raise ValueError(f"'{name}' is empty; it should hold one record a line, such as "
                         '{"item_id": "B01", "codes": [1, 5, 2]}.')
    if all(isinstance(row, _Object) for row in rows):
        if all(len(row) == 1 for row in rows) and not _names_codes(rows[0][0][0]):  # {"B01": [1, 5, 2]} a line
            return _from_object(name, _Object(pair for row in rows for pair in row))
        return _from_records(name, rows)
    return RawIds(from_lists(name, rows, None))


def _from_object(name: str, content: _Object) -> RawIds:
    if not content:
        raise ValueError(f"'{name}' must map item numbers to tokens, as in " '{"0": ["<a_3>", "<b_7>"]}.')
    if content[0][0] == "format":
        about = dict(content)
        rows = about.get("ids")
        return declared(name, from_lists(name, rows if isinstance(rows, list) else [], None),
                        about.get("n_codes"), about.get("n_levels"))
    if any(map(_names_codes, (key for key, _ in content))):
        return _from_columns(name, content)
    if all(isinstance(value, _Object) for _, value in content):
        return _from_records(name, [_Object([("item_id", key), *value]) for key, value in content])
    half = next((place for place, (key, _) in enumerate(content) if HALF.search(key)), None)
    if half is not None:
        raise ValueError(f"'{name}' names item {half} with half a character; write its id as text.")
    keys = np.array([key for key, _ in content], dtype=object)
    codes_NL = from_lists(name, [value for _, value in content], keys)
    return RawIds(codes_NL, keys, "number" if all(map(str.isdecimal, keys)) else "item_id")


def _names_codes(key: str) -> bool:
    """Whether a key is the name of a column and no item: codes, semantic_id, code_1 .. (c1 may well be an item)."""
    return columns.is_text_of_codes(key) or bool(NAMED_CODES.match(key))


def _from_columns(name: str, content: _Object) -> RawIds:
    """{"item_id": [..], "codes": [..]}, or what pandas writes: {"item_id": {"0": ..}, ..}."""
    _refuse_twice(name, content)
    found = {}
    for key, value in content:
        if not isinstance(value, list):
            raise ValueError(f"'{name}' has {columns.shown([key])}, which holds one value and no list; give every column one "
                             "value an item.")
        found[key] = [one for _, one in value] if isinstance(value, _Object) else list(value)
    lengths = {key: len(values) for key, values in found.items()}
    if len(set(lengths.values())) > 1:
        said = ", ".join(f"{columns.shown([key])} {length:,}" for key, length in list(lengths.items())[:FEW_SHOWN])
        raise ValueError(f"'{name}' has columns of unequal length ({said}); give every column one value an item.")
    return _from_table(name, found)


def _from_records(name: str, rows: list[Any]) -> RawIds:
    """[{"item_id": "B01", "codes": [1, 5, 2]}, ..]; a record may leave a field out."""
    names: dict[str, None] = {}
    for place, row in enumerate(rows):
        if len({key for key, _ in row}) < len(row):
            twice = Counter(key for key, _ in row).most_common(1)[0][0]
            raise ValueError(f"'{name}' gives {columns.shown([twice])} twice in record {place}; keep one.")
        names.update(dict.fromkeys(key for key, _ in row))
        if len(names) > columns.MAX_COLUMNS:
            raise ValueError(f"'{name}' has over {columns.MAX_COLUMNS:,} different fields by record {place}; give every record "
                             "the same fields, such as item_id and codes.")
    tables = [dict(row) for row in rows]
    return _from_table(name, {key: [row.get(key) for row in tables] for key in names
                              if columns.about_ids(key) or len(names) <= columns.FEW_COLUMNS})


def _refuse_twice(name: str, content: _Object) -> None:
    twice = [key for key, count in Counter(key for key, _ in content).items() if count > 1]
    if twice:
        raise ValueError(f"'{name}' has {columns.shown(twice[:1])} twice; keep one.")


def _from_table(name: str, found: dict[str, list[Any]]) -> RawIds:
    import pandas as pd

    from tiger.semantic_ids import frames  # reads tables with pandas; an index.json needs none

    for key, values in found.items():  # objects in a column are no codes; neither are numbers that no array holds
        found[key] = [None if isinstance(value, _Object) else value for value in values]
    frame = pd.DataFrame({key: pd.Series(values, dtype=object).infer_objects() for key, values in found.items()})
    kinds = {key: frames.kind_of(frame[key]) for key in frame}
    return frames.from_frame(name, frame, columns.choose(name, kinds))
