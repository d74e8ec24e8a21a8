"""Who belongs to the class: a code to join with, a teacher's key, and one secret token a browser.

The workspace keeps ``class.json``. Tokens and the teacher's key are kept as hashes only, so nobody who reads the file can act
for somebody; the token itself is in the visitor's browser, as a cookie that no script can read and no link carries. Where an
identity provider says who somebody is, its answer stands for the token.
"""

import hashlib
import hmac
import secrets
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tiger.core import access, files
from tiger.core.access import Visitor

FILE = "class.json"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that look alike
CODE_LENGTH, MAX_NAME, MAX_VISITORS = 6, 40, 200


@dataclass(frozen=True)
class Member:
    """A visitor and when they joined, seconds since 1970."""

    visitor: Visitor
    joined_s: float


class Classroom:
    """The class of a workspace; made when it is opened first, and the same after the server started again.

    Args:
        folder: the workspace.

    Attributes:
        code: what visitors join with.
        key: of the teacher's link, a new one with each start; teachers who came before stay.
        predictions: lesson -> visitor -> place of the answer that they locked in.
        shown: id of the run that the teacher shows to everybody; "" for none.
    """

    def __init__(self, folder: Path):
        self.path, self._lock = folder / FILE, threading.RLock()
        found = files.read_json(self.path) or {}
        self.code = str(found.get("code") or "".join(secrets.choice(LETTERS) for _ in range(CODE_LENGTH)))
        self._members = {token: Member(Visitor(**one["visitor"]), float(one["joined_s"]))
                         for token, one in found.get("members", {}).items()}
        self.predictions = {str(lesson): {str(one): int(place) for one, place in chosen.items()}
                            for lesson, chosen in found.get("predictions", {}).items()}
        self.shown = str(found.get("shown", ""))
        self._seen: dict[str, tuple[str, float]] = {}
        self.key = secrets.token_urlsafe(12)
        self._key_hash = _hashed(self.key)
        self._save()

    def join(self, code: str, name: str, token: str | None = None) -> str:
        """Take in a visitor; returns the token of their browser.

        Args:
            token: what stands for this visitor, where an identity provider said who they are; None: a new secret.

        Raises:
            ValueError: the code is another one, the name is empty or too long, or the class is full.
        """
        if not hmac.compare_digest(code.strip().upper().encode(), self.code.encode()):
            raise ValueError("That is not this class's code; it has six letters and digits, and your teacher can show it to you.")
        said = " ".join(name.split())
        if not 0 < len(said) <= MAX_NAME:
            raise ValueError(f"A name has 1 to {MAX_NAME} characters, but this one has {len(said)}; choose another.")
        with self._lock:
            if len(self._members) >= MAX_VISITORS:
                raise ValueError(f"The class has {MAX_VISITORS} visitors, which is the limit; ask your teacher to clear it.")
            names = {member.visitor.name for member in self._members.values()}
            tried = (said, *(f"{said} ({number})" for number in range(2, MAX_VISITORS + 2)))
            return self._add(next(one for one in tried if one not in names), False, token)

    def teach(self, key: str) -> str | None:
        """The token of a teacher's browser; None where the key is another one."""
        return self._add("Teacher", True) if hmac.compare_digest(_hashed(key), self._key_hash) else None

    def visitor(self, token: str | None) -> Visitor | None:
        """Whose browser has this token."""
        found = self._members.get(_hashed(token)) if token else None
        return found.visitor if found else None

    def members(self) -> list[Member]:
        """Everybody, in the order in which they joined."""
        return sorted(self._members.values(), key=lambda member: member.joined_s)

    def note_page(self, visitor: Visitor, page: str) -> None:
        """A visitor looks at a page."""
        self._seen[visitor.id] = (page, time.monotonic())

    def seen(self, visitor: Visitor) -> tuple[str, float | None]:
        """The page that a visitor looked at last, and for how many seconds their browser asked nothing; "" and None: never."""
        page, at_s = self._seen.get(visitor.id, ("", None))
        return page, None if at_s is None else time.monotonic() - at_s

    def predict(self, visitor: Visitor, lesson: str, place: int) -> None:
        """A visitor locks in an answer; the first one counts."""
        with self._lock:
            self.predictions.setdefault(lesson, {}).setdefault(visitor.id, place)
            self._save()

    def predictions_of(self, visitor: Visitor) -> dict[str, int]:
        """Lesson -> place of the answer that this visitor locked in."""
        return {lesson: chosen[visitor.id] for lesson, chosen in self.predictions.items() if visitor.id in chosen}

    def show(self, run_id: str) -> None:
        """Show a run to everybody; "" shows none."""
        with self._lock:
            self.shown = run_id
            self._save()

    def clear(self) -> None:
        """Forget predictions and what is shown; everybody stays."""
        with self._lock:
            self.predictions, self.shown = {}, ""
            self._save()

    def _add(self, name: str, teacher: bool, token: str | None = None) -> str:
        token = token or secrets.token_urlsafe(24)
        with self._lock:
            self._members[_hashed(token)] = Member(Visitor(secrets.token_hex(6), name, teacher), time.time())
            self._save()
        return token

    def _save(self) -> None:
        files.write_json(self.path, {
            "code": self.code, "shown": self.shown, "predictions": self.predictions,
            "members": {token: asdict(one) for token, one in self._members.items()}})


_opened: list[Classroom] = []


def open_class(folder: Path) -> Classroom:
    """Open this server's class."""
    _opened[:] = [Classroom(folder)]
    return _opened[0]


def here() -> tuple[Classroom, Visitor] | None:
    """The class and the visitor of it who acts; None outside of a class."""
    visitor = access.current()
    return (_opened[0], visitor) if _opened and visitor else None


def predict(lesson: str, place: int) -> None:
    """Keep a visitor's first prediction of a lesson; nothing outside of a class, where the address keeps it."""
    if member := here():
        member[0].predict(member[1], lesson, place)


def _hashed(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
