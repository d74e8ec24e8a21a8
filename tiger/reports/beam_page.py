"""What the Beam page shows: one record a view, made from a search, the exact search beside it, and the catalogue.

A view is asked for with a ``BeamRequest``. Each function here takes it with the searches that it needs (which pages keep
in caches) and answers with one record; drawing it needs nothing else.
"""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from tiger import models, runs
from tiger.analysis import attribution
from tiger.core.words import counted
from tiger.datasets.catalogue import Catalogue
from tiger.models.generative import GenerativeRecommender
from tiger.plots.beam import share
from tiger.reports import beam as report
from tiger.reports import beam_tree, influence, recommenders
from tiger.reports.beam import Prefix
from tiger.reports.prefixes import About
from tiger.search import beam, exact
from tiger.semantic_ids import SemanticIds

USUAL_WIDTH = 10
N_LISTED = 10  # recommendations that a table shows
N_SEARCHED = 50  # items that a list holds, so that the held-out item's rank is known further down
N_CANDIDATES = 200  # of a step that a table shows
STAR = "★ "
FATES = {"all": None, "kept": beam.KEPT, "full": beam.FULL, "outside": beam.OUTSIDE, "seen": beam.OWNED,
         "invalid": report.INVALID}
"""Candidates of a level by what became of them; None: all."""


@dataclass(frozen=True)
class SearchRequest:
    """One search.

    Args:
        items: the history, item numbers, oldest first.
        width: beams.
        temperature: of each level.
        free: any code may come, not only those of the catalogue.
        exclude_seen: items of the history are excluded.
    """

    items: tuple[int, ...]
    width: int
    temperature: tuple[float, ...]
    free: bool = False
    exclude_seen: bool = True

    def difference(self, before: "SearchRequest") -> str:
        """What changed since another search, in words."""
        said = []
        if before.width != self.width:
            said.append(f"width {before.width} → {self.width}")
        if before.temperature != self.temperature:
            said.append(f"temperature {before.temperature_text()} → {self.temperature_text()}")
        if before.free != self.free:
            said.append("free search on" if self.free else "free search off")
        if before.exclude_seen != self.exclude_seen:
            said.append("items in the history excluded" if self.exclude_seen else "items in the history allowed")
        if before.items != self.items:
            said.append(f"history of {len(before.items)} → {counted(len(self.items), 'item')}"
                        if len(before.items) != len(self.items) else "another history of the same length")
        return ", ".join(said)

    def temperature_text(self) -> str:
        """One number, or one a level."""
        return "·".join(f"{value:g}" for value in (self.temperature[:1] if len(set(self.temperature)) == 1 else self.temperature))


@dataclass(frozen=True)
class Writer:
    """A recommender that writes IDs, and the IDs that it learned."""

    run: runs.Run
    model: GenerativeRecommender
    ids: SemanticIds


