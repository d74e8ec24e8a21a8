"""What a component of ours tells its page."""

from collections.abc import Callable
from typing import Any

import streamlit as st


def heard(key: str, event: str, use: Callable[[Any], None]) -> Callable[[], None]:
    """The callback of a component's event: ``use`` gets what the event carries.

    Nothing is done where that is gone: when a visitor leaves the page before the server heard of the event, Streamlit 1.67 calls
    back on the next page, without the value.
    """
    def call() -> None:
        value = getattr(st.session_state.get(key), event, None)
        if value is not None:
            use(value)
    return call
