"""What every refusal of a file has in common."""

import re
from collections.abc import Callable

import pytest

from tiger.core import errors


def refused(read: Callable[[], object], words: str) -> str:
    """Check that reading ends in one sentence of this project's own that says this."""
    with pytest.raises(ValueError) as caught:
        read()
    text = str(caught.value)
    assert re.search(words, text), text
    assert type(caught.value) is ValueError and errors.ours(caught.value) and "\n" not in text and len(text) < 900
    return text