@dataclass(frozen=True)
class BeamRequest:
    """One recommender, one user, one search, one level.

    Args:
        own: the user's own history, as the model reads it for the test item.
        target: the held-out item; None for users with too few items.
        before: the search to compare with, if any.
        level: the level reached, 0 to the number of levels.
    """

    writer: Writer
    cat: Catalogue
    user: int
    own: tuple[int, ...]
    target: int | None
    search: SearchRequest
    before: SearchRequest | None
    level: int

    @property
    def ids(self) -> SemanticIds:
        return self.writer.ids

    @property
    def n_levels(self) -> int:
        return len(self.ids.n_codes)

    @property
    def target_id(self) -> Prefix:
        """The held-out item's ID; empty where there is none."""
        has_one = self.target is not None and self.ids.has_id_I[self.target]
        return tuple(self.ids.ids_IM[self.target].tolist()) if has_one else ()

    @property
    def usual(self) -> SearchRequest:
        """This user's search before anything is changed."""
        return usual_search(self.writer, self.cat, self.own)

    @property
    def seen_rule(self) -> str:
        """Whether items of the history can be found, why, and what that does to the beam."""
        search = self.search
        said = recommenders.seen_summary(search.exclude_seen, search.exclude_seen != self.usual.exclude_seen)
        n_seen = int(self.ids.has_id_I[np.unique(np.array(search.items, np.int64))].sum())
        if not (search.exclude_seen and n_seen):
            return said
        return (f"{said} So that the list stays full, the beam holds {search.width} + {counted(n_seen, 'prefix', 'prefixes')} "
                "before the last level.")

    def reader(self, search: SearchRequest) -> int | None:
        """Whose history a model with user tokens reads: nobody known, once the history was changed."""
        has_users = getattr(self.writer.model, "n_user_tokens", 0) and search.items == self.own
        return self.user if has_users else None

    def title(self, item: int) -> str:
        return str(self.cat.items["title"].iloc[item]) or f"item {item}"

    def starred(self, item: int) -> str:
        """The title, with a star before the held-out item's; empty for -1."""
        return "" if item < 0 else (STAR if item == self.target else "") + self.title(item)

    def on_target(self, prefixes: Sequence[Prefix]) -> list[bool]:
        """Which prefixes lead to the held-out item."""
        return [bool(prefix) and self.target_id[:len(prefix)] == prefix for prefix in prefixes]


def held_out(cat: Catalogue, user: int) -> tuple[tuple[int, ...], int | None]:
    """What the model reads of a user for the test item, and that item (None: too few items)."""
    history = cat.history(user)
    if len(history) < 3:
        return tuple(history.tolist()), None
    return tuple(history[:-1].tolist()), int(history[-1])


def usual_search(found: Writer, cat: Catalogue, own: tuple[int, ...]) -> SearchRequest:
    """The search of a user before anything is changed; ``own``: the user's history."""
    return SearchRequest(own, min(USUAL_WIDTH, found.ids.n_ids), (1.0,) * len(found.ids.n_codes),
                         exclude_seen=found.model.excludes_seen(cat=cat))


def loaded(run: runs.Run) -> models.Recommender:
    """The run's recommender. Raises ValueError where it cannot be read."""
    try:
        return run.recommender()
    except (RuntimeError, KeyError, TypeError, SafetensorError) as error:  # weights of another shape than today's network
        raise ValueError(f"'{run.title}' was saved by another version of its model and cannot be loaded; "
                         "train it again.") from error


def writer(run: runs.Run) -> Writer:
    """The run's recommender and the IDs that it learned. Raises ValueError where it writes none or cannot be read."""
    found = loaded(run)
    if not isinstance(found, GenerativeRecommender):
        raise ValueError(f"{found.title} does not generate IDs, so it has no beam search.")
    n_codes = found.metadata_["n_codes"].tolist()
    n_levels = len(n_codes)
    with contextlib.suppress(ValueError):  # the run that made the IDs may be gone
        n_levels = min(n_levels, max(n_levels - 1, runs.find(str(run.config.ids_run)).semantic_ids().n_levels))
    return Writer(run, found, SemanticIds(found.metadata_["ids"].numpy(), n_codes, n_levels))


def check_catalogue(found: Writer, cat: Catalogue) -> Writer:
    """The writer, if it learned this catalogue. Raises ValueError otherwise."""
    if found.model.n_items != cat.n_items:
        raise ValueError(f"'{found.run.title}' was trained on {counted(found.model.n_items, 'item')}, but this dataset has "
                         f"{cat.n_items:,}; choose its dataset or train a recommender on this one.")
    return found


def changed_ids(found: Writer) -> str:
    """A sentence where the run that made the IDs has other ones by now; else empty."""
    named = str(found.run.config.ids_run or "")
    try:
        run = runs.find(named)
        same = np.array_equal(run.semantic_ids().ids_IM, found.ids.ids_IM)
    except (ValueError, OSError):
        return f"The run '{named[:60]}' that made the IDs was deleted; shown are the IDs that the recommender was trained on."
    return "" if same else (f"'{run.title}' now has other IDs than this recommender was trained on; shown are the latter. "
                            "Train a recommender on the new IDs to see them here.")


