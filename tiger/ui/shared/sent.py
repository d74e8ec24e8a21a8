"""What a browser has already: large data of components are sent once a session."""

from typing import TypeVar

import streamlit as st

T = TypeVar("T")


def unsent(name: str, version: str, data: T) -> T | None:
    """The data, or None where this browser was sent the same version last time.

    Args:
        name: of the data, one a place on a page.
        version: names everything in the data.
    """
    versions: dict[str, str] = st.session_state.setdefault("sent", {})
    known = versions.get(name) == version
    versions[name] = version
    return None if known else data


def forget(*names: str) -> None:
    """Send these again: the browser says that it has them no more."""
    for name in names:
        st.session_state.get("sent", {}).pop(name, None)
