"""One search as a scene for people who have never heard of a codebook: who, how the choice narrows down, what is suggested.

A scene is a frozen record that becomes JSON as it stands; the browser steps through it without asking again. It is made from a
``BeamRequest`` whose ``before``, if any, is the same search with the history as it was.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tiger.analysis import attribution
from tiger.core.words import counted, cut, there
from tiger.reports import beam as report
from tiger.reports.beam import Prefix
from tiger.reports.beam_page import BeamRequest
from tiger.reports.stage.pictures import Look
from tiger.search import beam

N_SUGGESTED = 5
N_ENDING = (2, 1, 1)  # prefixes to draw at each level that were kept and lead to no suggestion
N_PRUNED = (1, 1)  # and that were pruned; the likeliest of each, and none further down, where a line is a line less for others
SHORT = 38  # characters of a title inside a sentence
LEADS, ENDS, PRUNED, OWNED = "leads", "ends", "pruned", "owned"
LONG = 110  # characters of a change's effect; beyond, numbers stand for names, so that a sentence has two lines
Names = Callable[[Sequence[Prefix]], Sequence[str]]
"""What groups of items are called, ``beam_page.group_names``."""
Looks = Callable[[Iterable[int]], Mapping[int, Look]]
"""What items look like, ``pictures.looks``."""


@dataclass(frozen=True)
class Thing:
    """An item: its title, the group that it belongs to, and what it looks like."""

    title: str
    group: str
    look: Look


@dataclass(frozen=True)
class Node:
    """A group of items in the tree.

    Args:
        key: its codes, "152-6"; parent: those of the group that it is part of, "" for the person.
        level: from 1.
        name: of the group.
        part: probability that the next item is one of the group.
        n_items: in the group.
        fate: "leads" to a suggestion, "ends" (kept, but leads to none), "pruned", "owned" (only things that the person has).
        until: the last level after which the group is still in the running; ``level - 1`` where it never is.
        target: whether the held-out item is in it.
    """

    key: str
    parent: str
    level: int
    name: str
    part: float
    n_items: int
    fate: str
    until: int
    target: bool


@dataclass(frozen=True)
class Suggestion:
    """A suggested item, with its probability relative to the first one and the last drawn group that leads to it."""

    item: int
    part: float
    node: str
    target: bool


@dataclass(frozen=True)
class Move:
    """An item's rank among the suggestions before and after a change, from 1; None: not among them."""

    item: int
    before: int | None
    now: int | None


@dataclass(frozen=True)
class Change:
    """What a change of the history did to the suggestions."""

    said: str
    moves: tuple[Move, ...]


@dataclass(frozen=True)
class Cause:
    """Which item of the history carries a suggestion.

    Args:
        item: the suggestion.
        at: the place in the history that carries it; None where no single item does.
        said: the same in words.
    """

    item: int
    at: int | None
    said: str


@dataclass(frozen=True)
class Column:
    """Another recommender's suggestions.

    Args:
        name: of the recommender.
        items: best first.
        said: where it has the held-out item; cost: what a thousand requests take.
    """

    name: str
    items: tuple[int, ...]
    said: str
    cost: str


@dataclass(frozen=True)
class Beside:
    """What stands beside the suggestions: other recommenders' lists, the cost of this one, and made-up numbers."""

    columns: tuple[Column, ...]
    own: Column
    invalid: str


@dataclass(frozen=True)
class Scene:
    """Everything that the stage draws of one search.

    Args:
        key: tells scenes apart.
        person: who it is; likes: their tastes.
        things: every item that is drawn, by its number.
        history: item numbers, oldest first; own: the person's own history.
        unread: how many of the oldest items the recommender does not read.
        n_levels: columns of the tree.
        nodes: groups in the order in which a walk meets them.
        suggestions: best first; target: the held-out item.
        said: a sentence for each step; steps: what each is called.
        rule: whether things are suggested that the person has.
    """

    key: str
    person: str
    likes: str
    things: Mapping[int, Thing]
    history: tuple[int, ...]
    own: tuple[int, ...]
    unread: int
    n_levels: int
    nodes: tuple[Node, ...]
    suggestions: tuple[Suggestion, ...]
    target: int | None
    said: tuple[str, ...]
    steps: tuple[str, ...]
    rule: str
    change: Change | None = None
    beside: Beside | None = None
    causes: tuple[Cause, ...] = field(default=())


