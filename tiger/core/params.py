"""Hyper-parameters as dataclass fields that know their bounds and their one line of help.

The form of a page, the flags of the command line and ``config.json`` are all derived from these fields,
so a hyper-parameter is written down once.
"""

import dataclasses
import math
import types
import typing
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Spec:
    """What a form needs to know of one hyper-parameter."""

    name: str
    kind: type  # bool, int, float or str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    live: bool = False  # may change while a run trains
    group: str = "main"  # forms fold every other group away
    log: bool = False  # sliders and inputs move in powers of ten
    optional: bool = False  # None is a value too


def param(default: Any, help: str, *, low: float | None = None, high: float | None = None,
          choices: tuple[Any, ...] | None = None, live: bool = False, group: str = "main",
          log: bool = False) -> Any:
    """Declare a dataclass field that is a hyper-parameter."""
    info = {"help": help, "low": low, "high": high, "choices": choices, "live": live, "group": group, "log": log}
    return dataclasses.field(default=default, metadata=info)


def specs(cls: type) -> list[Spec]:
    """The hyper-parameters of a dataclass, in the order they are written."""
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        if "help" not in field.metadata:
            continue
        kind, optional = hints[field.name], False
        if typing.get_origin(kind) in (typing.Union, types.UnionType):
            kind = next(arg for arg in typing.get_args(kind) if arg is not type(None))
            optional = True
        found.append(Spec(field.name, kind, field.default, optional=optional, **field.metadata))
    return found


def check(spec: Spec, value: Any) -> Any:
    """Return ``value`` as the hyper-parameter's own kind.

    Raises:
        ValueError: wrong kind, out of bounds or not among the choices; names the value and the limit.
    """
    if value is None and spec.optional:
        return None
    try:
        if spec.kind is bool:
            if not isinstance(value, (bool, int)) or value not in (0, 1):
                raise ValueError
            value = bool(value)
        elif spec.kind is int:
            if isinstance(value, bool) or int(value) != float(value):
                raise ValueError
            value = int(value)
        elif spec.kind is float:
            value = float(value)
            if not math.isfinite(value):
                raise ValueError
        else:
            value = spec.kind(value)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"{spec.name} is {value!r}, but must be {_kind_summary(spec)}.") from None
    if spec.choices is not None and value not in spec.choices:
        raise ValueError(f"{spec.name} is {value!r}, but must be one of {', '.join(map(str, spec.choices))}.")
    low, high = spec.low, spec.high
    if (low is not None and value < low) or (high is not None and value > high):
        raise ValueError(f"{spec.name} is {value}, but must be {_bounds_summary(low, high)}.")
    return value


def _kind_summary(spec: Spec) -> str:
    return {bool: "true or false", int: "a whole number", float: "a finite number"}.get(spec.kind, "text")


def _bounds_summary(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def build(cls: type, values: dict[str, Any]) -> Any:
    """Make a dataclass from plain values, with every hyper-parameter checked.

    Raises:
        ValueError: an unknown name (the known ones are listed) or a value that ``check`` refuses.
    """
    known = {spec.name: spec for spec in specs(cls)}
    for name in values:
        if name not in known:
            raise ValueError(f"'{name}' is no hyper-parameter of {cls.__name__}; known are {', '.join(known)}.")
    return cls(**{name: check(known[name], value) for name, value in values.items()})


def values(obj: Any) -> dict[str, Any]:
    """The hyper-parameters of an object as plain values, for ``config.json``."""
    return {spec.name: getattr(obj, spec.name) for spec in specs(type(obj))}
