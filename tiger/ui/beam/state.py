"""What is asked of the beam, in the address: whose history, how it was changed, width, temperature, which step.

    user      number of a user                        items   own history "12-5-7", else the user's own
    width     beams                                   heat    temperature, "0.7" or one a level "1-0.7-1-1"
    free      1: any code, not only the catalogue's    at      level reached, from 0
    was       the search to compare with              pick    branch to explain, "12-7"
    presenter 1: large type, no jargon
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.search import beam
from tiger.ui.shared import state

MAX_ITEMS = 500
LOW_HEAT, HIGH_HEAT = 0.1, 3.0
UNDO_STEPS = 50
DEFAULT_WIDTH = 10
PARAMS = ("items", "width", "heat", "free")


@dataclass(frozen=True)
class Ask:
    """One search.

    Args:
        items: the history, item numbers, oldest first.
        width: beams.
        heat: temperature of each level.
        free: any code may come, not only those of the catalogue.
    """

    items: tuple[int, ...]
    width: int
    heat: tuple[float, ...]
    free: bool = False

    def params(self, own: tuple[int, ...]) -> dict[str, str]:
        """What stands in the address; defaults are left out."""
        found: dict[str, str] = {}
        if self.items != own:
            found["items"] = "-".join(map(str, self.items)) or "none"
        if self.width != DEFAULT_WIDTH:
            found["width"] = str(self.width)
        if any(value != 1.0 for value in self.heat):
            same = len(set(self.heat)) == 1
            found["heat"] = "-".join(f"{value:g}" for value in (self.heat[:1] if same else self.heat))
        if self.free:
            found["free"] = "1"
        return found


def own_history(cat: Catalogue, user: int) -> tuple[tuple[int, ...], int | None]:
    """What the model reads of a user when it predicts the held-out item, and that item (None: too few items)."""
    history = cat.history(user)
    if len(history) < 3:
        return tuple(history.tolist()), None
    return tuple(history[:-1].tolist()), int(history[-1])


def read(cat: Catalogue, own: tuple[int, ...], n_levels: int, n_ids: int) -> Ask:
    """The search that the address asks for; what makes no sense is said once and replaced."""
    given = {name: st.query_params.get(name, "") for name in PARAMS}
    return _parse(given, cat, own, n_levels, n_ids, drop=lambda name: st.query_params.pop(name, None))


def read_before(cat: Catalogue, own: tuple[int, ...], n_levels: int, n_ids: int) -> Ask | None:
    """The search to compare with, or None."""
    written = st.query_params.get("was", "")
    parts = written.split("~")
    if not written:
        return None
    if len(parts) != len(PARAMS):
        st.query_params.pop("was", None)
        return None
    given = dict(zip(PARAMS, parts, strict=True))
    return _parse(given, cat, own, n_levels, n_ids, drop=lambda name: st.query_params.pop("was", None))


def _parse(given: dict[str, str], cat: Catalogue, own: tuple[int, ...], n_levels: int, n_ids: int,
           drop: Callable[[str], Any]) -> Ask:
    def read_one(name: str, parse: Callable[[str], Any], fallback: Any) -> Any:
        try:
            return parse(given[name]) if given[name] else fallback
        except ValueError as error:
            state.notice(f"The address asks for {name} '{given[name][:24]}': {error}")
            drop(name)
            return fallback

    return Ask(read_one("items", lambda text: _items(text, cat), own),
               read_one("width", lambda text: _width(text, n_ids), min(DEFAULT_WIDTH, n_ids)),
               read_one("heat", lambda text: _heat(text, n_levels), (1.0,) * n_levels), given["free"] == "1")


def _items(written: str, cat: Catalogue) -> tuple[int, ...]:
    if written == "none":
        return ()
    parts = written.split("-")
    if len(parts) > MAX_ITEMS:
        raise ValueError(f"{len(parts)} items, but a history may have at most {MAX_ITEMS}.")
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) < 12 and int(part) < cat.n_items):
            raise ValueError(f"item '{part[:12]}' is unknown; this dataset has items 0 to {cat.n_items - 1}.")
    return tuple(map(int, parts))


def _width(written: str, n_ids: int) -> int:
    if not (written.isascii() and written.isdigit() and len(written) < 9):
        raise ValueError(f"beam width must be a whole number from 1 to {min(beam.MAX_WIDTH, n_ids)}.")
    if not 1 <= int(written) <= beam.MAX_WIDTH:
        raise ValueError(f"beam width is {written}, but must be between 1 and {beam.MAX_WIDTH}.")
    return beam.check_width(int(written), n_ids)


def _heat(written: str, n_levels: int) -> tuple[float, ...]:
    try:
        values = [float(part) for part in written.split("-")[:64]]
    except ValueError:
        raise ValueError("temperatures are numbers with a dash between them.") from None
    found = beam.temperatures(values * n_levels if len(values) == 1 else values, n_levels)
    return tuple(min(max(round(value, 2), LOW_HEAT), HIGH_HEAT) for value in found)


def change(old: Ask, new: Ask, own: tuple[int, ...]) -> None:
    """Search anew; the first change since "Compare from here" is what the new search is compared with."""
    if new == old:
        return
    past = st.session_state.setdefault("beam_past", [])
    past.append((st.query_params.get("user", ""), old, st.query_params.get("was", "")))
    del past[:-UNDO_STEPS]
    if "was" not in st.query_params:
        st.query_params["was"] = "~".join(old.params(own).get(name, "") for name in PARAMS)
    _write(new, own)


def _write(ask: Ask, own: tuple[int, ...]) -> None:
    given = ask.params(own)
    for name in PARAMS:
        if name in given:
            st.query_params[name] = given[name]
        else:
            st.query_params.pop(name, None)
    st.query_params.pop("pick", None)


def can_undo() -> bool:
    """Whether there is a change of this user's search to take back."""
    past = st.session_state.get("beam_past") or []
    return bool(past) and past[-1][0] == st.query_params.get("user", "")


