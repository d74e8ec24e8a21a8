"""What is asked of Present: read from the address and the session, and written back."""

from dataclasses import replace

import streamlit as st

from tiger.datasets.catalogue import Catalogue
from tiger.reports import beam_page as reports
from tiger.reports import shop
from tiger.reports.beam_page import BeamRequest, Writer
from tiger.reports.stage.stories import Frame
from tiger.search import beam
from tiger.ui.shared import address

WAS = "present_was"  # session: the history that a change led to, and the one before it
ASKED = "present_asked"  # session: who was asked for last, until the browser's own address says so


def read(writer: Writer, cat: Catalogue) -> BeamRequest:
    """What the address asks for; what makes no sense is said once and replaced."""
    _hold()
    user = address.read(address.USER.below(cat.n_users), shop.example(cat)[1])
    own, target = ((), None) if made_up() else reports.held_out(cat, user)
    usual = reports.usual_search(writer, cat, own)
    items = address.read(address.HISTORY.below(cat.n_items), own)
    width = address.read(address.WIDTH.below(min(beam.MAX_WIDTH, writer.ids.n_ids) + 1), usual.width)
    temperature = address.read(address.TEMPERATURE.of(len(writer.ids.n_codes)), usual.temperature)
    seen = address.read(address.SEEN)
    search = replace(usual, items=items, width=width, temperature=temperature,
                     exclude_seen=usual.exclude_seen if seen == "auto" else seen == "0")
    after, was = st.session_state.get(WAS) or (None, ())
    before = replace(search, items=was) if was and after == items and was != items else None
    return BeamRequest(writer, cat, user, own, target, search, before, address.read(address.SCENE))


def made_up() -> bool:
    """Whether somebody new is shown, not a user of the dataset."""
    return bool(address.read(address.WHO) == "new")


def of_frame(writer: Writer, cat: Catalogue, frame: Frame) -> BeamRequest:
    """What a story's frame shows. Raises ValueError where the dataset has no such user or item."""
    numbers = (*frame.items, *(frame.was or ()), *([] if frame.why is None else [frame.why]))
    if any(item >= cat.n_items for item in numbers) or (frame.user or 0) >= cat.n_users:
        raise ValueError("This story shows users or items that this dataset does not have.")
    own, target = ((), None) if frame.user is None else reports.held_out(cat, frame.user)
    search = replace(reports.usual_search(writer, cat, own), items=frame.items)
    before = replace(search, items=frame.was) if frame.was and frame.was != frame.items else None
    return BeamRequest(writer, cat, frame.user or 0, own, target, search, before, frame.at)


def show(user: int | None, items: tuple[int, ...] | None, was: tuple[int, ...] | None) -> None:
    """Show another person or another history.

    Args:
        user: None for somebody new.
        items: None for the user's own history.
        was: the history to compare with; None for nothing.
    """
    st.session_state[ASKED] = user, items, True
    st.session_state[WAS] = (items, was or ())
    _write(user, items)


def _write(user: int | None, items: tuple[int, ...] | None) -> None:
    address.write(address.WHO, "user" if user is not None else "new")
    if user is not None:
        address.write(address.USER, user)
    address.write(address.HISTORY, items)


def _hold() -> None:
    """Write again who was asked for while the browser still sends the address from before.

    Each request brings the browser's address; one that left it before the last answer came would take the change back.
    """
    if ASKED not in st.session_state:
        return
    user, items, fresh = st.session_state[ASKED]
    texts = [address.text_of(param) for param in (address.WHO, address.USER, address.HISTORY)]
    _write(user, items)
    if fresh:
        st.session_state[ASKED] = user, items, False
    elif texts == [address.text_of(param) for param in (address.WHO, address.USER, address.HISTORY)]:
        st.session_state.pop(ASKED)


def trust_address() -> None:
    """The page is drawn from its start: by then the browser's address is the newest, a link's for instance."""
    if ASKED in st.session_state and not st.session_state[ASKED][2]:
        st.session_state.pop(ASKED)