def drawn(found: beam.Trace, n_levels: int, ids: Sequence[Prefix], target: Prefix = ()) -> list[Node]:
    """The groups worth drawing, without names: those that lead to suggestions, and the likeliest of those that do not.

    Below a group of one item nothing is drawn.

    Args:
        n_levels: columns.
        ids: the suggestions' IDs, best first.
        target: the held-out item's ID; drawn as far as the search met it.
    """
    rank = {codes[:depth]: place for place, codes in reversed(list(enumerate(ids))) for depth in range(1, n_levels + 1)}
    alive = [set(report.kept(found, level)) for level in range(1, n_levels + 1)]
    chosen: set[Prefix] = set(rank)
    for level in range(1, n_levels + 1):
        here = found.levels[level - 1]
        ending = [prefix for prefix in here.prefixes(report.rows_of(found, level, beam.KEPT)) if prefix not in rank]
        chosen.update(ending[:_of_level(N_ENDING, level)])
        pruned = report.rows_of(found, level, beam.FULL, beam.OWNED)[:_of_level(N_PRUNED, level)]
        chosen.update(here.prefixes(pruned))
    for depth in range(1, min(n_levels, len(target)) + 1):
        if report.find(found, target[:depth]) is None:
            break
        chosen.add(target[:depth])
    chosen |= {prefix[:depth] for prefix in chosen for depth in range(1, len(prefix))}
    nodes: dict[Prefix, Node] = {}
    for prefix in sorted(chosen, key=len):
        above = nodes.get(prefix[:-1])
        if len(prefix) > 1 and (above is None or above.n_items == 1):
            continue
        nodes[prefix] = _node(found, prefix, rank, alive, target)
    return [nodes[prefix] for prefix in _walk(nodes, rank)]


def _of_level(numbers: tuple[int, ...], level: int) -> int:
    return numbers[level - 1] if level <= len(numbers) else 0


def _node(found: beam.Trace, prefix: Prefix, rank: Mapping[Prefix, int], alive: Sequence[set[Prefix]], target: Prefix) -> Node:
    level, row = len(prefix), report.find(found, prefix)
    assert row is not None
    step, became = found.levels[level - 1], report.fate_of(found, level, row)
    until = level - 1
    if step.kept_N[row]:
        until = max(depth for depth in range(level, len(alive) + 1) if any(one[:level] == prefix for one in alive[depth - 1]))
    fate = LEADS if prefix in rank else ENDS if step.kept_N[row] else OWNED if became == beam.OWNED else PRUNED
    return Node(report.text(prefix), report.text(prefix[:-1]), level, "", float(np.exp(step.total_logp_N[row])),
                int(step.n_items_below_N[row]), fate, until, bool(target) and target[:level] == prefix)


def _walk(nodes: Mapping[Prefix, Node], rank: Mapping[Prefix, int]) -> list[Prefix]:
    """Every group before its parts; what leads to the best suggestion first, then what is likeliest."""
    below: dict[Prefix, list[Prefix]] = {}
    for prefix in nodes:
        below.setdefault(prefix[:-1], []).append(prefix)
    order: list[Prefix] = []
    waiting: list[Prefix] = [()]
    while waiting:
        prefix = waiting.pop()
        order += [prefix] if prefix else []
        waiting += sorted(below.get(prefix, []), key=lambda one: (rank.get(one, len(rank)), -nodes[one].part), reverse=True)
    return order


def items_left(req: BeamRequest, found: beam.Trace, level: int) -> int:
    """How many items are still possible after a level."""
    if level == 0:
        return req.ids.n_ids
    here = found.levels[level - 1]
    return int(here.n_items_below_N[here.kept_N].sum())


def sentences(req: BeamRequest, found: beam.Trace, n_levels: int, n_suggested: int) -> tuple[list[str], list[str]]:
    """What each step says, and what it is called."""
    left = [items_left(req, found, level) for level in range(n_levels + 1)]
    said, steps = [f"What comes next? {there(left[0], 'thing').capitalize()} to choose from."], ["Start"]
    for level in range(1, n_levels + 1):
        steps.append(f"Step {level}")
        said.append(f"A closer look at the same {counted(left[level], 'thing')}." if left[level] == left[level - 1] else
                    f"From {counted(left[level - 1], 'thing')} down to {left[level]:,}. Thick lines are likely groups.")
    steps.append("Suggestions")
    said.append(f"The {n_suggested} most likely of {counted(left[-1], 'thing')} are suggested." if n_suggested > 1 else
                "One thing is suggested.")
    if req.target is not None:
        steps.append("What came next")
        said.append(outcome(req, found))
    return said, steps