def trace(found: Writer, search: SearchRequest, reader: int | None) -> beam.Trace:
    """The beam search. Raises ValueError for an empty history, or one of which no item has an ID."""
    if not search.items:
        raise ValueError("The history is empty; add at least one item, or reset it to the user's history.")
    return found.model.beam_search(np.array(search.items), search.width, list(search.temperature), not search.free, reader,
                                   search.exclude_seen)


def best(found: Writer, search: SearchRequest, k: int, reader: int | None, known: beam.Trace | None = None) -> exact.ExactTopK:
    """The exact search's best items: k of them, or as many as there are.

    Args:
        known: a beam search of the same, which saves the exact search one of its own where it found k items.
    """
    k = min(max(k, N_LISTED), found.ids.n_ids, beam.MAX_WIDTH)
    floor = None if known is None or len(known.items) < k else float(known.items["logp"].iloc[k - 1])
    return found.model.best_items(np.array(search.items), k, list(search.temperature), reader, search.exclude_seen, floor)


@dataclass(frozen=True)
class Branch:
    """The sum behind one prefix's score: its codes, ``report.path``, and what it stands for."""

    prefix: Prefix
    path: pd.DataFrame
    words: str


@dataclass(frozen=True)
class Picture:
    """The tree after one level of the search.

    Args:
        level: from 0, where nothing is written yet.
        summary: what happened, in two sentences; what stands between ** is stressed.
        branches: what to draw, see ``beam_tree``, with words, target and exact.
        alt: the picture's takeaway; hidden: how much of the level is drawn.
    """

    level: int
    summary: str
    branches: beam_tree.Columns
    alt: str
    hidden: str

    @cached_property
    def tree(self) -> pd.DataFrame:
        """The branches as a frame."""
        return pd.DataFrame(self.branches)


@dataclass(frozen=True)
class Step:
    """One level of the search.

    Args:
        level: from 1.
        counts: candidates by fate.
        lost: the exact search's items that the whole beam lost, with titles.
        n_exact: items that the exact search found, at most as many as there are beams.
        n_expanded: prefixes that it had to look at; n_candidates: those that the beam looked at.
    """

    level: int
    counts: Mapping[str, int]
    lost: pd.DataFrame
    n_exact: int
    n_expanded: int
    n_candidates: int


def pictures(req: BeamRequest, found: beam.Trace, exact_top: exact.ExactTopK, describe: About) -> tuple[Picture, ...]:
    """The tree before the first level and after every one, whatever level was asked for; a branch has the same name in all."""
    missed = report.missed_prefixes(found, _exact_best(req, exact_top)[0], req.ids.ids_IM)
    drawn = [beam_tree.branches(found, level, [req.target_id, *some[:3]]) for level, some in enumerate(missed, 1)]
    all_of = list(dict.fromkeys(prefix for nodes in drawn for prefix in nodes))
    names = dict(zip(all_of, describe(all_of)["words"], strict=True))
    said = ("No code is generated yet: the prefix is empty, and "
            f"{'the one item is' if req.ids.n_ids == 1 else f'all {req.ids.n_ids:,} items are'} possible. **Press Forward:** the "
            "model computes a probability for every code of level 1.")
    start = beam_tree.grown(found, 0) | {"words": [""], "target": [False], "exact": [False]}
    return (Picture(0, said, start, said.replace("**", ""), ""),
            *(_picture(replace(req, level=level), found, nodes, names, some)
              for level, (nodes, some) in enumerate(zip(drawn, missed, strict=True), 1)))


