"""What items look like: a picture of the catalogue's ``image`` column, else a drawn icon of its category, else its initials.

A cell of ``image`` is a path inside the folder of the dataset's files or of its pictures, a ``data:`` address, or a remote
address, which is used only where the presenter allows it. Pictures come from strangers: their kind, size and dimensions are
checked before they are decoded, and what is handed on is a small copy made here.
"""

import base64
import binascii
import io
import itertools
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from xml.etree import ElementTree

from tiger.core import paths
from tiger.datasets.catalogue import Catalogue
from tiger.datasets.io.pictures import MAX_BYTES
from tiger.datasets.reference import DatasetRef

COLUMN = "image"
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS, SIDE = 24_000_000, 144
REMOTE = re.compile(r"https?://[^\s\"'<>]{1,2000}")
N_COLOURS = 8


@dataclass(frozen=True)
class Look:
    """How an item is drawn.

    Args:
        icon: name of a drawn icon; "" without one.
        picture: an address of a picture: ``data:``, or a remote one; "" without one.
        initials: where there is neither.
        colour: 0 to 7, the same for all items of a category.
    """

    icon: str
    picture: str
    initials: str
    colour: int


@cache
def icons() -> dict[str, str]:
    """The drawn icons by name, as the inside of a 24 x 24 ``svg``."""
    root = ElementTree.parse(paths.BUNDLED / "icons.svg").getroot()
    found = {}
    for symbol in root.iter("{http://www.w3.org/2000/svg}symbol"):
        shapes = "".join(ElementTree.tostring(shape, encoding="unicode") for shape in symbol)
        found[symbol.attrib["id"]] = re.sub(r"\s*xmlns(:\w+)?=\"[^\"]*\"|ns0:", "", shapes).strip()
    return found


def icon_of(category: str) -> str:
    """The icon of the deepest part of a category path that has one; "" for none."""
    for part in reversed(re.split(r"\s*>\s*", category.strip())):
        name = "-".join(re.findall(r"[a-z0-9]+", part.casefold()))
        if name in icons():
            return name
    return ""


def looks(cat: Catalogue, items: Iterable[int], remote: bool = False) -> dict[int, Look]:
    """How these items are drawn.

    Args:
        remote: whether pictures may come from other machines.
    """
    titles, paths_I, places, found = cat.items["title"], cat.items["category"], tuple(folders(cat.source)), {}
    for item in items:
        path = str(paths_I.iloc[item])
        cell = cat.items[COLUMN].iloc[item] if COLUMN in cat.items else ""
        words = re.findall(r"\w+", str(titles.iloc[item])) or ["?"]
        found[item] = Look(icon_of(path), picture(cell, places, remote) if isinstance(cell, str) else "",
                           "".join(word[0] for word in words[:2]).upper(),
                           sum(map(ord, path.split(">")[0].strip() or words[0].casefold())) % N_COLOURS)
    return found


def of(cat: Catalogue, items: Sequence[int]) -> list[str]:
    """A picture for each item, "" for those without one; empty where none of them has one. Nothing remote is asked for."""
    if COLUMN not in cat.items:
        return []
    found = looks(cat, items)
    shown = [found[item].picture for item in items]
    return shown if any(shown) else []


def folders(ref: DatasetRef) -> Iterator[Path]:
    """The folders in which a dataset's files lie; a picture's path is read from there."""
    for value in (ref.get("params") or {}).values():
        if isinstance(value, str) and value:
            path = Path(value).expanduser()
            if path.is_absolute() and path.exists():
                yield (path if path.is_dir() else path.parent).resolve()


def picture(cell: str, places: tuple[Path, ...], remote: bool = False) -> str:
    """The address of a picture; "" where the cell has none that may be shown.

    Args:
        cell: of the column ``image``.
        places: folders that a path may lie in.
        remote: whether an address of another machine may be handed to the browser.
    """
    cell = cell.strip()
    if not cell:
        return ""
    if REMOTE.match(cell):
        return cell if remote and REMOTE.fullmatch(cell) else ""
    if cell.startswith("data:"):
        return _inline(cell)
    names = (cell,) if ".." in cell else (cell, paths.safe_name(cell))  # uploads are kept by safe names
    for place, name in itertools.product(places, names):
        try:
            path = (place / name).resolve()
            if name and path.is_relative_to(place) and path.is_file():
                stat = path.stat()
                return _file(path, stat.st_mtime_ns, stat.st_size)
        except (OSError, ValueError, RuntimeError):  # a name that can be none, a ring of links
            continue
    return ""


def _inline(cell: str) -> str:
    head, _, body = cell.partition(",")
    if not re.fullmatch(r"data:image/[a-z]+;base64", head) or len(body) > MAX_BYTES * 4 // 3:
        return ""
    try:
        return _small(base64.b64decode(body, validate=True))
    except (binascii.Error, ValueError):
        return ""


@lru_cache(2000)
def _file(path: Path, _changed_ns: int, size: int) -> str:
    """A picture's small copy, kept while the file stays as it is."""
    return _small(path.read_bytes()) if size <= MAX_BYTES else ""


def _small(data: bytes) -> str:
    """A copy of at most 144 x 144 pixels as a ``data:`` address; "" for what is no picture or too large."""
    from PIL import Image  # of the extra app, which has the stage

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    return ""
                image.draft("RGB", (2 * SIDE, 2 * SIDE))
                small = image.convert("RGBA" if "A" in image.getbands() or "transparency" in image.info else "RGB")
        small.thumbnail((SIDE, SIDE))
        out = io.BytesIO()
        small.save(out, "WEBP", quality=80)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return ""
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()