def outcome(req: BeamRequest, found: beam.Trace) -> str:
    """What became of the item that the person really chose next."""
    assert req.target is not None
    name = plain_name(req, req.target)
    rank = found.items.loc[found.items["item"] == req.target, "rank"]
    if len(rank):
        place = int(rank.iloc[0])
        return f"Right: what really came next, {name}, is suggestion {place}." if place <= N_SUGGESTED else (
            f"Close: what really came next, {name}, is in place {place}.")
    lost = report.lost_at(found, req.target_id) if req.target_id else None
    return f"Missed: what really came next was {name}" + (f", set aside at step {lost}." if lost else ".")


def plain_name(req: BeamRequest, item: int) -> str:
    """An item inside a sentence: "the HDMI cable" where its title says what its category is, else the title in quotes."""
    title, group = req.title(item), group_of(req, item)
    for one in _singular(group):
        at = title.casefold().find(one.casefold())
        if at >= 0:
            words = title[at:at + len(one)].split()
            return "the " + " ".join(word if word[1:] != word[1:].lower() else word.lower() for word in words)
    return f"“{cut(title, SHORT)}”"


def _singular(group: str) -> list[str]:
    """What one thing of a group may be called: HDMI Cables -> HDMI Cable."""
    if not group:
        return []
    ends = [("ies", "y"), ("s", ""), ("es", "")]  # in this order: kettles lose one letter, glasses two, and no title has "glasse"
    return [group.removesuffix(end) + new for end, new in ends if group.endswith(end)] + [group]


def group_of(req: BeamRequest, item: int) -> str:
    """The last part of an item's category path; "" without one."""
    return re.split(r"\s*>\s*", str(req.cat.items["category"].iloc[item]))[-1].strip()


def scene(req: BeamRequest, found: beam.Trace | None, before: beam.Trace | None, names: Names, looks: Looks, *,
          person: str, likes: str = "", beside: Beside | None = None, causes: Sequence[Cause] = ()) -> Scene:
    """Compose the scene.

    Args:
        found: the search; None for an empty history, of which only the start is shown.
        before: the search with the history as it was, where ``req.before`` names one.
        names: of groups.
        looks: of items.
        person: who it is; likes: what they like.
        beside: other recommenders' lists, where they are wanted.
        causes: what carries each suggestion, as far as that is known.
    """
    history, n_levels = req.search.items, req.ids.n_levels
    nodes, suggestions, change = [], [], None
    said, steps = ["Nobody is here yet. Choose a person, or add the first thing."], ["Start"]
    if found is not None:
        top = found.items.head(N_SUGGESTED)
        ids = [tuple(codes) for codes in top["id"]]
        nodes = drawn(found, n_levels, ids, req.target_id)
        called = names([tuple(map(int, node.key.split("-"))) for node in nodes])
        nodes = [Node(**(vars(node) | {"name": name.rstrip(",")})) for node, name in zip(nodes, called, strict=True)]
        keys, best = {node.key for node in nodes}, float(top["logp"].max()) if len(top) else 0.0
        for item, logp, codes in zip(top["item"], top["logp"], ids, strict=True):
            node = next(key for depth in range(n_levels, 0, -1) if (key := report.text(codes[:depth])) in keys)
            suggestions.append(Suggestion(int(item), float(np.exp(logp - best)), node, int(item) == req.target))
        said, steps = sentences(req, found, n_levels, len(suggestions))
        if before is not None and req.before is not None:
            change = changed(req, before, found)
    reads = req.writer.model.max_items or len(history)
    rule = "Things that this person already has are " + ("not suggested." if req.search.exclude_seen else "suggested, too.")
    wanted = {*history, *req.own, *(one.item for one in suggestions)}
    if change is not None:
        wanted |= {move.item for move in change.moves}
    if req.target is not None:
        wanted.add(req.target)
    if beside is not None:
        wanted |= {item for column in beside.columns for item in column.items}
    return Scene(_key(req), person, likes, things(req, sorted(wanted), looks), history, req.own, max(0, len(history) - reads),
                 n_levels, tuple(nodes), tuple(suggestions), req.target, tuple(said), tuple(steps), rule, change, beside,
                 tuple(causes))