def _picture(req: BeamRequest, found: beam.Trace, nodes: dict[Prefix, beam_tree.Node], names: Mapping[Prefix, str],
             missed: Sequence[Prefix]) -> Picture:
    """One level's picture; ``missed``: what an exact search would keep and the beam gave up."""
    level, counts, kept = req.level, report.counts(found, req.level), report.kept(found, req.level)
    for (prefix, node), leads in zip(nodes.items(), req.on_target(list(nodes)), strict=True):
        node |= {"words": names[prefix], "target": leads, "exact": prefix in missed}
    tree, best = beam_tree.placed(nodes), nodes[kept[0]]
    alt = (f"Beam search after level {level}: {counted(len(kept), 'prefix', 'prefixes')} kept; the most probable is "
           f"{report.text(kept[0])} ({best['words'] or 'no item'}) with probability {share(float(str(best['total_logp'])))}.")
    return Picture(level, step_summary(req, found, counts), tree, alt, beam_tree.hidden(tree, counts, level))


def _exact_best(req: BeamRequest, exact_top: exact.ExactTopK) -> tuple[np.ndarray, np.ndarray]:
    """As many of the exact search's best items as there are beams, and their log-probabilities."""
    k = min(req.search.width, len(exact_top.item_R))
    return exact_top.item_R[:k], exact_top.logp_R[:k]


def step(req: BeamRequest, found: beam.Trace, exact_top: exact.ExactTopK) -> Step:
    """The level that was reached, from 1."""
    item_R, logp_R = _exact_best(req, exact_top)
    lost = report.lost_items(found, item_R, logp_R, req.ids.ids_IM)
    lost = lost.assign(title=[req.title(item) for item in lost["item"]])
    return Step(req.level, report.counts(found, req.level), lost, len(item_R), exact_top.n_expanded,
                sum(map(len, found.levels)))


def kept_exact(req: BeamRequest, found: beam.Trace, exact_top: exact.ExactTopK) -> pd.DataFrame:
    """The prefixes of the level that an exact search would keep, ``report.exact_prefixes``."""
    return report.exact_prefixes(found, req.level, *_exact_best(req, exact_top), req.ids.ids_IM)


def branch(req: BeamRequest, found: beam.Trace, describe: About, written: str = "") -> Branch:
    """The branch to explain, "12-7"; the likeliest one where the search did not meet it."""
    prefix = chosen_branch(req, found, written)
    return Branch(prefix, report.path(found, prefix), str(describe([prefix])["words"].iloc[0]))


def chosen_branch(req: BeamRequest, found: beam.Trace, written: str) -> Prefix:
    """The prefix that is named, as far as the search met it; else the likeliest one of this level."""
    prefix = report.prefix_of(written, req.ids.n_codes)
    if prefix and len(prefix) <= req.level and report.find(found, prefix) is not None:
        return prefix
    return report.kept(found, req.level)[0]


def step_summary(req: BeamRequest, found: beam.Trace, n: Mapping[str, int]) -> str:
    """What happened at this level, in two sentences; ``n``: its candidates by fate."""
    level = req.level
    before, total = len(report.kept(found, level - 1)), sum(n.values())
    start = (f"**Level {level}:** {before:,} prefix{'es' * (before > 1)} × {counted(req.ids.n_codes[level - 1], 'code')} = "
             f"{counted(total, 'candidate')}.")
    if level > req.ids.n_levels:
        start += " This last number only separates items that share all their codes."
    if req.search.free:
        return (f"{start} Free search: the best {n[beam.KEPT] + n[report.INVALID]:,} stay; of these, prefixes that no item "
                f"has: {n[report.INVALID]:,}.")
    pruned = (f"{counted(n[beam.OUTSIDE], 'is not a prefix of any ID and is', 'are not a prefix of any ID and are')} pruned; of "
              "the others the") if n[beam.OUTSIDE] else "The"
    said = f"{start} {pruned} best {n[beam.KEPT]:,} {'stays' if n[beam.KEPT] == 1 else 'stay'}"
    said += f", {counted(n[beam.OWNED], 'leads', 'lead')} only to items already in the history" if n[beam.OWNED] else ""
    return said + (f", and {counted(n[beam.FULL], 'is', 'are')} pruned because the beam is full." if n[beam.FULL] else ".")


