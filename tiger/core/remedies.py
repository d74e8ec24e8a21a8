"""Settings that a message names as a remedy, worded for whoever reads it: Python, the command line, or a form.

The core writes ``encoding='latin-1'``, as its own functions take it. ``worded`` turns that into ``--data-encoding latin-1`` or
"Encoding set to latin-1".
"""

import re
from collections.abc import Callable

NAMES = ("align", "collision_token", "n_codes", "encoding", "unknown_items", "item_column", "user_column", "time_column",
         "title_column", "category_column", "user_field", "item_field", "time_field", "tensor")
SETTING = re.compile(rf"\b({'|'.join(NAMES)})='([^'\n]*)'")


def worded(text: str, word: Callable[[str, str], str | None]) -> str:
    """The text with each setting as ``word(name, value)`` gives it; None leaves it as it stands."""
    return SETTING.sub(lambda found: word(found[1], found[2]) or found[0], text)