def undo(own: tuple[int, ...]) -> None:
    """Take back the last change."""
    if can_undo():
        _, ask, was = st.session_state["beam_past"].pop()
        _write(ask, own)
        if was:
            st.query_params["was"] = was
        else:
            st.query_params.pop("was", None)


def compare_from_here() -> None:
    """Forget the search to compare with; the next change compares with what is shown now."""
    st.query_params.pop("was", None)


def choose_user(user: int) -> None:
    """Somebody else, with their own history; width and temperature stay."""
    state.put_number("user", user)
    st.session_state.pop("beam_place", None)
    for name in ("items", "was", "pick"):
        st.query_params.pop(name, None)


def step(n_levels: int) -> int:
    """The level reached, 0 to the number of levels; level 1 where the address names none."""
    written = st.query_params.get("at", "1")
    if written in map(str, range(n_levels + 1)):
        return int(written)
    state.notice(f"The address asks for step '{written[:20]}', but these IDs have steps 0 to {n_levels}.")
    st.query_params.pop("at", None)
    return 1


def go(level: int) -> None:
    """Show another level."""
    state.put_number("at", level)
    st.query_params.pop("pick", None)


def presenting() -> bool:
    """Large type and no jargon."""
    return st.query_params.get("presenter") == "1"


def present(on: bool) -> None:
    """Turn the presenter's view on or off."""
    if on:
        st.query_params["presenter"] = "1"
    else:
        st.query_params.pop("presenter", None)


def moved(items: Sequence[int], at: int, by: int) -> tuple[int, ...]:
    """The history with one item moved; it stops at either end."""
    row = list(items)
    one = row.pop(at)
    row.insert(int(np.clip(at + by, 0, len(row))), one)
    return tuple(row)


def without(items: Sequence[int], at: int) -> tuple[int, ...]:
    """The history without the item at this place."""
    return (*items[:at], *items[at + 1:])
