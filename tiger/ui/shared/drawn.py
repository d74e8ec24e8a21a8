"""Figures made once for all visitors: Plotly takes longer to build and check a figure than the rest of a page takes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

LIMIT = 96  # figures in memory
PLAIN = str | int | float | bool | None
_kept: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], "Drawn"]] = OrderedDict()
_lock = threading.Lock()


class Drawn(go.Figure):
    """A figure that is sent as it was made; whoever changes it must copy it first."""

    def __init__(self, figure: go.Figure):
        super().__init__(figure, _validate=False)
        self._sent = super().to_dict()

    def to_dict(self) -> dict[str, Any]:
        return self._sent


def drawn(make: Callable[..., go.Figure], *args: Any) -> Drawn:
    """``make(*args)``, made once for as long as it stays among the last ``LIMIT`` figures.

    Args:
        args: words and numbers are told apart by value; frames and arrays by identity, so they must be those of a cached
            answer, which nobody changes.
    """
    key = (make, *(arg if isinstance(arg, PLAIN) else id(arg) for arg in args))
    with _lock:
        found = _kept.get(key)
        if found is not None:
            _kept.move_to_end(key)
            return found[1]
    figure = Drawn(make(*args))
    with _lock:
        _kept[key] = args, figure  # the arguments too: while they live, no other object has their identity
        while len(_kept) > LIMIT:
            _kept.popitem(last=False)
    return figure
