"""Hyper-parameters as dataclass fields that know their bounds and their one line of help.

The form of a page, the flags of the command line and ``config.json`` are all derived from these fields,
so a hyper-parameter is written down once.
"""

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Values = dict[str, Any]
"""Hyper-parameters by name, as plain JSON values."""


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
    listed: bool = False  # one value, or a list with one for each level


def param(default: Any, help: str, *, low: float | None = None, high: float | None = None,
          choices: tuple[Any, ...] | None = None, live: bool = False, group: str = "main",
          log: bool = False) -> Any:
    """Declare a dataclass field that is a hyper-parameter."""
    info = {"help": help, "low": low, "high": high, "choices": choices, "live": live, "group": group, "log": log}
    if isinstance(default, list):
        return dataclasses.field(default_factory=default.copy, metadata=info)
    return dataclasses.field(default=default, metadata=info)


def specs(cls: type) -> list[Spec]:
    """The hyper-parameters of a dataclass, in the order they are written."""
    return list(_specs(cls))


@functools.cache  # reading type hints takes a fifth of a millisecond, and every listed run asks for some
def _specs(cls: type) -> list[Spec]:
    hints = typing.get_type_hints(cls)
    found = []
    for field in dataclasses.fields(cls):
        if "help" not in field.metadata:
            continue
        kinds = [hints[field.name]]
        if typing.get_origin(kinds[0]) in (typing.Union, types.UnionType):
            kinds = list(typing.get_args(kinds[0]))
        listed = any(typing.get_origin(kind) is list for kind in kinds)
        kind = next(kind for kind in kinds if kind is not type(None) and typing.get_origin(kind) is not list)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        found.append(Spec(field.name, kind, default, optional=type(None) in kinds, listed=listed, **field.metadata))
    return found


def check(spec: Spec, value: Any) -> Any:
    """Return ``value`` as the hyper-parameter's own kind; where it may be a list, text with commas is one.

    Raises:
        ValueError: wrong kind, out of bounds or not among the choices; names the value and the limit.
    """
    if value is None and spec.optional:
        return None
    if spec.listed and isinstance(value, str) and "," in value:
        value = [part.strip() for part in value.split(",")]
    if spec.listed and isinstance(value, (list, tuple)) and value:
        return [check(dataclasses.replace(spec, listed=False, optional=False), part) for part in value]
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
    words = {bool: "true or false", int: "a whole number", float: "a finite number"}.get(spec.kind, "text")
    return f"{words}, or several separated by commas" if spec.listed else words


def text(value: Any) -> str:
    """A hyper-parameter's value as a flag or a text field writes it, so that ``check`` reads the same again."""
    if value is None:
        return "none"
    return ",".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def renamed(cls: type, values: Mapping[str, Any]) -> Values:
    """The values under today's names: ``cls.former_names`` maps the names of older labs to those."""
    former = getattr(cls, "former_names", {})
    found = {former[name]: value for name, value in values.items() if name in former}
    return found | {name: value for name, value in values.items() if name not in former}


def _bounds_summary(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"between {low} and {high}"


def build(cls: type, values: Values) -> Any:
    """Make a dataclass from plain values, with every hyper-parameter checked.

    Raises:
        ValueError: an unknown name (the known ones are listed) or a value that ``check`` refuses.
    """
    known, values = {spec.name: spec for spec in specs(cls)}, renamed(cls, values)
    for name in values:
        if name not in known:
            raise ValueError(f"'{name}' is not a hyper-parameter of {cls.__name__}; choose from {', '.join(known)}.")
    return cls(**{name: check(known[name], value) for name, value in values.items()})


def values(obj: Any) -> Values:
    """The hyper-parameters of an object as plain values, for ``config.json``."""
    return {spec.name: getattr(obj, spec.name) for spec in specs(type(obj))}


def plain_name(name: str) -> str:
    """A hyper-parameter's name in a sentence: ``n_levels`` is "levels", ``learning_rate`` "learning rate"."""
    return name.removeprefix("n_").replace("_", " ")