def candidates(req: BeamRequest, found: beam.Trace, exact_top: exact.ExactTopK, describe: About,
               fate: str | None) -> pd.DataFrame:
    """The best candidates of the level with one fate (None: any), with what they stand for.

    Returns:
        the columns of ``report.candidates`` and of ``About``, and exact: whether an exact search would keep the prefix,
        which is so where one of its best items lies below.
    """
    would = kept_exact(req, found, exact_top)
    rank = dict(zip(would["codes"], would["best_rank"], strict=True))
    frame = report.candidates(found, req.level, fate, N_CANDIDATES)
    prefixes = [tuple(map(int, prefix.split("-"))) for prefix in frame["prefix"]]
    said = [f"yes, rank {rank[prefix]}" if prefix in rank else "no" for prefix in prefixes]
    return frame.assign(**describe(prefixes), exact=said)


def all_candidates(req: BeamRequest, found: beam.Trace, describe: About) -> pd.DataFrame:
    """Every candidate of the level, for a file."""
    whole = report.candidates(found, req.level)
    prefixes = [tuple(map(int, prefix.split("-"))) for prefix in whole["prefix"]]
    has_items = whole["n_items_below"].to_numpy() > 0
    known = describe([prefix for prefix, some in zip(prefixes, has_items, strict=True) if some])
    whole.loc[has_items, ["words", "category_mix"]] = known.to_numpy()
    return whole


@dataclass(frozen=True)
class Why:
    """Which items of the history drove each code of one item's ID: ``influence.frame``, takeaway and titles."""

    item: int
    codes: Sequence[int]
    logp_M: np.ndarray
    table: pd.DataFrame
    summary: str
    findings: tuple[str, str]
    one_item: bool
    same_attention: bool


def why(req: BeamRequest, item: int) -> Why:
    """Explain one item; takes a pass of the network for every item of the history."""
    model, search, codes = req.writer.model, req.search, req.ids.ids_IM[item].tolist()
    found = attribution.influence(model, np.array(search.items), codes, list(search.temperature), req.reader(search))
    has_id_T = req.ids.has_id_I[np.array(search.items)]
    read_T = model.shorten(np.flatnonzero(has_id_T)) + 1  # positions in the history, of the items that the model reads
    table = influence.frame(found, req.cat.items["title"].astype(str).tolist(), codes, read_T)
    return Why(item, codes, found.logp_M, table, influence.words(table), influence.findings(table),
               bool(np.isnan(found.change_MT).all()), bool(np.allclose(found.attention_MT, found.attention_MT[:1])))


def explainable(req: BeamRequest, found: beam.Trace) -> dict[int, str]:
    """Items that can be explained, with their labels: the best recommendations and the held-out item."""
    options = {int(row.item): f"{row.rank}  {req.title(row.item)}" for row in found.items.head(20).itertuples()}
    if req.target is not None and req.target_id:
        options[req.target] = STAR + options.get(req.target, f"not found  {req.title(req.target)}")
    return options


@dataclass(frozen=True)
class Lists:
    """Recommendations side by side.

    Args:
        items: item numbers by recommender, best first.
        table: titles by rank, with the beam's log P.
        ranks: ``report.ranks`` of the held-out item.
        summary: where the lists have it.
        invalid: IDs of a free search that no item has, with how far each exists; n_written: all that it wrote.
    """

    items: Mapping[str, np.ndarray]
    table: pd.DataFrame
    ranks: pd.DataFrame
    summary: str
    invalid: pd.DataFrame
    n_written: int

    def long(self, req: BeamRequest) -> pd.DataFrame:
        """One row a recommendation, for a file."""
        rows = [(name, rank, item, req.title(item), item == req.target) for name, items in self.items.items()
                for rank, item in enumerate(items.tolist(), start=1)]
        return pd.DataFrame(rows, columns=["recommender", "rank", "item", "title", "held_out"])


