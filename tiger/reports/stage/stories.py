"""Stories: prepared sequences of scenes with a name, kept in the workspace, one JSON file each.

A frame says what to show (person, history, step, what stands beside it), never what was found, so that a story is told with the
recommender as it is. In a class a visitor's stories are theirs.
"""

import re
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from tiger.core import access, files, paths

ID = re.compile(r"[0-9a-f]{12}")
DATASET = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")
MAX_NAME, MAX_NOTE, MAX_FRAMES, MAX_HISTORY, MAX_STORIES = 60, 200, 60, 500, 200
MAX_BYTES = 2**20


@dataclass(frozen=True)
class Frame:
    """One view of a story.

    Args:
        model: id of the recommender's run.
        user: whose held-out item counts; None for somebody who was made up.
        items: the history, oldest first.
        was: the history before a change, to show what the change did; None without one.
        at: the step.
        beside: whether other recommenders' lists are shown.
        why: the suggestion that is explained; None for none.
        note: what the presenter says.
    """

    model: str
    user: int | None
    items: tuple[int, ...]
    was: tuple[int, ...] | None = None
    at: int = 0
    beside: bool = False
    why: int | None = None
    note: str = ""


@dataclass(frozen=True)
class Story:
    """A named sequence of frames of one dataset; ``owner``: the class's visitor whose it is, "" for everybody's."""

    id: str
    name: str
    dataset: str
    frames: tuple[Frame, ...]
    owner: str = ""
    created_s: float = 0.0


def check_name(text: str) -> str:
    """A name as it is kept: without line breaks and doubled spaces.

    Raises:
        ValueError: it is empty or too long.
    """
    name = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not 0 < len(name) <= MAX_NAME:
        raise ValueError(f"A story's name has 1 to {MAX_NAME} characters, but this one has {len(name)}; choose another.")
    return name


def new(name: str, dataset: str, frames: tuple[Frame, ...]) -> Story:
    """A story of whoever acts, not kept yet.

    Raises:
        ValueError: the name cannot be one, or there are no frames or too many.
    """
    if not 0 < len(frames) <= MAX_FRAMES:
        raise ValueError(f"A story has 1 to {MAX_FRAMES} views, but this one has {len(frames)}.")
    visitor = access.current()
    owner = "" if visitor is None or visitor.teacher else visitor.id
    return Story(secrets.token_hex(6), check_name(name), dataset, frames, owner, time.time())


def encode(story: Story) -> dict[str, Any]:
    """A story as JSON has it; its id is the file's name."""
    return {key: value for key, value in asdict(story).items() if key != "id"}


def decode(story_id: str, about: Mapping[str, Any]) -> Story:
    """A story from JSON.

    Raises:
        ValueError: it is none; says what is wrong.
    """
    try:
        frames = about["frames"]
        if not isinstance(frames, list) or not 0 < len(frames) <= MAX_FRAMES:
            raise ValueError(f"a story has 1 to {MAX_FRAMES} views.")
        dataset, owner = str(about["dataset"]), str(about.get("owner", ""))
        if not ID.fullmatch(story_id) or not DATASET.fullmatch(dataset) or len(owner) > 40:
            raise ValueError("its id, dataset or owner cannot be one.")
        created_s = about.get("created_s", 0.0)
        if isinstance(created_s, bool) or not isinstance(created_s, int | float) or not 0 <= created_s < 1e12:
            raise ValueError("its date is none.")
        return Story(story_id, check_name(str(about["name"])), dataset, tuple(map(frame, frames)), owner, float(created_s))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"This is no story: {error!r}.") from None


def frame(about: Mapping[str, Any]) -> Frame:
    """A frame from JSON, of a file or of a browser.

    Raises:
        ValueError, KeyError, TypeError: it is none.
    """
    model, note = str(about["model"]), str(about.get("note", ""))
    if not 0 < len(model) <= 80 or len(note) > MAX_NOTE:
        raise ValueError(f"a view names a recommender, and its note has at most {MAX_NOTE} characters.")
    was, user, why = about.get("was"), about.get("user"), about.get("why")
    return Frame(model, None if user is None else whole(user), items(about["items"]), None if was is None else items(was),
                 whole(about.get("at", 0), 64), about.get("beside") is True, None if why is None else whole(why), note)


def items(given: Any) -> tuple[int, ...]:
    """Item numbers from JSON. Raises ValueError."""
    if not isinstance(given, list | tuple) or len(given) > MAX_HISTORY:
        raise ValueError(f"a history is a list of at most {MAX_HISTORY} items.")
    return tuple(whole(one) for one in given)


def whole(given: Any, high: int = 10**9) -> int:
    """A whole number from 0 from JSON; a browser may write 3 as 3.0. Raises ValueError."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 <= given <= high or given != int(given):
        raise ValueError(f"'{str(given)[:20]}' is no whole number from 0 to {high}.")
    return int(given)


def _path(story_id: str) -> Path:
    if not ID.fullmatch(story_id):
        raise ValueError(f"'{story_id[:20]}' is no story.")
    return paths.subfolder("stories") / f"{story_id}.json"


def save(story: Story) -> Story:
    """Keep a story; one of the same name, dataset and owner is replaced.

    Raises:
        ValueError: there are too many.
    """
    here = stories(story.dataset)
    same = next((one for one in here if one.name == story.name and one.owner == story.owner), None)
    if same is None and len(here) >= MAX_STORIES:
        raise ValueError(f"There are {len(here)} stories of this dataset, which is the limit; delete some.")
    kept = replace(story, id=same.id if same else story.id)
    files.write_json(_path(kept.id), encode(kept))
    return kept


def stories(dataset: str) -> list[Story]:
    """The stories of a dataset that whoever acts may see, newest first; files that hold none are left out."""
    found, visitor = [], access.current()
    for path in paths.subfolder("stories").glob("*.json"):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            story = decode(path.stem, files.read_json(path) or {})
        except (ValueError, OSError):  # no story, or gone meanwhile
            continue
        if story.dataset == dataset and (not story.owner or access.may_change(visitor, story.owner)):
            found.append(story)
    return sorted(found, key=lambda story: (-story.created_s, story.id))


def find(story_id: str, dataset: str) -> Story:
    """A story of the dataset. Raises ValueError where whoever acts has none of this id."""
    story = next((one for one in stories(dataset) if one.id == story_id), None)
    if story is None:
        raise ValueError("This story is not there any more; it may have been deleted.")
    return story


def delete(story: Story) -> None:
    """Delete a story. Raises ValueError where it is somebody else's."""
    if not access.may_change(access.current(), story.owner):
        raise ValueError(f"'{story.name}' is not yours, so only its owner or the teacher can delete it.")
    _path(story.id).unlink(missing_ok=True)


def forget(owner: str) -> None:
    """Delete every story of a visitor of a class."""
    for path in paths.subfolder("stories").glob("*.json"):
        if owner and (files.read_json(path) or {}).get("owner") == owner:
            path.unlink(missing_ok=True)
