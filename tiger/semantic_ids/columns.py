"""Which column of a table names the item and which hold codes: told by their names, never by a silent guess."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tiger.semantic_ids.raw import check_shape

ITEM_IDS = ("itemid", "parentasin", "asin", "productid", "movieid", "sku", "isbn", "bookid", "businessid", "gmapid",
            "articleid", "newsid", "trackid", "songid", "videoid", "gameid", "poiid")
NUMBERS = ("item", "itemnumber", "itemno", "itemindex", "itemidx", "iid", "id", "index", "idx", "row", "indexlevel0")
KEYS = dict.fromkeys(ITEM_IDS, "item_id") | dict.fromkeys(NUMBERS, "number")  # first choice first
TEXTS = ("semanticid", "semanticids", "codes", "ids", "tokens", "sid", "sids", "semantictokens")
KNOWN = ("title", "name", "text", "description", "category", "categories", "brand", "price", "rating", "collision",
         "embedding", "projectionx", "projectiony")  # about an item, neither its name nor its codes
INDEX = "__index_level_0__"  # what pandas calls an index without a name
CODE_COLUMN = re.compile(r"^(?:codes?|level|sid|token|c|l)[_ ]?(\d+)$", re.IGNORECASE)
NUMBER, TEXT, OTHER = "number", "text", "other"
REMEDY = "name a column item_id if it is the item, code_1, code_2 .. if it is a code, or leave it out"
FEW_ROWS = 20  # up to here codes may differ in every row by chance


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    Args:
        key: the item's column; None where the row number is the item number.
        key_kind: as in ``RawIds``.
        levels: columns of codes, one a level; empty where ``text`` holds whole IDs.
        named: the names of ``levels`` say that they are codes.
    """

    key: str | None
    key_kind: str
    levels: list[str]
    text: str | None = None
    named: bool = True

    @property
    def wanted(self) -> list[str]:
        """All of them."""
        return [column for column in (self.key, self.text, *self.levels) if column is not None]


def bare(column: str) -> str:
    """A name without case, signs and a type, as in ``Item_ID:token``."""
    return re.sub(r"[^a-z0-9]", "", column.split(":")[0].lower())


def choose(name: str, kinds: Mapping[str, str]) -> Columns:
    """The item's column and the codes' columns.

    Args:
        kinds: column to what it holds: ``NUMBER``, ``TEXT`` or ``OTHER``.

    Raises:
        ValueError: there are no codes, or a column could be the item or a code and its name does not say which.
    """
    key = next((column for known in KEYS for column in kinds if bare(column) == known), None)
    key_kind = KEYS[bare(key)] if key is not None else "number"
    free = [column for column in kinds if bare(column) not in KEYS]
    levels = _numbered(name, free)
    text = next((column for known in TEXTS for column in free
                 if bare(column) == known and kinds[column] != NUMBER), None)
    named = bool(levels) or text is not None
    if not named:
        levels = [column for column in free if kinds[column] == NUMBER and bare(column) not in KNOWN]
    if not levels and text is None:
        raise ValueError(f"'{name}' has the columns {', '.join(kinds)}; name the codes code_1, code_2 .. (or one column of "
                         "whole IDs semantic_id) and the item item_id (or item for its number).")
    if len(levels) > 1:
        check_shape(name, (1, len(levels)))
    whole = not levels
    rest = [column for column in free if column not in levels and bare(column) not in TEXTS
            and _unclear(kinds[column], bare(column) in KNOWN, key is not None, named, whole)]
    if rest:
        raise ValueError(f"'{name}' also has the column{'s' if len(rest) > 1 else ''} {', '.join(rest)}, which may be the "
                         f"item or a code; {REMEDY}.")
    return Columns(key, key_kind, levels, text if whole else None, named)


def _unclear(kind: str, known: bool, has_key: bool, named: bool, whole: bool) -> bool:
    """Whether a column that is left over could be the item or a code."""
    if not named:
        return kind == NUMBER or not known
    return not known and (not has_key or (kind == NUMBER and not whole))


def _numbered(name: str, columns: list[str]) -> list[str]:
    """``code_1, code_2 ..`` in order; they may count from 0."""
    found = {column: int(match[1]) for column in columns if (match := CODE_COLUMN.match(column.split(":")[0].strip()))}
    levels = sorted(found, key=found.__getitem__)
    numbers = [found[column] for column in levels]
    if numbers and (numbers[0] > 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers)))):
        raise ValueError(f"'{name}' has the columns of codes {', '.join(levels)}, but they must count 1, 2, 3 ..; "
                         "name each level once and leave none out.")
    return levels


def refuse_hidden_key(name: str, codes_NL: np.ndarray, first: str) -> None:
    """Refuse a first column without a clear name that looks like item numbers.

    Args:
        first: what the column is called, for people.
    """
    n_rows, n_levels = codes_NL.shape
    if n_levels < 2 or n_rows < 2:
        return
    first_N = codes_NL[:, 0]
    counts = first_N[0] in (0, 1) and np.array_equal(first_N, first_N[0] + np.arange(n_rows))
    differs = n_rows > FEW_ROWS and len(np.unique(first_N)) == n_rows and \
        all(len(np.unique(codes_NL[:, level])) < n_rows for level in range(1, n_levels))
    if counts or differs:
        how = "counts the rows" if counts else "differs in every row"
        raise ValueError(f"'{name}' has {first} that {how}, as item numbers do; name it item_id if it is the item, "
                         "code_1 if it is a code.")
