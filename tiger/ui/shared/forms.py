"""Forms from hyper-parameters: one widget per ``params.Spec``, so that no page repeats a default."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import Any

import streamlit as st

from tiger.core import params
from tiger.core.params import Spec
from tiger.datasets.reference import Values

TERMS = {"average": "EMA of the weights", "core": "k-core", "dim": "Dimension", "ema": "EMA codebooks", "ema_decay": "EMA decay",
         "ff": "Feed-forward width", "first_share": "Source share of history", "ids": "IDs", "kmeans_init": "k-means init",
         "koleo": "KoLeo weight", "min_dist": "UMAP min_dist", "n_neighbors": "UMAP n_neighbors",
         "restart_threshold": "Dead-code threshold", "share": "Share of items held out", "simvq": "SimVQ",
         "sinkhorn": "Sinkhorn assignment", "tail": "Popularity exponent"}
"""Labels of hyper-parameters whose name alone is no term of the field."""


def fields(specs: Iterable[Spec], key: str, start: Mapping[str, Any] | None = None, *, columns: int = 2) -> Values:
    """Draw a widget per hyper-parameter and return the values, checked.

    The group "main" stands open; every other group is folded away under its own name.

    Args:
        specs: what ``params.specs(cls)`` gives.
        key: prefix of the widgets' keys; another key gives a fresh form (a new preset, another quantizer).
        start: values to start from instead of the defaults.
        columns: widgets side by side on a wide screen.
    """
    start, specs = dict(start or {}), list(specs)
    found: Values = {}
    order = list(dict.fromkeys(spec.group for spec in specs))
    ranked = sorted(specs, key=lambda spec: (spec.group != "main", order.index(spec.group)))
    for group, members in groupby(ranked, key=lambda spec: spec.group):
        place = st.container() if group == "main" else st.expander(group.replace("_", " ").capitalize())
        with place:
            found |= _grid(list(members), key, start, columns)
    return {spec.name: found[spec.name] for spec in specs}


def _grid(specs: list[Spec], key: str, start: Mapping[str, Any], columns: int) -> Values:
    found = {}
    for first in range(0, len(specs), columns):
        places = st.columns(columns, vertical_alignment="bottom")
        for place, spec in zip(places, specs[first:first + columns], strict=False):
            with place:
                found[spec.name] = field(spec, key, start.get(spec.name, spec.default))
    return found


def field(spec: Spec, key: str, value: Any) -> Any:
    """One widget for one hyper-parameter; returns its value, checked."""
    label, name = words(spec.name), f"{key}:{spec.name}"
    if spec.kind is bool:
        got: Any = st.toggle(label, bool(value), key=name, help=spec.help)
    elif spec.choices is not None:
        options = [None, *spec.choices] if spec.optional else list(spec.choices)
        got = st.selectbox(label, options, options.index(value), key=name, help=spec.help,
                           format_func=lambda choice: "none" if choice is None else str(choice))
    elif spec.listed:
        got = st.text_input(label, params.text(value), key=name, help=f"{_help(spec)} One number, or one per level with commas "
                                                                      "between them.")
    elif spec.kind in (int, float):
        got = _number(spec, label, name, value)
    else:
        got = st.text_input(label, value or "", key=name, help=spec.help) or (None if spec.optional else "")
    return params.check(spec, got)


def _number(spec: Spec, label: str, name: str, value: Any) -> int | float | None:
    kind = spec.kind
    low, high = (None if bound is None else kind(bound) for bound in (spec.low, spec.high))
    if kind is int:
        return st.number_input(label, low, high, value, key=name, help=_help(spec),
                               placeholder="none" if spec.optional else None)
    step = float_step(spec, value)
    return st.number_input(label, low, high, None if value is None else float(value), step, format="%g",
                           key=name, help=_help(spec), placeholder="none" if spec.optional else None)


def float_step(spec: Spec, value: Any) -> float:
    """What one press of plus or minus adds: a tenth of a logarithmic value, a fifth of another, or less if that is
    much of the range."""
    if spec.log or spec.high is None or spec.low is None:
        return float(f"{(abs(value) if value else 1.0) / 10:.0e}")
    return float(f"{min((abs(value) if value else 0.5) / 5, (spec.high - spec.low) / 20):.0e}")


def _help(spec: Spec) -> str:
    bounds = [f"at least {spec.low:g}" if spec.low is not None else "",
              f"at most {spec.high:g}" if spec.high is not None else ""]
    limits = ", ".join(filter(None, bounds))
    return f"{spec.help} ({limits})" if limits else spec.help


def words(name: str) -> str:
    """A hyper-parameter's name as a label: ``n_levels`` is "Levels", ``learning_rate`` "Learning rate"."""
    text = params.plain_name(name)
    return TERMS.get(name) or text[:1].upper() + text[1:]
