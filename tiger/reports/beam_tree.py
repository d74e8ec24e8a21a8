"""A beam search as a tree to draw: which branches are worth drawing, and where each lies.

One row a branch: prefix (tuple), parent (tuple; None for the root), level, code, step_logp, total_logp,
n_items_below, fate, x (its level), y (its line, from 0 at the top), drawn_last (nothing is drawn below it).
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tiger.plots.beam import DROPPED
from tiger.reports.beam import INVALID, Prefix, fate_of, find, kept, rows_of
from tiger.search.beam import FULL, KEPT, OUTSIDE, OWNED, Trace

BOTH, BEFORE, NOW = "in both", "only before", "only now"
Node = dict[str, object]
Columns = dict[str, list[Any]]
"""A tree as lists, one a column: a search draws several trees at once, and a frame of each takes longer than the tree."""


def grown(found: Trace, level: int, always: Iterable[Prefix] = ()) -> Columns:
    """The tree after a level; see ``branches``."""
    return placed(branches(found, level, always))


def branches(found: Trace, level: int, always: Iterable[Prefix] = (), n_kept: int = 12, n_full: int = 4,
             n_outside: int = 3, n_dropped: int = 2, n_owned: int = 3) -> dict[Prefix, Node]:
    """What is drawn after a level: the best beams, the best of those that were pruned, and where all come from.

    Args:
        level: from 0 (only the root).
        always: prefixes to draw in any case, as far as the search met them (the held-out item's ID ..).
        n_kept, n_full, n_outside, n_owned: candidates of this level to draw, by fate.
        n_dropped: at each earlier level, beams of which no continuation stayed.
    """
    nodes: dict[Prefix, Node] = {(): _root()}
    if level:
        for fate, at_most in ((KEPT, n_kept), (INVALID, n_kept), (FULL, n_full), (OWNED, n_owned), (OUTSIDE, n_outside)):
            for row in rows_of(found, level, fate)[:at_most]:
                _add(nodes, found, level, int(row))
    for early in range(1, level):
        parents = {prefix[:-1] for prefix in kept(found, early + 1)}
        step = found.levels[early - 1]
        rows = np.flatnonzero(step.kept_N)
        dead = [row for row, prefix in zip(rows, step.prefixes(rows), strict=True) if prefix not in parents]
        for row in dead[:n_dropped]:
            _add(nodes, found, early, int(row))
    for prefix in always:
        for depth in range(1, min(level, len(prefix)) + 1):
            at = find(found, prefix[:depth])
            if at is None:
                break
            _add(nodes, found, depth, at)
    for depth in range(1, level):
        parents = {prefix[:-1] for prefix in kept(found, depth + 1)}
        for prefix, node in nodes.items():
            if len(prefix) == depth and node["fate"] in (KEPT, INVALID) and prefix not in parents:
                node["fate"] = DROPPED
    return nodes


def together(before: Trace, now: Trace, level: int, n_kept: int = 12) -> pd.DataFrame:
    """Two searches of the same model as one tree: its fates are ``BOTH``, ``BEFORE`` and ``NOW``."""
    nodes: dict[Prefix, Node] = {(): _root()}
    for found in (before, now):
        if level:
            for row in np.flatnonzero(found.levels[level - 1].kept_N)[:n_kept]:
                _add(nodes, found, level, int(row))
    for depth in range(1, level + 1):
        one, two = set(kept(before, depth)), set(kept(now, depth))
        for prefix in [prefix for prefix in nodes if len(prefix) == depth]:
            nodes[prefix]["fate"] = BOTH if prefix in one and prefix in two else NOW if prefix in two else BEFORE
    nodes[()]["fate"] = BOTH
    return pd.DataFrame(placed(nodes))


def hidden(tree: Columns, counts: dict[str, int], level: int) -> str:
    """How much of a level is drawn: "12 of 20 kept, 4 of 3,120 beam full"."""
    here = [fate for fate, depth in zip(tree["fate"], tree["level"], strict=True) if depth == level]
    said = [f"{here.count(fate):,} of {n:,} {fate}" for fate, n in counts.items() if n]
    return ", ".join(said)


def _root() -> Node:
    return {"code": -1, "step_logp": 0.0, "total_logp": 0.0, "n_items_below": 0, "fate": KEPT}


def _add(nodes: dict[Prefix, Node], found: Trace, level: int, row: int) -> None:
    """Put a candidate into the tree, and the beams that it grew from."""
    while True:
        step = found.levels[level - 1]
        prefix: Prefix = tuple(step.codes_NL[row].tolist())
        if prefix in nodes:
            return
        nodes[prefix] = {"code": prefix[-1], "step_logp": float(step.step_logp_N[row]),
                         "total_logp": float(step.total_logp_N[row]), "n_items_below": int(step.n_items_below_N[row]),
                         "fate": fate_of(found, level, row)}
        level -= 1
        above = find(found, prefix[:-1]) if prefix[:-1] not in nodes else None  # the root always is
        if above is None:
            return
        row = above


def placed(nodes: dict[Prefix, Node]) -> Columns:
    """Branches as rows, all that is known of them as columns. Lines from the top: the best first, a parent in the middle of its
    children."""
    children: dict[Prefix, list[Prefix]] = {prefix: [] for prefix in nodes}
    for prefix in nodes:
        if prefix:
            children[prefix[:-1]].append(prefix)
    y: dict[Prefix, float] = {}
    for prefix in _leaves(children, nodes):
        y[prefix] = float(len(y))
    for prefix in sorted(nodes, key=len, reverse=True):
        below = [y[child] for child in children[prefix]]
        if below:
            y[prefix] = (min(below) + max(below)) / 2
    order = sorted(nodes, key=lambda prefix: (len(prefix), y[prefix]))
    about = {name: [nodes[prefix][name] for prefix in order] for name in nodes[()]}
    level = [len(prefix) for prefix in order]
    return {"prefix": order, "parent": [prefix[:-1] if prefix else None for prefix in order], "level": level, **about, "x": level,
            "y": [y[prefix] for prefix in order], "drawn_last": [not children[prefix] for prefix in order]}


def _leaves(children: dict[Prefix, list[Prefix]], nodes: dict[Prefix, Node]) -> list[Prefix]:
    """Branches without drawn children in the order of a walk: first what leads furthest, then what is likeliest."""
    reach: dict[Prefix, tuple[float, float]] = {}
    for prefix in sorted(nodes, key=len, reverse=True):
        stays = nodes[prefix]["fate"] not in (FULL, OUTSIDE, OWNED)
        own = (len(prefix) - (0.0 if stays else 0.5), float(str(nodes[prefix]["total_logp"])))
        reach[prefix] = max((reach[child] for child in children[prefix]), default=own)
    found: list[Prefix] = []
    stack: list[Prefix] = [()]
    while stack:
        prefix = stack.pop()
        below = sorted(children[prefix], key=reach.__getitem__)
        if below:
            stack.extend(below)  # the last, and best, is next
        else:
            found.append(prefix)
    return found