def lists(req: BeamRequest, found: beam.Trace, exact_top: exact.ExactTopK, beside: Mapping[str, np.ndarray]) -> Lists:
    """The beam's recommendations, the exact search's, and those of other recommenders (``beside``)."""
    items = {"Beam": found.items["item"].to_numpy(np.int64), "Exact search": exact_top.item_R, **beside}
    frame = report.recommendations(items, N_LISTED)
    table = frame.assign(**{name: [req.starred(item) for item in frame[name]] for name in items})
    logp = dict(found.items[["item", "logp"]].itertuples(index=False, name=None))
    table.insert(2, "log P", [logp.get(item) for item in frame["Beam"]])
    ranks = report.ranks(items, req.target)
    wrong = pd.DataFrame({"id": [report.text(codes) for codes in found.invalid["id"]], "logp": found.invalid["logp"],
                          "exists": [_exists(req.ids, codes) for codes in found.invalid["id"]]})
    return Lists(items, table, ranks, rank_summary(req, found, ranks), wrong, len(found.invalid) + len(found.items))


def _exists(ids: SemanticIds, codes: Prefix) -> str:
    """The longest prefix of an invalid ID that some item has."""
    depth = next(depth for depth in range(len(codes) - 1, -1, -1) if depth == 0 or len(ids.prefix_items(codes[:depth])))
    return report.text(codes[:depth]) or "nothing"


def rank_summary(req: BeamRequest, found: beam.Trace, ranks: pd.DataFrame) -> str:
    """Where the lists have the held-out item, in a sentence or two; titles are plain text."""
    if req.target is None:
        return "This user's history is too short to hold an item out."
    said = [f"{row.recommender}: rank {row.rank}" for row in ranks.itertuples() if not pd.isna(row.rank)]
    start = f"★ The held-out item is “{req.title(req.target)}”. "
    return start + (", ".join(said) + "." if said else "None of these lists has it.") + _why_missed(req, found)


def _why_missed(req: BeamRequest, found: beam.Trace) -> str:
    """At which level the beam gave the held-out item up."""
    if not req.target_id:
        return " It has no ID, so this recommender can never recommend it."
    level = report.lost_at(found, req.target_id)
    if level is None:
        return ""
    row = report.path(found, req.target_id).iloc[level - 1]
    if row["fate"] == beam.OWNED:
        return " It is already in the history, and such items are excluded."
    return (f" Beam search pruned it at level {level}: its prefix {row['prefix']} had rank {row['rank']:,.0f} among the "
            f"candidates, and {counted(len(report.kept(found, level)), 'was', 'were')} kept.")


@dataclass(frozen=True)
class Change:
    """What was changed between two searches, and per level how many beams both have, ``report.agreement``."""

    difference: str
    shared: pd.DataFrame


def change(req: BeamRequest, before: beam.Trace, now: beam.Trace) -> Change:
    """The search before a change and the one after it, in numbers."""
    assert req.before is not None
    return Change(req.search.difference(req.before), report.agreement(before, now))


@dataclass(frozen=True)
class Comparison:
    """Two searches together.

    Args:
        tree: both as one tree at a level, with words and target; alt: its takeaway.
        changes: the recommendations before and now, with titles.
    """

    change: Change
    level: int
    tree: pd.DataFrame
    alt: str
    changes: pd.DataFrame


def comparison(req: BeamRequest, before: beam.Trace, now: beam.Trace, changed: Change, describe: About) -> Comparison:
    """The search before a change and the one after it, as pictures; ``changed`` are its numbers."""
    level = max(req.level, 1)
    row = changed.shared.iloc[level - 1]
    frame = beam_tree.together(before, now, level)
    frame = frame.assign(words=describe(frame["prefix"].tolist())["words"].tolist(), target=req.on_target(frame["prefix"]))
    alt = (f"Two beam searches in one tree after level {level}: {row['both']} of this search's {counted(row['now'], 'beam')} "
           f"{'is' if row['both'] == 1 else 'are'} also in the previous one.")
    table = report.changes(before, now)
    return Comparison(changed, level, frame, alt, table.assign(title=[req.starred(item) for item in table["item"]]))
