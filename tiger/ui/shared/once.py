"""What follows from a cached answer, made once for all visitors: its figures above all, which Plotly builds and checks for longer
than the rest of a page takes."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

import plotly.graph_objects as go

T = TypeVar("T")
LIMIT = 1000  # results in memory; thirty visitors with a run each need some twenty of them each
PLAIN = str | int | float | bool | None
_kept: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], Any]] = OrderedDict()
_lock = threading.Lock()


class Drawn(go.Figure):
    """A figure that is sent as it was made; whoever changes it must copy it first."""

    def __init__(self, figure: go.Figure):
        super().__init__(figure, _validate=False)
        self._sent = super().to_dict()

    def to_dict(self) -> dict[str, Any]:
        return self._sent


def once(make: Callable[..., T], *args: Any) -> T:
    """``make(*args)``, made once for as long as it is among the last ``LIMIT`` results; nobody may change it.

    Args:
        args: words and numbers are told apart by kind and value, all else by identity: frames must be those of a
            cached answer, or what ``once`` made of them.
    """
    key = (make, *((type(arg), arg) if isinstance(arg, PLAIN) else id(arg) for arg in args))  # 1, 1.0 and True are equal
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key][1]  # type: ignore[no-any-return]
    result: Any = make(*args)
    if isinstance(result, go.Figure):
        result = Drawn(result)
    with _lock:
        _kept[key] = args, result  # the arguments too: while they live, no other object has their identity
        while len(_kept) > LIMIT:
            _kept.popitem(last=False)
    return result  # type: ignore[no-any-return]
