"""Which column of a table names the item and which hold codes: told by their names, never by a silent guess."""

import re
from collections.abc import Iterable, Mapping
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
CODE_COLUMN = re.compile(r"^(?:codes?|level|layer|codebook|cluster|sid|semantic_?id|token|rq|[a-z])[_ ]?(\d+)$", re.IGNORECASE)
PLAIN = re.compile(r"[a-z]{1,2}")  # names of columns that say nothing, as in a, b, c
NUMBER, TEXT, OTHER = "number", "text", "other"
REMEDY = "name a column item_id if it is the item, code_1, code_2 .. if it is a code, or leave it out"
FEW_ROWS = 20  # up to here codes may differ in every row by chance
MAX_COLUMNS = 10_000
FEW_COLUMNS = 64  # up to here every column is looked at


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
    return re.sub(r"[^a-z0-9]", "", str(column)[:200].split(":")[0].lower())


def shown(names: Iterable[str], limit: int = 12) -> str:
    """Names for a message: the first few, each cut to 40 letters, on one line."""
    given = list(names)
    words = [" ".join("".join(letter if letter.isprintable() else " " for letter in str(name)[:40]).split()) for name in given]
    return ", ".join(words[:limit]) + (f" .. ({len(given):,} in all)" if len(given) > limit else "")


def is_text_of_codes(column: str) -> bool:
    """Whether a column's name says that it holds whole IDs."""
    return bare(column) in TEXTS


def about_ids(column: str) -> bool:
    """Whether a column's name says that it is the item, a code or a whole ID."""
    name = bare(column)
    return name in KEYS or name in TEXTS or bool(CODE_COLUMN.match(column.split(":")[0].strip()))


def choose(name: str, kinds: Mapping[str, str]) -> Columns:
    """The item's column and the codes' columns.

    Args:
        kinds: column to what it holds: ``NUMBER``, ``TEXT`` or ``OTHER``.

    Raises:
        ValueError: there are no codes, or a column could be the item or a code and its name does not say which.
    """
    if len(kinds) > MAX_COLUMNS:
        raise ValueError(f"'{name}' has {len(kinds):,} columns, but at most {MAX_COLUMNS:,} are read; keep item_id and the "
                         "codes.")
    plain = {column: bare(column) for column in kinds}
    first = {known: column for column, known in reversed(plain.items())}
    key = next((first[known] for known in KEYS if known in first), None)
    key_kind = KEYS[plain[key]] if key is not None else "number"
    free = [column for column in kinds if plain[column] not in KEYS]
    levels = _numbered(name, free)
    text = next((first[known] for known in TEXTS if known in first and kinds[first[known]] != NUMBER), None)
    named = bool(levels) or text is not None
    if not named:
        levels = [column for column in free if kinds[column] == NUMBER and plain[column] not in KNOWN]
    if not levels and text is None:
        raise ValueError(f"'{name}' has the columns {shown(kinds)}; name the codes code_1, code_2 .. (or one column of "
                         "whole IDs semantic_id) and the item item_id (or item for its number).")
    if not named:
        _refuse_table(name, levels, plain)
    if len(levels) > 1:
        check_shape(name, (1, len(levels)))
    whole = not levels
    rest = [column for column in free if column not in levels and plain[column] not in TEXTS
            and _unclear(kinds[column], plain[column] in KNOWN, key is not None, named, whole)]
    if rest:
        raise ValueError(f"'{name}' also has the column{'s' if len(rest) > 1 else ''} {shown(rest)}, which may be the "
                         f"item or a code; {REMEDY}.")
    return Columns(key, key_kind, levels, text if whole else None, named)


def _refuse_table(name: str, levels: list[str], plain: Mapping[str, str]) -> None:
    """Refuse an ordinary table, whose columns of numbers have names that mean something else."""
    other = [column for column in levels if not PLAIN.fullmatch(plain[column])]
    if other:
        kind = "a table of interactions" if any(word.startswith("user") for word in plain.values()) else "an ordinary table"
        raise ValueError(f"'{name}' looks like {kind}, with numbers in {shown(other)}, and has no codes; name the columns of "
                         "codes code_1, code_2 .. (or one of whole IDs semantic_id), or load it as own data.")


def _unclear(kind: str, known: bool, has_key: bool, named: bool, whole: bool) -> bool:
    """Whether a column that is left over could be the item or a code."""
    if not named:
        return kind == NUMBER or not known
    return not known and (not has_key or (kind == NUMBER and not whole))


def _numbered(name: str, columns: list[str]) -> list[str]:
    """``code_1, code_2 ..`` in order; they may count from 0."""
    found = {column: int(match[1][:9]) for column in columns
             if (match := CODE_COLUMN.match(column[:200].split(":")[0].strip()))}
    levels = sorted(found, key=found.__getitem__)
    numbers = [found[column] for column in levels]
    if numbers and (numbers[0] > 1 or numbers != list(range(numbers[0], numbers[0] + len(numbers)))):
        raise ValueError(f"'{name}' has the columns of codes {shown(levels)}, but they must count 1, 2, 3 ..; "
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
