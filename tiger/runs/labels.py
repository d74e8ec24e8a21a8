"""What people write on a run: a name, a note, tags and a star, in ``labels.json`` of its folder.

``config.json`` never changes, so a name given later stands here and wins over the title that the run was started with.
"""

import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from tiger.core import files
from tiger.core.words import counted

FILE = "labels.json"
MAX_NAME, MAX_NOTE, MAX_TAGS = 120, 2000, 20
TAG = re.compile(r"[^\s,]{1,40}")


@dataclass(frozen=True)
class Labels:
    """Name, note, tags and star of a run, and whether everybody in a class may look at it.

    Args:
        name: for people; "" where the run has the title that it was started with.
        tags: words without spaces or commas, in the order they were added.
    """

    name: str = ""
    note: str = ""
    tags: tuple[str, ...] = ()
    starred: bool = False
    shared: bool = False

    def but(self, *, name: str | None = None, note: str | None = None, tags: list[str] | tuple[str, ...] | None = None,
            starred: bool | None = None, shared: bool | None = None) -> Self:
        """The same with some changes, each checked.

        Raises:
            ValueError: a name, note or tag that is too long, or too many tags.
        """
        found = self
        if name is not None:
            found = replace(found, name=_checked(" ".join(name.split()), MAX_NAME, "A name"))
        if note is not None:
            found = replace(found, note=_checked(note.strip(), MAX_NOTE, "A note"))
        if tags is not None:
            found = replace(found, tags=_checked_tags(tags))
        if shared is not None:
            found = replace(found, shared=bool(shared))
        return found if starred is None else replace(found, starred=bool(starred))


def read(folder: Path) -> Labels:
    """The labels of a run's folder; none where the file is missing, and what is of the wrong kind counts as missing."""
    found = files.read_json(folder / FILE)
    if not found:
        return Labels()
    name, note, tags = found.get("name"), found.get("note"), found.get("tags")
    kept = [tag for tag in tags if isinstance(tag, str) and TAG.fullmatch(tag)] if isinstance(tags, list) else []
    return Labels(name[:MAX_NAME] if isinstance(name, str) else "", note[:MAX_NOTE] if isinstance(note, str) else "",
                  tuple(kept[:MAX_TAGS]), found.get("starred") is True, found.get("shared") is True)


def write(folder: Path, labels: Labels) -> None:
    """Replace the labels of a run's folder in one move."""
    files.write_json(folder / FILE, asdict(labels))


def _checked(text: str, limit: int, what: str) -> str:
    if len(text) > limit:
        raise ValueError(f"{what} has at most {counted(limit, 'character')}, but this one has {len(text):,}; shorten it.")
    return text


def _checked_tags(given: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag.strip() for tag in given if tag.strip()))
    for tag in tags:
        if not TAG.fullmatch(tag):
            raise ValueError(f"'{tag[:50]}' cannot be a tag: a tag has 1 to 40 characters and no space or comma.")
    if len(tags) > MAX_TAGS:
        raise ValueError(f"A run has at most {MAX_TAGS} tags, but these are {len(tags)}; remove some.")
    return tags
