"""Whether a JSON value is of an annotated kind."""

import functools
import math
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, is_typeddict


def fits(value: Any, hint: Any, finite: bool = True) -> bool:
    """Whether a JSON value is of an annotated kind: a class, a literal, a union, a list of one, or a typed dictionary.

    Args:
        hint: a resolved annotation, as ``typing.get_type_hints`` gives it.
        finite: whether NaN and infinity are refused; Python writes them into JSON.
    """
    origin, args = _made_of(hint)
    if origin is Literal:
        return isinstance(value, str) and value in args
    if origin in (Union, UnionType):
        return any(fits(value, arg, finite) for arg in args)
    if origin is list:
        return isinstance(value, list) and all(fits(one, args[0], finite) for one in value)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and (not finite or math.isfinite(value))
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, origin or hint) if not is_typeddict(hint) else isinstance(value, dict)


@functools.cache
def _made_of(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """A hint's origin and arguments."""
    return get_origin(hint), get_args(hint)