def _key(req: BeamRequest) -> str:
    search = req.search
    was = "" if req.before is None else "-".join(map(str, req.before.items))
    return "|".join([req.writer.run.id, str(req.user), "-".join(map(str, search.items)), was, str(search.width),
                     search.temperature_text(), str(search.exclude_seen)])


def things(req: BeamRequest, items: Sequence[int], looks: Looks) -> dict[int, Thing]:
    """Items as the stage draws them."""
    look = looks(items)
    return {item: Thing(req.title(item), group_of(req, item), look[item]) for item in items}


def changed(req: BeamRequest, before: beam.Trace, now: beam.Trace) -> Change:
    """Which suggestions a change of the history moved, brought and took away, with a sentence."""
    assert req.before is not None
    one, two = (trace.items["item"].head(N_SUGGESTED).astype(int).tolist() for trace in (before, now))
    place = {item: rank for rank, item in enumerate(one, start=1)}
    moves = [Move(item, place.get(item), rank) for rank, item in enumerate(two, start=1)]
    gone = [Move(item, rank, None) for item, rank in place.items() if item not in two]
    entered = [move.item for move in moves if move.before is None]
    return Change(f"{_difference(req)} {_effect(req, entered, [move.item for move in gone], one != two)}", (*moves, *gone))


def _difference(req: BeamRequest) -> str:
    assert req.before is not None
    old, new = list(req.before.items), list(req.search.items)
    rest = list(new)
    dropped = [item for item in old if item not in rest or rest.remove(item)]  # type: ignore[func-returns-value]
    if len(dropped) == 1 and not rest:
        return f"Without {plain_name(req, dropped[0])}:"
    if len(rest) == 1 and not dropped:
        return f"With {plain_name(req, rest[0])}:"
    return "In another order:" if not rest and not dropped else f"{counted(len(dropped), 'thing')} fewer, {len(rest)} more:"


def _effect(req: BeamRequest, entered: Sequence[int], gone: Sequence[int], moved: bool) -> str:
    if not entered and not gone:
        return "the same suggestions in another order." if moved else "the suggestions stay as they are."

    said = []
    for items, verb in ((gone, "leave"), (entered, "enter")):
        if items:
            names = list(dict.fromkeys(plain_name(req, item) for item in items))
            some = f"{', '.join(names[:-1])} and {names[-1]}" if 1 < len(names) < 4 else ", ".join(names[:2])
            some += f" and {counted(len(names) - 2, 'other')}" if len(names) > 3 else ""
            said.append(f"{some} {verb}{'s' if len(names) == 1 else ''}")
    text = f"{', '.join(said)}."
    return text if len(text) <= LONG else f"{len(gone)} of {N_SUGGESTED} suggestions leave, {len(entered)} enter."


def cause(req: BeamRequest, item: int) -> Cause:
    """Which item of the history a suggestion hangs on: leaving it out makes the suggestion least likely.

    Raises:
        ValueError: the item has no ID, or the history cannot be read.
    """
    model, search = req.writer.model, req.search
    if not req.ids.has_id_I[item]:
        raise ValueError(f"“{req.title(item)}” has no ID, so nothing can be said about it.")
    row_T = model.check_history(np.array(search.items, np.int64))
    _, change_MT = attribution.leave_one_out(model, row_T, req.ids.ids_IM[item].astype(np.int64), list(search.temperature),
                                             req.reader(search))
    place_T = model.shorten(np.flatnonzero(req.ids.has_id_I[np.array(search.items)]))
    name = plain_name(req, item)
    if len(row_T) == 1:
        at = int(place_T[0])
        return Cause(item, at, f"Because of {plain_name(req, search.items[at])}: it is all that the person has.")
    fall_T = change_MT.sum(0)
    best = int(fall_T.argmax())
    times = float(np.exp(min(fall_T[best], 20.0)))
    if times < 1.1:
        return Cause(item, None, f"No single thing carries {name}: without any one of them it is as likely.")
    at = int(place_T[best])
    return Cause(item, at, f"Because of {plain_name(req, search.items[at])}: without it, {name} is {_times(times)} less likely.")


def _times(times: float) -> str:
    return f"{times:,.0f} times" if times >= 10 else f"{times:.1f} times"
